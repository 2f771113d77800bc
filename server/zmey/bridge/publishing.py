"""Results and messages that are set aside, published together and confirmed together.

A queue that is full may refuse them, and one may be deleted: then they are published again until
there is room, and their messages are not acknowledged before.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aio_pika import DeliveryMode
from aiormq.exceptions import DeliveryError, PublishError
from pamqp.commands import Basic

from zmey.bridge.broker import Broker, declare_own_queues
from zmey.bridge.metrics import BridgeMetrics
from zmey.bridge.parking import parked_properties, short
from zmey.bridge.preparing import Prepared
from zmey.bridge.stopping import StoppingError, unless_stopped
from zmey.config import Settings
from zmey.logs import get_logger

if TYPE_CHECKING:
    import aiormq

CONFIRM_SECONDS_MAX = 60.0
# What a header frame has before the properties: class, weight, and size of the body.
HEADER_BYTES = 12
PAUSE_SECONDS_FIRST = 0.1
# Not longer, so that results flow soon after somebody makes room.
PAUSE_SECONDS_MAX = 5.0


@dataclass(slots=True)
class Outgoing:
    """A message to publish to a queue."""

    queue: str
    body: bytes
    properties: Basic.Properties


class Publisher:
    """Publishes over one connection, again and again where the broker refuses."""

    def __init__(
        self, broker: Broker, settings: Settings, metrics: BridgeMetrics, stop: asyncio.Event
    ) -> None:
        self._broker = broker
        self._settings = settings
        self._metrics = metrics
        self._stop = stop

    async def publish(self, batch: list[Prepared]) -> None:
        """Publishes what becomes of a batch; returns when the broker has confirmed all of it.

        Raises:
            StoppingError: the bridge stops while the broker refuses some, or says nothing.
            BridgeError: a queue is there again, with other arguments than the bridge needs.
            Exception: one of BROKER_AWAY.
        """
        room = self._broker.frames.max_content_size - HEADER_BYTES
        messages = list(outgoing(batch, self._settings, room))
        pause = PAUSE_SECONDS_FIRST
        try:
            while messages := await unless_stopped(self._stop, self._refused(messages)):
                if pause == PAUSE_SECONDS_FIRST:
                    self._say(messages)
                self._metrics.results_refused.set(len(messages))
                await self._rest(pause)
                pause = min(pause * 2, PAUSE_SECONDS_MAX)
        finally:
            self._metrics.results_refused.set(0)
        if pause > PAUSE_SECONDS_FIRST:
            get_logger().info("results are taken again")

    async def _refused(self, messages: list[Outgoing]) -> list[Outgoing]:
        """Publishes messages once; returns those that the broker did not take."""
        async with asyncio.timeout(CONFIRM_SECONDS_MAX):
            answers = await _publish_all(self._broker.frames, messages)
        refused = [one for one, answer in zip(messages, answers, strict=True) if answer]
        gone = {
            one.queue
            for one, answer in zip(messages, answers, strict=True)
            if isinstance(answer, PublishError)
        }
        if not gone:
            return refused
        await declare_own_queues(self._broker.connection, self._settings)
        # Whatever came to the queue before it was deleted is lost, and the library mixes up the
        # answers of messages which have the same id.
        again = set(map(id, refused))
        return [one for one in messages if id(one) in again or one.queue in gone]

    def _say(self, messages: list[Outgoing]) -> None:
        get_logger().warning(
            "results are refused; trying again",
            queues=sorted({one.queue for one in messages}),
            messages=len(messages),
            fix="take messages out of these queues, or raise their limits",
        )

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)
            raise StoppingError


async def _publish_all(
    frames: "aiormq.Channel", messages: Iterable[Outgoing]
) -> list[DeliveryError | None]:
    """Publishes messages and waits for all confirms together; returns how each was refused.

    On the channel underneath, because there a message need not wait until the socket has it: its
    confirm says so, and more.
    """
    return await asyncio.gather(*(_publish(frames, message) for message in messages))


async def _publish(frames: "aiormq.Channel", message: Outgoing) -> DeliveryError | None:
    try:
        await frames.basic_publish(
            message.body,
            routing_key=message.queue,
            properties=message.properties,
            # Without its queue a message would be lost without a sign.
            mandatory=True,
            wait=False,
        )
    except DeliveryError as error:
        return error
    return None


def outgoing(
    batch: Iterable[Prepared], settings: Settings, properties_bytes_max: int
) -> Iterator[Outgoing]:
    """Yields the results of a batch, and before each what is set aside with it."""
    for prepared in batch:
        if prepared.verdict is not None and prepared.verdict.parks:
            parked = parked_properties(prepared, settings.bridge_queue, properties_bytes_max)
            yield Outgoing(settings.bridge_dead_queue, prepared.delivery.body, parked)
        properties = Basic.Properties(
            content_type="application/json",
            delivery_mode=DeliveryMode.PERSISTENT,
            correlation_id=short(prepared.delivery.properties.message_id),
        )
        yield Outgoing(settings.bridge_result_queue, prepared.answer(), properties)
