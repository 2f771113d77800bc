"""Requests for look-ups, encoded beforehand: random known members in the spelling of a human."""

import random
from dataclasses import dataclass

import generate
from generate import Row
from zmey.v1 import address_pb2, match_service_pb2, matching_pb2
from zmey_server import POLICY, SPACE

BATCH_ITEMS = 1_000
RESOLVE = "/zmey.v1.MatchService/Resolve"
RESOLVE_BATCH = "/zmey.v1.MatchService/ResolveBatch"
NORMALIZE = "/zmey.v1.MatchService/Normalize"


@dataclass(frozen=True, slots=True)
class Probes:
    """Random members and the requests that ask for each by all three identifiers."""

    rows: list[Row]

    def unary(self) -> list[bytes]:
        """Returns a ResolveRequest for each member."""
        return [
            match_service_pb2.ResolveRequest(
                space=SPACE, keys=_keys(row), policy=POLICY
            ).SerializeToString()
            for row in self.rows
        ]

    def batches(self) -> list[bytes]:
        """Returns ResolveBatchRequests of 1,000 members."""
        return [
            match_service_pb2.ResolveBatchRequest(
                space=SPACE, items=[_keys(row) for row in batch], policy=POLICY
            ).SerializeToString()
            for batch in self.row_batches()
        ]

    def row_batches(self) -> list[list[Row]]:
        """Returns the members by batches of 1,000."""
        starts = range(0, len(self.rows), BATCH_ITEMS)
        return [self.rows[start : start + BATCH_ITEMS] for start in starts]


def pick(members: int, count: int) -> Probes:
    """Picks `count` random members of the first pass."""
    chooser = random.Random(generate.SEED)
    return Probes([generate.first_row(chooser.randrange(members)) for _ in range(count)])


def _keys(row: Row) -> matching_pb2.MatchKeys:
    locators = [
        address_pb2.Address(type=address_pb2.ADDRESS_TYPE_EMAIL, value=row.email),
        address_pb2.Address(type=address_pb2.ADDRESS_TYPE_MSISDN, value=row.phone),
    ]
    return matching_pb2.MatchKeys(external_customer_id=row.external_id, locators=locators)
