"""JSON values of known types, read of their text: None where a value has another type.

Of objects and arrays, `split_object` and `split_array` of the core do the same.
"""

import re

import orjson

NULL = b"null"
# Longer than any number that the contract can hold, and too long for Python's `int`.
DIGITS_MAX = 20

_INTEGER = re.compile(rb"-?[0-9]+")


def integer(value: bytes) -> int | None:
    """Reads a number without fraction or exponent; -1 where it is out of every range."""
    if not _INTEGER.fullmatch(value):
        return None
    return int(value) if len(value) <= DIGITS_MAX else -1


def string(value: bytes) -> str | None:
    """Reads a string."""
    # The core has refused halves of surrogate pairs already, so that any string can be sent.
    return orjson.loads(value) if value.startswith(b'"') else None


def boolean(value: bytes) -> bool | None:
    """Reads true or false."""
    return {b"true": True, b"false": False}.get(value)


def integer_or_string(value: bytes) -> str | None:
    """Reads a string, or an int as its digits, of which there may be any number."""
    return value.decode() if _INTEGER.fullmatch(value) else string(value)
