"""One core in this process, called through its real border with typed requests.

`open_core` builds one on the memory engine, or on LMDB where a path is given; `Api` has one method
for each RPC; `fault_of` and `expect_fault` decode what a refused call carries.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2

from support.contract import REASON_CODES
from zmey._native import Core, CoreError
from zmey.config import CoreConfig, FieldConfig, SpaceConfig
from zmey.v1 import admin_service_pb2 as admin
from zmey.v1 import erasure_pb2 as erasures
from zmey.v1 import error_reason_pb2 as errors
from zmey.v1 import head_event_pb2 as head_events
from zmey.v1 import head_service_pb2 as head_service
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service
from zmey.v1 import origin_service_pb2 as origin_service
from zmey.v1.address_pb2 import Address
from zmey.v1.policy_pb2 import SpacePolicy
from zmey.v1.space_pb2 import Space

__all__ = [
    "OTHER_SPACE",
    "SPACE",
    "Api",
    "SeenFault",
    "attempt",
    "check_fault",
    "expect_fault",
    "fault_in_answer",
    "fault_of",
    "open_api",
    "open_core",
    "space_config",
    "warnings_of",
]

MATCH = "/zmey.v1.MatchService/"
MEMBER = "/zmey.v1.MemberService/"
HEAD = "/zmey.v1.HeadService/"
ORIGIN = "/zmey.v1.OriginService/"
ADMIN = "/zmey.v1.AdminService/"
SPACE = Space(account_id=1, db_id=1)
OTHER_SPACE = Space(account_id=1, db_id=2)
MIB = 1024 * 1024
# Ten seconds at least.
ERASURE_POLLS_MAX = 1_000

Answer = TypeVar("Answer", bound=Message)
Result = TypeVar("Result")


@dataclass(frozen=True)
class SeenFault:
    """What a caller sees of a refusal, of a whole call or of one item of a batch."""

    reason: str
    message: str
    details: dict[str, str] = field(default_factory=dict)
    code: int | None = None


def space_config(db_id: int = 1, **changes: Any) -> SpaceConfig:
    """Describes a space: Russian phones, national e-mail, UTC, unless changed."""
    described: dict[str, Any] = {
        "account_id": 1,
        "db_id": db_id,
        "default_region": "RU",
        "phone_rule": "valid",
        "email_national_domains": True,
        "email_national_local_parts": True,
        "blocked": {},
        "time_zone": "UTC",
        "fields": (),
    }
    return SpaceConfig(**(described | changes))


def open_core(
    spaces: Sequence[SpaceConfig] = (), store_path: Path | None = None, **changes: Any
) -> Core:
    """Opens a core; without spaces it serves SPACE and OTHER_SPACE."""
    described: dict[str, Any] = {
        "store_path": None if store_path is None else str(store_path),
        "map_bytes_initial": 16 * MIB,
        "map_bytes_max": 1024 * MIB,
        "readers_max": 126,
        "commit_rows_max": 100_000,
        "commit_bytes_max": 64 * MIB,
        "import_window_bytes": 64 * MIB,
        "spaces": tuple(spaces) or (space_config(1), space_config(2)),
    }
    return Core(CoreConfig(**(described | changes)))


def open_api(*fields: FieldConfig, **changes: Any) -> "Api":
    """Opens a core on the memory engine with SPACE described by `changes`, and OTHER_SPACE."""
    return Api(open_core((space_config(1, fields=fields, **changes), space_config(2))))


@dataclass(frozen=True)
class Api:
    """Every unary RPC of one core as a method; SPACE unless `space` says otherwise."""

    core: Core
    space: Space = field(default_factory=lambda: SPACE)

    def call(self, method: str, request: Message, answer: type[Answer]) -> Answer:
        """Encodes a request, calls the core and decodes the answer."""
        return answer.FromString(self.core.call(method, request.SerializeToString()))

    def set_member(
        self, change: member.MemberChange, *, validate_only: bool = False
    ) -> member.MemberOutcome:
        """MemberService.SetMember."""
        request = member_service.SetMemberRequest(
            space=self.space, change=change, validate_only=validate_only
        )
        answer = self.call(MEMBER + "SetMember", request, member_service.SetMemberResponse)
        return answer.outcome

    def set_members(
        self, changes: Sequence[member.MemberChange], **options: bool
    ) -> member_service.SetMemberBatchResponse:
        """MemberService.SetMemberBatch; options are further fields of the request."""
        request = member_service.SetMemberBatchRequest(space=self.space, changes=changes, **options)
        return self.call(MEMBER + "SetMemberBatch", request, member_service.SetMemberBatchResponse)

    def get_member(
        self, keys: matching.MatchKeys, *datakeys: str, **options: Any
    ) -> member_service.GetMemberResponse:
        """MemberService.GetMember; options are further fields of the request."""
        request = member_service.GetMemberRequest(
            space=self.space, keys=keys, datakeys=datakeys, **options
        )
        return self.call(MEMBER + "GetMember", request, member_service.GetMemberResponse)

    def get_dataset(
        self, dataset_id: int, *datakeys: str, **options: Any
    ) -> member_service.GetDatasetResponse:
        """MemberService.GetDataset."""
        request = member_service.GetDatasetRequest(
            space=self.space, dataset_id=dataset_id, datakeys=datakeys, **options
        )
        return self.call(MEMBER + "GetDataset", request, member_service.GetDatasetResponse)

    def members_exist(
        self, addresses: Sequence[Address], **options: Any
    ) -> member_service.MembersExistResponse:
        """MemberService.MembersExist."""
        request = member_service.MembersExistRequest(
            space=self.space, addresses=addresses, **options
        )
        return self.call(MEMBER + "MembersExist", request, member_service.MembersExistResponse)

    def find_members(self, value: str, **options: Any) -> member_service.FindMembersResponse:
        """MemberService.FindMembers."""
        request = member_service.FindMembersRequest(space=self.space, value=value, **options)
        return self.call(MEMBER + "FindMembers", request, member_service.FindMembersResponse)

    def list_heads(
        self, keys: matching.MatchKeys, **options: Any
    ) -> head_service.ListHeadsResponse:
        """HeadService.ListHeads."""
        request = head_service.ListHeadsRequest(space=self.space, keys=keys, **options)
        return self.call(HEAD + "ListHeads", request, head_service.ListHeadsResponse)

    def attach_head(
        self, keys: matching.MatchKeys, head: Address | None, **options: Any
    ) -> head_service.AttachHeadResponse:
        """HeadService.AttachHead."""
        request = head_service.AttachHeadRequest(space=self.space, keys=keys, head=head, **options)
        return self.call(HEAD + "AttachHead", request, head_service.AttachHeadResponse)

    def detach_head(
        self, head: member.HeadKey | None, **options: Any
    ) -> head_service.DetachHeadResponse:
        """HeadService.DetachHead."""
        request = head_service.DetachHeadRequest(space=self.space, head=head, **options)
        return self.call(HEAD + "DetachHead", request, head_service.DetachHeadResponse)

    def replace_head(
        self, current: member.HeadKey | None, head: Address | None, **options: Any
    ) -> head_service.ReplaceHeadResponse:
        """HeadService.ReplaceHead."""
        request = head_service.ReplaceHeadRequest(
            space=self.space, current=current, head=head, **options
        )
        return self.call(HEAD + "ReplaceHead", request, head_service.ReplaceHeadResponse)

    def record_head_events(
        self, *events: head_events.HeadEvent, **options: Any
    ) -> head_service.RecordHeadEventsResponse:
        """HeadService.RecordHeadEvents."""
        request = head_service.RecordHeadEventsRequest(space=self.space, events=events, **options)
        return self.call(HEAD + "RecordHeadEvents", request, head_service.RecordHeadEventsResponse)

    def define_origin(self, label: str, **options: Any) -> origin_service.DefineOriginResponse:
        """OriginService.DefineOrigin."""
        request = origin_service.DefineOriginRequest(space=self.space, label=label, **options)
        return self.call(ORIGIN + "DefineOrigin", request, origin_service.DefineOriginResponse)

    def list_origins(self) -> origin_service.ListOriginsResponse:
        """OriginService.ListOrigins."""
        request = origin_service.ListOriginsRequest(space=self.space)
        return self.call(ORIGIN + "ListOrigins", request, origin_service.ListOriginsResponse)

    def delete_origin(self, number: int, **options: Any) -> origin_service.DeleteOriginResponse:
        """OriginService.DeleteOrigin."""
        request = origin_service.DeleteOriginRequest(space=self.space, number=number, **options)
        return self.call(ORIGIN + "DeleteOrigin", request, origin_service.DeleteOriginResponse)

    def merge_members(
        self, receiver: matching.MatchKeys | None, source: matching.MatchKeys | None, **options: Any
    ) -> member_service.MergeMembersResponse:
        """MemberService.MergeMembers."""
        request = member_service.MergeMembersRequest(
            space=self.space, receiver=receiver, source=source, **options
        )
        return self.call(MEMBER + "MergeMembers", request, member_service.MergeMembersResponse)

    def unmerge_members(
        self, merge_id: int, **options: Any
    ) -> member_service.UnmergeMembersResponse:
        """MemberService.UnmergeMembers."""
        request = member_service.UnmergeMembersRequest(
            space=self.space, merge_id=merge_id, **options
        )
        return self.call(MEMBER + "UnmergeMembers", request, member_service.UnmergeMembersResponse)

    def delete_members(
        self, *members: member_service.MemberKey, **options: Any
    ) -> member_service.DeleteMembersResponse:
        """MemberService.DeleteMembers."""
        request = member_service.DeleteMembersRequest(space=self.space, members=members, **options)
        return self.call(MEMBER + "DeleteMembers", request, member_service.DeleteMembersResponse)

    def restore_member(
        self, who: member_service.MemberKey | None, **options: Any
    ) -> member_service.RestoreMemberResponse:
        """MemberService.RestoreMember."""
        request = member_service.RestoreMemberRequest(space=self.space, member=who, **options)
        return self.call(MEMBER + "RestoreMember", request, member_service.RestoreMemberResponse)

    def erase_member(
        self, who: member_service.MemberKey | None, **options: Any
    ) -> member_service.EraseMemberResponse:
        """MemberService.EraseMember."""
        request = member_service.EraseMemberRequest(space=self.space, member=who, **options)
        return self.call(MEMBER + "EraseMember", request, member_service.EraseMemberResponse)

    def get_erasure(self, erasure_id: int, **options: Any) -> erasures.Erasure:
        """MemberService.GetErasure without the revision."""
        request = member_service.GetErasureRequest(
            space=self.space, erasure_id=erasure_id, **options
        )
        answer = self.call(MEMBER + "GetErasure", request, member_service.GetErasureResponse)
        return answer.erasure

    def finished_erasure(self, erasure_id: int) -> erasures.Erasure:
        """Waits until nothing of an erased member is left, and answers the proof."""
        for _ in range(ERASURE_POLLS_MAX):
            erasure = self.get_erasure(erasure_id)
            if erasure.finished_seconds:
                return erasure
            time.sleep(0.01)
        message = f"erasure {erasure_id} does not end"
        raise AssertionError(message)

    def list_merges(self, contact_id: int, **options: Any) -> member_service.ListMergesResponse:
        """MemberService.ListMerges."""
        request = member_service.ListMergesRequest(
            space=self.space, contact_id=contact_id, **options
        )
        return self.call(MEMBER + "ListMerges", request, member_service.ListMergesResponse)

    def list_spaces(self) -> admin.ListSpacesResponse:
        """AdminService.ListSpaces."""
        return self.call(ADMIN + "ListSpaces", admin.ListSpacesRequest(), admin.ListSpacesResponse)

    def get_policy(self) -> admin.SpaceState:
        """AdminService.GetPolicy."""
        request = admin.GetPolicyRequest(space=self.space)
        return self.call(ADMIN + "GetPolicy", request, admin.GetPolicyResponse).state

    def update_policy(
        self, policy: SpacePolicy | None, **options: Any
    ) -> admin.UpdatePolicyResponse:
        """AdminService.UpdatePolicy."""
        request = admin.UpdatePolicyRequest(space=self.space, policy=policy, **options)
        return self.call(ADMIN + "UpdatePolicy", request, admin.UpdatePolicyResponse)

    def reset_policy(self, **options: Any) -> admin.ResetPolicyResponse:
        """AdminService.ResetPolicy."""
        request = admin.ResetPolicyRequest(space=self.space, **options)
        return self.call(ADMIN + "ResetPolicy", request, admin.ResetPolicyResponse)

    def simulate_policy(
        self, policy: SpacePolicy | None, **options: Any
    ) -> admin.SimulatePolicyResponse:
        """AdminService.SimulatePolicy."""
        request = admin.SimulatePolicyRequest(space=self.space, policy=policy, **options)
        return self.call(ADMIN + "SimulatePolicy", request, admin.SimulatePolicyResponse)

    def resolve_full(
        self,
        keys: matching.MatchKeys,
        policy: matching.MatchPolicy | None = None,
        *,
        explain: bool = False,
        min_revision: int = 0,
    ) -> match_service.ResolveResponse:
        """MatchService.Resolve."""
        request = match_service.ResolveRequest(
            space=self.space, keys=keys, policy=policy, explain=explain, min_revision=min_revision
        )
        return self.call(MATCH + "Resolve", request, match_service.ResolveResponse)

    def resolve(
        self,
        keys: matching.MatchKeys,
        policy: matching.MatchPolicy | None = None,
        *,
        explain: bool = False,
    ) -> matching.Resolution:
        """MatchService.Resolve without the revision."""
        return self.resolve_full(keys, policy, explain=explain).resolution

    def resolve_batch(
        self,
        items: Sequence[matching.MatchKeys],
        policy: matching.MatchPolicy | None = None,
        **options: Any,
    ) -> match_service.ResolveBatchResponse:
        """MatchService.ResolveBatch."""
        request = match_service.ResolveBatchRequest(
            space=self.space, items=items, policy=policy, **options
        )
        return self.call(MATCH + "ResolveBatch", request, match_service.ResolveBatchResponse)

    def explain_decision(self, **decision: Any) -> match_service.ExplainDecisionResponse:
        """MatchService.ExplainDecision of a revision, a request_id or a change."""
        request = match_service.ExplainDecisionRequest(space=self.space, **decision)
        answer = match_service.ExplainDecisionResponse
        return self.call(MATCH + "ExplainDecision", request, answer)

    def normalize(self, addresses: Sequence[Address]) -> match_service.NormalizeResponse:
        """MatchService.Normalize."""
        request = match_service.NormalizeRequest(space=self.space, addresses=addresses)
        return self.call(MATCH + "Normalize", request, match_service.NormalizeResponse)


def fault_of(error: CoreError) -> SeenFault:
    """Decodes the google.rpc.Status of a refused call."""
    status = status_pb2.Status.FromString(error.status)
    assert status.code == error.code
    info = error_details_pb2.ErrorInfo()
    assert [detail.Unpack(info) for detail in status.details] == [True]
    assert info.domain == "zmey"
    return SeenFault(
        info.reason.removeprefix("ERROR_REASON_"), error.message, dict(info.metadata), error.code
    )


def fault_in_answer(fault: Any) -> SeenFault:
    """Reads the fault of one item of a batch, or a warning."""
    name = errors.ErrorReason.Name(fault.reason).removeprefix("ERROR_REASON_")
    return SeenFault(name, fault.message, dict(fault.details))


def warnings_of(answer: Any) -> list[SeenFault]:
    """Reads the warnings of an outcome or another answer that has them."""
    return [fault_in_answer(warning) for warning in answer.warnings]


def attempt(call: Callable[[], Result]) -> Result | SeenFault:
    """Calls, and answers a refusal as a value."""
    try:
        return call()
    except CoreError as error:
        return fault_of(error)


@contextmanager
def expect_fault(*reasons: str, **details: str) -> Iterator[None]:
    """Expects a refusal with one of the reasons, its documented code and at least these details."""
    try:
        yield
    except CoreError as error:
        fault = fault_of(error)
    else:
        message = f"nothing was refused; expected {' or '.join(reasons)}"
        raise AssertionError(message)
    check_fault(fault, *reasons, **details)


def check_fault(fault: object, *reasons: str, **details: str) -> None:
    """Checks the reason, the code which the contract documents for it, and some details."""
    assert isinstance(fault, SeenFault), fault
    assert fault.reason in reasons, fault
    assert fault.message, fault
    if fault.code is not None:
        assert fault.code == REASON_CODES[fault.reason], fault
    assert fault.details | details == fault.details, fault
