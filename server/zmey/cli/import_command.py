"""`zmey import`: has the server bring the rows of a file into a space."""

import hashlib
import sys
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn
from rich.text import Text

from zmey.cli.exits import FAILURE, CommandError, UsageError, stderr
from zmey.cli.grouped import grouped
from zmey.cli.import_options import (
    ReadingOptions,
    RowOptions,
    RunOptions,
    SourceArgument,
    UrlOptions,
)
from zmey.cli.import_probe import print_probe
from zmey.cli.import_report import REPORT_READING, is_report, rows_of_report
from zmey.cli.import_watch import (
    follow,
    print_summary,
    settle_report,
    summary_json,
    unpack_metadata,
)
from zmey.cli.json_text import message_json
from zmey.cli.options import (
    ADDRESS_DEFAULT,
    AccountOption,
    AddressOption,
    DatabaseOption,
    space_of,
)
from zmey.client import Client
from zmey.client.uploads import upload_file
from zmey.v1.import_job_pb2 import (
    ImportSource,
    ProbeImportRequest,
    StartImportRequest,
)
from zmey.v1.import_rows_pb2 import ImportOptions

REQUEST_ID_HEX = 32


@grouped
def import_file(
    source: SourceArgument,
    reading: ReadingOptions,
    rows: RowOptions,
    fetching: UrlOptions,
    run: RunOptions,
    address: AddressOption = ADDRESS_DEFAULT,
    account: AccountOption = 1,
    db: DatabaseOption = 1,
) -> None:
    """Bring the rows of a file into a space."""
    options = rows.message(space_of(account, db))
    asked: dict[str, Any] = {
        "reading": reading.message(),
        "options": options,
        "auto_group": rows.group(),
        "clean_group": rows.clean_group,
        "express": rows.express,
    }
    path = None if "://" in source else Path(source)
    run.check()
    _check_report(path, run.report)
    if path is not None:
        fetching.check_unused()
    is_mended = path is not None and is_report(path)
    if is_mended:
        asked["reading"] = REPORT_READING
    with Client(address) as client:
        if path is None:
            place = ImportSource(url=fetching.message(source))
        else:
            place = _uploaded(client, options, path, is_mended=is_mended)
        if run.probe:
            _probe(client, ProbeImportRequest(source=place, **asked), as_json=run.as_json)
            return
        request = StartImportRequest(source=place, track_info=run.track_info, **asked)
        # What is behind a URL may be another file each time.
        if path is not None and not run.again:
            request.request_id = _derive_request_id(request)
        _Run(client, request, path, run.report).start(watch=run.watch, as_json=run.as_json)


def _check_report(path: Path | None, report: str | None) -> None:
    """Refuses a report that would be written over its own file.

    Raises:
        UsageError: both are one file.
    """
    if path is None or report is None:
        return
    if path.exists() and Path(report).exists() and path.samefile(report):
        message = f"--report {report} is the file itself; the report would take its place."
        raise UsageError(message)


def _is_in_folder(path: Path) -> bool:
    """Tells whether a report can stand beside a file: what is read from a pipe is in none."""
    return path.is_file() and not path.absolute().is_relative_to("/dev")


def _probe(client: Client, request: ProbeImportRequest, *, as_json: bool) -> None:
    answer = client.imports.ProbeImport(request)
    if as_json:
        sys.stdout.buffer.write(message_json(answer))
    else:
        print_probe(answer)
    if answer.cannot_import:
        message = "This file cannot be imported like that; the warnings say why."
        raise CommandError(message)


def _uploaded(
    client: Client, options: ImportOptions, path: Path, *, is_mended: bool
) -> ImportSource:
    """Uploads a file; of a report of rejected rows, the rows as they were in their file."""
    if is_mended:
        told = f"{path} is a report of rejected rows: its rows are read as their file was."
        stderr.print(Text(told))
    try:
        with (
            rows_of_report(path) if is_mended else path.open("rb") as file,
            _upload_progress() as bar,
        ):
            task = bar.add_task(f"uploading {escape(path.name)}", total=path.stat().st_size)
            upload = upload_file(
                client, options.space, file, lambda done: bar.update(task, completed=done)
            )
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}."
        raise CommandError(message) from error
    return ImportSource(upload=upload)


class _Run:
    """One import as its command sees it."""

    def __init__(
        self, client: Client, request: StartImportRequest, path: Path | None, report: str | None
    ) -> None:
        self._client = client
        self._request = request
        self._path = path
        self._report = Path(report) if report else None
        # Only beside the file is everything of that name ours.
        self._is_named = self._report is not None
        if self._report is None and path is not None and _is_in_folder(path):
            self._report = path.with_name(path.name + ".rejects.csv")

    def start(self, *, watch: bool, as_json: bool) -> None:
        """Starts the import and, unless told otherwise, follows it to its end."""
        answer = self._client.imports.StartImport(self._request)
        name = answer.operation
        if answer.repeated:
            stderr.print(f"This file was begun before, as {name}; --again imports it anew.")
        if not watch:
            sys.stdout.write(name + "\n")
            return
        operation = follow(self._client, name)
        metadata = unpack_metadata(operation)
        # A repeat has nothing new to tell, and an import that failed not everything.
        may_replace = not answer.repeated and not operation.HasField("error")
        saved = self._report and settle_report(
            self._client,
            name,
            metadata,
            self._report,
            may_replace=may_replace,
            may_remove=may_replace and (not self._is_named or is_report(self._report)),
        )
        if as_json:
            sys.stdout.buffer.write(summary_json(name, metadata))
        else:
            print_summary(metadata, saved)
        if metadata.counters.rejected and self._report is None:
            # Beside a URL or a pipe there is no place for a report.
            stderr.print(f"`zmey operations report {name} FILE` writes the rejected rows.")
        if operation.HasField("error"):
            message = f"{operation.error.message} ({name})"
            raise CommandError(message, FAILURE)


def _derive_request_id(request: StartImportRequest) -> str:
    """Names an import by all that decides what it does; an upload is named by its content."""
    digest = hashlib.sha256(request.SerializeToString(deterministic=True))
    return "file-" + digest.hexdigest()[:REQUEST_ID_HEX]


def _upload_progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=stderr,
        transient=True,
    )
