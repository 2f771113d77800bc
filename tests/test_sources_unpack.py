"""Promise 14: hostile archives and spreadsheets cost little, and the server lives.

Gates: at most 512 MB of memory and 30 s; a clear error.
"""

import gzip
import io
import json
import os
import resource
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.sources import ROWS, reason, settings
from zmey.sources import SourceCancelledError, SourceError, Unpacked, child, unpack
from zmey.sources.child import RATIO_FREE_BYTES
from zmey.v1.import_job_pb2 import FILE_SHAPE_UNSPECIFIED

MIB = 1024 * 1024


def unpacked(tmp_path: Path, content: bytes, *, sheet: str = "", **changes: Any) -> Unpacked:
    """Unpacks a file; what it came in stays as it was."""
    (tmp_path / "file").write_bytes(content)
    into = tmp_path / "into"
    into.mkdir(exist_ok=True)
    got = unpack(tmp_path / "file", into, settings(**changes), sheet=sheet, cancelled=lambda: False)
    assert (tmp_path / "file").read_bytes() == content
    return got


def refusal(tmp_path: Path, content: bytes, **changes: Any) -> SourceError:
    """Unpacks what cannot be unpacked; nothing is left of it."""
    with pytest.raises(SourceError) as caught:
        unpacked(tmp_path, content, **changes)
    assert caught.value.message.endswith("."), caught.value.message
    assert not caught.value.is_transient
    assert list((tmp_path / "into").iterdir()) == []
    return caught.value


