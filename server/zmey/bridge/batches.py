"""Deliveries that wait, and how many of them are taken together.

A batch is whatever has come while the one before was applied: under load it grows by itself. Only
where less waits than came before, the bridge waits a few milliseconds for the rest.
"""

import asyncio
from collections import deque

from zmey.bridge.attempts import Attempts
from zmey.bridge.delivery import Delivery

# Well below what a server takes by default as one request.
BATCH_BYTES_MAX = 4 * 1024 * 1024


class Inbox:
    """The deliveries of one session; the broker's prefetch bounds them."""

    def __init__(self, batch_max: int, wait_seconds: float, attempts: Attempts) -> None:
        self._batch_max = batch_max
        self._wait_seconds = wait_seconds
        self._attempts = attempts
        self._waiting: deque[Delivery] = deque()
        self._came = asyncio.Event()
        self._taken_before = 0

    def __len__(self) -> int:
        return len(self._waiting)

    async def put(self, delivery: Delivery) -> None:
        """Takes one delivery from the broker."""
        self._waiting.append(delivery)
        self._came.set()

    async def take(self) -> list[Delivery]:
        """Waits for deliveries and returns those that go together, in the order of the queue."""
        await self._came.wait()
        if len(self._waiting) < min(self._taken_before, self._batch_max):
            await asyncio.sleep(self._wait_seconds)
        batch = self._cut()
        self._taken_before = len(batch)
        if not self._waiting:
            self._came.clear()
        return batch

    def _cut(self) -> list[Delivery]:
        batch: list[Delivery] = []
        size, room = 0, self._batch_max
        while self._waiting:
            delivery = self._waiting[0]
            size += len(delivery.body)
            if delivery.redelivered:
                room = min(room, self._attempts.together_max(delivery.key, self._batch_max))
            if batch and (len(batch) >= room or size > BATCH_BYTES_MAX):
                break
            batch.append(self._waiting.popleft())
        return batch
