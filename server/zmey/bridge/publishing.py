"""Results and messages that are set aside, published together and confirmed together."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from aio_pika import DeliveryMode
from aio_pika.abc import AbstractChannel, HeadersType
from pamqp.commands import Basic

from zmey.bridge.answers import LATER, Verdict
from zmey.bridge.preparing import Prepared
from zmey.config import Settings

if TYPE_CHECKING:
    import aiormq


@dataclass(slots=True)
class Outgoing:
    """A message to publish to a queue."""

    queue: str
    body: bytes
    properties: Basic.Properties


async def publish_all(channel: AbstractChannel, messages: Iterable[Outgoing]) -> None:
    """Publishes messages and waits for all confirms together.

    On the channel underneath, because there a message need not wait until the socket has it: its
    confirm says so, and more.

    Raises:
        Exception: one of BROKER_AWAY, where one of them is refused or not confirmed.
    """
    underlay = cast("aiormq.Channel", await channel.get_underlay_channel())
    await asyncio.gather(
        *(
            underlay.basic_publish(
                message.body,
                routing_key=message.queue,
                properties=message.properties,
                mandatory=True,
                wait=False,
            )
            for message in messages
        )
    )


def outgoing(batch: Iterable[Prepared], settings: Settings) -> Iterator[Outgoing]:
    """Yields the results of a batch, and before each what is set aside with it."""
    for prepared in batch:
        if prepared.verdict is not None and prepared.verdict.parks:
            body = prepared.delivery.body
            yield Outgoing(settings.bridge_dead_queue, body, _parked(prepared))
        properties = Basic.Properties(
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            correlation_id=prepared.delivery.message_id,
        )
        yield Outgoing(settings.bridge_result_queue, prepared.answer(), properties)


def _parked(prepared: Prepared) -> Basic.Properties:
    """The properties of the message as they were, with why it is here."""
    delivery = prepared.delivery
    verdict = prepared.verdict or Verdict(LATER)
    reason: HeadersType = {
        "x-zmey-error": verdict.code,
        "x-zmey-reason": verdict.text,
        "x-zmey-queue": delivery.routing_key or "",
        "x-zmey-time": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    # What took the process down may be among the headers: then they are left out.
    headers = reason if prepared.is_unread else {**delivery.headers, **reason}
    return Basic.Properties(
        headers=headers,
        content_type=delivery.content_type,
        content_encoding=delivery.content_encoding,
        correlation_id=delivery.correlation_id,
        reply_to=delivery.reply_to,
        message_id=delivery.message_id,
        timestamp=delivery.timestamp,
        message_type=delivery.type,
        app_id=delivery.app_id,
        delivery_mode=DeliveryMode.PERSISTENT,
    )
