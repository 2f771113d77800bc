"""Deliveries that are not acknowledged yet, oldest first: how many, and how old."""

import time
from collections import deque
from collections.abc import Callable

from zmey.bridge.delivery import Delivery


class InFlight:
    """The deliveries of one session; acknowledgements are in their order."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._sent_at: deque[float] = deque()

    def __len__(self) -> int:
        return len(self._sent_at)

    def came(self, delivery: Delivery) -> None:
        """Notes a delivery; one that does not say when it was sent is as old as that."""
        sent = delivery.properties.timestamp
        self._sent_at.append(sent.timestamp() if sent else self._clock())

    def acknowledged(self, count: int) -> None:
        """Forgets the oldest."""
        for _ in range(count):
            self._sent_at.popleft()

    def age_seconds(self) -> float:
        """Returns the age of the oldest, 0 where there is none; for any thread."""
        try:
            return max(0.0, self._clock() - self._sent_at[0])
        except IndexError:
            return 0.0
