"""What the comments of proto/zmey/v1 promise, read from the files themselves.

Tests compare the server with these promises, so that a documented code or limit without a test
fails.
"""

import re
from pathlib import Path

import grpc

__all__ = ["PROTO_DIRECTORY", "REASON_CODES", "WARNING_REASONS", "documented_limits"]

PROTO_DIRECTORY = Path(__file__).resolve().parents[2] / "proto" / "zmey" / "v1"
LIMIT = re.compile(
    r"(?:\b(?:at most|up to|over|1 to|locators and)|(?<=MiB and)) ([\d,]*\d)( MiB)?",
    re.IGNORECASE,
)
ELEMENT = re.compile(
    r"(?:message|enum|service|oneof|rpc) (\w+)|(?:(?:repeated |optional )?[\w.<>, ]+ )?(\w+) = \d+;"
)
CODE_NUMBERS = {code.name: int(code.value[0]) for code in grpc.StatusCode}


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


def _reason_comments() -> dict[str, str]:
    """Returns what the contract says of each reason."""
    elements = _commented_elements(PROTO_DIRECTORY / "error_reason.proto")
    prefix = "ErrorReason.ERROR_REASON_"
    return {
        element.removeprefix(prefix): comment
        for element, comment in elements
        if element.startswith(prefix)
    }


def _reason_codes() -> dict[str, int]:
    """Reads the code of each reason; a reason that names none has that of the one before it."""
    codes: dict[str, int] = {}
    names = "|".join(CODE_NUMBERS)
    code = CODE_NUMBERS["INTERNAL"]
    for reason, comment in _reason_comments().items():
        named = re.search(rf"\b({names})\b", comment)
        code = CODE_NUMBERS[named[1]] if named else code
        codes[reason] = code
    return codes


REASON_CODES = _reason_codes()
# Those for which no call fails, so that they have no code.
WARNING_REASONS = {
    reason for reason, comment in _reason_comments().items() if "Only in warnings" in comment
}
