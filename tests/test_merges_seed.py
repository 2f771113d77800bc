"""Every sentence of seed 002 about merging two members, and undoing it.

Members are made in the order in which a test names them and count from 1; so do heads.
"""

import random
from typing import Any

import pytest

from reference.datakeys import Change
from reference.json_tree import Number, dump, parse
from reference.merging import Rule, merge
from support.core import (
    Api,
    SeenFault,
    attempt,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_api,
)
from support.documents import create, document
from support.people import people
from support.requests import change, data_rule, datakey_change, head_key, keys, sets
from support.seeds import seeds
from zmey.config import FieldConfig
from zmey.v1 import member_pb2 as member
from zmey.v1 import merge_pb2 as merges

ANN, BOB, EVE = "email=ann@example.com", "email=bob@example.com", "email=eve@example.com"
PHONE, PHONE_2 = "msisdn=+79121234567", "msisdn=+79161234567"


def make(api: Api, *heads: str, data: str = "{}") -> int:
    """Makes a member with heads and data; returns its contact id."""
    values = {name: dump(value) for name, value in parse(data).items()}  # type: ignore[union-attr]
    return api.set_member(change(keys(heads[0]), sets(**values), heads=heads[1:])).contact_id


def merged(api: Api, receiver: str, source: str, rule: str = "NONE", **others: Any) -> Any:
    """Merges and returns the outcome."""
    head_rule = f"MERGE_HEAD_RULE_{rule}"
    return api.merge_members(keys(receiver), keys(source), head_rule=head_rule, **others).outcome


def data_of(api: Api, contact_id: int) -> str:
    return document(api, keys(contact_id=contact_id))


HEAD_RULES = (
    # (rule, heads of the source, the heads of all afterwards, whether the source ended)
    ("UNSPECIFIED", (BOB,), {1: [ANN, PHONE], 2: [BOB]}, False),
    ("NONE", (BOB,), {1: [ANN, PHONE], 2: [BOB]}, False),
    ("TRANSPLANT", (BOB,), {1: [ANN, PHONE, BOB]}, True),
    ("TRANSPLANT", (BOB, PHONE_2), {1: [ANN, PHONE, BOB], 2: [PHONE_2]}, False),
    ("DECAPITATE", (BOB,), {1: [ANN, PHONE]}, True),
    ("DECAPITATE", (BOB, PHONE_2), {1: [ANN, PHONE], 2: [PHONE_2]}, False),
    ("REPLACE", (BOB,), {1: [PHONE, BOB]}, True),
    ("REPLACE", (BOB, PHONE_2), {1: [PHONE, BOB], 2: [PHONE_2]}, False),
)


@pytest.mark.parametrize(("rule", "source", "expected", "ended"), HEAD_RULES)
def test_head_rules(
    api: Api, rule: str, source: tuple[str, ...], expected: dict[int, list[str]], *, ended: bool
) -> None:
    make(api, ANN, PHONE)
    make(api, *source)
    outcome = merged(api, ANN, BOB, rule)
    assert people(api, 1, 2) == expected
    assert outcome.source_ended == ended
    assert (outcome.contact_id, outcome.source_contact_id) == (1, 2)
    # The number of a member that ended leads to the receiver.
    assert api.resolve(keys(contact_id=2)).contact_id == (1 if ended else 2)


def test_a_source_named_by_its_number_is_meant_with_all_its_heads(api: Api) -> None:
    make(api, ANN)
    make(api, BOB, PHONE, EVE)
    api.merge_members(keys(ANN), keys(contact_id=2), head_rule=merges.MERGE_HEAD_RULE_TRANSPLANT)
    assert people(api, 1, 2) == {1: [ANN, BOB, PHONE, EVE]}


def test_replacing_needs_a_head_of_the_receiver(api: Api) -> None:
    make(api, ANN)
    make(api, BOB)
    with expect_fault("FIELD_INVALID", field="receiver"):
        api.merge_members(keys(contact_id=1), keys(BOB), head_rule=merges.MERGE_HEAD_RULE_REPLACE)


