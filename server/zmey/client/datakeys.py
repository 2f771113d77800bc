"""Changes of a contact's data, from Python values."""

import json
from collections.abc import Iterable, Mapping

from zmey.v1.datakey_pb2 import DatakeyChange

# What `json` can write; a tuple is an array.
Json = str | int | float | bool | None | Mapping[str, "Json"] | list["Json"] | tuple["Json", ...]


class RawJson(str):
    """A JSON document as text, which is sent as it is: numbers keep every digit."""

    __slots__ = ()


Changes = Mapping[str, Json | RawJson] | Iterable[DatakeyChange]


def put(path: str, value: Json | RawJson, kind: str = "") -> DatakeyChange:
    """Replaces whatever is at a datakey; `kind` "dt" makes the value a checked date."""
    return change(path, "set", value, kind)


def update(path: str, value: Json | RawJson, kind: str = "") -> DatakeyChange:
    """Replaces only what exists."""
    return change(path, "update", value, kind)


def insert(path: str, value: Json | RawJson, kind: str = "") -> DatakeyChange:
    """Writes only what does not exist."""
    return change(path, "insert", value, kind)


def push(path: str, value: Json | RawJson) -> DatakeyChange:
    """Appends to an array; an array element by element."""
    return change(path, "push", value)


def unshift(path: str, value: Json | RawJson) -> DatakeyChange:
    """Puts in front of an array; an array element by element."""
    return change(path, "unshift", value)


def delete(path: str) -> DatakeyChange:
    """Removes a datakey."""
    return DatakeyChange(path=path, mode="DATAKEY_MODE_DELETE")


def change(path: str, mode: str, value: Json | RawJson, kind: str = "") -> DatakeyChange:
    """Builds a change of any mode, such as "merge_insert".

    Raises:
        ValueError: there is no such mode, or the value cannot be JSON.
    """
    name = f"DATAKEY_MODE_{mode.upper()}"
    return DatakeyChange(path=path, mode=name, value=json_bytes(value), type=kind)


def json_bytes(value: Json | RawJson) -> bytes:
    """Writes a value as JSON; NaN and infinity, which JSON does not have, are a ValueError."""
    if isinstance(value, RawJson):
        return value.encode()
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def datakey_changes(changes: Changes) -> list[DatakeyChange]:
    """Returns the changes of a call; a mapping sets each of its datakeys."""
    if isinstance(changes, Mapping):
        return [put(path, value) for path, value in changes.items()]
    return list(changes)
