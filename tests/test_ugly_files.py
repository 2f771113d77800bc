"""Spreadsheets as people and attackers make them; native/tests/reading/ugly.rs has other files.

Each is written here as the parts that a spreadsheet is made of, so that what is ugly about it is
seen.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from support.core import Api, SeenFault, attempt
from support.jobs import run_file
from support.requests import keys
from zmey import _native
from zmey.internal.v1 import jobs_pb2 as jobs
from zmey.reasons import reason_name
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import member_pb2 as member

UGLY = Path(__file__).parent / "data" / "ugly"
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
STYLES = (
    f'<styleSheet xmlns="{MAIN}"><numFmts count="1">'
    '<numFmt numFmtId="164" formatCode="yyyy\\-mm\\-dd hh:mm:ss"/></numFmts>'
    '<cellXfs count="4"><xf numFmtId="0"/><xf numFmtId="14"/><xf numFmtId="164"/>'
    '<xf numFmtId="46"/></cellXfs></styleSheet>'
)


def text(reference: str, value: str) -> str:
    return f'<c r="{reference}" t="inlineStr"><is><t>{value}</t></is></c>'


def number(reference: str, value: str, style: int = 0) -> str:
    return f'<c r="{reference}" s="{style}"><v>{value}</v></c>'


def sheet(rows: dict[int, str], dimension: str = "A1:B2", behind: str = "") -> str:
    data = "".join(f'<row r="{row}">{cells}</row>' for row, cells in rows.items())
    return (
        f'<worksheet xmlns="{MAIN}"><dimension ref="{dimension}"/>'
        f"<sheetData>{data}</sheetData>{behind}</worksheet>"
    )


def xlsx(path: Path, sheets: dict[str, str], *, is_1904: bool = False) -> Path:
    """Writes a workbook of these sheets."""
    numbers = range(1, len(sheets) + 1)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{index}" r:id="rId{index}"/>'
        for index, name in zip(numbers, sheets, strict=True)
    )
    related = "".join(
        f'<Relationship Id="rId{index}" Type="{RELATIONS}/worksheet" '
        f'Target="worksheets/sheet{index}.xml"/>'
        for index in numbers
    )
    properties = '<workbookPr date1904="1"/>' if is_1904 else ""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as parts:
        parts.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="xml" '
            'ContentType="application/xml"/></Types>',
        )
        parts.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
            f'Type="{RELATIONS}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        parts.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{RELATIONS}">{properties}'
            f"<sheets>{listed}</sheets></workbook>",
        )
        parts.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{PACKAGE}/relationships">{related}'
            f'<Relationship Id="rId99" Type="{RELATIONS}/styles" Target="styles.xml"/>'
            "</Relationships>",
        )
        parts.writestr("xl/styles.xml", STYLES)
        for index, content in zip(numbers, sheets.values(), strict=True):
            parts.writestr(f"xl/worksheets/sheet{index}.xml", content)
    return path


def ods(path: Path, rows: str) -> Path:
    """Writes a document with one table."""
    names = "urn:oasis:names:tc:opendocument:xmlns"
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as parts:
        parts.writestr("mimetype", kind)
        parts.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0"><manifest:file-entry '
            f'manifest:full-path="/" manifest:media-type="{kind}"/></manifest:manifest>',
        )
        parts.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}:office:1.0" '
            f'xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0"><office:body>'
            f'<office:spreadsheet><table:table table:name="List">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def convert(path: Path, name: str = "") -> tuple[list[Any], dict[str, Any]]:
    output = path.with_suffix(".jsonl")
    answer = _native.convert_spreadsheet(str(path), str(output), name)
    rows = [json.loads(line) for line in output.read_bytes().splitlines()]
    assert len(rows) == answer["rows"]
    return rows, answer


def refused(path: Path, name: str = "") -> str:
    """Returns the reason for which a spreadsheet is not converted."""
    fault = attempt(lambda: convert(path, name))
    assert isinstance(fault, SeenFault)
    return fault.reason


def test_numbers_are_exact_and_dates_are_dates(tmp_path: Path) -> None:
    rows = {
        1: text("A1", "member.cellphone") + text("B1", "b"),
        3: number("A3", "79161234567") + number("B3", "0.1") + number("C3", "1E-9")
        + number("D3", "123456789012345680000") + number("E3", "-0.5") + number("F3", "1E+300"),
        4: number("A4", "46024", 1) + number("B4", "46024.5", 2) + number("C4", "0.25", 2)
        + number("D4", "1.5", 3) + '<c r="E4" t="b"><v>1</v></c>' + number("F4", "-1", 1)
        + number("G4", "46024.9999999", 2),
    }  # fmt: skip
    converted, _ = convert(xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))
    assert converted == [
        ["member.cellphone", "b"],
        [],
        [79161234567, 0.1, 1e-9, 123456789012345680000, -0.5, 1e300],
        ["2026-01-02", "2026-01-02 12:00:00", "06:00:00", "36:00:00", True, -1, "2026-01-03"],
    ]
    assert b"79161234567," in (tmp_path / "a.jsonl").read_bytes()


def test_whole_numbers_that_are_not_exact_are_told(tmp_path: Path) -> None:
    rows = {
        2: number("A2", "9007199254740991") + number("B2", "9007199254740993")
        + number("C2", "1E+300") + text("D2", "123456789012345671") + number("E2", "0.1"),
    }  # fmt: skip
    _, answer = convert(xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))
    warnings = [member.Warning.FromString(warning) for warning in answer["warnings"]]
    assert [reason_name(warning.reason) for warning in warnings] == ["IMPORT_NUMBER_INEXACT"] * 2
    assert [dict(warning.details) for warning in warnings] == [
        {"row": "2", "column": "1"},
        {"row": "2", "column": "2"},
    ]


def imported(api: Api, path: Path, sheets: dict[str, str], **reading: Any) -> jobs.Job:
    """Has the core import a workbook."""
    convert(xlsx(path / "a.xlsx", sheets))
    said = import_job.ImportReading(shape=import_job.FILE_SHAPE_SPREADSHEET, **reading)
    lines = (path / "a.jsonl").read_text(encoding="utf-8")
    return run_file(api, path / "rows", lines, reading=said)


def test_people_whose_numbers_are_one_are_not_merged(api: Api, tmp_path: Path) -> None:
    rows = {
        1: text("A1", "member.csid") + text("B1", "name"),
        2: number("A2", "123456789012345671") + text("B2", "Ann"),
        3: number("A3", "123456789012345672") + text("B3", "Bob"),
        4: text("A4", "123456789012345673") + text("B4", "Eve"),
    }
    counters = imported(api, tmp_path, {"S": sheet(rows)}).metadata.counters
    assert (counters.created, counters.rejected) == (1, 2)
    assert api.resolve(keys("csid=123456789012345673")).contact_id
    assert not api.resolve(keys("csid=123456789012345680")).contact_id


def test_a_blank_row_and_column_before_a_table(api: Api, tmp_path: Path) -> None:
    rows = {
        2: text("C2", "member.csid") + text("E2", "имя"),
        3: text("A3", "x") + text("C3", "CC1") + text("D3", "y") + text("E3", "Анна"),
    }
    job = imported(api, tmp_path, {"S": sheet(rows)}, charset=import_job.CHARSET_CP1251)
    assert (job.metadata.counters.created, job.metadata.counters.rejected) == (1, 0)
    assert not api.resolve(keys("csid=member.csid")).contact_id
    (value,) = api.get_member(keys("csid=CC1"), "*").member.values
    assert json.loads(value.value) == {"имя": "Анна"}


def test_the_1904_system_has_other_days(tmp_path: Path) -> None:
    rows = {1: number("A1", "0", 1) + number("B1", "44562", 1) + number("C1", "44562.75", 2)}
    converted, _ = convert(xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}, is_1904=True))
    assert converted[0][1:] == ["2026-01-02", "2026-01-02 18:00:00"]


def test_formulas_have_values_and_errors_are_told(tmp_path: Path) -> None:
    rows = {
        1: '<c r="A1"><f>1+1</f><v>2</v></c><c r="B1" t="str"><f>"a"</f><v>a</v></c>',
        2: '<c r="A2" t="e"><f>1/0</f><v>#DIV/0!</v></c><c r="B2" t="e"><v>#N/A</v></c>'
        + text("C2", "x"),
    }
    converted, answer = convert(xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))
    assert converted == [[2, "a"], [None, None, "x"]]
    warnings = [member.Warning.FromString(warning) for warning in answer["warnings"]]
    assert [dict(warning.details) for warning in warnings] == [
        {"row": "2", "column": "0", "error": "#DIV/0!"},
        {"row": "2", "column": "1", "error": "#N/A"},
    ]
    assert answer["warnings_total"] == 2


def test_merged_cells_are_in_the_first_of_them(tmp_path: Path) -> None:
    merged = '<mergeCells count="1"><mergeCell ref="A1:B2"/></mergeCells>'
    rows = {1: text("A1", "x") + '<c r="B1"/>', 2: '<c r="A2"/><c r="B2"/>' + text("C2", "y")}
    converted, _ = convert(xlsx(tmp_path / "a.xlsx", {"S": sheet(rows, behind=merged)}))
    assert converted == [["x"], [None, None, "y"]]


def test_the_first_sheet_with_cells_is_taken(tmp_path: Path) -> None:
    sheets = {"Empty": sheet({}), "Листы": sheet({2: text("A2", "x")})}
    path = xlsx(tmp_path / "a.xlsx", sheets)
    converted, answer = convert(path)
    assert converted == [[], ["x"]]
    assert answer["sheet"] == "Листы"
    assert answer["sheets"] == ["Empty", "Листы"]
    assert convert(path, "Empty")[0] == []
    assert refused(path, "Other") == "IMPORT_SHEET_UNKNOWN"
    assert convert(xlsx(tmp_path / "b.xlsx", {"Empty": sheet({})}))[0] == []


def test_a_dimension_that_lies_loses_and_costs_nothing(tmp_path: Path) -> None:
    rows = {row: text(f"A{row}", f"a{row}@example.com") for row in range(1, 3_001)}
    for dimension in ("A1", "A1:XFD1048576", "C5:D6"):
        path = xlsx(tmp_path / "a.xlsx", {"S": sheet(rows, dimension)})
        converted, _ = convert(path)
        assert len(converted) == 3_000
        assert converted[-1] == ["a3000@example.com"]


def test_one_cell_at_the_far_end_is_a_row_with_too_many_cells(tmp_path: Path) -> None:
    rows = {1: text("A1", "a@example.com"), 1_048_576: text("XFD1048576", "x")}
    converted, _ = convert(xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))
    assert len(converted) == 1_048_576
    assert converted[0] == ["a@example.com"]
    assert converted[1] == []
    # One more than the 1,000 columns that there can be, so that the row is refused.
    assert len(converted[-1]) == 1_001
    assert (tmp_path / "a.jsonl").stat().st_size < 4_000_000


def test_a_thousand_columns_are_not_too_many(tmp_path: Path) -> None:
    rows = {1: text("ALL1", "last"), 2: text("ALM2", "one more")}
    converted, _ = convert(xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)}))
    assert [len(row) for row in converted] == [1_000, 1_001]


def test_rows_out_of_order_and_damage_are_refused(tmp_path: Path) -> None:
    rows = {5: text("A5", "x"), 2: text("A2", "y")}
    path = xlsx(tmp_path / "a.xlsx", {"S": sheet(rows)})
    assert refused(path) == "IMPORT_SPREADSHEET_INVALID"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert refused(path) == "IMPORT_SPREADSHEET_INVALID"
    path.write_bytes(b"member.email\na@example.com\n")
    assert refused(path) == "IMPORT_SHAPE_UNKNOWN"


def test_old_excel_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.xls"
    path.write_bytes((UGLY / "old.xls").read_bytes())
    converted, answer = convert(path)
    assert answer["sheet"] == "Контакты"
    assert converted[1:] == [
        [],
        ["ivanov@example.com", 'Иванов "Иван"', "1985-02-03", "2026-01-02 03:04:05",
         79161234567, 0.1, True],
    ]  # fmt: skip


def test_open_document_is_read(tmp_path: Path) -> None:
    cell = '<table:table-cell office:value-type="{}"{}><text:p>{}</text:p></table:table-cell>'
    rows = (
        "<table:table-row>"
        + cell.format("string", "", "a@example.com")
        + cell.format("float", ' office:value="41"', "41,00")
        + cell.format("date", ' office:date-value="2026-01-02"', "2. Jan")
        + cell.format("boolean", ' office:boolean-value="true"', "WAHR")
        + cell.format("time", ' office:time-value="PT09H05M00S"', "9:05")
        + cell.format("time", ' office:time-value="PT30H00M59.600000000S"', "30:01")
        + cell.format("time", ' office:time-value="P1D"', "24:00")
        + cell.format("date", ' office:date-value="2026-01-02T10:30:00"', "2. Jan 10:30")
        + "</table:table-row>"
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row>'
    )
    converted, _ = convert(ods(tmp_path / "a.ods", rows))
    assert converted == [
        ["a@example.com", 41, "2026-01-02", True, "09:05:00", "30:01:00", "P1D",
         "2026-01-02 10:30:00"],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"", "text"),
        (b"member.email\n", "text"),
        (b"PK\x03\x04" + bytes(30) + b"rows.csv", "zip"),
        (b"PK\x05\x06" + bytes(18), "zip"),
        (b"\x1f\x8b\x08", "gzip"),
        (b"%PDF-1.7\n", "pdf"),
        (b"<html>", "html"),
    ],
)
def test_kinds_are_told_by_their_first_bytes(tmp_path: Path, content: bytes, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert _native.sniff(str(path)) == kind


def test_kinds_of_spreadsheets_are_told(tmp_path: Path) -> None:
    assert _native.sniff(str(UGLY / "old.xls")) == "xls"
    assert _native.sniff(str(xlsx(tmp_path / "a.xlsx", {"S": sheet({})}))) == "xlsx"
    assert _native.sniff(str(ods(tmp_path / "a.ods", ""))) == "ods"
