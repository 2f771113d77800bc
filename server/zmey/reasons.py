"""Names of reasons as people see them."""

from zmey.v1.error_reason_pb2 import ErrorReason

_PREFIX = "ERROR_REASON_"


def reason_name(reason: ErrorReason) -> str:
    """Returns the name of a reason without its prefix, also of one newer than this program."""
    try:
        return ErrorReason.Name(reason).removeprefix(_PREFIX)
    except ValueError:
        return f"REASON_{reason}"
