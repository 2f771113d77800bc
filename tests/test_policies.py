"""Policies of spaces: what each field of a policy does, at once and without a restart."""

import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from reference.datakeys import Change
from support.core import (
    Api,
    SeenFault,
    attempt,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_api,
    open_core,
    space_config,
)
from support.documents import document
from support.imports import chunk, column, datakey_column, email_column, options
from support.people import people
from support.policies import blocked, custom_field, heads_limit, policy, settled
from support.requests import (
    address,
    change,
    data_rule,
    datakey_change,
    head_key,
    keys,
    member_key,
    ruled,
    sets,
)
from zmey.config import FieldConfig
from zmey.v1 import admin_service_pb2 as admin
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import member_pb2 as member
from zmey.v1.policy_pb2 import SpacePolicy

ANN, BOB = "email=ann@example.com", "email=bob@example.com"


def canonical(api: Api, text: str) -> str:
    """Normalises one address; a refusal is its reason."""
    (result,) = api.normalize([address(text)]).results
    if result.HasField("fault"):
        return fault_in_answer(result.fault).reason
    return str(result.address.value)


RULES = (
    # (what the policy says, an address, what it was, what it becomes)
    ({"default_region": "DE"}, "msisdn=030 901820", "PHONE_TOO_SHORT", "+4930901820"),
    ({"default_region": ""}, "msisdn=89121234567", "+79121234567", "PHONE_COUNTRY_UNKNOWN"),
    ({"phone_rule": "PHONE_RULE_POSSIBLE"}, "msisdn=+70001234567", "PHONE_NOT_IN_PLAN",
     "+70001234567"),
    ({"email_national_domains": False}, "email=a@тест.рф", "a@тест.рф", "EMAIL_DOMAIN_NOT_ASCII"),
    ({"email_national_local_parts": False}, "email=ж@example.com", "ж@example.com",
     "EMAIL_LOCAL_NOT_ASCII"),
    ({"email_substitutes": True}, "email= Ann#17 ", "EMAIL_NO_AT", "Ann#17"),
    ({"email_substitutes": True}, "email=Ann@Example.com", "ann@example.com", "Ann@Example.com"),
    ({"email_substitutes": True}, "=a@b@c", "EMAIL_MANY_AT", "a@b@c"),
    ({"blocked": [blocked("email", "ANN@example.com")]}, ANN, "ann@example.com",
     "ADDRESS_BLOCKED"),
    ({"blocked": [blocked("", "none")]}, "csid=None", "None", "ADDRESS_BLOCKED"),
    ({"blocked": [blocked("email", "x-1")], "email_substitutes": True}, "email=X-1",
     "EMAIL_NO_AT", "X-1"),
    ({"blocked": [blocked("", "x-1")], "email_substitutes": True}, "email=X-1",
     "EMAIL_NO_AT", "ADDRESS_BLOCKED"),
)  # fmt: skip


@pytest.mark.parametrize(("says", "text", "before", "after"), RULES)
def test_rules_change_at_once_and_back(
    api: Api, says: dict[str, Any], text: str, before: str, after: str
) -> None:
    assert canonical(api, text) == before
    outcome = api.update_policy(policy(**says)).outcome
    assert outcome.changed
    assert canonical(api, text) == after
    back = api.reset_policy().outcome
    assert (back.state.policy_version, back.changed) == (3, True)
    assert canonical(api, text) == before


def test_the_policy_says_where_it_comes_from(api: Api) -> None:
    first = api.get_policy()
    assert (first.policy_version, first.source) == (1, admin.POLICY_SOURCE_CONFIGURATION)
    assert first.policy.retention_days == 30
    assert first.policy.limits.heads_per_member_max == 1_000
    assert first.policy.email_national_domains
    stored = api.update_policy(SpacePolicy(), options={"source": "192.0.2.7"}).outcome.state
    assert (stored.policy_version, stored.source) == (2, admin.POLICY_SOURCE_STORED)
    assert stored.changed.host == "192.0.2.7"
    assert stored == api.get_policy()
    assert stored.policy.default_region == ""
    assert not api.update_policy(SpacePolicy()).outcome.changed
    assert [space.policy_version for space in api.list_spaces().spaces] == [2, 1]


