"""Spreadsheets, also packed and hostile ones, through the process that unpacks."""

import gzip
import io
import resource
import time
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest

from support.sources import reason, settings
from zmey.sources import SourceError, Unpacked, unpack
from zmey.v1.import_job_pb2 import FILE_SHAPE_SPREADSHEET

GATE_KIB = 512 * 1024
GATE_SECONDS = 30
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPES = "application/vnd.openxmlformats-officedocument.spreadsheetml"


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def table(*rows: tuple[str, ...]) -> str:
    """Writes rows as the data of a sheet."""
    written = [
        f'<row r="{number}">'
        + "".join(cell(f"{chr(65 + column)}{number}", text) for column, text in enumerate(row))
        + "</row>"
        for number, row in enumerate(rows, 1)
    ]
    return f"<sheetData>{''.join(written)}</sheetData>"


def xlsx(**sheets: str) -> bytes:
    """Makes a workbook of sheets by name."""
    numbers = {name: number for number, name in enumerate(sheets, 1)}
    overrides = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{TYPES}.worksheet+xml"/>'
        for n in numbers.values()
    )
    listed = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>' for name, n in numbers.items()
    )
    relations = "".join(
        f'<Relationship Id="rId{n}" Type="{RELATIONS}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers.values()
    )
    files = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types">'
        f'<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.'
        f'relationships+xml"/><Override PartName="/xl/workbook.xml" '
        f'ContentType="{TYPES}.sheet.main+xml"/>{overrides}</Types>',
        "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
        f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}"><sheets>{listed}'
        "</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">{relations}'
        "</Relationships>",
    }
    for name, n in numbers.items():
        files[f"xl/worksheets/sheet{n}.xml"] = (
            f'<?xml version="1.0"?><worksheet xmlns="{MAIN}">{sheets[name]}</worksheet>'
        )
    return packed({name: text.encode() for name, text in files.items()})


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return buffer.getvalue()


ROWS = (("member.email", "data.name"), ("ann@example.com", "Ann"), ("bob@example.com", "Боб"))
BOOK = xlsx(People=table(*ROWS), Other=table(("csid",), ("7",)))


def unpacked(tmp_path: Path, content: bytes, *, sheet: str = "", **changes: Any) -> Unpacked:
    (tmp_path / "file").write_bytes(content)
    into = tmp_path / "into"
    into.mkdir(exist_ok=True)
    described = settings(**({"file_bytes_max": 100_000_000} | changes))
    return unpack(tmp_path / "file", into, described, sheet=sheet, cancelled=lambda: False)


def refusal(tmp_path: Path, content: bytes, **given: Any) -> SourceError:
    with pytest.raises(SourceError) as caught:
        unpacked(tmp_path, content, **given)
    assert caught.value.message.endswith("."), caught.value.message
    assert list((tmp_path / "into").iterdir()) == []
    return caught.value


def rows(got: Unpacked) -> list[Any]:
    return [orjson.loads(line) for line in got.path.read_bytes().splitlines()]


@pytest.mark.parametrize(
    "content",
    [BOOK, gzip.compress(BOOK), packed({"people.xlsx": BOOK})],
    ids=["plain", "in gzip", "in zip"],
)
def test_spreadsheets_become_json_lines(tmp_path: Path, content: bytes) -> None:
    got = unpacked(tmp_path, content)
    assert got.shape == FILE_SHAPE_SPREADSHEET
    assert rows(got) == [list(row) for row in ROWS]
    assert got.sheet == "People"
    assert (got.warnings, got.warnings_total) == ((), 0)
    assert list((tmp_path / "into").iterdir()) == [got.path]


def test_a_sheet_is_named(tmp_path: Path) -> None:
    got = unpacked(tmp_path, BOOK, sheet="Other")
    assert (rows(got), got.sheet) == ([["csid"], ["7"]], "Other")
    error = refusal(tmp_path, BOOK, sheet="None")
    assert reason(error) == "IMPORT_SHEET_UNKNOWN"
    assert error.details["sheet"] == "None"


def test_errors_in_cells_are_warnings(tmp_path: Path) -> None:
    data = '<sheetData><row r="1"><c r="A1" t="e"><v>#DIV/0!</v></c></row></sheetData>'
    got = unpacked(tmp_path, xlsx(One=data))
    assert got.warnings_total == 1
    (warning,) = got.warnings
    assert warning.details["row"] == "1"


def outcome(tmp_path: Path, content: bytes) -> list[Any] | SourceError:
    """Returns the rows, or the refusal."""
    try:
        return rows(unpacked(tmp_path, content))
    except SourceError as error:
        return error


BROKEN = (
    ("no workbook", packed({"[Content_Types].xml": b"<Types/>"})),
    ("no table", packed({"mimetype": b"application/vnd.oasis.opendocument.text"})),
    ("cut", BOOK[: len(BOOK) // 2]),
    ("compound", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 2000),
    ("no XML", xlsx(One="<sheetData><row")),
)


REFUSED = {"IMPORT_SHAPE_UNKNOWN", "IMPORT_SPREADSHEET_INVALID", "SOURCE_FILE_INVALID"}


@pytest.mark.parametrize(("name", "content"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken_spreadsheets(tmp_path: Path, name: str, content: bytes) -> None:
    error = refusal(tmp_path, content)
    assert reason(error) in REFUSED, name


def test_the_limit_of_bytes_counts(tmp_path: Path) -> None:
    book = xlsx(One=table(*[("x" * 1000, "y" * 1000)] * 2000))
    for limit in (1_100_000, 3_000_000):
        error = refusal(tmp_path, book, file_bytes_max=limit)
        assert reason(error) == "SOURCE_TOO_LARGE"
    assert len(rows(unpacked(tmp_path, book, file_bytes_max=5_000_000))) == 2000


FAR = f"<sheetData><row r='1'>{cell('A1', 'a')}</row><row r='1048576'>{cell('XFD1048576', 'b')}"
HOSTILE = (
    ("one cell at the far end", FAR + "</row></sheetData>"),
    ("a lying dimension", '<dimension ref="A1:XFD1048576"/>' + table(("a",))),
    ("a dimension that is too small", '<dimension ref="A1:A1"/>' + table(*[("a", "b")] * 1000)),
    ("deep nesting", "<a>" * 100_000),
    ("endless text", f"<sheetData><row r='1'>{cell('A1', 'x' * 60_000_000)}</row></sheetData>"),
    ("a huge number of rows", "<sheetData>" + "<row/>" * 3_000_000 + "</sheetData>"),
)


@pytest.mark.parametrize(("name", "data"), HOSTILE, ids=[row[0] for row in HOSTILE])
def test_hostile_spreadsheets_cost_little(tmp_path: Path, name: str, data: str) -> None:
    started = time.monotonic()
    read = outcome(tmp_path, xlsx(One=data))
    if isinstance(read, SourceError):
        assert read.message.endswith("."), name
    else:
        filled = [row for row in read if any(row)]
        assert len(filled) == 1000 if "too small" in name else len(filled) <= 2, name
    assert time.monotonic() - started < GATE_SECONDS
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss <= GATE_KIB
    # The server lives, and reads the next one.
    assert len(rows(unpacked(tmp_path, BOOK))) == 3
