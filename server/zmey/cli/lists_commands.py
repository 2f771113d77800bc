"""`zmey lists`: the lists of express imports, and their rows."""

import csv
import io
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.table import Table

from zmey.cli.exits import GuardedGroup
from zmey.cli.grouped import grouped
from zmey.cli.json_text import message_json
from zmey.cli.options import UINT64_MAX, JsonOption, SpaceOptions
from zmey.client import Client
from zmey.client.notation import TYPE_PREFIX
from zmey.v1.address_pb2 import AddressType
from zmey.v1.express_service_pb2 import (
    CleanExpressListRequest,
    DeleteExpressListRequest,
    ExpressList,
    ExpressRow,
    GetExpressListRequest,
    GetExpressListResponse,
    ListExpressListsRequest,
    ReadExpressListRequest,
    ReadExpressListResponse,
)

# The bounds of the contract: few calls for many lists and rows.
PAGE_LISTS = 1_000
PAGE_ROWS = 10_000

lists = typer.Typer(
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""The lists that express imports made, outside the data of members.

    Each is kept for 30 days after its rows came or were last read.

    [bold]Examples[/]

      zmey import winners.csv --express --auto-group winners

      zmey lists show winners

      zmey lists rows winners > winners.csv
    """,
)

CodeArgument = Annotated[str, typer.Argument(metavar="CODE", help="The code of the list.")]


@lists.command("list")
@grouped
def list_lists(*, as_json: JsonOption = False, server: SpaceOptions) -> None:
    """List the lists of a space by their codes."""
    request = ListExpressListsRequest(space=server.space, page_size=PAGE_LISTS)
    found: list[ExpressList] = []
    with server.connect() as client:
        while True:
            page = client.express.ListExpressLists(request, timeout=server.deadline).lists
            found.extend(page)
            if len(page) < PAGE_LISTS:
                break
            request.after_id = page[-1].id
    if as_json:
        for one in found:
            sys.stdout.buffer.write(message_json(one) + b"\n")
    else:
        Console(highlight=False, markup=False).print(_list_table(found))


@lists.command("show")
@grouped
def show(code: CodeArgument, *, as_json: JsonOption = False, server: SpaceOptions) -> None:
    """Show one list: its name, its columns, how many rows it has and until when."""
    with server.connect() as client:
        request = GetExpressListRequest(space=server.space, id=code)
        answer = client.express.GetExpressList(request, timeout=server.deadline)
    if as_json:
        sys.stdout.buffer.write(message_json(answer) + b"\n")
    else:
        Console(highlight=False, markup=False).print(_table(answer, server.name))


@lists.command("rows")
@grouped
def rows(
    code: CodeArgument,
    *,
    from_row: Annotated[
        int,
        typer.Option(
            "--from-row",
            min=1,
            max=UINT64_MAX,
            metavar="NUMBER",
            help="Number in its file of the row to begin with.",
        ),
    ] = 1,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many rows; by default all.")
    ] = None,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Print the rows of a list as CSV in UTF-8, or as a JSON line each.

    The first columns are the number of the row in its file and the address, as the space writes it;
    the others are as they were. Reading counts as use: the list is kept for another 30 days.

    [bold]Examples[/]

      zmey lists rows winners > winners.csv

      zmey lists rows winners --from-row 5000 --limit 10 --json
    """
    space = server.space
    request = ReadExpressListRequest(space=space, id=code, from_row=from_row)
    with server.connect() as client:
        asked = GetExpressListRequest(space=space, id=code)
        caption = client.express.GetExpressList(asked, timeout=server.deadline).caption
        if not as_json:
            _write_csv([["row", caption.address, *caption.columns]])
        width = len(caption.columns)
        for page in _pages(client, request, limit, server.deadline):
            if as_json:
                sys.stdout.buffer.writelines(_json_line(row, width) for row in page.rows)
            else:
                _write_csv([str(row.row), row.address, *_padded(row, width)] for row in page.rows)


@lists.command("clean")
@grouped
def clean(code: CodeArgument, server: SpaceOptions) -> None:
    """Drop all rows of a list and keep the list."""
    with server.connect() as client:
        request = CleanExpressListRequest(space=server.space, id=code)
        client.express.CleanExpressList(request, timeout=server.deadline)


@lists.command("delete")
@grouped
def delete(code: CodeArgument, server: SpaceOptions) -> None:
    """Forget a list with its rows."""
    with server.connect() as client:
        request = DeleteExpressListRequest(space=server.space, id=code)
        client.express.DeleteExpressList(request, timeout=server.deadline)


def _pages(
    client: Client, request: ReadExpressListRequest, limit: int | None, deadline: float
) -> Iterator[ReadExpressListResponse]:
    """Reads a list page by page, as far as it is asked for: it may be longer than the memory."""
    left = limit
    while left is None or left > 0:
        request.page_size = PAGE_ROWS if left is None else min(left, PAGE_ROWS)
        page = client.express.ReadExpressList(request, timeout=deadline)
        yield page
        if not page.next_row:
            return
        request.from_row = page.next_row
        left = None if left is None else left - len(page.rows)


def _padded(row: ExpressRow, width: int) -> list[str]:
    """Returns the cells of a row with the empty ones at its end."""
    return [*row.cells, *[""] * (width - len(row.cells))]


def _write_csv(lines: Iterator[list[str]] | list[list[str]]) -> None:
    """Writes lines in UTF-8, whatever the terminal has, and as they are."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(lines)
    sys.stdout.buffer.write(text.getvalue().encode())


def _json_line(row: ExpressRow, width: int) -> bytes:
    """Writes a row; cells that are JSON documents stay to the byte what they are."""
    cells: list[str | orjson.Fragment] = list(_padded(row, width))
    for position in row.json_cells:
        cells[position] = orjson.Fragment(row.cells[position])
    return orjson.dumps({"row": row.row, "address": row.address, "cells": cells}) + b"\n"


def _list_table(found: list[ExpressList]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    # A code that is cut could not be used.
    table.add_column("list", no_wrap=True)
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("addresses")
    table.add_column("expires", no_wrap=True)
    table.add_column("name")
    for one in found:
        expires = _moment(one.expires_seconds)
        table.add_row(one.id, f"{one.count:,}", _type_name(one), expires, one.name)
    return table


def _table(answer: GetExpressListResponse, space: str) -> Table:
    one, caption = answer.list, answer.caption
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="bold")
    table.add_column()
    table.add_row("list", one.id)
    table.add_row("name", one.name)
    table.add_row("rows", f"{one.count:,}")
    table.add_row("addresses", f"{caption.address}, of type {_type_name(one)}")
    table.add_row("columns", ", ".join(column or "(no name)" for column in caption.columns))
    table.add_row("made", f"{_moment(one.created_seconds)} by {space}/operations/{one.job_id}")
    table.add_row("used", _moment(one.used_seconds))
    table.add_row("expires", _moment(one.expires_seconds))
    return table


def _type_name(one: ExpressList) -> str:
    return AddressType.Name(one.address_type).removeprefix(TYPE_PREFIX).lower()


def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
