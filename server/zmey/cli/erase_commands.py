"""`zmey members erase` and `erasure`: removes a member for ever, and shows the proof."""

import sys
import time
from collections.abc import Iterable
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from zmey.cli.exits import UsageError, stderr
from zmey.cli.grouped import grouped
from zmey.cli.json_text import message_json
from zmey.cli.options import (
    UINT64_MAX,
    ContactIdOption,
    EmailOption,
    ExternalIdOption,
    HeadIdOption,
    JsonOption,
    LocatorOption,
    PhoneOption,
    RequestIdOption,
    SpaceOptions,
    VersionOption,
    keys_of,
)
from zmey.client import Client
from zmey.v1.address_pb2 import ADDRESS_TYPE_CSID, Address
from zmey.v1.erasure_pb2 import Erasure, ErasureCounts
from zmey.v1.matching_pb2 import MatchKeys
from zmey.v1.member_pb2 import WriteOptions
from zmey.v1.member_service_pb2 import (
    EraseMemberRequest,
    EraseMemberResponse,
    GetErasureRequest,
    GetErasureResponse,
    MemberKey,
)
from zmey.v1.space_pb2 import Space

# Often enough to look alive; a slice of the work takes some ten milliseconds.
POLL_SECONDS = 0.2


@grouped
def erase(
    *,
    contact_id: ContactIdOption = None,
    external_id: ExternalIdOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    locator: LocatorOption = None,
    head_id: HeadIdOption = None,
    expected_version: VersionOption = None,
    request_id: RequestIdOption = "",
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Do not wait until histories are gone through.")
    ] = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Erase a member for ever: data, identifiers, history and all that could be undone.

    Members that were merged into it go with it. Nothing can be taken back; a proof without personal
    data is kept and printed. To remove the old bytes from the disk too, compact the closed store
    afterwards, and delete its dumps.

    [bold]Examples[/]

      zmey members erase --email ann@example.org

      zmey members erase --contact-id 5 --expected-version 3 --yes --json
    """
    if not any((contact_id, external_id, email, phone, locator, head_id)):
        message = (
            "Say whom with one of --contact-id, --external-id, --email, --phone, --locator, "
            "--head-id."
        )
        raise UsageError(message)
    keys = keys_of(contact_id, external_id, email, phone, locator, head_id=head_id)
    request = EraseMemberRequest(
        space=server.space,
        member=_key(keys),
        options=WriteOptions(expected_version=expected_version, request_id=request_id),
    )
    with server.connect() as client:
        if not yes:
            _confirm(client, request, server.deadline)
        erased: EraseMemberResponse = client.members.EraseMember(request, timeout=server.deadline)
        erasure_id = erased.outcome.erasure_id
        response = _proof(client, request.space, erasure_id, server.deadline, wait=not no_wait)
    _print(response, as_json=as_json)


@grouped
def erasure(
    erasure_id: Annotated[
        int, typer.Argument(metavar="ID", min=1, max=UINT64_MAX, help="What erase printed.")
    ],
    *,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Show the proof of an erasure, and how far it has come.

    [bold]Examples[/]

      zmey members erasure 17

      zmey members erasure 17 --json
    """
    with server.connect() as client:
        response = _proof(client, server.space, erasure_id, server.deadline, wait=False)
    _print(response, as_json=as_json)


def _key(keys: MatchKeys) -> MemberKey:
    """Takes the one key that was given."""
    found = [MemberKey(address=address) for address in keys.locators]
    if keys.HasField("external_customer_id"):
        address = Address(type=ADDRESS_TYPE_CSID, value=keys.external_customer_id)
        found.append(MemberKey(address=address))
    if keys.HasField("contact_id"):
        found.append(MemberKey(contact_id=keys.contact_id))
    if keys.HasField("head_id"):
        found.append(MemberKey(head_id=keys.head_id))
    if len(found) != 1:
        message = "Name the member by exactly one key, e.g. --email ann@example.org."
        raise UsageError(message)
    return found[0]


def _confirm(client: Client, request: EraseMemberRequest, deadline: float) -> None:
    """Says what would be erased and asks."""
    rehearsed = EraseMemberRequest()
    rehearsed.CopyFrom(request)
    rehearsed.options.validate_only = True
    answer: EraseMemberResponse = client.members.EraseMember(rehearsed, timeout=deadline)
    outcome = answer.outcome
    members = ", ".join(map(str, outcome.erased_contact_ids)) or "none, an identifier alone"
    stderr.print(f"members: {members}; identifiers: {len(outcome.erased_head_ids):,}")
    typer.confirm("Erase for ever?", abort=True, err=True)


def _proof(
    client: Client, space: Space, erasure_id: int, deadline: float, *, wait: bool
) -> GetErasureResponse:
    """Reads the proof; waits until it is complete, if asked."""
    request = GetErasureRequest(space=space, erasure_id=erasure_id)
    with stderr.status("erasing") as status:
        while True:
            response: GetErasureResponse = client.members.GetErasure(request, timeout=deadline)
            found = response.erasure
            if found.finished_seconds or not wait:
                return response
            status.update(
                f"erasing: changes {found.scrubbed_revision:,} of {found.through_revision:,}"
            )
            time.sleep(POLL_SECONDS)


def _print(response: GetErasureResponse, *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
    else:
        _print_proof(Console(highlight=False), response.erasure)


def _print_proof(console: Console, found: Erasure) -> None:
    done = (
        f"[bold green]finished[/] {_time(found.finished_seconds)}"
        if found.finished_seconds
        else f"[yellow]going on[/], changes {found.scrubbed_revision:,} "
        f"of {found.through_revision:,}"
    )
    begun = _time(found.begun.time_seconds)
    source = f" from {found.begun.host}" if found.begun.host else ""
    console.print(f"[bold]erasure {found.erasure_id}[/]: begun {begun}{source}, {done}")
    console.print(f"members {_numbers(found.contact_ids)}; identifiers {_numbers(found.head_ids)}")
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    table.add_column("removed")
    table.add_column("number", justify="right")
    for name in (field.name for field in ErasureCounts.DESCRIPTOR.fields):
        table.add_row(name.replace("_", " "), f"{getattr(found.counts, name):,}")
    console.print(table)


def _numbers(ids: Iterable[int]) -> str:
    return ", ".join(map(str, ids)) or "none"


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
