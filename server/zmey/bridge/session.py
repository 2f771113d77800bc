"""One connection to the broker, from the first delivery to the last acknowledgement.

Two tasks are at work: one applies a batch while the other publishes the results of the batch before
and acknowledges it, so that at most two batches are under way, and both in the order of the queue.
A message is acknowledged only when its result is confirmed. Whatever ends the session in between
leaves messages to be delivered again, and these are answered from what the server has stored.
"""

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from zmey.bridge.answers import OK
from zmey.bridge.applying import Applier
from zmey.bridge.attempts import Attempts
from zmey.bridge.batches import Inbox
from zmey.bridge.broker import Broker
from zmey.bridge.delivery import Delivery, delivery_of
from zmey.bridge.in_flight import InFlight
from zmey.bridge.job_log import JobLog
from zmey.bridge.metrics import BridgeMetrics
from zmey.bridge.preparing import Prepared, Preparer, by_space, set_aside
from zmey.bridge.publishing import Publisher
from zmey.bridge.stopping import GRACE_SECONDS, StoppingError, all_or_none
from zmey.config import Settings

if TYPE_CHECKING:
    import aiormq


class ConsumerCancelledError(ConnectionError):
    """The broker delivers no more, because the queue was deleted or moved to another node."""


class Worker:
    """What works on deliveries; it outlives the sessions."""

    def __init__(
        self,
        settings: Settings,
        applier: Applier,
        attempts: Attempts,
        job_log: JobLog,
        metrics: BridgeMetrics,
    ) -> None:
        self.settings = settings
        self.attempts = attempts
        self.job_log = job_log
        self.metrics = metrics
        self._applier = applier
        self._made_progress = False
        self._preparer = Preparer(settings.bridge_vhost, settings.bridge_queue)

    def note_progress(self) -> None:
        """Says that messages were acknowledged."""
        self._made_progress = True

    def take_progress(self) -> bool:
        """Tells whether messages were acknowledged since this was asked last."""
        made, self._made_progress = self._made_progress, False
        return made

    async def apply(self, deliveries: list[Delivery]) -> list[Prepared]:
        """Gives each delivery of a batch its verdict."""
        again = {delivery.key for delivery in deliveries if delivery.redelivered}
        spent = {key for key in again if self.attempts.is_spent(key)}
        # Before anything is done with them, because anything may be the end.
        self.attempts.begin(again - spent)
        batch = [
            set_aside(delivery) if delivery.key in spent else self._preparer.prepare(delivery)
            for delivery in deliveries
        ]
        spaces = by_space(batch)
        await all_or_none(self._apply_space(*item) for item in spaces.items())
        return batch

    async def _apply_space(self, space: tuple[int, int], batch: list[Prepared]) -> None:
        steps = [prepared.step for prepared in batch if prepared.step is not None]
        verdicts = await self._applier.apply(space, steps)
        for prepared, verdict in zip(batch, verdicts, strict=True):
            prepared.verdict = verdict


class Session:
    """One connection at work."""

    def __init__(self, broker: Broker, worker: Worker, stop: asyncio.Event) -> None:
        settings = worker.settings
        self._broker = broker
        self._worker = worker
        self._stop = stop
        self._publisher = Publisher(broker, settings, worker.metrics, stop)
        self._inbox = Inbox(
            settings.bridge_batch_max, settings.bridge_batch_wait_ms / 1000, worker.attempts
        )
        self._in_flight = worker.metrics.deliveries = InFlight()
        self._applied: asyncio.Queue[list[Prepared] | None] = asyncio.Queue(maxsize=1)

    async def run(self) -> None:
        """Works until the stop is asked for; the batch under way is finished first.

        Raises:
            Exception: one of BROKER_AWAY, where the broker goes away.
        """
        channel = self._broker.channel
        closed = asyncio.ensure_future(channel.closed())
        cancelled = asyncio.Event()
        frames = self._broker.frames
        frames.on_consumer_cancel_callbacks.add(lambda _: cancelled.set())
        consumed = await frames.basic_consume(self._broker.queue.name, self._take_in)
        work = asyncio.create_task(self._work())
        answer = asyncio.create_task(self._answer())
        gone = asyncio.create_task(cancelled.wait())
        tasks: set[asyncio.Future[Any]] = {closed, gone, work, answer}
        try:
            while not answer.done():
                waited = {task for task in tasks if not task.done()}
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
                for done in (work, answer):
                    if done.done():
                        done.result()
                if closed.done():
                    message = "the broker closed the channel"
                    raise ConnectionError(message)
                if gone.done():
                    raise ConsumerCancelledError
            async with asyncio.timeout(GRACE_SECONDS):
                await frames.basic_cancel(consumed.consumer_tag or "")
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _take_in(self, message: "aiormq.abc.DeliveredMessage") -> None:
        delivery = delivery_of(message)
        self._in_flight.came(delivery)
        await self._inbox.put(delivery)

    async def _work(self) -> None:
        while (deliveries := await self._take()) is not None:
            if any(delivery.redelivered for delivery in deliveries):
                # One of them may kill the process: nobody before it shall be counted as suspect for
                # want of an acknowledgement that is still on its way.
                await self._applied.join()
            started = monotonic()
            try:
                batch = await self._worker.apply(deliveries)
            except StoppingError:
                break
            self._worker.metrics.applied(len(batch), monotonic() - started)
            await self._applied.put(batch)
        await self._applied.put(None)

    async def _take(self) -> list[Delivery] | None:
        """Takes the next batch; None where the stop was asked for."""
        if self._stop.is_set():
            return None
        take = asyncio.create_task(self._inbox.take())
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({take, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if take.done():
            return take.result()
        take.cancel()
        return None

    async def _answer(self) -> None:
        while (batch := await self._applied.get()) is not None:
            try:
                await self._publish(batch)
            except StoppingError:
                break
            await self._broker.frames.basic_ack(batch[-1].delivery.tag, multiple=True)
            self._in_flight.acknowledged(len(batch))
            self._worker.attempts.forget(prepared.delivery.key for prepared in batch)
            self._worker.note_progress()
            self._worker.metrics.answered(
                prepared.verdict for prepared in batch if prepared.verdict is not None
            )
            self._applied.task_done()

    async def _publish(self, batch: list[Prepared]) -> None:
        """Publishes all results; returns when they are confirmed."""
        self._worker.job_log.write(
            (prepared.verdict.code, prepared.verdict.text, prepared.feedback_id)
            for prepared in batch
            if prepared.verdict is not None and prepared.verdict.code != OK
        )
        await self._publisher.publish(batch)
