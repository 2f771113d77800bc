"""What a kind of source is, and what it is given to work with."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from zmey.sources.addresses import Gate
from zmey.sources.errors import SourceCancelledError, no_room, too_large, unreachable, url_invalid
from zmey.sources.places import Place
from zmey.sources.settings import Secret, SourceSettings

# How long a cancelled import may go on waiting for another server.
POLL_SECONDS = 0.1
CHUNK_BYTES = 256 * 1024

Result = TypeVar("Result")


class Watch:
    """Says when to stop: the import was cancelled, or the attempt takes too long."""

    def __init__(self, cancelled: Callable[[], bool], seconds: float, shown: str) -> None:
        self._cancelled = cancelled
        self._seconds = seconds
        self._end = time.monotonic() + seconds
        self._shown = shown

    def check(self) -> None:
        """Raises where the work has to stop.

        Raises:
            SourceCancelledError: the import was cancelled.
            SourceError: the time is over.
        """
        if self._cancelled():
            raise SourceCancelledError
        if time.monotonic() > self._end:
            raise unreachable(self._shown, f"takes longer than {self._seconds:g} seconds")

    @contextmanager
    def stopping(self, close: Callable[[], None]) -> Iterator[None]:
        """Calls `close` from another thread when the work has to stop; then raises why.

        For blocking libraries: closing their connection is what ends their waiting.
        """
        problems: list[Exception] = []
        finished = threading.Event()

        def watch() -> None:
            while not finished.wait(POLL_SECONDS):
                try:
                    self.check()
                except Exception as problem:
                    problems.append(problem)
                    close()
                    return

        watcher = threading.Thread(target=watch, name="source-watch", daemon=True)
        watcher.start()
        try:
            yield
        except Exception:
            if problems:
                raise problems[0] from None
            raise
        finally:
            finished.set()
            watcher.join()
        if problems:
            raise problems[0]

    def run(self, work: Coroutine[None, None, Result]) -> Result:
        """Runs a coroutine to its end, or until the work has to stop."""

        async def watched() -> Result:
            task = asyncio.ensure_future(work)
            try:
                while not (await asyncio.wait({task}, timeout=POLL_SECONDS))[0]:
                    self.check()
                return task.result()
            finally:
                task.cancel()
                await asyncio.wait({task})

        return asyncio.run(watched())


class Sink:
    """Where the bytes of a file go: a file of its own, bounded.

    Leaves nothing behind where the file did not come whole.
    """

    def __init__(self, path: Path, bytes_max: int, shown: str) -> None:
        self.path = path
        self._bytes_max = bytes_max
        self._shown = shown
        self._written = 0

    def __enter__(self) -> Self:
        # Without a buffer, so that a full disk shows where we can tell it from a broken connection.
        self._file = self.path.open("wb", buffering=0)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()
        if kind is not None:
            self.path.unlink(missing_ok=True)

    @property
    def room(self) -> int:
        """How many bytes may still come."""
        return self._bytes_max - self._written

    def expect(self, length: int) -> None:
        """Refuses a file whose length is known before its bytes.

        Raises:
            SourceError: it is too long.
        """
        if length > self._bytes_max:
            raise too_large(self._shown, self._bytes_max)

    def write(self, chunk: bytes) -> None:
        """Takes the next bytes.

        Raises:
            SourceError: the file is too long, or the disk is full.
        """
        if len(chunk) > self.room:
            raise too_large(self._shown, self._bytes_max)
        self._written += len(chunk)
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise no_room(self._shown) from error


@dataclass(frozen=True, slots=True)
class Visit:
    """What one attempt goes by.

    Attributes:
        settings: what the operator decides.
        secret: the credentials to log in with; of empty fields, if there are none.
        gate: the only way to get a connection.
        watch: says when to stop.
    """

    settings: SourceSettings
    secret: Secret
    gate: Gate
    watch: Watch


class Source(Protocol):
    """A kind of place that files come from."""

    def check(self, place: Place) -> None:
        """Looks at an URL before anything is done.

        Raises:
            SourceError: it is none of this kind.
        """

    def download(self, place: Place, sink: Sink, visit: Visit) -> None:
        """Writes a file into a sink.

        Raises:
            SourceError: it cannot be had.
            SourceCancelledError: it is not wanted any more.
        """


def check_host(place: Place) -> None:
    """The check of places that are a path on a host.

    Raises:
        SourceError: there is no host.
    """
    if not place.host:
        message = "The url has no host; it is of the form https://host/path."
        raise url_invalid(message)
