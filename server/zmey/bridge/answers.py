"""What the result queue says of each message (seed 000, response parameters)."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import orjson

from zmey.bridge.translate import profile_id_of
from zmey.bridge.wording import is_wrong_field_value, worded
from zmey.v1.error_reason_pb2 import ErrorReason
from zmey.v1.member_pb2 import MemberChange, MemberOutcome

OK = 0
MALFORMED = 400
FORBIDDEN = 403
NOBODY = 404
CONFLICT = 409
INVALID = 422
LATER = 503

NO_DETAILS: Mapping[str, str] = MappingProxyType({})

# Whatever is not here is a value that is wrong: INVALID.
_CODES = {
    MALFORMED: (
        ErrorReason.ERROR_REASON_REQUEST_MALFORMED,
        ErrorReason.ERROR_REASON_FIELD_REQUIRED,
        ErrorReason.ERROR_REASON_FIELD_INVALID,
        ErrorReason.ERROR_REASON_FIELD_NOT_DECLARED,
        ErrorReason.ERROR_REASON_OPTIONS_CONFLICT,
        ErrorReason.ERROR_REASON_JSON_INVALID,
        ErrorReason.ERROR_REASON_JSON_TOO_DEEP,
    ),
    FORBIDDEN: (ErrorReason.ERROR_REASON_SPACE_UNKNOWN,),
    NOBODY: (
        ErrorReason.ERROR_REASON_MEMBER_MISSING,
        # Only by a field somebody is looked for without an address.
        ErrorReason.ERROR_REASON_MEMBER_NEEDS_ADDRESS,
    ),
    CONFLICT: (
        ErrorReason.ERROR_REASON_MATCH_CONFLICT,
        ErrorReason.ERROR_REASON_MATCH_AMBIGUOUS,
        ErrorReason.ERROR_REASON_FIELD_VALUE_TAKEN,
        ErrorReason.ERROR_REASON_FIELD_FAILED,
        ErrorReason.ERROR_REASON_MEMBER_EXISTS,
        ErrorReason.ERROR_REASON_EXTERNAL_ID_TAKEN,
        ErrorReason.ERROR_REASON_HEAD_TAKEN,
        ErrorReason.ERROR_REASON_VERSIONING,
        ErrorReason.ERROR_REASON_REQUEST_ID_REUSED,
        ErrorReason.ERROR_REASON_REQUEST_ERASED,
    ),
    LATER: (
        ErrorReason.ERROR_REASON_INTERNAL,
        ErrorReason.ERROR_REASON_OVERLOADED,
        ErrorReason.ERROR_REASON_STORE_FULL,
        ErrorReason.ERROR_REASON_STORE_READERS_FULL,
        ErrorReason.ERROR_REASON_SHUTTING_DOWN,
        ErrorReason.ERROR_REASON_DEADLINE_EXCEEDED,
        ErrorReason.ERROR_REASON_FIELD_BUILDING,
    ),
}
_CODE_OF = {
    ErrorReason.Name(reason): code for code, reasons in _CODES.items() for reason in reasons
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one message.

    Attributes:
        code: 0, or why it was refused.
        text: the same as a sentence without values of the message; empty where all went well.
        contact_id: the member; 0 where it was refused.
        parks: whether the message goes to the dead queue.
    """

    code: int
    text: str = ""
    contact_id: int = 0
    parks: bool = False


def verdict_of(outcome: MemberOutcome) -> Verdict:
    """Says that a message went well."""
    return Verdict(OK, contact_id=outcome.contact_id)


def refusal(
    reason: str,
    text: str,
    details: Mapping[str, str] = NO_DETAILS,
    step: MemberChange | None = None,
) -> Verdict:
    """Says in codes and words of the queue why a message was refused; see `worded`."""
    code = _CODE_OF.get(reason, INVALID)
    if is_wrong_field_value(reason, details):
        code = INVALID
    return Verdict(code, worded(reason, text, details, step), parks=code == MALFORMED)


def result_body(verdict: Verdict, *, feedback_id: str, matching: str, db_id: int) -> bytes:
    """Writes the message for the result queue."""
    profile_id = profile_id_of(db_id, verdict.contact_id) if verdict.code == OK else ""
    return orjson.dumps(
        {
            "error": verdict.code,
            "error_text": verdict.text,
            "feedback_id": feedback_id,
            "matching_field": matching,
            "profile_id": profile_id,
        }
    )
