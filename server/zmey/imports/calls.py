"""The unary methods of imports that the server runs, by their full names."""

from collections.abc import Callable
from typing import Any

from google.longrunning import operations_pb2 as lro
from google.protobuf.message import DecodeError, Message

from zmey.imports.service import ImportOperations
from zmey.refusal import RefusedError
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.import_job_pb2 import ProbeImportRequest, StartImportRequest

_IMPORTS = "/zmey.v1.ImportService/"
_OPERATIONS = "/google.longrunning.Operations/"

# Answers a request that has so many seconds left.
Answer = Callable[[Any, float | None], Message]


class ImportCalls:
    """Answers encoded requests with encoded answers, as the core does for its own methods."""

    def __init__(self, imports: ImportOperations) -> None:
        # Each with the type of its request.
        self._methods: dict[str, tuple[type[Message], Answer]] = {
            _IMPORTS + "StartImport": (StartImportRequest, imports.start),
            _IMPORTS + "ProbeImport": (ProbeImportRequest, imports.probe),
            _OPERATIONS + "GetOperation": (lro.GetOperationRequest, imports.get_operation),
            _OPERATIONS + "ListOperations": (lro.ListOperationsRequest, imports.list_operations),
            _OPERATIONS + "WaitOperation": (lro.WaitOperationRequest, imports.wait_operation),
            _OPERATIONS + "CancelOperation": (lro.CancelOperationRequest, imports.cancel_operation),
            _OPERATIONS + "DeleteOperation": (lro.DeleteOperationRequest, imports.delete_operation),
        }

    def methods(self) -> list[str]:
        """Returns the full names of the methods."""
        return list(self._methods)

    def call(self, method: str, request: bytes, deadline_seconds: float | None = None) -> bytes:
        """Answers one call.

        Raises:
            RefusedError: it cannot be done as it was asked for.
            CoreError: the core refuses it.
        """
        request_type, answer = self._methods[method]
        return answer(decoded(request_type, request), deadline_seconds).SerializeToString()


def decoded(kind: type[Message], content: bytes) -> Any:
    """Decodes a request.

    Raises:
        RefusedError: it is no such message.
    """
    try:
        return kind.FromString(content)
    except DecodeError as error:
        raise RefusedError(
            reasons.ERROR_REASON_REQUEST_MALFORMED,
            "The request is not a valid message of this method.",
        ) from error
