"""The folder of files to import: uploads of callers, and what running imports have fetched.

A file is written under a name of its own, synced, and then renamed, so that whatever has its name
is whole, also after a crash.
"""

import errno
import fcntl
import hashlib
import os
import re
import secrets
import shutil
import threading
import time
import weakref
from collections.abc import Callable, Collection, Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from zmey.refusal import RefusedError
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.space_pb2 import Space

# How long an upload is kept after it was last named.
UPLOAD_KEPT_SECONDS = 24 * 60 * 60
UPLOAD_ID_BYTES = 16
_UPLOAD_ID = re.compile(f"[0-9a-f]{{{2 * UPLOAD_ID_BYTES}}}")
# What tells the hash of a file with its request.json from that of a file.
_BETWEEN = b"\0request.json\0"
_DIRECTORY_MODE = 0o700
_FILE_MODE = 0o600


class ImportFolder:
    """The folder; all of it may be thrown away while nothing is imported."""

    def __init__(self, path: Path, file_bytes_max: int) -> None:
        self.path = path
        self.file_bytes_max = file_bytes_max
        # Between the look at the age of an upload and its removal nobody may name it.
        self._lock = threading.Lock()
        self._uploads = path / "uploads"
        self._jobs = path / "jobs"
        self.probes = path / "probes"
        path.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
        for directory in (self._uploads, self._jobs, self.probes):
            _make_directory(directory)

    def claim(self) -> None:
        """Keeps other servers out while it lives: they would sweep its files away.

        Raises:
            BlockingIOError: another server has the folder.
        """
        handle = os.open(self.path / "lock", os.O_WRONLY | os.O_CREAT, _FILE_MODE)
        weakref.finalize(self, os.close, handle)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            message = "Another server uses it"
            raise BlockingIOError(error.errno, message, str(self.path)) from error

    def begin_upload(self, space: Space) -> "Upload":
        """Opens a new file for an upload, which nobody but its space can name."""
        directory = self._of_space(space)
        _make_directory(directory)
        return Upload(directory, self.file_bytes_max, self._lock)

    def upload(self, space: Space, upload_id: str) -> Path:
        """Returns the file of an upload, whose day begins anew.

        Raises:
            RefusedError: there is none.
        """
        path = self._of_space(space) / upload_id
        with self._lock:
            if _UPLOAD_ID.fullmatch(upload_id) and path.is_file():
                os.utime(path)
                if (request := _beside(path)).is_file():
                    os.utime(request)
                return path
        raise RefusedError(
            reasons.ERROR_REASON_UPLOAD_UNKNOWN,
            "There is no such upload, or it was not used for 24 hours; upload it again.",
            {"upload": upload_id[:100]},
        )

    def request_of(self, space: Space, upload_id: str) -> bytes | None:
        """Returns the request.json that was kept beside an upload."""
        path = _beside(self._of_space(space) / upload_id)
        return path.read_bytes() if path.is_file() else None

    def of_job(self, space: Space, job_id: int) -> Path:
        """Returns the folder of a running import."""
        directory = self._jobs / _named(space) / str(job_id)
        _make_directory(directory.parent)
        _make_directory(directory)
        return directory

    def forget_job(self, space: Space, job_id: int) -> None:
        """Removes what an import has fetched."""
        shutil.rmtree(self._jobs / _named(space) / str(job_id), ignore_errors=True)

    def files(self, space: Space) -> tuple[list[Path], list[Path]]:
        """Returns the uploads and the folders of imports of a space that are there."""
        directories = self._of_space(space), self._jobs / _named(space)
        uploads, jobs = (list(directory.glob("*")) for directory in directories)
        return uploads, jobs

    def sweep(
        self,
        found: tuple[list[Path], list[Path]],
        used_uploads: Collection[str],
        unfinished_jobs: Collection[int],
        now: Callable[[], float] = time.time,
    ) -> int:
        """Removes what nobody can need any more; returns how many uploads and jobs that were.

        Args:
            found: what `files` found before the imports were listed.
            used_uploads: ids that imports still need, however old they are.
            unfinished_jobs: imports whose files are still needed.
            now: tells the time.
        """
        uploads, jobs = found
        kept = {str(job_id) for job_id in unfinished_jobs}
        old = (path for path in uploads if path.stem not in used_uploads)
        left = [path for path in jobs if path.name not in kept]
        for path in left:
            shutil.rmtree(path, ignore_errors=True)
        return len(left) + self._remove_old(old, now() - UPLOAD_KEPT_SECONDS)

    def sweep_probes(self, now: Callable[[], float] = time.time) -> int:
        """Removes what a process that was killed has left of probes; returns how many."""
        return self._remove_old(self.probes.iterdir(), now() - UPLOAD_KEPT_SECONDS)

    def _remove_old(self, paths: Iterable[Path], oldest: float) -> int:
        removed = 0
        for path in paths:
            with self._lock:
                # It may have been named, or be gone, since it was found.
                if path.exists() and path.stat().st_mtime < oldest:
                    removed += 1
                    _remove(path)
        return removed

    def _of_space(self, space: Space) -> Path:
        return self._uploads / _named(space)


