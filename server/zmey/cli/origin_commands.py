"""`zmey origins define`, `list` and `delete`: the sources from which heads come."""

import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zmey.cli.exits import GuardedGroup
from zmey.cli.grouped import grouped
from zmey.cli.json_text import message_json
from zmey.cli.options import JsonOption, SpaceOptions, ValidateOnlyOption
from zmey.v1.member_pb2 import OutcomeStatus, WriteOptions
from zmey.v1.origin_service_pb2 import (
    DefineOriginRequest,
    DeleteOriginRequest,
    ListOriginsRequest,
    OriginOutcome,
)

# The bound of the contract.
NUMBER_MAX = 1_000_000_000

origins = typer.Typer(
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""Name the sources from which heads come.

    Heads keep the number of their origin; where a head gets one, its label may stand for it.

    [bold]Examples[/]

      zmey origins define 'web form'

      zmey origins define 'partner shop' --number 40

      zmey origins list

      zmey origins delete 40
    """,
)

NumberOption = Annotated[
    int,
    typer.Option(
        "--number",
        min=0,
        max=NUMBER_MAX,
        help="The number; 0: the one that the label has, else the next free one.",
    ),
]


@origins.command("define")
@grouped
def define(
    label: Annotated[str, typer.Argument(metavar="LABEL", help="What people call it.")],
    *,
    number: NumberOption = 0,
    validate_only: ValidateOnlyOption = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Give a number a label, or a label the next free number.

    [bold]Examples[/]

      zmey origins define 'web form'

      zmey origins define 'partner shop' --number 40
    """
    request = DefineOriginRequest(
        space=server.space,
        number=number,
        label=label,
        options=WriteOptions(validate_only=validate_only),
    )
    with server.connect() as client:
        response = client.origins.DefineOrigin(request, timeout=server.deadline)
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
        return
    status = OutcomeStatus.Name(response.outcome.status).removeprefix("OUTCOME_STATUS_").lower()
    _print_outcome(response.outcome, status, validate_only=validate_only)


@origins.command("list")
@grouped
def list_origins(*, as_json: JsonOption = False, server: SpaceOptions) -> None:
    """List the origins of a space by number.

    [bold]Examples[/]

      zmey origins list

      zmey origins list --json
    """
    with server.connect() as client:
        request = ListOriginsRequest(space=server.space)
        response = client.origins.ListOrigins(request, timeout=server.deadline)
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
        return
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("number", justify="right")
    table.add_column("label")
    for origin in response.origins:
        table.add_row(str(origin.number), escape(origin.label))
    Console(highlight=False).print(table)


@origins.command("delete")
@grouped
def delete(
    number: Annotated[
        int, typer.Argument(metavar="NUMBER", min=1, max=NUMBER_MAX, help="Its number.")
    ],
    *,
    validate_only: ValidateOnlyOption = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Forget an origin; heads keep its number.

    [bold]Examples[/]

      zmey origins delete 40

      zmey origins delete 40 --validate-only
    """
    request = DeleteOriginRequest(
        space=server.space,
        number=number,
        options=WriteOptions(validate_only=validate_only),
    )
    with server.connect() as client:
        response = client.origins.DeleteOrigin(request, timeout=server.deadline)
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
        return
    _print_outcome(response.outcome, "deleted", validate_only=validate_only)


def _print_outcome(outcome: OriginOutcome, status: str, *, validate_only: bool) -> None:
    would = "would be " if validate_only else ""
    origin = outcome.origin
    Console(highlight=False).print(
        f"[bold green]{would}{status}[/]: origin {origin.number}, {escape(origin.label)}"
    )
