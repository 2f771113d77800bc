"""What options of an import order for every row, and the marks of changes (seeds 002, 000, 004)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from support.core import Api, open_core
from support.imports import datakey_column, email_column, run_import
from support.records import changes_of
from support.requests import change, keys, ruled, sets
from zmey._native import fsck
from zmey.v1 import import_rows_pb2 as rows_pb2

ANN, BOB = "email=ann@example.com", "email=bob@example.com"
ORDERS = rows_pb2.SequenceOrders(event=True, stop=[7, 8], start=[9])


def changes_after(tmp_path: Path, work: Callable[[Api], Any]) -> list[Any]:
    """What a store has in its change log after some work; the store is clean."""
    path = tmp_path / "store"
    core = open_core(store_path=path)
    work(Api(core))
    core.close()
    assert fsck(str(path))["problems"] == []
    return changes_of(path)


def mark(change: Any) -> tuple[bool, list[int], list[int]] | None:
    """The mark of a change for triggers."""
    if not change.HasField("sequence"):
        return None
    return change.sequence.event, list(change.sequence.stop), list(change.sequence.start)


def test_skip_triggers_marks_what_a_step_changes(tmp_path: Path) -> None:
    def work(api: Api) -> None:
        api.set_member(change(keys(ANN), skip_triggers=True))
        api.set_member(change(keys(BOB), datakeys=sets(x="1")))
        # The rules of heads make changes of their own, of both members.
        moves = [ruled(BOB, single="TRANSPLANT")]
        api.set_member(change(keys(ANN), datakeys=sets(x="2"), heads=moves, skip_triggers=True))

    changes = changes_after(tmp_path, work)
    assert [one.skip_triggers for one in changes] == [True, False, *[True] * (len(changes) - 2)]
    assert len(changes) > 3
    assert {mark(one) for one in changes} == {None}
    assert {one.event_key for one in changes} == {""}


def test_sequence_orders_are_for_every_member_of_the_import(tmp_path: Path) -> None:
    columns = [email_column(), datakey_column("x")]
    rows = [["ann@example.com", "1"], ["bob@example.com", "2"], ["ann@example.com", "1"]]

    def work(api: Api) -> None:
        (receipt,) = run_import(api, columns, [rows], sequence=ORDERS)
        assert list(receipt.statuses) == [1, 1, 3], "made, made, left as it was"
        (receipt,) = run_import(api, columns, [rows], sequence=ORDERS, if_exists=3)
        assert list(receipt.statuses) == [4, 4, 4], "members that are left take no part"

    changes = changes_after(tmp_path, work)
    assert [(one.dataset_id, one.version) for one in changes] == [(1, 1), (2, 1), (1, 1)]
    assert [mark(one) for one in changes] == [(True, [7, 8], [9])] * 3
    assert [bool(one.heads or one.datakeys) for one in changes] == [True, True, False]


def test_events_are_for_what_changes(tmp_path: Path) -> None:
    rows = [["ann@example.com"], ["ann@example.com"]]

    def work(api: Api) -> None:
        orders = rows_pb2.SequenceOrders(event=True)
        run_import(api, [email_column()], [rows], sequence=orders)
        run_import(api, [email_column()], [[["bob@example.com"]]])

    changes = changes_after(tmp_path, work)
    assert [mark(one) for one in changes] == [(True, [], []), None]


def test_the_event_key_is_with_the_change_that_makes_a_member(tmp_path: Path) -> None:
    columns = [email_column(), datakey_column("x")]
    rows = [["ann@example.com", "1"], ["ann@example.com", "2"]]
    changes = changes_after(
        tmp_path, lambda api: run_import(api, columns, [rows], event_key="welcome")
    )
    assert [one.event_key for one in changes] == ["welcome", ""]
