"""What the comments of proto/zmey/v1 promise, read from the files themselves.

Tests compare the server with these promises, so that a documented code or limit without a test
fails.
"""

import re
from pathlib import Path

import grpc

__all__ = ["PROTO_DIRECTORY", "REASON_CODES", "comment_blocks", "documented_limits"]

PROTO_DIRECTORY = Path(__file__).resolve().parents[2] / "proto" / "zmey" / "v1"
LIMIT = re.compile(
    r"(?:\b(?:at most|up to|over|1 to|locators and)|(?<=MiB and)) ([\d,]*\d)( MiB)?",
    re.IGNORECASE,
)
ELEMENT = re.compile(
    r"(?:message|enum|service|oneof|rpc) (\w+)|(?:(?:repeated |optional )?[\w.<>, ]+ )?(\w+) = \d+;"
)
CODE_NUMBERS = {code.name: int(code.value[0]) for code in grpc.StatusCode}


def comment_blocks(file: Path) -> list[tuple[str, str]]:
    """Returns (comment as one line, the first line of what it describes) for each comment."""
    blocks: list[tuple[str, str]] = []
    comment: list[str] = []
    for line in file.read_text().splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text.removeprefix("//").strip())
        elif comment:
            blocks.append((" ".join(comment), text))
            comment = []
    return blocks


def documented_limits() -> dict[tuple[str, int], str]:
    """Returns {(element, bound): comment} of every bound that a comment of the contract names."""
    found: dict[tuple[str, int], str] = {}
    for file in sorted(PROTO_DIRECTORY.glob("*.proto")):
        for element, comment in _commented_elements(file):
            for number, mebi in LIMIT.findall(comment):
                bound = int(number.replace(",", "")) * (1024 * 1024 if mebi else 1)
                found[element, bound] = comment
    return found


def _commented_elements(file: Path) -> list[tuple[str, str]]:
    """Returns (name with the names of what encloses it, comment) for each comment of a file."""
    elements: list[tuple[str, str]] = []
    enclosing: list[str] = []
    comment: list[str] = []
    for line in file.read_text().splitlines():
        text = line.strip()
        if text.startswith("//"):
            comment.append(text.removeprefix("//").strip())
            continue
        named = ELEMENT.match(text)
        if named is not None:
            name = next(group for group in named.groups() if group)
            elements.append((".".join([*enclosing, name]), " ".join(comment)))
            if text.endswith("{"):
                enclosing.append(name)
        elif text == "}":
            enclosing.pop()
        comment = []
    return elements


def _reason_codes() -> dict[str, int]:
    """Reads the code of each reason; a reason that names none has that of the one before it."""
    codes: dict[str, int] = {}
    names = "|".join(CODE_NUMBERS)
    code = CODE_NUMBERS["INTERNAL"]
    for comment, described in comment_blocks(PROTO_DIRECTORY / "error_reason.proto"):
        value = re.match(r"ERROR_REASON_(\w+) = \d+;", described)
        if value is None:
            continue
        named = re.search(rf"(?<![\w])({names})(?![\w])", comment.replace(value[0], ""))
        code = CODE_NUMBERS[named[1]] if named else code
        codes[value[1]] = code
    return codes


REASON_CODES = _reason_codes()