REFUSED = (
    (ANN, ANN, "MERGE_SAME_MEMBER"),
    (ANN, PHONE, "MERGE_SAME_MEMBER"),
    (ANN, EVE, "MEMBER_MISSING"),
    (EVE, ANN, "MEMBER_MISSING"),
    (ANN, "email=bob", "EMAIL_NO_AT"),
)


@pytest.mark.parametrize(("receiver", "source", "reason"), REFUSED)
def test_two_living_members_are_needed(api: Api, receiver: str, source: str, reason: str) -> None:
    make(api, ANN, PHONE)
    make(api, BOB)
    with expect_fault(reason):
        merged(api, receiver, source)


OURS = '{"a":{"x":1,"y":[1]},"only":{"z":1},"s":"r"}'
THEIRS = '{"a":{"x":2,"y":[2],"w":3},"more":{"v":1},"s":"s"}'
DATA_RULES = (
    # (what it says, rule, receiver, source; None is unchanged)
    ("defaults: level 2, set, none, none", data_rule(),
     '{"a":{"x":1,"y":[1],"w":3},"only":{"z":1},"s":"r","more":{"v":1}}', None),
    ("hasmiss none", data_rule(has_miss="NONE"), None, None),
    ("hasmiss move", data_rule(has_miss="MOVE"),
     '{"a":{"x":1,"y":[1],"w":3},"only":{"z":1},"s":"r","more":{"v":1}}',
     '{"a":{"x":2,"y":[2]},"more":{},"s":"s"}'),
    ("hashas delete", data_rule(has_miss="NONE", has_has="DELETE"),
     '{"a":{},"only":{"z":1}}', None),
    ("hashas set", data_rule(has_miss="NONE", has_has="SET"),
     '{"a":{"x":2,"y":[2]},"only":{"z":1},"s":"s"}', None),
    ("hashas move", data_rule(has_miss="NONE", has_has="MOVE"),
     '{"a":{"x":2,"y":[2]},"only":{"z":1},"s":"s"}', '{"a":{"w":3},"more":{"v":1}}'),
    ("hashas merge", data_rule(has_miss="NONE", has_has="MERGE"),
     '{"a":{"x":2,"y":[1,2]},"only":{"z":1},"s":"s"}', None),
    ("misshas delete", data_rule(has_miss="NONE", miss_has="DELETE"),
     '{"a":{"x":1,"y":[1]},"only":{},"s":"r"}', None),
    ("level 1", data_rule(level=1, has_has="MERGE"),
     '{"a":{"x":2,"y":[2],"w":3},"only":{"z":1},"s":"s","more":{"v":1}}', None),
    ("level 0 none", data_rule(level=0), None, None),
    ("level 0 set", data_rule(level=0, has_has="SET"), THEIRS, None),
    ("level 0 move", data_rule(level=0, has_has="MOVE"), THEIRS, "{}"),
    ("level 0 delete", data_rule(level=0, has_has="DELETE"), "{}", None),
    ("level deeper than the data", data_rule(level=32),
     '{"a":{"x":1,"y":[1],"w":3},"only":{"z":1},"s":"r","more":{"v":1}}', None),
    ("a key with its own mode", data_rule(has_has="SET", keys={"a.x": "NONE"}),
     '{"a":{"x":1,"y":[2],"w":3},"only":{"z":1},"s":"s","more":{"v":1}}', None),
    ("its own mode is for this key only", data_rule(has_miss="NONE", keys={"s": "MOVE"}),
     '{"a":{"x":1,"y":[1]},"only":{"z":1},"s":"s"}',
     '{"a":{"x":2,"y":[2],"w":3},"more":{"v":1}}'),
    ("a key above the level", data_rule(has_miss="NONE", keys={"a": "MERGE"}),
     '{"a":{"x":2,"y":[2],"w":3},"only":{"z":1},"s":"r"}', None),
    ("a key that only the receiver has", data_rule(has_miss="NONE", keys={"only.z": "DELETE"}),
     '{"a":{"x":1,"y":[1]},"only":{},"s":"r"}', None),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "rule", "receiver", "source"), DATA_RULES)
