"""The report of rejected rows: nothing is executed, everything is there."""

import csv
import io
from typing import Any

import pytest

from support.core import open_api
from support.imports import (
    attach_column,
    calc_column,
    column,
    datakey_column,
    ignored_column,
    status_column,
)
from zmey.imports.core_jobs import CoreJobs
from zmey.imports.report import PIECE_BYTES, report_pieces
from zmey.internal.v1.jobs_pb2 import RejectedRow, ReportColumn
from zmey.report_cells import csv_line, with_apostrophe, without_apostrophe
from zmey.v1.datakey_pb2 import DATAKEY_MODE_PUSH
from zmey.v1.error_reason_pb2 import (
    ERROR_REASON_ADDRESS_BLOCKED,
    ERROR_REASON_IMPORT_CHARSET_MISFIT,
    ERROR_REASON_IMPORT_NUMBER_INEXACT,
    ERROR_REASON_LIMIT_EXCEEDED,
    ErrorReason,
    Fault,
)
from zmey.v1.import_rows_pb2 import CELL_FORMAT_JSON, ImportColumn


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
        ("'", "'"),
        ("'quoted'", "'quoted'"),
        ("'=1", "''=1"),
        ("'+44 20", "''+44 20"),
        ("", ""),
    ],
)
def test_formulas_are_neutralised_and_come_back(text: str, shown: str) -> None:
    assert with_apostrophe(text) == shown
    assert without_apostrophe(shown) == text


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        (["a", "b c"], "a,b c\n"),
        (["#a", "#b"], '"#a","#b"\n'),
        (["a\rb", "c\nd", 'e"f', "g,h"], '"a\rb","c\nd","e""f","g,h"\n'),
        ([""], '""\n'),
    ],
)
def test_no_cell_breaks_a_line(cells: list[str], line: str) -> None:
    assert csv_line(cells) == line
    assert next(csv.reader(io.StringIO(line, newline=""))) == cells


def rows_of(pieces: list[bytes]) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(pieces).decode(), newline="")))


def reject(row: int, text: str, *json_cells: int) -> RejectedRow:
    fault = Fault(reason=ERROR_REASON_ADDRESS_BLOCKED, message="No address.", details={"a": "1"})
    return RejectedRow(row=row, fault=fault, text=text, json_cells=json_cells)


def report(rejects: list[RejectedRow], *names: str, writes_empty: bool = False) -> list[bytes]:
    """The report of columns that are text or JSON."""
    columns = [ReportColumn(name=name, json_name=name + ":json") for name in names]
    return list(report_pieces(lambda: rejects, columns, [writes_empty] * len(names)))


TOLD = ["ADDRESS_BLOCKED", "No address.", "a=1"]


def test_a_report_has_the_cells_as_they_were() -> None:
    rejects = [reject(2, 'x,"a, ""b"""'), reject(3, 'open,"quote'), reject(4, '"two\nlines",=1')]
    assert rows_of(report(rejects, "member.email", "=visits")) == [
        ["row", "reason", "message", "details", "member.email", "'=visits"],
        ["2", *TOLD, "x", 'a, "b"'],
        ["3", *TOLD, 'open,"quote'],
        ["4", *TOLD, "two\nlines", "'=1"],
    ]


@pytest.mark.parametrize(
    ("reason", "cells"),
    [
        (ERROR_REASON_IMPORT_CHARSET_MISFIT, ["a@b.ru,\ufffd"]),
        (ERROR_REASON_LIMIT_EXCEEDED, ["a@b.ru,\ufffd"]),
        (ERROR_REASON_IMPORT_NUMBER_INEXACT, ["a@b.ru", "\ufffd"]),
    ],
)
def test_what_was_not_read_is_no_row(reason: ErrorReason, cells: list[str]) -> None:
    unread = reject(2, "a@b.ru,\ufffd")
    unread.fault.reason = reason
    unread.fault.details["row"] = "2"
    assert rows_of(report([unread], "member.email", "name"))[1][4:] == cells


