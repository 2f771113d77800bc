"""List groups of imports beside express lists: who may have which code, and how many are named.

Seed 002: an express list is always a new group, and takes no part in what other groups do.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reference.datakeys import Change
from support.core import Api, SeenFault, attempt, check_fault, fault_in_answer, open_core
from support.imports import datakey_column, email_column, run_import
from support.jobs import create_job, express_call, run_file
from support.requests import change, datakey_change, keys
from zmey._native import fsck
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import import_rows_pb2 as rows_pb2

ANN = "email=ann@example.com"
TEXT = "member.email,name\nann@example.com,Ann\n"
GROUPS_MAX = 100


@pytest.fixture(params=["memory", "lmdb"])
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Api]:
    """A core on each of the engines, with the express list "list"."""
    path = tmp_path / "store" if request.param == "lmdb" else None
    api = Api(open_core(store_path=path))
    run_file(api, tmp_path / "rows.csv", TEXT, express=True, auto_group=named("list"))
    yield api
    api.core.close()
    assert path is None or fsck(str(path))["problems"] == []


def named(group: str) -> import_job.AutoGroup:
    return import_job.AutoGroup(id=group)


def joining(*groups: str) -> rows_pb2.GroupOrders:
    return rows_pb2.GroupOrders(add=groups)


def by_datakey(api: Api, group: str) -> object:
    joins = datakey_change(Change(f"-group.{group}", "set", '"1"'))
    return api.set_member(change(keys(ANN), [joins]))


def by_row(api: Api, columns: list[rows_pb2.ImportColumn], **options: Any) -> object:
    cells = ["ann@example.com", "1"][: len(columns)]
    (receipt,) = run_import(api, columns, [[cells]], **options)
    return fault_in_answer(receipt.rejects[0].fault) if receipt.rejects else receipt


def by_column(api: Api, group: str) -> object:
    return by_row(api, [email_column(), datakey_column(f"-group.{group}")])


def by_stream(api: Api, group: str) -> object:
    return by_row(api, [email_column()], groups=joining(group))


def by_job(api: Api, group: str) -> object:
    described = rows_pb2.ImportOptions(space=api.space, groups=joining(group))
    return create_job(api, options=described)


def by_auto_group(api: Api, group: str) -> object:
    return create_job(api, auto_group=named(group))


WAYS = (by_datakey, by_column, by_stream, by_job, by_auto_group)


@pytest.mark.parametrize("way", WAYS)
def test_an_express_list_is_no_group(stored: Api, way: Callable[[Api, str], object]) -> None:
    stored.set_member(change(keys(ANN)))
    check_fault(attempt(partial(way, stored, "list")), "EXPRESS_LIST_EXISTS", list_id="list")
    (state,) = stored.list_heads(keys(ANN)).heads
    assert not state.groups
    assert not isinstance(attempt(partial(way, stored, "group")), SeenFault)
    # Nor is one that is no more.
    express_call(stored, "DeleteExpressList", id="list")
    assert not isinstance(attempt(partial(way, stored, "list")), SeenFault)


@pytest.mark.parametrize("way", [by_datakey, by_column, by_stream, by_auto_group])
def test_a_group_is_no_express_list(stored: Api, way: Callable[[Api, str], object]) -> None:
    way(stored, "group")
    asked = partial(create_job, stored, express=True, auto_group=named("group"))
    check_fault(attempt(asked), "EXPRESS_LIST_EXISTS", list_id="group")


def test_who_is_to_become_an_express_list_is_no_group_either(stored: Api) -> None:
    create_job(stored, express=True, auto_group=named("waits"))
    for way in (by_job, by_auto_group):
        check_fault(attempt(partial(way, stored, "waits")), "EXPRESS_LIST_EXISTS", list_id="waits")


def test_leaving_an_express_list_does_nothing(stored: Api) -> None:
    left = by_row(stored, [email_column()], groups=rows_pb2.GroupOrders(remove=["list"]))
    assert not isinstance(left, SeenFault)


def imported(api: Api, path: Path, group: str, count: int) -> object:
    """Imports one row into so many groups and into that of the import."""
    groups = joining(*(f"g{number}" for number in range(count)))
    columns = [email_column(), datakey_column("name")]
    described = rows_pb2.ImportOptions(space=api.space, columns=columns, groups=groups)
    run_file(api, path, TEXT, options=described, auto_group=named(group))
    (state,) = api.list_heads(keys(ANN)).heads
    return sorted(state.groups)


def test_the_group_of_an_import_is_beside_those_that_are_named(api: Api, tmp_path: Path) -> None:
    """As many as may be named, and that one; a group that is named twice is joined once."""
    path = tmp_path / "rows.csv"
    names = sorted(f"g{number}" for number in range(GROUPS_MAX))
    assert imported(api, path, "g7", GROUPS_MAX) == names
    assert imported(api, path, "own", GROUPS_MAX) == [*names, "own"]
    over = attempt(lambda: imported(api, path, "own", GROUPS_MAX + 1))
    check_fault(over, "LIMIT_EXCEEDED", limit="groups.add", max=str(GROUPS_MAX))


def test_a_group_that_nobody_named_is_new(api: Api, tmp_path: Path) -> None:
    """Codes are of the second, but an earlier import may have taken a later one.

    Clocks go back, too.
    """
    now = datetime.now(UTC)
    taken = [f"import{now + timedelta(seconds=later):%Y%m%d%H%M%S}" for later in range(60)]
    run_file(api, tmp_path / "rows.csv", TEXT, auto_group=named("first"))
    by_row(api, [email_column()], groups=joining(*taken))
    job = run_file(api, tmp_path / "rows.csv", TEXT, auto_group=import_job.AutoGroup())
    assert job.metadata.group.id.startswith("import")
    assert job.metadata.group.id not in taken
