"""Garbage to every method: an error with a reason or an answer, never a crash, never INTERNAL.

A failure names its seed; ZMEY_TEST_SEED runs one seed alone, ZMEY_TEST_SEEDS sets their number.
"""

from functools import partial
from random import Random
from typing import Any, cast

import pytest
from google.protobuf.message import Message

from support.contract import REASON_CODES
from support.core import (
    ADMIN,
    HEAD,
    MATCH,
    MEMBER,
    ORIGIN,
    SPACE,
    Api,
    SeenFault,
    attempt,
    open_api,
)
from support.imports import chunk, datakey_column, email_column, options
from support.jobs import EXPRESS
from support.policies import blocked, custom_field, heads_limit, policy
from support.random_datakeys import random_changes
from support.random_members import random_step, spelled_change, spelled_keys
from support.requests import address, data_rule, datakey_change, head_key, member_key
from support.seeds import seeds
from zmey.v1 import admin_service_pb2 as admin
from zmey.v1 import express_service_pb2 as express
from zmey.v1 import head_event_pb2 as events
from zmey.v1 import head_service_pb2 as head_service
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service
from zmey.v1 import origin_service_pb2 as origin_service

MESSAGES = 150


@pytest.fixture(scope="module")
def shared() -> Api:
    return open_api()


def valid_message(random: Random, method: str) -> Message:
    """Builds a request that means something."""
    step = random_step(random, 3, 9)
    keys = spelled_keys(random, step.ask)
    other = spelled_keys(random, random_step(random, 3, 9).ask)
    change = spelled_change(random, step)
    change.datakeys.extend(datakey_change(one) for one in random_changes(random))
    found = [address("=Ann@example.com"), address("=8 912 1234567"), address("csid=A")]
    requests: dict[str, Message] = {
        "Resolve": match_service.ResolveRequest(space=SPACE, keys=keys, explain=True),
        "ResolveBatch": match_service.ResolveBatchRequest(space=SPACE, items=[keys, keys]),
        "Normalize": match_service.NormalizeRequest(space=SPACE, addresses=found),
        "SetMember": member_service.SetMemberRequest(space=SPACE, change=change),
        "SetMemberBatch": member_service.SetMemberBatchRequest(space=SPACE, changes=[change] * 2),
        "GetMember": member_service.GetMemberRequest(
            space=SPACE, keys=keys, datakeys=["*", "a.b[*]"]
        ),
        "GetDataset": member_service.GetDatasetRequest(space=SPACE, dataset_id=1, datakeys=["a"]),
        "MembersExist": member_service.MembersExistRequest(space=SPACE, addresses=found),
        "FindMembers": member_service.FindMembersRequest(space=SPACE, value="Ann@example.com"),
        "MergeMembers": member_service.MergeMembersRequest(
            space=SPACE, receiver=keys, source=other, head_rule=cast("Any", random.randrange(6)),
            data_rule=data_rule(level=1, keys={"a.b": "MERGE"}),
        ),
        "UnmergeMembers": member_service.UnmergeMembersRequest(
            space=SPACE, merge_id=random.randrange(1, 500)
        ),
        "DeleteMembers": member_service.DeleteMembersRequest(
            space=SPACE, members=[member_key("=ann@example.com"), member_key("contact=2")]
        ),
        "RestoreMember": member_service.RestoreMemberRequest(
            space=SPACE, member=member_key("=ann@example.com")
        ),
        "EraseMember": member_service.EraseMemberRequest(
            space=SPACE, member=member_key("=ann@example.com")
        ),
        "GetErasure": member_service.GetErasureRequest(
            space=SPACE, erasure_id=random.randrange(1, 500)
        ),
        "ListMerges": member_service.ListMergesRequest(space=SPACE, contact_id=1),
        "ListHeads": head_service.ListHeadsRequest(space=SPACE, keys=keys),
        "AttachHead": head_service.AttachHeadRequest(space=SPACE, keys=keys, head=found[0]),
        "DetachHead": head_service.DetachHeadRequest(
            space=SPACE, head=head_key("email=ann@example.com"), split=random.random() < 0.5
        ),
        "ReplaceHead": head_service.ReplaceHeadRequest(
            space=SPACE, current=head_key("id=1"), head=found[1]
        ),
        "RecordHeadEvents": head_service.RecordHeadEventsRequest(
            space=SPACE, events=[
                events.HeadEvent(
                    head=head_key("email=ann@example.com"),
                    unsubscribed=events.HeadStop(sender="news@example.com"),
                ),
                events.HeadEvent(head=head_key("id=1"), delivered=events.HeadDelivered()),
            ],
        ),
        "DefineOrigin": origin_service.DefineOriginRequest(
            space=SPACE, number=random.randrange(9), label=random.choice(("a", "b"))
        ),
        "ListOrigins": origin_service.ListOriginsRequest(space=SPACE),
        "DeleteOrigin": origin_service.DeleteOriginRequest(
            space=SPACE, number=random.randrange(9)
        ),
    }  # fmt: skip
    requests.update(further_messages(random, change))
    return requests[method.rpartition("/")[2]]


