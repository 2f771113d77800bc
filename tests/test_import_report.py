"""The report of rejected rows: nothing is executed, everything is there."""

import csv
import io

import pytest

from zmey.imports.report import PIECE_BYTES, report_pieces, without_formula
from zmey.internal.v1.jobs_pb2 import RejectedRow
from zmey.v1.error_reason_pb2 import ERROR_REASON_ADDRESS_BLOCKED, Fault


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+1+2", "'+1+2"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\tx", "'\tx"),
        ("\rx", "'\rx"),
        ("+44 20 7946-0018", "+44 20 7946-0018"),
        ("+7 (495) 123-45-67", "+7 (495) 123-45-67"),
        ("a=b", "a=b"),
        ("", ""),
    ],
)
def test_formulas_are_neutralised_and_phones_intact(text: str, shown: str) -> None:
    assert without_formula(text) == shown


def rows_of(pieces: list[bytes]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))


def reject(row: int, text: str) -> RejectedRow:
    fault = Fault(reason=ERROR_REASON_ADDRESS_BLOCKED, message="No address.", details={"a": "1"})
    return RejectedRow(row=row, fault=fault, text=text)


def test_a_report_has_the_cells_as_they_were() -> None:
    rejects = [reject(2, 'x,"a, ""b"""'), reject(3, 'open,"quote'), reject(4, '"two\nlines",=1')]
    assert rows_of(list(report_pieces(rejects, ["member.email", "=visits"]))) == [
        ["row", "reason", "message", "details", "member.email", "'=visits"],
        ["2", "ADDRESS_BLOCKED", "No address.", "a=1", "x", 'a, "b"'],
        ["3", "ADDRESS_BLOCKED", "No address.", "a=1", 'open,"quote'],
        ["4", "ADDRESS_BLOCKED", "No address.", "a=1", "two\nlines", "'=1"],
    ]


def test_a_long_report_comes_in_pieces() -> None:
    rejects = [reject(row, "x" * 100) for row in range(2_000)]
    pieces = list(report_pieces(rejects, ["a"]))
    assert len(pieces) > 1
    assert max(map(len, pieces)) < 2 * PIECE_BYTES
    assert len(rows_of(pieces)) == 2_001
