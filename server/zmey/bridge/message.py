"""A message of the queue (seed 000): its parameters, each checked by name and type."""

from dataclasses import dataclass
from typing import Any

from zmey._native import split_object
from zmey.bridge.feedback import feedback_id_of
from zmey.bridge.json_values import NULL, boolean, integer, integer_or_string, string

MATCHING_DEFAULT = "email"
# What each mode needs (seed 000, profile matching mode).
MATCHING = {
    "email": ("email",),
    "phone": ("phone",),
    "profile_id": ("profile_id",),
    "custom": ("field_name", "field_value"),
}

# A body of data has at most 1 MiB; no honest message is larger than its data by this much.
MESSAGE_BYTES_MAX = 4 * 1024 * 1024

# What answers call the type, and what reads a value of it: None where it has another one.
_INT = ("an int", integer)
_STRING = ("a string", string)
_BOOL = ("a bool", boolean)
_OBJECT = ("a JSON object", split_object)
_INT_OR_STRING = ("an int or a string", integer_or_string)
_PARAMETERS = {
    "account_id": _INT,
    "data": _OBJECT,
    "db_id": _INT,
    "feedback_id": _STRING,
    "skip_triggers": _BOOL,
    "update_only": _BOOL,
    "matching": _STRING,
    "email": _STRING,
    "phone": _STRING,
    "profile_id": _STRING,
    "field_name": _STRING,
    "field_value": _INT_OR_STRING,
    "resource_id": _INT,
}
_REQUIRED = ("account_id", "db_id", "data")
# Of another mode than the message has, they may be whatever a sender puts there.
_OF_MODES = frozenset(name for names in MATCHING.values() for name in names)


class MessageError(Exception):
    """A message that cannot be processed as it is.

    Attributes:
        code: the error code of the answer.
        text: a sentence that names the parameter and repeats no value.
        feedback_id: that of the message, as far as it could be read.
        matching: its mode likewise.
    """

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.feedback_id = ""
        self.matching = ""


@dataclass(slots=True)
class ImportMessage:
    """One message with its parameters; `data` has each value as JSON."""

    account_id: int
    db_id: int
    data: dict[str, bytes]
    matching: str = MATCHING_DEFAULT
    feedback_id: str = ""
    skip_triggers: bool = False
    update_only: bool = False
    email: str = ""
    phone: str = ""
    profile_id: str = ""
    field_name: str = ""
    field_value: str = ""
    resource_id: int | None = None


def read_message(body: bytes) -> ImportMessage:
    """Reads one message.

    Raises:
        MessageError: it is malformed, or a parameter is missing or of a wrong type.
    """
    try:
        given = _read_body(body)
    except MessageError as error:
        error.feedback_id = feedback_id_of(body)
        raise
    try:
        return _checked(given)
    except MessageError as error:
        error.feedback_id = string(given.get("feedback_id", NULL)) or ""
        error.matching = _matching(given)
        raise


def _read_body(body: bytes) -> dict[str, bytes]:
    if len(body) > MESSAGE_BYTES_MAX:
        text = f"The message has over {MESSAGE_BYTES_MAX} bytes; send less data at once."
        raise MessageError(400, text)
    try:
        given = split_object(body)
    except ValueError as error:
        text = f"The message cannot be read: {error}."
        raise MessageError(400, text) from error
    if given is None:
        text = "The message is no JSON object."
        raise MessageError(400, text)
    return given


def _checked(given: dict[str, bytes]) -> ImportMessage:
    values = {
        name: _value(name, given[name])
        for name in _PARAMETERS
        if name not in _OF_MODES and _is_given(given, name)
    }
    for name in _REQUIRED:
        if name not in values:
            text = f"{name} is required."
            raise MessageError(400, text)
    matching = values.setdefault("matching", MATCHING_DEFAULT)
    if matching not in MATCHING:
        text = f"matching is unknown; known are {', '.join(MATCHING)}."
        raise MessageError(400, text)
    for name in MATCHING[matching]:
        if not _is_given(given, name):
            text = f'{name} is required where matching is "{matching}".'
            raise MessageError(400, text)
        values[name] = _value(name, given[name])
    return ImportMessage(**values)


def _is_given(given: dict[str, bytes], name: str) -> bool:
    """Serializers write null for what is not there."""
    return given.get(name, NULL) != NULL


def _value(name: str, value: bytes) -> Any:
    kind, read = _PARAMETERS[name]
    found = read(value)
    if found is None:
        text = f"{name} must be {kind}."
        raise MessageError(400, text)
    return found


def _matching(given: dict[str, bytes]) -> str:
    """The mode of a message that is refused; empty where there is no such mode."""
    matching = string(given["matching"]) if _is_given(given, "matching") else MATCHING_DEFAULT
    return matching if matching in MATCHING else ""
