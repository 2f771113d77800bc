"""What options of an import order for every row, and the marks of changes (seeds 002, 000, 004)."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.core import Api, attempt, check_fault, fault_in_answer, open_core
from support.imports import column, datakey_column, email_column, run_import
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


def rows_of(api: Api, *rows: list[str], columns: Any = None, **options: Any) -> Any:
    (receipt,) = run_import(api, columns or [email_column()], [rows], **options)
    return receipt


def origins_of(api: Api, who: str) -> list[int]:
    return [state.origin for state in api.list_heads(keys(who)).heads]


def test_the_origin_is_for_new_members(api: Api) -> None:
    api.define_origin("partner", number=40)
    api.set_member(change(keys(BOB)))
    columns = [email_column(), column("msisdn")]
    rows = [["ann@example.com", "+79121234567"], ["bob@example.com", "+79161234567"]]
    rows_of(api, *rows, columns=columns, origin_number=7)
    assert origins_of(api, ANN) == [7, 7]
    assert origins_of(api, BOB) == [0, 0], "Bob was there"
    rows_of(api, ["eve@example.com"], origin_label="partner")
    assert origins_of(api, "email=eve@example.com") == [40]


def test_a_column_of_origins_goes_before_the_option(api: Api) -> None:
    """Seed 002: with a column member.origin the parameter is useless."""
    columns = [email_column(), datakey_column("member.origin")]
    rows = [["ann@example.com", "7"], ["bob@example.com", ""]]
    rows_of(api, *rows, columns=columns, origin_number=9)
    assert (origins_of(api, ANN), origins_of(api, BOB)) == ([7], [0])


def test_an_unknown_origin_makes_nobody(api: Api) -> None:
    api.set_member(change(keys(BOB)))
    receipt = rows_of(api, ["ann@example.com"], ["bob@example.com"], origin_label="nowhere")
    assert list(receipt.statuses) == [5, 3]
    check_fault(fault_in_answer(receipt.rejects[0].fault), "ORIGIN_UNKNOWN", field="origin_label")
    assert not api.resolve(keys(ANN)).contact_id


def groups_of(api: Api, who: str) -> dict[str, list[str]]:
    heads = api.list_heads(keys(who)).heads
    return {state.head.address.value: sorted(state.groups) for state in heads}


def test_groups_are_left_and_joined_by_the_addressed_identifier(api: Api) -> None:
    api.set_member(change(keys(ANN), heads=["msisdn=+79121234567"]))
    orders = rows_pb2.GroupOrders(add=["news", "shop"])
    receipt = rows_of(api, ["ann@example.com"], ["bob@example.com"], groups=orders)
    assert list(receipt.statuses) == [2, 1]
    assert groups_of(api, ANN) == {"ann@example.com": ["news", "shop"], "+79121234567": []}
    assert groups_of(api, BOB) == {"bob@example.com": ["news", "shop"]}
    # Whether the import changes data or not; a second time nothing is left to do.
    assert list(rows_of(api, ["ann@example.com"], groups=orders).statuses) == [3]
    leaving = rows_pb2.GroupOrders(remove=["news", "unknown"])
    assert list(rows_of(api, ["ann@example.com"], groups=leaving).statuses) == [2]
    assert groups_of(api, ANN)["ann@example.com"] == ["shop"]


def test_groups_are_left_first_and_joined_then(api: Api) -> None:
    orders = rows_pb2.GroupOrders(remove=["news"], add=["news"])
    rows_of(api, ["ann@example.com"], groups=orders)
    rows_of(api, ["ann@example.com"], groups=orders)
    assert groups_of(api, ANN) == {"ann@example.com": ["news"]}


def test_groups_come_after_the_columns(api: Api) -> None:
    columns = [email_column(), datakey_column("-group.news"), datakey_column("-group.shop")]
    orders = rows_pb2.GroupOrders(remove=["news"], add=["sale"])
    rows_of(api, ["ann@example.com", "1", "1"], columns=columns, groups=orders)
    assert groups_of(api, ANN) == {"ann@example.com": ["sale", "shop"]}


def test_ignored_rows_neither_leave_nor_join(api: Api) -> None:
    api.set_member(change(keys(ANN)))
    orders = rows_pb2.GroupOrders(add=["news"])
    assert list(rows_of(api, ["ann@example.com"], groups=orders, if_exists=3).statuses) == [4]
    assert groups_of(api, ANN) == {"ann@example.com": []}


@pytest.mark.parametrize(
    ("orders", "reason", "limit"),
    [
        (rows_pb2.GroupOrders(add=[""]), "FIELD_REQUIRED", None),
        (rows_pb2.GroupOrders(remove=[""]), "FIELD_REQUIRED", None),
        (rows_pb2.GroupOrders(add=["g" * 129]), "LIMIT_EXCEEDED", "group_id"),
        (rows_pb2.GroupOrders(add=["g"] * 101), "LIMIT_EXCEEDED", "groups.add"),
        (rows_pb2.GroupOrders(remove=["g"] * 101), "LIMIT_EXCEEDED", "groups.remove"),
    ],
)
def test_codes_of_groups_are_checked(
    api: Api, orders: rows_pb2.GroupOrders, reason: str, limit: str | None
) -> None:
    fault = attempt(lambda: rows_of(api, groups=orders))
    check_fault(fault, reason, **({"limit": limit} if limit else {}))


def test_no_member_gives_numbers_and_makes_nobody(tmp_path: Path) -> None:
    def work(api: Api) -> None:
        api.set_member(change(keys(BOB)))
        rows = [["ann@example.com"], ["bob@example.com"], ["ANN@example.com"], ["eve@"]]
        receipt = rows_of(api, *rows, no_member=True)
        assert list(receipt.statuses) == [2, 3, 3, 5]
        assert list(receipt.contact_ids) == [0, 1, 0, 0]
        assert fault_in_answer(receipt.rejects[0].fault).reason == "EMAIL_DOMAIN_EMPTY"
        assert not api.resolve(keys(ANN)).contact_id
        # The number is the address's for ever.
        made = api.set_member(change(keys(ANN)))
        assert (made.newbie, made.contact_id, made.member.id) == (True, 2, 2)

    changes = changes_after(tmp_path, work)
    assert [(one.dataset_id, one.origin) for one in changes] == [(1, 1), (0, 2), (2, 1)]


NO_MEMBER_CONFLICTS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("groups", {"groups": rows_pb2.GroupOrders(add=["news"])}),
    ("sequence", {"sequence": ORDERS}),
    ("head_attach", {"head_attach": rows_pb2.HeadAttachRules()}),
    ("if_exists", {"if_exists": 2}),
    ("origin", {"origin_number": 7}),
    ("event_key", {"event_key": "welcome"}),
)


@pytest.mark.parametrize(("name", "options"), NO_MEMBER_CONFLICTS)
def test_no_member_stands_alone(api: Api, name: str, options: dict[str, Any]) -> None:
    fault = attempt(lambda: rows_of(api, no_member=True, **options))
    check_fault(fault, "OPTIONS_CONFLICT", first="no_member", second=name)


@pytest.mark.parametrize(
    "columns",
    [[email_column()] * 2, [email_column(), datakey_column("x")],
     [rows_pb2.ImportColumn(contact_id=rows_pb2.ContactIdColumn())]],
)  # fmt: skip
def test_no_member_has_one_column(api: Api, columns: list[rows_pb2.ImportColumn]) -> None:
    fault = attempt(lambda: rows_of(api, columns=columns, no_member=True))
    check_fault(fault, "FIELD_INVALID", field="columns")
