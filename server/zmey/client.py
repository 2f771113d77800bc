"""A thin client: a channel with the stubs of every service, and faults as they were meant."""

import json
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from zmey.v1 import (
    admin_service_pb2,
    admin_service_pb2_grpc,
    head_service_pb2,
    head_service_pb2_grpc,
    import_service_pb2,
    import_service_pb2_grpc,
    match_service_pb2,
    match_service_pb2_grpc,
    member_service_pb2,
    member_service_pb2_grpc,
)

DETAILS_TRAILER = "grpc-status-details-bin"

_CONTRACT = (
    admin_service_pb2.DESCRIPTOR,
    *(head_service_pb2.DESCRIPTOR, import_service_pb2.DESCRIPTOR),
    *(match_service_pb2.DESCRIPTOR, member_service_pb2.DESCRIPTOR),
)
# Five is the most that gRPC allows; the pauses between them make about a second and a half.
_RETRY_POLICY = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


@dataclass(frozen=True, slots=True)
class CallFault:
    """Why a call failed.

    Attributes:
        code: the gRPC status code.
        message: a sentence for people.
        reason: the name of the ErrorReason, or "" where the transport itself refused.
        details: the names, values and limits in question.
    """

    code: grpc.StatusCode
    message: str
    reason: str
    details: dict[str, str]


class Client:
    """A connection to one server; use it in a `with` statement.

    Calls that change nothing are repeated for about a second where the server is not there. Writes
    are not: give them a `request_id` and repeat them yourself, then they have one effect.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._channel = grpc.insecure_channel(address, options=_options())
        self.matches = match_service_pb2_grpc.MatchServiceStub(self._channel)
        self.members = member_service_pb2_grpc.MemberServiceStub(self._channel)
        self.heads = head_service_pb2_grpc.HeadServiceStub(self._channel)
        self.admin = admin_service_pb2_grpc.AdminServiceStub(self._channel)
        self.imports = import_service_pb2_grpc.ImportServiceStub(self._channel)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._channel.close()


def service_config(*contract: FileDescriptor) -> str:
    """Says which calls gRPC repeats: those that the contract marks as free of side effects."""
    names = [
        {"service": service.full_name, "method": method.name}
        for file in contract
        for service in file.services_by_name.values()
        for method in service.methods
        if method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
    ]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}]})


def _options() -> list[tuple[str, int | str]]:
    return [
        # Answers are bounded by the server; gRPC's own 4 MiB would cut off large batches.
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.service_config", service_config(*_CONTRACT)),
        # A repeated call fails at once while the channel waits to connect again.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]


def fault_of(error: grpc.RpcError) -> CallFault:
    """Reads the fault out of a failed call."""
    if not isinstance(error, grpc.Call):
        return CallFault(grpc.StatusCode.UNKNOWN, str(error), "", {})
    code, message = error.code(), error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_TRAILER and isinstance(value, bytes):
            info = _error_info(value)
            if info is not None:
                return CallFault(code, message, info.reason, dict(info.metadata))
    return CallFault(code, message, "", {})


def _error_info(status: bytes) -> error_details_pb2.ErrorInfo | None:
    info = error_details_pb2.ErrorInfo()
    try:
        details = status_pb2.Status.FromString(status).details
        return info if any(detail.Unpack(info) for detail in details) else None
    except DecodeError:
        return None
