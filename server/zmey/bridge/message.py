"""A message of the queue (seed 000): its parameters, each checked by name and type."""

from dataclasses import dataclass
from typing import Any

from zmey.bridge.exact_json import Integer, JsonError, Member, read_object
from zmey.bridge.feedback import feedback_id_of

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

_INT = "an int"
_STRING = "a string"
_BOOL = "a bool"
_OBJECT = "a JSON object"
_INT_OR_STRING = "an int or a string"
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
_KINDS: dict[str, tuple[type, ...]] = {
    _INT: (Integer,),
    _BOOL: (bool,),
    _OBJECT: (dict,),
    _INT_OR_STRING: (Integer, str),
}


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
    """One message with its parameters; `data` has each value with its text."""

    account_id: int
    db_id: int
    data: dict[str, Member]
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
        error.feedback_id = _string(given, "feedback_id")
        error.matching = _matching(given)
        raise


def _read_body(body: bytes) -> dict[str, Member]:
    if len(body) > MESSAGE_BYTES_MAX:
        text = f"The message has over {MESSAGE_BYTES_MAX} bytes; send less data at once."
        raise MessageError(400, text)
    try:
        return read_object(body.decode(), opened="data")
    except UnicodeDecodeError as error:
        text = "The message is no UTF-8; encode it as UTF-8."
        raise MessageError(400, text) from error
    except JsonError as error:
        text = str(error)
        raise MessageError(400, text) from error


def _checked(given: dict[str, Member]) -> ImportMessage:
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
    for name in values["data"]:
        if not name.isprintable():
            _refuse_surrogates("A name in data", name)
    return ImportMessage(**values)


def _is_given(given: dict[str, Member], name: str) -> bool:
    """Serializers write null for what is not there."""
    return name in given and given[name].value is not None


def _value(name: str, member: Member) -> Any:
    kind = _PARAMETERS[name]
    value = member.value
    # `Integer` is a string to Python, but none to the sender.
    fits = type(value) is str if kind == _STRING else isinstance(value, _KINDS[kind])
    if kind == _INT_OR_STRING:
        fits = type(value) in {str, Integer}
    if not fits:
        text = f"{name} must be {kind}."
        raise MessageError(400, text)
    if kind == _INT:
        # Longer than any number that the contract can hold, and too long for Python's `int`.
        return int(value) if len(value) <= 20 else -1  # noqa: PLR2004 - digits of 2^64
    if type(value) is str and not value.isprintable():
        _refuse_surrogates(name, value)
    return str(value) if kind == _INT_OR_STRING else value


def _refuse_surrogates(name: str, value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError as error:
        text = f"{name} has half of a surrogate pair."
        raise MessageError(400, text) from error


def _string(given: dict[str, Member], name: str) -> str:
    value = given[name].value if name in given else ""
    try:
        return value if type(value) is str and value.encode() else ""
    except UnicodeEncodeError:
        return ""


def _matching(given: dict[str, Member]) -> str:
    """The mode of a message that is refused; empty where there is no such mode."""
    matching = given["matching"].value if _is_given(given, "matching") else MATCHING_DEFAULT
    return matching if type(matching) is str and matching in MATCHING else ""
