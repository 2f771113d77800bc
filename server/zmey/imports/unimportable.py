"""What a probe answers for a file that no import could read: a warning, as seed 002 wants it.

Errors are about the call: an unknown space, a place that the server does not visit or reach.
"""

from typing import cast

from zmey._native import CoreError
from zmey.client.faults import fault_of_status
from zmey.refusal import RefusedError
from zmey.sources import SourceError
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.import_job_pb2 import ProbeImportResponse
from zmey.v1.member_pb2 import Warning as FileWarning

# Faults of what is in files and in request.json.
_OF_FILES = frozenset(
    {
        reasons.ERROR_REASON_IMPORT_CHARSET_MISFIT,
        reasons.ERROR_REASON_IMPORT_EMPTY,
        reasons.ERROR_REASON_IMPORT_QUOTE_OPEN,
        reasons.ERROR_REASON_IMPORT_QUOTE_STRAY,
        reasons.ERROR_REASON_IMPORT_SHAPE_UNKNOWN,
        reasons.ERROR_REASON_IMPORT_SHEET_UNKNOWN,
        reasons.ERROR_REASON_IMPORT_SPREADSHEET_INVALID,
        reasons.ERROR_REASON_REQUEST_FILE_INVALID,
        reasons.ERROR_REASON_SOURCE_FILE_INVALID,
        reasons.ERROR_REASON_UNPACK_LIMIT,
    }
)


def unimportable(error: SourceError | RefusedError | CoreError) -> ProbeImportResponse | None:
    """Answers for a file with such a fault; None where the error is about the call."""
    warning = _of_core(error) if isinstance(error, CoreError) else _told(error)
    if warning.reason not in _OF_FILES:
        return None
    return ProbeImportResponse(cannot_import=True, warnings=[warning])


def _told(error: SourceError | RefusedError) -> FileWarning:
    return FileWarning(reason=error.reason, message=error.message, details=error.details)


def _of_core(error: CoreError) -> FileWarning:
    fault = fault_of_status(error.code, error.message, error.status)
    known = reasons.ErrorReason.Value(fault.reason or "ERROR_REASON_UNSPECIFIED")
    reason = cast("reasons.ErrorReason", known)
    return FileWarning(reason=reason, message=fault.message, details=fault.details)
