"""Failed calls as they were meant.

`fault_of` reads what a raw stub's error carries. `Contacts` raises these instead:

    ZmeyError              any other code
    ├── NotFoundError      NOT_FOUND: nobody, nothing with that number
    ├── InvalidError       INVALID_ARGUMENT, OUT_OF_RANGE: repeating the call as it is never helps
    ├── ConflictError      ALREADY_EXISTS, FAILED_PRECONDITION, ABORTED: the state is another one
    ├── LimitError         RESOURCE_EXHAUSTED, ERROR_REASON_LIMIT_EXCEEDED: too much of a thing
    └── UnavailableError   UNAVAILABLE, DEADLINE_EXCEEDED: no answer; the call may be repeated
"""

import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from zmey.v1.error_reason_pb2 import ErrorReason, Fault

DETAILS_TRAILER = "grpc-status-details-bin"


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


class ZmeyError(Exception):
    """A call, or one item of a batch, was refused or failed.

    Attributes:
        reason: the name of the ErrorReason, such as "ERROR_REASON_HEAD_TAKEN", or "" where no
            server answered.
        message: a sentence for people.
        details: the names, values and limits in question.
    """

    def __init__(self, message: str, reason: str, details: dict[str, str]) -> None:
        super().__init__(f"{message} ({reason})" if reason else message)
        self.message = message
        self.reason = reason
        self.details = details


class NotFoundError(ZmeyError):
    """There is nobody, or nothing with that number."""


class InvalidError(ZmeyError):
    """The request is wrong as it is."""


class ConflictError(ZmeyError):
    """The state is another one than the request expects."""


class LimitError(ZmeyError):
    """There is too much of something: more than a bound allows, or than can be done now."""


class UnavailableError(ZmeyError):
    """There was no answer in time; the call may be repeated with the same request_id."""


_LIMIT = "ERROR_REASON_LIMIT_EXCEEDED"
_ERRORS: dict[grpc.StatusCode, type[ZmeyError]] = {
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.INVALID_ARGUMENT: InvalidError,
    grpc.StatusCode.OUT_OF_RANGE: InvalidError,
    grpc.StatusCode.ALREADY_EXISTS: ConflictError,
    grpc.StatusCode.FAILED_PRECONDITION: ConflictError,
    grpc.StatusCode.ABORTED: ConflictError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitError,
    grpc.StatusCode.UNAVAILABLE: UnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: UnavailableError,
}


def fault_of(error: grpc.RpcError) -> CallFault:
    """Reads the fault out of a failed call."""
    if not isinstance(error, grpc.Call | grpc.aio.AioRpcError):
        return CallFault(grpc.StatusCode.UNKNOWN, str(error), "", {})
    code, message = error.code(), error.details() or ""
    trailers: Iterable[Any] = error.trailing_metadata() or ()
    for key, value in trailers:
        if key == DETAILS_TRAILER and isinstance(value, bytes):
            info = _error_info(value)
            if info is not None:
                return CallFault(code, message, info.reason, dict(info.metadata))
    return CallFault(code, message, "", {})


@contextlib.contextmanager
def errors_of_calls() -> Iterator[None]:
    """Raises what a failed call means instead of gRPC's own error."""
    try:
        yield
    except grpc.RpcError as error:
        fault = fault_of(error)
        kind = LimitError if fault.reason == _LIMIT else _ERRORS.get(fault.code, ZmeyError)
        raise kind(fault.message, fault.reason, fault.details) from error


def error_of_item(fault: Fault) -> ZmeyError:
    """Returns why one item of a batch was refused. An item has a reason but no gRPC code."""
    reason = ErrorReason.Name(fault.reason)
    kind = LimitError if reason == _LIMIT else ZmeyError
    return kind(fault.message, reason, dict(fault.details))


def fault_of_status(code: int, message: str, status: bytes) -> CallFault:
    """Reads the fault of a core in the same process, which has no transport around it."""
    info = _error_info(status)
    name = next((one for one in grpc.StatusCode if one.value[0] == code), grpc.StatusCode.UNKNOWN)
    if info is None:
        return CallFault(name, message, "", {})
    return CallFault(name, message, info.reason, dict(info.metadata))


def _error_info(status: bytes) -> error_details_pb2.ErrorInfo | None:
    info = error_details_pb2.ErrorInfo()
    try:
        details = status_pb2.Status.FromString(status).details
        return info if any(detail.Unpack(info) for detail in details) else None
    except DecodeError:
        return None
