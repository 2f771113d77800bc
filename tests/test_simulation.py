"""SimulatePolicy: what it foretells is what happens in a fresh space under the candidate."""

import random
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from support.core import Api, SeenFault, attempt, check_fault, expect_fault, open_api
from support.core import fault_in_answer as fault_of_item
from support.policies import blocked, custom_field, heads_limit, policy
from support.requests import change, keys, sets
from support.seeds import seeds
from zmey.v1 import admin_service_pb2 as admin
from zmey.v1.address_pb2 import Address
from zmey.v1.policy_pb2 import SpacePolicy

# Stand-ins keep their case, which is what lets two addresses become the same under another policy.
SUBSTITUTES = {"email_substitutes": True, "phone_rule": "PHONE_RULE_POSSIBLE"}


def stored(members: list[list[str]], **says: Any) -> Api:
    """Makes a space under a policy with members by their heads, the first of each as its key."""
    api = open_api()
    api.update_policy(policy(**{**SUBSTITUTES, **says}))
    for first, *heads in members:
        api.set_member(change(keys(first), heads=heads))
    return api


def counts(answer: admin.SimulatePolicyResponse) -> dict[str, tuple[int, int]]:
    """Lists counts by kind as (findings, members)."""
    name = admin.FindingKind.Name
    return {
        name(count.kind).removeprefix("FINDING_KIND_").lower(): (count.findings, count.members)
        for count in answer.counts
    }


def brief(finding: admin.PolicyFinding) -> tuple[Any, ...]:
    """Shows a finding as (kind, member, head, other member, other head, reason, address)."""
    kind = admin.FindingKind.Name(finding.kind).removeprefix("FINDING_KIND_").lower()
    reason = fault_of_item(finding.reason).reason if finding.HasField("reason") else ""
    others = (finding.other_contact_id, finding.other_head_id)
    return (kind, finding.contact_id, finding.head_id, *others, reason, finding.address.value)


KINDS: tuple[tuple[list[list[str]], dict[str, Any], list[tuple[Any, ...]]], ...] = (
    # (members by heads, what the candidate says beside stand-ins being off, findings)
    ([["email=ann@a.com"]], {}, []),
    ([["email=Ann@A.com"]], {}, [("spelling", 1, 1, 0, 0, "", "ann@a.com")]),
    ([["email=none"], ["csid=1"]], {}, [("invalid", 1, 1, 0, 0, "EMAIL_NO_AT", "")]),
    ([["msisdn=+70001234567"]], {"phone_rule": "PHONE_RULE_VALID"},
     [("invalid", 1, 1, 0, 0, "PHONE_NOT_IN_PLAN", "")]),
    ([["email=a@a.com"]], {"blocked": [blocked("email", "A@a.com")]},
     [("blocked", 1, 1, 0, 0, "ADDRESS_BLOCKED", "")]),
    # One that changes meets one that does not, whichever member is older.
    ([["email=a@a.com"], ["email=A@a.com"]], {}, [("merge", 2, 2, 1, 1, "", "a@a.com")]),
    ([["email=A@a.com"], ["email=a@a.com"]], {}, [("merge", 1, 1, 2, 2, "", "a@a.com")]),
    # Two change to the same form, which nobody has.
    ([["email=aA@a.com"], ["email=Aa@a.com"]], {},
     [("spelling", 1, 1, 0, 0, "", "aa@a.com"), ("merge", 2, 2, 1, 1, "", "aa@a.com")]),
    ([["email=A@a.com", "email=a@a.com"]], {}, [("join", 1, 1, 0, 2, "", "a@a.com")]),
    ([["email=aA@a.com", "email=Aa@a.com"]], {},
     [("spelling", 1, 1, 0, 0, "", "aa@a.com"), ("join", 1, 2, 0, 1, "", "aa@a.com")]),
    ([["csid=1", "csid=2", "csid=3"]], {"heads_per_member_max": 2},
     [("over_limit", 1, 0, 0, 0, "LIMIT_EXCEEDED", "")]),
    ([["csid=1", "csid=2", "vk=3"]], {"heads_per_type": [heads_limit("csid", 1)]},
     [("over_limit", 1, 0, 0, 0, "LIMIT_EXCEEDED", "")]),
    # A head that is lost or joined makes room.
    ([["email=none", "csid=2"]], {"heads_per_member_max": 1},
     [("invalid", 1, 1, 0, 0, "EMAIL_NO_AT", "")]),
    ([["email=A@a.com", "email=a@a.com"]], {"heads_per_member_max": 1},
     [("join", 1, 1, 0, 2, "", "a@a.com")]),
)  # fmt: skip


