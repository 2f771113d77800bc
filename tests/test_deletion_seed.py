"""Every sentence about deleting members and bringing them back: seed 002, member.delete; seed 004.

Members are made in the order in which a test names them and count from 1; so do heads.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from reference.datakeys import Change
from support.core import (
    Api,
    attempt,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_api,
    warnings_of,
)
from support.documents import document
from support.imports import column, datakey_column, run_import
from support.people import people
from support.requests import (
    address,
    change,
    datakey_change,
    head_key,
    keys,
    member_key,
    order,
    sets,
)
from zmey.config import FieldConfig
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member

ANN, BOB, PHONE = "email=ann@example.com", "email=bob@example.com", "msisdn=+79121234567"


def make(api: Api, *heads: str, csid: str | None = None, **data: str) -> int:
    who = keys(*heads[:1], csid=csid)
    return api.set_member(change(who, sets(**data), heads=heads[1:])).contact_id


DELETE = (
    # (what it says, wipe, keys, heads afterwards, (deleted, member ended) of each key)
    ("only this identifier", False, [PHONE], {1: [ANN], 2: [BOB]}, [(True, False)]),
    ("the last one takes the data along", False, [BOB], {1: [ANN, PHONE]}, [(True, True)]),
    ("one after another", False, [ANN, PHONE], {2: [BOB]}, [(True, False), (True, True)]),
    ("the whole member", True, [PHONE], {2: [BOB]}, [(True, True)]),
    ("the whole member once", True, [ANN, PHONE], {2: [BOB]}, [(True, True), (False, False)]),
    ("a number is the whole member", False, ["contact=1"], {2: [BOB]}, [(True, True)]),
    ("by the number of a head", False, ["id=2"], {1: [ANN], 2: [BOB]}, [(True, False)]),
    ("absent ones are told", False, ["email=eve@example.com", BOB], {1: [ANN, PHONE]},
     [(False, False), (True, True)]),
    ("invalid ones are told", True, ["email=ann", BOB], {1: [ANN, PHONE]},
     [(False, False), (True, True)]),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "wipe", "who", "expected", "results"), DELETE)
def test_delete(
    api: Api,
    _says: str,
    who: Sequence[str],
    expected: dict[int, list[str]],
    results: list[tuple[bool, bool]],
    *,
    wipe: bool,
) -> None:
    make(api, ANN, PHONE, x="1")
    make(api, BOB)
    outcome = api.delete_members(*map(member_key, who), wipe=wipe).outcome
    assert [(result.deleted, result.member_ended) for result in outcome.results] == results
    for result in outcome.results:
        assert result.HasField("fault") == (not result.deleted)
    assert people(api, 1, 2) == expected


def test_a_deleted_address_keeps_its_number_and_the_data_get_another(api: Api) -> None:
    """member.id is permanent, also when somebody is deleted and made again; dataset is not."""
    make(api, ANN)
    api.delete_members(member_key(ANN))
    outcome = api.set_member(change(keys(ANN)))
    assert (outcome.contact_id, outcome.member.id, outcome.newbie) == (2, 1, True)


def test_a_deleted_identifier_leaves_its_groups(api: Api) -> None:
    make(api, ANN, PHONE)
    api.set_member(change(keys(PHONE), [datakey_change(Change("-group.news", "set", '"1"'))]))
    api.delete_members(member_key(PHONE))
    api.attach_head(keys(ANN), address(PHONE))
    assert [dict(state.groups) for state in api.list_heads(keys(ANN)).heads] == [{}, {}]


def test_what_is_wrong_with_a_key_is_in_its_result(api: Api) -> None:
    make(api, ANN)
    wrong = [member_key("email=ann"), member_key("email=eve@example.com"), member_key("contact=9")]
    results = api.delete_members(*wrong).outcome.results
    reasons = [fault_in_answer(result.fault).reason for result in results]
    assert reasons == ["EMAIL_NO_AT", "MEMBER_MISSING", "MEMBER_MISSING"]


def test_a_restored_member_is_as_it_was(api: Api) -> None:
    make(api, ANN, PHONE, csid="A", x="1")
    api.set_member(change(keys(PHONE), [datakey_change(Change("-group.news", "set", '"1"'))]))
    before = people(api, 1)
    api.delete_members(member_key("contact=1"))
    assert people(api, 1) == {}
    outcome = api.restore_member(member_key("contact=1")).outcome
    assert (outcome.contact_id, list(outcome.restored_head_ids)) == (1, [1, 2, 3])
    assert outcome.version > 2
    assert people(api, 1) == before
    assert document(api, keys(ANN)) == '{"x":1}'
    groups = [dict(state.groups).keys() for state in api.list_heads(keys(ANN)).heads]
    assert sorted(map(list, groups)) == [[], [], ["news"]]


@pytest.mark.parametrize("who", [ANN, PHONE, "id=1", "contact=1"])
def test_a_deleted_member_is_named_by_number_or_identifier(api: Api, who: str) -> None:
    make(api, ANN, PHONE)
    api.delete_members(member_key(ANN), wipe=True)
    assert api.restore_member(member_key(who)).outcome.contact_id == 1


def test_identifiers_that_others_have_by_now_stay_there(api: Api) -> None:
    make(api, ANN, PHONE)
    api.delete_members(member_key("contact=1"))
    make(api, PHONE)
    outcome = api.restore_member(member_key("contact=1")).outcome
    (warning,) = warnings_of(outcome)
    check_fault(warning, "HEAD_STAYED", head_id="2", owner_contact_id="2")
    assert people(api, 1, 2) == {1: [ANN], 2: [PHONE]}


NOT_RESTORABLE: tuple[tuple[str, list[str], str], ...] = (
    ("never deleted", [], "contact=1"),
    ("never there", [], "contact=9"),
    ("an identifier that nobody deleted", [], BOB),
    ("all identifiers are others'", [ANN], "contact=1"),
    ("a wrong address", [], "email=ann"),
)


@pytest.mark.parametrize(("says", "taken", "who"), NOT_RESTORABLE)
def test_not_restorable(api: Api, says: str, taken: list[str], who: str) -> None:
    make(api, ANN)
    if taken:
        api.delete_members(member_key(ANN))
        make(api, *taken)
    reasons = ("EMAIL_NO_AT",) if says == "a wrong address" else ("MEMBER_NOT_RESTORABLE",)
    with expect_fault(*reasons):
        api.restore_member(member_key(who))


def test_a_unique_value_that_another_member_took_refuses_the_restoring() -> None:
    api = open_api(FieldConfig(path="card", kind="string", unique=True))
    make(api, ANN, card='"c"')
    api.delete_members(member_key(ANN))
    make(api, BOB, card='"c"')
    with expect_fault("FIELD_VALUE_TAKEN", contact_id="2"):
        api.restore_member(member_key("contact=1"))
    assert people(api, 1, 2) == {2: [BOB]}


def deleted(api: Api) -> None:
    """Ann with the external id A, deleted; Bob lives."""
    make(api, ANN, csid="A", x="1")
    make(api, BOB)
    api.delete_members(member_key("contact=1"))


def policy(name: str, on_deleted: str) -> matching.MatchPolicy:
    built = order(name)
    built.MergeFrom(matching.MatchPolicy(on_deleted=f"ON_DELETED_{on_deleted}"))
    return built


RESTORING = (
    # (what it says, keys, order, rule, condition, the member, how)
    ("an external id restores", keys(csid="A"), "", "UNSPECIFIED", "UNSPECIFIED", 1, "RESTORED"),
    ("also with a new address", keys(PHONE, csid="A"), "", "UNSPECIFIED", "UNSPECIFIED", 1,
     "RESTORED"),
    ("other orders do not", keys(csid="A"), "subscribe", "UNSPECIFIED", "UNSPECIFIED", 3,
     "CREATED"),
    ("unless asked to", keys(csid="A"), "subscribe", "RESTORE", "UNSPECIFIED", 1, "RESTORED"),
    ("or asked not to", keys(csid="A"), "", "LEAVE", "UNSPECIFIED", 3, "CREATED"),
    ("an e-mail alone does not", keys(ANN), "", "UNSPECIFIED", "UNSPECIFIED", 3, "CREATED"),
    ("a higher key that lives wins", keys(contact_id=2, csid="A"), "prepared_message", "RESTORE",
     "UNSPECIFIED", 2, "UPDATED"),
    ("if_exists error: it does not exist", keys(csid="A"), "", "RESTORE", "ERROR", 3, "CREATED"),
    ("if_exists must: it does", keys(csid="A"), "", "UNSPECIFIED", "MUST", 1, "RESTORED"),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "who", "name", "rule", "condition", "contact", "how"), RESTORING)
def test_an_external_id_restores_its_deleted_contact(
    api: Api,
    _says: str,
    who: matching.MatchKeys,
    name: str,
    rule: str,
    condition: str,
    contact: int,
    how: str,
) -> None:
    """Seed 004, add/update: a contact with this id that was deleted is restored."""
    deleted(api)
    step = change(who, sets(y="2"), policy=policy(name, rule), if_exists=f"IF_EXISTS_{condition}")
    outcome = api.set_member(step)
    status = member.OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_")
    assert (outcome.contact_id, status) == (contact, how)
    assert outcome.newbie == (how == "CREATED")
    expected = '{"x":1,"y":2}' if contact == 1 else '{"y":2}'
    assert document(api, keys(contact_id=contact)) == expected


def test_a_refused_step_restores_nobody(api: Api) -> None:
    deleted(api)
    with expect_fault("DATAKEY_NOT_AN_OBJECT"):
        api.set_member(change(keys(csid="A"), [datakey_change(Change("x.y.z", "set", "1"))]))
    assert people(api, 1, 2, 3) == {2: [BOB]}
    assert api.restore_member(member_key("contact=1")).outcome.contact_id == 1


def test_rows_of_an_import_restore_too(api: Api) -> None:
    deleted(api)
    (receipt,) = run_import(api, [column("csid"), datakey_column("y")], [[["A", "2"]]])
    assert list(receipt.contact_ids) == [1]
    assert list(receipt.statuses) == [member.OUTCOME_STATUS_RESTORED]
    assert document(api, keys(ANN)) == '{"x":1,"y":"2"}'


def test_a_merge_that_was_followed_by_a_deletion_waits_for_the_restoring(api: Api) -> None:
    make(api, ANN)
    make(api, BOB, PHONE)
    merge_id = api.merge_members(
        keys(ANN), keys(BOB), head_rule="MERGE_HEAD_RULE_TRANSPLANT"
    ).outcome.merge_id
    api.delete_members(member_key(PHONE))
    with expect_fault("MEMBER_MISSING", contact_id="2", merge_id=str(merge_id)):
        api.unmerge_members(merge_id)
    api.restore_member(member_key("contact=2"))
    api.unmerge_members(merge_id)
    assert people(api, 1, 2) == {1: [ANN], 2: [BOB, PHONE]}


def options(**fields: Any) -> member.WriteOptions:
    return member.WriteOptions(**fields)


def test_version_request_id_and_validation(api: Api) -> None:
    make(api, ANN, PHONE)
    validated = api.delete_members(member_key(ANN), wipe=True, options=options(validate_only=True))
    assert people(api, 1) == {1: [ANN, PHONE]}
    with expect_fault("VERSIONING"):
        api.delete_members(member_key(ANN), options=options(expected_version=9))
    both = [member_key(ANN), member_key(PHONE)]
    with expect_fault("OPTIONS_CONFLICT"):
        api.delete_members(*both, options=options(expected_version=1))
    once = options(request_id="d-1")
    first = api.delete_members(member_key(ANN), wipe=True, options=once)
    assert first.outcome == validated.outcome
    again = api.delete_members(member_key(ANN), wipe=True, options=once)
    assert (again.outcome, again.replayed) == (first.outcome, True)
    with expect_fault("FIELD_INVALID"):
        api.restore_member(member_key("contact=1"), options=options(expected_version=1))
    # Requests of two methods may have the same bytes.
    assert attempt(lambda: api.detach_head(head_key(ANN), options=options(request_id="d-1")))
    with expect_fault("REQUEST_ID_REUSED"):
        api.restore_member(member_key(ANN), options=once)
    with expect_fault("FIELD_REQUIRED", field="member"):
        api.restore_member(None)
    with expect_fault("FIELD_REQUIRED", field="members"):
        api.delete_members()
