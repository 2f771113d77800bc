"""`zmey import`: brings the rows of a CSV file into a space."""

import hashlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import grpc
import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from zmey.cli.chunks import CHUNK_BYTES_MAX, CHUNK_ROWS_MAX, Chunk, chunks_of
from zmey.cli.columns import Column, plan_columns
from zmey.cli.csv_rows import CsvFile
from zmey.cli.exits import UNAVAILABLE, CommandError, stderr
from zmey.cli.import_report import ImportReport, RejectFile
from zmey.cli.import_stream import ImportRun
from zmey.cli.options import (
    ADDRESS_DEFAULT,
    IF_EXISTS_DEFAULT,
    ORDER_DEFAULT,
    AccountOption,
    AddressOption,
    DatabaseOption,
    IfExistsOption,
    JsonOption,
    NewbieConfirmOption,
    OrderOption,
    ValidateOnlyOption,
    condition_of,
    space_of,
)
from zmey.client import Client, fault_of
from zmey.client.notation import parse_order
from zmey.v1.import_rows_pb2 import ImportOptions

IMPORT_ID_HEX = 32


FileArgument = Annotated[
    Path, typer.Argument(metavar="FILE", help="CSV: comma, UTF-8, first line of column names.")
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=TARGET",
        help="Where a column goes whose name is no target; repeatable, also for one column.",
    ),
]
PrefixOption = Annotated[
    str | None,
    typer.Option(
        "--prefix",
        metavar="PATH.",
        help="Put all other columns under this datakey, their names taken literally.",
    ),
]
TrimOption = Annotated[bool, typer.Option("--trim", help="Cut spaces and tabs off cells.")]
ImportIdOption = Annotated[
    str | None,
    typer.Option(
        "--import-id",
        metavar="NAME",
        help="Name for resuming; by default made of the file and the options.",
    ),
]
NoResumeOption = Annotated[
    bool, typer.Option("--no-resume", help="Begin at the first row, whatever came before.")
]
RejectsOption = Annotated[
    Path | None,
    typer.Option(
        "--rejects", metavar="FILE", help="Where rejected rows go; by default FILE.rejects.csv."
    ),
]


def import_file(
    file: FileArgument,
    maps: MapOption = None,
    prefix: PrefixOption = None,
    trim: TrimOption = False,
    if_exists: IfExistsOption = IF_EXISTS_DEFAULT,
    order: OrderOption = ORDER_DEFAULT,
    newbie_confirm: NewbieConfirmOption = False,
    import_id: ImportIdOption = None,
    no_resume: NoResumeOption = False,
    validate_only: ValidateOnlyOption = False,
    rejects: RejectsOption = None,
    as_json: JsonOption = False,
    address: AddressOption = ADDRESS_DEFAULT,
    account: AccountOption = 1,
    db: DatabaseOption = 1,
) -> None:
    r"""Bring the rows of a CSV file into a space.

    The first line names the columns: [bold]contact_id[/], [bold]external_customer_id[/],
    [bold]member.email[/], [bold]member.msisdn[/] (or any member.TYPE) say whose row it is;
    [bold]@crm.id[/] finds it by a declared field; [bold]-[/] is ignored. Any other name is a
    datakey: [bold]PATH\[:MODE]\[:TYPE]\[:FORMAT][/], such as [bold]name[/],
    [bold]visits:update[/], [bold]base.birth:set:dt:YD[/], [bold]address:merge:json[/] (cells are
    JSON) or [bold]note:empty[/] (empty cells are written too). A colon within a path is
    [bold]\:[/].

    An import that was interrupted goes on where it stopped when the same command runs again.

    [bold]Examples[/]

      zmey import people.csv

      zmey import crm.csv --map EMAIL=member.email --map ID=external_customer_id --prefix crm.

      zmey import people.csv --if-exists ignore --order subscribe --validate-only
    """
    options = ImportOptions(
        space=space_of(account, db),
        policy=parse_order(order),
        if_exists=condition_of(if_exists),
        newbie_confirm=newbie_confirm,
        validate_only=validate_only,
    )
    resumable = not no_resume and not validate_only
    with CsvFile(file, trim=trim) as source, Client(address) as client:
        columns = plan_columns(source.header, maps or (), prefix)
        options.columns.extend(column.target for column in columns)
        if resumable:
            options.import_id = import_id or _derive_import_id(file, columns, options, trim=trim)
        reject_path = rejects or file.with_name(file.name + ".rejects.csv")
        job = _Job(file, source, options, columns, RejectFile(reject_path, source.header))
        report = job.run(client)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(report.as_dict()) + b"\n")
    else:
        job.print_report(report)


