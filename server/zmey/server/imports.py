"""StreamImport: chunks go into the core as bytes, receipts come out, in step with the client.

A thread of its own feeds each stream, so that the core can read ahead and commit chunks together
while receipts go out. `submit` blocks while the core's window is full; the next message is then
not read and HTTP/2 slows the client down.
"""

import threading
from collections.abc import Iterator
from time import perf_counter
from typing import Protocol

import grpc

from zmey.refusal import RefusedError
from zmey.server.calls import end_failed
from zmey.server.failures import Failure, shutting_down
from zmey.server.metrics import Metrics
from zmey.server.slots import Slots

METHOD = "/zmey.v1.ImportService/StreamImport"


class ImportStreamOfCore(Protocol):
    """One running import of the core; see `zmey._native.ImportStream`."""

    @property
    def opened(self) -> bytes:
        """The answer to the options."""

    def submit(self, request: bytes) -> None:
        """Takes one chunk; blocks while the window is full."""

    def finish(self) -> None:
        """Says that no chunk follows."""

    def receipt(self) -> bytes | None:
        """Waits for the next receipt; None after the last one."""

    def cancel(self) -> None:
        """Gives up; idempotent."""


class ImportingCore(Protocol):
    """What opens imports: the core."""

    def open_import(self, request: bytes) -> ImportStreamOfCore:
        """Opens an import."""


class Imports:
    """All import streams of one server."""

    def __init__(self, core: ImportingCore, slots: Slots, metrics: Metrics) -> None:
        self._core = core
        self._slots = slots
        self._metrics = metrics
        self._succeeded = metrics.success(METHOD)
        self._lock = threading.Lock()
        self._sessions: set[_Session] = set()
        self._draining = False

    def behavior(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        """Answers one stream."""
        try:
            with self._slots.held():
                yield from self._answers(requests, context)
        except RefusedError as refusal:
            end_failed(METHOD, refusal, 0.0, context, self._metrics)

    def _answers(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> Iterator[bytes]:
        started = perf_counter()
        self._metrics.imports_open.inc()
        session = _Session(requests, context)
        try:
            self._enter(session)
            yield from session.run(self._core)
        except Exception as error:  # Nothing may reach grpcio, which tells clients its text.
            if not session.gone(error):
                end_failed(METHOD, error, perf_counter() - started, context, self._metrics)
            self._metrics.failed(METHOD, "CANCELLED", perf_counter() - started)
            return
        finally:
            session.cancel()
            with self._lock:
                self._sessions.discard(session)
            self._metrics.imports_open.dec()
        if session.failed is not None:
            end_failed(METHOD, session.failed, perf_counter() - started, context, self._metrics)
        self._succeeded(perf_counter() - started)

    def drain(self) -> None:
        """Takes no further chunk; every stream ends after the receipts of those taken."""
        with self._lock:
            self._draining = True
            sessions = list(self._sessions)
        for session in sessions:
            session.drain()

    def _enter(self, session: "_Session") -> None:
        with self._lock:
            self._sessions.add(session)
            draining = self._draining
        if draining:
            session.drain()


class _Session:
    """One stream: the client's messages on one side, the core's import on the other."""

    def __init__(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> None:
        self.failed: Exception | Failure | None = None
        self._requests = requests
        self._context = context
        self._stream: ImportStreamOfCore | None = None
        self._draining = threading.Event()
        self._cancelled = threading.Event()
        self._finishing = threading.Lock()
        self._finished = False

    def gone(self, error: Exception) -> bool:
        """Tells whether an error only says that the client has left."""
        return self._cancelled.is_set() or isinstance(error, grpc.RpcError)

    def run(self, core: ImportingCore) -> Iterator[bytes]:
        """Yields the answer to the options, then the receipts; afterwards `failed` tells."""
        # A stream without any message is opened with an empty one: the core has the right error.
        self._stream = stream = core.open_import(next(self._requests, b""))
        if self._draining.is_set():
            self._finish(stream)
        if not self._context.add_callback(self.cancel):
            self.cancel()
        yield stream.opened
        threading.Thread(target=self._feed, args=(stream,), name="import-feed", daemon=True).start()
        while (receipt := stream.receipt()) is not None:
            yield receipt
        if self.failed is None and self._draining.is_set():
            self.failed = shutting_down()

    def drain(self) -> None:
        """Ends the stream after the receipts of the chunks taken so far."""
        self._draining.set()
        if self._stream is None:
            self._context.cancel()
        else:
            self._finish(self._stream)

    def cancel(self) -> None:
        """Ends the stream: the client is gone, or everything is done."""
        self._cancelled.set()
        if self._stream is not None:
            self._stream.cancel()

    def _feed(self, stream: ImportStreamOfCore) -> None:
        """Hands chunks to the core until the client ends, the drain begins or a chunk fails."""
        try:
            for request in self._requests:
                if self._draining.is_set():
                    break
                stream.submit(request)
        except grpc.RpcError:
            # The client is gone; the callback of the context cancels as well.
            self.cancel()
        except Exception as error:  # The thread that answers tells the client.
            if not self._draining.is_set() and not self._cancelled.is_set():
                self.failed = error
        finally:
            self._finish(stream)

    def _finish(self, stream: ImportStreamOfCore) -> None:
        """Tells the core once that no chunk follows: the drain and the client may both say so."""
        with self._finishing:
            if self._finished:
                return
            self._finished = True
        stream.finish()
