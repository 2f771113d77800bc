"""Applying the steps of one space: in order, again and again, one by one where one of them kills.

A step with a request id may be sent any number of times and has one effect. A step that is sent
again keeps its place: nothing behind it is done before, because any of it may be about the same
member, by whatever key.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import grpc

from zmey.bridge.answers import INVALID, LATER, Verdict, refusal, verdict_of
from zmey.bridge.callers import Caller, CallError
from zmey.bridge.stopping import StoppingError, unless_stopped
from zmey.client.faults import CallFault
from zmey.logs import get_logger
from zmey.v1.error_reason_pb2 import ErrorReason
from zmey.v1.member_pb2 import MemberChange
from zmey.v1.member_service_pb2 import SetMemberBatchRequest, SetMemberBatchResponse
from zmey.v1.space_pb2 import Space

CALL_SECONDS_MAX = 30.0
PAUSE_SECONDS_FIRST = 0.05
PAUSE_SECONDS_MAX = 5.0
# A batch that failed so often by a fault of the server is sent step by step, to find the one that
# does it.
FAULTS_TOGETHER_MAX = 3
# A step is given up whose call, alone, ended the connection so often.
DROPS_ALONE_MAX = 6

POISON = "The server fails on this message; it was set aside."
TOO_LARGE = "The message is larger than the server takes (message_bytes_max); send less at once."

AWAY = "The server has no time or is away; send the message again later."

# What a step may be to blame for. A proxy says UNAVAILABLE, whatever it is asked: only with the
# connection does it end by a step.
_FAULTS = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
_SHUTTING_DOWN = "ERROR_REASON_SHUTTING_DOWN"


@dataclass(slots=True)
class _Pending:
    """Steps that have no verdict yet, by their place, and how sending them went so far."""

    steps: dict[int, MemberChange]
    until: float
    faults: int = 0
    drops: int = 0
    reason: str = ""
    is_said: bool = False

    def say(self) -> None:
        """Tells the operator once that they wait, and for what."""
        if not self.is_said:
            self.is_said = True
            get_logger().warning(
                "messages wait for the server; trying again",
                messages=len(self.steps),
                reason=self.reason,
            )


class Applier:
    """Sends steps until each has a verdict."""

    def __init__(
        self,
        caller: Caller,
        retry_seconds: float,
        stop: asyncio.Event,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._caller = caller
        self._retry_seconds = retry_seconds
        self._stop = stop
        self._clock = clock

    async def apply(self, space: tuple[int, int], steps: Sequence[MemberChange]) -> list[Verdict]:
        """Applies steps in order; returns a verdict for each.

        Raises:
            StoppingError: the bridge stops while the server is away, or hangs.
        """
        message = Space(account_id=space[0], db_id=space[1])
        pending = _Pending(dict(enumerate(steps)), self._until())
        verdicts = await self._settle(message, pending)
        return [verdicts[place] for place in range(len(steps))]

    def _until(self) -> float:
        return self._clock() + self._retry_seconds

    async def _settle(self, space: Space, pending: _Pending) -> dict[int, Verdict]:
        verdicts: dict[int, Verdict] = {}
        pause = PAUSE_SECONDS_FIRST
        while True:
            # The last call is for verdicts, not for order: nothing is sent again after it.
            is_last = self._clock() >= pending.until
            settled, problem = await self._send(space, pending, in_order=not is_last)
            verdicts |= settled
            for place in settled:
                del pending.steps[place]
            if not pending.steps:
                return verdicts
            if pending.faults >= FAULTS_TOGETHER_MAX and len(pending.steps) > 1:
                return verdicts | await self._one_by_one(space, pending)
            if pending.drops >= DROPS_ALONE_MAX and len(pending.steps) == 1:
                return verdicts | dict.fromkeys(pending.steps, Verdict(LATER, POISON, parks=True))
            if is_last:
                return verdicts | dict.fromkeys(pending.steps, Verdict(LATER, problem))
            pending.say()
            await self._pause(min(pause, max(0.0, pending.until - self._clock())))
            pause = min(pause * 2, PAUSE_SECONDS_MAX)
            await self._wait_for_server(pending.until)

    async def _one_by_one(self, space: Space, pending: _Pending) -> dict[int, Verdict]:
        """Settles each step alone; what they did together is held against none of them."""
        verdicts: dict[int, Verdict] = {}
        until = pending.until
        for place, step in list(pending.steps.items()):
            settled = await self._settle(space, _Pending({place: step}, until))
            verdicts |= settled
            if any(verdict.code != LATER or verdict.parks for verdict in settled.values()):
                # The server is there for the next one.
                until = self._until()
        return verdicts

    async def _send(
        self, space: Space, pending: _Pending, *, in_order: bool
    ) -> tuple[dict[int, Verdict], str]:
        """Sends what is pending once; returns what is settled, and why the rest is not."""
        steps = list(pending.steps.values())
        request = SetMemberBatchRequest(space=space, changes=steps, in_order=in_order)
        try:
            call = self._caller.call(request.SerializeToString(), CALL_SECONDS_MAX)
            answer = await unless_stopped(self._stop, call)
        except CallError as error:
            return await self._failed(space, pending, error)
        results = SetMemberBatchResponse.FromString(answer).results
        settled, problem = {}, ""
        for place, result in zip(list(pending.steps), results, strict=True):
            if result.HasField("outcome"):
                settled[place] = verdict_of(result.outcome)
                continue
            reason = ErrorReason.Name(result.fault.reason)
            fault, step = result.fault, pending.steps[place]
            verdict = refusal(reason, fault.message, fault.details, step)
            if verdict.code == LATER:
                problem, pending.reason = verdict.text, reason
            else:
                settled[place] = verdict
        return settled, problem

    async def _failed(
        self, space: Space, pending: _Pending, error: CallError
    ) -> tuple[dict[int, Verdict], str]:
        fault = error.fault
        verdict = _permanent(fault)
        if verdict is None:
            pending.reason = fault.reason or fault.code.name
            if error.is_drop and fault.reason != _SHUTTING_DOWN:
                # Whoever dropped the connection was there, and is given time to come back.
                pending.until = self._until()
                pending.faults += 1
                # Steps that were sent together do not tell which of them did it.
                pending.drops += len(pending.steps) == 1
            elif fault.code in _FAULTS:
                pending.faults += 1
            return {}, AWAY
        if verdict.code == INVALID and len(pending.steps) > 1:
            # Something about one of them, or about all of them together.
            return await self._one_by_one(space, pending), ""
        return dict.fromkeys(pending.steps, verdict), ""

    async def _pause(self, seconds: float) -> None:
        """Waits a while, of random length, so that bridges do not come back all at once."""
        seconds *= 0.5 + random.random()  # noqa: S311 - nobody gains from guessing it
        try:
            await asyncio.wait_for(self._stop.wait(), seconds)
        except TimeoutError:
            return
        raise StoppingError

    async def _wait_for_server(self, until: float) -> None:
        """Waits for the server in short turns, so that a stop is noticed."""
        while not self._stop.is_set():
            if await self._caller.is_ready(min(1.0, max(0.05, until - self._clock()))):
                return
            if self._clock() >= until:
                return
        raise StoppingError


def _permanent(fault: CallFault) -> Verdict | None:
    """The verdict of a call that fails however often it is sent, or None."""
    if fault.reason:
        verdict = refusal(fault.reason, fault.message, fault.details)
        return None if verdict.code == LATER else verdict
    if fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED and "larger than max" in fault.message:
        return Verdict(INVALID, TOO_LARGE)
    return None
