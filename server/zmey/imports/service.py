"""What callers may ask about imports that the server runs: messages in, messages out."""

import base64
import binascii
import math
import re
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from random import SystemRandom
from typing import NoReturn

from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from zmey._native import CoreError
from zmey.imports.core_jobs import CoreJobs
from zmey.imports.files import Files, Obtaining, Original, Request, refusal_of
from zmey.imports.folder import ImportFolder
from zmey.imports.names import operation_name, parse_operation, parse_space
from zmey.imports.operations import is_finished, operation_of
from zmey.imports.report import report_pieces
from zmey.imports.runner import Runner
from zmey.imports.unimportable import unimportable
from zmey.refusal import RefusedError
from zmey.sources import SourceCancelledError, SourceError
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.import_job_pb2 import (
    DownloadReportRequest,
    DownloadReportResponse,
    ImportSource,
    ProbeImportRequest,
    ProbeImportResponse,
    StartImportRequest,
    StartImportResponse,
    UploadSourceRequest,
    UploadSourceResponse,
)
from zmey.v1.space_pb2 import Space

COPY_BYTES = 1024 * 1024
PAGE_SIZE_DEFAULT = 100
PAGE_SIZE_MAX = 1_000
# What clients of gRPC take by default is 4 MiB, and one more operation comes on top of this.
PAGE_BYTES_MAX = 2 * 1024 * 1024
_PAGE_TOKEN = re.compile("[1-9][0-9]{0,18}")
WAIT_SECONDS_MAX = 3_600.0
# How long a waiting call sleeps between two looks at the import, whose progress wakes nobody.
WAIT_POLL_SECONDS = 0.5


