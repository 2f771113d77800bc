"""`zmey import --express` and `zmey lists` through a real server."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from running_server import RunningServer, clean_environment, run_zmey

ROWS = """\
member.email;name;prize
Ann@Example.com;Ann;"cup; blue"
nobody;Bob;spoon
cy@example.com;[red]
"""
JSON_ROWS = '{"member.email": "ann@example.com", "order": {"sum": 1.50}, "name": "Ann"}\n'
EXPRESS = ("--express", "--auto-group", "winners", "--auto-group-name", "Winners [1]")


def zmey(server: RunningServer, *arguments: str, code: int = 0) -> str:
    done = run_zmey(*arguments, "--address", server.address)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


@pytest.fixture
def winners(tmp_path: Path) -> Path:
    path = tmp_path / "winners.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def test_a_file_becomes_a_list(server: RunningServer, winners: Path) -> None:
    told = zmey(server, "import", str(winners), *EXPRESS)
    words = [line.split() for line in told.splitlines()]
    assert ["created", "2"] in words
    assert ["list", "winners", "Winners", "[1]"] in words
    assert "updated" not in told, "an express import updates nobody"
    assert "`zmey lists rows winners` reads the list." in told
    table = zmey(server, "lists", "list")
    assert "winners" in table
    assert "Winners" in table
    (one,) = map(json.loads, zmey(server, "lists", "list", "--json").splitlines())
    assert (one["id"], one["name"], one["count"]) == ("winners", "Winners [1]", "2")
    shown = zmey(server, "lists", "show", "winners")
    for fragment in ("Winners [1]", "member.email, of type email", "name, prize", "operations/1"):
        assert fragment in shown
    caption = json.loads(zmey(server, "lists", "show", "winners", "--json"))["caption"]
    assert caption == {"address": "member.email", "columns": ["name", "prize"]}


def test_rows_come_back_as_they_were(server: RunningServer, winners: Path) -> None:
    zmey(server, "import", str(winners), *EXPRESS)
    found = list(csv.reader(io.StringIO(zmey(server, "lists", "rows", "winners"))))
    expected = [
        ["row", "member.email", "name", "prize"],
        ["2", "ann@example.com", "Ann", "cup; blue"],
        ["4", "cy@example.com", "[red]", ""],
    ]
    assert found == expected
    lines = zmey(server, "lists", "rows", "winners", "--from-row", "3", "--json").splitlines()
    row = {"row": 4, "address": "cy@example.com", "cells": ["[red]", ""]}
    assert [json.loads(line) for line in lines] == [row]


def test_cells_that_are_json_stay_json(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "orders.json"
    path.write_text(JSON_ROWS, encoding="utf-8")
    zmey(server, "import", str(path), "--express", "--auto-group", "orders")
    line = zmey(server, "lists", "rows", "orders", "--json")
    assert '{"sum":1.50}' in line, "to the byte"
    assert json.loads(line)["address"] == "ann@example.com"


def test_long_lists_come_page_by_page(server: RunningServer, tmp_path: Path) -> None:
    path, count = tmp_path / "many.csv", 25_000
    lines = (f"user{number}@example.com,{number}\n" for number in range(count))
    path.write_text("member.email,number\n" + "".join(lines), encoding="utf-8")
    zmey(server, "import", str(path), "--express", "--auto-group", "many")
    found = zmey(server, "lists", "rows", "many").splitlines()
    assert len(found) == count + 1
    assert found[-1] == f"{count + 1},user{count - 1}@example.com,{count - 1}"
    some = zmey(server, "lists", "rows", "many", "--limit", "12000").splitlines()
    assert some == found[:12_001]


def test_whoever_reads_may_stop(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "many.csv"
    lines = (f"user{number}@example.com\n" for number in range(25_000))
    path.write_text("member.email\n" + "".join(lines), encoding="utf-8")
    zmey(server, "import", str(path), "--express", "--auto-group", "many")
    command = [sys.executable, "-m", "zmey", "lists", "rows", "many"]
    with subprocess.Popen(
        [*command, "--address", server.address],
        env=clean_environment({}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as reading:
        assert reading.stdout is not None
        assert reading.stderr is not None
        assert reading.stdout.readline() == b"row,member.email\n"
        reading.stdout.close()
        assert reading.stderr.read() == b"", "a pipe that closes is no error to tell of"


def test_lists_are_cleaned_and_deleted(server: RunningServer, winners: Path) -> None:
    zmey(server, "import", str(winners), *EXPRESS)
    zmey(server, "lists", "clean", "winners")
    assert zmey(server, "lists", "rows", "winners") == "row,member.email,name,prize\n"
    zmey(server, "lists", "delete", "winners")
    assert zmey(server, "lists", "list", "--json") == ""
    for command in ("show", "rows", "clean", "delete"):
        assert "EXPRESS_LIST_UNKNOWN" in zmey(server, "lists", command, "winners", code=1)


def test_a_probe_tells_which_rows_the_list_gets(server: RunningServer, winners: Path) -> None:
    told = zmey(server, "import", str(winners), "--probe", *EXPRESS)
    for fragment in ("has the addresses of the list", "is kept as it is", "created", "EMAIL_NO_AT"):
        assert fragment in told
    assert zmey(server, "lists", "list", "--json") == ""
    zmey(server, "import", str(winners), *EXPRESS)
    done = run_zmey("import", str(winners), "--probe", *EXPRESS, "--address", server.address)
    assert done.returncode == 1
    assert "EXPRESS_LIST_EXISTS" in done.stdout
    assert "EXPRESS_LIST_EXISTS" in zmey(
        server, "import", str(winners), *EXPRESS, "--again", code=1
    )


def test_the_code_may_be_that_of_the_time(server: RunningServer, winners: Path) -> None:
    named = ("--express", "--auto-group-name", "Winners", "--json")
    summary = json.loads(zmey(server, "import", str(winners), *named))
    assert summary["list"].startswith("importex20")
    assert "group" not in summary
    (one,) = map(json.loads, zmey(server, "lists", "list", "--json").splitlines())
    assert (one["id"], one["name"]) == (summary["list"], "Winners")