def zipped(*files: tuple[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Makes a zip archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in files:
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "content", [b"", b"a", ROWS, b'{"caption": []}', b"\xff\xfea\0", b"PK,1\n"]
)
def test_plain_files_stay_where_they_are(tmp_path: Path, content: bytes) -> None:
    got = unpacked(tmp_path, content)
    assert got == Unpacked(tmp_path / "file", FILE_SHAPE_UNSPECIFIED)


PACKED = (
    ("gzip", gzip.compress(ROWS)),
    ("gzip of two", gzip.compress(ROWS[:10]) + gzip.compress(ROWS[10:])),
    ("deflated", zipped(("a.csv", ROWS))),
    ("stored", zipped(("a.csv", ROWS), method=zipfile.ZIP_STORED)),
    ("bzip2", zipped(("a.csv", ROWS), method=zipfile.ZIP_BZIP2)),
    ("lzma", zipped(("a.csv", ROWS), method=zipfile.ZIP_LZMA)),
    ("in folders", zipped(("dir/", b""), ("dir/ner/", b""), ("dir/ner/имя.csv", ROWS))),
    (
        "from a Mac",
        zipped(("a.csv", ROWS), ("__MACOSX/._a.csv", b"x"), (".DS_Store", b"x"), ("b/._c", b"y")),
    ),
    ("from Windows", zipped(("a.csv", ROWS), ("Thumbs.db", b"x"), ("desktop.ini", b"x"))),
    ("path out", zipped(("../../a.csv", ROWS))),
    ("path of the root", zipped(("/etc/a.csv", ROWS))),
)


@pytest.mark.parametrize(("name", "content"), PACKED, ids=[row[0] for row in PACKED])
def test_one_file_is_taken_out(tmp_path: Path, name: str, content: bytes) -> None:
    got = unpacked(tmp_path, content)
    assert got.path.read_bytes() == ROWS, name
    assert got.path.parent == tmp_path / "into"
    assert got.shape == FILE_SHAPE_UNSPECIFIED
    assert list((tmp_path / "into").iterdir()) == [got.path]


def encrypted() -> bytes:
    """Sets the flag of encryption, in the file's header and in the directory."""
    content = bytearray(zipped(("a.csv", ROWS)))
    content[6] |= 1
    content[content.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def lying(size: int) -> bytes:
    """Says another size of the content than it has."""
    content = bytearray(zipped(("a.csv", ROWS)))
    content[22:26] = struct.pack("<I", size)
    start = content.rindex(b"PK\x01\x02") + 24
    content[start : start + 4] = struct.pack("<I", size)
    return bytes(content)


def unknown_method() -> bytes:
    content = bytearray(zipped(("a.csv", ROWS)))
    content[8:10] = struct.pack("<H", 97)
    start = content.rindex(b"PK\x01\x02") + 10
    content[start : start + 2] = struct.pack("<H", 97)
    return bytes(content)


BROKEN = (
    # What it is, the file, words of the message.
    ("no gzip", b"\x1f\x8bnothing", "no whole gzip archive"),
    ("cut gzip", gzip.compress(os.urandom(1000))[:500], "no whole gzip archive"),
    ("gzip and more", gzip.compress(ROWS) + b"more", "no whole gzip archive"),
    ("no zip", b"PK\x03\x04nothing", "no whole zip archive"),
    ("cut zip", zipped(("a.csv", os.urandom(1000)))[:500], "no whole zip archive"),
    ("changed zip", zipped(("a.csv", ROWS)).replace(b"\xcb", b"\xcc"), "no whole zip archive"),
    ("says too little", lying(10), "no whole zip archive"),
    ("says too much", lying(len(ROWS) + 7), "no whole zip archive"),
    ("unknown method", unknown_method(), "unknown method"),
    ("encrypted", encrypted(), "without a password"),
    ("empty", zipped(), "no file in it"),
    ("folders only", zipped(("a/", b"")), "no file in it"),
    ("zip in zip", zipped(("a.zip", zipped(("a.csv", ROWS)))), "archive within an archive"),
    ("gzip in gzip", gzip.compress(gzip.compress(ROWS)), "archive within an archive"),
    ("zip in gzip", gzip.compress(zipped(("a.csv", ROWS))), "archive within an archive"),
    ("too many", zipped(*[(f"{n}.csv", b"") for n in range(10_001)]), "10000 entries"),
)


@pytest.mark.parametrize(("name", "content", "words"), BROKEN, ids=[row[0] for row in BROKEN])
def test_broken_archives(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    error = refusal(tmp_path, content)
    assert reason(error) == "SOURCE_FILE_INVALID", name
    assert words in error.message
    assert error.details["file"] == "archive"


def test_several_files_are_listed(tmp_path: Path) -> None:
    error = refusal(tmp_path, zipped(("a.csv", ROWS), ("d/b.csv", ROWS)))
    assert error.details == {"file": "archive", "candidates": "a.csv, d/b.csv"}
    assert "2 files" in error.message
    many = refusal(tmp_path, zipped(*[(f"{'n' * 500}{n}", b"") for n in range(1000)]))
    assert "1000 files" in many.message
    assert len(many.message) < 2000


def bomb_gzip(size: int) -> bytes:
    return gzip.compress(b"\0" * size)


def bomb_zip(size: int) -> bytes:
    return zipped(("a.csv", b"\0" * size))


@pytest.mark.parametrize("make", [bomb_gzip, bomb_zip])
def test_the_size_limit_is_exact(tmp_path: Path, make: Callable[[int], bytes]) -> None:
    assert unpacked(tmp_path, make(1_000_000)).path.stat().st_size == 1_000_000
    (tmp_path / "into" / "unpacked").unlink()
    error = refusal(tmp_path, make(1_000_001))
    assert reason(error) == "SOURCE_TOO_LARGE"
    assert error.details["max_bytes"] == "1000000"


@pytest.mark.parametrize("make", [bomb_gzip, bomb_zip])
def test_bombs_are_told_by_their_ratio(tmp_path: Path, make: Callable[[int], bytes]) -> None:
    error = refusal(tmp_path, make(RATIO_FREE_BYTES + MIB), file_bytes_max=1024 * MIB)
    assert reason(error) == "UNPACK_LIMIT"
    assert error.details == {"limit": "unpack_ratio", "max": "200"}


def test_a_directory_of_a_huge_archive_costs_little(tmp_path: Path) -> None:
    """A zip that says it has more entries than memory holds."""
    entry = struct.pack(
        "<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0
    )
    directory = (entry + b"a") * 1_000_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFF, 0xFFFF, len(directory), 4, 0)
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    error = refusal(tmp_path, b"PK\x03\x04" + directory + end, file_bytes_max=1024 * MIB)
    assert reason(error) in {"UNPACK_LIMIT", "SOURCE_FILE_INVALID"}
    after = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert after <= max(before, 512 * 1024)


def test_a_full_disk_is_no_fault_of_the_archive(tmp_path: Path) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "into" / "unpacked.inner").symlink_to("/dev/full")
    with pytest.raises(SourceError) as caught:
        unpacked(tmp_path, gzip.compress(ROWS))
    assert (reason(caught.value), caught.value.is_transient) == ("OVERLOADED", True)


# Programs in place of the one that unpacks: what the server makes of their ends is what counts.
HOSTILE = (
    # What it does, reason, the limit in the details.
    ("while True: pass", "UNPACK_LIMIT", "unpack_seconds_max"),
    ("import time\ntime.sleep(60)", "UNPACK_LIMIT", "unpack_seconds_max"),
    (
        "import os, signal\nos.kill(os.getpid(), signal.SIGXCPU)",
        "UNPACK_LIMIT",
        "unpack_seconds_max",
    ),
    ("import os\nos.abort()", "UNPACK_LIMIT", "unpack_memory_bytes_max"),
    ("import os\nos.kill(os.getpid(), 9)", "UNPACK_LIMIT", "unpack_memory_bytes_max"),
    ("import os\nos.kill(os.getpid(), 11)", "SOURCE_FILE_INVALID", None),
    ("raise SystemExit(3)", "SOURCE_FILE_INVALID", None),
)


@pytest.mark.parametrize(("program", "expected", "limit"), HOSTILE)
def test_a_process_that_dies_is_only_an_error(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    program: str,
    expected: str,
    limit: str | None,
) -> None:
    (tmp_path / "program.py").write_text(program, encoding="utf-8")
    monkeypatch.setattr(child, "__file__", str(tmp_path / "program.py"))
    started = time.monotonic()
    error = refusal(tmp_path, gzip.compress(ROWS), unpack_seconds_max=1.0)
    assert time.monotonic() - started < 5
    assert reason(error) == expected
    assert error.details.get("limit") == limit


def child_with(tmp_path: Path, work: str, **given: object) -> "subprocess.CompletedProcess[bytes]":
    """Runs the process that unpacks with other work to do, under its real limits."""
    program = f"""
import json, sys
from zmey.sources import child
def work(given):
{work}
    return {{"shape": ""}}
given = json.loads(sys.argv[1])
child._bound(given)
sys.stdout.write(json.dumps(child._answered(work, given)))
"""
    described = {
        "input": "", "output": str(tmp_path / "output"), "sheet": "", "bytes_max": MIB,
        "memory_bytes_max": 512 * MIB, "seconds_max": 1,
    } | given  # fmt: skip
    return subprocess.run(
        [sys.executable, "-I", "-c", program, json.dumps(described)],
        capture_output=True, timeout=30, check=False,
    )  # fmt: skip


def test_the_limits_of_the_process_hold(tmp_path: Path) -> None:
    greedy = child_with(tmp_path, "    bytearray(600 * 1024 * 1024)")
    assert greedy.stdout == b'{"limit": "unpack_memory_bytes_max"}'
    busy = child_with(tmp_path, "    import signal; signal.alarm(0)\n    while True: pass")
    assert busy.returncode == -24, "SIGXCPU ends it"
    asleep = child_with(tmp_path, "    import time; time.sleep(20)")
    assert asleep.returncode == -14, "SIGALRM ends it"
    writing = child_with(
        tmp_path, "    open(given['output'], 'wb').write(bytes(3 * 1024 * 1024))", bytes_max=2 * MIB
    )
    assert b"File too large" in writing.stderr
    assert (tmp_path / "output").stat().st_size <= 2 * MIB


def test_cancelling_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "program.py").write_text(
        f"import os, time\nopen('{tmp_path}/pid', 'w').write(str(os.getpid()))\ntime.sleep(60)",
        encoding="utf-8",
    )
    (tmp_path / "file").write_bytes(gzip.compress(ROWS))
    monkeypatch.setattr(child, "__file__", str(tmp_path / "program.py"))
    started = time.monotonic()

    def cancelled() -> bool:
        return (tmp_path / "pid").exists() and (tmp_path / "pid").read_text() != ""

    with pytest.raises(SourceCancelledError):
        unpack(tmp_path / "file", tmp_path, settings(), cancelled=cancelled)
    assert time.monotonic() - started < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
