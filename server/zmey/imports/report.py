"""The report of rejected rows: CSV that a spreadsheet shows and does not execute."""

import csv
import io
import re
from collections.abc import Iterable, Iterator

from zmey.internal.v1.jobs_pb2 import RejectedRow
from zmey.reasons import reason_name

HEADER = ("row", "reason", "message", "details", "text")
# Bytes of the report that go out together.
PIECE_BYTES = 64 * 1024
# What spreadsheets take for the beginning of a formula.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
_PHONE = re.compile(r"\+[0-9][0-9 ()-]*")


def report_pieces(rejects: Iterable[RejectedRow]) -> Iterator[bytes]:
    """Writes rejected rows as CSV, in pieces of bounded size."""
    piece = io.StringIO(newline="")
    writer = csv.writer(piece, lineterminator="\n")
    writer.writerow(HEADER)
    for reject in rejects:
        writer.writerow(_cells(reject))
        if piece.tell() >= PIECE_BYTES:
            yield piece.getvalue().encode()
            piece.seek(0)
            piece.truncate()
    yield piece.getvalue().encode()


def _cells(reject: RejectedRow) -> list[str]:
    details = "; ".join(f"{name}={value}" for name, value in sorted(reject.fault.details.items()))
    texts = (reject.fault.message, details, reject.text)
    return [str(reject.row), reason_name(reject.fault.reason), *map(without_formula, texts)]


def without_formula(text: str) -> str:
    """Puts an apostrophe before what a spreadsheet would execute; phone numbers stay."""
    if text.startswith(_FORMULA_STARTS) and not _PHONE.fullmatch(text):
        return "'" + text
    return text
