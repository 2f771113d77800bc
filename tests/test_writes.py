"""SetMember as one atomic step: conditions, versions, repeats, heads, batches, revisions."""

from typing import Any

import pytest

from reference.json_tree import dump, parse
from support.core import (
    Api,
    attempt,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_api,
    open_core,
    warnings_of,
)
from support.documents import document
from support.imports import datakey_column, email_column, run_import
from support.requests import change, keys, sets
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service

ANN, BOB, EVE = "email=ann@example.com", "email=bob@example.com", "email=eve@example.com"
PHONE = "msisdn=+79121234567"


def status(outcome: member.MemberOutcome) -> str:
    return member.OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_")


def write(api: Api, who: str = ANN, **others: Any) -> member.MemberOutcome:
    """Sets x of the member with an address to 1, unless other fields are given."""
    changes = others.pop("datakeys", sets(x="1"))
    return api.set_member(change(keys(who), changes, **others))


IF_EXISTS = (
    # (condition, whether the member is there, status or reason)
    ("UNSPECIFIED", False, "CREATED"),
    ("UNSPECIFIED", True, "UPDATED"),
    ("ERROR", False, "CREATED"),
    ("ERROR", True, "MEMBER_EXISTS"),
    ("MUST", False, "MEMBER_MISSING"),
    ("MUST", True, "UPDATED"),
    ("IGNORE", False, "CREATED"),
    ("IGNORE", True, "IGNORED"),
)


@pytest.mark.parametrize(("condition", "there", "expected"), IF_EXISTS)
def test_if_exists(api: Api, condition: str, *, there: bool, expected: str) -> None:
    if there:
        write(api)
    answer = attempt(
        lambda: write(api, datakeys=sets(x="2"), heads=(EVE,), if_exists=f"IF_EXISTS_{condition}")
    )
    if expected.startswith("MEMBER"):
        check_fault(answer, expected)
    else:
        assert isinstance(answer, member.MemberOutcome), answer
        assert status(answer) == expected
        assert answer.newbie == (not there)
        assert answer.contact_id == 1
    changed = expected in {"CREATED", "UPDATED"}
    assert api.resolve(keys(EVE)).contact_id == (1 if changed else 0)
    if there or changed:
        assert document(api, "ann@example.com") == ('{"x":2}' if changed else '{"x":1}')
    else:
        assert api.resolve(keys(ANN)).contact_id == 0


def test_an_existing_member_is_named(api: Api) -> None:
    write(api)
    with expect_fault("MEMBER_EXISTS", contact_id="1"):
        write(api, if_exists="IF_EXISTS_ERROR")


VERSIONS = (
    # (writes before, expected version, whether it is refused)
    (0, 0, False),
    (0, 1, True),
    (1, 0, True),
    (1, 1, False),
    (1, 2, True),
    (3, 3, False),
    (3, 2, True),
    (3, 2**64 - 1, True),
)


@pytest.mark.parametrize(("writes", "version", "refused"), VERSIONS)
def test_expected_version(api: Api, writes: int, version: int, *, refused: bool) -> None:
    for number in range(writes):
        write(api, datakeys=sets(x=str(number)))
    if not refused:
        assert write(api, datakeys=sets(y="1"), expected_version=version).version == writes + 1
        return
    before = api.resolve_full(keys(ANN))
    with expect_fault("VERSIONING", expected_version=str(version), version=str(writes)):
        write(api, datakeys=sets(y="1"), expected_version=version)
    assert api.resolve_full(keys(ANN)) == before


def test_versions_count_changes_of_data_and_heads(api: Api) -> None:
    assert write(api).version == 1
    assert write(api, datakeys=sets(x="2")).version == 2
    assert write(api, datakeys=[], heads=(EVE,)).version == 3
    assert api.get_member(keys(ANN)).member.version == 3


