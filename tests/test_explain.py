"""Why something was done: past decisions by revision and by request, and ones that are not made."""

import random
from collections.abc import Callable
from typing import Any

import pytest

from support.core import (
    OTHER_SPACE,
    Api,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_api,
    warnings_of,
)
from support.imports import datakey_column, email_column, run_import
from support.people import people
from support.requests import change, data_rule, head_key, keys, member_key, order, ruled, sets
from support.seeds import seeds
from zmey.config import FieldConfig
from zmey.v1 import explanation_pb2 as explanations
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member

ANN, BOB, EVE = "email=ann@example.com", "email=bob@example.com", "email=eve@example.com"
PHONE = "msisdn=+79121234567"


def make(api: Api, *heads: str, **values: str) -> int:
    """Makes a member with these heads; answers the revision."""
    return api.set_member(change(keys(heads[0]), sets(**values), heads=heads[1:])).revision


def states(decision: explanations.ExplainedDecision) -> list[tuple[str, str, int]]:
    """Returns (kind, state, contact id) of each key in the order in which it was tried."""
    return [
        (
            matching.KeyKind.Name(key.kind).removeprefix("KEY_KIND_").lower(),
            matching.KeyState.Name(key.state).removeprefix("KEY_STATE_").lower(),
            key.contact_id,
        )
        for key in decision.keys
    ]


def rules(answer: Any) -> list[tuple[str, str]]:
    return [(rule.rule, rule.value) for rule in answer.explanation.rules]


ORDER = ("policy.order", "NAMED_ORDER_EXTERNAL_ID_FIRST")


def test_which_key_won_which_lost_and_why(api: Api) -> None:
    make(api, ANN, "csid=A")
    make(api, BOB)
    request = change(
        keys(BOB, "=not an address", ANN, csid="a"),
        sets(x="1"),
        if_exists="IF_EXISTS_MUST",
        request_id="r-1",
    )
    outcome = api.set_member(request)
    assert outcome.contact_id == 2
    by_revision = api.explain_decision(revision=outcome.revision)
    assert by_revision.explanation == api.explain_decision(request_id="r-1").explanation
    (decision,) = by_revision.explanation.decisions
    assert decision.contact_id == 2
    assert states(decision) == [
        ("external_customer_id", "not_found", 0),
        ("locator", "matched", 2),
        ("locator", "invalid", 0),
        # seed 004, bulk rule: Ann has another external id than the unknown one given.
        ("locator", "conflict", 1),
    ]
    assert [key.index for key in decision.keys] == [0, 0, 1, 2]
    assert [key.address.value for key in decision.keys] == [
        # The unknown id was given to Bob, so that it has a number by now.
        "a",
        "bob@example.com",
        "",
        "ann@example.com",
    ]
    assert all(key.message.endswith(".") for key in decision.keys)
    assert rules(by_revision) == [ORDER, ("if_exists", "IF_EXISTS_MUST")]
    assert [one.reason for one in warnings_of(by_revision.explanation)] == [
        one.reason for one in warnings_of(outcome)
    ]
    assert "LOCATOR_STAYED" in {one.reason for one in warnings_of(by_revision.explanation)}


def test_who_was_passed_over(api: Api) -> None:
    make(api, ANN, "csid=A")
    revision = api.set_member(change(keys(ANN, PHONE, csid="B"))).revision
    answer = api.explain_decision(revision=revision)
    assert states(answer.explanation.decisions[0]) == [
        ("external_customer_id", "not_found", 0),
        ("locator", "passed_over", 1),
        ("locator", "not_found", 0),
    ]
    assert answer.changes[0].created


