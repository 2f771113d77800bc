"""`job_server.log`: a line for each message that was answered with an error (seed 000)."""

import errno
import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path

import orjson

from zmey.bridge.alarm import FileAlarm


class JobLog:
    """The file; it is opened for each batch, so that it may be rotated at any time."""

    def __init__(
        self,
        path: Path,
        alarm: FileAlarm,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Makes sure that the file can be written.

        Raises:
            OSError: it cannot.
        """
        self._path = path
        self._alarm = alarm
        self._now = now
        self._ends_in_a_line = True
        with path.open("ab"):
            pass

    def write(self, errors: Iterable[tuple[int, str, str]]) -> None:
        """Appends (error, error_text, feedback_id), all in one write."""
        time = self._now().isoformat(timespec="milliseconds")
        lines = b"".join(
            orjson.dumps(
                {"time": time, "error": code, "error_text": text, "feedback_id": feedback_id},
                option=orjson.OPT_APPEND_NEWLINE,
            )
            for code, text, feedback_id in errors
        )
        if lines:
            with self._alarm.writing():
                self._append(lines)

    def _append(self, lines: bytes) -> None:
        """Writes lines; where the disk has room for a part of them only, they are a failure."""
        if not self._ends_in_a_line:
            lines = b"\n" + lines
        with self._path.open("ab", buffering=0) as file:
            written = file.write(lines)
        self._ends_in_a_line = written == len(lines)
        if not self._ends_in_a_line:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