def test_unchanged_spends_no_version(api: Api) -> None:
    created = write(api, heads=(EVE,))
    again = write(api, heads=(EVE,))
    assert (status(again), again.version, again.newbie) == ("UNCHANGED", 1, False)
    assert again.revision == created.revision
    assert status(write(api, datakeys=[])) == "UNCHANGED"
    assert status(write(api, datakeys=sets(x="1.0"))) == "UPDATED"


def test_request_id_is_answered_with_the_first_answer(api: Api) -> None:
    first = write(api, datakeys=sets(n="[1]"), request_id="order-17", return_fresh=True)
    assert not first.replayed
    write(api, datakeys=sets(n="[2]"))
    again = write(api, datakeys=sets(n="[1]"), request_id="order-17", return_fresh=True)
    assert again.replayed
    again.replayed = False
    assert again == first
    assert document(api, "ann@example.com") == '{"n":[2]}'


def test_request_id_with_another_request(api: Api) -> None:
    write(api, request_id="order-17")
    with expect_fault("REQUEST_ID_REUSED", request_id="order-17"):
        write(api, datakeys=sets(x="2"), request_id="order-17")
    with expect_fault("REQUEST_ID_REUSED"):
        write(api, BOB, request_id="order-17")
    assert document(api, "ann@example.com") == '{"x":1}'


def test_request_id_of_a_refused_step_is_free(api: Api) -> None:
    with expect_fault("MEMBER_MISSING"):
        write(api, request_id="r", if_exists="IF_EXISTS_MUST")
    assert not write(api, request_id="r").replayed


def test_request_id_within_a_batch(api: Api) -> None:
    one = change(keys(ANN), sets(x="1"), request_id="r")
    other = change(keys(ANN), sets(x="2"), request_id="r")
    first, second, third = api.set_members([one, one, other]).results
    assert (first.outcome.replayed, second.outcome.replayed) == (False, True)
    check_fault(fault_in_answer(third.fault), "REQUEST_ID_REUSED")


def test_validate_only_writes_nothing(api: Api) -> None:
    write(api, BOB)
    before = api.resolve_full(keys(BOB))
    planned = api.set_member(
        change(keys(ANN), sets(x="1"), heads=(EVE,), return_fresh=True), validate_only=True
    )
    assert (status(planned), planned.newbie) == ("CREATED", True)
    assert parse(planned.fresh) == parse('{"x":1}')
    assert api.resolve(keys(ANN)).contact_id == 0
    assert api.resolve_full(keys(BOB)) == before
    with expect_fault("DATAKEY_PATH_INVALID"):
        api.set_member(change(keys(ANN), sets(**{"a.": "1"})), validate_only=True)
    assert write(api).contact_id == 2
    assert api.resolve(keys(head_id=2)).contact_id == 2


def test_validate_only_of_a_batch_sees_earlier_steps(api: Api) -> None:
    steps = [change(keys(ANN), sets(x="1")), change(keys(ANN), sets(y="2"), return_fresh=True)]
    first, second = api.set_members(steps, validate_only=True).results
    assert [status(first.outcome), status(second.outcome)] == ["CREATED", "UPDATED"]
    assert parse(second.outcome.fresh) == parse('{"x":1,"y":2}')
    assert api.resolve(keys(ANN)).contact_id == 0


def test_return_fresh(api: Api) -> None:
    assert write(api).fresh == b""
    assert dump(parse(write(api, datakeys=sets(y="2.0"), return_fresh=True).fresh)) == (
        '{"x":1,"y":2.0}'
    )
    ignored = write(api, datakeys=sets(y="3"), return_fresh=True, if_exists="IF_EXISTS_IGNORE")
    assert dump(parse(ignored.fresh)) == '{"x":1,"y":2.0}'


