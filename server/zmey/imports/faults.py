"""What failures of the core, and unforeseen ones, mean for an import that runs."""

import secrets

import grpc

from zmey._native import CoreError
from zmey.client.faults import fault_of_status
from zmey.logs import get_logger
from zmey.refusal import RefusedError
from zmey.v1 import error_reason_pb2 as reasons

REQUEST_ID_BYTES = 16
# With these the core is at fault or has too much to do, and not the import.
_PASSING_CODES = frozenset(
    code.value[0]
    for code in (
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.UNAVAILABLE,
    )
)
# The index of a field that was declared a moment ago.
_BUILDING = "ERROR_REASON_FIELD_BUILDING"
_ENDED_REASONS = frozenset({"ERROR_REASON_IMPORT_ENDED", "ERROR_REASON_IMPORT_UNKNOWN"})


def is_passing(error: CoreError) -> bool:
    """Tells whether the same call may be answered later."""
    return error.code in _PASSING_CODES or _reason_of(error) == _BUILDING


def is_of_ended_import(error: CoreError) -> bool:
    """Tells whether there is nothing more to do for the import."""
    return _reason_of(error) in _ENDED_REASONS


def _reason_of(error: CoreError) -> str:
    return fault_of_status(error.code, error.message, error.status).reason


def unforeseen(error: Exception, job_id: int) -> RefusedError:
    """Logs what nobody foresaw; its text is for operators only."""
    request_id = secrets.token_hex(REQUEST_ID_BYTES)
    get_logger().error("import failed", operation=job_id, request_id=request_id, exc_info=error)
    return RefusedError(
        reasons.ERROR_REASON_INTERNAL,
        "internal error",
        {"request_id": request_id},
    )
