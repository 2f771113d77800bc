"""The list of commands."""

import sys
from importlib.metadata import version
from typing import Annotated

import typer

from zmey.cli.erase_commands import erase, erasure
from zmey.cli.exits import GuardedGroup
from zmey.cli.explain_command import explain
from zmey.cli.import_command import import_file
from zmey.cli.member_commands import get, set_member
from zmey.cli.origin_commands import origins
from zmey.cli.resolve_command import resolve
from zmey.cli.serve_command import serve_command
from zmey.cli.store_commands import compact, dump, fsck, load, spaces
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

    Exit codes: 0 done, 1 failed, 2 wrong arguments or options, 3 no server.
    """


members = typer.Typer(
    name="members",
    cls=GuardedGroup,
    no_args_is_help=True,
    help="Do something with members as a whole.",
)
members.command("erase")(erase)
members.command("erasure")(erasure)


def print_options() -> None:
    """Print the table of options for the README."""
    sys.stdout.write(options_markdown() + "\n")


app.command("serve")(serve_command())
app.command("import")(import_file)
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
app.command("spaces")(spaces)
app.command("options", hidden=True)(print_options)