def test_what_a_change_did(api: Api) -> None:
    make(api, ANN, a="1", b="2")
    datakeys = [*sets(b="3", c="{}"), *sets(**{"-group.news": '"1"'})]
    outcome = api.set_member(
        change(keys(ANN), datakeys, heads=[PHONE], request_id="r-1", source="192.0.2.7")
    )
    answer = api.explain_decision(request_id="r-1")
    assert answer.revision == outcome.revision == 2
    (one,) = answer.changes
    assert (one.revision, one.contact_id, one.version, one.request_id) == (2, 1, 2, "r-1")
    assert (one.created, one.ended, one.origin) == (False, False, explanations.CHANGE_ORIGIN_CALL)
    assert one.time_seconds > 0
    assert {(key.key, key.before, key.after) for key in one.datakeys} == {
        ("b", b"2", b"3"),
        ("c", b"", b"{}"),
    }
    heads = {one.head.address.value: one for one in one.heads}
    assert set(heads) == {"ann@example.com", "+79121234567"}
    changed, attached = heads["ann@example.com"], heads["+79121234567"]
    assert (list(changed.before.groups), list(changed.after.groups)) == ([], ["news"])
    assert changed.after.update.host == "192.0.2.7"
    assert (attached.HasField("before"), attached.HasField("after")) == (False, True)
    assert attached.after.head == attached.head
    created = api.explain_decision(revision=1).changes[0]
    assert created.created
    assert [(key.key, key.before, key.after) for key in created.datakeys] == [
        ("a", b"", b"1"),
        ("b", b"", b"2"),
    ]


def test_a_request_that_changed_nothing(api: Api) -> None:
    make(api, ANN, a="1")
    api.set_member(change(keys(ANN), sets(a="1"), request_id="r-1"))
    answer = api.explain_decision(request_id="r-1")
    assert list(answer.changes) == []
    assert states(answer.explanation.decisions[0]) == [("locator", "matched", 1)]


OWNED_MODES = ("NONE", "TRANSPLANT", "REPLACE", "REPLACE_SAME_TYPE", "DECAPITATE")
RULES = [
    *(("head_rule.newbie", f"NEWBIE_MODE_{mode}", []) for mode in ("NONE", "REPLACE")),
    *(("head_rule.single", f"OWNED_MODE_{mode}", [EVE]) for mode in OWNED_MODES),
    *(("head_rule.multi", f"OWNED_MODE_{mode}", [EVE, BOB]) for mode in OWNED_MODES),
]


@pytest.mark.parametrize(("rule", "value", "owner"), RULES)
def test_which_rule_applied(rule: str, value: str, owner: list[str]) -> None:
    api = open_api()
    make(api, PHONE)
    if owner:
        make(api, *owner)
    mode = value.removeprefix("NEWBIE_MODE_").removeprefix("OWNED_MODE_")
    modes: dict[str, Any] = {rule.removeprefix("head_rule."): mode}
    head = ruled(EVE, **modes)
    request = change(keys(PHONE), heads=[head], request_id="r-1")
    planned = api.explain_decision(change=request)
    outcome = api.set_member(request)
    answer = api.explain_decision(request_id="r-1")
    for found in planned, answer:
        assert rules(found) == [ORDER, (rule, value)]
        applied = found.explanation.rules[1]
        assert (applied.index, applied.owner_contact_id) == (0, 2 if owner else 0)
        assert [applied.merge_id] == (list(outcome.merge_ids) or [0])
        assert [one.reason for one in warnings_of(found.explanation)] == (
            ["HEAD_STAYED"] if mode == "NONE" else []
        )
    # What was planned is what was done, but for the request id and the time.
    assert [one.revision for one in planned.changes] == [one.revision for one in answer.changes]
    assert bool(answer.changes) == (mode != "NONE")
    for one in answer.changes:
        by_revision = api.explain_decision(revision=one.revision)
        assert rules(by_revision) == [ORDER, (rule, value)]


