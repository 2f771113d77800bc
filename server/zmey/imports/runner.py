"""Runs imports: a bounded number at once, each on a thread that fetches and then has it applied.

What an import has done is in the store with its rows. So a thread may be stopped anywhere, and
whoever claims the import next goes on.
"""

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from random import SystemRandom

from zmey._native import CoreError
from zmey.imports.core_jobs import CoreJobs
from zmey.imports.faults import is_of_ended_import, is_passing, unforeseen
from zmey.imports.files import Files, Obtaining, refusal_of
from zmey.imports.folder import ImportFolder
from zmey.imports.operations import is_finished, is_queued
from zmey.internal.v1.jobs_pb2 import Job
from zmey.logs import get_logger
from zmey.refusal import RefusedError
from zmey.sources import SourceCancelledError, SourceError
from zmey.v1 import import_job_pb2
from zmey.v1.space_pb2 import Space

# How often a thread looks for work that nobody has told it of, such as jobs that waited for the
# group of another one.
IDLE_SECONDS = 5.0
# How often a fetch or a pause asks whether its import was cancelled.
CANCEL_POLL_SECONDS = 0.5
# Pause after a failure of the store, which may be full for a while; it doubles up to a minute.
TROUBLE_SECONDS = 5.0
TROUBLE_SECONDS_MAX = 60.0
SWEEP_SECONDS = 60 * 60


