"""The other commands, each against a real server or a closed store."""

import json
from pathlib import Path

import pytest

from conftest import StartServer
from running_server import RunningServer, run_zmey

COMMANDS = [
    *("serve", "import", "resolve", "get", "set", "explain", "origins"),
    *("members erase", "members erasure"),
    *("fsck", "dump", "load", "compact", "spaces"),
]


@pytest.mark.parametrize("command", [*COMMANDS, "origins define", "origins list", "origins delete"])
def test_help_teaches_with_examples(command: str) -> None:
    shown = run_zmey(*command.split(), "--help")
    assert shown.returncode == 0
    assert "Examples" in shown.stdout
    assert f"zmey {command}" in shown.stdout.split("Examples", 1)[1]


def test_help_lists_every_command() -> None:
    shown = run_zmey("--help").stdout
    for command in COMMANDS:
        assert command.split()[0] in shown
    assert "Exit codes" in shown


def test_set_get_and_resolve(server: RunningServer) -> None:
    at = ("--address", server.address)
    key = ("--email", "Ann@Example.com")
    created = run_zmey("set", *key, "name.first=Ann", "age=41", "price=1.10", *at)
    assert created.returncode == 0, created.stderr
    assert created.stdout.startswith("created: member ")
    changed = run_zmey("set", *key, 'tags:push="vip"', "age:delete", "--fresh", *at)
    assert changed.stdout.startswith("updated: member ")
    assert '"vip"' in changed.stdout
    got = run_zmey("get", *key, *at)
    assert '"price": 1.10' in got.stdout, "numbers stay as they were written"
    member = json.loads(got.stdout)
    assert member["data"] == {"name": {"first": "Ann"}, "price": 1.1, "tags": ["vip"]}
    assert [head["value"] for head in member["heads"]] == ["ann@example.com"]
    one = run_zmey("get", *key, "name.first", "none", "--json", *at)
    assert json.loads(one.stdout)["data"] == {"name.first": "Ann", "none": None}
    found = run_zmey("resolve", *key, "--json", *at)
    resolution = json.loads(found.stdout)["resolution"]
    assert int(resolution["contact_id"]) == member["contact_id"]


def test_resolve_explains_every_key(server: RunningServer) -> None:
    at = ("--address", server.address)
    for email, external_id in (("a@example.com", "1"), ("b@example.com", "2")):
        done = run_zmey("set", "--email", email, "--external-id", external_id, *at)
        assert done.returncode == 0, done.stderr
    keys = ("--external-id", "1", "--email", "B@example.com", "--email", "nobody@example.com")
    shown = run_zmey("resolve", *keys, "--email", "broken", "--explain", *at).stdout
    for fragment in (
        "found by external id",
        "other keys point at",
        "decided",
        "points at another member",
        "b@example.com",
        "nobody has it",
        "invalid",
    ):
        assert fragment in shown, fragment
    nobody = run_zmey("resolve", "--email", "nobody@example.com", *at)
    assert nobody.returncode == 0
    assert "Nobody found" in nobody.stdout
    strict = run_zmey("resolve", *keys[:4], "--strict", *at)
    assert strict.returncode == 1
    assert "MATCH_CONFLICT" in strict.stderr


