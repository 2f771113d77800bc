"""One message as the broker delivers it.

Of the frames as they are, because the client library's own kind of message is dearer than all that
the bridge does with it, and refuses properties that brokers pass on.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pamqp.commands import Basic

if TYPE_CHECKING:
    import aiormq


@dataclass(slots=True)
class Delivery:
    """A message with what the broker says of it.

    Attributes:
        tag: its number on its channel, by which it is acknowledged.
        redelivered: whether it may have been delivered before.
        key: what its deliveries are counted by.
        properties: what its sender says of it.
        body: the message itself.
    """

    tag: int
    redelivered: bool
    key: str
    properties: Basic.Properties
    body: bytes


def delivery_of(message: "aiormq.abc.DeliveredMessage") -> Delivery:
    """Takes a delivery from its frames."""
    properties = message.header.properties
    return Delivery(
        tag=message.delivery_tag or 0,
        redelivered=bool(message.redelivered),
        key=_key(properties.message_id, message.body),
        properties=properties,
        body=message.body,
    )


def _key(message_id: str | None, body: bytes) -> str:
    """Returns a hash, because ids may be of people."""
    content = b"id:" + message_id.encode() if message_id else b"body:" + body
    return hashlib.sha256(content).hexdigest()
