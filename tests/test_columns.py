"""Column names, maps and prefixes; CSV rows; chunks."""

from pathlib import Path

import pytest

from zmey.cli.chunks import CHUNK_BYTES_MAX, CHUNK_ROWS_MAX, chunks_of
from zmey.cli.columns import parse_target, plan_columns
from zmey.cli.csv_rows import CELL_BYTES_MAX, CsvFile, SourceRow
from zmey.cli.exits import CommandError, UsageError
from zmey.v1.address_pb2 import ADDRESS_TYPE_CSID, ADDRESS_TYPE_EMAIL, ADDRESS_TYPE_MSISDN
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


def address(kind: int) -> ImportColumn:
    column = ImportColumn(address=AddressColumn())
    column.address.type = kind  # type: ignore[assignment]
    return column


def datakey(path: str, mode: str = "SET", kind: str = "", **more: object) -> ImportColumn:
    column = DatakeyColumn(path=path, type=kind, format=CELL_FORMAT_TEXT)
    column.mode = DatakeyMode.Value("DATAKEY_MODE_" + mode)  # type: ignore[assignment]
    for name, value in more.items():
        setattr(column, name, value)
    return ImportColumn(datakey=column)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("contact_id", ImportColumn(contact_id=ContactIdColumn())),
        ("external_customer_id", address(ADDRESS_TYPE_CSID)),
        ("member.csid", address(ADDRESS_TYPE_CSID)),
        ("member.email", address(ADDRESS_TYPE_EMAIL)),
        ("member.msisdn", address(ADDRESS_TYPE_MSISDN)),
        ("member.cellphone", address(ADDRESS_TYPE_MSISDN)),
        ("-", ImportColumn(ignored=IgnoredColumn())),
        ("@crm.id", ImportColumn(field=FieldColumn(path="crm.id"))),
        (r"\@home", datakey("@home")),
        ("name", datakey("name")),
        ("-group.news", datakey("-group.news")),
        ("visits:update", datakey("visits", "UPDATE")),
        ("base.birth:set:dt:YD", datakey("base.birth", kind="dt:YD")),
        ("home:merge:json", datakey("home", "MERGE", format=CELL_FORMAT_JSON)),
        ("note:empty", datakey("note", write_empty=True)),
        (r"a\:b", datakey("a:b")),
        (r"a\.b", datakey(r"a\.b")),
    ],
)
def test_column_names_are_read(name: str, expected: ImportColumn) -> None:
    assert parse_target(name) == expected


@pytest.mark.parametrize(
    ("name", "fragment"),
    [
        ("member.fax", "known are member.email"),
        ("member.", "known are"),
        ("a:sett", "After a datakey may stand"),
        ("a:set.copy", "copy mode"),
    ],
)
def test_wrong_column_names_say_what_is_known(name: str, fragment: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_target(name)
    assert fragment in refused.value.message


def test_maps_and_prefix_take_a_foreign_file_as_it_is() -> None:
    columns = plan_columns(
        ["ID", " EMAIL ", "Date: of.birth", "member.tg"],
        ["ID=external_customer_id", "ID=crm.id", "EMAIL=member.email"],
        "crm.",
    )
    assert [column.source for column in columns] == [0, 0, 1, 2, 3]
    paths = [column.target.datakey.path for column in columns]
    assert paths == ["", "crm.id", "", r"crm.Date: of\.birth", ""]


@pytest.mark.parametrize(
    ("header", "maps", "fragment"),
    [
        (["name"], [], "No column says whose row it is"),
        (["member.email", ""], [], "Column 2 has no name"),
        (["member.email", "a", "a"], [], "'a' twice"),
        (["member.email"], ["x"], "is not COLUMN=TARGET"),
        (["member.email"], ["x=y"], "the file has member.email"),
        (["member.email"], ["member.email="], "is not COLUMN=TARGET"),
    ],
)
def test_wrong_plans_are_refused(header: list[str], maps: list[str], fragment: str) -> None:
    with pytest.raises(UsageError) as refused:
        plan_columns(header, maps)
    assert fragment in refused.value.message


def read(
    tmp_path: Path, content: bytes, *, trim: bool = False
) -> tuple[list[str], list[SourceRow]]:
    path = tmp_path / "file.csv"
    path.write_bytes(content)
    with CsvFile(path, trim=trim) as file:
        return file.header, list(file.rows())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a,b\n1,2\n", [(1, 2, ["1", "2"], False)]),
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n", [(1, 2, ["1", "2"], False)]),
        (b"a\n\n\n1\n", [(1, 4, ["1"], False)]),
        (b'a,b\n"x\ny",1\n2,3', [(1, 2, ["x\ny", "1"], False), (2, 4, ["2", "3"], False)]),
        (b'a\n"x"y\n2\n', [(1, 2, ['"x"y'], True), (2, 3, ["2"], False)]),
        (b'a\n"he said ""hi"""\n', [(1, 2, ['he said "hi"'], False)]),
        (b"a\n", []),
    ],
)
def test_rows_are_read(
    tmp_path: Path, content: bytes, expected: list[tuple[int, int, list[str], bool]]
) -> None:
    _, rows = read(tmp_path, content)
    found = [(row.number, row.line, row.cells, bool(row.problem)) for row in rows]
    assert found == expected


