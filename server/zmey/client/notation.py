"""Identifiers and orders of keys as people write them."""

from typing import cast

from zmey.v1.address_pb2 import Address, AddressType
from zmey.v1.matching_pb2 import (
    KEY_KIND_CONTACT_ID,
    KEY_KIND_DATASET_ID,
    KEY_KIND_EXTERNAL_CUSTOMER_ID,
    KEY_KIND_FIELD,
    KEY_KIND_HEAD_ID,
    KEY_KIND_LOCATOR,
    NAMED_ORDER_EMAIL_OR_SMS,
    NAMED_ORDER_EXTERNAL_ID_FIRST,
    NAMED_ORDER_PREPARED_MESSAGE,
    NAMED_ORDER_SUBSCRIBE,
    FieldValue,
    KeyKind,
    MatchPolicy,
    NamedOrder,
    OrderedKey,
)

TYPE_PREFIX = "ADDRESS_TYPE_"

TYPES: dict[str, AddressType] = {
    name.removeprefix(TYPE_PREFIX).lower(): cast("AddressType", number)
    for name, number in AddressType.items()
    if number != 0
}
# The phone type by the name that the sources give its column.
TYPES_WITH_ALIASES: dict[str, AddressType] = {**TYPES, "cellphone": TYPES["msisdn"]}

NAMED_ORDERS: dict[str, NamedOrder] = {
    "external-id-first": NAMED_ORDER_EXTERNAL_ID_FIRST,
    "prepared-message": NAMED_ORDER_PREPARED_MESSAGE,
    "subscribe": NAMED_ORDER_SUBSCRIBE,
    "email-or-sms": NAMED_ORDER_EMAIL_OR_SMS,
}
KINDS: dict[str, KeyKind] = {
    "contact-id": KEY_KIND_CONTACT_ID,
    "external-id": KEY_KIND_EXTERNAL_CUSTOMER_ID,
    "locator": KEY_KIND_LOCATOR,
    "field": KEY_KIND_FIELD,
    "head-id": KEY_KIND_HEAD_ID,
    "dataset-id": KEY_KIND_DATASET_ID,
}


class NotationError(ValueError):
    """A text that names no identifier or order; its message says how one is written."""


def type_name(kind: AddressType) -> str:
    """Returns the short name of an address type, such as "email"."""
    return AddressType.Name(kind).removeprefix(TYPE_PREFIX).lower()


def parse_type(name: str) -> AddressType:
    """Reads the name of an address type.

    Raises:
        NotationError: there is no such type.
    """
    kind = TYPES_WITH_ALIASES.get(name.strip().lower())
    if kind is None:
        message = f"{name!r} is no address type; known are {', '.join(TYPES_WITH_ALIASES)}."
        raise NotationError(message)
    return kind


def parse_locator(text: str) -> Address:
    """Reads TYPE:VALUE, such as "tg:123456".

    Raises:
        NotationError: there is no colon or no such type.
    """
    name, colon, value = text.partition(":")
    if not colon:
        message = "A locator is TYPE:VALUE, such as tg:123456 or email:ann@example.org."
        raise NotationError(message)
    return Address(type=parse_type(name), value=value)


def parse_field(text: str) -> FieldValue:
    """Reads PATH=VALUE, such as "crm.id=17".

    Raises:
        NotationError: there is no equals sign.
    """
    path, equals, value = text.partition("=")
    if not equals or not path:
        message = "A field is PATH=VALUE, such as crm.id=17."
        raise NotationError(message)
    return FieldValue(path=path, value=value)


def parse_order(text: str, *, strict: bool = False) -> MatchPolicy:
    """Reads a named order or a comma-separated list of keys.

    Raises:
        NotationError: a step is unknown.
    """
    named = NAMED_ORDERS.get(text.strip().lower().replace("_", "-"))
    if named is not None:
        return MatchPolicy(order=named, strict=strict)
    steps = [_parse_step(step.strip()) for step in text.split(",")]
    return MatchPolicy(explicit_order=steps, strict=strict)


def _parse_step(step: str) -> OrderedKey:
    name, colon, narrow = step.partition(":")
    kind = KINDS.get(name.lower().replace("_", "-"))
    if kind == KEY_KIND_LOCATOR and colon:
        return OrderedKey(kind=kind, locator_type=parse_type(narrow))
    if kind == KEY_KIND_FIELD and colon:
        return OrderedKey(kind=kind, field_path=narrow)
    if kind is None or colon:
        message = (
            f"{step!r} is no order: use one of {', '.join(NAMED_ORDERS)}, or a comma-separated "
            f"list of {', '.join(KINDS)}, locator:TYPE, field:PATH."
        )
        raise NotationError(message)
    return OrderedKey(kind=kind)