def test_versions_requests_and_validation(api: Api) -> None:
    wanted = policy(retention_days=7)
    with expect_fault("POLICY_VERSIONING", expected_policy_version="2", policy_version="1"):
        api.update_policy(wanted, expected_policy_version=2)
    validated = api.update_policy(wanted, options={"validate_only": True}).outcome
    assert validated.state.policy_version == 2
    assert api.get_policy().policy_version == 1
    first = api.update_policy(wanted, expected_policy_version=1, options={"request_id": "p-1"})
    again = api.update_policy(wanted, expected_policy_version=1, options={"request_id": "p-1"})
    assert (first.replayed, again.replayed) == (False, True)
    assert again.outcome == first.outcome
    with expect_fault("REQUEST_ID_REUSED"):
        api.update_policy(policy(), expected_policy_version=1, options={"request_id": "p-1"})
    with expect_fault("POLICY_VERSIONING"):
        api.reset_policy(expected_policy_version=1)
    with expect_fault("FIELD_INVALID", field="options.expected_version"):
        api.reset_policy(options={"expected_version": 1})


REFUSED = (
    # (a policy, the reason, the field at fault)
    ({"default_region": "XX"}, "FIELD_INVALID", "policy.default_region"),
    ({"time_zone": "Mars/Base"}, "FIELD_INVALID", "policy.time_zone"),
    ({"phone_rule": 9}, "FIELD_INVALID", "policy.phone_rule"),
    ({"blocked": [blocked("email", "a@example.com", " ")]}, "FIELD_INVALID",
     "policy.blocked[0].values[1]"),
    ({"heads_per_type": [heads_limit("", 3)]}, "FIELD_INVALID",
     "policy.limits.heads_per_type[0].type"),
    ({"heads_per_type": [heads_limit("email", 3), heads_limit("email", 4)]}, "FIELD_INVALID",
     "policy.limits.heads_per_type[1].type"),
    ({"fields": [custom_field("a"), custom_field("a", "int")]}, "FIELD_INVALID",
     "policy.fields[1].path"),
    ({"fields": [custom_field("member.id")]}, "FIELD_INVALID", "policy.fields[0].path"),
    ({"fields": [custom_field("a"), custom_field("b..c")]}, "DATAKEY_PATH_INVALID",
     "policy.fields[1].path"),
)  # fmt: skip


@pytest.mark.parametrize(("says", "reason", "field"), REFUSED)
def test_a_policy_that_cannot_be_applied_names_its_field(
    api: Api, says: dict[str, Any], reason: str, field: str
) -> None:
    described = dict(says)
    wanted = policy(*described.pop("fields", ()), **described)
    for call in (api.update_policy, api.simulate_policy):
        check_fault(attempt(partial(call, wanted)), reason, field=field)
    assert api.get_policy().policy_version == 1


def test_a_policy_is_required(api: Api) -> None:
    with expect_fault("FIELD_REQUIRED", field="policy"):
        api.update_policy(None)


def filled(api: Api, heads: int) -> None:
    """Makes Ann with so many heads, and Bob."""
    api.set_member(change(keys(ANN), heads=[f"tg=10{n}" for n in range(heads - 1)]))
    api.set_member(change(keys(BOB), heads=["tg=201", "tg=202"]))


def imported(api: Api) -> None:
    """Attaches a head to Ann by a row."""
    opened = options(api, [email_column(), column("tg")]).SerializeToString()
    stream = api.core.open_import(opened)
    stream.submit(chunk(1, [["ann@example.com", "300"]]).SerializeToString())
    stream.finish()
    answer = imports.StreamImportResponse.FromString(stream.receipt() or b"")
    for reject in answer.receipt.rejects:
        raise RefusedError(fault_in_answer(reject.fault))


