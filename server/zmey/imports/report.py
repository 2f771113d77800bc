"""The report of rejected rows: CSV that a spreadsheet shows and does not execute.

The first columns say which row it was and why it was refused, the others are the row as it was
read, under names that say what the columns are. `zmey import` reads such a report as the file was:
`zmey.cli.import_report` takes back what is done here.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence

import orjson

from zmey.internal.v1.jobs_pb2 import RejectedRow, ReportColumn
from zmey.reasons import reason_name
from zmey.report_cells import HEADER, csv_line, with_apostrophe
from zmey.v1.error_reason_pb2 import ERROR_REASON_IMPORT_NUMBER_INEXACT

# Bytes of the report that go out together.
PIECE_BYTES = 64 * 1024

_NULL = "null"


def report_pieces(
    rejects: Callable[[], Iterable[RejectedRow]],
    columns: Sequence[ReportColumn],
    writes_empty: Sequence[bool],
) -> Iterator[bytes]:
    """Writes rejected rows as CSV, in pieces of bounded size.

    Args:
        rejects: the rows in their order, each time anew.
        columns: the columns of the file.
        writes_empty: which columns write null, too.
    """
    json_columns = _json_columns(rejects(), columns, writes_empty)
    names = [
        column.json_name if index in json_columns else column.name
        for index, column in enumerate(columns)
    ]
    piece = io.StringIO(newline="")
    piece.write(csv_line([*HEADER, *map(with_apostrophe, names)]))
    for reject in rejects():
        piece.write(csv_line(_cells(reject, json_columns)))
        if piece.tell() >= PIECE_BYTES:
            yield piece.getvalue().encode()
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue().encode()


def _json_columns(
    rejects: Iterable[RejectedRow], columns: Sequence[ReportColumn], writes_empty: Sequence[bool]
) -> frozenset[int]:
    """Returns the columns whose cells must be JSON to say the same, such as numbers."""
    found: set[int] = set()
    candidates = {index for index, column in enumerate(columns) if column.json_name}
    for reject in rejects:
        asked = candidates.intersection(reject.json_cells) - found
        cells = _split(reject.text) if asked else []
        found |= {index for index in asked if cells[index] != _NULL or writes_empty[index]}
        if found == candidates:
            break
    return frozenset(found)


def _cells(reject: RejectedRow, json_columns: frozenset[int]) -> list[str]:
    fault = reject.fault
    details = "; ".join(f"{name}={value}" for name, value in sorted(fault.details.items()))
    cells = _split(reject.text) if _was_read(reject) else [reject.text]
    documents = frozenset(reject.json_cells)
    for index, cell in enumerate(cells):
        if index in documents:
            cells[index] = "" if cell == _NULL else cell
        elif index in json_columns and cell:
            cells[index] = orjson.dumps(cell).decode()
    told = (fault.message, details, *cells)
    return [str(reject.row), reason_name(fault.reason), *map(with_apostrophe, told)]


def _was_read(reject: RejectedRow) -> bool:
    """Tells whether a row was read; the fault of one that was not has its number.

    Text that is cut off, or has characters that nobody wrote, must not come back as a row that
    looks right.
    """
    is_inexact = reject.fault.reason == ERROR_REASON_IMPORT_NUMBER_INEXACT
    return is_inexact or "row" not in reject.fault.details


def _split(text: str) -> list[str]:
    """Returns the cells of a row; one that is no CSV, because that was wrong with it, is one."""
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return [text]
    return rows[0] if len(rows) == 1 else [text]
