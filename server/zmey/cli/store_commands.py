"""`zmey fsck`, `dump`, `load` and `compact`: work on the directory of a closed store."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table

from zmey import _native
from zmey.cli.exits import FAILURE, stderr
from zmey.cli.options import JsonOption

STORE_DEFAULT = Path("zmey-store")

StoreArgument = Annotated[
    Path, typer.Argument(metavar="STORE", help="Directory of a store that no server has open.")
]
FileArgument = Annotated[Path, typer.Argument(metavar="FILE", help="The dump.")]


def fsck(store: StoreArgument = STORE_DEFAULT, as_json: JsonOption = False) -> None:
    """Check every index of a closed store in both directions.

    Exits with 1 where a problem is found.

    [bold]Examples[/]

      zmey fsck

      zmey fsck /var/lib/zmey --json
    """
    with _counting("checking") as progress:
        found = _native.fsck(str(store), progress)
    if as_json:
        _write_json(found)
    else:
        _print_check(Console(highlight=False), found)
    if found["problems_total"]:
        raise typer.Exit(FAILURE)


def dump(file: FileArgument, store: StoreArgument = STORE_DEFAULT) -> None:
    """Write a closed store into an engine-neutral file.

    [bold]Examples[/]

      zmey dump backup.zmey

      zmey dump backup.zmey /var/lib/zmey
    """
    with _counting("writing") as progress:
        entries = _native.dump(str(store), str(file), progress)
    Console(highlight=False).print(f"{entries:,} entries written to {file}")


def load(file: FileArgument, store: StoreArgument = STORE_DEFAULT) -> None:
    """Fill a store that does not exist yet from a dump.

    [bold]Examples[/]

      zmey load backup.zmey

      zmey load backup.zmey /var/lib/zmey-new
    """
    with _counting("loading") as progress:
        entries = _native.load(str(file), str(store), progress)
    Console(highlight=False).print(f"{entries:,} entries loaded into {store}")


def compact(store: StoreArgument = STORE_DEFAULT, as_json: JsonOption = False) -> None:
    """Rewrite a closed store, so that nothing is left of what was removed from it.

    Needs room for a second file beside the first. Interrupted, it leaves the store as it was.

    [bold]Examples[/]

      zmey compact

      zmey compact /var/lib/zmey --json
    """
    with _counting("compacting") as progress:
        done = _native.compact(str(store), progress)
    if as_json:
        _write_json(done)
        return
    Console(highlight=False).print(
        f"{done['entries']:,} entries rewritten: "
        f"{done['bytes_before']:,} bytes before, {done['bytes_after']:,} bytes now"
    )


def _print_check(console: Console, found: dict[str, Any]) -> None:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("table")
    table.add_column("entries", justify="right")
    for name, entries in found["counts"].items():
        table.add_row(name, f"{entries:,}")
    console.print(table)
    console.print(f"format {found['format_version']}, revision {found['revision']:,}")
    for problem in found["problems"]:
        console.print(f"[red]✘[/] {problem}", markup=True)
    total = found["problems_total"]
    hidden = total - len(found["problems"])
    if hidden:
        console.print(f"… and {hidden:,} more")
    console.print(f"[bold red]{total:,} problems[/]" if total else "[bold green]clean[/]")


@contextmanager
def _counting(verb: str) -> Iterator[Callable[[str, int], None]]:
    """Shows how far a long run has come."""
    with stderr.status(verb) as status:
        yield lambda table, entries: status.update(f"{verb} {table}: {entries:,}")


def _write_json(value: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
