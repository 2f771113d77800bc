"""What the columns of a CSV file are: its first line, `--map` and `--prefix` made into targets."""

from collections.abc import Sequence
from dataclasses import dataclass

from zmey.cli.exits import UsageError
from zmey.cli.notation import parse_datakey
from zmey.client.notation import TYPES_WITH_ALIASES
from zmey.v1.address_pb2 import ADDRESS_TYPE_CSID
from zmey.v1.datakey_pb2 import DatakeyMode
from zmey.v1.import_rows_pb2 import (
    CELL_FORMAT_JSON,
    CELL_FORMAT_TEXT,
    AddressColumn,
    ContactIdColumn,
    DatakeyColumn,
    FieldColumn,
    IgnoredColumn,
    ImportColumn,
)

IGNORED = "-"
MEMBER_PREFIX = "member."
FIELD_PREFIX = "@"
_LITERAL = str.maketrans({character: "\\" + character for character in "\\.[]"})


@dataclass(frozen=True, slots=True)
class Column:
    """One target, and from where in a row of the file its cells come."""

    source: int
    target: ImportColumn


def plan_columns(
    header: Sequence[str], maps: Sequence[str] = (), prefix: str | None = None
) -> list[Column]:
    """Decides where every column of a file goes.

    Args:
        header: the names in the first line.
        maps: "COLUMN=TARGET" for columns whose name is no target; one column may be mapped twice.
        prefix: where other columns go under their literal names, such as "customers."; None reads
            their names as targets.

    Raises:
        UsageError: a name is unknown, there twice, or maps to nothing.
    """
    names = [name.strip() for name in header]
    _refuse_unnamed(names)
    targets = _read_maps(names, maps)
    columns = []
    for source, name in enumerate(names):
        if name in targets:
            columns += [Column(source, parse_target(target)) for target in targets[name]]
        elif prefix is not None and not _is_key(name):
            literal = DatakeyColumn(
                path=prefix + name.translate(_LITERAL),
                mode=DatakeyMode.DATAKEY_MODE_SET,
                format=CELL_FORMAT_TEXT,
            )
            columns.append(Column(source, ImportColumn(datakey=literal)))
        else:
            columns.append(Column(source, parse_target(name)))
    if not any(_matches(column.target) for column in columns):
        raise UsageError(_no_key(names))
    return columns


# System keys of heads that a column may write, as SetMember does.
SYSTEM_KEYS = ("member.origin", "member.error.error", "member.lockconfirm")


NAMED_COLUMNS = {
    IGNORED: ImportColumn(ignored=IgnoredColumn()),
    "contact_id": ImportColumn(contact_id=ContactIdColumn()),
    "external_customer_id": ImportColumn(address=AddressColumn(type=ADDRESS_TYPE_CSID)),
}


def parse_target(name: str) -> ImportColumn:
    """Reads one column name.

    Raises:
        UsageError: it is unknown.
    """
    if name in NAMED_COLUMNS:
        return NAMED_COLUMNS[name]
    if name.startswith(MEMBER_PREFIX) and name.partition(":")[0] not in SYSTEM_KEYS:
        kind = TYPES_WITH_ALIASES.get(name.removeprefix(MEMBER_PREFIX))
        if kind is None:
            types = [MEMBER_PREFIX + known for known in TYPES_WITH_ALIASES]
            known = ", ".join([*types, *SYSTEM_KEYS])
            message = f"The column {name!r} is unknown; known are {known}."
            raise UsageError(message)
        return ImportColumn(address=AddressColumn(type=kind))
    if name.startswith(FIELD_PREFIX):
        return ImportColumn(field=FieldColumn(path=name.removeprefix(FIELD_PREFIX)))
    return ImportColumn(datakey=_datakey_column(name))


def _datakey_column(name: str) -> DatakeyColumn:
    datakey = parse_datakey(name.removeprefix("\\") if name.startswith("\\@") else name)
    if DatakeyMode.Name(datakey.mode).endswith("_COPY"):
        message = f"The column {name!r} has a copy mode, which needs no cells; use `zmey set`."
        raise UsageError(message)
    return DatakeyColumn(
        path=datakey.path,
        mode=datakey.mode,
        type=datakey.type,
        format=CELL_FORMAT_JSON if "json" in datakey.formats else CELL_FORMAT_TEXT,
        write_empty="empty" in datakey.formats,
    )


def _read_maps(names: Sequence[str], maps: Sequence[str]) -> dict[str, list[str]]:
    targets: dict[str, list[str]] = {}
    for text in maps:
        name, equals, target = text.partition("=")
        if not equals or not target.strip():
            message = f"--map {text!r} is not COLUMN=TARGET, such as EMAIL=member.email."
            raise UsageError(message)
        if name.strip() not in names:
            message = f"--map names the column {name!r}, but the file has {', '.join(names)}."
            raise UsageError(message)
        targets.setdefault(name.strip(), []).append(target.strip())
    return targets


def _refuse_unnamed(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for number, name in enumerate(names, start=1):
        if not name:
            message = (
                f"Column {number} has no name in the first line; name it, or '-' to ignore it."
            )
            raise UsageError(message)
        if name in seen and name != IGNORED:
            message = (
                f"The first line has the column {name!r} twice; rename one, or '-' to ignore it."
            )
            raise UsageError(message)
        seen.add(name)


def _is_key(name: str) -> bool:
    return name in {IGNORED, "contact_id", "external_customer_id"} or (
        name.startswith(MEMBER_PREFIX) and name.removeprefix(MEMBER_PREFIX) in TYPES_WITH_ALIASES
    )


def _matches(column: ImportColumn) -> bool:
    return column.WhichOneof("target") in {"contact_id", "address", "field"}


def _no_key(names: Sequence[str]) -> str:
    return (
        "No column says whose row it is. Name one contact_id, external_customer_id or "
        f"member.TYPE, or map one: --map {names[0]}=external_customer_id. "
        f"The file has {', '.join(names)}."
    )
