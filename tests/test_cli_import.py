"""`zmey import` through a real server: counts, rejects, resuming, a server that vanishes."""

import csv
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.request import urlopen

import pytest

from conftest import StartServer
from messages import import_options, resolve_request
from running_server import RunningServer, clean_environment, run_zmey
from zmey.cli.chunks import CHUNK_ROWS_MAX, chunks_of
from zmey.cli.columns import plan_columns
from zmey.cli.csv_rows import CsvFile
from zmey.client import Client

BYTE_ORDER_MARK = "\ufeff"
MIXED = '''\
external_customer_id,member.email,name,born:dt:YD,-
1,ann@example.com,Ann,1980-01-02,x
2,not-an-address,Bob,,x
3,"cy@example.com","Cy, the ""third""",1990-3-4,x
"4"4,dee@example.com,Dee,,x
5,eve@example.com,Eve,,x,too many
6,fay@example.com,Fay,1980-02-30,x
'''


def write_people(path: Path, rows: int) -> None:
    lines = [f"user{number}@example.com,Name {number}" for number in range(rows)]
    path.write_text("member.email,name\n" + "\n".join(lines) + "\n", encoding="utf-8")


def import_json(server: RunningServer, *arguments: str) -> dict[str, object]:
    done = run_zmey("import", *arguments, "--json", "--address", server.address)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_a_file_goes_in_and_rejects_come_out(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    path.write_text(BYTE_ORDER_MARK + MIXED, encoding="utf-8")
    report = import_json(server, str(path))
    # An invalid e-mail beside a good external id is a warning or a reject: the core's rules say.
    assert report["read"] == 6
    rejects = read_rejects(tmp_path / "people.csv.rejects.csv")
    found = {reject["row"]: (reject["line"], reject["reason"]) for reject in rejects}
    assert found["4"] == ("5", "CSV_ROW_UNREADABLE")
    assert found["5"] == ("6", "IMPORT_CELLS_TOO_MANY")
    assert found["6"] == ("7", "DATAKEY_DATE_INVALID")
    assert report["rejected"] == len(rejects)
    dates = next(reject for reject in rejects if reject["row"] == "6")
    assert dates["member.email"] == "fay@example.com", "the row comes back as it was"
    got = run_zmey("get", "--external-id", "3", "--json", "--address", server.address)
    member = json.loads(got.stdout)
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
    report = import_json(server, str(path))
    assert (report["created"], report["rejected"]) == (10, 0)
    assert not stale.exists()


def test_the_same_command_again_changes_nothing(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, 10)
    import_json(server, str(path))
    assert import_json(server, str(path))["repeated"] == 10
    again = import_json(server, str(path), "--no-resume")
    assert (again["repeated"], again["unchanged"]) == (0, 10)


def test_foreign_columns_are_mapped(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "crm.csv"
    path.write_text("RECORD_ID, EMAIL,Full.Name\nr-1, A@Example.com , Ann \n", encoding="utf-8")
    maps = ("--map", "RECORD_ID=external_customer_id", "--map", "EMAIL=member.email")
    report = import_json(server, str(path), *maps, "--prefix", "crm.", "--trim")
    assert report["created"] == 1
    got = run_zmey("get", "--email", "a@example.com", "--json", "--address", server.address)
    assert json.loads(got.stdout)["data"] == {"crm": {"Full.Name": "Ann"}}


def test_validate_only_writes_nothing(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, 3)
    assert import_json(server, str(path), "--validate-only")["created"] == 3
    with Client(server.address) as client:
        answer = client.matches.Resolve(resolve_request("user1@example.com"), timeout=5)
    assert answer.resolution.contact_id == 0


def test_an_import_goes_on_where_it_stopped(server: RunningServer, tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, CHUNK_ROWS_MAX + 100)
    with CsvFile(path) as file, Client(server.address) as client:
        columns = plan_columns(file.header)
        first = next(chunks_of(file.rows())).encode(columns)
        options = import_options("by-hand")
        answers = list(client.imports.StreamImport(iter([options, first]), timeout=30))
    assert answers[-1].receipt.chunk == 1
    report = import_json(server, str(path), "--import-id", "by-hand")
    assert (report["repeated"], report["created"]) == (CHUNK_ROWS_MAX, 100)


def test_a_server_that_vanishes_loses_no_acknowledged_row(
    start_server: StartServer, tmp_path: Path
) -> None:
    path, store, rows = tmp_path / "people.csv", tmp_path / "killed", 100_000
    write_people(path, rows)
    server = start_server(store=store)
    running = subprocess.Popen(
        [sys.executable, "-m", "zmey", "import", str(path), "--address", server.address],
        env=clean_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_commit(server)
    server.kill()
    _, errors = running.communicate(timeout=30)
    assert running.returncode == 3, errors
    assert "rows are acknowledged and durable" in errors
    acknowledged = int(errors.split("went away. ")[1].split(" rows")[0].replace(",", ""))
    again = start_server(store=store)
    report = import_json(again, str(path))
    repeated = report["repeated"]
    assert isinstance(repeated, int)
    assert repeated >= acknowledged, "an acknowledged row is lost"
    assert report["read"] == rows
    with Client(again.address) as client:
        for number in (0, rows // 2, rows - 1):
            request = resolve_request(f"user{number}@example.com")
            assert client.matches.Resolve(request, timeout=5).resolution.contact_id


def wait_for_commit(server: RunningServer) -> None:
    """Waits until the first chunk is durable."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        with urlopen(f"http://{server.metrics_address}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        commits = [line for line in lines if line.startswith("zmey_commits_total")]
        if commits and not commits[0].endswith(" 0.0"):
            return
        time.sleep(0.01)
    message = "no chunk was committed"
    raise AssertionError(message)


@pytest.mark.parametrize(
    ("content", "arguments", "code", "fragment"),
    [
        ("name\nx\n", [], 2, "No column says whose row it is"),
        ("member.fax\nx\n", [], 2, "known are member.email"),
        ("member.email\nx\n", ["--map", "y=z"], 2, "the file has member.email"),
        ("member.email\nx\n", ["--order", "best"], 2, "is no order"),
        ("member.email\nx\n", ["--if-exists", "maybe"], 2, "known are update"),
        ("", [], 1, "must name the columns"),
        ('member.email\na@example.com\n"open\n', [], 1, "1 rows before it are durable"),
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
    done = run_zmey("import", str(path), *arguments, "--address", server.address)
    assert done.returncode == code, done.stderr
    assert fragment in done.stderr
    assert "Traceback" not in done.stderr


def test_no_server_is_exit_code_3(tmp_path: Path) -> None:
    path = tmp_path / "people.csv"
    write_people(path, 1)
    done = run_zmey("import", str(path), "--address", "127.0.0.1:1")
    assert done.returncode == 3
    assert "zmey serve" in done.stderr
    assert list(tmp_path.iterdir()) == [path]
