"""Every combination of rule, mode and situation of seed 002, member.set, head_attach.

The member has a phone (through which it is addressed) and e-mails; the head to attach is an e-mail.
What must come of it is said by a model in `expected` that shares nothing with the core.
"""

from dataclasses import dataclass
from itertools import product
from typing import Any

import pytest

from support.core import Api, SeenFault, attempt, check_fault, open_api, warnings_of
from support.documents import document
from support.people import people
from support.requests import change, data_rule, keys, ruled, sets
from zmey.v1 import member_pb2 as member

PHONE = "msisdn=+79121234567"
OWN = ("email=own1@example.com", "email=own2@example.com")
HEAD, OTHER = "email=head@example.com", "email=other@example.com"
NEWBIE = ("UNSPECIFIED", "ATTACH", "NONE", "REPLACE", "REPLACE_SAME_TYPE")
OWNED = ("UNSPECIFIED", "ERROR", "NONE", "TRANSPLANT", "REPLACE", "REPLACE_SAME_TYPE", "DECAPITATE")


@dataclass(frozen=True)
class Case:
    """One combination.

    Attributes:
        rule: newbie, single or multi: who has the head.
        mode: the mode of this rule.
        same_type: how many heads of the head's type the member has.
    """

    rule: str
    mode: str
    same_type: int


CASES = [
    *(Case("newbie", mode, same) for mode, same in product(NEWBIE, range(3))),
    *(Case(rule, mode, same) for rule, mode, same in product(("single", "multi"), OWNED, range(3))),
]


@dataclass
class Expected:
    """What must come of it: heads by member, data, the warning, whether a merge is stored."""

    heads: dict[int, list[str]]
    data: dict[int, str]
    warning: str | None = None
    merged: bool = False


def expected(case: Case) -> Expected | str:
    """Says what must come of a case, or the reason for which it is refused."""
    own = [PHONE, *OWN[: case.same_type]]
    owner = {"newbie": [], "single": [HEAD], "multi": [HEAD, OTHER]}[case.rule]
    result = Expected({1: own, 2: owner}, {1: '{"a":1,"s":1}', 2: '{"a":2,"b":2}'})
    mode = case.mode
    if mode == "REPLACE_SAME_TYPE":
        mode = "REPLACE_SAME" if case.same_type == 1 else "MOVE_ONLY"
    if mode == "UNSPECIFIED":
        mode = "MOVE_ONLY" if case.rule == "newbie" else "ERROR"
    if mode in {"ATTACH", "TRANSPLANT"}:
        mode = "MOVE_ONLY"
    if mode == "ERROR":
        return "HEAD_TAKEN"
    if mode == "NONE":
        result.warning = "HEAD_STAYED"
    else:
        gone = {"REPLACE": PHONE, "REPLACE_SAME": OWN[0]}.get(mode)
        if mode == "DECAPITATE":
            result.heads[1] = own
        else:
            result.heads[1] = [head for head in own if head != gone] + [HEAD]
        result.heads[2] = [head for head in owner if head != HEAD]
        if case.rule != "newbie":
            result.merged = True
            if mode != "MOVE_ONLY":
                # Defaults of data_rule: what only the owner has is copied.
                result.data[1] = '{"a":1,"s":1,"b":2}'
    result.heads = {number: heads for number, heads in result.heads.items() if heads}
    result.data = {number: data for number, data in result.data.items() if number in result.heads}
    return result


def prepare(api: Api, case: Case) -> None:
    api.set_member(change(keys(PHONE), sets(a="1"), heads=OWN[: case.same_type]))
    if case.rule != "newbie":
        others = [OTHER] if case.rule == "multi" else []
        api.set_member(change(keys(HEAD), sets(a="2", b="2"), heads=others))


def test_every_combination_is_there() -> None:
    assert len(CASES) == len(NEWBIE) * 3 + 2 * len(OWNED) * 3
    assert len(set(CASES)) == len(CASES)


@pytest.mark.parametrize(
    "case", CASES, ids=lambda case: f"{case.rule}-{case.mode}-{case.same_type}"
)
def test_head_rule(case: Case) -> None:
    api = open_api()
    prepare(api, case)
    modes: dict[str, Any] = {case.rule: case.mode}
    head = ruled(HEAD, **modes)
    answer = attempt(lambda: api.set_member(change(keys(PHONE), sets(s="1"), heads=[head])))
    result = expected(case)
    if isinstance(result, str):
        check_fault(answer, result, owner_contact_id="2", index="0")
        # One error undoes the whole step.
        assert document(api, keys(PHONE)) == '{"a":1}'
        assert api.resolve(keys(HEAD)).contact_id == 2
        return
    assert isinstance(answer, member.MemberOutcome), answer
    assert answer.contact_id == 1
    assert people(api, 1, 2) == result.heads
    found = {number: document(api, keys(contact_id=number)) for number in result.data}
    assert found == result.data
    assert [warning.reason for warning in warnings_of(answer)] == (
        [result.warning] if result.warning else []
    )
    assert bool(answer.merge_ids) == result.merged
    if 2 not in result.heads and case.rule == "single":
        # The number of who ended leads to the member.
        assert api.resolve(keys(contact_id=2)).contact_id == 1
    if result.merged:
        undo(api, case, answer.merge_ids[0])


