"""The contacts of one space, in short: keyword arguments and Python values instead of messages.

Answers are messages of the contract, except for what was read, which is a `Contact`. A call that is
refused raises one of the errors of `zmey.client.faults`. Every write has a request id, so that it
is repeated where the server is away for a moment, and has one effect all the same.
"""

import itertools
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypedDict, TypeVar, Unpack, cast

from google.protobuf.message import Message

from zmey.client.datakeys import Changes, datakey_changes
from zmey.client.faults import NotFoundError, ZmeyError, error_of_item, errors_of_calls
from zmey.client.notation import parse_locator, parse_order
from zmey.client.stubs import Stubs
from zmey.client.whom import Whom, keys, refuse_unknown
from zmey.v1 import head_service_pb2 as head_service
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import member_service_pb2 as member_service
from zmey.v1.data_rule_pb2 import DataRule
from zmey.v1.erasure_pb2 import EraseOutcome, Erasure
from zmey.v1.head_event_pb2 import HeadEvent, HeadEventResult
from zmey.v1.matching_pb2 import Resolution
from zmey.v1.member_pb2 import (
    IF_EXISTS_ERROR,
    IF_EXISTS_IGNORE,
    IF_EXISTS_MUST,
    IF_EXISTS_UNSPECIFIED,
    HeadAttach,
    HeadKey,
    Member,
    MemberChange,
    MemberOutcome,
    WriteOptions,
)
from zmey.v1.merge_pb2 import Merge, MergeOutcome, UnmergeOutcome
from zmey.v1.space_pb2 import Space

EVERYTHING = "*"
# Steps of one call of `add_or_update_many`: large enough to share a commit, small enough to wait
# for.
BATCH_STEPS = 1_000
PAGE_SIZE = 1_000

ORDER_DEFAULT = "external-id-first"

_IF_EXISTS = {
    "update": IF_EXISTS_UNSPECIFIED,
    "error": IF_EXISTS_ERROR,
    "must": IF_EXISTS_MUST,
    "ignore": IF_EXISTS_IGNORE,
}

Answer = TypeVar("Answer")


class Write(TypedDict, total=False):
    """How a write is done.

    Attributes:
        expected_version: the version the contact must have; 0 that there must be none.
        source: the IP address of the original request.
        request_id: makes the write happen once, also across processes; otherwise one is made.
    """

    expected_version: int
    source: str
    request_id: str


