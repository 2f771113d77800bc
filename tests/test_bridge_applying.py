"""Steps that a server has no time for, refuses as a whole, or dies of: each still gets a verdict.

The steps go to a real core; what stands before it fails as a server over gRPC would.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

import grpc
import pytest

from support.core import Api
from support.policies import fields_being_built
from support.requests import change, keys, sets
from zmey.bridge.answers import Verdict, refusal
from zmey.bridge.applying import DROPS_ALONE_MAX, FAULTS_TOGETHER_MAX, POISON, Applier
from zmey.bridge.callers import CallError
from zmey.bridge.stopping import StoppingError, all_or_none
from zmey.client.faults import CallFault
from zmey.v1.error_reason_pb2 import ErrorReason
from zmey.v1.member_pb2 import MemberChange
from zmey.v1.member_service_pb2 import SetMemberBatchRequest

SPACE = (1, 1)
ANN = "email=ann@example.com"
UNAVAILABLE = CallFault(grpc.StatusCode.UNAVAILABLE, "", "", {})
INTERNAL = CallFault(grpc.StatusCode.INTERNAL, "Internal error.", "ERROR_REASON_INTERNAL", {})
UNKNOWN = CallFault(grpc.StatusCode.UNKNOWN, "", "", {})
OVERLOADED = CallFault(
    grpc.StatusCode.RESOURCE_EXHAUSTED, "Too much.", "ERROR_REASON_OVERLOADED", {}
)
BUSY = CallFault(grpc.StatusCode.RESOURCE_EXHAUSTED, "Concurrent RPC limit exceeded!", "", {})
LARGE = CallFault(
    grpc.StatusCode.RESOURCE_EXHAUSTED, "Received message larger than max (9 vs. 8)", "", {}
)
UNKNOWN_SPACE = CallFault(grpc.StatusCode.NOT_FOUND, "No.", "ERROR_REASON_SPACE_UNKNOWN", {})

Fails = Callable[[list[str], int], CallFault | None]


@dataclass
class FailingCaller:
    """A core behind something that may fail; it notes the names of the steps of each call."""

    api: Api
    fails: Fails
    drops: bool = False
    calls: list[list[str]] = field(default_factory=list)

    async def call(self, request: bytes, seconds: float) -> bytes:
        assert seconds > 0
        changes = SetMemberBatchRequest.FromString(request).changes
        names = [one.request_id for one in changes]
        self.calls.append(names)
        fault = self.fails(names, len(self.calls))
        if fault is not None:
            raise CallError(fault, is_drop=self.drops)
        return self.api.core.call("/zmey.v1.MemberService/SetMemberBatch", request)

    async def is_ready(self, seconds: float) -> bool:
        assert seconds > 0
        return True

    async def close(self) -> None:
        """Nothing is open."""


def step(name: str) -> MemberChange:
    return change(keys(f"email={name}@example.com"), sets(x="1"), request_id=name)


def apply(
    caller: FailingCaller, *steps: str | MemberChange, seconds: float = 60.0, stops: bool = False
) -> list[Verdict]:
    async def run() -> list[Verdict]:
        stop = asyncio.Event()
        if stops:
            asyncio.get_running_loop().call_later(0.2, stop.set)
        changes = [step(one) if isinstance(one, str) else one for one in steps]
        return await Applier(caller, seconds, stop).apply(SPACE, changes)

    return asyncio.run(run())


def codes(verdicts: list[Verdict]) -> list[int]:
    return [verdict.code for verdict in verdicts]


@pytest.mark.parametrize("fault", [UNAVAILABLE, OVERLOADED, BUSY, INTERNAL])
def test_steps_are_sent_again(api: Api, fault: CallFault) -> None:
    caller = FailingCaller(api, lambda _, call: fault if call <= 2 else None)
    assert codes(apply(caller, "a", "b")) == [0, 0]
    assert caller.calls == [["a", "b"]] * 3


@pytest.mark.parametrize("fault", [OVERLOADED, BUSY])
def test_overload_is_answered_only_when_it_lasts(api: Api, fault: CallFault) -> None:
    caller = FailingCaller(api, lambda *_: fault)
    verdicts = apply(caller, "a", "b", seconds=1.0)
    assert codes(verdicts) == [503, 503]
    assert not any(verdict.parks for verdict in verdicts)
    assert len(caller.calls) > 3
    assert set(map(tuple, caller.calls)) == {("a", "b")}


def test_the_step_that_kills_is_found_and_set_aside(api: Api) -> None:
    caller = FailingCaller(api, lambda names, _: UNAVAILABLE if "poison" in names else None, True)
    verdicts = apply(caller, "a", "poison", "b")
    assert codes(verdicts) == [0, 503, 0]
    assert [verdict.parks for verdict in verdicts] == [False, True, False]
    assert verdicts[1].text == POISON
    together = [["a", "poison", "b"]] * FAULTS_TOGETHER_MAX
    assert caller.calls == [*together, ["a"], *[["poison"]] * DROPS_ALONE_MAX, ["b"]]


def test_a_step_that_fails_a_few_times_alone_is_not_held_to_what_its_batch_did(api: Api) -> None:
    fails = FAULTS_TOGETHER_MAX + DROPS_ALONE_MAX - 1
    caller = FailingCaller(api, lambda _, call: UNAVAILABLE if call <= fails else None, True)
    assert codes(apply(caller, "a", "b")) == [0, 0]


@pytest.mark.parametrize("fault", [UNAVAILABLE, INTERNAL, UNKNOWN])
def test_a_peer_that_fails_on_everything_is_no_reason_to_set_aside(
    api: Api, fault: CallFault
) -> None:
    caller = FailingCaller(api, lambda *_: fault)
    verdicts = apply(caller, *"abcdef", seconds=4.0)
    assert codes(verdicts) == [503] * 6
    assert not any(verdict.parks for verdict in verdicts)
    assert len(caller.calls) > FAULTS_TOGETHER_MAX + 1


def test_a_step_on_which_the_server_fails_holds_back_others_no_longer_than_that(api: Api) -> None:
    caller = FailingCaller(api, lambda names, _: INTERNAL if "ill" in names else None)
    verdicts = apply(caller, "a", "ill", "b", seconds=1.0)
    assert codes(verdicts) == [0, 503, 0]
    assert not any(verdict.parks for verdict in verdicts)


def test_a_batch_that_is_too_large_is_split(api: Api) -> None:
    caller = FailingCaller(api, lambda names, _: LARGE if "big" in names or names[1:] else None)
    verdicts = apply(caller, "a", "big", "b")
    assert codes(verdicts) == [0, 422, 0]
    assert "message_bytes_max" in verdicts[1].text
    assert caller.calls == [["a", "big", "b"], ["a"], ["big"], ["b"]]


def test_a_space_that_is_not_served(api: Api) -> None:
    caller = FailingCaller(api, lambda *_: UNKNOWN_SPACE)
    assert codes(apply(caller, "a", "b")) == [403, 403]
    assert len(caller.calls) == 1


def test_a_step_that_waits_holds_back_those_behind_it(api: Api) -> None:
    """Both are about the same member, which only the server can know."""
    for path in fields_being_built(api):
        caller = FailingCaller(api, lambda *_: None)
        waits = change(keys(fields=[(path, "7")]), sets(x='"earlier"'), request_id="1" + path)
        follows = change(keys(ANN), sets(x='"later"'), request_id="2" + path)
        assert codes(apply(caller, waits, follows)) == [0, 0]
        assert api.get_member(keys(ANN), "x").member.values[0].value == b'"later"'
        if len(caller.calls) > 1:
            break
    assert {tuple(names) for names in caller.calls} == {("1" + path, "2" + path)}


def test_a_step_that_waits_too_long_holds_back_nobody(api: Api) -> None:
    for path in fields_being_built(api):
        waits = change(keys(fields=[(path, "7")]), sets(x='"1"'), request_id="1" + path)
        follows = change(keys(ANN), sets(x='"2"'), request_id="2" + path)
        verdicts = apply(FailingCaller(api, lambda *_: None), waits, follows, seconds=0.0)
        if verdicts[0].code:
            break
    assert codes(verdicts) == [503, 0]
    assert "index" in verdicts[0].text


def test_a_stop_ends_the_waiting(api: Api) -> None:
    caller = FailingCaller(api, lambda *_: UNAVAILABLE)
    with pytest.raises(StoppingError):
        apply(caller, "a", stops=True)


def test_a_space_that_is_given_up_leaves_no_call_of_another_under_way(api: Api) -> None:
    class HangingCaller(FailingCaller):
        async def call(self, request: bytes, seconds: float) -> bytes:
            under_way.append(request)
            try:
                await asyncio.Event().wait()
            finally:
                under_way.remove(request)
            return await super().call(request, seconds)

    async def apply_space(caller: FailingCaller) -> None:
        await Applier(caller, 60.0, stop).apply(SPACE, [step("a")])

    async def run() -> None:
        asyncio.get_running_loop().call_later(0.2, stop.set)
        callers = (FailingCaller(api, lambda *_: UNAVAILABLE), HangingCaller(api, lambda *_: None))
        with pytest.raises(StoppingError):
            await all_or_none(apply_space(caller) for caller in callers)
        assert under_way == []

    under_way: list[bytes] = []
    stop = asyncio.Event()
    asyncio.run(run())


def test_every_reason_has_a_code_of_the_queue() -> None:
    seen = {refusal(name, "Text.").code for name, _ in ErrorReason.items()}
    assert seen == {400, 403, 404, 409, 422, 503}
    conflicts = ("HEAD_TAKEN", "MATCH_AMBIGUOUS", "REQUEST_ID_REUSED", "FIELD_VALUE_TAKEN")
    assert {refusal(f"ERROR_REASON_{name}", "").code for name in conflicts} == {409}
