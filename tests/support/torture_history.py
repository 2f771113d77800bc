"""What clients asked and were answered, and whether one order of the writes explains it all.

The revisions of the answers name that order. The memory engine replays it: every answer must be
the one that the replay gives at its revision, within what the clock of the clients allows. A
refusal carries no revision; it must be what the replay says at some revision of its time.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from google.protobuf.message import Message

from support.core import MATCH, MEMBER, attempt
from zmey._native import Core
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service

__all__ = ["METHODS", "Operation", "Refusal", "Replay"]

# request -> method and answer
METHODS: dict[type[Message], tuple[str, type[Any]]] = {
    member_service.SetMemberRequest: (MEMBER + "SetMember", member_service.SetMemberResponse),
    member_service.GetMemberRequest: (MEMBER + "GetMember", member_service.GetMemberResponse),
    match_service.ResolveRequest: (MATCH + "Resolve", match_service.ResolveResponse),
}
CHANGED = (member.OUTCOME_STATUS_CREATED, member.OUTCOME_STATUS_UPDATED)


@dataclass(frozen=True)
class Refusal:
    """What a client sees of a refusal."""

    reason: str
    details: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, reason: str, details: dict[str, str]) -> "Refusal":
        """Makes one that can be compared."""
        return cls(reason.removeprefix("ERROR_REASON_"), tuple(sorted(details.items())))


@dataclass
class Operation:
    """One call of one client, answered or refused.

    Attributes:
        request: what was asked.
        invoked_ns: when the call began, by the clock of all clients.
        answered_ns: when it ended.
        answer: the answer, or the refusal.
    """

    request: Any
    invoked_ns: int
    answered_ns: int
    answer: Any

    @property
    def outcome(self) -> member.MemberOutcome | None:
        """The outcome of a write that was not refused."""
        if isinstance(self.answer, member_service.SetMemberResponse):
            return self.answer.outcome
        return None

    @property
    def revision(self) -> int | None:
        """The revision that the answer names."""
        if isinstance(self.answer, Refusal):
            return None
        return int((self.outcome or self.answer).revision)

    @property
    def changes(self) -> bool:
        """Whether this is the first answer of a write that changed something."""
        outcome = self.outcome
        return outcome is not None and outcome.status in CHANGED and not outcome.replayed

    @property
    def repeats(self) -> bool:
        """Whether this is an answer that was given before."""
        return self.outcome is not None and self.outcome.replayed

    def __str__(self) -> str:
        return f"{type(self.request).__name__} {self.request} -> {self.answer}"


@dataclass
class Replay:
    """The replay of one store's history on the memory engine.

    Attributes:
        core: on the memory engine, with the spaces of the server.
        revision: how far it has come.
        problems: what the one order does not explain.
    """

    core: Core
    revision: int = 0
    problems: list[str] = field(default_factory=list)

    def check(self, operations: Sequence[Operation]) -> None:
        """Replays what followed the operations checked before; nothing may be running."""
        history = _History(_with_lost_answers(operations))
        last = max((one.revision or 0 for one in operations), default=self.revision)
        self._check_repeats(history)
        for one in history.answered:
            self._check_time(one, history, last)
        waiting = {id(one): one for one in operations if isinstance(one.answer, Refusal)}
        bounds = {key: history.bounds(one, last) for key, one in waiting.items()}
        while True:
            self._explain(waiting, bounds)
            for one in history.unchanged[self.revision]:
                self._expect(one)
            self._explain(waiting, bounds)
            if self.revision == last:
                break
            self.revision += 1
            self._advance(history.changed[self.revision])
        self.problems += (f"never so between its times: {one}" for one in waiting.values())

    def _advance(self, changes: list[Operation]) -> None:
        if len(changes) != 1:
            self.problems.append(f"revision {self.revision} has {len(changes)} writes")
        for one in changes:
            self._expect(one)

    def _expect(self, one: Operation) -> None:
        """Does what an operation did; the answer must be the same."""
        answer = self._ask(one.request)
        if answer != one.answer:
            self.problems.append(f"the replay answers {answer} to {one}")

    def _explain(self, waiting: dict[int, Operation], bounds: dict[int, tuple[int, int]]) -> None:
        """Strikes off the refusals that are right at this revision."""
        for key, one in list(waiting.items()):
            first, last = bounds[key]
            if first <= self.revision <= last:
                request = type(one.request).FromString(one.request.SerializeToString())
                if isinstance(request, member_service.SetMemberRequest):
                    request.validate_only = True
                if self._ask(request) == one.answer:
                    del waiting[key]

    def _check_time(self, one: Operation, history: "_History", last: int) -> None:
        first, last = history.bounds(one, last)
        assert one.revision is not None
        if not first + one.changes <= one.revision <= last:
            self.problems.append(f"revision not within {first} to {last}: {one}")

    def _check_repeats(self, history: "_History") -> None:
        for one in history.repeats:
            first = history.first_answers.get(one.request.change.request_id)
            again = member_service.SetMemberResponse()
            if first is not None:
                again.CopyFrom(first.answer)
                again.outcome.replayed = True
            if first is None or one.answer != again or one.request != first.request:
                self.problems.append(f"no repetition of {first}: {one}")

    def _ask(self, request: Any) -> Any:
        method, answer = METHODS[type(request)]
        encoded = attempt(lambda: self.core.call(method, request.SerializeToString()))
        if isinstance(encoded, bytes):
            return answer.FromString(encoded)
        return Refusal.of(encoded.reason, encoded.details)


class _History:
    """Operations by what they did."""

    def __init__(self, operations: Sequence[Operation]) -> None:
        self.changed: dict[int, list[Operation]] = defaultdict(list)
        self.unchanged: dict[int, list[Operation]] = defaultdict(list)
        self.repeats = [one for one in operations if one.repeats]
        self.answered = [one for one in operations if one.revision is not None and not one.repeats]
        self.first_answers: dict[str, Operation] = {}
        for one in self.answered:
            assert one.revision is not None
            (self.changed if one.changes else self.unchanged)[one.revision].append(one)
            if one.outcome is not None and one.request.change.request_id:
                self.first_answers[one.request.change.request_id] = one

    def bounds(self, one: Operation, last: int) -> tuple[int, int]:
        """The revisions that an operation may have seen.

        Not before what anybody knew when it began, not after a write that began when it had ended.
        """
        known = (
            other.revision
            for other in self.answered
            if other.revision is not None and other.answered_ns < one.invoked_ns
        )
        later = (
            revision - 1
            for revision, changes in self.changed.items()
            for other in changes
            if other.invoked_ns > one.answered_ns
        )
        return max(known, default=0), min(later, default=last)


def _with_lost_answers(operations: Sequence[Operation]) -> list[Operation]:
    """Puts first answers that died with a server before their first repetition."""
    given = {
        one.request.change.request_id
        for one in operations
        if one.outcome is not None and not one.outcome.replayed
    }
    invoked: dict[str, int] = {}
    for one in operations:
        if isinstance(one.request, member_service.SetMemberRequest):
            name = one.request.change.request_id
            invoked[name] = min(one.invoked_ns, invoked.get(name, one.invoked_ns))
    complete = []
    for one in sorted(operations, key=lambda other: other.answered_ns):
        if one.repeats and one.request.change.request_id not in given:
            given.add(one.request.change.request_id)
            answer = member_service.SetMemberResponse()
            answer.CopyFrom(one.answer)
            answer.outcome.replayed = False
            began_ns = invoked[one.request.change.request_id]
            complete.append(Operation(one.request, began_ns, one.answered_ns, answer))
        complete.append(one)
    return complete
