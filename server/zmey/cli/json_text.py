"""JSON for people and programs without touching what the server sent.

Documents of members keep their order and numbers exactly as they were written, so they are never
parsed here: they are put in as they are, and indenting only moves white space.
"""

import orjson
from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from rich.console import Console
from rich.highlighter import JSONHighlighter
from rich.text import Text

INDENT = "  "


def message_json(message: Message) -> bytes:
    """Returns a message in the JSON mapping of protobuf, with the names of the contract."""
    return orjson.dumps(MessageToDict(message, preserving_proto_field_name=True))


def document(value: bytes) -> orjson.Fragment | None:
    """Makes a document part of a larger one, to the byte; an absent one is null."""
    return orjson.Fragment(value) if value else None


def print_json(console: Console, text: bytes) -> None:
    """Prints a document indented and, on a terminal, in colours."""
    shown = indent(text.decode("utf-8"))
    console.print(JSONHighlighter()(Text(shown)), soft_wrap=True)


def indent(text: str) -> str:
    """Indents compact JSON; every character of values stays as it is."""
    parts: list[str] = []
    depth, in_string, escaped, previous = 0, False, False, ""
    for character in text:
        if in_string:
            parts.append(character)
            in_string = escaped or character != '"'
            escaped = character == "\\" and not escaped
            continue
        if character.isspace():
            continue
        if character in "}]":
            depth -= 1
            parts.append(character if previous in "{[" else _line(depth) + character)
        else:
            if previous and previous in "{[":
                parts.append(_line(depth))
            parts.append(_spaced(character, depth))
        depth += character in "{["
        in_string = character == '"'
        previous = character
    return "".join(parts)


def _spaced(character: str, depth: int) -> str:
    if character == ",":
        return "," + _line(depth)
    return ": " if character == ":" else character


def _line(depth: int) -> str:
    return "\n" + INDENT * depth