class ImportOperations:
    """Imports that the server runs, for callers."""

    def __init__(
        self,
        jobs: CoreJobs,
        folder: ImportFolder,
        files: Files,
        runner: Runner,
        waiters_max: int,
    ) -> None:
        self._jobs = jobs
        self._folder = folder
        self._files = files
        self._runner = runner
        self._waiters = threading.BoundedSemaphore(waiters_max)
        self._probes = threading.BoundedSemaphore(waiters_max)
        self._interrupted = threading.Event()

    def interrupt(self) -> None:
        """Ends probes that still wait for their file, since the process is about to end."""
        self._interrupted.set()

    def start(self, request: StartImportRequest, _: float | None) -> StartImportResponse:
        """Answers StartImport."""
        self._keep_source(request)
        created = self._jobs.create(request)
        self._runner.wake()
        metadata = created.job.metadata
        return StartImportResponse(
            operation=operation_name(metadata.space, created.job.job_id),
            metadata=metadata,
            repeated=created.is_repeated,
        )

    def probe(
        self, request: ProbeImportRequest, deadline_seconds: float | None
    ) -> ProbeImportResponse:
        """Answers ProbeImport."""
        space = request.options.space
        # Only a space that is served may have files fetched and kept.
        self._jobs.require(space)
        if request.source.WhichOneof("source") is None:
            _refuse_missing("source")
        self._keep_source(request)
        if request.source.WhichOneof("source") == "url":
            # Waiting for a file that comes later is for imports.
            request.source.url.attempts = 1
        if not self._probes.acquire(blocking=False):
            raise _too_many_probes()
        try:
            with tempfile.TemporaryDirectory(dir=self._folder.probes) as name:
                return self._probed(request, Path(name), deadline_seconds)
        finally:
            self._probes.release()

    def _probed(
        self, request: ProbeImportRequest, directory: Path, deadline_seconds: float | None
    ) -> ProbeImportResponse:
        space = request.options.space
        obtaining = self._obtaining_until(space, deadline_seconds)
        original: Original | None = None
        try:
            original = self._files.original(space, request, directory, obtaining)
            answer = self._told(request, original, directory, obtaining)
        except SourceCancelledError as error:
            raise self._given_up() from error
        except (CoreError, RefusedError, SourceError) as error:
            told = unimportable(error)
            if told is None:
                raise (refusal_of(error) if isinstance(error, SourceError) else error) from error
            answer = told
        # Without its file, there is nothing that an uid could stand for.
        if original is not None:
            answer.warnings.extend(original.warnings)
            answer.uid = self._uid_of(space, request.source, original)
        return answer

    def _told(
        self, request: ProbeImportRequest, original: Original, directory: Path, obtaining: Obtaining
    ) -> ProbeImportResponse:
        unpacked = self._files.unpacked(original.path, request, directory, obtaining)
        if unpacked.shape:
            request.reading.shape = unpacked.shape
            request.reading.sheet = unpacked.sheet
        answer = self._jobs.probe(request, str(unpacked.path))
        answer.warnings.extend(unpacked.warnings)
        return answer

    def _obtaining_until(self, space: Space, deadline_seconds: float | None) -> Obtaining:
        """What a call needs to get a file before its client gives up."""
        end = math.inf if deadline_seconds is None else time.monotonic() + deadline_seconds
        return Obtaining(
            now=lambda: self._jobs.now(space),
            random=SystemRandom(),
            wait=time.sleep,
            is_cancelled=lambda: self._interrupted.is_set() or time.monotonic() >= end,
            attempted=lambda _: None,
        )

    def _given_up(self) -> RefusedError:
        if self._interrupted.is_set():
            return RefusedError(
                reasons.ERROR_REASON_SHUTTING_DOWN,
                "The server is shutting down; probe the file again when it is back.",
            )
        return RefusedError(
            reasons.ERROR_REASON_DEADLINE_EXCEEDED,
            "The deadline passed before the file was there; give the call more time.",
        )

    def upload(self, requests: Iterable[UploadSourceRequest]) -> UploadSourceResponse:
        """Answers UploadSource."""
        messages = iter(requests)
        header = next(messages, UploadSourceRequest())
        if not header.HasField("header"):
            raise RefusedError(
                reasons.ERROR_REASON_UPLOAD_NOT_OPENED,
                "The first message of an upload must be its header.",
            )
        space = header.header.space
        self._jobs.require(space)
        with self._folder.begin_upload(space) as upload:
            for message in messages:
                upload.write(message.content)
            upload_id = upload.keep()
        return UploadSourceResponse(upload=upload_id, content_bytes=upload.bytes)

    def report(self, request: DownloadReportRequest) -> Iterator[DownloadReportResponse]:
        """Answers DownloadReport."""
        space, job_id = parse_operation(request.operation)
        metadata = self._jobs.get(space, job_id).metadata
        columns = metadata.layout.columns
        pieces = report_pieces(
            lambda: self._jobs.rejects(space, job_id),
            self._jobs.named(columns, express=metadata.express),
            [column.datakey.write_empty for column in columns],
        )
        for piece in pieces:
            yield DownloadReportResponse(content=piece)

    def get_operation(
        self, request: operations_pb2.GetOperationRequest, _: float | None
    ) -> operations_pb2.Operation:
        """Answers GetOperation."""
        return operation_of(self._jobs.get(*parse_operation(request.name)))

    def list_operations(
        self, request: operations_pb2.ListOperationsRequest, _: float | None
    ) -> operations_pb2.ListOperationsResponse:
        """Answers ListOperations: the imports of a space, newest first."""
        if request.filter:
            _refuse_field("filter")
        before = _page_token(request.page_token)
        size = min(request.page_size or PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX)
        if size < 1:
            _refuse_field("page_size")
        space = parse_space(request.name)
        answer = operations_pb2.ListOperationsResponse()
        jobs = self._jobs.page(space, before, size)
        for job in jobs:
            if answer.operations and answer.ByteSize() >= PAGE_BYTES_MAX:
                break
            answer.operations.append(operation_of(job))
            before = job.job_id
        # A page may be short because its imports are long: only an empty one is the end.
        if jobs and self._jobs.page(space, before, 1):
            answer.next_page_token = str(before)
        return answer

    def wait_operation(
        self, request: operations_pb2.WaitOperationRequest, deadline_seconds: float | None
    ) -> operations_pb2.Operation:
        """Answers WaitOperation: at the end of the import, or when the time is over.

        Each waiting call takes a thread; where too many wait, the answer comes at once.
        """
        name = parse_operation(request.name)
        seconds = WAIT_SECONDS_MAX
        if request.HasField("timeout"):
            # A duration may be longer than Python's own can be.
            seconds = min(seconds, request.timeout.seconds + request.timeout.nanos / 1e9)
        if deadline_seconds is not None:
            # Answering in time is better than a deadline exceeded.
            seconds = min(seconds, deadline_seconds - WAIT_POLL_SECONDS)
        end = time.monotonic() + seconds
        seen, job = self._runner.changes, self._jobs.get(*name)
        if is_finished(job) or not self._waiters.acquire(blocking=False):
            return operation_of(job)
        try:
            while not is_finished(job) and not self._runner.is_stopping:
                left = end - time.monotonic()
                if left <= 0:
                    break
                self._runner.wait(seen, min(left, WAIT_POLL_SECONDS))
                seen, job = self._runner.changes, self._jobs.get(*name)
        finally:
            self._waiters.release()
        return operation_of(job)

    def cancel_operation(
        self, request: operations_pb2.CancelOperationRequest, _: float | None
    ) -> empty_pb2.Empty:
        """Answers CancelOperation; one that has ended stays as it is."""
        self._jobs.cancel(*parse_operation(request.name))
        self._runner.wake()
        return empty_pb2.Empty()

    def delete_operation(
        self, request: operations_pb2.DeleteOperationRequest, _: float | None
    ) -> empty_pb2.Empty:
        """Answers DeleteOperation."""
        self._jobs.delete(*parse_operation(request.name))
        return empty_pb2.Empty()

    def _keep_source(self, request: Request) -> None:
        """Makes an upload of inline content, and sees whether a named one is there."""
        source, space = request.source, request.options.space
        kind = source.WhichOneof("source")
        if kind == "inline":
            self._jobs.require(space)
            with self._folder.begin_upload(space) as upload:
                upload.write(_inline_content(source))
                source.upload = upload.keep()
        elif kind in {"upload", "probe_uid"}:
            self._folder.upload(space, source.upload or source.probe_uid)

    def _uid_of(self, space: Space, source: ImportSource, original: Original) -> str:
        """Keeps a probed file that was fetched; uploads have an id already."""
        if source.WhichOneof("source") != "url":
            return source.upload or source.probe_uid
        with self._folder.begin_upload(space) as upload:
            with original.path.open("rb") as file:
                while piece := file.read(COPY_BYTES):
                    upload.write(piece)
            return upload.keep(original.request)