def test_answer_names_the_member(api: Api) -> None:
    created = write(api, "email= Ann@EXAMPLE.com")
    assert created.newbie
    assert (created.member.id, created.member.address.value) == (1, "ann@example.com")
    updated = write(api, datakeys=sets(x="2"), heads=(PHONE,))
    assert not updated.newbie
    assert (updated.member.id, updated.contact_id) == (1, 1)
    by_phone = write(api, "=8 912 123 45 67", datakeys=sets(x="3"))
    assert (by_phone.member.id, by_phone.member.address.value) == (2, "+79121234567")
    by_number = api.set_member(change(keys(contact_id=1), sets(x="4")))
    assert not by_number.HasField("member")


def test_heads(api: Api) -> None:
    created = write(api, heads=(PHONE, EVE))
    assert not warnings_of(created)
    for head in (ANN, PHONE, EVE):
        assert api.resolve(keys(head)).contact_id == 1
    write(api, BOB)
    with expect_fault("HEAD_TAKEN", index="1", type="email", owner_contact_id="1"):
        write(api, BOB, datakeys=sets(x="2"), heads=("tg=5", EVE))
    assert document(api, "bob@example.com") == '{"x":1}'
    assert api.resolve(keys("tg=5")).contact_id == 0
    already = write(api, datakeys=[], heads=(EVE, EVE))
    assert status(already) == "UNCHANGED"


@pytest.mark.parametrize(
    ("head", "reason"),
    [("email=a@b@example.com", "EMAIL_MANY_AT"), ("=hello", "ADDRESS_TYPE_REQUIRED")],
)
def test_a_head_that_is_no_address_undoes_the_step(api: Api, head: str, reason: str) -> None:
    with expect_fault(reason):
        write(api, heads=(EVE, head))
    assert api.resolve(keys(ANN)).contact_id == 0
    assert api.resolve(keys(EVE)).contact_id == 0


@pytest.mark.parametrize("who", [keys(contact_id=5), keys(head_id=5), keys(dataset_id=5)])
def test_a_new_member_needs_an_address(api: Api, who: Any) -> None:
    with expect_fault("MEMBER_NEEDS_ADDRESS"):
        api.set_member(change(who, sets(x="1")))


@pytest.mark.parametrize("locator", ["email=a@b@example.com", "msisdn=12", "=hello"])
def test_an_invalid_address_alone_makes_no_member(api: Api, locator: str) -> None:
    assert not isinstance(attempt(lambda: write(api, locator)), member.MemberOutcome)
    assert write(api).contact_id == 1


def test_one_bad_step_spoils_no_neighbour(api: Api) -> None:
    write(api, BOB, heads=(PHONE,))
    steps = [
        change(keys(ANN), sets(x="1")),
        change(keys(ANN), [*sets(x="2"), *sets(**{"x.y": "3"})]),
        change(keys(EVE), sets(x="4"), heads=(PHONE,)),
        change(keys(contact_id=99)),
        change(keys(), sets(x="5")),
        change(keys(ANN), sets(x="{")),
        change(keys(EVE), sets(x="6"), if_exists="IF_EXISTS_MUST"),
        change(keys(ANN), sets(y="7"), expected_version=1),
    ]
    answer = api.set_members(steps)
    reasons = [
        fault_in_answer(result.fault).reason if result.HasField("fault") else status(result.outcome)
        for result in answer.results
    ]
    assert reasons == [
        "CREATED", "DATAKEY_NOT_AN_OBJECT", "HEAD_TAKEN", "MEMBER_NEEDS_ADDRESS",
        "MATCH_KEYS_REQUIRED", "JSON_INVALID", "MEMBER_MISSING", "UPDATED",
    ]  # fmt: skip
    assert document(api, "ann@example.com") == '{"x":1,"y":7}'
    assert api.resolve(keys(EVE)).contact_id == 0
    # Refused steps use neither numbers of members nor of heads.
    assert write(api, EVE).contact_id == 3
    assert api.resolve(keys(head_id=4)).contact_id == 3


