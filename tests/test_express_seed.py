"""Express imports (seed 002, express): rows in lists of their own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.core import Api, SeenFault, attempt, check_fault, open_core
from support.imports import column, datakey_column, detach_column, email_column
from support.jobs import create_job, express_call, probe_file, run_file
from support.requests import change, keys
from zmey._native import fsck
from zmey.imports.request_file import merge_request_file
from zmey.reasons import reason_name
from zmey.v1 import error_reason_pb2 as errors
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import member_pb2 as member

ANN = "email=ann@example.com"
TEXT = "member.email;name;visits\nAnn@Example.com;Ann;7\nnobody;x;1\nbob@example.com;Bob\n"
KEPT_SECONDS = 30 * 24 * 60 * 60


def express(api: Api, path: Path, text: str = TEXT, **asked: Any) -> Any:
    """Imports a file into a new express list and returns the metadata."""
    return run_file(api, path / "rows.csv", text, express=True, **asked).metadata


def named(list_id: str, name: str = "") -> import_job.AutoGroup:
    return import_job.AutoGroup(id=list_id, name=name)


def rows_of(api: Api, list_id: str) -> list[tuple[int, str, list[str]]]:
    answer = express_call(api, "ReadExpressList", id=list_id)
    assert answer.next_row == 0
    return [(row.row, row.address, list(row.cells)) for row in answer.rows]


def test_rows_are_kept_apart_from_members(api: Api, tmp_path: Path) -> None:
    """The data are kept and managed apart, and do not become data of members."""
    metadata = express(api, tmp_path, auto_group=named("a"))
    assert metadata.state == import_job.IMPORT_STATE_SUCCEEDED
    counters = metadata.counters
    assert (counters.read, counters.created, counters.rejected) == (3, 2, 1)
    expected = [(2, "ann@example.com", ["Ann", "7"]), (4, "bob@example.com", ["Bob"])]
    assert rows_of(api, "a") == expected
    assert api.resolve(keys(ANN)).contact_id == 0
    assert not api.find_members("ann@example.com").found


def test_a_member_with_the_address_stays_as_it_is(api: Api, tmp_path: Path) -> None:
    before = api.set_member(change(keys(ANN)))
    express(api, tmp_path, auto_group=named("a"))
    after = api.set_member(change(keys(ANN)))
    assert (after.contact_id, after.version) == (before.contact_id, before.version)


def test_a_list_is_always_made(api: Api, tmp_path: Path) -> None:
    """Without auto_group code and name are made up; the list is made all the same."""
    first = express(api, tmp_path).group
    assert first.id.startswith("importex")
    assert len(first.id) == len("importexYYYYMMDDhhmmss")
    assert first.name.startswith("Внесены 20")
    second = express(api, tmp_path).group
    assert second.id > first.id
    assert len(express_call(api, "ListExpressLists").lists) == 2


def test_code_and_name_may_be_given(api: Api, tmp_path: Path) -> None:
    """Its name and its code may be said in the request."""
    group = express(api, tmp_path, auto_group=named("spring", "Spring sale")).group
    assert (group.id, group.name) == ("spring", "Spring sale")
    (found,) = express_call(api, "ListExpressLists").lists
    assert (found.id, found.name, found.count) == ("spring", "Spring sale", 2)


def test_a_group_that_is_there_is_an_error(api: Api, tmp_path: Path) -> None:
    """The id of a group that is there is an error."""
    express(api, tmp_path, auto_group=named("a"))
    run_file(api, tmp_path / "rows.csv", TEXT, auto_group=named("group"))
    for list_id in ("a", "group"):
        seen = attempt(partial(express, api, tmp_path, auto_group=named(list_id)))
        check_fault(seen, "EXPRESS_LIST_EXISTS")


def test_one_list_tells_its_caption_and_count(api: Api, tmp_path: Path) -> None:
    """One group answers caption, to know what is in the rows, and count."""
    express(api, tmp_path, auto_group=named("a"))
    answer = express_call(api, "GetExpressList", id="a")
    assert answer.list.count == 2
    assert answer.caption.address == "member.email"
    assert list(answer.caption.columns) == ["name", "visits"]


def test_lists_are_cleaned_and_deleted(api: Api, tmp_path: Path) -> None:
    """A list is read, cleaned and deleted like a group."""
    express(api, tmp_path, auto_group=named("a"))
    assert express_call(api, "CleanExpressList", id="a").list.count == 0
    assert rows_of(api, "a") == []
    express_call(api, "DeleteExpressList", id="a")
    for method in ("Get", "Read", "Clean", "Delete"):
        seen = attempt(partial(express_call, api, f"{method}ExpressList", id="a"))
        check_fault(seen, "EXPRESS_LIST_UNKNOWN")


def test_lists_are_kept_for_thirty_days(api: Api, tmp_path: Path) -> None:
    """30 days from when rows came; the tests of the core move the clock."""
    express(api, tmp_path, auto_group=named("a"))
    found = express_call(api, "GetExpressList", id="a").list
    assert found.expires_seconds == found.used_seconds + KEPT_SECONDS


def test_json_cells_stay_json(api: Api, tmp_path: Path) -> None:
    text = '{"member.email": "ann@example.com", "name": "Ann", "order": {"sum": 1.50}}\n'
    express(api, tmp_path, text, auto_group=named("a"))
    (row,) = express_call(api, "ReadExpressList", id="a").rows
    cells = dict(
        zip(express_call(api, "GetExpressList", id="a").caption.columns, row.cells, strict=True)
    )
    assert cells == {"name": "Ann", "order": '{"sum":1.50}'}
    (position,) = row.json_cells
    assert row.cells[position] == cells["order"]


def _asked(**asked: Any) -> Callable[[Api], object]:
    def start(api: Api) -> object:
        chosen = rows_pb2.ImportOptions(space=api.space, **asked)
        return create_job(api, express=True, options=chosen)

    return start


CONFLICTS: tuple[tuple[str, Callable[[Api], object]], ...] = (
    ("options.no_member", _asked(no_member=True)),
    ("clean_group", lambda api: create_job(
        api, express=True, clean_group=True, auto_group=named("a"))),
    ("options.groups", _asked(groups=rows_pb2.GroupOrders(add=["a"]))),
    ("options.groups", _asked(groups=rows_pb2.GroupOrders(remove=["a"]))),
    ("options.sequence", _asked(sequence=rows_pb2.SequenceOrders(start=[1]))),
    ("options.head_attach", _asked(head_attach=rows_pb2.HeadAttachRules())),
    ("columns.datakey.calc", _asked(columns=[email_column(), datakey_column("a", calc=True)])),
    ("columns.detach", _asked(columns=[email_column(), detach_column()])),
    ("columns.attach", _asked(columns=[
        email_column(), rows_pb2.ImportColumn(attach=rows_pb2.AttachColumn())])),
    ("columns.status", _asked(columns=[
        column("tg"), rows_pb2.ImportColumn(status=rows_pb2.StatusColumn())])),
    ("columns.contact_id", _asked(columns=[
        email_column(), rows_pb2.ImportColumn(contact_id=rows_pb2.ContactIdColumn())])),
)  # fmt: skip


@pytest.mark.parametrize(("second", "start"), CONFLICTS)
def test_what_is_about_members_is_refused(
    api: Api, second: str, start: Callable[[Api], object]
) -> None:
    """What the seed says is not for express imports, and what changes members."""
    seen: Any = attempt(lambda: start(api))
    check_fault(seen, "OPTIONS_CONFLICT")
    assert (seen.details["first"], seen.details["second"]) == ("express", second)


def test_a_file_that_is_about_members_fails(api: Api, tmp_path: Path) -> None:
    metadata = express(api, tmp_path, "member.email;=visits\nann@example.com;1\n")
    assert metadata.state == import_job.IMPORT_STATE_FAILED
    assert not express_call(api, "ListExpressLists").lists


def test_request_json_says_express() -> None:
    """The parameter "express": 1 is enough, for a probe too."""
    content = {"express": 1, "auto_group": {"id": "a", "name": "A"}, "clean_group": 1}
    for request in (import_job.StartImportRequest(), import_job.ProbeImportRequest()):
        merge_request_file(content, request)
        assert (request.express, request.clean_group) == (True, True)
        assert request.auto_group == named("a", "A")


def probed(api: Api, path: Path, text: str = TEXT, **asked: Any) -> Any:
    """Probes a file for an express list."""
    (path / "rows.csv").write_text(text, encoding="utf-8")
    return probe_file(api, str(path / "rows.csv"), express=True, **asked)


def test_a_probe_tells_which_rows_would_be_kept(api: Api, tmp_path: Path) -> None:
    api.set_member(change(keys(ANN)))
    answer = probed(api, tmp_path, "-;" + TEXT.replace("\n", "\n;", 3), auto_group=named("a"))
    assert not answer.cannot_import
    assert not answer.warnings
    created, rejected = member.OUTCOME_STATUS_CREATED, member.OUTCOME_STATUS_REJECTED
    expected = [(2, created), (3, rejected), (4, created)]
    assert [(row.row, row.status) for row in answer.rows] == expected
    assert not any(row.contact_id for row in answer.rows)
    assert answer.rows[1].fault.reason == errors.ERROR_REASON_EMAIL_NO_AT
    meanings = ["is not read", "has the addresses of the list, of type email"]
    meanings += ["is kept as it is"] * 2
    assert [column.meaning for column in answer.columns] == meanings
    assert not express_call(api, "ListExpressLists").lists
    assert express(api, tmp_path, auto_group=named("a")).counters.created == 2


def _told(answer: Any) -> str:
    assert answer.cannot_import
    assert not any(row.status for row in answer.rows)
    return reason_name(answer.warnings[0].reason)


def test_a_probe_tells_of_a_code_that_is_taken(api: Api, tmp_path: Path) -> None:
    express(api, tmp_path, auto_group=named("a"))
    run_file(api, tmp_path / "rows.csv", TEXT, auto_group=named("group"))
    create_job(api, express=True, auto_group=named("queued"))
    for list_id in ("a", "group", "queued"):
        answer = probed(api, tmp_path, auto_group=named(list_id))
        assert _told(answer) == "EXPRESS_LIST_EXISTS"
        assert answer.columns[1].meaning == "is kept as it is"
        assert dict(answer.warnings[0].details) == {"list_id": list_id}
    answer = probe_file(api, str(tmp_path / "rows.csv"), auto_group=named("a"))
    assert _told(answer) == "EXPRESS_LIST_EXISTS", "a group cannot have the code of a list"


def test_a_probe_tells_of_lists_that_nobody_can_join(api: Api, tmp_path: Path) -> None:
    express(api, tmp_path, auto_group=named("a"))
    options = rows_pb2.ImportOptions(space=api.space, groups=rows_pb2.GroupOrders(add=["a"]))
    answer = probe_file(api, str(tmp_path / "rows.csv"), options=options)
    assert _told(answer) == "EXPRESS_LIST_EXISTS"


def test_columns_are_kept_under_any_names(api: Api, tmp_path: Path) -> None:
    """All columns but that of the addresses stay as they are under their names."""
    names = ["Total, EUR.", "a:b", "a..b", "*", "x[0", "member", "-group", "-group.vip", "a.{a:b}"]
    text = ";".join(["member.email", *names, ""]) + "\nann@example.com;1;2;3;4;5;6;7;8;9\n"
    answer = probed(api, tmp_path, text)
    assert not answer.cannot_import, answer.warnings
    assert "IMPORT_COLUMN_UNNAMED" in [reason_name(one.reason) for one in answer.warnings]
    assert [column.name for column in answer.columns] == ["member.email", *names, ""]
    metadata = express(api, tmp_path, text, auto_group=named("a"))
    assert metadata.state == import_job.IMPORT_STATE_SUCCEEDED
    assert rows_of(api, "a") == [(2, "ann@example.com", list("123456789"))]
    assert list(express_call(api, "GetExpressList", id="a").caption.columns) == names


REFUSED: tuple[tuple[str, dict[str, Any], str], ...] = (
    (TEXT, {"clean_group": True, "auto_group": named("a")}, "OPTIONS_CONFLICT"),
    (TEXT, {"options": {"no_member": True}}, "OPTIONS_CONFLICT"),
    (TEXT, {"options": {"head_attach": rows_pb2.HeadAttachRules()}}, "OPTIONS_CONFLICT"),
    (TEXT, {"auto_group": named("a" * 129)}, "LIMIT_EXCEEDED"),
    ("member.email;=visits\nann@example.com;1\n", {}, "OPTIONS_CONFLICT"),
    ("contact_id;name\n1;Ann\n", {}, "OPTIONS_CONFLICT"),
    ("name;town\nAnn;Oslo\n", {}, "IMPORT_KEY_COLUMN_MISSING"),
)


@pytest.mark.parametrize(("text", "asked", "reason"), REFUSED)
def test_a_probe_tells_what_the_import_is_refused_for(
    api: Api, tmp_path: Path, text: str, asked: dict[str, Any], reason: str
) -> None:
    """What is fatal for the import is the first warning of its probe."""
    options = rows_pb2.ImportOptions(space=api.space, **asked.get("options", {}))
    asked = asked | {"options": options}
    told = probed(api, tmp_path, text, **asked)
    assert _told(told) == reason
    assert told.rows, "the file is shown all the same"
    seen = attempt(partial(express, api, tmp_path, text, **asked))
    if isinstance(seen, SeenFault):
        assert (seen.reason, seen.message) == (reason, told.warnings[0].message)
    else:
        assert seen.state == import_job.IMPORT_STATE_FAILED


def test_probes_of_other_imports_know_their_group(api: Api, tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    run_file(api, path, "member.email\nann@example.com\n", auto_group=named("a"))
    unchanged, updated = member.OUTCOME_STATUS_UNCHANGED, member.OUTCOME_STATUS_UPDATED
    for group, status in (("a", unchanged), ("b", updated)):
        (row,) = probe_file(api, str(path), auto_group=named(group)).rows
        assert row.status == status, "joining a group is a change"
    assert _told(probe_file(api, str(path), clean_group=True)) == "FIELD_REQUIRED"


def test_the_store_is_clean_afterwards(tmp_path: Path) -> None:
    core = open_core(store_path=tmp_path / "store")
    express(Api(core), tmp_path, auto_group=named("a"))
    core.close()
    report = fsck(str(tmp_path / "store"))
    assert report["problems"] == []
    assert (report["counts"]["express_lists"], report["counts"]["express_rows"]) == (1, 1)