class Upload:
    """A file that is being uploaded; in a `with` statement, it stays only if `keep` was called."""

    def __init__(self, directory: Path, bytes_max: int, lock: threading.Lock) -> None:
        self.bytes = 0
        self._lock = lock
        self._bytes_max = bytes_max
        self._directory = directory
        self._hash = hashlib.sha256()
        # Uploads of the same content may run side by side: each writes a file of its own.
        self._path = directory / f"{secrets.token_hex(UPLOAD_ID_BYTES)}.part"
        self._file: BinaryIO = self._path.open("xb")

    def write(self, content: bytes) -> None:
        """Appends to the file.

        Raises:
            RefusedError: it is too large, or the disk is full.
        """
        self.bytes += len(content)
        if self.bytes > self._bytes_max:
            raise RefusedError(
                reasons.ERROR_REASON_FILE_TOO_LARGE,
                "The file is larger than the server takes; split it, or raise "
                "import_file_bytes_max.",
                {"max_bytes": str(self._bytes_max)},
            )
        self._hash.update(content)
        try:
            self._file.write(content)
        except OSError as error:
            raise _no_room(error) from error

    def keep(self, request: bytes | None = None) -> str:
        """Makes the file durable and returns its id.

        The same content has the same id, so that a request that is repeated with its file is the
        same request.

        Args:
            request: the request.json of the folder that the file is of; another one is another id.

        Raises:
            RefusedError: the disk is full.
        """
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise _no_room(error) from error
        if request is not None:
            self._hash.update(_BETWEEN + request)
        upload_id = self._hash.hexdigest()[: 2 * UPLOAD_ID_BYTES]
        if request is not None:
            self._keep_beside(upload_id, request)
        with self._lock:
            self._path.replace(self._directory / upload_id)
        sync_directory(self._directory)
        return upload_id

    def _keep_beside(self, upload_id: str, request: bytes) -> None:
        """Makes a request.json durable before its file, which is never without it."""
        path = self._path.with_suffix(".request")
        try:
            path.write_bytes(request)
            sync_file(path)
            path.replace(_beside(self._directory / upload_id))
        except OSError as error:
            path.unlink(missing_ok=True)
            raise _no_room(error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(OSError):
            # What is still buffered may find a full disk; whatever was kept is synced.
            self._file.close()
        self._path.unlink(missing_ok=True)


def sync_directory(directory: Path) -> None:
    """Makes the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Makes a file durable with its name."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
    sync_directory(path.parent)


def _make_directory(directory: Path) -> None:
    """Makes a directory that is there after a power cut, too, unless it is there already."""
    try:
        directory.mkdir(mode=_DIRECTORY_MODE)
    except FileExistsError:
        return
    sync_directory(directory.parent)


def _beside(upload: Path) -> Path:
    """Returns where the request.json of an upload is, if it has one."""
    return upload.with_suffix(".json")


def _named(space: Space) -> str:
    return f"{space.account_id}-{space.db_id}"


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def _no_room(error: OSError) -> Exception:
    """Says that the disk is full; another error of it is no refusal."""
    if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
        return error
    return RefusedError(
        reasons.ERROR_REASON_OVERLOADED,
        "This server has no room on its disk for the file; try again later.",
        {"queue": "disk"},
    )
