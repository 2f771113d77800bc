"""UploadSource and DownloadReport: files to import come in, reports go out, in pieces."""

from collections.abc import Iterator
from time import perf_counter

import grpc

from zmey.imports.calls import decoded
from zmey.imports.service import ImportOperations
from zmey.server.calls import end_failed
from zmey.server.metrics import Metrics
from zmey.server.slots import Slots
from zmey.v1.import_job_pb2 import DownloadReportRequest, UploadSourceRequest

UPLOAD_METHOD = "/zmey.v1.ImportService/UploadSource"
REPORT_METHOD = "/zmey.v1.ImportService/DownloadReport"


class Transfers:
    """Files on their way, each on a thread for as long as its client likes."""

    def __init__(self, imports: ImportOperations, slots: Slots, metrics: Metrics) -> None:
        self._imports = imports
        self._slots = slots
        self._metrics = metrics
        self._uploaded = metrics.success(UPLOAD_METHOD)
        self._reported = metrics.success(REPORT_METHOD)

    def upload(self, requests: Iterator[bytes], context: grpc.ServicerContext) -> bytes:
        """Answers UploadSource."""
        started = perf_counter()
        try:
            with self._slots.held():
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
            with self._slots.held():
                for piece in self._imports.report(decoded(DownloadReportRequest, request)):
                    yield piece.SerializeToString()
        except Exception as error:  # Nothing may reach grpcio, which tells clients its text.
            self._end(REPORT_METHOD, error, started, context)
            raise
        self._reported(perf_counter() - started)

    def _end(
        self, method: str, error: Exception, started: float, context: grpc.ServicerContext
    ) -> None:
        """Ends a failed call, unless it has ended already or its client is gone."""
        if not context.is_active():
            self._metrics.failed(method, "CANCELLED", perf_counter() - started)
            return
        end_failed(method, error, perf_counter() - started, context, self._metrics)
