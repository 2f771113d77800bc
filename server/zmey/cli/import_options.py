"""The options of `zmey import`, and what they mean on the wire."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, TypeVar

import typer

from zmey.cli.exits import UsageError
from zmey.cli.options import (
    IF_EXISTS_DEFAULT,
    ORDER_DEFAULT,
    IfExistsOption,
    JsonOption,
    NewbieConfirmOption,
    OrderOption,
    condition_of,
)
from zmey.client.notation import TYPES_WITH_ALIASES, parse_order
from zmey.v1 import import_job_pb2
from zmey.v1.import_job_pb2 import AutoGroup, ImportReading, UrlSource
from zmey.v1.import_rows_pb2 import GroupOrders, ImportOptions
from zmey.v1.space_pb2 import Space

Value = TypeVar("Value")

GROUP_BY_TIME = "-"
# What `origin_number` of the contract can hold.
ORIGIN_NUMBER_MAX = 2**32 - 1

_READING = "How the file is read (detected where left out)"
_ROWS = "What rows do"
_SOURCE = "Where it comes from"
_RUN = "How it runs"

CHARSETS = {
    "utf-8": import_job_pb2.CHARSET_UTF_8,
    "cp1251": import_job_pb2.CHARSET_CP1251,
    "koi8-r": import_job_pb2.CHARSET_KOI8_R,
    "mac-cyrillic": import_job_pb2.CHARSET_MAC_CYRILLIC,
    "utf-16": import_job_pb2.CHARSET_UTF_16,
    "utf-7": import_job_pb2.CHARSET_UTF_7,
}
SEPARATORS = {
    ",": import_job_pb2.SEPARATOR_COMMA,
    ";": import_job_pb2.SEPARATOR_SEMICOLON,
    "|": import_job_pb2.SEPARATOR_PIPE,
    "tab": import_job_pb2.SEPARATOR_TAB,
}
FIRST_LINES = {
    "names": import_job_pb2.FIRST_LINE_NAMES,
    "data": import_job_pb2.FIRST_LINE_DATA,
}
SHAPES = {
    "csv": import_job_pb2.FILE_SHAPE_CSV,
    "json": import_job_pb2.FILE_SHAPE_JSON,
    "json-lines": import_job_pb2.FILE_SHAPE_JSON_LINES,
    "spreadsheet": import_job_pb2.FILE_SHAPE_SPREADSHEET,
}

HELP = r"""Bring the rows of a file into a space.

CSV, XLSX, XLS, ODS, JSON or JSON lines, also in zip or gzip. Charset,
separator and first line are detected; [bold]--probe[/] shows how the server reads the
file and what the first rows would do, and writes nothing.

The first line names the columns: [bold]contact_id[/], [bold]external_customer_id[/],
[bold]member.email[/], [bold]member.msisdn[/] (or any member.TYPE) say whose row it is;
[bold]@crm.id[/] finds it by a declared field; [bold]-[/] is ignored. Any other name is a
datakey: [bold]PATH\[:MODE]\[:TYPE]\[:FORMAT][/], such as [bold]name[/],
[bold]visits:update[/], [bold]base.birth:set:dt:YD[/], [bold]address:merge:json[/] (cells are
JSON), [bold]=visits[/] (cells are added) or [bold]bonus.{shop}[/] (with the cell of another
column). [bold]member.head.attach[/] and [bold]member.head.detach[/] give and take identifiers.

[bold]--express[/] writes a register of addresses into a list of its own, much faster:
members are neither looked up nor changed. [bold]zmey lists[/] reads such a list.

The server imports by itself: the command may be stopped, and the same command
finds the import again. [bold]zmey operations[/] lists, follows and cancels imports.

[bold]Examples[/]

  zmey import people.csv --probe

  zmey import crm.xlsx --map EMAIL=member.email --map ID=external_customer_id --prefix crm.

  zmey import winners.csv --express --auto-group winners

  zmey import sftp://files.example.org/out/people.zip --secret shop --auto-group newcomers
