"""`subscriptions` inside data: each is a head with the resource through which it is subscribed.

The array itself is kept among the data as it is, because it has more than heads: status, priority,
custom fields, categories.
"""

from collections.abc import Iterator
from typing import Any

from zmey.bridge.exact_json import Integer
from zmey.bridge.message import MessageError
from zmey.v1.address_pb2 import (
    ADDRESS_TYPE_EMAIL,
    ADDRESS_TYPE_MSISDN,
    ADDRESS_TYPE_PUSH,
    ADDRESS_TYPE_TG,
    ADDRESS_TYPE_VIBER,
    Address,
    AddressType,
)
from zmey.v1.member_pb2 import HeadAttach

UINT32_MAX = 2**32 - 1
# Channel -> the type of its head, and where the identifier stands: in the subscription, or in its
# `cc_data`.
CHANNELS: dict[str, tuple[AddressType, str, str]] = {
    "email": (ADDRESS_TYPE_EMAIL, "", "email"),
    "sms": (ADDRESS_TYPE_MSISDN, "", "phone"),
    "push": (ADDRESS_TYPE_PUSH, "", "subscription_id"),
    "viber": (ADDRESS_TYPE_VIBER, "cc_data", "phone"),
    "telegram_bot": (ADDRESS_TYPE_TG, "cc_data", "chat_id"),
}
# WhatsApp is no type of address. As a phone it would be texted to and matched by, which nobody
# asked for; so such a subscription is data and nothing else.
WITHOUT_HEAD = ("whatsapp",)


def subscribed_heads(subscriptions: Any) -> Iterator[HeadAttach]:
    """Yields the head of each subscription that has one.

    Raises:
        MessageError: one is not of the form.
    """
    if subscriptions is None:
        return
    if not isinstance(subscriptions, list):
        text = "data.subscriptions must be an array of objects."
        raise MessageError(400, text)
    for index, subscription in enumerate(subscriptions):
        place = f"data.subscriptions[{index}]"
        if not isinstance(subscription, dict):
            text = f"{place} must be an object."
            raise MessageError(400, text)
        if subscription.get("channel") not in WITHOUT_HEAD:
            yield _head(place, subscription)


def _head(place: str, subscription: dict[str, Any]) -> HeadAttach:
    channel = subscription.get("channel")
    if type(channel) is not str or channel not in CHANNELS:
        text = f"{place}.channel is unknown; known are {', '.join((*CHANNELS, *WITHOUT_HEAD))}."
        raise MessageError(400, text)
    kind, within, name = CHANNELS[channel]
    holder = subscription.get(within) if within else subscription
    value = holder.get(name) if isinstance(holder, dict) else None
    # Phones and chats are written as numbers, too, which are text here.
    if not isinstance(value, str) or value == "":
        text = f"{place}.{within + '.' if within else ''}{name} is required and must be a string."
        raise MessageError(400, text)
    try:
        head = Address(type=kind, value=value)
    except UnicodeEncodeError as error:
        text = f"{place} has half of a surrogate pair."
        raise MessageError(400, text) from error
    return HeadAttach(head=head, resource_id=_resource(place, subscription.get("resource_id")))


def _resource(place: str, value: Any) -> int | None:
    if value is None:
        return None
    if not isinstance(value, Integer):
        text = f"{place}.resource_id must be an int."
        raise MessageError(400, text)
    # Longer texts are no uint32, and Python refuses to read very long ones.
    if len(value) > len(str(UINT32_MAX)) or not 0 <= int(value) <= UINT32_MAX:
        text = f"{place}.resource_id is out of range."
        raise MessageError(422, text)
    return int(value)
