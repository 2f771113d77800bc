"""The report of rejected rows: CSV that a spreadsheet shows and does not execute.

The first columns say which row it was and why it was refused, the others are the row as it was
read, so that the report can be mended and imported.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from zmey.internal.v1.jobs_pb2 import RejectedRow
from zmey.reasons import reason_name

HEADER = ("row", "reason", "message", "details")
# Bytes of the report that go out together.
PIECE_BYTES = 64 * 1024
# What spreadsheets take for the beginning of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_PHONE = re.compile(r"\+[0-9][0-9 ()-]*")


def report_pieces(rejects: Iterable[RejectedRow], names: Sequence[str]) -> Iterator[bytes]:
    """Writes rejected rows as CSV, in pieces of bounded size.

    Args:
        rejects: the rows in their order.
        names: what the file calls its columns.
    """
    piece = io.StringIO(newline="")
    writer = csv.writer(piece, lineterminator="\n")
    writer.writerow([*HEADER, *map(without_formula, names)])
    for reject in rejects:
        writer.writerow(_cells(reject))
        if piece.tell() >= PIECE_BYTES:
            yield piece.getvalue().encode()
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue().encode()


def without_formula(text: str) -> str:
    """Puts an apostrophe before what a spreadsheet would execute; phone numbers stay."""
    if text.startswith(_FORMULA_STARTS) and not _PHONE.fullmatch(text):
        return "'" + text
    return text


def _cells(reject: RejectedRow) -> list[str]:
    fault = reject.fault
    details = "; ".join(f"{name}={value}" for name, value in sorted(fault.details.items()))
    told = (fault.message, details, *_split(reject.text))
    return [str(reject.row), reason_name(fault.reason), *map(without_formula, told)]


def _split(text: str) -> list[str]:
    """Returns the cells of a row; one that is no CSV, because that was wrong with it, is one."""
    try:
        rows = list(csv.reader([text], strict=True))
    except csv.Error:
        return [text]
    return rows[0] if len(rows) == 1 else [text]
