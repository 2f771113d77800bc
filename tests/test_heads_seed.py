"""Every sentence of seed 002 about single identifiers: member.head.list, attach, detach, replace.

Members are made in the order in which a test names them and count from 1; so do heads.
"""

from collections.abc import Callable
from typing import Any

import pytest

from reference.datakeys import Change
from support.core import Api, SeenFault, attempt, check_fault, expect_fault, warnings_of
from support.people import heads_of, people
from support.requests import address, change, datakey_change, head_key, keys, sets
from zmey.v1 import head_service_pb2 as head_service
from zmey.v1 import member_pb2 as member

ANN, BOB, EVE = "email=ann@example.com", "email=bob@example.com", "email=eve@example.com"
PHONE, PHONE_2 = "msisdn=+79121234567", "msisdn=+79161234567"


def make(api: Api, *heads: str, **others: Any) -> int:
    """Makes a member with heads; returns its contact id."""
    return api.set_member(change(keys(heads[0]), heads=heads[1:], **others)).contact_id


def join(api: Api, head: str, group: str) -> None:
    api.set_member(change(keys(head), [datakey_change(Change(f"-group.{group}", "set", '"1"'))]))


def groups_of(api: Api, head: str) -> list[str]:
    for state in api.list_heads(keys(head)).heads:
        if head.endswith(state.head.address.value):
            return sorted(state.groups)
    raise AssertionError(head)


def options(**fields: Any) -> member.WriteOptions:
    return member.WriteOptions(**fields)


def test_all_identifiers_are_listed_with_their_own_state(api: Api) -> None:
    """member.head.list: all identifiers and what belongs to each of them."""
    make(api, ANN, PHONE, source="192.0.2.1", newbie_confirm=True)
    join(api, PHONE, "news")
    answer = api.list_heads(keys(PHONE))
    assert (answer.contact_id, answer.version) == (1, 2)
    email, phone = answer.heads
    assert (email.head.id, email.domain, email.haslock) == (1, "example.com", 2)
    assert (phone.head.id, phone.domain, phone.haslock) == (2, "", 0)
    assert email.create.host == phone.create.host == "192.0.2.1"
    assert email.create.time_seconds > 0
    assert not email.HasField("confirm")
    assert (list(email.groups), list(phone.groups)) == ([], ["news"])
    assert phone.update.time_seconds > 0
    assert not email.HasField("update")


def test_heads_of_nobody_are_not_found(api: Api) -> None:
    with expect_fault("MEMBER_MISSING"):
        api.list_heads(keys(ANN))
    with expect_fault("EMAIL_NO_AT"):
        api.list_heads(keys("email=ann"))


ATTACH = (
    # (what it says, members, who, head, the heads of all afterwards or the reason)
    ("to an existing member", [(ANN,)], ANN, PHONE, {1: [ANN, PHONE]}),
    ("by any of its heads", [(ANN, PHONE)], PHONE, BOB, {1: [ANN, PHONE, BOB]}),
    ("in any spelling", [(ANN,)], "email=ANN@Example.com", "msisdn=8 (912) 123-45-67",
     {1: [ANN, PHONE]}),
    ("that the member has already", [(ANN, PHONE)], ANN, PHONE, {1: [ANN, PHONE]}),
    ("not of another member", [(ANN,), (PHONE,)], ANN, PHONE, "HEAD_TAKEN"),
    ("not to nobody", [(BOB,)], ANN, PHONE, "MEMBER_MISSING"),
    ("not what is no address", [(ANN,)], ANN, "msisdn=12", "PHONE_TOO_SHORT"),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "members", "who", "head", "expected"), ATTACH)
def test_attach(
    api: Api, _says: str, members: list[tuple[str, ...]], who: str, head: str, expected: object
) -> None:
    for heads in members:
        make(api, *heads)
    before = people(api, 1, 2)
    answer = attempt(lambda: api.attach_head(keys(who), address(head)))
    if isinstance(expected, str):
        check_fault(answer, expected)
        assert people(api, 1, 2) == before
    else:
        assert not isinstance(answer, SeenFault), answer
        assert people(api, 1, 2) == expected


def test_an_attached_head_has_origin_and_waits_for_confirmation(api: Api) -> None:
    """head_origin; newbie.confirm is for e-mail only."""
    make(api, ANN)
    for number, head in ((7, BOB), (8, PHONE)):
        api.attach_head(keys(ANN), address(head), origin=number, newbie_confirm=True)
    _, email, phone = api.list_heads(keys(ANN)).heads
    assert (email.origin, email.haslock) == (7, 2)
    assert (phone.origin, phone.haslock) == (8, 0)


def test_an_attached_head_that_was_there_is_no_change(api: Api) -> None:
    make(api, ANN, PHONE)
    outcome = api.attach_head(keys(ANN), address(PHONE)).outcome
    assert outcome.status == member.OUTCOME_STATUS_UNCHANGED
    assert (outcome.version, outcome.revision, outcome.head.id) == (1, 1, 2)


def test_a_second_external_id_is_told(api: Api) -> None:
    make(api, "csid=A", ANN)
    (warning,) = warnings_of(api.attach_head(keys(ANN), address("csid=B")).outcome)
    check_fault(warning, "CSID_SECOND", contact_id="1")


def test_a_detached_head_belongs_to_nobody_and_to_no_group(api: Api) -> None:
    """Split = 0."""
    make(api, ANN, PHONE, datakeys=sets(x="1"))
    join(api, PHONE, "news")
    outcome = api.detach_head(head_key(PHONE)).outcome
    assert (outcome.contact_id, outcome.version, outcome.split_contact_id) == (1, 3, 0)
    assert (outcome.head.id, outcome.head.address.value) == (2, "+79121234567")
    assert people(api, 1) == {1: [ANN]}
    assert api.resolve(keys(PHONE)).contact_id == 0
    assert make(api, PHONE) == 2
    assert groups_of(api, PHONE) == []
    # The number of an address is for ever.
    assert api.list_heads(keys(PHONE)).heads[0].head.id == 2


