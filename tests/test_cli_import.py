"""`zmey import` and `zmey operations` through a real server."""

import csv
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from google.longrunning.operations_pb2 import CancelOperationRequest, GetOperationRequest

from conftest import StartServer
from messages import resolve_request
from running_server import RunningServer, run_zmey
from zmey.cli.import_watch import unpack_metadata
from zmey.client import Client
from zmey.client.uploads import upload_file
from zmey.v1.import_job_pb2 import ImportSource, StartImportRequest
from zmey.v1.import_rows_pb2 import ImportOptions
from zmey.v1.space_pb2 import Space

BYTE_ORDER_MARK = "\ufeff"
MIXED = '''\
external_customer_id,member.email,name,born:dt:YD,-
1,ann@example.com,Ann,1980-01-02,x
2,not-an-address,Bob,,x
3,"cy@example.com","Cy, the ""third""",1990-3-4,x
5,eve@example.com,Eve,,x,too many
6,fay@example.com,Fay,1980-02-30,x
'''


def write_people(path: Path, rows: int) -> None:
    lines = [f"user{number}@example.com,Name {number}" for number in range(rows)]
    path.write_text("member.email,name\n" + "\n".join(lines) + "\n", encoding="utf-8")


def zmey(server: RunningServer, *arguments: str, code: int = 0) -> str:
    done = run_zmey(*arguments, "--address", server.address)
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stderr


def import_json(server: RunningServer, *arguments: str) -> dict[str, Any]:
    found = json.loads(zmey(server, "import", *arguments, "--json"))
    assert isinstance(found, dict)
    return found


