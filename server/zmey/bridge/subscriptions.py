"""`subscriptions` inside data: each is a head with the resource through which it is subscribed.

The array itself is kept among the data as it is, because it has more than heads: status, priority,
custom fields, categories.
"""

from collections.abc import Iterator

from zmey._native import split_array, split_object
from zmey.bridge.json_values import NULL, integer, integer_or_string, string
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


def subscribed_heads(subscriptions: bytes) -> Iterator[HeadAttach]:
    """Yields the head of each subscription that has one.

    Args:
        subscriptions: JSON.

    Raises:
        MessageError: one is not of the form.
    """
    elements = split_array(subscriptions)
    if elements is None:
        text = "data.subscriptions must be an array of objects."
        raise MessageError(400, text)
    for index, element in enumerate(elements):
        place = f"data.subscriptions[{index}]"
        subscription = split_object(element)
        if subscription is None:
            text = f"{place} must be an object."
            raise MessageError(400, text)
        channel = string(subscription.get("channel", NULL))
        if channel not in WITHOUT_HEAD:
            yield _head(place, channel, subscription)


def _head(place: str, channel: str | None, subscription: dict[str, bytes]) -> HeadAttach:
    if channel is None or channel not in CHANNELS:
        text = f"{place}.channel is unknown; known are {', '.join((*CHANNELS, *WITHOUT_HEAD))}."
        raise MessageError(400, text)
    kind, within, name = CHANNELS[channel]
    holder = split_object(subscription.get(within, NULL)) if within else subscription
    # Phones and chats are written as numbers, too.
    value = integer_or_string(holder.get(name, NULL)) if holder else None
    if not value:
        text = f"{place}.{within + '.' if within else ''}{name} is required and must be a string."
        raise MessageError(400, text)
    resource_id = _resource(place, subscription.get("resource_id", NULL))
    return HeadAttach(head=Address(type=kind, value=value), resource_id=resource_id)


def _resource(place: str, value: bytes) -> int | None:
    if value == NULL:
        return None
    number = integer(value)
    if number is None:
        text = f"{place}.resource_id must be an int."
        raise MessageError(400, text)
    if not 0 <= number <= UINT32_MAX:
        text = f"{place}.resource_id is out of range."
        raise MessageError(422, text)
    return number
