"""A refusal that Python code decides: it reaches the client like one of the core."""

from collections.abc import Mapping

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc import error_details_pb2, status_pb2

DOMAIN = "zmey"


class RefusedError(Exception):
    """A call or an import that cannot be done as it was asked for.

    Attributes:
        code: the gRPC status code.
        reason: the name of the ErrorReason.
        message: a sentence for people, without personal data and secrets.
        details: what a program can read.
    """

    def __init__(
        self,
        code: grpc.StatusCode,
        reason: str,
        message: str,
        details: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = dict(details or {})

    def status(self) -> bytes:
        """Returns the encoded google.rpc.Status."""
        return encode_status(self.code, self.reason, self.message, self.details)


def encode_status(
    code: grpc.StatusCode, reason: str, message: str, details: Mapping[str, str]
) -> bytes:
    """Encodes a google.rpc.Status with its google.rpc.ErrorInfo."""
    info = error_details_pb2.ErrorInfo(reason=reason, domain=DOMAIN, metadata=dict(details))
    packed = AnyMessage()
    packed.Pack(info)
    status = status_pb2.Status(code=code.value[0], message=message, details=[packed])
    encoded: bytes = status.SerializeToString()
    return encoded