def test_a_split_head_is_a_member_of_its_own_and_keeps_its_groups(api: Api) -> None:
    """Split = 1."""
    make(api, ANN, PHONE, datakeys=sets(x="1"))
    join(api, PHONE, "news")
    outcome = api.detach_head(head_key(PHONE), split=True).outcome
    assert (outcome.contact_id, outcome.split_contact_id) == (1, 2)
    assert people(api, 1, 2) == {1: [ANN], 2: [PHONE]}
    assert groups_of(api, PHONE) == ["news"]
    data = [api.get_member(keys(who), "*").member.values[0].value for who in (ANN, PHONE)]
    assert data == [b'{"x":1}', b"{}"]


@pytest.mark.parametrize("split", [False, True])
def test_the_last_head_stays(api: Api, *, split: bool) -> None:
    """In contrast to member.delete the last identifier cannot be detached."""
    make(api, ANN)
    with expect_fault("HEAD_LAST", contact_id="1", type="email"):
        api.detach_head(head_key(ANN), split=split)
    assert people(api, 1) == {1: [ANN]}


@pytest.mark.parametrize("who", [PHONE, "id=2", "id=99"])
def test_a_head_is_named_by_address_or_number(api: Api, who: str) -> None:
    make(api, ANN, PHONE)
    answer = attempt(lambda: api.detach_head(head_key(who)))
    if who == "id=99":
        check_fault(answer, "MEMBER_MISSING")
    else:
        assert people(api, 1) == {1: [ANN]}


REPLACE = (
    # (what it says, members, current, head, the heads of all afterwards or the reason)
    ("the only head", [(ANN,)], ANN, PHONE, {1: [PHONE]}),
    ("one of several", [(ANN, PHONE)], ANN, BOB, {1: [PHONE, BOB]}),
    ("by one that is there", [(ANN, PHONE)], ANN, PHONE, {1: [PHONE]}),
    ("not by itself", [(ANN, PHONE)], ANN, ANN, "FIELD_INVALID"),
    ("not by another member's", [(ANN,), (PHONE,)], ANN, PHONE, "HEAD_TAKEN"),
    ("not of nobody", [(BOB,)], ANN, PHONE, "MEMBER_MISSING"),
)


@pytest.mark.parametrize(("_says", "members", "current", "head", "expected"), REPLACE)
def test_replace(
    api: Api, _says: str, members: list[tuple[str, ...]], current: str, head: str, expected: object
) -> None:
    """member.head.replace is attach and detach, but atomic: any error undoes all."""
    for heads in members:
        make(api, *heads)
    before = people(api, 1, 2)
    answer = attempt(lambda: api.replace_head(head_key(current), address(head), origin=3))
    if isinstance(expected, str):
        check_fault(answer, expected)
        assert people(api, 1, 2) == before
    else:
        assert isinstance(answer, head_service.ReplaceHeadResponse), answer
        assert people(api, 1, 2) == expected
        assert api.resolve(keys(current)).contact_id == 0
        assert heads_of(api, answer.outcome.contact_id)[-1] == head


def test_a_member_with_all_its_heads_can_still_replace_one(api: Api) -> None:
    make(api, ANN)
    for start in range(0, 999, 100):
        heads = [f"vk={number}" for number in range(start, min(start + 100, 999))]
        api.set_member(change(keys(ANN), heads=heads))
    with expect_fault("LIMIT_EXCEEDED", max="1000"):
        api.attach_head(keys(ANN), address(BOB))
    api.replace_head(head_key("vk=5"), address(BOB))
    assert len(heads_of(api, 1)) == 1_000


CALLS: dict[str, Callable[[Api, member.WriteOptions], Any]] = {
    "attach": lambda api, given: api.attach_head(keys(ANN), address(BOB), options=given),
    "detach": lambda api, given: api.detach_head(head_key(PHONE), options=given),
    "replace": lambda api, given: api.replace_head(head_key(PHONE), address(BOB), options=given),
}


@pytest.mark.parametrize("name", CALLS)
def test_every_call_takes_version_request_id_and_validation(api: Api, name: str) -> None:
    call = CALLS[name]
    make(api, ANN, PHONE)
    before = people(api, 1)
    validated = call(api, options(validate_only=True)).outcome
    assert people(api, 1) == before
    with expect_fault("VERSIONING", expected_version="7", version="1"):
        call(api, options(expected_version=7))
    with expect_fault("FIELD_INVALID", field="source"):
        call(api, options(source="localhost"))
    once = options(request_id="r-1", expected_version=1, source="192.0.2.9")
    first = call(api, once)
    assert first.outcome == validated
    assert not first.replayed
    validating = options(
        request_id="r-1", expected_version=1, source="192.0.2.9", validate_only=True
    )
    for again in call(api, once), call(api, validating):
        assert (again.outcome, again.replayed) == (first.outcome, True)
    with expect_fault("REQUEST_ID_REUSED", request_id="r-1"):
        call(api, options(request_id="r-1"))


def test_what_is_missing_is_named(api: Api) -> None:
    make(api, ANN)
    for field, call in (
        ("head", lambda: api.attach_head(keys(ANN), None)),
        ("head", lambda: api.detach_head(None)),
        ("current", lambda: api.replace_head(None, address(BOB))),
        ("head", lambda: api.replace_head(head_key(ANN), None)),
    ):
        fault = attempt(call)
        check_fault(fault, "FIELD_REQUIRED", field=field)