def test_data_rules(
    api: Api, _says: str, rule: Any, receiver: str | None, source: str | None
) -> None:
    make(api, ANN, data=OURS)
    make(api, BOB, data=THEIRS)
    outcome = merged(api, ANN, BOB, data_rule=rule, return_fresh=True)
    assert data_of(api, 1) == (receiver or OURS)
    assert data_of(api, 2) == (source or THEIRS)
    assert outcome.fresh.decode() == (receiver or OURS)


def test_a_key_of_its_own_may_not_be_of_the_system(api: Api) -> None:
    make(api, ANN)
    make(api, BOB)
    for path in ("member.origin", "-group.news"):
        with expect_fault("DATAKEY_RESERVED", path=path):
            merged(api, ANN, BOB, data_rule=data_rule(keys={path: "SET"}))


def random_value(source: random.Random, depth: int) -> Any:
    kind = source.randrange(8 if depth else 4)
    if kind == 0:
        return None
    if kind in {1, 2}:
        return Number(str(source.randrange(3)))
    if kind == 3:
        return [Number(str(source.randrange(3))) for _ in range(source.randrange(3))]
    return random_object(source, depth - 1)


def random_object(source: random.Random, depth: int) -> dict[str, Any]:
    names = source.sample("abcd", source.randrange(5))
    return {name: random_value(source, depth) for name in names}


@pytest.mark.parametrize("seed", seeds(40))
def test_any_data_and_rule_as_the_model(api: Api, seed: int) -> None:
    source = random.Random(seed)
    for number in range(20):
        trees = [random_object(source, 3) for _ in range(2)]
        paths = ["a", "b.c", "a.b.c", "d"]
        own = {
            path: source.choice(["NONE", "DELETE", "SET", "MOVE", "MERGE"])
            for path in source.sample(paths, source.randrange(3))
        }
        chosen: dict[str, Any] = {
            "level": source.randrange(5),
            "has_miss": source.choice(["SET", "NONE", "MOVE"]),
            "has_has": source.choice(["NONE", "DELETE", "SET", "MOVE", "MERGE"]),
            "miss_has": source.choice(["NONE", "DELETE"]),
        }
        model = Rule(**chosen, keys={tuple(path.split(".")): mode for path, mode in own.items()})
        contacts = [
            create(api, f"{side}{number}@example.com", dump(tree))
            for side, tree in zip(("r", "s"), trees, strict=True)
        ]
        receiver, giver = (keys(contact_id=contact) for contact in contacts)
        rule = data_rule(**chosen, keys=own)
        answer = attempt(lambda: api.merge_members(receiver, giver, data_rule=rule))  # noqa: B023
        told = (seed, number, [dump(tree) for tree in trees], chosen, own)
        try:
            expected = merge(trees[0], trees[1], model)
        except (AttributeError, TypeError):
            check_fault(answer, "DATAKEY_NOT_AN_OBJECT")
            continue
        assert not isinstance(answer, SeenFault), (answer, told)
        found = [parse(data_of(api, contact)) for contact in contacts]
        assert found == list(expected), told


def test_a_merge_too_large_is_refused_before_anything_is_written(api: Api) -> None:
    big = '"' + "x" * 600_000 + '"'
    make(api, ANN, data='{"a":' + big + "}")
    make(api, BOB, data='{"b":' + big + "}")
    with expect_fault("BODY_TOO_LARGE"):
        merged(api, ANN, BOB, "TRANSPLANT")
    assert people(api, 1, 2) == {1: [ANN], 2: [BOB]}


def test_a_unique_field_goes_with_the_source_that_ends() -> None:
    api = open_api(FieldConfig(path="crm", kind="string", unique=True))
    make(api, ANN)
    make(api, BOB, PHONE, data='{"crm":"A"}')
    with expect_fault("FIELD_VALUE_TAKEN", contact_id="2"):
        merged(api, ANN, BOB, "TRANSPLANT")
    merged(api, ANN, BOB, "TRANSPLANT", data_rule=data_rule(has_miss="MOVE"))
    assert api.resolve(keys(fields=[("crm", "A")])).contact_id == 1


