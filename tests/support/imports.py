"""Imports through the border: columns in short, chunks of rows of text, receipts."""

from collections.abc import Iterable, Sequence
from typing import Any

from support.core import Api
from support.requests import address_type
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports

__all__ = ["chunk", "column", "datakey_column", "email_column", "options", "run_import"]


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


def options(
    api: Api, columns: Sequence[rows_pb2.ImportColumn], **others: Any
) -> imports.StreamImportRequest:
    """The first message of an import."""
    described = rows_pb2.ImportOptions(space=api.space, columns=columns, **others)
    return imports.StreamImportRequest(options=described)


def chunk(number: int, rows: Iterable[Sequence[str | bytes]]) -> imports.StreamImportRequest:
    """One chunk; cells are text or bytes."""
    described = [
        imports.ImportRow(
            cells=[cell.encode() if isinstance(cell, str) else cell for cell in cells]
        )
        for cells in rows
    ]
    return imports.StreamImportRequest(chunk=imports.ImportChunk(number=number, rows=described))


def run_import(
    api: Api,
    columns: Sequence[rows_pb2.ImportColumn],
    chunks: Sequence[Iterable[Sequence[str | bytes]]],
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
