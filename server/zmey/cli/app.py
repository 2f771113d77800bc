"""The list of commands."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from zmey.cli import spaces_commands
from zmey.cli.bridge_command import bridge_command
from zmey.cli.erase_commands import erase, erasure
from zmey.cli.exits import GuardedGroup
from zmey.cli.explain_command import explain
from zmey.cli.import_command import import_file
from zmey.cli.import_options import HELP as IMPORT_HELP
from zmey.cli.lists_commands import lists
from zmey.cli.member_commands import get, set_member
from zmey.cli.operations_commands import operations
from zmey.cli.origin_commands import origins
from zmey.cli.resolve_command import resolve
from zmey.cli.serve_command import serve_command
from zmey.cli.simulate_command import simulate
from zmey.cli.store_commands import compact, dump, fsck, load
from zmey.config import options_markdown

app = typer.Typer(
    name="zmey",
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _print_version(asked: bool) -> None:
    if asked:
        sys.stdout.write(version("zmey") + "\n")
        raise typer.Exit


@app.callback()
def zmey(
    _version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """An identity-resolution server: one member, many identifiers.

    Exit codes: 0 done, 1 failed, 2 wrong arguments or options, 3 no server, 4 a simulation found
    members who would change.
    """


members = typer.Typer(
    name="members",
    cls=GuardedGroup,
    no_args_is_help=True,
    help="Do something with members as a whole.",
)
members.command("erase")(erase)
members.command("erasure")(erasure)
spaces = typer.Typer(
    cls=GuardedGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="""The spaces of a server and their policies: how identifiers are read, limited, found.

    The configuration gives a space its first policy; [bold]set[/] replaces it in a running server.

    [bold]Examples[/]

      zmey spaces list

      zmey spaces simulate phone_rule=valid && zmey spaces set phone_rule=valid
    """,
)
spaces.command("list")(spaces_commands.list_spaces)
spaces.command("show")(spaces_commands.show)
spaces.command("set")(spaces_commands.set_policy)
spaces.command("reset")(spaces_commands.reset)
spaces.command("simulate")(simulate)
spaces.command("fields")(spaces_commands.fields)


def print_options() -> None:
    """Print the table of options for the README."""
    sys.stdout.write(options_markdown() + "\n")


app.command("serve")(serve_command())
app.command("bridge")(bridge_command())
app.command("import", help=IMPORT_HELP)(import_file)
app.add_typer(operations, name="operations")
app.add_typer(lists, name="lists")
app.command("resolve")(resolve)
app.command("get")(get)
app.command("set")(set_member)
app.command("explain")(explain)
app.add_typer(origins, name="origins")
app.add_typer(members)
app.command("fsck")(fsck)
app.command("dump")(dump)
app.command("load")(load)
app.command("compact")(compact)
app.add_typer(spaces, name="spaces")
app.command("options", hidden=True)(print_options)
