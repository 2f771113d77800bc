"""`zmey get` and `zmey set`: reads and changes one member."""

import sys
from typing import TYPE_CHECKING, Annotated, cast

import orjson
import typer
from rich.console import Console
from rich.markup import escape

from zmey.cli.exits import FAILURE
from zmey.cli.explain import print_resolution
from zmey.cli.explain_command import print_explanation
from zmey.cli.grouped import grouped
from zmey.cli.json_text import document, message_json, print_json
from zmey.cli.notation import parse_change
from zmey.cli.options import (
    IF_EXISTS_DEFAULT,
    ORDER_DEFAULT,
    ContactIdOption,
    DatasetIdOption,
    EmailOption,
    ExternalIdOption,
    FieldOption,
    HeadIdOption,
    IfExistsOption,
    JsonOption,
    LocatorOption,
    NewbieConfirmOption,
    OrderOption,
    PhoneOption,
    RequestIdOption,
    SpaceOptions,
    StrictOption,
    ValidateOnlyOption,
    VersionOption,
    condition_of,
    keys_of,
)
from zmey.client.notation import parse_locator, parse_order, type_name
from zmey.reasons import reason_name
from zmey.v1.match_service_pb2 import ExplainDecisionRequest, ExplainDecisionResponse
from zmey.v1.matching_pb2 import MatchKeys
from zmey.v1.member_pb2 import HeadAttach, Member, MemberChange, MemberOutcome, OutcomeStatus
from zmey.v1.member_service_pb2 import GetMemberRequest, SetMemberRequest

if TYPE_CHECKING:
    from zmey.v1.member_pb2 import Warning as MemberWarning

EVERYTHING = "*"


