"""The threads that calls may hold for as long as their clients like."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from zmey.refusal import RefusedError
from zmey.v1 import error_reason_pb2 as reasons


class Slots:
    """A bounded number of import streams, uploads and reports; the other threads are for calls."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._free = threading.BoundedSemaphore(count)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Holds one until the block ends.

        Raises:
            RefusedError: all are held.
        """
        if not self._free.acquire(blocking=False):
            raise RefusedError(
                reasons.ERROR_REASON_OVERLOADED,
                f"{self._count} import streams, uploads and reports are open, as many as this "
                "server takes; try again when one has ended.",
                {"queue": "imports"},
            )
        try:
            yield
        finally:
            self._free.release()
