"""Faults of the contract in the words of the queue, whose senders know no keys, heads and datakeys.

A text names parameters of the message and fields of the configuration, and no value of the message.
"""

from collections.abc import Mapping

from zmey.v1.member_pb2 import MemberChange

NO_SUCH_SPACE = "This account has no such database here."
NOTHING_DONE = "so nothing of the message was done"

_TEXTS = {
    "ERROR_REASON_SPACE_UNKNOWN": NO_SUCH_SPACE,
    "ERROR_REASON_REQUEST_ID_REUSED": "This message_id or feedback_id came before with another "
    "message; give each message its own.",
    "ERROR_REASON_MEMBER_MISSING": "Nobody was found, so there is nobody to update.",
    "ERROR_REASON_MEMBER_NEEDS_ADDRESS": "Nobody was found, and without an e-mail or phone in data "
    "nobody can be created.",
    "ERROR_REASON_FIELD_NOT_DECLARED": "field_name is no field that the space declares.",
    "ERROR_REASON_MATCH_AMBIGUOUS": "Several have this field_value, so none of them is meant.",
    "ERROR_REASON_HEAD_TAKEN": f"An address belongs to somebody else, {NOTHING_DONE}.",
    "ERROR_REASON_DATAKEY_WILDCARD": 'data cannot have the name "*", which stands for all names.',
    "ERROR_REASON_DATAKEY_PATH_INVALID": "data cannot have an empty name.",
}
_LIMITS = {
    "datakeys": "data has {actual} names; at most {max} are allowed.",
    "heads": "The message has {actual} addresses; at most {max} are allowed.",
    "datakey_value_bytes": "A value in data has {actual} bytes; at most {max} are allowed.",
    "number_digits": "A number in data has {actual} digits; at most {max} are allowed.",
    "keys.fields.value": "field_value has {actual} bytes; at most {max} are allowed.",
}
_KINDS = {
    "int": "field_value must be digits, because the field {path} is an int.",
    "tags": "field_value must have a tag, because the field {path} has tags.",
    "string": "field_value must not be empty.",
}
ELSEWHERE = (
    "Somebody has this address, but not through this resource. Leave resource_id out, or first "
    "subscribe the address by data.subscriptions."
)


def is_wrong_field_value(reason: str, details: Mapping[str, str]) -> bool:
    """Tells whether a fault is of `field_value`: what it names otherwise, the bridge has built."""
    return reason == "ERROR_REASON_FIELD_INVALID" and details.get("field") == "keys.fields.value"


def worded(reason: str, text: str, details: Mapping[str, str], step: MemberChange | None) -> str:
    """Says why a message was refused.

    Args:
        reason: the name of the ErrorReason.
        text: what the contract says of it.
        details: those of the fault.
        step: what was refused, where it is known.
    """
    if is_wrong_field_value(reason, details):
        return _KINDS[details["kind"]].format_map(details)
    if reason == "ERROR_REASON_LIMIT_EXCEEDED" and details.get("limit") in _LIMITS:
        return _LIMITS[details["limit"]].format_map(details)
    if reason == "ERROR_REASON_HEAD_TAKEN" and step is not None and _is_key(step, details):
        return ELSEWHERE
    return _TEXTS.get(reason, text)


def _is_key(step: MemberChange, details: Mapping[str, str]) -> bool:
    """Whether it is the address to match by, the first of the heads, that nobody has there."""
    by_address = bool(step.keys.locators) and step.keys.HasField("resource_id")
    return by_address and details.get("index") == "0"
