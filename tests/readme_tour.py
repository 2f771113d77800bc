"""The five-minute tour of the README as a list of things to do, read from its fenced blocks.

A `csv` block is saved under the name that the line above it has in backticks. A `console` block
has commands after `$ `, which may go on in further lines, and what they print. A `python` block is
a program, and a `text` block right after it is what it prints. The comment `<!-- stop -->` stands
where the reader stops the server.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).resolve().parents[1] / "README.md"
TOUR = re.compile(r"^## Five minutes with zmey\n(.*?)^## ", re.MULTILINE | re.DOTALL)
FENCE = "```"
PROMPT = "$ "
STOP = "<!-- stop -->"
NAME = re.compile(r"`([\w.-]+)`")


@dataclass(frozen=True)
class Step:
    """One thing to do.

    Attributes:
        kind: "file", "command", "python" or "stop".
        text: the content, the command line or the program.
        shown: what the README shows as its output, or None.
        name: of the file to save.
    """

    kind: str
    text: str
    shown: str | None = None
    name: str = ""


def tour_steps() -> list[Step]:
    """Reads the tour."""
    found = TOUR.search(README.read_text(encoding="utf-8"))
    assert found is not None, "the README has no tour"
    return list(_steps(found[1].splitlines()))


def _steps(lines: list[str]) -> Iterator[Step]:
    position, above = 0, ""
    while position < len(lines):
        line = lines[position]
        if line == STOP:
            yield Step("stop", "")
        elif line.startswith(FENCE):
            end = lines.index(FENCE, position + 1)
            body = lines[position + 1 : end]
            yield from _block(line.removeprefix(FENCE), body, above, lines[end + 1 :])
            position = end
        if line.strip():
            above = line
        position += 1


def _block(language: str, body: list[str], above: str, after: list[str]) -> Iterator[Step]:
    if language == "csv":
        name = NAME.search(above)
        assert name is not None, f"no file name above a csv block: {above}"
        yield Step("file", "\n".join(body) + "\n", name=name[1])
    elif language == "console":
        yield from _commands(body)
    elif language == "python":
        yield Step("python", "\n".join(body) + "\n", _output_after(after))
    else:
        assert language == "text", f"the tour has a block of {language!r} that nobody runs"


def _commands(body: list[str]) -> Iterator[Step]:
    """Splits a console block; a command goes on while a quote is open or after a backslash."""
    position = 0
    while position < len(body):
        assert body[position].startswith(PROMPT), body[position]
        command = [body[position].removeprefix(PROMPT)]
        while command[-1].endswith("\\") or "\n".join(command).count("'") % 2:
            position += 1
            command.append(body[position])
        position += 1
        shown = []
        while position < len(body) and not body[position].startswith(PROMPT):
            shown.append(body[position])
            position += 1
        yield Step("command", "\n".join(command), "\n".join(shown) if shown else None)


def _output_after(after: list[str]) -> str | None:
    """Returns the text block that follows right after a program."""
    rest = [*after]
    while rest and not rest[0].strip():
        rest.pop(0)
    if not rest or rest[0] != FENCE + "text":
        return None
    return "\n".join(rest[1 : rest.index(FENCE, 1)])
