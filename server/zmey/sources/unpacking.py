"""Unpacks a file that may be hostile: in a process of its own, with limits.

A file that takes its process down takes nothing else with it.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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
from zmey.v1 import import_job_pb2 as jobs

FILE_NAME = "unpacked"
SECONDS = "unpack_seconds_max"
# Beyond the answer of the process nothing is read.
ANSWER_BYTES_MAX = 64 * 1024
# The process must import our package from where this one has it, and know nothing else of us.
KEPT_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "LANG", "TZ")


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A plain file.

    Attributes:
        path: text: CSV or JSON.
        shape: how it must be read; FILE_SHAPE_UNSPECIFIED where that is still to be found out.
    """

    path: Path
    shape: jobs.FileShape


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
    json_lines = answer.get("shape") == "json_lines"
    return Unpacked(
        output, jobs.FILE_SHAPE_JSON_LINES if json_lines else jobs.FILE_SHAPE_UNSPECIFIED
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
    end = time.monotonic() + settings.unpack_seconds_max
    with subprocess.Popen(  # noqa: S603 - the command is ours, the file only its argument
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
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
                try:
                    process.wait(POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    continue
                break
        finally:
            process.kill()
        assert process.stdout is not None  # noqa: S101 - for mypy: it is a pipe
        return _answer(process.returncode, process.stdout.read(ANSWER_BYTES_MAX), settings)


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
    if "problem" in answer:
        raise _invalid(answer["problem"], **answer["more"])


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