def test_only_columns_with_json_are_json() -> None:
    rejects = [reject(2, "x,null,null", 1, 2), reject(3, 'y,"a ""b""",7', 2), reject(4, "z,,")]
    assert rows_of(report(rejects, "a", "b", "c")) == [
        ["row", "reason", "message", "details", "a", "b", "c:json"],
        ["2", *TOLD, "x", "", ""],
        ["3", *TOLD, "y", 'a "b"', "7"],
        ["4", *TOLD, "z", "", ""],
    ]
    text = [reject(2, "x,-7,null", 1, 2), reject(3, 'y,"a ""b""",c')]
    assert [row[4:] for row in rows_of(report(text, "a", "b", "c"))] == [
        ["a", "b:json", "c"],
        ["x", "'-7", ""],
        ["y", '"a \\"b\\""', "c"],
    ]


def test_null_that_is_written_stays_null() -> None:
    [header, row] = rows_of(report([reject(2, "x,null", 1)], "a", "b", writes_empty=True))
    assert (header[5], row[5]) == ("b:json", "")


def test_a_long_cell_is_a_cell() -> None:
    text = "x" * 500_000
    assert rows_of(report([reject(2, f"a,{text}")], "a", "b"))[1][4:] == ["a", text]


def test_a_long_report_comes_in_pieces() -> None:
    pieces = report([reject(row, "x" * 100) for row in range(2_000)], "a")
    assert len(pieces) > 1
    assert max(map(len, pieces)) < 2 * PIECE_BYTES
    assert len(rows_of(pieces)) == 2_001


JSON: dict[str, Any] = {"format": CELL_FORMAT_JSON}
PUSH: dict[str, Any] = {"mode": DATAKEY_MODE_PUSH}


def test_columns_have_names_that_say_what_they_are() -> None:
    """Each as the file calls it, what it is, and its names where cells are text and JSON."""
    rows: list[tuple[str, ImportColumn, str, str]] = [
        ("Mail", column("email"), "member.email", ""),
        ("external_customer_id", column("csid"), "external_customer_id", ""),
        ("to", attach_column("tg"), "member.head.attach:tg", ""),
        ("/status", status_column(), "/status", ""),
        ("old", ignored_column(), "-", ""),
        ("visits", calc_column("visits"), "=visits", ""),
        ("n", datakey_column("n"), "n", "n:json"),
        ("a:push", datakey_column("a", **PUSH), "a:push", "a:push:json"),
        ("b", datakey_column("b", **PUSH, **JSON), "b:push:json", ""),
        ("c", datakey_column("c", write_empty=True), "c:empty", "c:json:empty"),
        ("born", datakey_column("born", "dt:YD"), "born:dt:YD", ""),
        ("E-mail:2", datakey_column("crm.E-mail:2"), "crm.E-mail\\:2", "crm.E-mail\\:2:json"),
        ("eq", datakey_column("=eq"), "\\=eq", "\\=eq:json"),
        ("q", datakey_column("'=q"), "\\'=q", "\\'=q:json"),
        ("shop", datakey_column("crm.shop"), "crm.shop", ""),
        ("of", datakey_column("of.{shop}", dynamic=True), "of.{crm.shop}", "of.{crm.shop}:json"),
    ]
    for name, described, _, _ in rows:
        described.name = name
    named = CoreJobs(open_api().core).named(
        (described for _, described, _, _ in rows), express=False
    )
    found = [(one.name, one.json_name) for one in named]
    assert found == [(name, json_name) for _, _, name, json_name in rows]


def test_columns_of_express_lists_keep_their_names() -> None:
    """What no key is, is a text there; whose rows they are is said as everywhere."""
    rows = [
        ("Mail", column("email"), "member.email"),
        ("a:b", datakey_column("a:b"), "a:b"),
        ("Total, EUR.", datakey_column("Total, EUR\\."), "Total, EUR."),
        ("-group", datakey_column("-group"), "-group"),
    ]
    for name, described, _ in rows:
        described.name = name
    named = CoreJobs(open_api().core).named((described for _, described, _ in rows), express=True)
    assert [(one.name, one.json_name) for one in named] == [(name, "") for _, _, name in rows]