@pytest.mark.parametrize(("members", "says", "expected"), KINDS)
def test_each_kind_of_finding(
    members: list[list[str]], says: dict[str, Any], expected: list[tuple[Any, ...]]
) -> None:
    api = stored(members)
    candidate = policy(**{"phone_rule": "PHONE_RULE_POSSIBLE", **says})
    before = api.list_spaces()
    answer = api.simulate_policy(candidate)
    assert [brief(finding) for finding in answer.findings] == expected
    assert (answer.members, answer.heads) == (len(members), sum(map(len, members)))
    assert api.list_spaces() == before, "nothing is written"


def test_shared_values_of_a_field_that_would_be_unique(api: Api) -> None:
    for n, value in enumerate(("x", "y", "x", "x")):
        api.set_member(change(keys(f"csid={n}"), sets(k=f'"{value}"')))
    answer = api.simulate_policy(policy(custom_field("k", unique=True)))
    assert counts(answer) == {"value_shared": (2, 2)}
    assert [brief(finding)[:6] for finding in answer.findings] == [
        ("value_shared", 3, 0, 1, 0, "FIELD_VALUE_TAKEN"),
        ("value_shared", 4, 0, 1, 0, "FIELD_VALUE_TAKEN"),
    ]
    assert counts(api.simulate_policy(policy(custom_field("k")))) == {}


def test_pages_have_every_finding_once_and_counts_are_whole() -> None:
    members = [[f"email=X{n}", f"email=Y{n}@a.com", f"csid={n}"] for n in range(40)]
    api = stored(members)
    found: list[tuple[Any, ...]] = []
    token = ""
    for _ in range(100):
        answer = api.simulate_policy(policy(), findings_max=7, page_token=token)
        assert counts(answer) == {"invalid": (40, 40), "spelling": (40, 40)}
        assert len(answer.findings) <= 7
        found += [brief(finding) for finding in answer.findings]
        token = answer.next_page_token
        if not token:
            break
    whole = api.simulate_policy(policy(), findings_max=1_000).findings
    assert found == [brief(finding) for finding in whole]
    assert len(found) == 80
    with expect_fault("FIELD_INVALID", field="page_token"):
        api.simulate_policy(policy(), page_token="second")


def test_memory_is_bounded() -> None:
    api = stored([[f"email=X{n}@a.com"] for n in range(5)])
    assert counts(api.simulate_policy(policy(), values_max=5)) == {"spelling": (5, 5)}
    with expect_fault("LIMIT_EXCEEDED", limit="simulation.values", max="4", actual="5"):
        api.simulate_policy(policy(), values_max=4)


def test_the_deadline_is_respected(api: Api) -> None:
    api.set_member(change(keys("csid=1")))
    request = admin.SimulatePolicyRequest(space=api.space, policy=policy()).SerializeToString()
    method = "/zmey.v1.AdminService/SimulatePolicy"
    fault = attempt(lambda: api.core.call(method, request, 0.000_001))
    check_fault(fault, "DEADLINE_EXCEEDED")


