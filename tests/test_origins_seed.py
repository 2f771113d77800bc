"""Origins, the sources from which heads come: seed 002, member.origin, by number and by label."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from reference.datakeys import Change
from support.core import (
    OTHER_SPACE,
    Api,
    SeenFault,
    attempt,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_core,
)
from support.imports import datakey_column, email_column, run_import
from support.requests import address, change, datakey_change, head_key, keys
from zmey.v1 import member_pb2 as member

ANN, BOB = "email=ann@example.com", "email=bob@example.com"
CREATED, UPDATED = member.OUTCOME_STATUS_CREATED, member.OUTCOME_STATUS_UPDATED
UNCHANGED = member.OUTCOME_STATUS_UNCHANGED


def listed(api: Api) -> dict[int, str]:
    return {origin.number: origin.label for origin in api.list_origins().origins}


def origins_of(api: Api, who: str) -> list[int]:
    return [state.origin for state in api.list_heads(keys(who)).heads]


def set_origin(api: Api, value: str) -> object:
    changes = [datakey_change(Change("member.origin", "set", value))]
    return attempt(lambda: api.set_member(change(keys(ANN), changes)))


@pytest.fixture
def filled(api: Api) -> Api:
    """Ann, and the origins 1 "web form" and 40 "partner"."""
    api.set_member(change(keys(ANN)))
    api.define_origin("web form")
    api.define_origin("partner", number=40)
    return api


DEFINED: tuple[tuple[str, str, int, str, Any, Any], ...] = (
    # (what, label, number, the label kept, its number and what was done, or the reason)
    ("the next number", "shop", 0, "shop", 41, CREATED),
    ("a given number", "shop", 7, "shop", 7, CREATED),
    ("the highest number", "shop", 1_000_000_000, "shop", 1_000_000_000, CREATED),
    ("trimmed", " \tshop ", 0, "shop", 41, CREATED),
    ("any writing", "магазин", 0, "магазин", 41, CREATED),
    ("digits with more", "shop 7", 0, "shop 7", 41, CREATED),
    ("another case is another label", "Partner", 0, "Partner", 41, CREATED),
    ("a known label", "partner", 0, "partner", 40, UNCHANGED),
    ("both known", " partner", 40, "partner", 40, UNCHANGED),
    ("another label", "shop", 40, "shop", 40, UPDATED),
    ("a label of another", "web form", 40, "ORIGIN_LABEL_TAKEN", {"number": "1"}, None),
    ("a label of another at a new number", "web form", 3, "ORIGIN_LABEL_TAKEN", {}, None),
    ("nothing", "  ", 0, "FIELD_REQUIRED", {"field": "label"}, None),
    ("digits alone", " 12 ", 0, "FIELD_INVALID", {"field": "label"}, None),
    ("a line break", "a\nb", 0, "FIELD_INVALID", {"field": "label"}, None),
)


@pytest.mark.parametrize(("_what", "label", "number", "kept", "expected", "status"), DEFINED)
def test_define(
    filled: Api, _what: str, label: str, number: int, kept: str, expected: object, status: object
) -> None:
    before = listed(filled)
    answer = attempt(lambda: filled.define_origin(label, number=number))
    if isinstance(expected, dict):
        check_fault(answer, kept, **expected)
        assert listed(filled) == before
        return
    assert not isinstance(answer, SeenFault), answer
    outcome = answer.outcome
    assert (outcome.origin.number, outcome.origin.label, outcome.status) == (expected, kept, status)
    assert listed(filled) == before | {expected: kept}


def test_they_are_listed_by_number(filled: Api) -> None:
    filled.define_origin("shop", number=7)
    assert list(listed(filled)) == [1, 7, 40]
    assert listed(Api(filled.core, OTHER_SPACE)) == {}


def test_a_deleted_one_leaves_its_number_to_heads(filled: Api) -> None:
    set_origin(filled, '"partner"')
    answer = filled.delete_origin(40)
    assert (answer.outcome.origin.label, answer.outcome.status) == ("partner", UPDATED)
    assert listed(filled) == {1: "web form"}
    assert origins_of(filled, ANN) == [40]
    with expect_fault("ORIGIN_UNKNOWN", field="number"):
        filled.delete_origin(40)
    with expect_fault("FIELD_REQUIRED", field="number"):
        filled.delete_origin(0)
    # Not given to another label by itself, or heads would seem to come from there.
    assert filled.define_origin("shop").outcome.origin.number == 41
    assert filled.define_origin("partner", number=40).outcome.status == CREATED


NAMED = (
    # (the value of member.origin, the number of the head or the reason)
    ("40", 40),
    ('"40"', 40),
    ('"partner"', 40),
    ('" partner "', 40),
    ('"web\\u0020form"', 1),
    ("99", 99),
    ('"Partner"', "ORIGIN_UNKNOWN"),
    ('""', "DATAKEY_RESERVED"),
    ("-1", "DATAKEY_RESERVED"),
    ("1.0", "DATAKEY_RESERVED"),
    ("4294967296", "DATAKEY_RESERVED"),
    ("null", "DATAKEY_RESERVED"),
    ('["partner"]', "DATAKEY_RESERVED"),
)


@pytest.mark.parametrize(("value", "expected"), NAMED)
def test_the_datakey_takes_number_or_label(filled: Api, value: str, expected: object) -> None:
    """member.origin: a number as well as a label."""
    answer = set_origin(filled, value)
    if isinstance(expected, str):
        check_fault(answer, expected, index="0", path="member.origin")
        assert origins_of(filled, ANN) == [0]
    else:
        assert origins_of(filled, ANN) == [expected]


def test_a_label_is_looked_up_when_its_step_is_applied(filled: Api) -> None:
    """An unknown one spoils its own step and no neighbour; a new member may have one."""
    named = [
        change(keys(who), [datakey_change(Change("member.origin", "set", f'"{label}"'))])
        for who, label in ((BOB, "nowhere"), (BOB, "partner"), (ANN, "web form"))
    ]
    first, second, third = filled.set_members(named).results
    assert first.HasField("fault")
    assert second.outcome.newbie
    assert third.HasField("outcome")
    assert (origins_of(filled, BOB), origins_of(filled, ANN)) == ([40], [1])


ATTACHED: tuple[tuple[str, Callable[[Api, dict[str, Any]], object]], ...] = (
    ("attach", lambda api, given: api.attach_head(keys(ANN), address(BOB), **given)),
    ("replace", lambda api, given: api.replace_head(head_key(ANN), address(BOB), **given)),
)


@pytest.mark.parametrize(("_name", "call"), ATTACHED)
def test_an_attached_head_takes_number_or_label(
    filled: Api, _name: str, call: Callable[[Api, dict[str, Any]], object]
) -> None:
    """head_origin of member.head.attach and member.head.replace."""
    with expect_fault("ORIGIN_UNKNOWN", field="origin_label"):
        call(filled, {"origin_label": "nowhere"})
    with expect_fault("OPTIONS_CONFLICT", first="origin", second="origin_label"):
        call(filled, {"origin_label": "partner", "origin": 40})
    call(filled, {"origin_label": " partner "})
    assert origins_of(filled, BOB)[-1] == 40


def test_rows_of_an_import_take_number_or_label(filled: Api) -> None:
    """A column member.origin, like the datakey."""
    columns = [email_column(), datakey_column("member.origin"), datakey_column("name")]
    rows = [
        ("ann@example.com", "partner", "Ann"),
        ("bob@example.com", "7", "Bob"),
        ("eve@example.com", "nowhere", "Eve"),
        ("dan@example.com", "", "Dan"),
    ]
    (receipt,) = run_import(filled, columns, [rows])
    assert [origins_of(filled, f"email={name}@example.com") for name in ("ann", "bob", "dan")] == [
        [40], [7], [0],
    ]  # fmt: skip
    (reject,) = receipt.rejects
    fault = fault_in_answer(reject.fault)
    check_fault(fault, "ORIGIN_UNKNOWN", index="1", path="member.origin")
    assert filled.get_member(keys(ANN), "*").member.values[0].value == b'{"name":"Ann"}'


def test_other_system_columns_are_as_in_a_call(filled: Api) -> None:
    columns = [
        email_column(),
        datakey_column("-group.news"),
        datakey_column("member.id"),
        datakey_column("member.error.error", mode="DATAKEY_MODE_DELETE"),
    ]
    rows = [("ann@example.com", "1", "9", "x"), ("ann@example.com", "2", "", "")]
    (receipt,) = run_import(filled, columns, [rows])
    (warning,) = receipt.warnings
    seen = fault_in_answer(warning.warning)
    check_fault(seen, "DATAKEY_RESERVED", index="2", path="member.id")
    (reject,) = receipt.rejects
    check_fault(fault_in_answer(reject.fault), "DATAKEY_RESERVED", path="-group.news")
    (state,) = filled.list_heads(keys(ANN)).heads
    assert list(state.groups) == ["news"]


def test_calls_take_request_id_and_validation(api: Api) -> None:
    once = member.WriteOptions(request_id="o-1")
    validated = api.define_origin("shop", options=member.WriteOptions(validate_only=True))
    assert listed(api) == {}
    first = api.define_origin("shop", options=once)
    assert (first.outcome, first.replayed) == (validated.outcome, False)
    assert api.define_origin("shop", options=once).replayed
    with expect_fault("REQUEST_ID_REUSED"):
        api.delete_origin(1, options=once)
    versioned = member.WriteOptions(expected_version=1)
    for call in (
        lambda: api.define_origin("other", options=versioned),
        lambda: api.delete_origin(1, options=versioned),
    ):
        check_fault(attempt(call), "FIELD_INVALID", field="options.expected_version")
    assert api.list_origins().revision == 0, "origins are no changes of members"


def test_the_highest_number_does_not_end_them(api: Api) -> None:
    api.define_origin("last", number=1_000_000_000)
    api.define_origin("one", number=1)
    assert api.define_origin("next").outcome.origin.number == 2
    assert listed(api) == {1: "one", 2: "next", 1_000_000_000: "last"}


def test_they_outlive_the_process(tmp_path: Path) -> None:
    store = tmp_path / "store"
    core = open_core(store_path=store)
    Api(core).define_origin("shop")
    Api(core).define_origin("gone")
    Api(core).delete_origin(2)
    core.close()
    core = open_core(store_path=store)
    assert listed(Api(core)) == {1: "shop"}
    assert Api(core).define_origin("next").outcome.origin.number == 3
    core.close()
