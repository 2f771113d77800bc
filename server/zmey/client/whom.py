"""Whom a caller means: keys of a contact as keyword arguments."""

from collections.abc import Mapping, Sequence
from typing import TypedDict

from zmey.client.notation import parse_locator
from zmey.v1.address_pb2 import Address
from zmey.v1.matching_pb2 import (
    FieldValue,
    MatchKeys,
)


class Whom(TypedDict, total=False):
    """Everything by which a contact may be known; at least one is needed.

    Attributes:
        contact_id: the number of the contact.
        external_id: your own id of the person (seed 004, externalCustomerId).
        email: an e-mail or several.
        phone: a phone number in any spelling, or several.
        locators: other addresses as "type:value", such as "tg:123456".
        fields: declared custom fields with the value to look for.
        head_id: the number of one identifier of the contact.
        resource_id: narrows e-mails and phones to those subscribed through this resource.
    """

    contact_id: int
    external_id: str
    email: str | Sequence[str]
    phone: str | Sequence[str]
    locators: Sequence[str]
    fields: Mapping[str, str]
    head_id: int
    resource_id: int


def keys(whom: Whom) -> MatchKeys:
    """Builds the keys of a request."""
    refuse_unknown(whom, Whom)
    locators = [
        *_addresses("ADDRESS_TYPE_EMAIL", whom.get("email", ())),
        *_addresses("ADDRESS_TYPE_MSISDN", whom.get("phone", ())),
        *map(parse_locator, whom.get("locators", ())),
    ]
    return MatchKeys(
        contact_id=whom.get("contact_id"),
        external_customer_id=whom.get("external_id"),
        locators=locators,
        fields=[FieldValue(path=path, value=text) for path, text in whom.get("fields", {}).items()],
        head_id=whom.get("head_id"),
        resource_id=whom.get("resource_id"),
    )


def refuse_unknown(given: Mapping[str, object], known: type) -> None:
    """Refuses misspelled names, which Python itself lets pass here.

    Raises:
        TypeError: there is one.
    """
    names = known.__annotations__
    unknown = given.keys() - names.keys()
    if unknown:
        message = f"unknown: {', '.join(sorted(unknown))}; known are {', '.join(names)}"
        raise TypeError(message)


def _addresses(kind: str, values: str | Sequence[str]) -> list[Address]:
    several = [values] if isinstance(values, str) else values
    return [Address(type=kind, value=value) for value in several]