def test_explain_tells_why(server: RunningServer) -> None:
    at = ("--address", server.address)
    key = ("--email", "why@example.com")
    would = run_zmey("set", *key, "--phone", "+79121234567", "name=Ann", "--explain", *at)
    assert would.returncode == 0, would.stderr
    for fragment in (
        "nobody found",
        "policy.order",
        "would be created by SetMember",
        "+ why@example.com",
    ):
        assert fragment in would.stdout, fragment
    done = run_zmey("set", *key, "name=Ann", "--request-id", "why-1", "--json", *at)
    outcome = json.loads(done.stdout)["outcome"]
    revision, member = outcome["revision"], outcome["contact_id"]
    assert outcome["status"] == "OUTCOME_STATUS_CREATED", "--explain wrote nothing"
    run_zmey("set", *key, "name=Anna", "--request-id", "why-2", *at)
    told = run_zmey("explain", "--request-id", "why-2", *at).stdout
    for fragment in (f"member {member}", "why@example.com", "decided", '"Ann" → "Anna"'):
        assert fragment in told, fragment
    assert f"revision {int(revision):,}" in run_zmey("explain", revision, *at).stdout
    told = json.loads(run_zmey("explain", revision, "--json", *at).stdout)
    assert told["changes"][0]["contact_id"] == member
    run_zmey("set", *key, "name=Anna", "--request-id", "why-3", *at)
    assert "Nothing was changed" in run_zmey("explain", "--request-id", "why-3", *at).stdout
    refused = run_zmey("set", *key, "--if-exists", "error", "--explain", *at)
    assert refused.returncode == 1
    assert "would be refused" in refused.stdout
    assert f"MEMBER_EXISTS (contact_id={member})" in refused.stdout
    run_zmey("members", "erase", *key, "--yes", *at)
    assert f"member {member} was erased" in run_zmey("explain", revision, *at).stdout
    assert run_zmey("explain", "999999", *at).returncode == 1
    assert run_zmey("explain", *at).returncode == 2


@pytest.mark.parametrize(
    ("arguments", "code", "fragment"),
    [
        (["resolve"], 2, "Say whom you mean"),
        (["resolve", "--locator", "fax:1"], 2, "no address type"),
        (["resolve", "--contact-id", str(2**64)], 2, "--contact-id"),
        (["resolve", "--contact-id", "1", "--account", str(2**32)], 2, "--account"),
        (["explain", str(2**64)], 2, "REVISION"),
        (["origins", "delete", "5000000000"], 2, "NUMBER"),
        (["members", "erasure", str(2**64)], 2, "ID"),
        (["members", "erase"], 2, "Say whom"),
        (["resolve", "--email", "a@example.com", "--db", "9"], 1, "SPACE_UNKNOWN"),
        (["resolve", "--field", "crm.id=1"], 1, "FIELD_NOT_DECLARED"),
        (["get", "--email", "nobody@example.com"], 1, "MEMBER_MISSING"),
        (["origins", "define", "17"], 1, "FIELD_INVALID"),
        (["origins", "delete", "17"], 1, "ORIGIN_UNKNOWN"),
        (["set", "--email", "a@example.com", "name"], 2, "has no value"),
        (["set", "--email", "a@example.com", "a:sett=1"], 2, "is unknown or there twice"),
        (["set", "--email", "n@example.com", "--if-exists", "must"], 1, "MEMBER_MISSING"),
        (["set", "--email", "broken", "a=1"], 1, "EMAIL_NO_AT"),
    ],
)
def test_mistakes_are_explained(
    server: RunningServer, arguments: list[str], code: int, fragment: str
) -> None:
    done = run_zmey(*arguments, "--address", server.address)
    assert done.returncode == code, done.stderr
    assert fragment in done.stderr
    assert "Traceback" not in done.stderr


def test_origins_are_defined_listed_and_deleted(server: RunningServer) -> None:
    at = ("--address", server.address)
    tried = run_zmey("origins", "define", "web form", "--validate-only", *at)
    assert tried.stdout == "would be created: origin 1, web form\n", tried.stderr
    assert run_zmey("origins", "define", "web form", *at).stdout.startswith("created: origin 1")
    run_zmey("origins", "define", "[partner]", "--number", "40", *at)
    shown = run_zmey("origins", "list", *at).stdout.splitlines()
    assert [line.split(maxsplit=1) for line in map(str.strip, shown)] == [
        ["number", "label"], ["1", "web form"], ["40", "[partner]"],
    ]  # fmt: skip
    assert run_zmey("origins", "delete", "40", *at).stdout == "deleted: origin 40, [partner]\n"
    (origin,) = json.loads(run_zmey("origins", "list", "--json", *at).stdout)["origins"]
    assert (origin["number"], origin["label"]) == (1, "web form")


