"""UploadSource and DownloadReport: files to import come in, reports go out, in pieces."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter

import grpc

from zmey.imports.calls import decoded
from zmey.imports.service import ImportOperations
from zmey.refusal import RefusedError
from zmey.server.calls import end_failed
from zmey.server.metrics import Metrics
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.import_job_pb2 import DownloadReportRequest, UploadSourceRequest

UPLOAD_METHOD = "/zmey.v1.ImportService/UploadSource"
REPORT_METHOD = "/zmey.v1.ImportService/DownloadReport"


class Transfers:
    """Files on their way, bounded in number: each takes a thread as long as its client likes."""

    def __init__(self, imports: ImportOperations, concurrent_max: int, metrics: Metrics) -> None:
        self._imports = imports
        self._concurrent_max = concurrent_max
        self._slots = threading.BoundedSemaphore(concurrent_max)
        self._metrics = metrics
        self._uploaded = metrics.success(UPLOAD_METHOD)
        self._reported = metrics.success(REPORT_METHOD)

    def upload(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """Answers UploadSource."""
        started = perf_counter()
        try:
            with self._slot():
                messages = (decoded(UploadSourceRequest, request) for request in requests)
                answer = self._imports.upload(messages).SerializeToString()
        except Exception as error:  # Nothing may reach grpcio, which tells clients its text.
            self._end(UPLOAD_METHOD, error, started, context)
            raise
        self._uploaded(perf_counter() - started)
        return answer

    def report(self, request: bytes, context: grpc.ServicerContext) -> Iterator[bytes]:
        """Answers DownloadReport."""
        started = perf_counter()
        try:
            with self._slot():
                for piece in self._imports.report(decoded(DownloadReportRequest, request)):
                    yield piece.SerializeToString()
        except Exception as error:  # Nothing may reach grpcio, which tells clients its text.
            self._end(REPORT_METHOD, error, started, context)
            raise
        self._reported(perf_counter() - started)

    @contextmanager
    def _slot(self) -> Iterator[None]:
        if not self._slots.acquire(blocking=False):
            raise RefusedError(
                reasons.ERROR_REASON_OVERLOADED,
                f"{self._concurrent_max} files are on their way, as many as this server takes; "
                "try again when one has arrived.",
                {"queue": "transfers"},
            )
        try:
            yield
        finally:
            self._slots.release()

    def _end(
        self, method: str, error: Exception, started: float, context: grpc.ServicerContext
    ) -> None:
        """Ends a failed call, unless it has ended already or its client is gone."""
        if not context.is_active():
            self._metrics.failed(method, "CANCELLED", perf_counter() - started)
            return
        end_failed(method, error, perf_counter() - started, context, self._metrics)