def further_messages(random: Random, change: member.MemberChange) -> dict[str, Message]:
    """Builds requests of AdminService and ExpressService, and about a decision."""
    named: dict[str, Any] = {"space": SPACE, "id": random.choice(("a", "b"))}
    decision: dict[str, Any] = random.choice(
        ({"revision": 1}, {"request_id": "r"}, {"change": change})
    )
    wanted = policy(
        custom_field(random.choice(["a", "b.c"]), unique=random.random() < 0.5),
        blocked=[blocked("email", "a@example.com")],
        heads_per_type=[heads_limit("csid", random.randrange(5))],
        email_substitutes=random.random() < 0.5,
    )
    return {
        "ExplainDecision": match_service.ExplainDecisionRequest(space=SPACE, **decision),
        "ListSpaces": admin.ListSpacesRequest(),
        "ListExpressLists": express.ListExpressListsRequest(space=SPACE, page_size=7),
        "GetExpressList": express.GetExpressListRequest(**named),
        "ReadExpressList": express.ReadExpressListRequest(**named, from_row=random.randrange(9)),
        "CleanExpressList": express.CleanExpressListRequest(**named),
        "DeleteExpressList": express.DeleteExpressListRequest(**named),
        "GetPolicy": admin.GetPolicyRequest(space=SPACE),
        "UpdatePolicy": admin.UpdatePolicyRequest(space=SPACE, policy=wanted),
        "ResetPolicy": admin.ResetPolicyRequest(space=SPACE),
        "SimulatePolicy": admin.SimulatePolicyRequest(space=SPACE, policy=wanted, findings_max=5),
    }


def mutated(random: Random, message: bytes) -> bytes:
    """Changes, inserts, removes or cuts a few bytes."""
    data = bytearray(message)
    for _ in range(random.choice((0, 1, 1, 2, 8))):
        place = random.randrange(len(data) + 1)
        match random.randrange(5):
            case 0:
                data[place : place + 1] = random.randbytes(1)
            case 1:
                data[place:place] = random.choice(
                    (b"\x00", b"\xff", b"\xc0\x80", random.randbytes(5))
                )
            case 2:
                del data[place : place + random.randrange(1, 9)]
            case 3:
                data = data[:place]
            case _:
                data[place:place] = data[place : place + 40]
    return bytes(data)


def check(answer: object) -> None:
    if isinstance(answer, SeenFault):
        assert answer.reason in REASON_CODES
        assert answer.reason != "INTERNAL", answer
        assert answer.code == REASON_CODES[answer.reason]


def test_the_core_has_the_methods_of_the_contract(shared: Api) -> None:
    match_methods = match_service.DESCRIPTOR.services_by_name["MatchService"].methods_by_name
    member_methods = member_service.DESCRIPTOR.services_by_name["MemberService"].methods_by_name
    head_methods = head_service.DESCRIPTOR.services_by_name["HeadService"].methods_by_name
    expected = {MATCH + name for name in match_methods} | {MEMBER + name for name in member_methods}
    expected |= {HEAD + name for name in head_methods}
    origin_methods = origin_service.DESCRIPTOR.services_by_name["OriginService"].methods_by_name
    expected |= {ORIGIN + name for name in origin_methods}
    admin_methods = admin.DESCRIPTOR.services_by_name["AdminService"].methods_by_name
    expected |= {ADMIN + name for name in admin_methods}
    express_methods = express.DESCRIPTOR.services_by_name["ExpressService"].methods_by_name
    expected |= {EXPRESS + name for name in express_methods}
    assert set(shared.core.methods()) == expected


@pytest.mark.parametrize("seed", seeds(3))
def test_unary_methods(shared: Api, seed: int) -> None:
    random = Random(seed)
    methods = sorted(shared.core.methods())
    assert methods
    for method in methods:
        for number in range(MESSAGES):
            if number % 5 == 0:
                request = random.randbytes(random.choice((0, 1, 7, 60, 3_000)))
            else:
                request = mutated(random, valid_message(random, method).SerializeToString())
            print(f"seed {seed} {method} {number}: {request.hex()}")  # noqa: T201
            check(attempt(partial(shared.core.call, method, request)))
    assert shared.resolve(spelled_keys(random, random_step(random, 1, 1).ask))


@pytest.mark.parametrize("seed", seeds(3))
def test_imports(shared: Api, seed: int) -> None:
    random = Random(seed)
    columns = [email_column(), datakey_column("a"), datakey_column("b.c[0]", type_text="dt:YD")]
    opening = options(shared, columns).SerializeToString()
    for number in range(MESSAGES):
        rows = [["ann@example.com", "x", "2026-1-2"], ["b@@", "", "no date"]]
        first = mutated(random, opening) if number % 2 else opening
        second = mutated(random, chunk(1, rows).SerializeToString())
        if number % 10 == 0:
            second = random.randbytes(random.randrange(200))
        print(f"seed {seed} import {number}: {first.hex()} {second.hex()}")  # noqa: T201
        check(attempt(partial(imported, shared, first, second)))


def imported(api: Api, first: bytes, second: bytes) -> None:
    stream = api.core.open_import(first)
    try:
        stream.submit(second)
        stream.finish()
        while stream.receipt() is not None:
            pass
    finally:
        stream.cancel()


@pytest.mark.parametrize(
    "method", ["", "/", "SetMember", "/zmey.v1.MatchService/", "\x00", "x" * 9_000]
)
def test_unknown_methods(shared: Api, method: str) -> None:
    answer = attempt(lambda: shared.core.call(method, b""))
    assert isinstance(answer, SeenFault)
    assert answer.reason == "METHOD_UNKNOWN"