def test_bytes_survive_reading(tmp_path: Path) -> None:
    header, (row,) = read(tmp_path, "имя\nЁж".encode() + b"\xff\x85\n")
    assert header == ["имя"]
    assert row.cells[0].encode("latin-1") == "Ёж".encode() + b"\xff\x85"


def test_trim_cuts_cells(tmp_path: Path) -> None:
    _, (row,) = read(tmp_path, b"a,b\n x ,\ty\n", trim=True)
    assert row.cells == ["x", "y"]


@pytest.mark.parametrize(
    ("content", "fragment"),
    [
        (b"", "must name the columns"),
        (b"\xff\n", "no UTF-8"),
        (b'a\n1\n"open\n2\n3\n', "line 3: a quote"),
        (b"a\n" + b"x" * (CELL_BYTES_MAX + 1) + b"\n", "line 2"),
    ],
)
def test_unreadable_files_are_refused_with_the_line(
    tmp_path: Path, content: bytes, fragment: str
) -> None:
    with pytest.raises(CommandError) as refused:
        read(tmp_path, content)
    assert fragment in refused.value.message


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        CsvFile(tmp_path / "none.csv")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (0, []),
        (1, [1]),
        (CHUNK_ROWS_MAX, [CHUNK_ROWS_MAX]),
        (CHUNK_ROWS_MAX + 1, [CHUNK_ROWS_MAX, 1]),
    ],
)
def test_chunks_are_bounded_by_rows(rows: int, expected: list[int]) -> None:
    chunks = list(chunks_of(SourceRow(number, number + 1, ["x"]) for number in range(rows)))
    assert [len(chunk.rows) for chunk in chunks] == expected
    assert [chunk.number for chunk in chunks] == list(range(1, len(expected) + 1))


def test_chunks_are_bounded_by_bytes() -> None:
    row = SourceRow(1, 2, ["x" * (CHUNK_BYTES_MAX // 2)])
    assert [len(chunk.rows) for chunk in chunks_of([row, row, row])] == [1, 1, 1]


def test_a_file_of_unreadable_rows_sends_nothing() -> None:
    (chunk,) = chunks_of([SourceRow(1, 2, ["x"], "unreadable")])
    assert (chunk.number, chunk.rows, len(chunk.unreadable)) == (0, [], 1)


def test_cells_follow_the_columns() -> None:
    columns = plan_columns(["a", "member.email"], ["a=x", "a=y"])
    rows = [["1", "e"], ["1"], ["1", "e", "more"]]
    (chunk,) = chunks_of(SourceRow(number, 2, cells) for number, cells in enumerate(rows))
    sent = [list(row.cells) for row in chunk.encode(columns).chunk.rows]
    assert sent == [[b"1", b"1", b"e"], [b"1", b"1", b""], [b"1", b"1", b"e", b"more"]]