@pytest.mark.parametrize("command", [["resolve"], ["get"], ["set", "a=1"]])
def test_no_server_is_exit_code_3(command: list[str]) -> None:
    done = run_zmey(*command, "--email", "a@example.com", "--address", "127.0.0.1:1")
    assert done.returncode == 3
    assert "zmey serve" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "fragment"),
    [
        (["serve", "--workers", "x"], "--workers"),
        (["serve", "--nope"], "No such option"),
        (["guess"], "No such command"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], fragment: str) -> None:
    done = run_zmey(*arguments)
    assert done.returncode == 2
    assert fragment in done.stderr


def test_a_closed_store_is_checked_listed_dumped_and_loaded(
    start_server: StartServer, tmp_path: Path
) -> None:
    store, file, copy = tmp_path / "closed", tmp_path / "backup.zmey", tmp_path / "copy"
    server = start_server(store=store)
    run_zmey("set", "--email", "a@example.com", "name=Ann", "--address", server.address)
    busy = run_zmey("fsck", str(store))
    assert busy.returncode == 1
    assert server.terminate() == 0
    checked = run_zmey("fsck", str(store))
    assert checked.returncode == 0, checked.stderr
    assert "clean" in checked.stdout
    (space,) = json.loads(run_zmey("spaces", "list", str(store), "--json").stdout)
    assert (space["account_id"], space["db_id"], space["members"]) == (1, 1, 1)
    assert "entries written" in run_zmey("dump", str(file), str(store)).stdout
    assert "entries loaded" in run_zmey("load", str(file), str(copy)).stdout
    assert run_zmey("load", str(file), str(copy)).returncode == 1
    assert json.loads(run_zmey("fsck", str(copy), "--json").stdout)["problems"] == []
    again = start_server(store=copy)
    got = run_zmey("get", "--email", "a@example.com", "--json", "--address", again.address)
    assert json.loads(got.stdout)["data"] == {"name": "Ann"}


def test_a_member_is_erased_and_the_store_compacted(
    start_server: StartServer, tmp_path: Path
) -> None:
    store = tmp_path / "erasing"
    server = start_server(store=store)
    at = ("--address", server.address)
    for email in ("ann@example.com", "bob@example.com"):
        run_zmey("set", "--email", email, f"name=Secret {email}", *at)
    erase = ("members", "erase", "--email", "ann@example.com")
    asked = run_zmey(*erase, *at)
    assert asked.returncode == 1
    assert "members: 1; identifiers: 1" in asked.stderr
    assert run_zmey(*erase, "--contact-id", "1", "--yes", *at).returncode == 2
    erased = run_zmey(*erase, "--yes", *at)
    assert erased.returncode == 0, erased.stderr
    assert "erasure 3: begun" in erased.stdout
    assert "finished" in erased.stdout
    shown = run_zmey("members", "erasure", "3", "--json", *at)
    counts = json.loads(shown.stdout)["erasure"]["counts"]
    assert counts == {"members": "1", "heads": "1", "changes": "1"}
    unknown = run_zmey("members", "erasure", "4", *at)
    assert unknown.returncode == 1
    assert "ERASURE_UNKNOWN" in unknown.stderr
    again = run_zmey(*erase, "--yes", *at)
    assert again.returncode == 1
    busy = run_zmey("compact", str(store))
    assert busy.returncode == 1
    assert server.terminate() == 0
    compacted = run_zmey("compact", str(store))
    assert "entries rewritten" in compacted.stdout
    assert json.loads(run_zmey("compact", str(store), "--json").stdout)["entries"] > 0
    assert run_zmey("fsck", str(store)).returncode == 0
    data = (store / "data.mdb").read_bytes()
    assert b"Secret ann" not in data
    assert b"Secret bob" in data