class RefusedError(Exception):
    """One item of a batch was refused."""


def batched(api: Api) -> None:
    """Attaches a head to Ann by a batch."""
    (result,) = api.set_members([change(keys(ANN), heads=["tg=300"])]).results
    if result.HasField("fault"):
        raise RefusedError(fault_in_answer(result.fault))


def merged(api: Api, rule: str) -> None:
    """Merges Bob's head into Ann."""
    api.merge_members(
        keys(ANN), keys("tg=201"), head_rule=f"MERGE_HEAD_RULE_{rule}", data_rule=data_rule()
    )


# Every way in which Ann gets one more head.
WAYS: dict[str, Callable[[Api], Any]] = {
    "step": lambda api: api.set_member(change(keys(ANN), heads=["tg=300"])),
    "key": lambda api: api.set_member(change(keys(ANN, "tg=300"))),
    "rule": lambda api: api.set_member(change(keys(ANN), heads=[ruled("tg=300")])),
    "taken": lambda api: api.set_member(
        change(keys(ANN), heads=[ruled("tg=201", multi="TRANSPLANT")])
    ),
    "batch": batched,
    "import": imported,
    "attach": lambda api: api.attach_head(keys(ANN), address("tg=300")),
    "replace": lambda api: api.replace_head(head_key(ANN), address("tg=300")),
    "merge": lambda api: merged(api, "TRANSPLANT"),
}


def refusal(call: Callable[[], object]) -> SeenFault | None:
    """Returns what a call, or its one item, was refused for."""
    try:
        answer = attempt(call)
    except RefusedError as error:
        (fault,) = error.args
        return fault if isinstance(fault, SeenFault) else None
    return answer if isinstance(answer, SeenFault) else None


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("by_type", [False, True])
def test_heads_are_limited_whatever_way_they_come(api: Api, way: str, by_type: bool) -> None:
    filled(api, 3)
    # Replacing frees the e-mail, which counts as a head but not as a head.
    has = 2 if by_type or way == "replace" else 3
    limit = "member.heads.tg" if by_type else "member.heads"

    def limited(heads: int) -> SpacePolicy:
        if by_type:
            return policy(heads_per_type=[heads_limit("tg", heads)])
        return policy(heads_per_member_max=heads)

    api.update_policy(limited(has))
    before = api.list_heads(keys("tg=100"))
    fault = refusal(lambda: WAYS[way](api))
    check_fault(fault, "LIMIT_EXCEEDED", limit=limit, max=str(has), actual=str(has + 1))
    assert api.list_heads(keys("tg=100")) == before, "nothing is dropped or half done"
    api.update_policy(limited(has + 1))
    assert refusal(lambda: WAYS[way](api)) is None


def test_a_member_over_a_new_limit_keeps_its_heads(api: Api) -> None:
    filled(api, 5)
    api.update_policy(policy(heads_per_member_max=2, heads_per_type=[heads_limit("tg", 1)]))
    assert api.set_member(change(keys(ANN), sets(name='"Ann"'))).status
    api.detach_head(head_key("tg=100"))
    with expect_fault("LIMIT_EXCEEDED"):
        api.attach_head(keys(ANN), address("tg=100"))
    assert len(api.list_heads(keys(ANN)).heads) == 4


