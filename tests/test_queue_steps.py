"""What the queue needs of a step: refusals that are kept, resources of heads, inserted fields."""

from typing import Any, Literal

import pytest

from support.core import (
    Api,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_api,
)
from support.policies import fields_being_built, settled
from support.requests import address, change, keys, member_key, ruled, sets
from zmey.config import FieldConfig
from zmey.v1 import member_pb2 as member
from zmey.v1.error_reason_pb2 import ERROR_REASON_FIELD_BUILDING

ANN = "email=ann@example.com"
BOB = "email=bob@example.com"


def must(who: str, **others: Any) -> member.MemberChange:
    """A step that refuses whoever is not there and keeps the refusal."""
    return change(keys(who), sets(x="1"), if_exists="IF_EXISTS_MUST", keep_refusal=True, **others)


def subscribed(head: str, resource_id: int) -> member.HeadAttach:
    return member.HeadAttach(head=address(head), resource_id=resource_id)


def resources(api: Api, who: str) -> dict[str, list[int]]:
    heads = api.list_heads(keys(who)).heads
    return {head.head.address.value: list(head.resource_ids) for head in heads}


def test_a_kept_refusal_is_answered_again(api: Api) -> None:
    for _ in range(2):
        with expect_fault("MEMBER_MISSING"):
            api.set_member(must(ANN, request_id="r"))
        # By now it could be done, and is not: the caller was told that it is refused.
        api.set_member(change(keys(ANN)))
    assert api.get_member(keys(ANN), "*").member.values[0].value == b"{}"


def test_a_kept_refusal_keeps_reason_message_and_details(api: Api) -> None:
    api.set_member(change(keys(BOB)))
    wish = change(keys(ANN), heads=[BOB], request_id="r", keep_refusal=True)
    first, again = (api.set_members([wish]).results[0].fault for _ in range(2))
    check_fault(fault_in_answer(first), "HEAD_TAKEN", owner_contact_id="1")
    assert first == again


def test_a_kept_refusal_within_a_batch_keeps_the_order(api: Api) -> None:
    steps = [must(ANN, request_id="a"), change(keys(ANN), request_id="b")]
    first, again = (api.set_members(steps).results for _ in range(2))
    for refused, created in (first, again):
        check_fault(fault_in_answer(refused.fault), "MEMBER_MISSING")
        assert created.outcome.contact_id == 1
    assert again[1].outcome.replayed


@pytest.mark.parametrize("in_order", [False, True])
def test_steps_behind_one_that_may_pass(api: Api, in_order: bool) -> None:
    """Whoever sends both again must not find the later one done."""
    for path in fields_being_built(api):
        by_field = change(keys(fields=[(path, "7")]), sets(x='"earlier"'), request_id=path)
        by_email = change(keys(ANN), sets(x='"later"'), request_id=path + "b")
        first, second = api.set_members([by_field, by_email], in_order=in_order).results
        if first.HasField("fault") and first.fault.reason == ERROR_REASON_FIELD_BUILDING:
            assert second.HasField("fault") == in_order
            break
    settled(api)
    first, second = api.set_members([by_field, by_email], in_order=in_order).results
    assert first.outcome.contact_id == second.outcome.contact_id != 0
    assert second.outcome.replayed is not in_order
    data = api.get_member(keys(ANN), "x").member.values[0].value
    assert data == (b'"later"' if in_order else b'"earlier"')


def test_another_step_under_the_id_of_a_kept_refusal(api: Api) -> None:
    with expect_fault("MEMBER_MISSING"):
        api.set_member(must(ANN, request_id="r"))
    for _ in range(2):
        with expect_fault("REQUEST_ID_REUSED"):
            api.set_member(must(BOB, request_id="r"))
    with expect_fault("MEMBER_MISSING"):
        api.set_member(must(ANN, request_id="r"))


def test_a_kept_refusal_is_nothing_to_explain(api: Api) -> None:
    with expect_fault("MEMBER_MISSING"):
        api.set_member(must(ANN, request_id="r"))
    with expect_fault("REQUEST_UNKNOWN"):
        api.explain_decision(request_id="r")


