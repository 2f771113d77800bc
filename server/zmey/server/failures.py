"""How a failed call leaves the server: status, message and details, and nothing else.

A refusal of the core goes out as the core wrote it. Anything unforeseen goes out as INTERNAL with
a fresh request id; what really happened is only in the log, under that id.
"""

import secrets
from dataclasses import dataclass
from typing import NoReturn

import grpc
from google.protobuf.message import DecodeError
from google.rpc import error_details_pb2, status_pb2

from zmey._native import CoreError
from zmey.refusal import CODES, RefusedError, code_of, encode_status
from zmey.v1 import error_reason_pb2 as reasons

DETAILS_TRAILER = "grpc-status-details-bin"
INTERNAL_MESSAGE = "internal error"
REQUEST_ID_BYTES = 16


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed call as the client sees it, with what the log line needs.

    Attributes:
        code: the gRPC status code.
        message: a sentence for people.
        status: the encoded google.rpc.Status.
        reason: the name of the ErrorReason.
        request_id: names the failure in the log.
    """

    code: grpc.StatusCode
    message: str
    status: bytes
    reason: str
    request_id: str


def failure(
    reason: reasons.ErrorReason, message: str, details: dict[str, str] | None = None
) -> Failure:
    """Makes a failure that Python code decides, such as one of the transport itself."""
    status = encode_status(reason, message, details or {})
    name = reasons.ErrorReason.Name(reason)
    return Failure(code_of(reason), message, status, name, _new_request_id())


def failure_of(error: BaseException) -> Failure:
    """Says what a client may know about an exception."""
    if isinstance(error, CoreError):
        code = CODES.get(error.code, grpc.StatusCode.INTERNAL)
        if code is not grpc.StatusCode.INTERNAL:
            reason = _reason(error.status)
            return Failure(code, error.message, error.status, reason, _new_request_id())
    if isinstance(error, RefusedError):
        return failure(error.reason, error.message, error.details)
    return internal_failure()


def internal_failure() -> Failure:
    """Makes the failure that tells nothing but a request id."""
    request_id = _new_request_id()
    reason = reasons.ERROR_REASON_INTERNAL
    status = encode_status(reason, INTERNAL_MESSAGE, {"request_id": request_id})
    name = reasons.ErrorReason.Name(reason)
    return Failure(code_of(reason), INTERNAL_MESSAGE, status, name, request_id)


def shutting_down() -> Failure:
    """Makes the failure of a call that the drain ends."""
    return failure(
        reasons.ERROR_REASON_SHUTTING_DOWN,
        "The server is shutting down; what was acknowledged is durable, send the rest again.",
    )


def abort(context: grpc.ServicerContext, failed: Failure) -> NoReturn:
    """Ends a call with a failure."""
    context.set_trailing_metadata(((DETAILS_TRAILER, failed.status),))
    context.abort(failed.code, failed.message)


def _reason(status: bytes) -> str:
    """Reads the reason for the log out of an encoded google.rpc.Status."""
    info = error_details_pb2.ErrorInfo()
    try:
        for detail in status_pb2.Status.FromString(status).details:
            if detail.Unpack(info):
                return str(info.reason)
    except DecodeError:
        return "ERROR_REASON_UNREADABLE"
    return "ERROR_REASON_UNSPECIFIED"


def _new_request_id() -> str:
    return secrets.token_hex(REQUEST_ID_BYTES)
