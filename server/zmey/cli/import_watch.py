"""Follows imports that the server runs, and shows what became of them."""

import shlex
import time
from pathlib import Path
from typing import Any

import grpc
import orjson
from google.longrunning import operations_pb2
from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from zmey.cli.exits import UNAVAILABLE, CommandError, stderr
from zmey.cli.import_warnings import print_warnings, warnings_json
from zmey.client import Client, fault_of
from zmey.reasons import reason_name
from zmey.v1.import_job_pb2 import (
    DownloadReportRequest,
    ImportMetadata,
    ImportState,
)

# How often a follower shows how far the import is.
REFRESH_SECONDS = 0.5
COUNTERS = ("created", "updated", "unchanged", "ignored", "rejected")
EXPRESS_COUNTERS = ("created", "rejected")


def unpack_metadata(operation: operations_pb2.Operation) -> ImportMetadata:
    """Returns what an operation tells of its import."""
    metadata = ImportMetadata()
    operation.metadata.Unpack(metadata)
    return metadata


def state_name(metadata: ImportMetadata) -> str:
    """Returns the state of an import in a word."""
    return ImportState.Name(metadata.state).removeprefix("IMPORT_STATE_").lower()


def follow(client: Client, name: str) -> operations_pb2.Operation:
    """Shows how an import goes on, until it has ended.

    Raises:
        CommandError: the server went away, or the user stops watching; the import goes on.
    """
    wait = operations_pb2.WaitOperationRequest(
        name=name, timeout=Duration(nanos=int(REFRESH_SECONDS * 1e9))
    )
    try:
        with _progress() as bar:
            task = bar.add_task("queued", total=None, rows=0, rate=0.0)
            while True:
                end = time.monotonic() + REFRESH_SECONDS
                operation = client.operations.WaitOperation(wait)
                metadata = unpack_metadata(operation)
                bar.update(
                    task,
                    description=_describe(metadata),
                    total=metadata.file_bytes or None,
                    completed=metadata.read_bytes,
                    rows=metadata.counters.read,
                    rate=metadata.rows_per_second or _average(metadata),
                )
                if operation.done:
                    return operation
                # Where too many wait already, the server answers at once.
                time.sleep(max(0.0, end - time.monotonic()))
    except KeyboardInterrupt as error:
        message = (
            f"The server goes on with {name}. `zmey operations wait {name}` follows it again, "
            f"`zmey operations cancel {name}` stops it."
        )
        raise CommandError(message) from error
    except grpc.RpcError as error:
        if fault_of(error).code is not grpc.StatusCode.UNAVAILABLE:
            raise
        message = (
            f"The server went away. When it is back it goes on with {name} by itself; "
            f"`zmey operations wait {name}` follows it."
        )
        raise CommandError(message, UNAVAILABLE) from error


def settle_report(
    client: Client,
    name: str,
    metadata: ImportMetadata,
    path: Path,
    *,
    may_replace: bool,
    may_remove: bool,
) -> Path | None:
    """Leaves the rejected rows of an import in its file; returns it where they are in it.

    Somebody may have mended the rows of an earlier import there: that file is written anew only
    with `may_replace`, and goes only with `may_remove`.
    """
    if not metadata.counters.rejected:
        # Nothing but a file of ours: not /dev/stdout, which is a link to one.
        if may_remove and path.is_file() and not path.is_symlink():
            path.unlink()
        return None
    # A device, such as /dev/stdout, has nothing to lose.
    if not may_replace and path.is_file():
        told = f"{path} is there already and stays; `zmey operations report {name} FILE` writes "
        stderr.print(Text(told + "the rejected rows elsewhere."))
        return None
    write_report(client, name, path)
    return path


def write_report(client: Client, name: str, path: Path) -> None:
    """Writes the rejected rows of an import into a file.

    Raises:
        CommandError: it cannot be written.
    """
    try:
        with path.open("wb") as file:
            for piece in client.imports.DownloadReport(DownloadReportRequest(operation=name)):
                file.write(piece.content)
    except OSError as error:
        message = (
            f"The rejected rows cannot be written to {path}: {error.strerror}. The import itself "
            f"has ended; `zmey operations report {name} FILE` writes them elsewhere."
        )
        raise CommandError(message) from error


def summary_table(metadata: ImportMetadata, report: Path | None) -> Table:
    """Returns the counters of an import for people."""
    counters = metadata.counters
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_column(style="dim")
    table.add_row("read", f"{counters.read:,}", "rows of the file")
    if counters.repeated:
        table.add_row("repeated", f"{counters.repeated:,}", "with an identifier seen before")
    # An express list gets a row or does not: there is nothing that it could change.
    for name in EXPRESS_COUNTERS if metadata.express else COUNTERS:
        note = str(report) if name == "rejected" and report is not None else ""
        table.add_row(name, f"{getattr(counters, name):,}", note)
    for warned in counters.warning_reasons:
        reason = reason_name(warned.reason).lower().replace("_", " ")
        table.add_row("warning", f"{warned.count:,}", reason)
    if metadata.HasField("group"):
        table.add_row("list" if metadata.express else "group", metadata.group.id,
                      metadata.group.name)  # fmt: skip
    return table


def print_summary(metadata: ImportMetadata, report: Path | None) -> None:
    """Prints what became of an import, what it warns of, and how to go on with its express list."""
    console = Console(highlight=False, markup=False, soft_wrap=True)
    console.print(summary_table(metadata, report))
    print_warnings(console, metadata.warnings)
    if metadata.express and metadata.counters.created:
        console.print(f"`zmey lists rows {shlex.quote(metadata.group.id)}` reads the list.")


def summary_json(name: str, metadata: ImportMetadata) -> bytes:
    """Returns the counters of an import for programs, as one line."""
    counters = metadata.counters
    found: dict[str, Any] = {
        "operation": name,
        "state": state_name(metadata),
        "read": counters.read,
        **{counter: getattr(counters, counter) for counter in COUNTERS},
        "repeated": counters.repeated,
        "warnings": {reason_name(one.reason): one.count for one in counters.warning_reasons},
        "import_warnings": warnings_json(metadata.warnings),
        "revision": metadata.revision,
    }
    if metadata.HasField("group"):
        found["list" if metadata.express else "group"] = metadata.group.id
    return orjson.dumps(found) + b"\n"


def _average(metadata: ImportMetadata) -> float:
    """Returns the rows per second of an import that has ended."""
    seconds = metadata.finished_seconds - metadata.started_seconds
    return metadata.counters.read / seconds if seconds > 0 else 0.0


def _describe(metadata: ImportMetadata) -> str:
    if metadata.queue_position:
        return f"queued, number {metadata.queue_position}"
    return state_name(metadata)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[rate]:,.0f} rows/s"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