def test_a_file_goes_in_and_rejects_come_out(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(BYTE_ORDER_MARK + MIXED, encoding="utf-8")
    summary = import_json(server, str(path))
    assert (summary["read"], summary["created"], summary["rejected"]) == (5, 3, 2)
    rejects = read_rejects(tmp_path / "people.csv.rejects.csv")
    found = {reject["row"]: reject["reason"] for reject in rejects}
    assert found == {"5": "IMPORT_CELLS_TOO_MANY", "6": "DATAKEY_DATE_INVALID"}
    assert rejects[1]["member.email"] == "fay@example.com", "the row comes back as it was"
    member = json.loads(zmey(server, "get", "--external-id", "3", "--json"))
    assert member["data"] == {"name": 'Cy, the "third"', "born": "1990-03-04"}
    assert ["csid", "3"] in [[head["type"], head["value"]] for head in member["heads"]]


def read_rejects(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {name or "": value for name, value in row.items() if isinstance(value, str)}
            for row in csv.DictReader(file)
        ]


def test_a_clean_file_leaves_no_rejects(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, 10)
    stale = tmp_path / "people.csv.rejects.csv"
    stale.write_text("from an earlier import", encoding="utf-8")
    summary = import_json(server, str(path))
    assert (summary["created"], summary["rejected"]) == (10, 0)
    assert not stale.exists()


def test_a_clean_file_takes_no_file_away_that_is_no_report(
    server: RunningServer, tmp_path: Path
) -> None:
    path, other = tmp_path / "people.csv", tmp_path / "other.csv"
    write_people(path, 10)
    other.write_text("mine", encoding="utf-8")
    assert import_json(server, str(path), "--report", str(other))["created"] == 10
    assert other.read_text(encoding="utf-8") == "mine"
    other.write_text("row,reason,message,details,member.email\n", encoding="utf-8")
    assert import_json(server, str(path), "--report", str(other), "--again")["rejected"] == 0
    assert not other.exists(), "it was the report of an earlier import"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--report r.csv --no-watch", "`zmey operations report` writes it later"),
        ("--report r.csv --probe", "--probe imports nothing"),
        ("--attempts 2", "are for URLs"),
        ("--interval 2", "are for URLs"),
        ("--secret shop", "are for URLs"),
        ("--separator .", "known are `,` `;` `|` `tab`."),
    ],
)
def test_options_that_would_do_nothing_are_refused(
    server: RunningServer, tmp_path: Path, options: str, told: str
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(MIXED, encoding="utf-8")
    assert told in " ".join(zmey(server, "import", str(path), *options.split(), code=2).split())


def test_a_report_does_not_take_the_place_of_its_file(
    server: RunningServer, tmp_path: Path
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(MIXED, encoding="utf-8")
    errors = zmey(server, "import", str(path), "--report", str(path), code=2)
    assert "is the file itself" in errors
    assert path.read_text(encoding="utf-8") == MIXED


def test_the_command_for_rejected_rows_of_a_url_is_told(
    start_server: StartServer, tmp_path: Path
) -> None:
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "people.csv").write_text(MIXED, encoding="utf-8")
    server = start_server("--upload-folder", str(tmp_path / "shop"))
    done = run_zmey("import", "rfs://upload/people.csv", "--address", server.address)
    assert done.returncode == 0, done.stderr
    command = "zmey operations report spaces/1/1/operations/1"
    assert f"`{command} FILE`" in done.stderr
    report = tmp_path / "rejects.csv"
    zmey(server, *command.split()[1:], str(report))
    assert len(read_rejects(report)) == 2


def test_a_pipe_has_no_report_beside_it(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = threading.Thread(target=path.write_text, args=[MIXED], kwargs={"encoding": "utf-8"})
    writer.start()
    done = run_zmey("import", str(path), "--address", server.address)
    writer.join()
    assert done.returncode == 0, done.stderr
    assert "zmey operations report spaces/1/1/operations/1 FILE" in done.stderr
    assert [file.name for file in tmp_path.glob("pipe*")] == ["pipe"]


def test_the_same_command_again_begins_nothing(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, 10)
    first = import_json(server, str(path))
    assert import_json(server, str(path)) == first
    again = import_json(server, str(path), "--again")
    assert again["operation"] != first["operation"]
    assert (again["created"], again["unchanged"]) == (0, 10)


def test_what_an_import_warns_of_is_shown(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("member.email,,name\nann@example.com,x,Ann\n", encoding="utf-8")
    shown = zmey(server, "import", str(path))
    sentence = "Column 2 has no name and is not read"
    assert sentence in shown
    assert "IMPORT_COLUMN_UNNAMED (column=1)" in shown
    summary = import_json(server, str(path))
    [warning] = summary["import_warnings"]
    assert (warning["reason"], warning["details"]) == ("IMPORT_COLUMN_UNNAMED", {"column": "1"})
    assert sentence in warning["message"]
    for command in ("get", "wait"):
        assert sentence in zmey(server, "operations", command, summary["operation"])
        told = json.loads(zmey(server, "operations", command, summary["operation"], "--json"))
        assert told["import_warnings"] == [warning]


def test_a_mended_report_is_not_lost(server: RunningServer, tmp_path: Path) -> None:
    path, report = tmp_path / "people.csv", tmp_path / "people.csv.rejects.csv"
    path.write_text(MIXED, encoding="utf-8")
    name = import_json(server, str(path))["operation"]
    report.write_text("mended", encoding="utf-8")
    done = run_zmey("import", str(path), "--address", server.address)
    assert done.returncode == 0
    assert f"zmey operations report {name} FILE" in done.stderr
    assert report.read_text(encoding="utf-8") == "mended", "a repeat has nothing new to tell"
    path.write_text("name\nx\n", encoding="utf-8")
    zmey(server, "import", str(path), code=1)
    assert report.read_text(encoding="utf-8") == "mended", "the import did not even begin"
    report.unlink()
    path.write_text(MIXED, encoding="utf-8")
    assert import_json(server, str(path))["operation"] == name
    assert len(read_rejects(report)) == 2, "whoever stopped watching gets it by a repeat"


def test_a_report_of_nothing_leaves_files_alone(server: RunningServer, tmp_path: Path) -> None:
    path, other = tmp_path / "people.csv", tmp_path / "other.csv"
    write_people(path, 1)
    other.write_text("mine", encoding="utf-8")
    name = import_json(server, str(path))["operation"]
    assert "No row was rejected" in zmey(server, "operations", "report", name, str(other))
    assert other.read_text(encoding="utf-8") == "mine"


def test_foreign_columns_are_mapped(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text("RECORD_ID, EMAIL,Full.Name\nr-1, A@Example.com , Ann \n", encoding="utf-8")
    maps = ("--map", "RECORD_ID=external_customer_id", "--map", "EMAIL=member.email")
    summary = import_json(server, str(path), *maps, "--prefix", "crm.", "--trim")
    assert summary["created"] == 1
    member = json.loads(zmey(server, "get", "--email", "a@example.com", "--json"))
    assert member["data"] == {"crm": {"Full.Name": "Ann"}}


def test_a_probe_tells_and_writes_nothing(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "люди.csv"
    text = "member.email;имя;=visits\nann@example.com;Анна;1\nnobody;Борис;2\n"
    path.write_text(text, encoding="cp1251")
    shown = zmey(server, "import", str(path), "--probe")
    for fragment in ("cp1251", "semicolon", "names of columns", "имя", "Анна", "created"):
        assert fragment in shown
    with Client(server.address) as client:
        answer = client.matches.Resolve(resolve_request("ann@example.com"), timeout=5)
    assert answer.resolution.contact_id == 0


def test_an_import_is_followed_listed_and_forgotten(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(MIXED, encoding="utf-8")
    name = zmey(server, "import", str(path), "--no-watch", "--track-info", "nightly").strip()
    assert "succeeded" in zmey(server, "operations", "wait", name)
    listed = zmey(server, "operations", "list")
    assert name in listed
    assert "nightly" in listed
    assert json.loads(zmey(server, "operations", "get", name, "--json"))["rejected"] == 2
    rejects = tmp_path / "rejects.csv"
    zmey(server, "operations", "report", name, str(rejects))
    assert len(read_rejects(rejects)) == 2
    zmey(server, "operations", "delete", name)
    assert "IMPORT_UNKNOWN" in zmey(server, "operations", "get", name, code=1)
    assert zmey(server, "operations", "list", "--json") == ""


def test_a_cancelled_import_says_what_it_did(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, 300_000)
    space = Space(account_id=1, db_id=1)
    with Client(server.address) as client, path.open("rb") as file:
        source = ImportSource(upload=upload_file(client, space, file))
        request = StartImportRequest(source=source, options=ImportOptions(space=space))
        # At once: until a command had ended, the import might have, too.
        name = client.imports.StartImport(request).operation
        client.operations.CancelOperation(CancelOperationRequest(name=name))
    assert "cancelled" in zmey(server, "operations", "wait", name, code=1)
    told = json.loads(zmey(server, "operations", "get", name, "--json"))
    assert told["state"] == "cancelled"
    with Client(server.address) as client:
        present = sum(
            client.matches.Resolve(resolve_request(f"user{n}@example.com")).resolution.contact_id
            > 0
            for n in (told["created"] - 1, told["created"])
            if n >= 0
        )
    assert present == min(1, told["created"]), "the counters are exact"


def test_a_killed_server_goes_on_by_itself(start_server: StartServer, tmp_path: Path) -> None:
    path, store, rows = tmp_path / "people.csv", tmp_path / "killed", 200_000
    write_people(path, rows)
    server = start_server(store=store)
    name = zmey(server, "import", str(path), "--no-watch").strip()
    durable = wait_for_rows(server, name)
    server.kill()
    again = start_server(store=store)
    summary = json.loads(zmey(again, "operations", "wait", name, "--json"))
    assert (summary["read"], summary["created"], summary["rejected"]) == (rows, rows, 0)
    with Client(again.address) as client:
        for number in (0, durable - 1, rows // 2, rows - 1):
            request = resolve_request(f"user{number}@example.com")
            assert client.matches.Resolve(request, timeout=5).resolution.contact_id == number + 1


def test_followers_do_not_hurry_where_too_many_wait(start_server: StartServer) -> None:
    """The server has one thread for those who wait, and answers the others at once."""
    network = ("--allowed-networks", "127.0.0.0/8")
    server = start_server("--workers", "4", "--concurrent-imports-max", "1", *network)
    late = ["http://127.0.0.1:1/late.csv", "--attempts", "2", "--interval", "600"]
    name = zmey(server, "import", *late, "--no-watch").strip()
    followers: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(3):
            command = [sys.executable, "-m", "zmey", "operations", "wait", name]
            command += ["--address", server.address]
            followers.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        until = time.monotonic() + 30
        while calls_of_wait(server) < len(followers) and time.monotonic() < until:
            time.sleep(0.05)
        before = calls_of_wait(server)
        time.sleep(2)
        # Twice a second each, and one more on either side.
        assert 0 < calls_of_wait(server) - before <= 6 * len(followers)
    finally:
        zmey(server, "operations", "cancel", name)
        for follower in followers:
            assert follower.wait(30) == 1


def calls_of_wait(server: RunningServer) -> float:
    """Counts the answered calls of WaitOperation."""
    with urlopen(f"http://{server.metrics_address}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    method = 'method="/google.longrunning.Operations/WaitOperation"'
    start = f"zmey_call_seconds_count{{{method}}}"
    found = [line for line in text.splitlines() if line.startswith(start)]
    return float(found[0].split()[-1]) if found else 0.0


def wait_for_rows(server: RunningServer, name: str) -> int:
    """Waits until some rows are durable; returns how many."""
    until = time.monotonic() + 30
    with Client(server.address) as client:
        while time.monotonic() < until:
            operation = client.operations.GetOperation(GetOperationRequest(name=name))
            read: int = unpack_metadata(operation).counters.read
            assert not operation.done, "too few rows to be killed between"
            if read:
                return read
            time.sleep(0.005)
    message = "no row was imported"
    raise AssertionError(message)


@pytest.mark.parametrize(
    ("content", "arguments", "code", "fragment"),
    [
        ("name\nx\n", [], 1, "whose row it is"),
        ("member.fax\nx\n", [], 1, "member.fax"),
        ("member.email\nx\n", ["--map", "y=z"], 1, "y"),
        ("member.email\nx\n", ["--map", "y"], 2, "is not COLUMN=TARGET"),
        ("member.email\nx\n", ["--map", "a=b", "--map", "a=c"], 2, "--map has 'a' twice"),
        ("member.email\nx\n", ["--map", "a=b", "--first-line", "data"], 1, "have no names"),
        ("member.email\nx\n", ["--origin", "4294967296"], 2, "greatest is 4294967295"),
        ("member.email\nx\n", ["--shape", "spreadsheet"], 1, "The file is no spreadsheet"),
        ("member.email\nx\n", ["--order", "best"], 2, "is no order"),
        ("member.email\nx\n", ["--if-exists", "maybe"], 2, "known are update"),
        ("member.email\nx\n", ["--charset", "ebcdic"], 2, "known are `utf-8`"),
        ("member.email\nx\n", ["--db", "9"], 1, "SPACE_UNKNOWN"),
    ],
)
def test_mistakes_are_explained(
    server: RunningServer,
    tmp_path: Path,
    content: str,
    arguments: list[str],
    code: int,
    fragment: str,
) -> None:
    path = tmp_path / "people.csv"
    path.write_text(content, encoding="utf-8")
    errors = zmey(server, "import", str(path), *arguments, code=code)
    assert fragment in errors
    assert "Traceback" not in errors


def test_a_sheet_of_what_has_none_is_passed_over(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text("member.email\nann@example.com\n", encoding="utf-8")
    probed = zmey(server, "import", str(path), "--sheet", "People", "--probe")
    assert "The sheet 'People' is passed over" in probed
    (warning,) = import_json(server, str(path), "--sheet", "People")["import_warnings"]
    assert warning["details"]["field"] == "reading.sheet"


def test_a_probe_of_nothing_warns(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "empty.csv"
    path.touch()
    done = run_zmey("import", str(path), "--probe", "--address", server.address)
    assert done.returncode == 1
    assert "The file has no rows" in done.stdout
    assert "cannot be imported like that" in done.stderr


def test_a_missing_file_is_named(server: RunningServer, tmp_path: Path) -> None:
    errors = zmey(server, "import", str(tmp_path / "nowhere.csv"), code=1)
    assert "nowhere.csv cannot be read" in errors


def test_no_server_is_exit_code_3(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, 1)
    done = run_zmey("import", str(path), "--address", "127.0.0.1:1")
    assert done.returncode == 3
    assert "zmey serve" in done.stderr
    assert list(tmp_path.iterdir()) == [path]


def test_addresses_get_numbers_without_members(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "addresses.csv"
    path.write_text("member.email\nann@example.com\n", encoding="utf-8")
    summary = import_json(server, str(path), "--no-member")
    assert (summary["state"], summary["read"], summary["rejected"]) == ("succeeded", 1, 0)


def test_what_callers_write_is_no_markup(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people[red].csv"
    path.write_text("member.email\nann@example.com\n", encoding="utf-8")
    told = zmey(server, "import", str(path), "--track-info", "[/red] run [7]", "--auto-group",
                "[/x]")  # fmt: skip
    assert "[/x]" in told
    assert "[/red] run [7]" in zmey(server, "operations", "list")