class Runner:
    """The threads that run imports.

    Attributes:
        trouble_seconds: the first pause after a failure of the store.
    """

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
        self.trouble_seconds = TROUBLE_SECONDS
        self._changed = threading.Condition()
        self._changes = 0
        self._stopping = threading.Event()
        names = [f"import-{number}" for number in range(concurrent_max)]
        self._threads = [threading.Thread(target=self._work, name=name) for name in names]
        self._threads.append(threading.Thread(target=self._sweep, name="import-sweep"))

    def start(self) -> None:
        """Begins with what an earlier process left, then what is queued."""
        for thread in self._threads:
            thread.start()

    @property
    def changes(self) -> int:
        """Counts what may be news to who waits."""
        return self._changes

    @property
    def is_stopping(self) -> bool:
        """Whether the process is about to end."""
        return self._stopping.is_set()

    def wake(self) -> None:
        """Says that there may be work, or that something has ended."""
        with self._changed:
            self._changes += 1
            self._changed.notify_all()

    def wait(self, seen: int, seconds: float) -> None:
        """Waits for more changes than were seen, or so long.

        Who looked at the jobs after it took the number misses none that comes between.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._changes != seen or self.is_stopping, seconds)

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
        while not self.is_stopping:
            seen = self.changes
            try:
                job = self._jobs.claim()
                if job is None:
                    self.wait(seen, IDLE_SECONDS)
                else:
                    self._run(job)
                    self.wake()
            except Exception as error:  # A thread that ended would leave imports to nobody.
                if self.is_stopping:
                    return
                get_logger().error("imports interrupted", exc_info=error)
                self._stopping.wait(self.trouble_seconds)

    def _run(self, job: Job) -> None:
        """Stays with a claimed import to its end, since nobody else claims it unless it waits."""
        started = time.monotonic()
        failure: bytes | None = None
        pause = self.trouble_seconds
        while not self.is_stopping:
            try:
                job = self._step(job, failure)
                if is_finished(job) or is_queued(job):
                    self._leave(job, time.monotonic() - started)
                    return
            except SourceError as error:
                failure = refusal_of(error).status()
            except RefusedError as refusal:
                failure = refusal.status()
            except CoreError as error:
                if is_of_ended_import(error):
                    # Cancelled just before it was claimed.
                    self._folder.forget_job(job.request.options.space, job.job_id)
                    return
                if failure is None and not is_passing(error):
                    failure = error.status
                else:
                    pause = self._pause(job, error, pause)
            except Exception as error:  # Nobody would ever run it again.
                if failure is not None:
                    raise
                failure = unforeseen(error, job.job_id).status()

    def _step(self, job: Job, failure: bytes | None) -> Job:
        """Runs an import, or ends it by a failure; answers it as it is then."""
        if failure is not None:
            return self._jobs.fail(job.job_id, failure)
        # As it is kept by now: its file may have been fetched before the store failed.
        job = self._jobs.get(job.request.options.space, job.job_id)
        if is_finished(job):
            return job
        path = self._file_of(job)
        return self._fetched(job) if path is None else self._jobs.run(job.job_id, str(path))

    def _pause(self, job: Job, error: CoreError, seconds: float) -> float:
        """Waits for the store to recover; returns how long to wait next time."""
        if not self.is_stopping:
            get_logger().error("import interrupted", operation=job.job_id, exc_info=error)
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._is_cancelling(job):
            self._stopping.wait(min(CANCEL_POLL_SECONDS, seconds))
        return min(2 * seconds, TROUBLE_SECONDS_MAX)

    def _leave(self, job: Job, seconds: float) -> None:
        """Lets go of an import that has ended, or that waits once more.

        The latter has a request.json with a group in which another one is at work.
        """
        if is_finished(job):
            self._folder.forget_job(job.metadata.space, job.job_id)
            _log_end(job, seconds)

    def _file_of(self, job: Job) -> Path | None:
        """Returns the file to apply; None where it is yet to be fetched."""
        path = self._folder.path / job.file_path
        return path if job.file_path and path.is_file() else None

    def _fetched(self, job: Job) -> Job:
        """Gets the file of an import; returns the import as it is then."""
        request = job.request
        space = request.options.space
        directory = self._folder.of_job(space, job.job_id)
        obtaining = self._obtaining(job)
        try:
            original = self._files.original(space, request, directory, obtaining)
            unpacked = self._files.unpacked(original.path, request, directory, obtaining)
        except SourceCancelledError:
            # The core ends a cancelled import before it would open any file.
            return job if self.is_stopping else self._jobs.run(job.job_id, str(directory))
        if unpacked.shape:
            request.reading.shape = unpacked.shape
            request.reading.sheet = unpacked.sheet
        relative = unpacked.path.relative_to(self._folder.path)
        return self._jobs.update(
            job.job_id,
            file_path=str(relative),
            request=request,
            warnings=[*original.warnings, *unpacked.warnings],
        )

    def _obtaining(self, job: Job) -> Obtaining:
        space, created = job.request.options.space, job.metadata.created_seconds
        return Obtaining(
            # Whoever goes on after midnight asks for the same file.
            now=lambda: self._jobs.local_time(space, created),
            random=SystemRandom(),
            wait=lambda seconds: _drop(self._stopping.wait(seconds)),
            is_cancelled=_rarely(lambda: self._is_cancelling(job), CANCEL_POLL_SECONDS),
            attempted=lambda attempt: _drop(self._jobs.update(job.job_id, attempt=attempt)),
            attempts=job.metadata.attempt,
        )

    def _is_cancelling(self, job: Job) -> bool:
        """Whether an import is to stop; one that cannot be read goes on."""
        if self.is_stopping:
            return True
        try:
            now = self._jobs.get(job.request.options.space, job.job_id)
        except CoreError as error:
            return is_of_ended_import(error)
        return now.is_cancelling or is_finished(now)

    def _sweep(self) -> None:
        """Removes old files now and then."""
        while not self.is_stopping:
            try:
                self._sweep_once()
            except (CoreError, OSError) as error:
                if not self.is_stopping:
                    get_logger().warning("old import files stay", exc_info=error)
            self._stopping.wait(SWEEP_SECONDS)

    def _sweep_once(self) -> None:
        removed = sum(self._sweep_space(space) for space in self._spaces)
        removed += self._folder.sweep_probes()
        if removed:
            get_logger().info("old import files removed", files=removed)

    def _sweep_space(self, space: Space) -> int:
        # Before the jobs are read: what comes later is of a job that is not among them.
        found = self._folder.files(space)
        unfinished = [job for job in self._jobs.every(space) if not is_finished(job)]
        sources = [job.request.source for job in unfinished]
        return self._folder.sweep(
            found,
            {source.upload or source.probe_uid for source in sources},
            {job.job_id for job in unfinished},
        )


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