def undone(api: Api, merge_id: int, **others: Any) -> Any:
    return api.unmerge_members(merge_id, **others).outcome


@pytest.mark.parametrize("rule", ["NONE", "TRANSPLANT", "DECAPITATE", "REPLACE"])
@pytest.mark.parametrize("others", [(), (PHONE_2,)])
def test_undoing_at_once_restores_everything(api: Api, rule: str, others: tuple[str, ...]) -> None:
    make(api, ANN, PHONE, data=OURS)
    make(api, BOB, *others, data=THEIRS)
    group = datakey_change(Change("-group.news", "set", '"1"'))
    api.set_member(change(keys(BOB), [group]))
    before = people(api, 1, 2)
    wish = data_rule(has_miss="MOVE", has_has="MERGE", miss_has="DELETE")
    outcome = merged(api, ANN, BOB, rule, data_rule=wish)
    answer = undone(api, outcome.merge_id)
    assert list(answer.conflicts) == []
    assert people(api, 1, 2) == before
    assert (data_of(api, 1), data_of(api, 2)) == (OURS, THEIRS)
    (state,) = [one for one in api.list_heads(keys(BOB)).heads if one.head.id == 3]
    assert list(state.groups) == ["news"]
    with expect_fault("MERGE_UNDONE", merge_id=str(outcome.merge_id)):
        undone(api, outcome.merge_id)


ORDERS = (
    # (receiver, source, what the merge changes)
    ('{"name":"A","crm":{"id":1}}', '{"name":{"x":1}}', ["name", "crm.id"]),
    ('{"o":{"b":1,"c":2},"p":3}', '{"o":{"c":5}}', ["o.b", "o.c", "p"]),
    ('{"a":1,"b":2}', '{"b":3,"a":4,"c":5}', ["a", "b", "c"]),
)


@pytest.mark.parametrize(("receiver", "source", "changed"), ORDERS)
def test_undoing_restores_the_order_of_keys(
    api: Api, receiver: str, source: str, changed: list[str]
) -> None:
    make(api, ANN, data=receiver)
    make(api, BOB, data=source)
    rule = data_rule(level=2, has_has="SET", miss_has="DELETE")
    outcome = merged(api, ANN, BOB, data_rule=rule)
    assert sorted(outcome.changed_paths) == sorted(changed)
    api.unmerge_members(outcome.merge_id)
    assert (data_of(api, 1), data_of(api, 2)) == (receiver, source)


def test_undoing_keeps_what_was_changed_since_and_lists_it(api: Api) -> None:
    make(api, ANN, data=OURS)
    make(api, BOB, PHONE_2, data=THEIRS)
    api.merge_members(
        keys(ANN),
        keys(contact_id=2),
        head_rule=merges.MERGE_HEAD_RULE_TRANSPLANT,
        data_rule=data_rule(has_has="SET"),
    )
    (made,) = api.list_merges(1).merges
    later = [datakey_change(Change("a.x", "set", "9")), datakey_change(Change("n", "set", "1"))]
    api.set_member(change(keys(ANN), later))
    api.detach_head(head_key(PHONE_2))
    answer = undone(api, made.merge_id)
    conflicts = [fault_in_answer(conflict) for conflict in answer.conflicts]
    reasons = {
        (one.reason, one.details.get("path"), one.details.get("head_id")) for one in conflicts
    }
    assert reasons == {
        ("MERGE_DATAKEY_CHANGED", "a.x", None),
        ("MERGE_HEAD_CHANGED", None, "3"),
    }
    assert people(api, 1, 2) == {1: [ANN], 2: [BOB]}
    assert parse(data_of(api, 1)) == parse('{"a":{"x":9,"y":[1]},"only":{"z":1},"s":"r","n":1}')
    assert data_of(api, 2) == THEIRS
    assert api.resolve(keys(contact_id=2)).contact_id == 2


