"""How an import gets its file: fetched or uploaded, then unpacked where it is packed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson

from zmey.imports.folder import ImportFolder, sync_file
from zmey.imports.request_file import merge_request_file
from zmey.refusal import RefusedError
from zmey.sources import SourceError, SourceSettings, Unpacked, fetch, unpack
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.import_job_pb2 import (
    FILE_SHAPE_SPREADSHEET,
    ImportReading,
    ProbeImportRequest,
    StartImportRequest,
)
from zmey.v1.member_pb2 import Warning as FileWarning
from zmey.v1.space_pb2 import Space

Request = StartImportRequest | ProbeImportRequest


@dataclass(frozen=True)
class Obtaining:
    """What obtaining a file needs besides the request.

    Attributes:
        now: tells the time, for marks in URLs.
        random: for the mark `{RND}`.
        wait: waits so many seconds, or until there is no need.
        is_cancelled: whether to give up.
        attempted: told the number of each attempt, from 1.
        attempts: how many were begun before.
    """

    now: Callable[[], datetime]
    random: Random
    wait: Callable[[float], None]
    is_cancelled: Callable[[], bool]
    attempted: Callable[[int], None]
    attempts: int = 0


@dataclass(frozen=True)
class Original:
    """A file as it is at its source.

    Attributes:
        path: the file.
        request: the request.json beside it.
        warnings: what that asks for and nobody does.
    """

    path: Path
    request: bytes | None
    warnings: list[FileWarning]


class Files:
    """Gets files into a folder of imports."""

    def __init__(self, folder: ImportFolder, settings: SourceSettings) -> None:
        self._folder = folder
        self._settings = settings

    def original(
        self, space: Space, request: Request, directory: Path, obtaining: Obtaining
    ) -> Original:
        """Returns the file of a request as it is at its source.

        The options of a request.json beside it are put into the request.

        Raises:
            SourceError: it is not to be had.
            RefusedError: the upload is unknown, or request.json makes no sense.
        """
        kind = request.source.WhichOneof("source")
        if kind != "url":
            upload_id = request.source.upload if kind == "upload" else request.source.probe_uid
            path = self._folder.upload(space, upload_id)
            beside = self._folder.request_of(space, upload_id)
            content = None if beside is None else orjson.loads(beside)
            return _merged(path, content, request)
        fetched = fetch(
            request.source.url,
            directory,
            self._settings,
            now=obtaining.now(),
            random=obtaining.random,
            wait=obtaining.wait,
            cancelled=obtaining.is_cancelled,
            attempt=obtaining.attempted,
            attempted=obtaining.attempts,
        )
        return _merged(fetched.path, fetched.request, request)

    def unpacked(
        self, original: Path, request: Request, directory: Path, obtaining: Obtaining
    ) -> Unpacked:
        """Returns the rows of a file as text, durable: the import may go on after a power cut.

        Raises:
            SourceError: the file cannot be unpacked, or is not the spreadsheet that it should be.
            SourceCancelledError: there is no need any more.
        """
        unpacked = unpack(
            original,
            directory,
            self._settings,
            sheet=request.reading.sheet,
            cancelled=obtaining.is_cancelled,
        )
        if unpacked.path.parent == directory:
            # Uploads are durable already; what was fetched or unpacked is not.
            sync_file(unpacked.path)
        return unpacked if unpacked.shape else _no_spreadsheet(unpacked, request.reading)


def _merged(path: Path, content: Mapping[str, Any] | None, request: Request) -> Original:
    if content is None:
        return Original(path, None, [])
    return Original(path, orjson.dumps(content), merge_request_file(content, request))


def _no_spreadsheet(unpacked: Unpacked, reading: ImportReading) -> Unpacked:
    """Compares a file that is no spreadsheet with what is said of it."""
    if reading.shape == FILE_SHAPE_SPREADSHEET:
        raise SourceError(
            reasons.ERROR_REASON_IMPORT_SHAPE_UNKNOWN,
            "The file is no spreadsheet: neither XLSX nor XLS nor ODS.",
            {"kind": "text"},
        )
    if not reading.sheet:
        return unpacked
    passed_over = FileWarning(
        reason=reasons.ERROR_REASON_FIELD_INVALID,
        message=f"The sheet {reading.sheet!r} is passed over: the file is no spreadsheet.",
        details={"field": "reading.sheet", "value": reading.sheet},
    )
    return replace(unpacked, warnings=(passed_over,))


def refusal_of(error: SourceError) -> RefusedError:
    """Says why a file is not to be had, as it goes out to callers."""
    return RefusedError(error.reason, error.message, error.details)
