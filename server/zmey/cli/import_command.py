"""`zmey import`: has the server bring the rows of a file into a space."""

import hashlib
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from zmey.cli.exits import FAILURE, CommandError, stderr
from zmey.cli.import_options import (
    AddrTypeOption,
    AgainOption,
    AttemptsOption,
    AutoGroupOption,
    CharsetOption,
    CleanGroupOption,
    FirstLineOption,
    GroupAddOption,
    GroupRemoveOption,
    IntervalOption,
    MapOption,
    NoMemberOption,
    OriginOption,
    PrefixOption,
    ProbeOption,
    ReportOption,
    SecretOption,
    SeparatorOption,
    ShapeOption,
    SheetOption,
    SourceArgument,
    TrackInfoOption,
    TrimOption,
    WatchOption,
    reading_of,
)
from zmey.cli.import_probe import print_probe
from zmey.cli.import_watch import (
    follow,
    save_report,
    summary_json,
    summary_table,
    unpack_metadata,
)
from zmey.cli.json_text import message_json
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
    condition_of,
    space_of,
)
from zmey.client import Client
from zmey.client.notation import parse_order
from zmey.client.uploads import upload_file
from zmey.v1.import_job_pb2 import (
    AutoGroup,
    ImportSource,
    ProbeImportRequest,
    StartImportRequest,
    UrlSource,
)
from zmey.v1.import_rows_pb2 import GroupOrders, ImportOptions

GROUP_BY_TIME = "-"
REQUEST_ID_HEX = 32


def import_file(
    source: SourceArgument,
    charset: CharsetOption = None,
    separator: SeparatorOption = None,
    first_line: FirstLineOption = None,
    shape: ShapeOption = None,
    sheet: SheetOption = None,
    addr_type: AddrTypeOption = None,
    maps: MapOption = None,
    prefix: PrefixOption = None,
    trim: TrimOption = False,
    if_exists: IfExistsOption = IF_EXISTS_DEFAULT,
    order: OrderOption = ORDER_DEFAULT,
    newbie_confirm: NewbieConfirmOption = False,
    origin: OriginOption = None,
    group_add: GroupAddOption = None,
    group_remove: GroupRemoveOption = None,
    auto_group: AutoGroupOption = None,
    clean_group: CleanGroupOption = False,
    no_member: NoMemberOption = False,
    attempts: AttemptsOption = 1,
    interval: IntervalOption = 60,
    secret: SecretOption = None,
    probe: ProbeOption = False,
    watch: WatchOption = True,
    again: AgainOption = False,
    report: ReportOption = None,
    track_info: TrackInfoOption = "",
    as_json: JsonOption = False,
    address: AddressOption = ADDRESS_DEFAULT,
    account: AccountOption = 1,
    db: DatabaseOption = 1,
) -> None:
    """Bring the rows of a file into a space."""
    reading = reading_of(
        charset=charset,
        separator=separator,
        first_line=first_line,
        shape=shape,
        sheet=sheet,
        addr_type=addr_type,
        maps=maps or (),
        prefix=prefix,
        trim=trim,
    )
    options = ImportOptions(
        space=space_of(account, db),
        policy=parse_order(order),
        if_exists=condition_of(if_exists),
        newbie_confirm=newbie_confirm,
        no_member=no_member,
    )
    _set_groups(options, group_add or (), group_remove or ())
    _set_origin(options, origin)
    path = None if "://" in source else Path(source)
    url = UrlSource(url=source, attempts=attempts, interval_seconds=interval, secret=secret or "")
    with Client(address) as client:
        place = _source_of(client, options, path, url)
        if probe:
            _probe(client, ProbeImportRequest(source=place, reading=reading, options=options),
                   as_json=as_json)  # fmt: skip
            return
        request = StartImportRequest(source=place, reading=reading, options=options)
        request.track_info = track_info
        request.clean_group = clean_group
        _set_group(request, auto_group)
        # What is behind a URL may be another file each time.
        if path is not None and not again:
            request.request_id = _derive_request_id(request)
        _Run(client, request, path, report).start(watch=watch, as_json=as_json)


def _probe(client: Client, request: ProbeImportRequest, *, as_json: bool) -> None:
    answer = client.imports.ProbeImport(request)
    if as_json:
        sys.stdout.buffer.write(message_json(answer))
    else:
        print_probe(answer)
    if answer.cannot_import:
        message = "This file cannot be imported like that; the warnings say why."
        raise CommandError(message)


def _source_of(
    client: Client, options: ImportOptions, path: Path | None, url: UrlSource
) -> ImportSource:
    """Uploads a file; a URL is the server's to fetch."""
    if path is None:
        return ImportSource(url=url)
    try:
        size = path.stat().st_size
        with path.open("rb") as file, _upload_progress() as bar:
            task = bar.add_task(f"uploading {escape(path.name)}", total=size)
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
        if self._report is None and path is not None:
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
        saved = save_report(self._client, name, metadata, self._report)
        if as_json:
            sys.stdout.buffer.write(summary_json(name, metadata))
        else:
            Console(highlight=False, markup=False).print(summary_table(metadata, saved))
        if operation.HasField("error"):
            message = f"{operation.error.message} ({name})"
            raise CommandError(message, FAILURE)


def _set_group(request: StartImportRequest, group: str | None) -> None:
    if group is not None:
        request.auto_group.CopyFrom(AutoGroup(id="" if group == GROUP_BY_TIME else group))


def _set_groups(options: ImportOptions, add: Sequence[str], remove: Sequence[str]) -> None:
    """Orders groups only where there are any: imports without members refuse orders."""
    if add or remove:
        options.groups.CopyFrom(GroupOrders(add=add, remove=remove))


def _set_origin(options: ImportOptions, origin: str | None) -> None:
    if origin is None:
        return
    if origin.isdecimal():
        options.origin_number = int(origin)
    else:
        options.origin_label = origin


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
