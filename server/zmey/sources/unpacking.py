"""Unpacks a file that may be hostile: in a process of its own, with limits.

A file that takes its process down takes nothing else with it.
"""

import base64
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from google.rpc import error_details_pb2, status_pb2

from zmey.sources import child
from zmey.sources.errors import (
    SourceCancelledError,
    SourceError,
    file_invalid,
    no_room,
    too_large,
    unpack_limit,
)
from zmey.sources.settings import SourceSettings
from zmey.sources.source import POLL_SECONDS
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1 import import_job_pb2 as jobs
from zmey.v1.member_pb2 import Warning as FileWarning

FILE_NAME = "unpacked"
SECONDS = "unpack_seconds_max"
# The process must import our package from where this one has it, and know nothing else of us.
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A plain file.

    Attributes:
        path: text: CSV or JSON.
        shape: how it must be read; FILE_SHAPE_UNSPECIFIED where that is still to be found out.
        sheet: the sheet of a spreadsheet that was taken.
        warnings: what was found in a spreadsheet, at most 100.
        warnings_total: how many there are.
    """

    path: Path
    shape: jobs.FileShape
    sheet: str = ""
    warnings: tuple[FileWarning, ...] = ()
    warnings_total: int = 0


def unpack(
    path: Path,
    folder: Path,
    settings: SourceSettings,
    *,
    sheet: str = "",
    cancelled: Callable[[], bool],
) -> Unpacked:
    """Takes a file out of what it is packed in; what is plain stays as it is.

    Args:
        path: CSV, JSON, a spreadsheet, or one of these in a zip or gzip archive.
        folder: a directory for the result.
        settings: what bounds the work.
        sheet: the name of a sheet; empty takes the first that has cells.
        cancelled: asked often; once it says so, the work stops.

    Raises:
        SourceError: it cannot be unpacked, or costs too much.
        SourceCancelledError: `cancelled` said so.
    """
    if child.kind_of(path) == "plain":
        return Unpacked(path, jobs.FILE_SHAPE_UNSPECIFIED)
    output = folder / FILE_NAME
    try:
        answer = _run(path, output, settings, sheet, cancelled)
        _refuse(answer, settings)
    except BaseException:
        output.unlink(missing_ok=True)
        raise
    finally:
        output.with_name(output.name + ".inner").unlink(missing_ok=True)
    converted = answer.get("converted")
    if converted is None:
        return Unpacked(output, jobs.FILE_SHAPE_UNSPECIFIED)
    return Unpacked(
        output,
        jobs.FILE_SHAPE_SPREADSHEET,
        converted["sheet"],
        tuple(FileWarning.FromString(base64.b64decode(one)) for one in converted["warnings"]),
        converted["warnings_total"],
    )


def _run(
    path: Path,
    output: Path,
    settings: SourceSettings,
    sheet: str,
    cancelled: Callable[[], bool],
) -> dict[str, Any]:
    """Runs the process to its end, or ends it."""
    given = {
        "input": str(path),
        "output": str(output),
        "sheet": sheet,
        "bytes_max": settings.file_bytes_max,
        "memory_bytes_max": settings.unpack_memory_bytes_max,
        "seconds_max": settings.unpack_seconds_max,
    }
    command = [sys.executable, "-I", child.__file__, json.dumps(given)]
    # Not one thread more than needed: each takes address space, which is what is bounded.
    variables = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    variables |= {"MALLOC_ARENA_MAX": "1", "RAYON_NUM_THREADS": "1"}
    # A file, since a pipe would hold the process up when it is full.
    with tempfile.TemporaryFile(dir=output.parent) as said:
        code = _ended(command, variables, said, settings, cancelled)
        said.seek(0)
        return _answer(code, said.read(child.ANSWER_BYTES_MAX), settings)


def _ended(
    command: list[str],
    variables: dict[str, str],
    said: IO[bytes],
    settings: SourceSettings,
    cancelled: Callable[[], bool],
) -> int:
    """Runs a command until it ends, or until it has to."""
    end = time.monotonic() + settings.unpack_seconds_max
    with subprocess.Popen(  # noqa: S603 - the command is ours, the file only its argument
        command,
        stdin=subprocess.DEVNULL,
        stdout=said,
        stderr=subprocess.DEVNULL,
        env=variables,
        start_new_session=True,
    ) as process:
        try:
            while True:
                if cancelled():
                    raise SourceCancelledError
                if time.monotonic() > end:
                    raise _limit(SECONDS, settings)
                with suppress(subprocess.TimeoutExpired):
                    return process.wait(POLL_SECONDS)
        finally:
            process.kill()


def _answer(code: int, answer: bytes, settings: SourceSettings) -> dict[str, Any]:
    """Reads what the process said, or what its end says."""
    if code in {-signal.SIGXCPU, -signal.SIGALRM}:
        raise _limit(SECONDS, settings)
    if code in {-signal.SIGKILL, -signal.SIGABRT}:
        # What ends programs that need more memory than there is.
        raise _limit(child.MEMORY, settings)
    if code == 0:
        said: dict[str, Any] = json.loads(answer)
        return said
    problem = "makes the program that reads it fail; save it anew"
    raise _invalid(problem)


def _refuse(answer: dict[str, Any], settings: SourceSettings) -> None:
    if "limit" in answer:
        raise _limit(answer["limit"], settings)
    if "fault" in answer:
        raise _fault(base64.b64decode(answer["fault"]))
    if "problem" in answer:
        raise _invalid(answer["problem"], **answer["more"])


def _fault(status: bytes) -> SourceError:
    """Passes on what the core says of a spreadsheet."""
    read = status_pb2.Status.FromString(status)
    info = error_details_pb2.ErrorInfo()
    for detail in read.details:
        if detail.Unpack(info):
            reason = cast("reasons.ErrorReason", reasons.ErrorReason.Value(info.reason))
            return SourceError(reason, read.message, dict(info.metadata))
    return _invalid("cannot be read as a spreadsheet")


def _invalid(problem: str, **more: str) -> SourceError:
    return file_invalid("archive", problem, subject="The file", **more)


def _limit(name: str, settings: SourceSettings) -> SourceError:
    if name == SECONDS:
        seconds = settings.unpack_seconds_max
        return unpack_limit(name, f"{seconds:g}", f"takes longer than {seconds:g} s to unpack")
    if name == child.MEMORY:
        memory = settings.unpack_memory_bytes_max
        return unpack_limit(name, str(memory), f"needs more than {memory} bytes to unpack")
    if name == child.RATIO:
        problem = f"unpacks to more than {child.RATIO_MAX} times its size"
        return unpack_limit(name, str(child.RATIO_MAX), problem)
    if name == child.DISK:
        return no_room("the unpacked file")
    return too_large("The unpacked file", settings.file_bytes_max)