def undo(api: Api, case: Case, merge_id: int) -> None:
    """Every rule that moved something can be taken back."""
    answer = api.unmerge_members(merge_id)
    assert list(answer.outcome.conflicts) == []
    owner = [HEAD, OTHER] if case.rule == "multi" else [HEAD]
    assert people(api, 1, 2) == {1: [PHONE, *OWN[: case.same_type]], 2: owner}
    assert document(api, keys(contact_id=1)) == '{"a":1,"s":1}'
    assert document(api, keys(contact_id=2)) == '{"a":2,"b":2}'


def test_a_head_of_the_member_is_no_change_whatever_the_rule(api: Api) -> None:
    api.set_member(change(keys(PHONE), sets(a="1"), heads=[HEAD]))
    for mode in OWNED:
        outcome = api.set_member(
            change(keys(PHONE), heads=[ruled(HEAD, single=mode, multi=mode, newbie="REPLACE")])
        )
        assert outcome.status == member.OUTCOME_STATUS_UNCHANGED
        assert outcome.version == 1


def test_rules_apply_in_turn_and_all_or_nothing(api: Api) -> None:
    """An error of a later head undoes the earlier ones, the data and the member itself."""
    for number, data in enumerate(("1", "2", "3")):
        api.set_member(change(keys(f"vk={number}"), sets(x=data)))
    before = people(api, 1, 2, 3, 4)
    wishes = [ruled("vk=0", single="TRANSPLANT"), ruled("vk=1", single="DECAPITATE"),
              ruled("vk=2", single="ERROR")]  # fmt: skip
    answer = attempt(lambda: api.set_member(change(keys(PHONE), sets(y="1"), heads=wishes)))
    check_fault(answer, "HEAD_TAKEN", index="2", owner_contact_id="3")
    assert people(api, 1, 2, 3, 4) == before
    assert api.resolve(keys(PHONE)).contact_id == 0
    answer = api.set_member(change(keys(PHONE), sets(y="1"), heads=wishes[:2]))
    # The refused step took no number that anybody sees.
    assert (answer.contact_id, answer.newbie, len(answer.merge_ids)) == (4, True, 2)
    assert people(api, 1, 2, 3, 4) == {3: ["vk=2"], 4: [PHONE, "vk=0"]}
    assert document(api, keys(PHONE)) == '{"y":1,"x":2}'


def test_the_data_rule_of_a_head(api: Api) -> None:
    api.set_member(change(keys(PHONE), sets(x="1")))
    api.set_member(change(keys(HEAD), sets(x="2", y="2")))
    rule = data_rule(has_has="SET", has_miss="NONE")
    outcome = api.set_member(
        change(keys(PHONE), heads=[ruled(HEAD, rule, single="DECAPITATE")], return_fresh=True)
    )
    assert outcome.fresh == b'{"x":2}'
    assert document(api, keys(PHONE)) == '{"x":2}'
    assert api.resolve(keys(HEAD)).contact_id == 0


def test_an_ignored_member_keeps_its_heads(api: Api) -> None:
    api.set_member(change(keys(PHONE)))
    api.set_member(change(keys(HEAD)))
    outcome = api.set_member(
        change(keys(PHONE), heads=[ruled(HEAD, single="TRANSPLANT")],
               if_exists="IF_EXISTS_IGNORE")
    )  # fmt: skip
    assert outcome.status == member.OUTCOME_STATUS_IGNORED
    assert people(api, 1, 2) == {1: [PHONE], 2: [HEAD]}


def test_a_batch_is_not_disturbed_by_a_refused_rule(api: Api) -> None:
    api.set_member(change(keys(HEAD), sets(x="1")))
    steps = [
        change(keys(PHONE), sets(a="1"), heads=[ruled(HEAD, single="TRANSPLANT")]),
        change(keys("vk=7"), sets(b="1"), heads=[ruled(HEAD, multi="ERROR")]),
        change(keys("vk=8"), sets(c="1")),
    ]
    first, second, third = api.set_members(steps).results
    assert first.outcome.contact_id == 2
    assert second.HasField("fault")
    assert third.outcome.contact_id == 3
    assert people(api, 1, 2, 3) == {2: [PHONE, HEAD], 3: ["vk=8"]}
    answer = attempt(lambda: api.get_member(keys("vk=7"), "*"))
    assert isinstance(answer, SeenFault)
