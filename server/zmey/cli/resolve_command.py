"""`zmey resolve`: asks who somebody is, and why."""

import sys
from typing import Annotated

import typer
from rich.console import Console

from zmey.cli.explain import print_resolution
from zmey.cli.grouped import grouped
from zmey.cli.json_text import message_json
from zmey.cli.options import (
    ORDER_DEFAULT,
    ContactIdOption,
    DatasetIdOption,
    EmailOption,
    ExternalIdOption,
    FieldOption,
    HeadIdOption,
    JsonOption,
    LocatorOption,
    OrderOption,
    PhoneOption,
    SpaceOptions,
    StrictOption,
    keys_of,
)
from zmey.client.notation import parse_order
from zmey.v1.match_service_pb2 import ResolveRequest


@grouped
def resolve(
    *,
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
    explain: Annotated[
        bool, typer.Option("--explain", help="Show every key in the order it was tried.")
    ] = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Find one member by whatever is known of them, and say why it is this one.

    Nobody found is an answer, not a failure.

    [bold]Examples[/]

      zmey resolve --email ann@example.org

      zmey resolve --contact-id 5 --external-id crm-17 --phone '8 (912) 345-67-89' --explain

      zmey resolve --locator tg:123456 --field crm.id=17 --order field:crm.id,locator --strict
    """
    keys = keys_of(contact_id, external_id, email, phone, locator, field, head_id, dataset_id)
    request = ResolveRequest(
        space=server.space,
        keys=keys,
        policy=parse_order(order, strict=strict),
        explain=explain,
    )
    with server.connect() as client:
        response = client.matches.Resolve(request, timeout=server.deadline)
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
    else:
        console = Console(highlight=False)
        print_resolution(console, keys, response.resolution, response.revision)