@dataclass
class _Job:
    """One import from an open file, with what people see of it."""

    file: Path
    source: CsvFile
    options: ImportOptions
    columns: list[Column]
    rejects: RejectFile
    # Whether a server has begun the import.
    is_open: bool = False

    def run(self, client: Client) -> ImportReport:
        report = ImportReport(self.rejects)
        run = ImportRun(self.options, self._chunks(), self.columns, report)
        try:
            with _progress() as bar:
                task = bar.add_task(self.file.name, total=self.file.stat().st_size, rows=0, rate=0)
                run.run(client, self._opened, _progress_of(bar, task, report))
        except grpc.RpcError as error:
            raise self._interrupted(error, report) from error
        except CommandError as error:
            rows = f"{report.acknowledged + report.repeated:,} rows before it are durable."
            message = f"{error.message} {rows}"
            raise CommandError(message, error.exit_code) from error
        except KeyboardInterrupt as error:
            message = f"Stopped. {self._standing(report)}"
            raise CommandError(message) from error
        finally:
            self.rejects.close()
        return report

    def print_report(self, report: ImportReport) -> None:
        console = Console(highlight=False)
        if self.options.validate_only:
            console.print("Nothing was written; this is what would have happened:")
        console.print(report.table())
        if report.repeated and not report.acknowledged:
            console.print("An earlier run had brought in all of it; --no-resume does it again.")

    def _chunks(self) -> Iterator[Chunk]:
        for chunk in chunks_of(self.source.rows()):
            chunk.position = self.source.position()
            yield chunk

    def _opened(self, next_chunk: int) -> None:
        self.is_open = True
        self.rejects.begin(resumed=next_chunk > 1)
        if next_chunk > 1:
            stderr.print(f"Going on with chunk {next_chunk:,}, where an earlier run stopped.")

    def _interrupted(self, error: grpc.RpcError, report: ImportReport) -> Exception:
        fault = fault_of(error)
        gone = fault.code in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
        if not gone or (not self.is_open and not fault.reason):
            return error
        message = f"The server went away. {self._standing(report)}"
        return CommandError(message, UNAVAILABLE)

    def _standing(self, report: ImportReport) -> str:
        rows = f"{report.acknowledged + report.repeated:,} rows are acknowledged and durable"
        if not self.options.import_id:
            return f"{rows}; this import cannot be resumed."
        return f"{rows}; run the same command again to go on after them."


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TextColumn("{task.fields[rows]:,} rows"),
        TextColumn("{task.fields[rate]:,.0f} rows/s"),
        TextColumn("{task.completed:,.0f} bytes"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )


def _progress_of(bar: Progress, task: TaskID, report: ImportReport) -> Callable[[], None]:
    def update() -> None:
        elapsed = bar.tasks[task].elapsed or 0.0
        rate = report.acknowledged / elapsed if elapsed else 0.0
        bar.update(task, completed=report.position, rows=report.read, rate=rate)

    return update


def _derive_import_id(
    file: Path, columns: list[Column], options: ImportOptions, *, trim: bool
) -> str:
    """Names an import by everything that decides what its chunks are and do."""
    state = file.stat()
    digest = hashlib.sha256(
        orjson.dumps(
            [
                str(file.resolve()),
                state.st_size,
                state.st_mtime_ns,
                [column.source for column in columns],
                options.SerializeToString(deterministic=True).hex(),
                trim,
                CHUNK_ROWS_MAX,
                CHUNK_BYTES_MAX,
            ]
        )
    )
    return "file-" + digest.hexdigest()[:IMPORT_ID_HEX]