def random_members(chance: random.Random) -> list[list[str]]:
    """Makes members of few addresses in many spellings, each address once."""
    pool = [
        *(f"email={spelled}" for name in ("aa@a.com", "ab@a.com", "none", "b@тест.рф")
          for spelled in {name, name.upper(), name.title(), name.swapcase()}),
        *(f"msisdn=+7000123456{n}" for n in range(3)),
        *(f"msisdn=+7912123456{n}" for n in range(3)),
        *(f"csid={n}" for n in range(6)),
    ]  # fmt: skip
    pool = chance.sample(sorted(pool), k=len(pool) * 2 // 3)
    members: list[list[str]] = []
    while pool:
        size = min(len(pool), chance.randint(1, 4))
        members.append([pool.pop() for _ in range(size)])
    return members


def random_candidate(chance: random.Random) -> SpacePolicy:
    says: dict[str, Any] = {
        "phone_rule": chance.choice(["PHONE_RULE_VALID", "PHONE_RULE_POSSIBLE"]),
        "email_national_domains": chance.random() < 0.5,
        "email_substitutes": chance.random() < 0.3,
        "blocked": [blocked(*chance.choice([("csid", "3"), ("email", "AB@a.com"), ("", "none")]))],
    }
    if chance.random() < 0.5:
        says["heads_per_member_max"] = chance.randint(1, 3)
    if chance.random() < 0.5:
        says["heads_per_type"] = [heads_limit("email", chance.randint(0, 2))]
    return policy(**says)


def brute_force(api: Api, members: int, candidate: SpacePolicy) -> dict[str, Any]:
    """Applies the candidate to a fresh space with the same addresses, head by head."""
    fresh = open_api()
    unlimited = SpacePolicy()
    unlimited.CopyFrom(candidate)
    unlimited.ClearField("limits")
    fresh.update_policy(unlimited)
    refused: dict[int, list[str]] = defaultdict(list)
    spelled: dict[tuple[int, str], set[int]] = defaultdict(set)
    over: dict[int, int] = {}
    joined = 0
    for contact in range(1, members + 1):
        forms: list[tuple[int, str]] = []
        for head in api.list_heads(keys(contact_id=contact)).heads:
            address = head.head.address
            spelled_as = Address(type=address.type, value=address.value)
            (result,) = fresh.normalize([spelled_as]).results
            if result.HasField("fault"):
                refused[contact].append(fault_of_item(result.fault).reason)
                continue
            form = (result.address.type, result.address.value)
            joined += form in forms
            if form not in forms:
                forms.append(form)
            spelled[form].add(contact)
        limits = candidate.limits
        crossed = int(len(forms) > (limits.heads_per_member_max or 1_000))
        for limit in limits.heads_per_type:
            crossed += sum(kind == limit.type for kind, _ in forms) > limit.heads_max
        if crossed:
            over[contact] = crossed
    groups = {frozenset(owners) for owners in spelled.values() if len(owners) > 1}
    return {"refused": dict(refused), "over": over, "joined": joined, "groups": groups}


def test_the_forecast_is_what_happens() -> None:
    kinds: set[str] = set()
    for seed in seeds(60):
        chance = random.Random(seed)
        members = random_members(chance)
        api = stored(members)
        candidate = random_candidate(chance)
        answer = api.simulate_policy(candidate, findings_max=1_000)
        kinds |= set(counts(answer))
        expected = brute_force(api, len(members), candidate)
        refused: dict[int, list[str]] = defaultdict(list)
        over: dict[int, int] = defaultdict(int)
        joined, meetings = 0, set()
        for finding in answer.findings:
            kind, contact, _, other, _, reason, _ = brief(finding)
            if kind in ("invalid", "blocked"):
                refused[contact].append(reason)
            elif kind == "over_limit":
                over[contact] += 1
            elif kind == "join":
                joined += 1
            elif kind == "merge":
                meetings.add(frozenset((contact, other)))
        assert dict(refused) == expected["refused"], seed
        assert united(meetings) == united(expected["groups"])
        # Where members meet, which of equal heads is told as a join is a matter of order.
        if not meetings:
            assert joined == expected["joined"]
            assert dict(over) == expected["over"]
    assert kinds >= {"invalid", "blocked", "merge", "join", "over_limit", "spelling"}


def united(groups: set[frozenset[int]]) -> set[frozenset[int]]:
    """Joins groups that share a member."""
    whole: list[set[int]] = []
    for group in groups:
        touching = [other for other in whole if other & group]
        merged = set(group).union(*touching)
        whole = [other for other in whole if other not in touching] + [merged]
    return {frozenset(group) for group in whole}


def test_a_simulation_beside_another_is_refused() -> None:
    """Only one runs at a time; the others are told so."""
    api = stored([[f"email=X{n}@a.com"] for n in range(2_000)])
    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(attempt, partial(api.simulate_policy, policy())) for _ in range(32)]
        answers = [call.result() for call in calls]
    for answer in answers:
        if isinstance(answer, SeenFault):
            check_fault(answer, "OVERLOADED", queue="simulations")
        else:
            assert counts(answer) == {"spelling": (2_000, 2_000)}
