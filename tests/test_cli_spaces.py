"""`zmey spaces` against real servers: policies outlive restarts, indexes outlive kills."""

import json
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from conftest import StartServer
from running_server import RunningServer, run_zmey
from support.imports import datakey_column, email_column
from zmey.client import Client
from zmey.v1.admin_service_pb2 import FIELD_STATE_BUILDING, GetPolicyRequest
from zmey.v1.import_rows_pb2 import ImportOptions
from zmey.v1.import_service_pb2 import ImportChunk, ImportRow, StreamImportRequest
from zmey.v1.match_service_pb2 import ResolveRequest
from zmey.v1.matching_pb2 import FieldValue, MatchKeys
from zmey.v1.space_pb2 import Space

SPACE = Space(account_id=1, db_id=1)
COMMANDS = ("list", "show", "set", "reset", "simulate", "fields")
MEMBERS = 60_000


def spaces(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `zmey spaces` with a server."""
    return run_zmey("spaces", *arguments, "--address", server.address)


def shown(server: RunningServer) -> dict[str, Any]:
    """Reads the policy."""
    done = spaces(server, "show", "--json")
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


@pytest.mark.parametrize("command", COMMANDS)
def test_help_teaches_with_examples(command: str) -> None:
    done = run_zmey("spaces", command, "--help")
    assert done.returncode == 0
    assert f"zmey spaces {command}" in done.stdout.split("Examples", 1)[1]


def test_a_policy_is_set_kept_over_a_restart_and_reset(
    start_server: StartServer, tmp_path: Path
) -> None:
    store = tmp_path / "kept"
    server = start_server(store=store)
    assert "configuration" in spaces(server, "list").stdout
    done = spaces(
        server, "set", "default_region=DE", "retention_days=90", "heads_per_type_max.email=2",
        'fields=[{path = "crm.id", unique = true}]', "time_zone=Europe/Berlin",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "version 2" in done.stdout
    assert server.terminate() == 0
    server = start_server(store=store)
    state = shown(server)
    assert (state["policy_version"], state["source"]) == (2, "stored")
    (line,) = (line for line in server.log() if "stored policy" in line["event"])
    assert (line["space"], line["policy_version"], line["level"]) == ("1/1", 2, "warning")
    policy = state["policy"]
    assert (policy["default_region"], policy["retention_days"]) == ("DE", 90)
    assert policy["heads_per_type_max"] == {"email": 2}
    assert policy["fields"] == [{"path": "crm.id", "kind": "string", "unique": True}]
    # What show prints can be set as it is.
    file = tmp_path / "policy.toml"
    file.write_text(spaces(server, "show").stdout, encoding="utf-8")
    assert "unchanged" in spaces(server, "set", "--file", str(file)).stdout
    assert "would be version 3" in spaces(server, "reset", "--validate-only").stdout
    assert "version 3" in spaces(server, "reset").stdout
    assert shown(server)["source"] == "configuration"


def test_simulate_tells_scripts_whether_anybody_would_change(server: RunningServer) -> None:
    for email in ("a@example.com", "b@тест.рф"):
        run_zmey("set", "--email", email, "--address", server.address)
    harmless = spaces(server, "simulate", "retention_days=9")
    assert harmless.returncode == 0, harmless.stderr
    assert "nothing would change" in harmless.stdout
    harmful = spaces(server, "simulate", "email_national_domains=false")
    assert harmful.returncode == 4
    assert "EMAIL_DOMAIN_NOT_ASCII" in harmful.stdout
    assert "address would be refused" in harmful.stdout
    listed = spaces(server, "simulate", "email_national_domains=false", "--json")
    assert json.loads(listed.stdout)["findings"][0]["contact_id"]
    assert shown(server)["policy_version"] == 1


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["set"], 2, "retention_days=90"),
        (["set", "retention"], 2, "no KEY=VALUE"),
        (["set", "retention=1"], 2, "retention: Extra inputs"),
        (["set", "retention_days=0"], 2, "retention_days"),
        (["set", "--file", "nowhere.toml"], 2, "cannot be read"),
        (["set", "time_zone=Mars/Base"], 1, "policy.time_zone"),
        (["set", "versioning=true", "--expected-version", "7"], 1, "POLICY_VERSIONING"),
        (["show", "--db", "9"], 1, "SPACE_UNKNOWN"),
    ],
)
def test_mistakes_are_explained(
    server: RunningServer, arguments: list[str], code: int, fragment: str
) -> None:
    done = spaces(server, *arguments)
    assert done.returncode == code, done.stderr
    assert fragment in done.stderr
    assert "Traceback" not in done.stderr


def import_members(client: Client, first: int, count: int) -> None:
    """Imports members with an e-mail and a crm.id each."""
    rows = 5_000
    options = ImportOptions(space=SPACE, columns=[email_column(), datakey_column("crm.id")])
    messages = [StreamImportRequest(options=options)]
    for number, start in enumerate(range(first, first + count, rows), 1):
        cells = [
            ImportRow(cells=[f"m{n}@example.com".encode(), f"id-{n}".encode()])
            for n in range(start, min(start + rows, first + count))
        ]
        messages.append(StreamImportRequest(chunk=ImportChunk(number=number, rows=cells)))
    receipts = list(client.imports.StreamImport(iter(messages)))
    assert not any(message.receipt.rejects for message in receipts)


def found_by(client: Client, number: int) -> int:
    """Finds a member by its crm.id."""
    keys = MatchKeys(fields=[FieldValue(path="crm.id", value=f"id-{number}")])
    request = ResolveRequest(space=SPACE, keys=keys)
    return client.matches.Resolve(request).resolution.contact_id


def test_a_server_killed_while_it_builds_an_index_goes_on(
    start_server: StartServer, tmp_path: Path
) -> None:
    store = tmp_path / "killed"
    server = start_server(store=store)
    with Client(server.address) as client:
        import_members(client, 0, MEMBERS)
        written: list[int] = []
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                number = MEMBERS + len(written)
                done = run_one(server, number)
                if done:
                    written.append(number)

        def run_one(at: RunningServer, number: int) -> bool:
            with Client(at.address) as other:
                try:
                    import_members(other, number, 1)
                except Exception:
                    return False
            return True

        writer = threading.Thread(target=write)
        writer.start()
        assert spaces(server, "set", 'fields=[{path = "crm.id", unique = true}]').returncode == 0
        request = GetPolicyRequest(space=SPACE)
        (field,) = client.admin.GetPolicy(request).state.fields
        until = time.monotonic() + 20
        while field.state == FIELD_STATE_BUILDING and field.done == 0 and time.monotonic() < until:
            (field,) = client.admin.GetPolicy(request).state.fields
        server.kill()
        stop.set()
        writer.join()
    server = start_server(store=store)
    done = spaces(server, "fields", "--wait", "--json")
    assert done.returncode == 0, done.stderr
    (state,) = json.loads(done.stdout)
    assert state["state"] == "ready"
    with Client(server.address) as client:
        for number in (0, 1, MEMBERS // 2, MEMBERS - 1, *written):
            assert found_by(client, number), number
    assert server.terminate() == 0
    checked = run_zmey("fsck", str(store))
    assert checked.returncode == 0, checked.stdout


def test_no_server_is_exit_code_3() -> None:
    done = run_zmey("spaces", "list", "--address", "127.0.0.1:1")
    assert done.returncode == 3