def test_split_restored_and_undone_heads_are_limited(api: Api) -> None:
    filled(api, 3)
    merge = api.merge_members(
        keys(ANN), keys("tg=201"), head_rule="MERGE_HEAD_RULE_TRANSPLANT", data_rule=data_rule()
    ).outcome
    api.delete_members(member_key(BOB), wipe=True)
    limited = policy(heads_per_type=[heads_limit("tg", 0)])
    api.update_policy(limited)
    for call in (
        lambda: api.detach_head(head_key("tg=100"), split=True),
        lambda: api.restore_member(member_key(BOB)),
        lambda: api.set_member(change(keys("tg=400"))),
    ):
        check_fault(attempt(call), "LIMIT_EXCEEDED", limit="member.heads.tg", max="0")
    api.reset_policy()
    api.restore_member(member_key(BOB))
    api.update_policy(limited)
    with expect_fault("LIMIT_EXCEEDED", limit="member.heads.tg"):
        api.unmerge_members(merge.merge_id)
    api.reset_policy()
    assert api.unmerge_members(merge.merge_id).outcome.returned_head_ids


def test_merges_are_limited_before_they_write(api: Api) -> None:
    api.set_member(change(keys(ANN), sets(a='"12345678"')))
    api.set_member(change(keys(BOB), sets(b='"12345678"'), heads=["csid=b1", "csid=b2"]))
    bob = api.resolve(keys(BOB)).contact_id
    both = 2 * len('{"a":"12345678"}')

    def merge() -> object:
        return api.merge_members(
            keys(ANN),
            keys(contact_id=bob),
            head_rule="MERGE_HEAD_RULE_TRANSPLANT",
            data_rule=data_rule(level=1),
        )

    for says, limit, bound in (
        ({"merge_bytes_max": both - 1}, "merge.bytes", both - 1),
        ({"merge_heads_max": 2}, "merge.heads", 2),
    ):
        api.update_policy(policy(**says))
        check_fault(
            attempt(merge), "LIMIT_EXCEEDED", limit=limit, max=str(bound), actual=str(bound + 1)
        )
    api.update_policy(policy(merge_bytes_max=both, merge_heads_max=3))
    assert not isinstance(attempt(merge), SeenFault)


def test_a_full_member_may_exchange_a_head(api: Api) -> None:
    """The head that goes makes room first, in a merge too."""
    filled(api, 3)
    api.update_policy(policy(heads_per_member_max=3))
    merged(api, "REPLACE")
    assert len(api.list_heads(keys("tg=100")).heads) == 3


def test_retention_counts_from_the_deletion_on() -> None:
    api = open_api(retention_days=1)
    api.set_member(change(keys(ANN)))
    api.delete_members(member_key(ANN))
    assert api.restore_member(member_key(ANN)).outcome.contact_id == 1
    assert api.get_policy().policy.retention_days == 1


