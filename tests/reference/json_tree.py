"""JSON as a tree that forgets nothing: numbers stay as written, members stay in order.

Written for the reference models only, so that the core is compared with something that shares no
code with it.
"""

import json
from dataclasses import dataclass
from typing import NoReturn, TypeAlias

__all__ = ["Number", "RefusalError", "Value", "dump", "parse", "refuse"]

Value: TypeAlias = "bool | str | Number | list[Value] | dict[str, Value] | None"

DEPTH_MAX = 64


@dataclass(frozen=True)
class Number:
    """A number exactly as it was written."""

    raw: str


class RefusalError(Exception):
    """The model refuses what was asked.

    Attributes:
        reason: the name of the ErrorReason without its prefix.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def refuse(reason: str, cause: Exception | None = None) -> NoReturn:
    """Raises the refusal for a reason."""
    raise RefusalError(reason) from cause


def parse(text: str | bytes) -> Value:
    """Reads one document.

    Raises:
        RefusalError: the text is no JSON, has duplicate members or lone surrogates, or is too deep.
    """
    try:
        decoded = text.decode() if isinstance(text, bytes) else text
        tree: Value = json.loads(
            decoded,
            parse_int=Number,
            parse_float=Number,
            parse_constant=_no_constant,
            object_pairs_hook=_object,
        )
    except (ValueError, RecursionError) as error:
        refuse("JSON_INVALID", error)
    _check(tree, 0)
    return tree


def dump(tree: Value) -> str:
    """Writes a tree without white space; equal texts mean equal trees, order and digits too."""
    match tree:
        case Number(raw):
            return raw
        case dict():
            return "{" + ",".join(f"{_text(key)}:{dump(tree[key])}" for key in tree) + "}"
        case list():
            return "[" + ",".join(dump(element) for element in tree) + "]"
        case _:
            return _text(tree)


def _text(scalar: str | bool | None) -> str:
    return json.dumps(scalar, ensure_ascii=False)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _object(pairs: list[tuple[str, Value]]) -> dict[str, Value]:
    members = dict(pairs)
    if len(members) != len(pairs):
        problem = "duplicate member"
        raise ValueError(problem)
    return members


def _check(tree: Value, depth: int) -> None:
    if isinstance(tree, str):
        _check_text(tree)
        return
    if not isinstance(tree, dict | list):
        return
    if depth == DEPTH_MAX:
        refuse("JSON_TOO_DEEP")
    if isinstance(tree, dict):
        for key in tree:
            _check_text(key)
    for child in tree.values() if isinstance(tree, dict) else tree:
        _check(child, depth + 1)


def _check_text(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        refuse("JSON_INVALID")
