"""The reference model of datakeys: plain and slow, from the text of the specification alone.

A path is a list of names and indexes. Every mode is one small function from what is at the path
(or MISSING) to what shall be there (or MISSING); one recursive function walks the path, creates
missing parts, pads arrays with null and shrinks them.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TypeAlias

from reference import dates
from reference.json_tree import Value, parse, refuse

__all__ = ["Change", "CopyFrom", "Index", "Missing", "apply", "parse_path", "read"]

ESCAPABLE = ".[]\\"
PATH_ELEMENTS_MAX = 32


class Missing(Enum):
    """What is at a datakey that does not exist."""

    MISSING = "missing"


MISSING = Missing.MISSING
Found: TypeAlias = "Value | Missing"


@dataclass(frozen=True)
class Index:
    """An array element; -1 is the last existing one."""

    number: int


class Wildcard(Enum):
    """Every member of an object, or every element of an array."""

    MEMBERS = "*"
    ELEMENTS = "[*]"


Step: TypeAlias = str | Index | Wildcard


@dataclass(frozen=True)
class Change:
    """One change; `copy_path` belongs to the modes with the suffix "_copy"."""

    path: str
    mode: str
    value: str | bytes = ""
    type: str = ""
    copy_path: str = ""


@dataclass(frozen=True)
class CopyFrom:
    """Where copy modes read: `document` is None where the source member does not exist."""

    document: Value = None
    missing: str = "error"
    found: bool = field(default=True)


def apply(
    document: dict[str, Value],
    changes: Sequence[Change],
    now: datetime,
    source: CopyFrom | None = None,
) -> dict[str, Value]:
    """Applies changes in order, all or nothing; the given document stays as it is.

    Args:
        document: the body before.
        changes: what to do; each sees the earlier ones.
        now: the one moment of the call, in the space's time zone.
        source: where copy modes read; None is the member itself.

    Raises:
        RefusalError: one of the changes is an error, so none is done.
    """
    if source is not None and not source.found and source.missing == "error":
        refuse("COPY_SOURCE_MISSING")
    after = copy.deepcopy(document)
    for change in changes:
        _apply_one(after, change, now, source)
    return after


def read(document: Value, path: str) -> Found:
    """Reads a datakey; wildcards answer an object or an array of what they found."""
    return document if path == "*" else _read(document, parse_path(path, reading=True))


def parse_path(text: str, *, reading: bool = False) -> list[Step]:
    """Splits a path into its steps.

    Raises:
        RefusalError: the path breaks the grammar, or has wildcards where it is not for reading.
    """
    steps: list[Step] = []
    rest = text
    while True:
        rest = _take_name(rest, steps)
        while rest.startswith("["):
            rest = _take_index(rest, steps)
        if rest == "":
            break
        if not rest.startswith("."):
            refuse("DATAKEY_PATH_INVALID")
        rest = rest[1:]
    if len(steps) > PATH_ELEMENTS_MAX:
        refuse("LIMIT_EXCEEDED")
    if not reading and any(isinstance(step, Wildcard) for step in steps):
        refuse("DATAKEY_WILDCARD")
    return steps


def _take_name(rest: str, steps: list[Step]) -> str:
    name, position = "", 0
    escaped = False
    while position < len(rest) and rest[position] not in ".[]":
        if rest[position] == "\\":
            position += 1
            escaped = True
            if position == len(rest) or rest[position] not in ESCAPABLE:
                refuse("DATAKEY_PATH_INVALID")
        name += rest[position]
        position += 1
    if name == "":
        refuse("DATAKEY_PATH_INVALID")
    steps.append(Wildcard.MEMBERS if name == "*" and not escaped else name)
    return rest[position:]


def _take_index(rest: str, steps: list[Step]) -> str:
    inside, bracket, after = rest[1:].partition("]")
    if bracket == "":
        refuse("DATAKEY_PATH_INVALID")
    if inside == "*":
        steps.append(Wildcard.ELEMENTS)
    elif inside == "-1" or (inside.isascii() and inside.isdigit()):
        steps.append(Index(int(inside)))
    else:
        refuse("DATAKEY_PATH_INVALID")
    return after


def _apply_one(
    document: dict[str, Value], change: Change, now: datetime, source: CopyFrom | None
) -> None:
    mode = change.mode.removesuffix("_copy")
    if mode not in MODES:
        refuse("DATAKEY_MODE_UNKNOWN")
    steps = parse_path(change.path)
    value: Value = None
    if mode == "delete":
        if change.value or change.type:
            refuse("DATAKEY_VALUE_UNEXPECTED")
    elif mode == change.mode:
        value = _typed(parse(change.value), change.type, now)
    else:
        # An unknown type is an error even where nothing is copied.
        dates.range_of_type(change.type)
        copied = _copied(document, change, source)
        if isinstance(copied, Missing):
            return
        # The null that copy_missing "do" asks for needs no date.
        asked_null = source is not None and not source.found
        value = copied if asked_null else _typed(copied, change.type, now)
    edit = MODES[mode]
    _edited(document, steps, lambda old: edit(old, copy.deepcopy(value)))


def _copied(document: Value, change: Change, source: CopyFrom | None) -> Found:
    """Returns the value to copy; MISSING skips the change."""
    if change.value:
        refuse("DATAKEY_VALUE_UNEXPECTED")
    path = parse_path(change.copy_path)
    if source is None:
        found = _read(document, path)
    elif source.found:
        found = _read(source.document, path)
    else:
        return MISSING if source.missing == "skip" else None
    # The source exists and lacks the datakey: what is stored there is nothing, so null.
    return None if isinstance(found, Missing) else found


def _typed(value: Value, type_text: str, now: datetime) -> Value:
    letters = dates.range_of_type(type_text)
    if letters is None:
        return value
    if not isinstance(value, str):
        refuse("DATAKEY_DATE_INVALID")
    if dates.is_expression(value):
        return dates.evaluate(value, letters, now)
    return dates.rewrite(value, letters)


def _edited(node: Found, steps: Sequence[Step], edit: Callable[[Found], Found]) -> Found:
    """Returns what shall stand in place of `node`; MISSING removes it or leaves it missing."""
    if not steps:
        return edit(node)
    step, rest = steps[0], steps[1:]
    if isinstance(step, Index):
        return _edited_array(node, step.number, rest, edit)
    if node is not None and not isinstance(node, dict | Missing):
        refuse("DATAKEY_NOT_AN_OBJECT")
    assert isinstance(step, str)
    members = node if isinstance(node, dict) else {}
    new = _edited(members.get(step, MISSING), rest, edit)
    if not isinstance(new, Missing):
        members[step] = new
        return members
    members.pop(step, None)
    return node


def _edited_array(
    node: Found, number: int, rest: Sequence[Step], edit: Callable[[Found], Found]
) -> Found:
    if node is not None and not isinstance(node, list | Missing):
        refuse("DATAKEY_NOT_AN_ARRAY")
    elements = node if isinstance(node, list) else []
    if number == -1 and not elements:
        refuse("DATAKEY_INDEX_INVALID")
    place = len(elements) - 1 if number == -1 else number
    new = _edited(elements[place] if place < len(elements) else MISSING, rest, edit)
    if not isinstance(new, Missing):
        elements.extend([None] * (place + 1 - len(elements)))
        elements[place] = new
        return elements
    if place == len(elements) - 1:
        elements.pop()
    elif place < len(elements):
        elements[place] = None
    return node


def _set(_old: Found, value: Value) -> Found:
    return value


def _update(old: Found, value: Value) -> Found:
    return old if isinstance(old, Missing) else value


def _insert(old: Found, value: Value) -> Found:
    return value if isinstance(old, Missing) else old


def _merge(old: Found, value: Value) -> Found:
    return _object(old) | _members(value)


def _merge_update(old: Found, value: Value) -> Found:
    new = _members(value)
    if _is_nothing(old):
        return old
    return {key: new.get(key, former) for key, former in _object(old).items()}


def _merge_insert(old: Found, value: Value) -> Found:
    former = _object(old)
    return former | {key: new for key, new in _members(value).items() if key not in former}


def _push(old: Found, value: Value) -> Found:
    return _array(old) + (value if isinstance(value, list) else [value])


def _unshift(old: Found, value: Value) -> Found:
    return (value if isinstance(value, list) else [value]) + _array(old)


def _delete(_old: Found, _value: Value) -> Found:
    return MISSING


MODES: dict[str, Callable[[Found, Value], Found]] = {
    "set": _set,
    "update": _update,
    "insert": _insert,
    "merge": _merge,
    "merge_update": _merge_update,
    "merge_insert": _merge_insert,
    "push": _push,
    "unshift": _unshift,
    "delete": _delete,
}


def _is_nothing(found: Found) -> bool:
    """Whether a part of a path does not exist: null counts as missing where parts are created."""
    return found is None or isinstance(found, Missing)


def _members(value: Value) -> dict[str, Value]:
    if not isinstance(value, dict):
        refuse("DATAKEY_NOT_AN_OBJECT")
    return value


def _object(old: Found) -> dict[str, Value]:
    if old is None or isinstance(old, Missing):
        return {}
    return _members(old)


def _array(old: Found) -> list[Value]:
    if old is None or isinstance(old, Missing):
        return []
    if not isinstance(old, list):
        refuse("DATAKEY_NOT_AN_ARRAY")
    return old


def _read(node: Value, steps: Sequence[Step]) -> Found:
    if not steps:
        return node
    step, rest = steps[0], steps[1:]
    match step, node:
        case Wildcard.MEMBERS, dict():
            found = {key: _read(child, rest) for key, child in node.items()}
            return {key: part for key, part in found.items() if not isinstance(part, Missing)}
        case Wildcard.ELEMENTS, list():
            parts = [_read(child, rest) for child in node]
            return [part for part in parts if not isinstance(part, Missing)]
        case Index(number), list() if node and -1 <= number < len(node):
            return _read(node[number], rest)
        case str(), dict() if step in node:
            return _read(node[step], rest)
        case _:
            return MISSING