def test_versioning_refuses_what_has_changed_since_arrival() -> None:
    """Calls at the same time: what is not refused was the only change since it arrived."""
    api = open_api(versioning=True)
    api.set_member(change(keys(ANN), sets(count="0")))
    refused: list[SeenFault] = []
    done: list[object] = []

    def count(thread: int) -> None:
        for turn in range(150):
            step = change(keys(ANN), sets(count=f"{thread}{turn}"))
            answer = attempt(partial(api.set_member, step))
            if isinstance(answer, SeenFault):
                refused.append(answer)
            else:
                done.append(answer)

    threads = [threading.Thread(target=count, args=(n,)) for n in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused, "calls at the same time were let through"
    for fault in refused:
        check_fault(fault, "VERSIONING")
    version = api.get_member(keys(ANN)).member.version
    assert version == 1 + len(done)
    api.update_policy(policy())
    before = len(refused)
    count(9)
    assert len(refused) == before


def test_versioning_lets_a_batch_change_a_member_twice() -> None:
    api = open_api(versioning=True)
    steps = [change(keys(ANN), sets(n=str(n))) for n in range(3)]
    results = api.set_members([*steps, change(keys(BOB), heads=["csid=b"])]).results
    assert all(result.HasField("outcome") for result in results)
    step = change(keys(ANN), sets(n="9"), expected_version=1)
    with expect_fault("VERSIONING", expected_version="1", version="3"):
        api.set_member(step)


def test_substitutes_are_told_apart_by_case(api: Api) -> None:
    api.update_policy(policy(email_substitutes=True))
    first = api.set_member(change(keys("email=Ann 1")))
    second = api.set_member(change(keys("email=ann 1")))
    assert first.contact_id != second.contact_id
    assert api.resolve(keys("email= Ann 1 ")).contact_id == first.contact_id
    assert api.resolve(keys("=x@")).contact_id == 0
    third = api.set_member(change(keys("=x@")))
    assert [head.head.address.value for head in api.list_heads(keys("=x@")).heads] == ["x@"]
    assert [found.contact_id for found in api.find_members("x@").found] == [third.contact_id]


def test_a_field_is_built_beside_writes_and_refused_until_then(api: Api) -> None:
    rows = [[f"m{n}@example.com", f"id-{n}"] for n in range(3_000)]
    opened = options(api, [email_column(), datakey_column("crm.id")]).SerializeToString()
    stream = api.core.open_import(opened)
    stream.submit(chunk(1, rows).SerializeToString())
    stream.finish()
    assert stream.receipt()
    states = api.update_policy(policy(custom_field("crm.id", unique=True))).outcome.state.fields
    assert [state.state for state in states] == [admin.FIELD_STATE_BUILDING]
    assert states[0].total == 3_000
    api.set_member(change(keys("email=new@example.com"), sets(**{"crm.id": '"new"'})))
    assert settled(api) == {"crm.id": "ready"}
    for value in ("id-0", "id-2999", "new"):
        assert api.resolve(keys(fields=[("crm.id", value)])).contact_id
    with expect_fault("FIELD_VALUE_TAKEN", field="crm.id"):
        api.set_member(change(keys(ANN), sets(**{"crm.id": '"id-7"'})))
    api.update_policy(policy())
    with expect_fault("FIELD_NOT_DECLARED"):
        api.resolve(keys(fields=[("crm.id", "id-0")]))
    assert settled(api) == {}


def test_duplicates_of_a_unique_field_are_listed(api: Api) -> None:
    for n in range(6):
        api.set_member(change(keys(f"email=m{n}@example.com"), sets(k=f'"{n // 2}"')))
    wanted = policy(custom_field("k", unique=True), custom_field("other"))
    api.update_policy(wanted)
    assert settled(api) == {"k": "failed", "other": "ready"}
    (status, _) = api.get_policy().fields
    pairs = [(pair.contact_id, pair.other_contact_id) for pair in status.conflicts]
    assert pairs == [(1, 2), (3, 4), (5, 6)]
    assert status.conflicts_total == 3
    with expect_fault("FIELD_FAILED", field="k", contact_id="1", other_contact_id="2"):
        api.resolve(keys(fields=[("k", "0")]))
    for n in (1, 3, 5):
        api.set_member(change(keys(f"email=m{n}@example.com"), sets(k=f'"x{n}"')))
    assert api.update_policy(wanted).outcome.changed, "storing it again tries again"
    assert settled(api) == {"k": "ready", "other": "ready"}
    assert api.resolve(keys(fields=[("k", "x3")])).contact_id == 4


def test_an_import_under_way_follows_the_new_policy(api: Api) -> None:
    opened = options(api, [email_column(), datakey_column("k")]).SerializeToString()
    stream = api.core.open_import(opened)
    receipts = []
    for number in range(1, 21):
        if number == 11:
            api.update_policy(policy(custom_field("k"), blocked=[blocked("email", "x20@a.com")]))
        rows = [[f"x{number}@a.com", f"v{number}"]]
        stream.submit(chunk(number, rows).SerializeToString())
    stream.finish()
    while (receipt := stream.receipt()) is not None:
        receipts.append(imports.StreamImportResponse.FromString(receipt).receipt)
    rejects = [fault_in_answer(r.fault).reason for receipt in receipts for r in receipt.rejects]
    assert rejects == ["ADDRESS_BLOCKED"]
    settled(api)
    for number in (1, 10, 11, 19):
        assert api.resolve(keys(fields=[("k", f"v{number}")])).contact_id, number


def test_writes_never_miss_a_field_that_comes_and_goes(api: Api) -> None:
    """Whatever policy a write was prepared by, the indexes are whole in the end."""
    stop = threading.Event()
    written: list[int] = []

    def write(thread: int) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            number = thread * 1_000_000 + count
            api.set_member(change(keys(f"email=w{number}@example.com"), sets(k=f'"{number}"')))
            written.append(number)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    turn = 0
    while turn < 12 or len(written) < 200:
        turn += 1
        api.update_policy(policy(custom_field("k", "int" if turn % 3 == 0 else "string")))
    stop.set()
    for thread in threads:
        thread.join()
    assert settled(api)["k"] == "ready"
    for number in written:
        assert api.resolve(keys(fields=[("k", str(number))])).contact_id, number


def test_the_stored_policy_outlives_the_core_and_the_configuration(tmp_path: Path) -> None:
    store = tmp_path / "store"
    api = Api(open_core((space_config(1),), store))
    api.set_member(change(keys(ANN), sets(k='"v"')))
    api.update_policy(policy(custom_field("k"), default_region="DE"))
    settled(api)
    api.core.close()
    configured = space_config(1, default_region="FR", fields=(FieldConfig("z", "int", False),))
    api = Api(open_core((configured,), store))
    state = api.get_policy()
    assert (state.policy_version, state.source) == (2, admin.POLICY_SOURCE_STORED)
    assert state.policy.default_region == "DE"
    assert api.resolve(keys(fields=[("k", "v")])).contact_id == 1
    api.reset_policy()
    assert settled(api) == {"z": "ready"}
    api.core.close()
    # A change of the configuration counts as one of the policy.
    api = Api(open_core((space_config(1),), store))
    state = api.get_policy()
    assert (state.policy_version, state.source) == (4, admin.POLICY_SOURCE_CONFIGURATION)
    assert state.policy.default_region == "RU"
    api.core.close()


def test_the_outcome_of_a_member_is_no_other_under_a_policy(api: Api) -> None:
    outcome = api.set_member(change(keys(ANN)))
    assert outcome.status == member.OUTCOME_STATUS_CREATED


@pytest.mark.parametrize("heads_max", [1, 2])
def test_a_replacing_merge_is_undone_within_the_limits(heads_max: int) -> None:
    """The head that goes back makes room for the one that comes again."""
    api = open_api()
    limits = [heads_limit("email", heads_max)]
    api.update_policy(policy(heads_per_type=limits))
    for head in (ANN, BOB):
        api.set_member(change(keys(head)))
    merged = api.merge_members(keys(ANN), keys(BOB), head_rule="MERGE_HEAD_RULE_REPLACE").outcome
    assert people(api, 1, 2) == {1: [BOB]}
    assert list(api.unmerge_members(merged.merge_id).outcome.conflicts) == []
    assert people(api, 1, 2) == {1: [ANN], 2: [BOB]}


def test_a_running_import_writes_dates_in_the_zone_of_the_policy() -> None:
    api = open_api(time_zone="UTC")
    columns = [email_column(), datakey_column("seen", "dt:Yh")]
    stream = api.core.open_import(options(api, columns).SerializeToString())
    api.update_policy(policy(time_zone="Pacific/Kiritimati"))
    stream.submit(chunk(1, [["ann@example.com", "current"]]).SerializeToString())
    stream.finish()
    while stream.receipt() is not None:
        pass
    api.set_member(change(keys(BOB), [datakey_change(Change("seen", "set", '"current"', "dt:Yh"))]))
    # Fourteen hours are between the zones; the full hour may pass between the two.
    hours = [int(document(api, keys(who))[-4:-2]) for who in (ANN, BOB)]
    assert (hours[1] - hours[0]) % 24 in (0, 1)