def _inline_content(source: ImportSource) -> bytes:
    if not source.inline.base64:
        return source.inline.content
    try:
        return base64.b64decode(b"".join(source.inline.content.split()), validate=True)
    except binascii.Error as error:
        raise RefusedError(
            reasons.ERROR_REASON_BASE64_INVALID,
            "The inline content is no base64; send it as it is and without base64.",
        ) from error


def _too_many_probes() -> RefusedError:
    return RefusedError(
        reasons.ERROR_REASON_OVERLOADED,
        "As many files are being probed as this server takes; try again when one is done.",
        {"queue": "probes"},
    )


def _page_token(token: str) -> int:
    """Reads the number of an import out of a token; 0 where there is none."""
    if token and not _PAGE_TOKEN.fullmatch(token):
        _refuse_field("page_token")
    return int(token or 0)


def _refuse_missing(field: str) -> NoReturn:
    raise RefusedError(
        reasons.ERROR_REASON_FIELD_REQUIRED,
        f"{field} is required.",
        {"field": field},
    )


_FIELD_PROBLEMS = {
    "filter": "is not supported; leave it out and select by yourself",
    "page_token": "is not one that a list had",
    "page_size": "must not be negative",
}


def _refuse_field(field: str) -> NoReturn:
    raise RefusedError(
        reasons.ERROR_REASON_FIELD_INVALID,
        f"{field} {_FIELD_PROBLEMS[field]}.",
        {"field": field},
    )
