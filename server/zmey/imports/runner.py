"""Runs imports: a bounded number at once, each on a thread that fetches and then has it applied.

What an import has done is in the store with its rows. So a thread may be stopped anywhere, and
whoever claims the import next goes on.
"""

import threading
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import SystemRandom

from zmey._native import CoreError
from zmey.imports.core_jobs import CoreJobs
from zmey.imports.files import Files, Obtaining, refusal_of
from zmey.imports.folder import ImportFolder
from zmey.imports.operations import is_finished
from zmey.internal.v1.jobs_pb2 import Job
from zmey.logs import get_logger
from zmey.refusal import RefusedError
from zmey.sources import SourceCancelledError, SourceError
from zmey.v1 import import_job_pb2
from zmey.v1.space_pb2 import Space

# How often a thread looks for work that nobody has told it of, such as jobs that waited for the
# group of another one.
IDLE_SECONDS = 5.0
# How often a fetch asks whether its import was cancelled.
CANCEL_POLL_SECONDS = 0.5
# Pause after a failure of the store, which may be full for a while.
TROUBLE_SECONDS = 5.0
SWEEP_SECONDS = 60 * 60


class Runner:
    """The threads that run imports."""

    def __init__(
        self,
        jobs: CoreJobs,
        folder: ImportFolder,
        files: Files,
        spaces: Iterable[Space],
        concurrent_max: int,
    ) -> None:
        self._jobs = jobs
        self._folder = folder
        self._files = files
        self._spaces = tuple(spaces)
        self._changed = threading.Condition()
        self._stopping = threading.Event()
        names = [f"import-{number}" for number in range(concurrent_max)]
        self._threads = [threading.Thread(target=self._work, name=name) for name in names]
        self._threads.append(threading.Thread(target=self._sweep, name="import-sweep"))

    def start(self) -> None:
        """Begins with what an earlier process left, then what is queued."""
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Says that there may be work, or that something has ended."""
        with self._changed:
            self._changed.notify_all()

    def wait(self, seconds: float) -> None:
        """Waits until some import has ended, or so long."""
        with self._changed:
            if not self._stopping.is_set():
                self._changed.wait(seconds)

    def stop(self) -> None:
        """Takes no further import and interrupts fetches; the core ends the applying of rows."""
        self._stopping.set()
        self.wake()

    def join(self) -> None:
        """Waits for the threads; the core must be closed, or they would go on to the end."""
        for thread in self._threads:
            if thread.ident is not None:
                thread.join()

    def _work(self) -> None:
        while not self._stopping.is_set():
            try:
                job = self._jobs.claim()
                if job is None:
                    self.wait(IDLE_SECONDS)
                else:
                    self._run(job)
                    self.wake()
            except Exception as error:  # A thread that ended would leave imports to nobody.
                if self._stopping.is_set():
                    return
                get_logger().error("import interrupted", exc_info=error)
                self._stopping.wait(TROUBLE_SECONDS)

    def _run(self, job: Job) -> None:
        started = time.monotonic()
        try:
            path = self._file_of(job)
            if path is None:
                return
            ended = self._jobs.run(job.job_id, str(path))
        except SourceError as error:
            ended = self._jobs.fail(job.job_id, refusal_of(error).status())
        except RefusedError as refusal:
            ended = self._jobs.fail(job.job_id, refusal.status())
        except CoreError as error:
            if self._stopping.is_set():
                return
            ended = self._jobs.fail(job.job_id, error.status)
        if is_finished(ended):
            self._folder.forget_job(job.job_id)
            _log_end(ended, time.monotonic() - started)

    def _file_of(self, job: Job) -> Path | None:
        """Returns the file to apply; None where the process stops before it is there."""
        if job.file_path and (self._folder.path / job.file_path).is_file():
            return self._folder.path / job.file_path
        directory = self._folder.of_job(job.job_id)
        obtaining = self._obtaining(job)
        request = job.request
        space = request.options.space
        try:
            original = self._files.original(space, request, directory, obtaining)
            unpacked = self._files.unpacked(original, request, directory, obtaining)
        except SourceCancelledError:
            # The core ends a cancelled import before it would open any file.
            return None if self._stopping.is_set() else directory
        if unpacked.shape:
            request.reading.shape = unpacked.shape
            request.reading.sheet = unpacked.sheet
        relative = unpacked.path.relative_to(self._folder.path)
        self._jobs.update(
            job.job_id,
            file_path=str(relative),
            request=request,
            warnings=unpacked.warnings,
        )
        return unpacked.path

    def _obtaining(self, job: Job) -> Obtaining:
        return Obtaining(
            now=lambda: datetime.now(UTC),
            random=SystemRandom(),
            wait=lambda seconds: _drop(self._stopping.wait(seconds)),
            is_cancelled=_rarely(
                lambda: self._stopping.is_set() or self._is_cancelling(job), CANCEL_POLL_SECONDS
            ),
            attempted=lambda attempt: _drop(self._jobs.update(job.job_id, attempt=attempt)),
        )

    def _is_cancelling(self, job: Job) -> bool:
        try:
            return self._jobs.get(job.request.options.space, job.job_id).is_cancelling
        except CoreError:
            # The core is closing.
            return True

    def _sweep(self) -> None:
        """Removes old files now and then."""
        while not self._stopping.is_set():
            try:
                self._sweep_once()
            except (CoreError, OSError) as error:
                if not self._stopping.is_set():
                    get_logger().warning("old import files stay", exc_info=error)
            self._stopping.wait(SWEEP_SECONDS)

    def _sweep_once(self) -> None:
        every = (job for space in self._spaces for job in self._jobs.every(space))
        unfinished = [job for job in every if not is_finished(job)]
        sources = [job.request.source for job in unfinished]
        removed = self._folder.sweep(
            {source.upload or source.probe_uid for source in sources},
            {job.job_id for job in unfinished},
        )
        if removed:
            get_logger().info("old import files removed", files=removed)


def _rarely(ask: Callable[[], bool], seconds: float) -> Callable[[], bool]:
    """Asks at most every so many seconds and repeats the answer between."""
    answer, asked = False, 0.0

    def rarely() -> bool:
        nonlocal answer, asked
        if time.monotonic() - asked >= seconds:
            answer, asked = ask(), time.monotonic()
        return answer

    return rarely


def _drop(_: object) -> None:
    """Forgets a value that nobody needs."""


def _log_end(job: Job, seconds: float) -> None:
    counters = job.metadata.counters
    get_logger().info(
        "import ended",
        operation=job.job_id,
        state=import_job_pb2.ImportState.Name(job.metadata.state).removeprefix("IMPORT_STATE_"),
        read=counters.read,
        rejected=counters.rejected,
        seconds=round(seconds, 3),
    )
