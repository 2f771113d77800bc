"""Requests that several tests send."""

import orjson

from zmey.v1.address_pb2 import ADDRESS_TYPE_EMAIL, Address
from zmey.v1.datakey_pb2 import DATAKEY_MODE_SET, DatakeyChange
from zmey.v1.import_rows_pb2 import AddressColumn, DatakeyColumn, ImportColumn, ImportOptions
from zmey.v1.import_service_pb2 import ImportChunk, ImportRow, StreamImportRequest
from zmey.v1.match_service_pb2 import ResolveRequest
from zmey.v1.matching_pb2 import MatchKeys
from zmey.v1.member_pb2 import MemberChange
from zmey.v1.member_service_pb2 import SetMemberRequest
from zmey.v1.space_pb2 import Space

SPACE = Space(account_id=1, db_id=1)


def email_keys(email: str) -> MatchKeys:
    """Keys of one e-mail."""
    return MatchKeys(locators=[Address(type=ADDRESS_TYPE_EMAIL, value=email)])


def resolve_request(email: str, space: Space = SPACE) -> ResolveRequest:
    """Asks for a member by e-mail."""
    return ResolveRequest(space=space, keys=email_keys(email))


def set_request(email: str, name: str = "Ann") -> SetMemberRequest:
    """Sets the name of a member by e-mail."""
    change = DatakeyChange(path="name", mode=DATAKEY_MODE_SET, value=orjson.dumps(name))
    return SetMemberRequest(
        space=SPACE, change=MemberChange(keys=email_keys(email), datakeys=[change])
    )


def import_options(import_id: str = "") -> StreamImportRequest:
    """Opens an import of e-mails and names."""
    columns = [
        ImportColumn(address=AddressColumn(type=ADDRESS_TYPE_EMAIL)),
        ImportColumn(datakey=DatakeyColumn(path="name", mode=DATAKEY_MODE_SET)),
    ]
    return StreamImportRequest(
        options=ImportOptions(space=SPACE, import_id=import_id, columns=columns)
    )


def import_chunk(number: int, emails: list[str]) -> StreamImportRequest:
    """A chunk with one row for each e-mail."""
    rows = [ImportRow(cells=[email.encode(), b"Ann"]) for email in emails]
    return StreamImportRequest(chunk=ImportChunk(number=number, rows=rows))
