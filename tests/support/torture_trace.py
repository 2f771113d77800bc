"""What a process wrote into one file and when it synced, recorded with strace.

Each write is two events, its begin and its end, and so is each sync: between them a power cut finds
it half done. What the process wrote to its standard output is an acknowledgement.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

__all__ = ["Acknowledged", "Ended", "Event", "Moved", "SyncBegun", "Written", "record", "require"]

# Everything by which a file may change or be synced. What the reader does not expect on the
# recorded file is an error, so that no write escapes it.
SYSTEM_CALLS = (
    *("openat", "close", "lseek", "write", "pwrite64", "writev", "pwritev", "pwritev2"),
    *("fsync", "fdatasync", "msync", "sync_file_range", "ftruncate", "fallocate"),
    *("rename", "renameat", "renameat2"),
)
WRITES = ("write", "pwrite64", "writev", "pwritev", "pwritev2")
SYNCS = ("fsync", "fdatasync")
MOVES = ("rename", "renameat", "renameat2")
STRING_BYTES_MAX = 16 * 1024 * 1024
STANDARD_OUTPUT = 1
RUN_SECONDS_MAX = 600

LINE = re.compile(r"(\d+) +(.*)")
RESULT = re.compile(r"\) += (-?\d+)[^\"]*$")
HANDLE = re.compile(r"\d+")
STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
UNFINISHED = " <unfinished ...>"
HINT = "strace is missing; install it, for example with `apt-get install strace`"


@dataclass(frozen=True)
class Written:
    """A write has begun; `durable` where the end of the write is also its sync (O_DSYNC)."""

    call: int
    offset: int
    data: bytes
    durable: bool


@dataclass(frozen=True)
class SyncBegun:
    """A sync has begun: it covers the writes that have ended."""

    call: int


@dataclass(frozen=True)
class Ended:
    """A write or a sync has ended."""

    call: int


@dataclass(frozen=True)
class Acknowledged:
    """The process is about to say that something is durable."""

    text: str


@dataclass(frozen=True)
class Moved:
    """The file has got the name that is recorded; before it had another one."""


Event = Written | SyncBegun | Ended | Acknowledged | Moved


def require() -> None:
    """Fails where strace is missing under CI; elsewhere skips and says what to install."""
    if shutil.which("strace") is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(HINT)


def record(
    command: Sequence[str],
    files: Sequence[Path],
    trace: Path,
    environment: Mapping[str, str],
) -> list[Event]:
    """Runs a command to its end under strace.

    Args:
        command: what to run.
        files: the names that the file of interest has one after the other.
        trace: where strace writes.
        environment: the environment of the command.
    """
    traced = ["strace", "--follow-forks", "--seccomp-bpf", "-xx", "-s", str(STRING_BYTES_MAX)]
    options = ["-e", f"trace={','.join(SYSTEM_CALLS)}", "-e", "signal=none", "-o", str(trace)]
    done = subprocess.run(
        [*traced, *options, *command], env=environment,
        capture_output=True, text=True, timeout=RUN_SECONDS_MAX, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with trace.open(encoding="ascii") as lines:
        events = list(_Reader([str(file) for file in files]).events(lines))
    # Threads speak at once, so that the order of their calls is not that of the lines.
    said = "".join(event.text for event in events if isinstance(event, Acknowledged))
    assert sorted(said.splitlines()) == sorted(done.stdout.splitlines())
    return events


@dataclass(frozen=True)
class _Call:
    """A system call whose begin was seen; `length` is that of the data it writes."""

    number: int
    name: str
    arguments: str
    handle: int | None
    length: int = 0


class _Reader:
    """Reads the lines of one trace."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files
        # handle of the file -> whether its writes are syncs too
        self._handles: dict[int, bool] = {}
        self._position: dict[int, int] = {}
        # thread -> the call it waits in
        self._waiting: dict[str, _Call] = {}
        self._calls = 0

    def events(self, lines: Iterator[str]) -> Iterator[Event]:
        """Yields what concerns the file and the standard output."""
        for line in lines:
            found = LINE.fullmatch(line.rstrip("\n"))
            assert found is not None, line[:200]
            thread, text = found.groups()
            if text.startswith(("+++", "---")):
                continue
            result = RESULT.search(text)
            if text.startswith("<... "):
                call = self._waiting.pop(thread)
            else:
                begin = text[: result.start()] if result else text.removesuffix(UNFINISHED)
                call, events = self._begin(begin)
                yield from events
            if result is None:
                self._waiting[thread] = call
            else:
                yield from self._end(call, result[1])

    def _begin(self, text: str) -> tuple[_Call, list[Event]]:
        self._calls += 1
        number = self._calls
        name, _, arguments = text.partition("(")
        found = HANDLE.match(arguments)
        handle = int(found[0]) if found and name != "openat" else None
        call = _Call(number, name, arguments, handle)
        if handle == STANDARD_OUTPUT and name == "write":
            return call, [Acknowledged(_data(arguments).decode())]
        if handle not in self._handles:
            return call, []
        if name in SYNCS:
            return call, [SyncBegun(number)]
        if name not in WRITES:
            assert name in ("close", "lseek"), f"{name} on the recorded file is not expected"
            return call, []
        data = _data(arguments)
        written = Written(number, self._offset(call, len(data)), data, self._handles[handle])
        return replace(call, length=len(data)), [written]

    def _end(self, call: _Call, text: str) -> Iterator[Event]:
        result = int(text)
        if call.name in MOVES and result == 0:
            names = _data(call.arguments).decode()
            if names == "".join(self._files):
                yield Moved()
        if call.name == "openat":
            if result >= 0 and _data(call.arguments).decode() in self._files:
                self._handles[result] = "O_DSYNC" in call.arguments or "O_SYNC" in call.arguments
                self._position[result] = 0
            return
        if call.handle not in self._handles:
            return
        if call.name == "close":
            del self._handles[call.handle]
        elif call.name == "lseek":
            self._position[call.handle] = result
        else:
            # The length of a write is its result; that of a sync is 0.
            assert result == call.length, f"{call.name} of the recorded file was not done whole"
            yield Ended(call.number)

    def _offset(self, call: _Call, length: int) -> int:
        assert call.handle is not None
        if call.name in ("write", "writev"):
            offset = self._position[call.handle]
            self._position[call.handle] += length
            return offset
        numbers = re.findall(r"\d+", call.arguments.rpartition('"')[2])
        return int(numbers[-2] if call.name == "pwritev2" else numbers[-1])


def _data(arguments: str) -> bytes:
    """Joins the strings of a call."""
    return b"".join(bytes.fromhex(text.replace("\\x", "")) for text in STRING.findall(arguments))
