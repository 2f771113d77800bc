"""The folder of files to import: uploads of callers, and what running imports have fetched.

A file is written under a name of its own, synced, and then renamed, so that whatever has its name
is whole, also after a crash.
"""

import hashlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

import grpc

from zmey.refusal import RefusedError
from zmey.v1.space_pb2 import Space

# How long an upload is kept after it was last named.
UPLOAD_KEPT_SECONDS = 24 * 60 * 60
UPLOAD_ID_BYTES = 16
_UPLOAD_ID = re.compile(f"[0-9a-f]{{{2 * UPLOAD_ID_BYTES}}}")
_DIRECTORY_MODE = 0o700


class ImportFolder:
    """The folder; all of it may be thrown away while nothing is imported."""

    def __init__(self, path: Path, file_bytes_max: int) -> None:
        self.path = path
        self.file_bytes_max = file_bytes_max
        self._uploads = path / "uploads"
        self._jobs = path / "jobs"
        self.probes = path / "probes"
        for directory in (path, self._uploads, self._jobs, self.probes):
            directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)

    def begin_upload(self, space: Space) -> "Upload":
        """Opens a new file for an upload, which nobody but its space can name."""
        directory = self._of_space(space)
        directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        return Upload(directory, self.file_bytes_max)

    def upload(self, space: Space, upload_id: str) -> Path:
        """Returns the file of an upload, whose day begins anew.

        Raises:
            RefusedError: there is none.
        """
        path = self._of_space(space) / upload_id
        if not _UPLOAD_ID.fullmatch(upload_id) or not path.is_file():
            raise RefusedError(
                grpc.StatusCode.NOT_FOUND,
                "ERROR_REASON_UPLOAD_UNKNOWN",
                "There is no such upload, or it was not used for 24 hours; upload it again.",
                {"upload": upload_id[:100]},
            )
        os.utime(path)
        return path

    def of_job(self, job_id: int) -> Path:
        """Returns the folder of a running import."""
        directory = self._jobs / str(job_id)
        directory.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
        return directory

    def forget_job(self, job_id: int) -> None:
        """Removes what an import has fetched."""
        shutil.rmtree(self._jobs / str(job_id), ignore_errors=True)

    def sweep(
        self,
        used_uploads: Collection[str],
        unfinished_jobs: Collection[int],
        now: Callable[[], float] = time.time,
    ) -> int:
        """Removes what nobody can need any more; returns how many uploads and jobs that were.

        Args:
            used_uploads: ids that imports still need, however old they are.
            unfinished_jobs: imports whose files are still needed.
            now: tells the time.
        """
        oldest = now() - UPLOAD_KEPT_SECONDS
        uploads = [path for path in self._uploads.glob("*/*") if path.name not in used_uploads]
        old = [path for path in uploads if path.stat().st_mtime < oldest]
        for path in old:
            path.unlink(missing_ok=True)
        kept = {str(job_id) for job_id in unfinished_jobs}
        left = [path for path in self._jobs.iterdir() if path.name not in kept]
        left += [path for path in self.probes.iterdir() if path.stat().st_mtime < oldest]
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        return len(old) + len(left)

    def _of_space(self, space: Space) -> Path:
        return self._uploads / f"{space.account_id}-{space.db_id}"


class Upload:
    """A file that is being uploaded; in a `with` statement, it stays only if `keep` was called."""

    def __init__(self, directory: Path, bytes_max: int) -> None:
        self.bytes = 0
        self._bytes_max = bytes_max
        self._directory = directory
        self._hash = hashlib.sha256()
        # Uploads of the same content may run side by side: each writes a file of its own.
        self._path = directory / f"{secrets.token_hex(UPLOAD_ID_BYTES)}.part"
        self._file: BinaryIO = self._path.open("xb")

    def write(self, content: bytes) -> None:
        """Appends to the file.

        Raises:
            RefusedError: it is too large.
        """
        self.bytes += len(content)
        if self.bytes > self._bytes_max:
            raise RefusedError(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "ERROR_REASON_FILE_TOO_LARGE",
                "The file is larger than the server takes; split it, or raise "
                "import_file_bytes_max.",
                {"max_bytes": str(self._bytes_max)},
            )
        self._hash.update(content)
        self._file.write(content)

    def keep(self) -> str:
        """Makes the file durable and returns its id.

        The same content has the same id, so that a request that is repeated with its file is the
        same request.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        upload_id = self._hash.hexdigest()[: 2 * UPLOAD_ID_BYTES]
        self._path.replace(self._directory / upload_id)
        sync_directory(self._directory)
        return upload_id

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
