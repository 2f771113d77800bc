"""`zmey operations`: the imports that a server runs, and what became of them."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import orjson
import typer
from google.longrunning import operations_pb2
from rich.console import Console
from rich.table import Table

from zmey.cli.exits import CommandError, GuardedGroup
from zmey.cli.grouped import grouped
from zmey.cli.import_watch import (
    follow,
    print_summary,
    state_name,
    summary_json,
    unpack_metadata,
    write_report,
)
from zmey.cli.options import (
    ADDRESS_DEFAULT,
    AddressOption,
    JsonOption,
    ServerOptions,
    SpaceOptions,
)
from zmey.client import Client

operations = typer.Typer(
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""The imports that the server runs: list, follow, cancel.

    [bold]Examples[/]

      zmey operations list

      zmey operations wait spaces/1/1/operations/17

      zmey operations report spaces/1/1/operations/17 rejects.csv
    """,
)

NameArgument = Annotated[
    str, typer.Argument(metavar="NAME", help="Such as spaces/1/1/operations/17.")
]
LIMIT_DEFAULT = 20


@operations.command("list")
@grouped
def list_operations(
    *,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many, newest first.")] = (
        LIMIT_DEFAULT
    ),
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """List the imports of a space, newest first; kept for 60 days after their end."""
    request = operations_pb2.ListOperationsRequest(name=server.name, page_size=min(limit, 1_000))
    found: list[operations_pb2.Operation] = []
    with server.connect() as client:
        while len(found) < limit:
            page = client.operations.ListOperations(request, timeout=server.deadline)
            found.extend(page.operations)
            if not page.next_page_token:
                break
            request.page_token = page.next_page_token
    found = found[:limit]
    if as_json:
        for operation in found:
            _print_json(operation)
    else:
        Console(highlight=False, markup=False).print(_list_table(found))


@operations.command("get")
@grouped
def get_operation(
    name: NameArgument,
    *,
    as_json: JsonOption = False,
    server: ServerOptions,
) -> None:
    """Show one import."""
    with server.connect() as client:
        request = operations_pb2.GetOperationRequest(name=name)
        operation = client.operations.GetOperation(request, timeout=server.deadline)
    _print(operation, as_json=as_json)


@operations.command("wait")
def wait_operation(
    name: NameArgument,
    as_json: JsonOption = False,
    address: AddressOption = ADDRESS_DEFAULT,
) -> None:
    """Follow an import to its end; exit code 1 where it failed or was cancelled."""
    with Client(address) as client:
        operation = follow(client, name)
    _print(operation, as_json=as_json)
    if operation.HasField("error"):
        raise CommandError(operation.error.message)


@operations.command("cancel")
@grouped
def cancel_operation(name: NameArgument, server: ServerOptions) -> None:
    """Stop an import between two batches; what was done before stays."""
    with server.connect() as client:
        request = operations_pb2.CancelOperationRequest(name=name)
        client.operations.CancelOperation(request, timeout=server.deadline)


@operations.command("delete")
@grouped
def delete_operation(name: NameArgument, server: ServerOptions) -> None:
    """Forget an import that has ended, with its report; its members stay."""
    with server.connect() as client:
        request = operations_pb2.DeleteOperationRequest(name=name)
        client.operations.DeleteOperation(request, timeout=server.deadline)


@operations.command("report")
@grouped
def report_operation(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where to write it, as CSV.")],
    server: ServerOptions,
) -> None:
    """Write the rejected rows of an import, each with the reason, into a file."""
    with server.connect() as client:
        request = operations_pb2.GetOperationRequest(name=name)
        metadata = unpack_metadata(client.operations.GetOperation(request, timeout=server.deadline))
        if metadata.counters.rejected:
            write_report(client, name, file)
        else:
            sys.stdout.write("No row was rejected.\n")


def _print(operation: operations_pb2.Operation, *, as_json: bool) -> None:
    if as_json:
        _print_json(operation)
        return
    metadata = unpack_metadata(operation)
    console = Console(highlight=False, markup=False)
    console.print(f"{operation.name}: {_told(operation)}")
    print_summary(metadata, None)


def _print_json(operation: operations_pb2.Operation) -> None:
    line = orjson.loads(summary_json(operation.name, unpack_metadata(operation)))
    if operation.HasField("error"):
        line["error"] = operation.error.message
    sys.stdout.buffer.write(orjson.dumps(line) + b"\n")


def _list_table(found: list[operations_pb2.Operation]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    # A name that is cut could not be used.
    table.add_column("operation", no_wrap=True)
    for title in ("begun", "state"):
        table.add_column(title)
    for title in ("read", "rejected"):
        table.add_column(title, justify="right")
    table.add_column("info")
    for operation in found:
        metadata = unpack_metadata(operation)
        begun = datetime.fromtimestamp(metadata.created_seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
        counters = metadata.counters
        counts = (f"{counters.read:,}", f"{counters.rejected:,}")
        table.add_row(operation.name, begun, _told(operation), *counts, metadata.track_info)
    return table


def _told(operation: operations_pb2.Operation) -> str:
    metadata = unpack_metadata(operation)
    if metadata.queue_position:
        return f"queued, number {metadata.queue_position}"
    if operation.HasField("error"):
        return f"{state_name(metadata)}: {operation.error.message}"
    return state_name(metadata)
