r"""The notation for data on a command line and in the first line of a CSV file.

A datakey is `PATH[:MODE][:TYPE][:FORMAT]`: `name`, `visits:update`, `base.birth:set:dt:YD`,
`address:merge:json`. A colon within a path is written `\:`; other backslashes belong to the path.
"""

from dataclasses import dataclass
from typing import cast

import orjson

from zmey.cli.exits import UsageError
from zmey.v1.datakey_pb2 import DatakeyChange, DatakeyMode

_PREFIX = "DATAKEY_MODE_"
_COPY = "_COPY"

MODES: dict[str, DatakeyMode] = {
    name.removeprefix(_PREFIX).lower().removesuffix("_copy")
    + (".copy" if name.endswith(_COPY) else ""): cast("DatakeyMode", number)
    for name, number in DatakeyMode.items()
    if number != 0
}
FORMATS = ("json", "text", "empty")
DATE_PARTS = "YMDhms"
DATE_PARTS_LENGTH = 2


@dataclass(frozen=True, slots=True)
class Datakey:
    """One datakey with what to do there.

    Attributes:
        path: the datakey, still with its own backslashes.
        mode: what to do; set where nothing was said.
        type: "" or a date type such as "dt" or "dt:YD".
        formats: those of FORMATS that were named.
    """

    path: str
    mode: DatakeyMode
    type: str
    formats: frozenset[str]


def split_colons(text: str) -> list[str]:
    r"""Splits at colons; `\:` is a colon that does not split."""
    parts, current, position = [], "", 0
    while position < len(text):
        pair = text[position : position + 2]
        if pair[0] == "\\" and len(pair) > 1:
            current += ":" if pair == "\\:" else pair
            position += 2
        elif pair[0] == ":":
            parts.append(current)
            current = ""
            position += 1
        else:
            current += pair[0]
            position += 1
    return [*parts, current]


def parse_datakey(text: str) -> Datakey:
    """Reads PATH[:MODE][:TYPE][:FORMAT].

    Raises:
        UsageError: a part is unknown or there twice.
    """
    path, *parts = split_colons(text)
    if not path:
        message = f"{text!r} has no datakey before its colon."
        raise UsageError(message)
    mode: DatakeyMode | None = None
    kind = ""
    formats: set[str] = set()
    rest = [part for part in parts if part]
    while rest:
        part = rest.pop(0)
        if part in FORMATS and part not in formats:
            formats.add(part)
        elif part == "dt" and not kind:
            kind = ":".join(["dt", *_take_date_parts(rest)])
        elif _mode(part) is not None and mode is None:
            mode = _mode(part)
        else:
            raise UsageError(_unknown_part(text, part))
    return Datakey(path, mode or DatakeyMode.DATAKEY_MODE_SET, kind, frozenset(formats))


def parse_change(text: str) -> DatakeyChange:
    """Reads DATAKEY=VALUE, DATAKEY:MODE.copy=OTHER or DATAKEY:delete.

    A value that is a JSON document is taken as one, everything else as text: `age=41` is a number,
    `zip=01234` and `name=Ann` are texts. `:text` and `:json` after the datakey decide it.

    Raises:
        UsageError: it cannot be read, or a value is missing or not wanted.
    """
    left, equals, value = _split_equals(text)
    datakey = parse_datakey(left)
    change = DatakeyChange(path=datakey.path, mode=datakey.mode, type=datakey.type)
    if datakey.mode == DatakeyMode.DATAKEY_MODE_DELETE:
        if equals:
            message = f"{left!r} deletes, so it takes no value; leave out '=' and what follows."
            raise UsageError(message)
        return change
    if not equals:
        message = f"{text!r} has no value; write DATAKEY=VALUE, or DATAKEY:delete to remove it."
        raise UsageError(message)
    if DatakeyMode.Name(datakey.mode).endswith(_COPY):
        change.copy_path = value
    else:
        change.value = _value(left, value, datakey.formats)
    return change


def _value(left: str, value: str, formats: frozenset[str]) -> bytes:
    """Writes a value as a JSON document; one that is JSON already stays as it was typed."""
    encoded = value.encode("utf-8", errors="surrogateescape")
    if "text" not in formats:
        try:
            orjson.loads(encoded)
        except orjson.JSONDecodeError as error:
            if "json" in formats:
                message = f"The value of {left!r} is no JSON: {error}."
                raise UsageError(message) from error
        else:
            return encoded
    try:
        return orjson.dumps(value)
    except TypeError as error:
        message = f"The value of {left!r} is no UTF-8."
        raise UsageError(message) from error


def _split_equals(text: str) -> tuple[str, bool, str]:
    r"""Splits at the first equals sign; `\=` is one that belongs to the datakey."""
    position = 0
    while position < len(text):
        if text[position] == "\\":
            position += 2
            continue
        if text[position] == "=":
            return text[:position].replace("\\=", "="), True, text[position + 1 :]
        position += 1
    return text.replace("\\=", "="), False, ""


def _take_date_parts(rest: list[str]) -> list[str]:
    """Takes the LR of dt:LR where it follows."""
    if rest and len(rest[0]) == DATE_PARTS_LENGTH and set(rest[0]) <= set(DATE_PARTS):
        return [rest.pop(0)]
    return []


def _mode(part: str) -> DatakeyMode | None:
    return MODES.get(part.replace("_copy", ".copy"))


def _unknown_part(text: str, part: str) -> str:
    return (
        f"{part!r} in {text!r} is unknown or there twice. After a datakey may stand a mode "
        f"({', '.join(MODES)}), a type (dt or dt:LR, such as dt:YD) and a format "
        f"({', '.join(FORMATS)}); a colon within a datakey is written \\:."
    )