OPTIONS = member.WriteOptions(request_id="op")
TRANSPLANT = "MERGE_HEAD_RULE_TRANSPLANT"
OPERATIONS: dict[str, Callable[[Api], Any]] = {
    "AttachHead": lambda api: api.attach_head(keys(ANN), _address("vk=5"), options=OPTIONS),
    "DetachHead": lambda api: api.detach_head(head_key(PHONE), options=OPTIONS),
    "ReplaceHead": lambda api: api.replace_head(head_key(PHONE), _address("vk=5"), options=OPTIONS),
    "MergeMembers": lambda api: api.merge_members(
        keys(ANN), keys(BOB), head_rule=TRANSPLANT, options=OPTIONS
    ),
    "UnmergeMembers": lambda api: api.unmerge_members(
        api.merge_members(keys(ANN), keys(BOB), head_rule=TRANSPLANT).outcome.merge_id,
        options=OPTIONS,
    ),
    "DeleteMembers": lambda api: api.delete_members(member_key(BOB), options=OPTIONS),
    "RestoreMember": lambda api: (
        api.delete_members(member_key(BOB)),
        api.restore_member(member_key(BOB), options=OPTIONS),
    ),
}
# Heads before and after of each change: -name was taken away, +name attached.
CHANGED = {
    "AttachHead": [(1, ["+5"])],
    "DetachHead": [(1, ["-+79121234567"])],
    "ReplaceHead": [(1, ["-+79121234567", "+5"])],
    "MergeMembers": [(2, ["-bob@example.com"]), (1, ["+bob@example.com"])],
    "UnmergeMembers": [(2, ["+bob@example.com"]), (1, ["-bob@example.com"])],
    "DeleteMembers": [(2, ["-bob@example.com"])],
    "RestoreMember": [(2, ["+bob@example.com"])],
}
DECISIONS = {
    "MergeMembers": [("RECEIVER", 1), ("SOURCE", 2)],
    "UnmergeMembers": [],
    "RestoreMember": [],
    "DeleteMembers": [("UNSPECIFIED", 2)],
}


def _address(text: str) -> Any:
    return head_key(text).address


def moved(one: explanations.Change) -> list[str]:
    signs = {(True, False): "-", (False, True): "+", (True, True): "="}
    return [
        signs[head.HasField("before"), head.HasField("after")] + head.head.address.value
        for head in one.heads
    ]


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_is_explained(api: Api, name: str) -> None:
    make(api, ANN, PHONE, a="1")
    make(api, BOB, b="2")
    OPERATIONS[name](api)
    answer = api.explain_decision(request_id="op")
    assert answer.explanation.operation == name
    assert [(one.contact_id, moved(one)) for one in answer.changes] == CHANGED[name]
    roles = [
        (explanations.DecisionRole.Name(one.role).removeprefix("DECISION_ROLE_"), one.contact_id)
        for one in answer.explanation.decisions
    ]
    assert roles == DECISIONS.get(name, [("UNSPECIFIED", 1)])
    last = answer.changes[-1]
    by_revision = api.explain_decision(revision=last.revision)
    assert list(by_revision.changes) == [last]
    assert by_revision.explanation == answer.explanation
    ended = {one.contact_id: one for one in answer.changes if one.ended}
    assert set(ended) == {"MergeMembers": {2}, "DeleteMembers": {2}}.get(name, set())
    if name == "MergeMembers":
        assert ended[2].successor_contact_id == 1
        assert [(key.key, key.before, key.after) for key in ended[2].datakeys] == [("b", b"2", b"")]


def test_a_rule_has_its_own_warnings_only(api: Api) -> None:
    make(api, "csid=A", PHONE)
    make(api, EVE)
    heads = [ruled("csid=B", newbie="REPLACE"), ruled(EVE, single="TRANSPLANT")]
    outcome = api.set_member(change(keys(PHONE), heads=heads))
    (warned,) = warnings_of(outcome)
    assert warned.reason == "CSID_SECOND"
    by_merge = api.explain_decision(revision=outcome.merge_ids[0] + 1).explanation
    assert [rule.rule for rule in by_merge.rules] == ["policy.order", "head_rule.single"]
    assert list(by_merge.warnings) == []


def test_what_undoing_a_merge_left_is_told(api: Api) -> None:
    make(api, ANN, a="1")
    make(api, BOB, b="2")
    merged = api.merge_members(keys(ANN), keys(BOB), head_rule=TRANSPLANT, data_rule=data_rule())
    api.set_member(change(keys(ANN), sets(b="3")))
    undone = api.unmerge_members(merged.outcome.merge_id, options=OPTIONS).outcome
    conflicts = [fault_in_answer(one) for one in undone.conflicts]
    assert [one.reason for one in conflicts] == ["MERGE_DATAKEY_CHANGED"]
    explanation = api.explain_decision(request_id="op").explanation
    assert warnings_of(explanation) == conflicts


