"""What somebody who only has the wheel writes: plain gRPC over the generated stubs.

`tests/test_wheel.py` runs it, and checks its types, in an environment with the installed wheel.
"""

import json
import sys
from collections.abc import Iterator

import grpc

from zmey.v1.address_pb2 import ADDRESS_TYPE_EMAIL, Address
from zmey.v1.datakey_pb2 import DATAKEY_MODE_SET, DatakeyChange
from zmey.v1.import_rows_pb2 import AddressColumn, DatakeyColumn, ImportColumn, ImportOptions
from zmey.v1.import_service_pb2 import ImportChunk, ImportRow, StreamImportRequest
from zmey.v1.import_service_pb2_grpc import ImportServiceStub
from zmey.v1.match_service_pb2 import ResolveRequest
from zmey.v1.match_service_pb2_grpc import MatchServiceStub
from zmey.v1.matching_pb2 import MatchKeys
from zmey.v1.member_pb2 import MemberChange, OutcomeStatus
from zmey.v1.member_service_pb2 import GetMemberRequest, SetMemberRequest
from zmey.v1.member_service_pb2_grpc import MemberServiceStub
from zmey.v1.space_pb2 import Space

SPACE = Space(account_id=1, db_id=1)
ANN = MatchKeys(
    external_customer_id="17", locators=[Address(type=ADDRESS_TYPE_EMAIL, value="Ann@Example.org")]
)


def set_and_get(channel: grpc.Channel) -> dict[str, object]:
    members = MemberServiceStub(channel)
    change = MemberChange(
        keys=ANN, datakeys=[DatakeyChange(path="name", mode=DATAKEY_MODE_SET, value=b'"Ann"')]
    )
    outcome = members.SetMember(SetMemberRequest(space=SPACE, change=change)).outcome
    request = GetMemberRequest(space=SPACE, keys=ANN, datakeys=["name"])
    value = members.GetMember(request).member.values[0].value
    return {"status": OutcomeStatus.Name(outcome.status), "name": json.loads(value)}


def refused(channel: grpc.Channel) -> str:
    try:
        MatchServiceStub(channel).Resolve(ResolveRequest(space=SPACE))
    except grpc.RpcError as error:
        return error.code().name if isinstance(error, grpc.Call) else ""
    return ""


def import_rows(channel: grpc.Channel) -> list[str]:
    def messages() -> Iterator[StreamImportRequest]:
        columns = [
            ImportColumn(address=AddressColumn(type=ADDRESS_TYPE_EMAIL)),
            ImportColumn(datakey=DatakeyColumn(path="name")),
        ]
        yield StreamImportRequest(options=ImportOptions(space=SPACE, columns=columns))
        rows = [ImportRow(cells=[b"bo@example.org", b"Bo"]), ImportRow(cells=[b"nobody"])]
        yield StreamImportRequest(chunk=ImportChunk(number=1, rows=rows))

    answers = list(ImportServiceStub(channel).StreamImport(messages()))
    return [OutcomeStatus.Name(status) for status in answers[-1].receipt.statuses]


def main() -> None:
    with grpc.insecure_channel(sys.argv[1]) as channel:
        found = {
            **set_and_get(channel),
            "refused": refused(channel),
            "imported": import_rows(channel),
        }
        keys = MatchKeys(locators=[Address(value="BO@example.ORG")])
        answer = MatchServiceStub(channel).Resolve(ResolveRequest(space=SPACE, keys=keys))
        found["contact_id"] = answer.resolution.contact_id
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