def test_later_steps_see_earlier_ones(api: Api) -> None:
    steps = [
        change(keys(ANN), sets(n="[1]")),
        change(keys(ANN, PHONE), sets(m="2")),
        change(keys(PHONE, csid="A"), sets(k="3")),
        change(keys(csid="A"), sets(n="[4]"), expected_version=3, return_fresh=True),
    ]
    results = api.set_members(steps).results
    assert [result.outcome.contact_id for result in results] == [1, 1, 1, 1]
    assert [result.outcome.version for result in results] == [1, 2, 3, 4]
    assert dump(parse(results[3].outcome.fresh)) == '{"n":[4],"m":2,"k":3}'


def test_revisions_grow_with_every_change(api: Api) -> None:
    seen = [write(api, datakeys=sets(x=str(number))).revision for number in range(5)]
    assert seen == sorted(set(seen))
    answer = api.set_members([change(keys(BOB), sets(x=str(number))) for number in range(5)])
    batch = [result.outcome.revision for result in answer.results]
    assert [*seen, *batch] == sorted({*seen, *batch})
    assert answer.revision == batch[-1]
    assert api.resolve_full(keys(BOB)).revision == answer.revision


def test_min_revision(api: Api) -> None:
    reached = write(api).revision
    options = {"min_revision": reached}
    assert api.resolve_full(keys(ANN), min_revision=reached).resolution.contact_id == 1
    assert api.get_member(keys(ANN), **options).revision == reached
    later = {"min_revision": reached + 1}
    details = {"min_revision": str(reached + 1), "revision": str(reached)}
    calls = (
        lambda: api.resolve_full(keys(ANN), min_revision=reached + 1),
        lambda: api.resolve_batch([keys(ANN)], min_revision=reached + 1),
        lambda: api.get_member(keys(ANN), **later),
        lambda: api.get_dataset(1, **later),
        lambda: api.members_exist([keys(ANN).locators[0]], **later),
        lambda: api.find_members("ann@example.com", **later),
    )
    for call in calls:
        with expect_fault("REVISION_NOT_REACHED", **details):
            call()


def test_an_expired_call_writes_nothing(api: Api) -> None:
    request = member_service.SetMemberRequest(space=api.space, change=change(keys(ANN)))
    with expect_fault("DEADLINE_EXCEEDED"):
        api.core.call("/zmey.v1.MemberService/SetMember", request.SerializeToString(), 0.0)
    assert api.resolve(keys(ANN)).contact_id == 0


def test_newbie_confirm_locks_new_email_heads(api: Api) -> None:
    write(api, newbie_confirm=True)
    write(api, PHONE, newbie_confirm=True)
    write(api, BOB)
    locks = [
        api.get_member(keys(who), "member.confirm.lock").member.values[0].value
        for who in (ANN, PHONE, BOB)
    ]
    assert locks == [b"1", b"0", b"0"]


def test_source_is_kept_as_host(api: Api) -> None:
    write(api, source="192.0.2.1")
    write(api, datakeys=sets(x="2"), source="192.0.2.2")
    values = api.get_member(keys(ANN), "member.create.host", "member.update.host").member.values
    assert [value.value for value in values] == [b'"192.0.2.1"', b'"192.0.2.2"']


def test_one_moment_for_an_import() -> None:
    api = open_api()
    columns = [email_column(), datakey_column("at", type_text="dt")]
    rows = [[f"a{number}@example.com", "current"] for number in range(2_000)]
    receipts = run_import(api, columns, [rows[:1_000], rows[1_000:]])
    assert [len(receipt.contact_ids) for receipt in receipts] == [1_000, 1_000]
    moments = {document(api, f"a{number}@example.com") for number in (0, 999, 1_000, 1_999)}
    assert len(moments) == 1


def test_a_closed_core_answers_clearly() -> None:
    api = Api(open_core())
    write(api)
    api.core.close()
    api.core.close()
    with expect_fault("SHUTTING_DOWN"):
        write(api)
