"""Options that several commands share, and what they mean on the wire."""

from dataclasses import dataclass
from typing import Annotated

import typer

from zmey.cli.exits import UsageError
from zmey.client import Client
from zmey.client.notation import parse_field, parse_locator
from zmey.v1.address_pb2 import ADDRESS_TYPE_EMAIL, ADDRESS_TYPE_MSISDN, Address
from zmey.v1.matching_pb2 import MatchKeys
from zmey.v1.member_pb2 import IfExists
from zmey.v1.space_pb2 import Space

# What the contract's numbers can hold.
UINT32_MAX = 2**32 - 1
UINT64_MAX = 2**64 - 1

ADDRESS_DEFAULT = "127.0.0.1:50051"
DEADLINE_SECONDS_DEFAULT = 10.0

IF_EXISTS = {
    "update": IfExists.IF_EXISTS_UNSPECIFIED,
    "error": IfExists.IF_EXISTS_ERROR,
    "must": IfExists.IF_EXISTS_MUST,
    "ignore": IfExists.IF_EXISTS_IGNORE,
}

_SERVER = "Server"
_KEYS = "Whom"

AddressOption = Annotated[
    str,
    typer.Option(
        "--address",
        envvar="ZMEY_ADDRESS",
        metavar="HOST:PORT",
        help="Where the server listens.",
        rich_help_panel=_SERVER,
    ),
]
AccountOption = Annotated[
    int,
    typer.Option(
        "--account", min=1, max=UINT32_MAX, help="Number of the account.", rich_help_panel=_SERVER
    ),
]
DatabaseOption = Annotated[
    int,
    typer.Option(
        "--db", min=1, max=UINT32_MAX, help="Number of the database.", rich_help_panel=_SERVER
    ),
]
DeadlineOption = Annotated[
    float,
    typer.Option(
        "--deadline",
        min=0.001,
        metavar="SECONDS",
        help="Seconds to wait for the answer.",
        rich_help_panel=_SERVER,
    ),
]
ContactIdOption = Annotated[
    int | None,
    typer.Option(
        "--contact-id", min=0, max=UINT64_MAX, help="Number of the member.", rich_help_panel=_KEYS
    ),
]
ExternalIdOption = Annotated[
    str | None,
    typer.Option("--external-id", help="Your own id of the person.", rich_help_panel=_KEYS),
]
EmailOption = Annotated[
    list[str] | None,
    typer.Option("--email", help="E-mail address; repeatable.", rich_help_panel=_KEYS),
]
PhoneOption = Annotated[
    list[str] | None,
    typer.Option(
        "--phone", help="Phone number in any spelling; repeatable.", rich_help_panel=_KEYS
    ),
]
LocatorOption = Annotated[
    list[str] | None,
    typer.Option(
        "--locator",
        metavar="TYPE:VALUE",
        help="Address of another type, e.g. tg:123456; tried after e-mails and phones; repeatable.",
        rich_help_panel=_KEYS,
    ),
]
FieldOption = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="PATH=VALUE",
        help="Declared custom field, e.g. crm.id=17; repeatable.",
        rich_help_panel=_KEYS,
    ),
]
HeadIdOption = Annotated[
    int | None,
    typer.Option(
        "--head-id",
        min=0,
        max=UINT64_MAX,
        help="Number of one identifier of the member.",
        rich_help_panel=_KEYS,
    ),
]
DatasetIdOption = Annotated[
    int | None,
    typer.Option(
        "--dataset-id",
        min=0,
        max=UINT64_MAX,
        help="Number of the member's body.",
        rich_help_panel=_KEYS,
    ),
]
OrderOption = Annotated[
    str,
    typer.Option(
        "--order",
        metavar="ORDER",
        help="Which key counts first: external-id-first, prepared-message, subscribe, "
        "email-or-sms, or your own such as contact-id,locator:email,external-id,field:crm.id.",
        rich_help_panel=_KEYS,
    ),
]
StrictOption = Annotated[
    bool,
    typer.Option(
        "--strict",
        help="Refuse keys that point at several members, and unknown keys above the one that "
        "matched.",
        rich_help_panel=_KEYS,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

IfExistsOption = Annotated[
    str,
    typer.Option(
        "--if-exists",
        metavar="|".join(IF_EXISTS),
        help="What to do with members that exist; must refuses those that do not.",
    ),
]
NewbieConfirmOption = Annotated[
    bool, typer.Option("--newbie-confirm", help="New e-mails wait for confirmation.")
]
ValidateOnlyOption = Annotated[
    bool, typer.Option("--validate-only", help="Say what would happen and write nothing.")
]

ORDER_DEFAULT = "external-id-first"
IF_EXISTS_DEFAULT = "update"
VersionOption = Annotated[
    int | None,
    typer.Option(
        "--expected-version",
        min=0,
        max=UINT64_MAX,
        help="Only if the body has this version; 0: none yet.",
    ),
]
RequestIdOption = Annotated[
    str, typer.Option("--request-id", help="Makes repeating the command harmless for 24 hours.")
]


@dataclass(frozen=True)
class ServerOptions:
    """Which server a command asks, and how long."""

    address: AddressOption = ADDRESS_DEFAULT
    deadline: DeadlineOption = DEADLINE_SECONDS_DEFAULT

    def connect(self) -> Client:
        """Opens a client of the server."""
        return Client(self.address)


# Not made from ServerOptions: help shows fields in their order, and the deadline comes last.
@dataclass(frozen=True)
class SpaceOptions:
    """Which space of which server a command asks, and how long."""

    address: AddressOption = ADDRESS_DEFAULT
    account: AccountOption = 1
    db: DatabaseOption = 1
    deadline: DeadlineOption = DEADLINE_SECONDS_DEFAULT

    @property
    def space(self) -> Space:
        """The space on the wire."""
        return space_of(self.account, self.db)

    @property
    def name(self) -> str:
        """The space as names of operations have it."""
        return f"spaces/{self.account}/{self.db}"

    def connect(self) -> Client:
        """Opens a client of the server."""
        return Client(self.address)


def space_of(account: int, database: int) -> Space:
    """Names the database on the wire."""
    return Space(account_id=account, db_id=database)


def keys_of(
    contact_id: int | None = None,
    external_id: str | None = None,
    email: list[str] | None = None,
    phone: list[str] | None = None,
    locator: list[str] | None = None,
    field: list[str] | None = None,
    head_id: int | None = None,
    dataset_id: int | None = None,
) -> MatchKeys:
    """Gathers the keys of a command.

    Raises:
        UsageError: there is none.
        NotationError: one cannot be read.
    """
    locators = [Address(type=ADDRESS_TYPE_EMAIL, value=value) for value in email or ()]
    locators += [Address(type=ADDRESS_TYPE_MSISDN, value=value) for value in phone or ()]
    locators += [parse_locator(text) for text in locator or ()]
    keys = MatchKeys(
        contact_id=contact_id,
        external_customer_id=external_id,
        locators=locators,
        fields=[parse_field(text) for text in field or ()],
        head_id=head_id,
        dataset_id=dataset_id,
    )
    if keys == MatchKeys():
        message = (
            "Say whom you mean with --contact-id, --external-id, --email, --phone, --locator or "
            "--field (or --head-id, --dataset-id)."
        )
        raise UsageError(message)
    return keys


def condition_of(text: str) -> IfExists:
    """Reads --if-exists.

    Raises:
        UsageError: there is no such condition.
    """
    if text not in IF_EXISTS:
        message = f"--if-exists {text!r} is unknown; known are {', '.join(IF_EXISTS)}."
        raise UsageError(message)
    return IF_EXISTS[text]