def test_a_kept_refusal_is_erased_with_whom_it_names(api: Api) -> None:
    api.set_member(change(keys(BOB)))
    wish = change(keys(ANN), heads=[BOB], request_id="r", keep_refusal=True)
    with expect_fault("HEAD_TAKEN"):
        api.set_member(wish)
    api.erase_member(member_key(BOB))
    with expect_fault("REQUEST_ERASED"):
        api.set_member(wish)


def test_a_head_has_the_resource_of_its_own(api: Api) -> None:
    wishes = [subscribed("email=eve@example.com", 24), subscribed("viber=+79121234567", 25)]
    api.set_member(change(keys(ANN, resource_id=7), heads=wishes))
    assert resources(api, ANN) == {
        "ann@example.com": [7],
        "eve@example.com": [24],
        "+79121234567": [25],
    }


def test_a_head_that_the_member_has_is_subscribed_too(api: Api) -> None:
    api.set_member(change(keys(ANN)))
    outcome = api.set_member(change(keys(ANN), heads=[subscribed(ANN, 24), subscribed(ANN, 25)]))
    assert outcome.status == member.OUTCOME_STATUS_UPDATED
    assert resources(api, ANN) == {"ann@example.com": [24, 25]}
    again = api.set_member(change(keys(ANN), heads=[subscribed(ANN, 25)]))
    assert again.status == member.OUTCOME_STATUS_UNCHANGED


def test_several_resources_of_a_new_head(api: Api) -> None:
    wishes = [subscribed(BOB, 24), subscribed(BOB, 3)]
    api.set_member(change(keys(ANN, resource_id=7), heads=wishes))
    assert resources(api, ANN) == {"ann@example.com": [7], "bob@example.com": [3, 24]}


def test_a_resource_beside_a_rule_is_refused(api: Api) -> None:
    wish = ruled(BOB, single="NONE")
    wish.resource_id = 24
    with expect_fault("OPTIONS_CONFLICT", first="heads.resource_id"):
        api.set_member(change(keys(ANN), heads=[wish]))


@pytest.mark.parametrize(
    ("kind", "value", "kept"),
    [
        ("string", "47", '"47"'),
        ("string", 'a"\\\n', '"a\\"\\\\\\n"'),
        ("int", " -007 ", "-7"),
        ("int", "9" * 30, "9" * 30),
        ("tags", "a, b", '"a, b"'),
    ],
)
def test_fields_that_are_inserted_find_the_member_again(
    kind: Literal["string", "int", "tags"], value: str, kept: str
) -> None:
    fielded = open_api(FieldConfig("crm.id", kind, unique=True))
    by_field = change(keys(ANN, fields=[("crm.id", value)]), insert_fields=True)
    created = fielded.set_member(by_field)
    data = fielded.get_member(keys(ANN), "crm.id").member.values[0].value
    assert data.decode() == kept
    fielded.set_member(change(keys(fields=[("crm.id", value)]), sets(x="1")))
    assert fielded.get_member(keys(ANN), "x").member.contact_id == created.contact_id


def test_fields_are_inserted_only_where_there_is_nothing() -> None:
    fielded = open_api(FieldConfig("crm", "string", unique=False))
    fielded.set_member(change(keys(ANN), sets(crm='"old"')))
    keyed = keys(ANN, fields=[("crm", "new")])
    fielded.set_member(change(keyed, insert_fields=True))
    assert fielded.get_member(keys(ANN), "crm").member.values[0].value == b'"old"'
    # Datakeys come after them, so what a caller sets counts.
    keyed = keys(BOB, fields=[("crm", "new")])
    fielded.set_member(change(keyed, sets(crm='"set"'), insert_fields=True))
    assert fielded.get_member(keys(BOB), "crm").member.values[0].value == b'"set"'


def test_fields_stay_out_of_the_data_unless_asked() -> None:
    fielded = open_api(FieldConfig("crm", "string", unique=False))
    fielded.set_member(change(keys(ANN, fields=[("crm", "new")])))
    assert fielded.get_member(keys(ANN), "*").member.values[0].value == b"{}"
