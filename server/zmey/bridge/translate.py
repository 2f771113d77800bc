"""A message of the queue as one atomic step of the contract."""

import re
from collections.abc import Iterator

from zmey._native import split_array
from zmey.bridge.json_values import NULL, string
from zmey.bridge.message import ImportMessage, MessageError
from zmey.bridge.subscriptions import subscribed_heads
from zmey.v1.address_pb2 import ADDRESS_TYPE_EMAIL, ADDRESS_TYPE_MSISDN, Address, AddressType
from zmey.v1.datakey_pb2 import DATAKEY_MODE_SET, DatakeyChange
from zmey.v1.matching_pb2 import (
    KEY_KIND_CONTACT_ID,
    KEY_KIND_FIELD,
    KEY_KIND_LOCATOR,
    FieldValue,
    MatchKeys,
    MatchPolicy,
    OrderedKey,
)
from zmey.v1.member_pb2 import (
    IF_EXISTS_MUST,
    IF_EXISTS_UNSPECIFIED,
    HeadAttach,
    MemberChange,
)

UINT32_MAX = 2**32 - 1
PROFILE_ID = re.compile(r"[0-9a-fA-F]{24}")
DB_DIGITS = 8
# No member ever gets the last number there is.
NO_CONTACT = 2**64 - 1

# Members of `data` that are identifiers, not data.
EMAIL = "email"
PHONE = "phone"
PHONES = "phones"
SUBSCRIPTIONS = "subscriptions"
# The system keys of the contract, which no data can have as its name.
RESERVED = ("member", "-group")

_ESCAPED = re.compile(r"[.\[\]\\]")
_BY_CONTACT = MatchPolicy(explicit_order=[OrderedKey(kind=KEY_KIND_CONTACT_ID)])
_BY_FIELD = MatchPolicy(explicit_order=[OrderedKey(kind=KEY_KIND_FIELD)])
_BY_LOCATOR = {
    kind: MatchPolicy(explicit_order=[OrderedKey(kind=KEY_KIND_LOCATOR, locator_type=kind)])
    for kind in (ADDRESS_TYPE_EMAIL, ADDRESS_TYPE_MSISDN)
}


def profile_id_of(db_id: int, contact_id: int) -> str:
    """Returns the number of a member as 24 hex digits: the database, then the contact."""
    return f"{db_id:08x}{contact_id:016x}"


def change_of(message: ImportMessage, request_id: str) -> MemberChange:
    """Builds the step that a message asks for.

    Raises:
        MessageError: a parameter has a value that can never be right.
    """
    change = MemberChange(
        if_exists=IF_EXISTS_MUST if message.update_only else IF_EXISTS_UNSPECIFIED,
        skip_triggers=message.skip_triggers,
        request_id=request_id,
        # A delivery may be repeated after later messages were applied: it is answered the same.
        keep_refusal=bool(request_id),
    )
    _match(change, message)
    change.heads.extend(_heads(message.data))
    change.datakeys.extend(_datakeys(message.data))
    return change


def literal_path(name: str) -> str:
    """Returns the datakey path of a top-level name, whatever characters it has."""
    if name.isidentifier():
        return name
    return _ESCAPED.sub(r"\\\g<0>", name)


def _match(change: MemberChange, message: ImportMessage) -> None:
    """Says whom the step is about, by the one key that the mode names."""
    change.keys.CopyFrom(MatchKeys(resource_id=_resource(message)))
    if message.matching == "profile_id":
        change.keys.contact_id = _contact_id(message)
        change.policy.CopyFrom(_BY_CONTACT)
        # A number that was never given cannot create its member.
        change.if_exists = IF_EXISTS_MUST
    elif message.matching == "custom":
        path = literal_path(message.field_name)
        change.keys.fields.append(FieldValue(path=path, value=message.field_value))
        change.policy.CopyFrom(_BY_FIELD)
        # Whoever is created must be found by the same message again; the server knows the kind.
        change.insert_fields = True
    else:
        is_email = message.matching == EMAIL
        kind = ADDRESS_TYPE_EMAIL if is_email else ADDRESS_TYPE_MSISDN
        address = Address(type=kind, value=message.email if is_email else message.phone)
        change.keys.locators.append(address)
        change.policy.CopyFrom(_BY_LOCATOR[kind])
        # Among the heads too: an invalid one, or one of somebody else, then refuses the step
        # instead of being passed over with a warning that no answer of the queue could show.
        change.heads.append(HeadAttach(head=address))


def _resource(message: ImportMessage) -> int | None:
    if message.resource_id is not None and not 0 <= message.resource_id <= UINT32_MAX:
        text = "resource_id is out of range; resources have numbers from 0 to 4294967295."
        raise MessageError(422, text)
    return message.resource_id


def _contact_id(message: ImportMessage) -> int:
    if not PROFILE_ID.fullmatch(message.profile_id):
        text = "profile_id is no profile id; they have 24 hex digits."
        raise MessageError(422, text)
    if int(message.profile_id[:DB_DIGITS], 16) != message.db_id:
        # Nobody here has it; but whether there is such a database at all only the server knows.
        return NO_CONTACT
    return int(message.profile_id[DB_DIGITS:], 16)


def _heads(data: dict[str, bytes]) -> Iterator[HeadAttach]:
    for name, kind in ((EMAIL, ADDRESS_TYPE_EMAIL), (PHONE, ADDRESS_TYPE_MSISDN)):
        if name in data:
            yield from _head(f"data.{name} must be a string.", kind, data[name])
    if data.get(PHONES, NULL) != NULL:
        text = "data.phones must be an array of strings."
        phones = split_array(data[PHONES])
        if phones is None:
            raise MessageError(400, text)
        for phone in phones:
            yield from _head(text, ADDRESS_TYPE_MSISDN, phone)
    if data.get(SUBSCRIPTIONS, NULL) != NULL:
        yield from subscribed_heads(data[SUBSCRIPTIONS])


def _head(otherwise: str, kind: AddressType, value: bytes) -> Iterator[HeadAttach]:
    """One identifier; null and "" are what forms send where there is none."""
    if value in {NULL, b'""'}:
        return
    address = string(value)
    if address is None:
        raise MessageError(400, otherwise)
    yield HeadAttach(head=Address(type=kind, value=address))


def _datakeys(data: dict[str, bytes]) -> Iterator[DatakeyChange]:
    for name, value in data.items():
        if name in {EMAIL, PHONE, PHONES}:
            continue
        if name in RESERVED:
            text = f"data.{name} is a name of the system; use another."
            raise MessageError(422, text)
        yield DatakeyChange(path=literal_path(name), mode=DATAKEY_MODE_SET, value=value)
