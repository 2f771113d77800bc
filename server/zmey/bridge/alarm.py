"""Files of the bridge that cannot be written for a while: said and counted, but no reason to stop.

What they hold is worth less than the messages: each line of `job_server.log` is a result too, and
the counts of deliveries are needed only by a bridge that was killed, which does not start before
their file can be written.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from prometheus_client import Counter

from zmey.logs import get_logger

SAY_AGAIN_SECONDS = 60.0


def flag_of(option: str) -> str:
    """Returns the flag that sets an option."""
    return "--" + option.replace("_", "-")


class FileAlarm:
    """Tells the operator about one file."""

    def __init__(
        self,
        path: Path,
        option: str,
        failures: Counter,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._option = option
        self._failures = failures
        self._clock = clock
        self._said_at: float | None = None

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Takes what goes wrong while the file is written."""
        try:
            yield
        except OSError as error:
            self._failures.inc()
            self._say(error)
        else:
            if self._said_at is not None:
                self._said_at = None
                get_logger().info("file is written again", path=str(self._path))

    def _say(self, error: OSError) -> None:
        now = self._clock()
        if self._said_at is not None and now - self._said_at < SAY_AGAIN_SECONDS:
            return
        self._said_at = now
        get_logger().error(
            "file cannot be written; messages go on without it",
            path=str(self._path),
            problem=error.strerror or type(error).__name__,
            fix=f"make room, or set {flag_of(self._option)} and start again",
        )
