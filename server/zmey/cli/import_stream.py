"""The client side of StreamImport: chunks go out ahead while receipts come in."""

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

from zmey.cli.chunks import Chunk
from zmey.cli.columns import Column
from zmey.cli.import_report import ImportReport
from zmey.client import Client
from zmey.v1.import_rows_pb2 import ImportOptions
from zmey.v1.import_service_pb2 import StreamImportRequest

# Chunks sent and not yet acknowledged: at 2 MiB each this bounds the client's memory.
CHUNKS_AHEAD_MAX = 16


class ImportRun:
    """One run of an import over one stream."""

    def __init__(
        self,
        options: ImportOptions,
        chunks: Iterable[Chunk],
        columns: Sequence[Column],
        report: ImportReport,
    ) -> None:
        self._options = options
        self._chunks = chunks
        self._columns = columns
        self._report = report
        self._ahead = threading.Semaphore(CHUNKS_AHEAD_MAX)
        self._sent: deque[Chunk] = deque()
        self._opened = threading.Event()
        self._stopped = False
        self._next_chunk = 1
        self._reading_failed: Exception | None = None
        self._rest: Chunk | None = None

    def run(
        self, client: Client, opened: Callable[[int], None], progress: Callable[[], None]
    ) -> None:
        """Sends everything and waits for the last receipt.

        Args:
            client: the connection.
            opened: called with the number of the first chunk that the server wants.
            progress: called after every receipt.

        Raises:
            grpc.RpcError: the stream has failed; what the report has counted is durable.
            CommandError: the file cannot be read any further.
        """
        call = client.imports.StreamImport(self._requests())
        try:
            for response in call:
                if response.HasField("opened"):
                    self._next_chunk = response.opened.next_chunk
                    opened(self._next_chunk)
                    self._opened.set()
                    continue
                self._report.take(self._sent.popleft(), response.receipt)
                self._ahead.release()
                progress()
        finally:
            # Wakes the sending thread wherever it waits.
            self._stopped = True
            self._opened.set()
            self._ahead.release()
            call.cancel()
        if self._reading_failed is not None:
            raise self._reading_failed
        if self._rest is not None:
            self._report.take_rest(self._rest)
        progress()

    def _requests(self) -> Iterator[StreamImportRequest]:
        """Yields the options, then chunks; gRPC runs this on a thread of its own."""
        yield StreamImportRequest(options=self._options)
        self._opened.wait()
        try:
            for chunk in self._chunks:
                if self._stopped:
                    return
                if chunk.number == 0:
                    self._rest = chunk
                elif chunk.number < self._next_chunk:
                    self._report.skip(chunk)
                else:
                    self._ahead.acquire()
                    self._sent.append(chunk)
                    yield chunk.encode(self._columns)
        except Exception as error:  # gRPC would only print it; `run` raises it.
            self._reading_failed = error
