"""Bridge, server and broker are killed in turn: nothing is missing, nothing is done twice."""

import itertools
import json
import os
import socket
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import pytest

from conftest import StartBridge, StartServer
from running_bridge import DEAD, IMPORT, RESULT
from support.broker import RunningBroker, Sent
from support.queue_people import People, Step
from support.seeds import seeds
from zmey.client import Client

ANSWER_SECONDS_MAX = 120.0
BATCH_MAX = 20

Death = Callable[[], None]


class Scene:
    """The three processes, each of which can be killed and come back."""

    def __init__(
        self, broker: RunningBroker, start_server: StartServer, start_bridge: StartBridge
    ) -> None:
        self._broker = broker
        self._start_server = start_server
        self._start_bridge = start_bridge
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self._address = f"127.0.0.1:{listener.getsockname()[1]}"
        self.server = start_server("--listen-address", self._address)
        self.bridge = self._new_bridge(waits=True)

    def _new_bridge(self, *, waits: bool = False) -> Any:
        # It does not wait for the broker, which may be the next to die.
        flags = ("--bridge-batch-max", str(BATCH_MAX))
        return self._start_bridge(self.server, *flags, waits=waits)

    def kill_bridge(self) -> None:
        self.bridge.kill()
        self.bridge = self._new_bridge()

    def kill_server(self) -> None:
        self.server.kill()
        self.server = self._start_server("--listen-address", self._address)

    def kill_broker(self) -> None:
        self._broker.kill()
        self._broker.start()

    def kill_all(self) -> None:
        self.bridge.kill()
        self.server.kill()
        self.kill_broker()
        self.server = self._start_server("--listen-address", self._address)
        self.bridge = self._new_bridge()


def collect(broker: RunningBroker, steps: list[Step]) -> tuple[dict[str, set[bytes]], int]:
    """Takes results until every message has one.

    Returns:
        All different ones of each message, and how many came in all.
    """
    results: dict[str, set[bytes]] = defaultdict(set)
    count = 0
    until = time.monotonic() + ANSWER_SECONDS_MAX
    while len(results) < len(steps):
        assert time.monotonic() < until, f"{len(results)} of {len(steps)} are answered"
        for taken in broker.take(RESULT, max(1, broker.depth(RESULT))):
            results[str(taken.correlation_id)].add(taken.body)
            count += 1
    return results, count


def run(scene: Scene, broker: RunningBroker, steps: list[Step], kills: int) -> None:
    """Sends all messages and kills processes in turn, each while messages are being answered."""
    deaths: tuple[Death, ...] = (
        *(scene.kill_bridge, scene.kill_server, scene.kill_bridge),
        *(scene.kill_broker, scene.kill_server, scene.kill_bridge, scene.kill_all),
    )
    broker.publish(IMPORT, [Sent(step.body, step.message_id) for step in steps])
    portion = len(steps) // (kills + 1)
    for number, death in zip(range(kills), itertools.cycle(deaths), strict=False):
        until = time.monotonic() + ANSWER_SECONDS_MAX
        # Results may come twice, so that the last deaths may find no message left.
        while broker.depth(RESULT) < portion * (number + 1) and broker.depth(IMPORT):
            assert time.monotonic() < until, f"nothing goes on after death {number}"
        death()


def check(
    broker: RunningBroker, start_server: StartServer, start_bridge: StartBridge,
    count: int, kills: int, seed: int,
) -> None:  # fmt: skip
    people = People()
    steps = people.steps(count, seed)
    scene = Scene(broker, start_server, start_bridge)
    run(scene, broker, steps, kills)
    results, again = collect(broker, steps)
    assert scene.bridge.terminate() == 0
    # Where no message came again, the deaths came too late to prove anything.
    assert again + broker.depth(RESULT) > count
    # What came again is the same.
    for taken in broker.take(RESULT, broker.depth(RESULT)):
        results[str(taken.correlation_id)].add(taken.body)
    several = {name: bodies for name, bodies in results.items() if len(bodies) > 1}
    assert several == {}, seed
    errors = {name: json.loads(next(iter(bodies)))["error"] for name, bodies in results.items()}
    assert errors == {step.message_id: step.error for step in steps}, seed
    assert broker.depth(IMPORT) == 0
    assert broker.depth(DEAD) >= sum(step.error == 400 for step in steps)
    with Client(scene.server.address) as client:
        contacts = client.contacts(1, 1)
        found = {name: contacts.get(email=name) for name in people.data}
    assert {name: one.data for name, one in found.items()} == people.data, seed
    assert {name: one.version for name, one in found.items()} == people.version, seed


def test_a_short_form(
    broker: RunningBroker, start_server: StartServer, start_bridge: StartBridge
) -> None:
    check(broker, start_server, start_bridge, count=560, kills=7, seed=seeds(1)[0])


@pytest.mark.torture
def test_ten_thousand_messages(
    broker: RunningBroker, start_server: StartServer, start_bridge: StartBridge
) -> None:
    kills = int(os.environ.get("ZMEY_TEST_KILLS", "70"))
    check(broker, start_server, start_bridge, count=10_000, kills=kills, seed=seeds(1)[0])
