"""JSON of which every value is known as it was written.

The scanner of the standard library reads at the speed of C; here it is asked for one member at a
time, so that the text of each value is at hand and numbers keep every digit.
"""

import json
import re
from typing import Any, NamedTuple, NoReturn

_SPACE = re.compile(r"[ \t\n\r]*")
# Most names have no escapes; others are left to the scanner.
_PLAIN_NAME = re.compile(r'[ \t\n\r]*"([^"\\\x00-\x1f]*)"[ \t\n\r]*:[ \t\n\r]*')
_BEHIND = re.compile(r"[ \t\n\r]*([,}])")


class JsonError(ValueError):
    """The text is no JSON object; the message is a sentence without its content."""


class Integer(str):
    """A number without fraction or exponent, as it was written."""

    __slots__ = ()


class Fraction(str):
    """Any other number, as it was written."""

    __slots__ = ()


class Member(NamedTuple):
    """One member of an object; a tuple, because there are a dozen in each message.

    Attributes:
        value: what Python makes of it, numbers as `Integer` or `Fraction`.
        raw: its text.
    """

    value: Any
    raw: str


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON value."
    raise JsonError(message)


_DECODER = json.JSONDecoder(
    parse_int=Integer, parse_float=Fraction, parse_constant=_refuse_constant
)


def read_object(text: str, opened: str = "") -> dict[str, Member]:
    """Reads a whole document that is an object.

    Args:
        text: the document.
        opened: the name of a member whose value, where it is an object, becomes such a dict too.

    Raises:
        JsonError: it is none, or names a member twice.
    """
    try:
        members, end = _read(text, _after_space(text, 0), opened)
        end = _after_space(text, end)
        if end != len(text):
            raise _unexpected(text, end)
    except json.JSONDecodeError as error:
        message = f"The message is no JSON: it fails at character {error.pos}."
        raise JsonError(message) from None
    except RecursionError:
        message = "The message is nested too deep."
        raise JsonError(message) from None
    return members


def _read(text: str, start: int, opened: str) -> tuple[dict[str, Member], int]:
    """Reads the object that begins here; returns its members and where it ends."""
    if text[start : start + 1] != "{":
        raise _unexpected(text, start)
    members: dict[str, Member] = {}
    position = _after_space(text, start + 1)
    if text[position : position + 1] == "}":
        return members, position + 1
    while True:
        name, begin = _read_name(text, position)
        if name == opened and text[begin : begin + 1] == "{":
            value, end = _read(text, begin, "")
        else:
            value, end = _DECODER.raw_decode(text, begin)
        if name in members:
            message = "An object has the same name twice."
            raise JsonError(message)
        members[name] = Member(value, text[begin:end])
        found = _BEHIND.match(text, end)
        if found is None:
            raise _unexpected(text, end)
        position = found.end()
        if found[1] == "}":
            return members, position


def _read_name(text: str, position: int) -> tuple[str, int]:
    """Reads a name with its colon; returns where the value begins."""
    found = _PLAIN_NAME.match(text, position)
    if found is not None:
        return found[1], found.end()
    position = _after_space(text, position)
    if text[position : position + 1] != '"':
        raise _unexpected(text, position)
    name, position = _DECODER.raw_decode(text, position)
    position = _after_space(text, position)
    if text[position : position + 1] != ":":
        raise _unexpected(text, position)
    return name, _after_space(text, position + 1)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


def _unexpected(text: str, position: int) -> json.JSONDecodeError:
    return json.JSONDecodeError("something else is expected", text, position)
