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

from support.core import HEAD, MATCH, MEMBER, attempt
from zmey._native import Core
from zmey.v1 import head_service_pb2 as head_service
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service

__all__ = ["METHODS", "Operation", "Refusal", "Replay", "carrier_of"]

# request -> method and answer
METHODS: dict[type[Message], tuple[str, type[Any]]] = {
    member_service.SetMemberRequest: (MEMBER + "SetMember", member_service.SetMemberResponse),
    member_service.MergeMembersRequest: (
        MEMBER + "MergeMembers",
        member_service.MergeMembersResponse,
    ),
    member_service.UnmergeMembersRequest: (
        MEMBER + "UnmergeMembers",
        member_service.UnmergeMembersResponse,
    ),
    member_service.DeleteMembersRequest: (
        MEMBER + "DeleteMembers",
        member_service.DeleteMembersResponse,
    ),
    member_service.RestoreMemberRequest: (
        MEMBER + "RestoreMember",
        member_service.RestoreMemberResponse,
    ),
    head_service.AttachHeadRequest: (HEAD + "AttachHead", head_service.AttachHeadResponse),
    head_service.DetachHeadRequest: (HEAD + "DetachHead", head_service.DetachHeadResponse),
    head_service.ReplaceHeadRequest: (HEAD + "ReplaceHead", head_service.ReplaceHeadResponse),
    member_service.GetMemberRequest: (MEMBER + "GetMember", member_service.GetMemberResponse),
    match_service.ResolveRequest: (MATCH + "Resolve", match_service.ResolveResponse),
}
CHANGED = (
    *(member.OUTCOME_STATUS_CREATED, member.OUTCOME_STATUS_UPDATED),
    member.OUTCOME_STATUS_RESTORED,
)


READS = (member_service.GetMemberRequest, match_service.ResolveRequest)


def carrier_of(request: Any) -> Any:
    """Returns the part of a write that has its request_id."""
    if isinstance(request, member_service.SetMemberRequest):
        return request.change
    return request.options


def _validated(request: Any) -> Any:
    """Returns a copy that writes nothing."""
    copied = type(request).FromString(request.SerializeToString())
    if isinstance(copied, member_service.SetMemberRequest):
        copied.validate_only = True
    elif "options" in copied.DESCRIPTOR.fields_by_name:
        copied.options.validate_only = True
    return copied


def _replayed(answer: Any, *, replayed: bool) -> Any:
    """Returns an answer as it is given again, or as it was given first."""
    copied = type(answer)()
    copied.CopyFrom(answer)
    holder = copied.outcome if isinstance(answer, member_service.SetMemberResponse) else copied
    holder.replayed = replayed
    return copied


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
    def outcome(self) -> Any:
        """The outcome of a write that was not refused."""
        return getattr(self.answer, "outcome", None)

    @property
    def request_id(self) -> str:
        """What makes a write happen once; empty for reads."""
        if isinstance(self.request, READS):
            return ""
        return str(carrier_of(self.request).request_id)

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
        if outcome is None or self.repeats:
            return False
        if isinstance(self.answer, member_service.DeleteMembersResponse):
            return any(result.deleted for result in outcome.results)
        # Outcomes without a status are of calls that always change something.
        return getattr(outcome, "status", member.OUTCOME_STATUS_UPDATED) in CHANGED

    @property
    def repeats(self) -> bool:
        """Whether this is an answer that was given before."""
        if isinstance(self.answer, member_service.SetMemberResponse):
            return self.answer.outcome.replayed
        return bool(getattr(self.answer, "replayed", False))

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
            # A write that touches several members spends a revision on each.
            later = [revision for revision in history.changed if revision > self.revision]
            self.revision = min(later, default=last)
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
            if first <= self.revision <= last and self._ask(_validated(one.request)) == one.answer:
                del waiting[key]

    def _check_time(self, one: Operation, history: "_History", last: int) -> None:
        first, last = history.bounds(one, last)
        assert one.revision is not None
        if not first + one.changes <= one.revision <= last:
            self.problems.append(f"revision not within {first} to {last}: {one}")

    def _check_repeats(self, history: "_History") -> None:
        for one in history.repeats:
            first = history.first_answers.get(one.request_id)
            again = None if first is None else _replayed(first.answer, replayed=True)
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
            if one.outcome is not None and one.request_id:
                self.first_answers[one.request_id] = one

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
    given = {one.request_id for one in operations if one.outcome is not None and not one.repeats}
    invoked: dict[str, int] = {}
    for one in operations:
        if one.request_id:
            earliest = invoked.get(one.request_id, one.invoked_ns)
            invoked[one.request_id] = min(one.invoked_ns, earliest)
    complete = []
    for one in sorted(operations, key=lambda other: other.answered_ns):
        if one.repeats and one.request_id not in given:
            given.add(one.request_id)
            answer = _replayed(one.answer, replayed=False)
            began_ns = invoked[one.request_id]
            complete.append(Operation(one.request, began_ns, one.answered_ns, answer))
        complete.append(one)
    return complete
