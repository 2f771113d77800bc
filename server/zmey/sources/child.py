"""Takes one file out of an archive or a spreadsheet; a program that runs as a process of its own.

    python -I child.py '{"input": …, "output": …, "sheet": …, "bytes_max": …, "memory_bytes_max": …,
                         "seconds_max": …}'

It imports as little as possible, because what it is given may be hostile and its memory is bounded.
The answer is one JSON object on stdout: what the core says of a spreadsheet, {} of anything else;
or {"limit": …}, {"problem": …} or {"fault": …}.
"""

import base64
import gzip
import json
import lzma
import os
import resource
import signal
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

CHUNK_BYTES = 256 * 1024
# The longest answer has 100 warnings, which have bounds of their own.
ANSWER_BYTES_MAX = 1024 * 1024
# More entries are no archive of one file, and cost memory.
ENTRIES_MAX = 10_000
# No table is packed this tightly; the beginning is free, since small files may be uniform.
RATIO_MAX = 200
RATIO_FREE_BYTES = 16 * 1024 * 1024
NAMES_SHOWN_MAX = 10
NAME_CHARACTERS_MAX = 100
NICE = 10
# What a process holds while it reports that it has no memory left.
RESERVE_BYTES = 256 * 1024

GZIP = b"\x1f\x8b"
ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
# Compound files of Microsoft: XLS, and spreadsheets with a password.
COMPOUND = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAGIC_BYTES = 8
# A zip with one of these is a spreadsheet, of Microsoft's or of OASIS' kind.
SPREADSHEET_ENTRIES = ("[Content_Types].xml", "mimetype")
# What systems put into archives besides the file that was meant.
IGNORED_FOLDERS = ("__MACOSX",)
IGNORED_NAMES = ("Thumbs.db", "desktop.ini")

# What the libraries raise for archives that are broken in one way or another.
BROKEN = (
    EOFError,
    NotImplementedError,
    OSError,
    OverflowError,
    ValueError,
    lzma.LZMAError,
    struct.error,
    zipfile.BadZipFile,
    zlib.error,
)
# What is wrong; each completes "The file …".
NESTED = "is an archive within an archive; pack it once only"
UNKNOWN_METHOD = "is packed by an unknown method; pack it as plain zip"
NO_DATA = "has no file in it; pack one file of data"
ENCRYPTED = "is encrypted; pack it without a password"
NOT_WHOLE = "is no whole {} archive; pack it again"
TOO_MANY = f"has more than {ENTRIES_MAX} entries; pack one file of data only"
# Names of limits.
DISK = "disk"
FILE_BYTES = "import_file_bytes_max"
RATIO = "unpack_ratio"
MEMORY = "unpack_memory_bytes_max"

Answer = dict[str, Any]


class _Readable(Protocol):
    """What bytes come from."""

    def read(self, size: int, /) -> bytes:
        """Returns the next bytes; none at the end."""


class ProblemError(Exception):
    """Something is wrong with the file; the answer says what."""

    def __init__(self, problem: str, **more: str) -> None:
        super().__init__(problem)
        self.answer: Answer = {"problem": problem, "more": more}


class LimitError(Exception):
    """The file costs more than it may."""

    def __init__(self, limit: str) -> None:
        super().__init__(limit)
        self.answer: Answer = {"limit": limit}


class FaultError(Exception):
    """The core refuses the file; the answer is its status."""

    def __init__(self, status: bytes) -> None:
        super().__init__()
        self.answer: Answer = {"fault": base64.b64encode(status).decode("ascii")}


def kind_of(path: Path) -> str:
    """Tells by its first bytes what a file is: gzip, zip, compound or plain."""
    with path.open("rb") as file:
        magic = file.read(MAGIC_BYTES)
    if magic.startswith(GZIP):
        return "gzip"
    if magic.startswith(ZIP):
        return "zip"
    return "compound" if magic == COMPOUND else "plain"


def unpack(given: Answer) -> Answer:
    """Takes the layers off: at most one archive, and within it at most one spreadsheet."""
    path, output = Path(given["input"]), Path(given["output"])
    inner = output.with_name(output.name + ".inner")
    kind = _layer(path)
    if kind in {"gzip", "zip"}:
        _extract(kind, path, inner, given["bytes_max"])
        path, kind = inner, _layer(inner)
        if kind in {"gzip", "zip"}:
            raise ProblemError(NESTED)
    if kind == "spreadsheet":
        return {"converted": _convert(path, output, given)}
    path.replace(output)
    return {}


def _layer(path: Path) -> str:
    """Tells what a file is, and spreadsheets from archives."""
    kind = kind_of(path)
    if kind == "compound":
        return "spreadsheet"
    if kind == "zip":
        with _opened(path) as archive:
            names = archive.namelist()
        if any(name in names for name in SPREADSHEET_ENTRIES):
            return "spreadsheet"
    return kind


