"""What is left of members who are no more: seed 002, member.get, missing_too.

Members and heads count from 1 in the order in which a test makes them.
"""

import json
from typing import Any

import pytest

from support.core import Api, expect_fault
from support.requests import address, change, head_key, keys, member_key, order, sets
from zmey.v1 import matching_pb2 as matching
from zmey.v1.member_service_pb2 import GetMemberResponse

ANN, BOB, PHONE = "email=ann@example.com", "email=bob@example.com", "msisdn=+79121234567"


def make(api: Api, *heads: str, csid: str | None = None, **data: str) -> None:
    api.set_member(change(keys(*heads[:1], csid=csid), sets(**data), heads=heads[1:]))


def read(api: Api, who: matching.MatchKeys, **options: Any) -> GetMemberResponse:
    return api.get_member(who, "*", "member.*", missing_too=True, with_heads=True, **options)


def test_who_lives_is_not_missing(api: Api) -> None:
    make(api, ANN, x="1")
    response = read(api, keys(ANN))
    assert (response.missing, response.member.contact_id) == (False, 1)
    assert response == api.get_member(keys(ANN), "*", "member.*", with_heads=True)


@pytest.mark.parametrize(
    "who",
    [keys(ANN), keys(PHONE), keys(csid="A"), keys(contact_id=1), keys(dataset_id=1),
     keys(head_id=2), keys("email=new@example.com", PHONE)],
)  # fmt: skip
def test_a_deleted_member_is_read_as_it_was(api: Api, who: matching.MatchKeys) -> None:
    make(api, ANN, PHONE, csid="A", x="1")
    before = api.get_member(who, "*", with_heads=True).member
    api.delete_members(member_key("contact=1"))
    with expect_fault("MEMBER_MISSING"):
        api.get_member(who, "*")
    response = read(api, who)
    assert (response.missing, response.resolution.contact_id) == (True, 0)
    assert response.member.values[0] == before.values[0]
    assert (response.member.contact_id, response.member.version) == (1, before.version)
    assert response.member.heads == before.heads


def test_system_keys_are_those_of_the_identifier_asked_for(api: Api) -> None:
    make(api, ANN, PHONE)
    api.delete_members(member_key("contact=1"))
    record = json.loads(read(api, keys(PHONE)).member.values[1].value)
    assert (record["dataset"], record["id"], record["addr_type"]) == (1, 2, "msisdn")


def test_a_member_who_lives_comes_before_any_other(api: Api) -> None:
    make(api, ANN, csid="A")
    make(api, BOB)
    api.delete_members(member_key("contact=1"))
    response = read(api, keys(BOB, csid="A"))
    assert (response.missing, response.member.contact_id) == (False, 2)


def test_the_order_of_keys_decides_among_the_deleted(api: Api) -> None:
    make(api, ANN, csid="A")
    make(api, BOB)
    api.delete_members(member_key("contact=1"), member_key("contact=2"))
    assert read(api, keys(BOB, csid="A")).member.contact_id == 1
    assert read(api, keys(BOB, contact_id=1)).member.contact_id == 1
    assert read(api, keys(BOB, ANN)).member.contact_id == 2


def test_an_identifier_of_nobody_has_its_own_state(api: Api) -> None:
    make(api, ANN, PHONE, x="1")
    api.detach_head(head_key(PHONE))
    response = read(api, keys(PHONE))
    assert (response.missing, response.member.contact_id) == (True, 0)
    assert [head.id for head in response.member.heads] == [2]
    assert response.member.values[0].value == b"{}"
    record = json.loads(response.member.values[1].value)
    assert (record["id"], record["addr_type"]) == (2, "msisdn")


def test_a_merged_number_leads_to_the_deleted_survivor(api: Api) -> None:
    make(api, ANN)
    make(api, BOB)
    api.merge_members(keys(ANN), keys(BOB), head_rule="MERGE_HEAD_RULE_TRANSPLANT")
    api.delete_members(member_key("contact=1"))
    assert read(api, keys(contact_id=2)).member.contact_id == 1
    assert api.restore_member(member_key("contact=2")).outcome.contact_id == 1


def test_who_never_was_is_missing_still(api: Api) -> None:
    make(api, ANN)
    with expect_fault("MEMBER_MISSING"):
        read(api, keys("email=eve@example.com"))
    with expect_fault("MEMBER_MISSING"):
        read(api, keys(contact_id=9))
    with expect_fault("EMAIL_NO_AT"):
        read(api, keys("email=ann"))


def test_a_resource_narrows_the_deleted_too(api: Api) -> None:
    make(api, ANN)
    api.delete_members(member_key(ANN))
    narrowed = keys(ANN)
    narrowed.resource_id = 7
    with expect_fault("MEMBER_MISSING"):
        read(api, narrowed)


def test_a_deleted_member_whose_identifier_is_taken(api: Api) -> None:
    make(api, ANN, PHONE, x="1")
    api.delete_members(member_key("contact=1"))
    make(api, PHONE)
    assert read(api, keys(PHONE)).member.contact_id == 2
    response = read(api, keys(ANN))
    assert (response.missing, response.member.contact_id) == (True, 1)
    assert len(response.member.heads) == 2
    api.attach_head(keys(PHONE), address(ANN))
    assert not read(api, keys(ANN)).missing


def test_strict_keys_read_the_deleted_too(api: Api) -> None:
    make(api, ANN, csid="A")
    api.delete_members(member_key("contact=1"))
    make(api, BOB)
    strict = order("subscribe", strict=True)
    assert read(api, keys(ANN, csid="new"), policy=strict).member.contact_id == 1
    with expect_fault("MATCH_KEY_UNKNOWN"):
        read(api, keys(BOB, csid="A"), policy=order(strict=True))