"""

SourceArgument = Annotated[
    str,
    typer.Argument(
        metavar="FILE|URL",
        help="A file here, or a URL that the server fetches: http, https, ftp, ftps, sftp, "
        "rfs://upload/PATH.",
    ),
]
CharsetOption = Annotated[
    str | None,
    typer.Option("--charset", help=", ".join(CHARSETS) + ".", rich_help_panel=_READING),
]
SeparatorOption = Annotated[
    str | None,
    typer.Option("--separator", help="`,` `;` `|` or tab.", rich_help_panel=_READING),
]
FirstLineOption = Annotated[
    str | None,
    typer.Option("--first-line", help="names (of the columns) or data.", rich_help_panel=_READING),
]
ShapeOption = Annotated[
    str | None,
    typer.Option("--shape", help=", ".join(SHAPES) + ".", rich_help_panel=_READING),
]
SheetOption = Annotated[
    str | None,
    typer.Option(
        "--sheet",
        metavar="NAME",
        help="Sheet of a spreadsheet; by default the first with cells.",
        rich_help_panel=_READING,
    ),
]
AddrTypeOption = Annotated[
    str | None,
    typer.Option(
        "--addr-type",
        metavar="TYPE",
        help="Type of the addresses where columns do not say it, such as email or msisdn.",
        rich_help_panel=_READING,
    ),
]
MapOption = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=TARGET",
        help="Where a column goes whose name is no target; repeatable.",
        rich_help_panel=_READING,
    ),
]
PrefixOption = Annotated[
    str | None,
    typer.Option(
        "--prefix",
        metavar="PATH.",
        help="What the datakeys of all other columns begin with, such as `crm.` with its dot; "
        "their names are taken literally.",
        rich_help_panel=_READING,
    ),
]
TrimOption = Annotated[
    bool,
    typer.Option("--trim", help="Cut spaces and tabs off cells.", rich_help_panel=_READING),
]
OriginOption = Annotated[
    str | None,
    typer.Option(
        "--origin",
        metavar="NUMBER|LABEL",
        help="Origin of members that are made.",
        rich_help_panel=_ROWS,
    ),
]
GroupAddOption = Annotated[
    list[str] | None,
    typer.Option(
        "--group-add",
        metavar="CODE",
        help="List group that every row joins; repeatable.",
        rich_help_panel=_ROWS,
    ),
]
GroupRemoveOption = Annotated[
    list[str] | None,
    typer.Option(
        "--group-remove",
        metavar="CODE",
        help="List group that every row leaves; repeatable.",
        rich_help_panel=_ROWS,
    ),
]
AutoGroupOption = Annotated[
    str | None,
    typer.Option(
        "--auto-group",
        metavar="CODE",
        help="List group for this import, made where it is missing; - names it by the time. "
        "With --express the code of the list, which must be new.",
        rich_help_panel=_ROWS,
    ),
]
AutoGroupNameOption = Annotated[
    str | None,
    typer.Option(
        "--auto-group-name",
        metavar="NAME",
        help="What people call the group or list that is made; by default it has the time.",
        rich_help_panel=_ROWS,
    ),
]
ExpressOption = Annotated[
    bool,
    typer.Option(
        "--express",
        help="Keep the rows in a list of their own, outside the data of members; see `zmey lists`.",
        rich_help_panel=_ROWS,
    ),
]
CleanGroupOption = Annotated[
    bool,
    typer.Option(
        "--clean-group", help="Take everybody out of --auto-group first.", rich_help_panel=_ROWS
    ),
]
NoMemberOption = Annotated[
    bool,
    typer.Option(
        "--no-member", help="Give addresses their numbers, make no members.", rich_help_panel=_ROWS
    ),
]
AttemptsOption = Annotated[
    int,
    typer.Option(
        "--attempts", min=1, max=100, help="How often to try a URL.", rich_help_panel=_SOURCE
    ),
]
IntervalOption = Annotated[
    int,
    typer.Option(
        "--interval",
        min=1,
        max=86_400,
        metavar="SECONDS",
        help="Pause between two attempts.",
        rich_help_panel=_SOURCE,
    ),
]
SecretOption = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="NAME",
        help="Credentials that the server has configured under this name.",
        rich_help_panel=_SOURCE,
    ),
]
ProbeOption = Annotated[
    bool,
    typer.Option(
        "--probe", help="Show what the server makes of it, write nothing.", rich_help_panel=_RUN
    ),
]
WatchOption = Annotated[
    bool,
    typer.Option(
        "--watch/--no-watch",
        help="Follow the import to its end, or only start it.",
        rich_help_panel=_RUN,
    ),
]
AgainOption = Annotated[
    bool,
    typer.Option(
        "--again",
        help="Import anew what this command has begun within 24 hours.",
        rich_help_panel=_RUN,
    ),
]
ReportOption = Annotated[
    str | None,
    typer.Option(
        "--report",
        metavar="FILE",
        help="Where rejected rows go; by default FILE.rejects.csv beside the file.",
        rich_help_panel=_RUN,
    ),
]
TrackInfoOption = Annotated[
    str,
    typer.Option(
        "--track-info",
        metavar="TEXT",
        help="Kept with the operation, at most 1,024 bytes.",
        rich_help_panel=_RUN,
    ),
]


@dataclass(frozen=True)
class ReadingOptions:
    """How the file is read."""

    charset: CharsetOption = None
    separator: SeparatorOption = None
    first_line: FirstLineOption = None
    shape: ShapeOption = None
    sheet: SheetOption = None
    addr_type: AddrTypeOption = None
    maps: MapOption = None
    prefix: PrefixOption = None
    trim: TrimOption = False

    def message(self) -> ImportReading:
        """Writes what is known of a file.

        Raises:
            UsageError: a word is none that is known.
        """
        reading = ImportReading(sheet=self.sheet or "", prefix=self.prefix or "", trim=self.trim)
        if self.charset is not None:
            reading.charset = _named("--charset", CHARSETS, self.charset.lower())
        if self.separator is not None:
            reading.separator = _named("--separator", SEPARATORS, self.separator)
        if self.first_line is not None:
            reading.first_line = _named("--first-line", FIRST_LINES, self.first_line)
        if self.shape is not None:
            reading.shape = _named("--shape", SHAPES, self.shape)
        if self.addr_type is not None:
            reading.addr_type = _named("--addr-type", TYPES_WITH_ALIASES, self.addr_type)
        for name, target in map(_rename, self.maps or ()):
            if reading.renames.get(name, target) != target:
                message = f"--map has {name!r} twice, with different targets; leave one out."
                raise UsageError(message)
            reading.renames[name] = target
        return reading


@dataclass(frozen=True)
class RowOptions:
    """What rows do."""

    if_exists: IfExistsOption = IF_EXISTS_DEFAULT
    order: OrderOption = ORDER_DEFAULT
    newbie_confirm: NewbieConfirmOption = False
    origin: OriginOption = None
    group_add: GroupAddOption = None
    group_remove: GroupRemoveOption = None
    auto_group: AutoGroupOption = None
    auto_group_name: AutoGroupNameOption = None
    clean_group: CleanGroupOption = False
    no_member: NoMemberOption = False
    express: ExpressOption = False

    def message(self, space: Space) -> ImportOptions:
        """Writes what the columns and rows of a space do.

        Raises:
            UsageError: there is no such condition, or no origin of this number.
            NotationError: the order cannot be read.
        """
        options = ImportOptions(
            space=space,
            policy=parse_order(self.order),
            if_exists=condition_of(self.if_exists),
            newbie_confirm=self.newbie_confirm,
            no_member=self.no_member,
        )
        if self.group_add or self.group_remove:
            # Imports without members refuse orders, be they empty.
            orders = GroupOrders(add=self.group_add, remove=self.group_remove)
            options.groups.CopyFrom(orders)
        if self.origin is not None and self.origin.isdecimal():
            options.origin_number = _origin_number(self.origin)
        elif self.origin is not None:
            options.origin_label = self.origin
        return options

    def group(self) -> AutoGroup | None:
        """Writes the group or express list that gets the rows, if they are to have one."""
        if self.auto_group is None and self.auto_group_name is None:
            return None
        code = "" if self.auto_group in {None, GROUP_BY_TIME} else self.auto_group
        return AutoGroup(id=code, name=self.auto_group_name)


@dataclass(frozen=True)
class UrlOptions:
    """How an URL is fetched."""

    attempts: AttemptsOption = 1
    interval: IntervalOption = 60
    secret: SecretOption = None

    def check_unused(self) -> None:
        """Makes sure that a file which is here is not asked to be fetched.

        Raises:
            UsageError: it is.
        """
        if self != UrlOptions():
            message = "--attempts, --interval and --secret are for URLs; this is a file here."
            raise UsageError(message)

    def message(self, url: str) -> UrlSource:
        """Writes where the file comes from."""
        return UrlSource(
            url=url,
            attempts=self.attempts,
            interval_seconds=self.interval,
            secret=self.secret or "",
        )


@dataclass(frozen=True)
class RunOptions:
    """How the import runs."""

    probe: ProbeOption = False
    watch: WatchOption = True
    again: AgainOption = False
    report: ReportOption = None
    track_info: TrackInfoOption = ""
    as_json: JsonOption = False

    def check(self) -> None:
        """Makes sure that a report which is asked for can be written.

        Raises:
            UsageError: the command does not see the end of an import.
        """
        if self.report is None:
            return
        if self.probe:
            message = "--report is for what an import rejects, and --probe imports nothing."
            raise UsageError(message)
        if not self.watch:
            message = (
                "--report is written at the end, for which --no-watch does not wait; "
                "`zmey operations report` writes it later."
            )
            raise UsageError(message)


def _origin_number(text: str) -> int:
    number = int(text)
    if number > ORIGIN_NUMBER_MAX:
        message = f"--origin {text} is no number of an origin: the greatest is {ORIGIN_NUMBER_MAX}."
        raise UsageError(message)
    return number


def _rename(text: str) -> tuple[str, str]:
    name, equals, target = text.partition("=")
    if not equals or not target.strip():
        message = f"--map {text!r} is not COLUMN=TARGET, such as EMAIL=member.email."
        raise UsageError(message)
    return name.strip(), target.strip()


def _named(option: str, known: Mapping[str, Value], word: str) -> Value:
    if word not in known:
        words = " ".join(f"`{name}`" for name in known)
        message = f"{option} `{word}` is unknown; known are {words}."
        raise UsageError(message)
    return known[word]