def _opened(path: Path) -> zipfile.ZipFile:
    try:
        archive = zipfile.ZipFile(path)
    except BROKEN as error:
        raise ProblemError(NOT_WHOLE.format("zip")) from error
    if len(archive.infolist()) > ENTRIES_MAX:
        archive.close()
        raise ProblemError(TOO_MANY)
    return archive


def _extract(kind: str, path: Path, output: Path, bytes_max: int) -> None:
    packed = path.stat().st_size
    problem = NOT_WHOLE.format(kind)
    try:
        if kind == "gzip":
            with gzip.open(path) as source:
                _copy(source, output, packed, bytes_max)
        else:
            with _opened(path) as archive:
                entry = _only_entry(archive)
                if entry.file_size > bytes_max:
                    raise LimitError(FILE_BYTES)
                with archive.open(entry) as source:
                    copied = _copy(source, output, packed, bytes_max)
                if copied != entry.file_size:
                    raise ProblemError(problem)
    except NotImplementedError as error:
        raise ProblemError(UNKNOWN_METHOD) from error
    except BROKEN as error:
        raise ProblemError(problem) from error


def _only_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    candidates = [entry for entry in archive.infolist() if _is_data(entry)]
    if not candidates:
        raise ProblemError(NO_DATA)
    if len(candidates) > 1:
        names = [entry.filename[:NAME_CHARACTERS_MAX] for entry in candidates[:NAMES_SHOWN_MAX]]
        listed = ", ".join(names) + (", …" if len(candidates) > NAMES_SHOWN_MAX else "")
        problem = f"has {len(candidates)} files in it; pack one of them only: {listed}"
        raise ProblemError(problem, candidates=listed)
    (entry,) = candidates
    if entry.flag_bits & 0x1:
        raise ProblemError(ENCRYPTED)
    return entry


def _is_data(entry: zipfile.ZipInfo) -> bool:
    *folders, name = entry.filename.split("/")
    hidden = name.startswith(".") or name in IGNORED_NAMES
    return bool(name) and not hidden and not any(one in IGNORED_FOLDERS for one in folders)


def _copy(source: _Readable, output: Path, packed: int, bytes_max: int) -> int:
    copied = 0
    with output.open("wb", buffering=0) as target:
        while chunk := source.read(CHUNK_BYTES):
            copied += len(chunk)
            if copied > bytes_max:
                raise LimitError(FILE_BYTES)
            if copied > RATIO_FREE_BYTES and copied > packed * RATIO_MAX:
                raise LimitError(RATIO)
            try:
                target.write(chunk)
            except OSError as error:
                raise LimitError(DISK) from error
    return copied


def _convert(path: Path, output: Path, given: Answer) -> Answer:
    # Here, because archives need no core.
    from zmey import _native  # noqa: PLC0415

    try:
        converted = _native.convert_spreadsheet(str(path), str(output), given["sheet"])
    except _native.CoreError as error:
        _refuse_over(output, given["bytes_max"] - 1)
        raise FaultError(error.status) from error
    _refuse_over(output, given["bytes_max"])
    warnings = [base64.b64encode(one).decode("ascii") for one in converted["warnings"]]
    return {**converted, "warnings": warnings}


def _refuse_over(output: Path, bytes_max: int) -> None:
    """Refuses a result that is too long, or that ended where it may not go on."""
    if output.exists() and output.stat().st_size > bytes_max:
        raise LimitError(FILE_BYTES)


def _bound(given: Answer) -> None:
    """Gives up everything that a hostile file could use."""
    memory, seconds = given["memory_bytes_max"], given["seconds_max"]
    os.nice(NICE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (int(seconds) + 1, int(seconds) + 2))
    # The answer is a file, too.
    written = max(given["bytes_max"], ANSWER_BYTES_MAX)
    resource.setrlimit(resource.RLIMIT_FSIZE, (written, written))
    # Python ignores it, and the core would not notice.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    # Ends this process, should the server be gone and not do it.
    signal.alarm(int(seconds) + 2)


def _answered(work: Callable[[Answer], Answer], given: Answer) -> Answer:
    reserve = bytearray(RESERVE_BYTES)
    try:
        return work(given)
    except (FaultError, LimitError, ProblemError) as error:
        return error.answer
    except MemoryError:
        reserve.clear()
        return {"limit": MEMORY}


def main() -> None:
    """Runs once."""
    given = json.loads(sys.argv[1])
    _bound(given)
    sys.stdout.write(json.dumps(_answered(unpack, given)))


if __name__ == "__main__":
    main()
