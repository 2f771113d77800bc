"""A bridge at work with both of its ends, for tests that ask it questions through a real broker."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from running_bridge import DEAD, IMPORT, RESULT, RunningBridge
from running_server import RunningServer
from support.broker import RunningBroker
from support.core import SPACE
from support.requests import keys
from zmey.client import Client
from zmey.v1.head_service_pb2 import ListHeadsRequest

SPACES = json.dumps(
    [
        {
            "account_id": 1,
            "db_id": 1,
            "default_region": "RU",
            "fields": [
                {"path": "CRM_ID", "kind": "int"},
                {"path": "card", "kind": "string"},
                {"path": "labels", "kind": "tags"},
                {"path": "tags", "kind": "tags"},
                {"path": "a\\.b", "kind": "string"},
            ],
        },
        {"account_id": 1, "db_id": 2},
    ]
)
ANN = "ann@example.org"


class Desk:
    """A bridge at work, with both of its ends."""

    def __init__(self, broker: RunningBroker, server: RunningServer, bridge: RunningBridge) -> None:
        self.broker = broker
        self.bridge = bridge
        self.client = Client(server.address).__enter__()
        self.contacts = self.client.contacts(1, 1)

    def ask(self, *messages: Any) -> list[dict[str, Any]]:
        """Sends messages and returns their results, in order."""
        bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages]
        self.broker.publish(IMPORT, bodies)
        return [json.loads(taken.body) for taken in self.broker.take(RESULT, len(bodies))]

    def one(self, **parameters: Any) -> dict[str, Any]:
        """Sends one message, of account 1 and db 1 unless said otherwise."""
        return self.ask(message(**parameters))[0]

    def heads(self, email: str) -> list[tuple[str, list[int]]]:
        """The heads of a contact with their resources."""
        request = ListHeadsRequest(space=SPACE, keys=keys(f"email={email}"))
        answer = self.client.heads.ListHeads(request, timeout=5)
        return [(head.head.address.value, list(head.resource_ids)) for head in answer.heads]

    def raw_data(self, email: str) -> str:
        """The data of a contact exactly as the server has them."""
        return self.contacts.get(email=email).member.values[0].value.decode()


def message(**parameters: Any) -> dict[str, Any]:
    given = {"account_id": 1, "db_id": 1, "data": {}} | parameters
    return {name: value for name, value in given.items() if value is not ...}


@pytest.fixture(scope="module")
def desk(node: RunningBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One bridge for all rows, from an empty broker; each row has people of its own."""
    node.delete(IMPORT, RESULT, DEAD)
    directory = tmp_path_factory.mktemp("seed")
    server = RunningServer(directory / "store", "--spaces", SPACES)
    bridge = RunningBridge(directory, node, server.address)
    opened = Desk(node, server, bridge)
    yield opened
    opened.client.__exit__(None, None, None)
    bridge.kill()
    server.kill()


def refused(answer: dict[str, Any], code: int, *words: str) -> None:
    assert answer["error"] == code, answer
    assert answer["error_text"].endswith("."), answer
    assert all(word in answer["error_text"] for word in words), answer
    assert answer["profile_id"] == ""