@grouped
def get(
    *,
    datakeys: Annotated[
        list[str] | None,
        typer.Argument(metavar="[DATAKEY]...", help="What to read; * is everything."),
    ] = None,
    contact_id: ContactIdOption = None,
    external_id: ExternalIdOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    locator: LocatorOption = None,
    field: FieldOption = None,
    head_id: HeadIdOption = None,
    dataset_id: DatasetIdOption = None,
    order: OrderOption = ORDER_DEFAULT,
    strict: StrictOption = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Read a member: the data asked for and all heads.

    [bold]Examples[/]

      zmey get --email ann@example.org

      zmey get --external-id crm-17 name 'orders[*].total' 'member.*'
    """
    request = GetMemberRequest(
        space=server.space,
        keys=keys_of(contact_id, external_id, email, phone, locator, field, head_id, dataset_id),
        policy=parse_order(order, strict=strict),
        datakeys=datakeys or [EVERYTHING],
        with_heads=True,
    )
    with server.connect() as client:
        response = client.members.GetMember(request, timeout=server.deadline)
    text = member_json(response.member, response.revision)
    if as_json:
        sys.stdout.buffer.write(text + b"\n")
    else:
        print_json(Console(), text)


ChangesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[CHANGE]...", help="DATAKEY[:MODE][:TYPE][:FORMAT]=VALUE"),
]
HeadOption = Annotated[
    list[str] | None,
    typer.Option("--head", metavar="TYPE:VALUE", help="A further head; repeatable."),
]
ExplainOption = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Tell what would be done and why, and write nothing; exits with 1 if it were refused.",
    ),
]
FreshOption = Annotated[bool, typer.Option("--fresh", help="Print the data after the change.")]


@grouped
def set_member(
    *,
    changes: ChangesArgument = None,
    contact_id: ContactIdOption = None,
    external_id: ExternalIdOption = None,
    email: EmailOption = None,
    phone: PhoneOption = None,
    locator: LocatorOption = None,
    field: FieldOption = None,
    head_id: HeadIdOption = None,
    dataset_id: DatasetIdOption = None,
    order: OrderOption = ORDER_DEFAULT,
    strict: StrictOption = False,
    heads: HeadOption = None,
    if_exists: IfExistsOption = IF_EXISTS_DEFAULT,
    expected_version: VersionOption = None,
    request_id: RequestIdOption = "",
    newbie_confirm: NewbieConfirmOption = False,
    fresh: FreshOption = False,
    validate_only: ValidateOnlyOption = False,
    explained: ExplainOption = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    r"""Create or change a member in one atomic step.

    A change is [bold]DATAKEY\[:MODE]\[:TYPE]\[:FORMAT]=VALUE[/]. A VALUE that is JSON is taken as
    JSON ([bold]age=41[/] is a number), anything else as text ([bold]name=Ann[/],
    [bold]zip=01234[/]); [bold]:text[/] and [bold]:json[/] decide it ([bold]code:text=41[/]).
    Modes are set, update, insert, merge, merge_update, merge_insert, push, unshift, delete
    ([bold]name:delete[/]) and their copy twins ([bold]backup:set.copy=name[/]). Types are dt and
    dt:LR ([bold]born:dt:YD=1980-01-02[/], [bold]seen:dt=current[/]).

    [bold]Examples[/]

      zmey set --email ann@example.org name.first=Ann visits:update=3 'tags:push="vip"'

      zmey set --external-id crm-17 --head tg:123456 --if-exists must seen:dt=current

      zmey set --contact-id 5 --expected-version 3 old:delete --fresh
    """
    keys = keys_of(contact_id, external_id, email, phone, locator, field, head_id, dataset_id)
    change = MemberChange(
        keys=keys,
        policy=parse_order(order, strict=strict),
        if_exists=condition_of(if_exists),
        datakeys=[parse_change(text) for text in changes or ()],
        heads=[HeadAttach(head=parse_locator(text)) for text in heads or ()],
        newbie_confirm=newbie_confirm,
        expected_version=expected_version,
        request_id=request_id,
        return_fresh=fresh,
    )
    space = server.space
    with server.connect() as client:
        if explained:
            asked = ExplainDecisionRequest(space=space, change=change)
            answer = client.matches.ExplainDecision(asked, timeout=server.deadline)
            _explain(answer, keys, as_json=as_json)
            return
        request = SetMemberRequest(space=space, change=change, validate_only=validate_only)
        response = client.members.SetMember(request, timeout=server.deadline)
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
        return
    _print_outcome(keys, response.outcome, validate_only=validate_only)


def _explain(answer: ExplainDecisionResponse, keys: MatchKeys, *, as_json: bool) -> None:
    print_explanation(answer, keys, as_json=as_json)
    if answer.HasField("fault"):
        raise typer.Exit(FAILURE)


def member_json(member: Member, revision: int) -> bytes:
    """Writes a member as one JSON object; the data is to the byte what the server keeps."""
    values = {value.path: document(value.value) for value in member.values}
    only_everything = list(values) == [EVERYTHING]
    return orjson.dumps(
        {
            "contact_id": member.contact_id,
            "version": member.version,
            "revision": revision,
            "heads": [
                {
                    "id": head.id,
                    "type": type_name(head.address.type),
                    "value": head.address.value,
                }
                for head in member.heads
            ],
            "data": values[EVERYTHING] if only_everything else values,
        }
    )


def _print_outcome(keys: MatchKeys, outcome: MemberOutcome, *, validate_only: bool) -> None:
    console = Console(highlight=False)
    status = OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_").lower()
    would = "would be " if validate_only else ""
    replayed = ", an earlier answer again" if outcome.replayed else ""
    console.print(
        f"[bold green]{would}{status}[/]: member {outcome.contact_id}, "
        f"version {outcome.version}, revision {outcome.revision:,}{replayed}"
    )
    # The generated types take the message Warning for the built-in exception.
    for warning in cast("list[MemberWarning]", outcome.warnings):
        reason = reason_name(warning.reason)
        console.print(f"[yellow]warning[/]: {escape(warning.message)} ({reason})")
    if outcome.resolution.conflicts:
        print_resolution(console, keys, outcome.resolution, outcome.revision)
    if outcome.fresh:
        print_json(console, outcome.fresh)
