"""Imports through the border: columns in short, chunks of rows of text, receipts."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from support.core import Api
from support.requests import address_type
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports

__all__ = [
    "Cell",
    "JsonCell",
    "attach_column",
    "calc_column",
    "chunk",
    "column",
    "datakey_column",
    "detach_column",
    "email_column",
    "ignored_column",
    "options",
    "run_import",
    "status_column",
]


@dataclass(frozen=True)
class JsonCell:
    """A cell that is a JSON document, whatever its column says."""

    text: str

    @classmethod
    def of(cls, value: object) -> "JsonCell":
        """Spells a Python value."""
        return cls(json.dumps(value))


Cell = str | bytes | JsonCell


def column(type_name: str) -> rows_pb2.ImportColumn:
    """A column of addresses."""
    target = rows_pb2.AddressColumn(type=address_type(type_name))
    return rows_pb2.ImportColumn(address=target)


def email_column() -> rows_pb2.ImportColumn:
    """A column of e-mails."""
    return column("email")


def datakey_column(path: str, type_text: str = "", **others: Any) -> rows_pb2.ImportColumn:
    """A column of values for one datakey."""
    target = rows_pb2.DatakeyColumn(path=path, type=type_text, **others)
    return rows_pb2.ImportColumn(datakey=target)


def attach_column(type_name: str = "") -> rows_pb2.ImportColumn:
    """A column of identifiers to attach."""
    target = rows_pb2.AttachColumn(type=address_type(type_name))
    return rows_pb2.ImportColumn(attach=target)


def detach_column(type_name: str = "") -> rows_pb2.ImportColumn:
    """A column of identifiers to take away."""
    target = rows_pb2.DetachColumn(type=address_type(type_name))
    return rows_pb2.ImportColumn(detach=target)


def status_column() -> rows_pb2.ImportColumn:
    """The column `/status`."""
    return rows_pb2.ImportColumn(status=rows_pb2.StatusColumn())


def calc_column(path: str, **others: Any) -> rows_pb2.ImportColumn:
    """A column of numbers to add."""
    return datakey_column(path, calc=True, **others)


def ignored_column(name: str = "") -> rows_pb2.ImportColumn:
    """A column that nobody reads, but others may name."""
    return rows_pb2.ImportColumn(ignored=rows_pb2.IgnoredColumn(), name=name)


def options(
    api: Api, columns: Sequence[rows_pb2.ImportColumn], **others: Any
) -> imports.StreamImportRequest:
    """The first message of an import."""
    described = rows_pb2.ImportOptions(space=api.space, columns=columns, **others)
    return imports.StreamImportRequest(options=described)


def chunk(number: int, rows: Iterable[Sequence[Cell]]) -> imports.StreamImportRequest:
    """One chunk; cells are text, bytes or JSON."""
    described = [
        imports.ImportRow(
            cells=[_bytes(cell) for cell in cells],
            json_cells=[at for at, cell in enumerate(cells) if isinstance(cell, JsonCell)],
        )
        for cells in rows
    ]
    return imports.StreamImportRequest(chunk=imports.ImportChunk(number=number, rows=described))


def _bytes(cell: Cell) -> bytes:
    if isinstance(cell, bytes):
        return cell
    return (cell.text if isinstance(cell, JsonCell) else cell).encode()


def run_import(
    api: Api,
    columns: Sequence[rows_pb2.ImportColumn],
    chunks: Sequence[Iterable[Sequence[Cell]]],
    **others: Any,
) -> list[imports.ImportReceipt]:
    """Runs a whole import and returns its receipts."""
    stream = api.core.open_import(options(api, columns, **others).SerializeToString())
    opened = imports.StreamImportResponse.FromString(stream.opened).opened
    for number, rows in enumerate(chunks, opened.next_chunk):
        stream.submit(chunk(number, rows).SerializeToString())
    stream.finish()
    receipts = []
    while (encoded := stream.receipt()) is not None:
        receipts.append(imports.StreamImportResponse.FromString(encoded).receipt)
    return receipts