def test_redirects_and_numbers(api: Api) -> None:
    make(api, ANN)
    make(api, BOB)
    api.merge_members(keys(ANN), keys(BOB), head_rule=TRANSPLANT)
    revision = api.set_member(change(keys(contact_id=2), sets(a="1"))).revision
    (decision,) = api.explain_decision(revision=revision).explanation.decisions
    assert states(decision) == [("contact_id", "matched", 1)]
    assert [(one.from_contact_id, one.to_contact_id) for one in decision.redirects] == [(2, 1)]


def test_a_restored_member(api: Api) -> None:
    """Seed 004: a deleted contact with the external id is restored."""
    make(api, "csid=A", a="1")
    api.delete_members(member_key("csid=A"))
    outcome = api.set_member(change(keys(csid="A"), sets(b="2"), request_id="r-1"))
    assert outcome.status == member.OUTCOME_STATUS_RESTORED
    restored, changed = api.explain_decision(request_id="r-1").changes
    assert (restored.created, moved(restored)) == (True, ["+A"])
    assert [key.key for key in changed.datakeys] == ["b"]
    (decision,) = api.explain_decision(revision=restored.revision).explanation.decisions
    assert states(decision) == [("external_customer_id", "not_found", 0)]
    assert decision.keys[0].address.value == "A"


def test_a_row_of_an_import(api: Api) -> None:
    rows = [[f"p{number}@example.com", str(number)] for number in range(50)]
    run_import(api, [email_column(), datakey_column("n")], [rows[:20], rows[20:]])
    answer = api.explain_decision(revision=34)
    (one,) = answer.changes
    assert one.origin == explanations.CHANGE_ORIGIN_IMPORT
    assert moved(one) == ["+p33@example.com"]
    assert states(answer.explanation.decisions[0]) == [("locator", "not_found", 0)]


def test_a_custom_field_decides() -> None:
    api = open_api(FieldConfig("crm.id", "string", unique=True))
    make(api, ANN)
    api.set_member(change(keys(ANN), sets(**{"crm.id": '"7"'})))
    by_field = matching.MatchPolicy(
        explicit_order=[matching.OrderedKey(kind=matching.KEY_KIND_FIELD)], strict=True
    )
    outcome = api.set_member(change(keys(fields=[("crm.id", "7")]), sets(a="1"), policy=by_field))
    answer = api.explain_decision(revision=outcome.revision)
    assert states(answer.explanation.decisions[0]) == [("field", "matched", 1)]
    assert rules(answer) == [("policy.strict", "true")]


