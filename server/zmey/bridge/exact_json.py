"""JSON of which every value is known as it was written.

The scanner of the standard library reads at the speed of C; here it is asked for one member at a
time, so that the text of each value is at hand and numbers keep every digit.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

_SPACE = re.compile(r"[ \t\n\r]*")


class JsonError(ValueError):
    """The text is no JSON object; the message is a sentence without its content."""


class Integer(str):
    """A number without fraction or exponent, as it was written."""

    __slots__ = ()


class Fraction(str):
    """Any other number, as it was written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an object.

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


def read_object(text: str) -> dict[str, Member]:
    """Reads a whole document that is an object.

    Raises:
        JsonError: it is none, or names a member twice.
    """
    members: dict[str, Member] = {}
    try:
        for name, member in _members(text, _after_space(text, 0)):
            if name in members:
                message = "An object has the same name twice."
                raise JsonError(message)
            members[name] = member
    except json.JSONDecodeError as error:
        message = f"The message is no JSON: it fails at character {error.pos}."
        raise JsonError(message) from None
    except RecursionError:
        message = "The message is nested too deep."
        raise JsonError(message) from None
    return members


def _members(text: str, start: int) -> Iterator[tuple[str, Member]]:
    """Yields the members of the object that begins here and ends the text."""
    position = _after_space(text, _expect(text, start, "{"))
    if text[position : position + 1] == "}":
        _expect_end(text, position + 1)
        return
    while True:
        if text[position : position + 1] != '"':
            message = "a name is expected"
            raise json.JSONDecodeError(message, text, position)
        name, position = _DECODER.raw_decode(text, position)
        position = _expect(text, _after_space(text, position), ":")
        begin = _after_space(text, position)
        value, position = _DECODER.raw_decode(text, begin)
        yield name, Member(value, text[begin:position])
        position = _after_space(text, position)
        if text[position : position + 1] == "}":
            _expect_end(text, position + 1)
            return
        position = _after_space(text, _expect(text, position, ","))


def _expect_end(text: str, position: int) -> None:
    end = _after_space(text, position)
    if end != len(text):
        message = "nothing is expected"
        raise json.JSONDecodeError(message, text, end)


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return position if found is None else found.end()


def _expect(text: str, position: int, character: str) -> int:
    if text[position : position + 1] != character:
        message = f"{character} is expected"
        raise json.JSONDecodeError(message, text, position)
    return position + 1