def test_undoing_after_the_receiver_was_merged_away(api: Api) -> None:
    make(api, ANN, data='{"a":1}')
    make(api, BOB, data='{"b":2}')
    make(api, EVE, data='{"c":3}')
    first = merged(api, BOB, ANN, "TRANSPLANT")
    api.merge_members(keys(EVE), keys(contact_id=2), head_rule=merges.MERGE_HEAD_RULE_TRANSPLANT)
    assert api.resolve(keys(contact_id=1)).contact_id == 3
    answer = undone(api, first.merge_id)
    assert (answer.contact_id, answer.source_contact_id) == (3, 1)
    assert people(api, 1, 2, 3) == {1: [ANN], 3: [EVE, BOB]}
    assert data_of(api, 1) == '{"a":1}'
    assert [fault_in_answer(one).reason for one in answer.conflicts] == ["MERGE_DATAKEY_CHANGED"]


def test_a_source_whose_heads_are_all_gone_cannot_live_again(api: Api) -> None:
    make(api, ANN)
    make(api, BOB)
    outcome = merged(api, ANN, BOB, "TRANSPLANT")
    api.detach_head(head_key(BOB))
    with expect_fault("MERGE_HEADS_GONE", merge_id=str(outcome.merge_id)):
        undone(api, outcome.merge_id)
    assert people(api, 1) == {1: [ANN]}


def test_unknown_merges_are_refused(api: Api) -> None:
    with expect_fault("FIELD_REQUIRED", field="merge_id"):
        undone(api, 0)
    with expect_fault("MERGE_UNKNOWN", merge_id="17"):
        undone(api, 17)


def test_the_history_of_a_member(api: Api) -> None:
    """Who, when and why: both members, source address, request id, the keys that matched."""
    for email in (ANN, BOB, EVE):
        make(api, email, data='{"a":{"b":1}}')
    options = member.WriteOptions(source="192.0.2.9", request_id="r-1")
    first = api.merge_members(
        keys(ANN),
        keys(BOB),
        head_rule="MERGE_HEAD_RULE_TRANSPLANT",
        data_rule=data_rule(has_has="SET", keys={"a.b": "DELETE"}),
        options=options,
    ).outcome
    second = api.merge_members(keys(ANN), keys(contact_id=3)).outcome
    undone(api, second.merge_id, options=member.WriteOptions(source="192.0.2.10"))
    one, two = api.list_merges(1).merges
    assert (one.merge_id, one.contact_id, one.source_contact_id) == (first.merge_id, 1, 2)
    assert (one.done.host, one.request_id, one.source_ended) == ("192.0.2.9", "r-1", True)
    assert (list(one.moved_head_ids), list(one.changed_paths)) == ([2], ["a.b"])
    assert not one.HasField("undone")
    assert (two.merge_id, two.undone.host) == (second.merge_id, "192.0.2.10")
    assert [one.merge_id for one in api.list_merges(2).merges] == [first.merge_id]
    assert list(api.list_merges(1, page_size=1).merges) == [one]
    assert list(api.list_merges(1, after_merge_id=first.merge_id).merges) == [two]
    assert list(api.list_merges(1, after_merge_id=2**64 - 1).merges) == []
    with expect_fault("FIELD_REQUIRED", field="contact_id"):
        api.list_merges(0)


def test_a_merge_takes_version_request_id_and_validation(api: Api) -> None:
    make(api, ANN)
    make(api, BOB)

    def call(**fields: Any) -> Any:
        options = member.WriteOptions(**fields)
        return api.merge_members(
            keys(ANN), keys(BOB), head_rule="MERGE_HEAD_RULE_TRANSPLANT", options=options
        )

    validated = call(validate_only=True).outcome
    assert people(api, 1, 2) == {1: [ANN], 2: [BOB]}
    with expect_fault("VERSIONING"):
        call(expected_version=2)
    first = call(request_id="r-1", expected_version=1)
    assert first.outcome == validated
    for validate_only in False, True:
        again = call(request_id="r-1", expected_version=1, validate_only=validate_only)
        assert (again.outcome, again.replayed) == (first.outcome, True)