REFUSED = {
    "a conflict in a strict request": (
        change(keys(ANN, BOB), policy=order(strict=True)),
        "MATCH_CONFLICT",
        [("locator", "matched", 1), ("locator", "conflict", 2)],
    ),
    "a condition": (
        change(keys(ANN), if_exists="IF_EXISTS_ERROR"),
        "MEMBER_EXISTS",
        [("locator", "matched", 1)],
    ),
    "a head of another member": (
        change(keys(ANN), heads=[BOB]),
        "HEAD_TAKEN",
        [("locator", "matched", 1)],
    ),
    "a rule of heads": (
        change(keys(ANN), heads=[ruled(BOB, single="ERROR")]),
        "HEAD_TAKEN",
        [("locator", "matched", 1)],
    ),
    "a limit": (
        change(keys(ANN), heads=[f"vk={number}" for number in range(101)]),
        "LIMIT_EXCEEDED",
        [],
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_why_a_change_would_be_refused(api: Api, name: str) -> None:
    make(api, ANN)
    make(api, BOB)
    request, reason, expected = REFUSED[name]
    answer = api.explain_decision(change=request)
    check_fault(fault_in_answer(answer.fault), reason)
    assert [states(one) for one in answer.explanation.decisions] == ([expected] if expected else [])
    assert list(answer.changes) == []
    with expect_fault(reason):
        api.set_member(request)
    if name == "a rule of heads":
        assert answer.fault.details["rule"] == "head_rule.single"
    if name == "a limit":
        assert answer.fault.details["limit"] == "heads"
        assert answer.fault.details["max"] == "100"


def test_a_change_that_is_not_made_writes_nothing(api: Api) -> None:
    make(api, ANN, a="1")
    request = change(keys(ANN, PHONE), sets(a="2"), heads=[EVE], request_id="r-1")
    planned = api.explain_decision(change=request)
    assert planned.revision == 1
    assert (planned.changes[0].revision, planned.changes[0].request_id) == (2, "")
    (decision,) = planned.explanation.decisions
    # Addresses are shown although nobody has ever had them.
    assert [key.address.value for key in decision.keys] == ["ann@example.com", "+79121234567"]
    assert people(api, 1, 2) == {1: [ANN]}
    with expect_fault("REQUEST_UNKNOWN"):
        api.explain_decision(request_id="r-1")
    outcome = api.set_member(request)
    done = api.explain_decision(request_id="r-1").changes[0]
    done.request_id = ""
    planned.changes[0].time_seconds = done.time_seconds
    for head in [*planned.changes[0].heads, *done.heads]:
        head.after.create.time_seconds = 0
    assert (planned.changes[0], done.version) == (done, outcome.version)


def test_any_revision_is_found() -> None:
    """Segments of one and of many changes."""
    for seed in seeds(5):
        random_ = random.Random(seed)
        api = open_api()
        expected: dict[int, bytes] = {}
        for number in range(60):
            values = [f"{number}.{row}" for row in range(1, random_.choice([1, 1, 1, 7, 40]) + 1)]
            results = api.set_members(
                [change(keys(ANN), sets(a=value)) for value in values]
            ).results
            for value, result in zip(values, results, strict=True):
                expected[result.outcome.revision] = value.encode()
        assert len(expected) > 60
        for revision, text in random_.sample(sorted(expected.items()), 60):
            (one,) = api.explain_decision(revision=revision).changes
            assert one.revision == revision
            assert one.datakeys[0].after == text


@pytest.mark.parametrize("waits", [False, True])
def test_of_an_erased_member_nothing_is_told(api: Api, *, waits: bool) -> None:
    """Neither before the log is scrubbed nor afterwards."""
    made = api.set_member(change(keys(ANN, csid="A"), sets(a="1"), request_id="r-1")).revision
    # Bob had the identifier before and after: what it was like with him goes, too.
    make(api, BOB)
    group = sets(**{"-group.news": '"1"'})
    moved_to_bob = api.merge_members(keys(BOB), keys(ANN), head_rule=TRANSPLANT).outcome
    of_bob = api.set_member(change(keys(ANN), group)).revision
    api.unmerge_members(moved_to_bob.merge_id)
    erased = api.erase_member(member_key(ANN)).outcome
    if waits:
        api.finished_erasure(erased.erasure_id)
    answer = api.explain_decision(revision=made)
    (one,) = answer.changes
    bare = explanations.Change(
        revision=made,
        time_seconds=one.time_seconds,
        origin="CHANGE_ORIGIN_CALL",
        contact_id=1,
        version=1,
        erased=True,
    )
    assert one == bare
    assert answer.explanation == explanations.Explanation()
    with expect_fault("REQUEST_ERASED"):
        api.explain_decision(request_id="r-1")
    assert api.explain_decision(revision=moved_to_bob.revision).changes[0].erased
    (kept,) = api.explain_decision(revision=of_bob).changes
    assert not kept.erased
    assert [head.head.address.value for head in kept.heads] == [""]
    assert [head.HasField("after") for head in kept.heads] == [False]


def test_what_is_not_there(api: Api) -> None:
    make(api, ANN)
    other = Api(api.core, OTHER_SPACE)
    other.set_member(change(keys(ANN), request_id="r-2"))
    for revision in (0, 2, 3, 2**64 - 1):
        with expect_fault("CHANGE_UNKNOWN", revision=str(revision)):
            api.explain_decision(revision=revision)
    with expect_fault("REQUEST_UNKNOWN", request_id="r-2"):
        api.explain_decision(request_id="r-2")
    with expect_fault("FIELD_REQUIRED", field="request_id"):
        api.explain_decision(request_id="")
    with expect_fault("FIELD_REQUIRED", field="decision"):
        api.explain_decision()
    assert other.explain_decision(request_id="r-2").changes[0].revision == 2
