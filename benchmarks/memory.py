"""The resident memory of a process without the mapped file of its store, sampled by a thread.

Memory of the store's pages belongs to the page cache: the system takes it back whenever it likes.
"""

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

SAMPLE_SECONDS = 0.2
# Reading smaps walks every page of the mapped store, so libraries are counted less often.
LIBRARIES_SECONDS = 5.0
STORE_FILE = "data.mdb"


class MemorySampler:
    """Keeps the maximum while its block runs."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._libraries_bytes = 0
        self.bytes_max = 0

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _sample(self) -> None:
        libraries_at = 0.0
        while not self._stop.is_set():
            if time.monotonic() >= libraries_at:
                libraries = _file_bytes(self._pid)
                self._libraries_bytes = max(self._libraries_bytes, libraries)
                libraries_at = time.monotonic() + LIBRARIES_SECONDS
            own = _own_bytes(self._pid)
            self.bytes_max = max(self.bytes_max, own + self._libraries_bytes)
            self._stop.wait(SAMPLE_SECONDS)


def _own_bytes(pid: int) -> int:
    """Returns anonymous and shared memory, which is cheap to read."""
    kilobytes = 0
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(("RssAnon:", "RssShmem:")):
            kilobytes += int(line.split()[1])
    return kilobytes * 1024


def _file_bytes(pid: int) -> int:
    """Returns resident pages of mapped files other than the store: programs and libraries."""
    kilobytes = 0
    counts = False
    for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
        head, _, rest = line.partition(" ")
        if not head.endswith(":"):
            path = line.split(maxsplit=5)[5:]
            counts = bool(path) and path[0].startswith("/") and not path[0].endswith(STORE_FILE)
        elif head == "Rss:" and counts:
            kilobytes += int(rest.split()[0])
            # A mapping's anonymous part, its private copies, is in RssAnon already.
        elif head == "Anonymous:" and counts:
            kilobytes -= int(rest.split()[0])
    return kilobytes * 1024
