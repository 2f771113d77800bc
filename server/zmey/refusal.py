"""A refusal that Python code decides: it reaches the client like one of the core."""

from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

from zmey._native import code_of_reason
from zmey.v1.error_reason_pb2 import ErrorReason

DOMAIN = "zmey"
CODES = {code.value[0]: code for code in grpc.StatusCode}


class RefusedError(Exception):
    """A call or an import that cannot be done as it was asked for.

    Attributes:
        reason: why, as the contract names it; it decides the gRPC status code.
        message: a sentence for people, without personal data and secrets.
        details: what a program can read.
    """

    def __init__(
        self, reason: ErrorReason, message: str, details: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = dict(details or {})

    def status(self) -> bytes:
        """Returns the encoded google.rpc.Status."""
        return encode_status(self.reason, self.message, self.details)


def code_of(reason: ErrorReason) -> grpc.StatusCode:
    """Returns the gRPC status code of a reason, which the core decides for the whole product."""
    return CODES[code_of_reason(reason)]


def encode_status(reason: ErrorReason, message: str, details: Mapping[str, str]) -> bytes:
    """Encodes a google.rpc.Status with its google.rpc.ErrorInfo."""
    name = ErrorReason.Name(reason)
    info = error_details_pb2.ErrorInfo(reason=name, domain=DOMAIN, metadata=dict(details))
    packed = AnyMessage()
    packed.Pack(info)
    status = status_pb2.Status(code=code_of_reason(reason), message=message, details=[packed])
    encoded: bytes = status.SerializeToString()
    return encoded
