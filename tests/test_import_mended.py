"""A report of rejected rows that was mended does what the mended file would have done."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conftest import StartServer
from running_server import RunningServer, run_zmey
from test_sources_sheets import xlsx

# What is wrong with the rows, and what they should have said.
WRONG, RIGHT = "nobody", "bo@example.com"
WRONG_TOO, RIGHT_TOO = "nowhere", "cy@example.com"
NO_DATE, DATE = "some day", "1990-05-06"

CSV = r"""member.email,=visits,-group.news,balance,list:push,doc:merge:json,'odd,phone
ann@example.com,1,1,2,x,"{""a"": 1}",y,
nobody,-5,1,-7,=x,"{""a"": -1}",'=1,+44 20 7946 0018
nowhere,+3,,'@x,-y,"{""b"": [true, null]}","#t
#u",null
"""
DOCUMENT = json.dumps(
    {
        "caption": [
            {"datakey": "member.email"},
            {"datakey": "visits", "calc": 1},
            {"datakey": "tags", "mode": "push"},
            {"datakey": "born", "type": "dt:YD"},
            {"datakey": "n"},
            {"datakey": "=odd"},
            {"datakey": "shop"},
            {"datakey": "bonus.{shop}"},
            {"ignore": 1, "datakey": "old"},
        ],
        "rows": [
            ["nobody", -2, "=a", "1990-05-06", -1.50, "x", "one", 3, 1],
            ["nowhere", None, -7, None, "text", None, "two", {"a": [1, "b"]}, None],
            ["ann@example.com", 1, "b", "1990-05-06", None, None, "one", None, "x"],
        ],
    }
)
LINES = """\
{"member.tg": -100123, "member.email": "bo@example.com", "n": true, "t": "5", "d:dt:YD": "some day"}
{"member.email": "cy@example.com", "n": "true", "t": "-6", "a.b": [1, {}], "d:dt:YD": "some day"}
"""
RENAMED = """\
ID,EMAIL,Full.Name,to,day
7,bo@example.com,-Bo,x@example.com,some day
8,cy@example.com,Cy,,some day
"""
MAPS = ("--map", "ID=external_customer_id", "--map", "EMAIL=member.email",
        "--map", "to=member.head.attach", "--map", "day=at:dt:YD", "--prefix", "crm.")  # fmt: skip


def workbook(text: Callable[[str], str]) -> bytes:
    """Makes a sheet with numbers, texts and cells that are empty."""

    def row(number: int, *cells: str | float | None) -> str:
        written = ""
        for column, cell in zip("ABCDE", cells, strict=False):
            if isinstance(cell, str):
                shown = f"<is><t>{text(cell)}</t></is>"
                written += f'<c r="{column}{number}" t="inlineStr">{shown}</c>'
            elif cell is not None:
                written += f'<c r="{column}{number}"><v>{cell}</v></c>'
        return f'<row r="{number}">{written}</row>'

    rows = [
        row(1, "member.email", "n", "empty", "whole", "last"),
        row(2, WRONG, -5.5, None, 123, "x"),
        row(3, WRONG_TOO, "-5.5", None, None, 7),
    ]
    return xlsx(One=f"<sheetData>{''.join(rows)}</sheetData>")


def mended(text: str) -> str:
    return text.replace(WRONG, RIGHT).replace(WRONG_TOO, RIGHT_TOO).replace(NO_DATE, DATE)


def written(text: str) -> tuple[bytes, bytes]:
    """A file as it is and mended."""
    return text.encode(), mended(text).encode()


FILES: dict[str, tuple[tuple[bytes, bytes], tuple[str, ...]]] = {
    "people.csv": (written(CSV), ()),
    "people.json": (written(DOCUMENT), ()),
    "people.jsonl": (written(LINES), ()),
    "people.xlsx": ((workbook(str), workbook(mended)), ()),
    "renamed.csv": (written(RENAMED), MAPS),
}


def run(server: RunningServer, *arguments: str) -> dict[str, Any]:
    done = run_zmey(*arguments, "--json", "--address", server.address)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def member(server: RunningServer, email: str) -> tuple[Any, list[Any]]:
    """What is known of a member, but for numbers that the store gives."""
    found = run(server, "get", "--email", email, "*", "member.*")
    heads = [
        (head["addr_type"], head["email"], sorted(head["-group"]))
        for head in found["data"]["member.*"]["heads"]
    ]
    return found["data"]["*"], heads


@pytest.mark.parametrize("name", FILES)
def test_a_mended_report_is_the_mended_file(
    start_server: StartServer, tmp_path: Path, name: str
) -> None:
    (broken, whole), options = FILES[name]
    reported = start_server(store=tmp_path / "reported")
    straight = start_server(store=tmp_path / "straight")
    path, report = tmp_path / name, tmp_path / f"{name}.rejects.csv"
    path.write_bytes(whole)
    assert run(straight, "import", str(path), *options)["rejected"] == 0
    path.write_bytes(broken)
    assert run(reported, "import", str(path), *options)["rejected"] == 2
    # Read and written byte for byte: cells have line ends of their own.
    report.write_bytes(mended(report.read_bytes().decode()).encode())
    summary = run(reported, "import", str(report), *options)
    assert (summary["read"], summary["rejected"]) == (2, 0)
    for email in (RIGHT, RIGHT_TOO):
        assert member(reported, email) == member(straight, email)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_report_keeps_its_lines_in_a_spreadsheet(
    server: RunningServer, tmp_path: Path, separator: str
) -> None:
    cells = [
        ["row", "reason", "message", "details", "#key", "member.email", "'=visits"],
        ["2", "X", '"two\nlines"', "", "#a", "ann@example.com", "'-5"],
        [],
        ["3", "X", "", "", "b", "nobody", "1"],
    ]
    text = "\r\n".join(separator.join(row) for row in cells)
    path = tmp_path / "saved.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    summary = run(server, "import", str(path), "--charset", "cp1251", "--map", "a=b")
    assert (summary["read"], summary["created"], summary["rejected"]) == (2, 1, 1)
    again = (tmp_path / "saved.csv.rejects.csv").read_text(encoding="utf-8").splitlines()
    assert again[0] == 'row,reason,message,details,"#key",member.email,\'=visits'
    assert again[1].startswith("5,"), "the row is found by the number of its line"
    data = run(server, "get", "--email", "ann@example.com", "*")["data"]
    assert data == {"#key": "#a", "visits": -5}


def test_a_report_that_cannot_be_read_is_named(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "saved.csv"
    path.write_bytes("row,reason,message,details,member.email,имя\n".encode("cp1251"))
    done = run_zmey("import", str(path), "--address", server.address)
    assert done.returncode == 1
    assert "no CSV in UTF-8" in done.stderr


def test_a_report_in_another_form_is_no_file_of_people(
    server: RunningServer, tmp_path: Path
) -> None:
    """Its first columns would become data of members."""
    path = tmp_path / "saved.csv"
    path.write_text("row,reason,message,details,member.email\n2,X,,,ann@example.com\n", "utf-16")
    done = run_zmey("import", str(path), "--address", server.address)
    assert done.returncode == 1
    assert "report of rejected rows; save it as CSV in UTF-8" in done.stderr
