"""What the result queue says of each message (seed 000, response parameters)."""

from dataclasses import dataclass

import orjson

from zmey.bridge.translate import profile_id_of
from zmey.v1.error_reason_pb2 import ErrorReason
from zmey.v1.member_pb2 import MemberOutcome

OK = 0
MALFORMED = 400
FORBIDDEN = 403
NOBODY = 404
CONFLICT = 409
INVALID = 422
LATER = 503

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
    NOBODY: (ErrorReason.ERROR_REASON_MEMBER_MISSING,),
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

NO_SUCH_SPACE = "This account has no such database here."
# What is better said in the words of the queue than in those of the contract.
_TEXTS = {
    "ERROR_REASON_SPACE_UNKNOWN": NO_SUCH_SPACE,
    "ERROR_REASON_REQUEST_ID_REUSED": "This message_id or feedback_id came before with another "
    "message; give each message its own.",
    "ERROR_REASON_MEMBER_MISSING": "Nobody was found, so there is nobody to update.",
    "ERROR_REASON_MEMBER_NEEDS_ADDRESS": "Nobody was found, and without an e-mail or phone in data "
    "nobody can be created.",
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


def refusal(reason: str, text: str) -> Verdict:
    """Says in codes of the queue why a message was refused, by the name of an ErrorReason."""
    code = _CODE_OF.get(reason, INVALID)
    return Verdict(code, _TEXTS.get(reason, text), parks=code == MALFORMED)


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