class Step(Whom, Write, total=False):
    """Who it is, and how a step is done.

    Attributes:
        heads: further identifiers as "type:value", or with rules of their own.
        if_exists: "update" unless said otherwise, "error", "must" or "ignore".
        order: which key counts first: "external-id-first", "prepared-message", "subscribe",
            "email-or-sms", or your own such as "contact-id,locator:email,field:crm.id".
        strict: whether keys of several contacts are an error.
        newbie_confirm: whether new e-mails wait for confirmation.
        fresh: whether the answer has the data after the change.
    """

    heads: Iterable[str | HeadAttach]
    if_exists: Literal["update", "error", "must", "ignore"]
    order: str
    strict: bool
    newbie_confirm: bool
    fresh: bool


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact as it was read.

    Attributes:
        member: number, version, heads and the data exactly as the server has them.
        resolution: which key found it.
        revision: the revision that the answer reflects.
        missing: whether the contact is no more (`missing_too`).
    """

    member: Member
    resolution: Resolution
    revision: int
    missing: bool

    @property
    def contact_id(self) -> int:
        """The number of the contact."""
        return self.member.contact_id

    @property
    def version(self) -> int:
        """The version of its body, for `expected_version`."""
        return self.member.version

    @property
    def data(self) -> Any:
        """The whole data, or where datakeys were asked for, each with its value."""
        values = {value.path: json.loads(value.value or b"null") for value in self.member.values}
        return values[EVERYTHING] if list(values) == [EVERYTHING] else values

    @property
    def heads(self) -> list[str]:
        """Its identifiers as they are known, in the order of attaching."""
        return [head.address.value for head in self.member.heads]

    @property
    def external_id(self) -> str | None:
        """Your own id of the person (seed 004, get contact), if it has one."""
        external = [head for head in self.member.heads if head.address.type == _CSID]
        return external[0].address.value if external else None


_CSID = parse_locator("csid:x").type


def new_request_id() -> str:
    """Returns an id that no other request has."""
    return str(uuid.uuid4())


class Contacts:
    """The contacts of one space; made by `Client.contacts`."""

    def __init__(
        self,
        stubs: Stubs,
        space: Space,
        *,
        timeout_seconds: float,
        request_ids: Callable[[], str] = new_request_id,
    ) -> None:
        self._stubs = stubs
        self._space = space
        self._timeout_seconds = timeout_seconds
        self._new_request_id = request_ids

    def get(self, *datakeys: str, missing_too: bool = False, **whom: Unpack[Whom]) -> Contact:
        """Reads a contact with its heads; without datakeys all of its data.

        Raises:
            NotFoundError: nobody has these keys.
        """
        request = member_service.GetMemberRequest(
            space=self._space,
            keys=keys(whom),
            datakeys=datakeys or (EVERYTHING,),
            with_heads=True,
            missing_too=missing_too,
        )
        answer = self._call(self._stubs.members.GetMember, request)
        return Contact(answer.member, answer.resolution, answer.revision, answer.missing)

    def search(self, external_id: str) -> Contact | None:
        """Finds a contact by its external id alone (seed 004, search contacts)."""
        try:
            return self.get(external_id=external_id)
        except NotFoundError:
            return None

    def resolve(
        self,
        *,
        order: str = ORDER_DEFAULT,
        strict: bool = False,
        explain: bool = False,
        **whom: Unpack[Whom],
    ) -> Resolution:
        """Says who somebody is, and why; contact_id is 0 where it is nobody."""
        request = match_service.ResolveRequest(
            space=self._space,
            keys=keys(whom),
            policy=parse_order(order, strict=strict),
            explain=explain,
        )
        return self._call(self._stubs.matches.Resolve, request).resolution

    def add_or_update(self, changes: Changes = (), **step: Unpack[Step]) -> MemberOutcome:
        """Creates or changes a contact in one atomic step (seed 004, add/update a contact).

        Args:
            changes: {datakey: value} to set, or changes of `zmey.client.datakeys`.
            step: who it is, and how; addresses of nobody become identifiers of the contact.

        Raises:
            ConflictError: the condition, the version, or an identifier of somebody else.
            InvalidError: the request is wrong.
        """
        change = self._change(step, changes)
        request = member_service.SetMemberRequest(space=self._space, change=change)
        return self._call(self._stubs.members.SetMember, request).outcome

    def update(
        self, contact_id: int, changes: Changes = (), *, external_id: str | None = None
    ) -> MemberOutcome:
        """Changes a contact by its number and gives it an external id (seed 004, update contact).

        Raises:
            ConflictError: the external id belongs to another contact.
            NotFoundError: there is no such contact.
        """
        step = Step(contact_id=contact_id, if_exists="must", order="contact-id")
        if external_id is not None:
            step["external_id"] = external_id
        return self.add_or_update(changes, **step)

    def subscribe(self, changes: Changes = (), **step: Unpack[Step]) -> MemberOutcome:
        """Subscribes a contact, found by external id > e-mail > phone (seed 004, subscribe)."""
        return self.add_or_update(changes, **(step | Step(order="subscribe")))

    def add_or_update_many(
        self, steps: Iterable[tuple[Step, Changes]]
    ) -> Iterator[MemberOutcome | ZmeyError]:
        """Creates or changes many contacts, each in a step of its own; answers in their order.

        A step that is refused is answered by its error and spoils no other. At most 1,000 steps are
        sent in one call, whose commit they share.
        """
        remaining = iter(steps)
        while batch := list(itertools.islice(remaining, BATCH_STEPS)):
            request = member_service.SetMemberBatchRequest(
                space=self._space, changes=[self._change(*step) for step in batch]
            )
            answer = self._call(self._stubs.members.SetMemberBatch, request)
            for result in answer.results:
                has_fault = result.HasField("fault")
                yield error_of_item(result.fault) if has_fault else result.outcome

    def attach(
        self, head: str, whom: Whom, *, newbie_confirm: bool = False, **write: Unpack[Write]
    ) -> head_service.HeadOutcome:
        """Gives a contact one more identifier, "type:value".

        Raises:
            ConflictError: somebody else has it.
        """
        request = head_service.AttachHeadRequest(
            space=self._space,
            keys=keys(whom),
            head=parse_locator(head),
            newbie_confirm=newbie_confirm,
            options=self._options(write),
        )
        return self._call(self._stubs.heads.AttachHead, request).outcome

    def detach(
        self, head: str, *, split: bool = False, **write: Unpack[Write]
    ) -> head_service.HeadOutcome:
        """Takes an identifier, "type:value", from its contact; `split` makes it a contact.

        Raises:
            ConflictError: it is the last one of its contact.
        """
        request = head_service.DetachHeadRequest(
            space=self._space,
            head=HeadKey(address=parse_locator(head)),
            split=split,
            options=self._options(write),
        )
        return self._call(self._stubs.heads.DetachHead, request).outcome

    def replace(self, current: str, head: str, **write: Unpack[Write]) -> head_service.HeadOutcome:
        """Gives a contact one identifier in place of another, in one step."""
        request = head_service.ReplaceHeadRequest(
            space=self._space,
            current=HeadKey(address=parse_locator(current)),
            head=parse_locator(head),
            options=self._options(write),
        )
        return self._call(self._stubs.heads.ReplaceHead, request).outcome

    def merge(
        self,
        receiver: Whom,
        source: Whom,
        /,
        *,
        heads: Literal["none", "transplant", "decapitate", "replace"] = "transplant",
        data_rule: DataRule | None = None,
        **write: Unpack[Write],
    ) -> MergeOutcome:
        """Brings one contact's data and identifiers to another.

        Args:
            receiver: who gets them.
            source: who gives them.
            heads: "none", "transplant", "decapitate" or "replace".
            data_rule: what happens to data; without one, what only the source has is copied.
        """
        request = member_service.MergeMembersRequest(
            space=self._space,
            receiver=keys(receiver),
            source=keys(source),
            head_rule=f"MERGE_HEAD_RULE_{heads.upper()}",
            data_rule=data_rule,
            options=self._options(write),
        )
        return self._call(self._stubs.members.MergeMembers, request).outcome

    def unmerge(self, merge_id: int, **write: Unpack[Write]) -> UnmergeOutcome:
        """Undoes a merge; what was changed since stays and is listed."""
        request = member_service.UnmergeMembersRequest(
            space=self._space, merge_id=merge_id, options=self._options(write)
        )
        return self._call(self._stubs.members.UnmergeMembers, request).outcome

    def merges(self, contact_id: int) -> Iterator[Merge]:
        """Lists the merges of a contact, oldest first."""
        after_merge_id = 0
        while True:
            request = member_service.ListMergesRequest(
                space=self._space,
                contact_id=contact_id,
                after_merge_id=after_merge_id,
                page_size=PAGE_SIZE,
            )
            page = self._call(self._stubs.members.ListMerges, request)
            yield from page.merges
            if len(page.merges) < PAGE_SIZE:
                return
            after_merge_id = page.merges[-1].merge_id

    def delete(self, contact_id: int, **write: Unpack[Write]) -> bool:
        """Deletes a contact, who can be restored for a while; returns whether it was there."""
        request = member_service.DeleteMembersRequest(
            space=self._space,
            members=[member_service.MemberKey(contact_id=contact_id)],
            options=self._options(write),
        )
        return self._call(self._stubs.members.DeleteMembers, request).outcome.results[0].deleted

    def restore(self, contact_id: int, **write: Unpack[Write]) -> member_service.RestoreOutcome:
        """Brings a deleted contact back under its number.

        Raises:
            NotFoundError: it was never deleted, or too long ago.
        """
        request = member_service.RestoreMemberRequest(
            space=self._space,
            member=member_service.MemberKey(contact_id=contact_id),
            options=self._options(write),
        )
        return self._call(self._stubs.members.RestoreMember, request).outcome

    def erase(self, contact_id: int, **write: Unpack[Write]) -> EraseOutcome:
        """Removes a contact for ever, with its history and all that was merged into it.

        It is gone at once; `erasure` tells when its last remains are.

        Raises:
            NotFoundError: there is no such contact.
        """
        request = member_service.EraseMemberRequest(
            space=self._space,
            member=member_service.MemberKey(contact_id=contact_id),
            options=self._options(write),
        )
        return self._call(self._stubs.members.EraseMember, request).outcome

    def erasure(self, erasure_id: int) -> Erasure:
        """Reads the proof of an erasure; `finished_seconds` is 0 as long as it goes on.

        Raises:
            NotFoundError: there was none with this number.
        """
        request = member_service.GetErasureRequest(space=self._space, erasure_id=erasure_id)
        return self._call(self._stubs.members.GetErasure, request).erasure

    def explain(
        self, *, revision: int | None = None, request_id: str | None = None
    ) -> match_service.ExplainDecisionResponse:
        """Tells why a change was made, by its revision or for a day by the id of its request.

        Raises:
            NotFoundError: there was no such change or request.
        """
        request = match_service.ExplainDecisionRequest(
            space=self._space, revision=revision, request_id=request_id
        )
        return self._call(self._stubs.matches.ExplainDecision, request)

    def record(self, events: Iterable[HeadEvent], **write: Unpack[Write]) -> list[HeadEventResult]:
        """Records what happened to identifiers: deliveries, stop lists, clicks.

        Each event is answered by itself, in the order given; its `fault` says why one was refused.
        At most 10,000 events.
        """
        request = head_service.RecordHeadEventsRequest(
            space=self._space, events=events, options=self._options(write)
        )
        return list(self._call(self._stubs.heads.RecordHeadEvents, request).outcome.results)

    def _options(self, write: Write) -> WriteOptions:
        refuse_unknown(write, Write)
        return WriteOptions(
            expected_version=write.get("expected_version"),
            source=write.get("source", ""),
            request_id=write.get("request_id") or self._new_request_id(),
        )

    def _change(self, step: Step, changes: Changes) -> MemberChange:
        refuse_unknown(step, Step)
        whom = {name: value for name, value in step.items() if name in Whom.__annotations__}
        return MemberChange(
            keys=keys(cast("Whom", whom)),
            policy=parse_order(step.get("order", ORDER_DEFAULT), strict=step.get("strict", False)),
            if_exists=_IF_EXISTS[step.get("if_exists", "update")],
            datakeys=datakey_changes(changes),
            heads=[_head(head) for head in step.get("heads", ())],
            expected_version=step.get("expected_version"),
            newbie_confirm=step.get("newbie_confirm", False),
            source=step.get("source", ""),
            request_id=step.get("request_id") or self._new_request_id(),
            return_fresh=step.get("fresh", False),
        )

    def _call(self, method: Callable[..., Answer], request: Message) -> Answer:
        with errors_of_calls():
            return method(request, timeout=self._timeout_seconds)


def _head(head: str | HeadAttach) -> HeadAttach:
    return HeadAttach(head=parse_locator(head)) if isinstance(head, str) else head
