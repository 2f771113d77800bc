"""Results that the broker does not take at once: no message is acknowledged before its result."""

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pamqp.commands import Basic

from conftest import StartBridge
from running_bridge import DEAD, IMPORT, RESULT, RunningBridge
from running_server import RunningServer
from support.amqp_proxy import AmqpProxy, Seen
from support.broker import SHORT, RunningBroker, Sent
from zmey.client import Client

COUNT = 12
SHORT_RESULT = "short_result"
DAY_MS = 86_400_000
SECONDS_MAX = 30.0


def person(number: int) -> Sent:
    asked = {"account_id": 1, "db_id": 1, "email": f"p{number}@example.org", "data": {}}
    return Sent(json.dumps(asked).encode(), message_id=f"m{number}")


def names(broker: RunningBroker, count: int, queue: str = RESULT) -> Counter[str | None]:
    """The messages that so many results are of; every one went well."""
    taken = broker.take(queue, count)
    assert {json.loads(one.body)["error"] for one in taken} == {0}
    return Counter(one.correlation_id for one in taken)


def once(numbers: range) -> dict[str, int]:
    return {f"m{n}": 1 for n in numbers}


def metric(bridge: RunningBridge, name: str) -> float:
    lines = [line for line in bridge.metrics().splitlines() if line.startswith(name)]
    return sum(float(line.split()[-1]) for line in lines)


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def check_effects(server: RunningServer, numbers: range) -> None:
    with Client(server.address) as client:
        contacts = client.contacts(1, 1)
        assert {contacts.get(email=f"p{n}@example.org").version for n in numbers} == {1}


def test_every_result_is_confirmed_before_its_message_is_acknowledged(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    """As the frames between bridge and broker show, in which nothing can hide."""
    with AmqpProxy(broker.port, lambda *_: False) as proxy:
        bridge = start_bridge(server, "--bridge-port", str(proxy.port), "--bridge-batch-max", "4")
        broker.publish(IMPORT, [person(n) for n in range(COUNT)])
        assert names(broker, COUNT) == once(range(COUNT))
        assert bridge.terminate() == 0
        (seen,) = proxy.connections
        assert seen.early == []
        assert seen.acknowledged == len(seen.confirmed) == COUNT
    assert broker.depth(IMPORT) == 0


def test_a_line_that_is_cut_before_the_confirms(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    """The broker has the results and the bridge does not know it: they come again, the same."""
    cuts = iter([True])

    def is_cut(_: Seen, frame: Any) -> bool:
        return isinstance(frame, Basic.Ack) and next(cuts, False)

    with AmqpProxy(broker.port, is_cut) as proxy:
        bridge = start_bridge(server, "--bridge-port", str(proxy.port))
        broker.publish(IMPORT, [person(n) for n in range(COUNT)])
        bridge.wait_for("consuming", 2)
        wait_until(lambda: sum(seen.acknowledged for seen in proxy.connections) == COUNT)
        assert bridge.terminate() == 0
        first, second = proxy.connections
        assert first.acknowledged == 0
        assert (second.early, second.acknowledged) == ([], COUNT)
        lost = len(first.published)
        assert lost > 0
    assert broker.depth(IMPORT) == 0
    assert names(broker, COUNT + lost).keys() == once(range(COUNT)).keys()
    check_effects(server, range(COUNT))


@pytest.fixture
def short_results(broker: RunningBroker) -> Iterator[str]:
    """A result queue that has room for a few."""
    broker.delete(SHORT_RESULT)
    yield SHORT_RESULT
    broker.delete(SHORT_RESULT)


def test_a_result_queue_that_is_full(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, short_results: str
) -> None:
    """What it takes is not asked of it twice, and all of it is taken when there is room."""
    bridge = start_bridge(server, "--bridge-result-queue", short_results)
    broker.publish(IMPORT, [person(n) for n in range(COUNT)])
    bridge.wait_for("results are refused; trying again")
    wait_until(lambda: metric(bridge, "zmey_bridge_results_refused") > 0)
    assert metric(bridge, "zmey_bridge_messages_total") <= SHORT
    taken = names(broker, COUNT, short_results)
    assert taken == once(range(COUNT))
    bridge.wait_for("results are taken again")
    wait_until(lambda: metric(bridge, "zmey_bridge_messages_total") == COUNT)
    assert metric(bridge, "zmey_bridge_results_refused") == 0
    assert metric(bridge, "zmey_bridge_reconnects_total") == 0
    assert bridge.terminate() == 0
    assert (broker.depth(IMPORT), broker.depth(short_results)) == (0, 0)
    check_effects(server, range(COUNT))


def test_a_stop_while_the_result_queue_is_full(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, short_results: str
) -> None:
    bridge = start_bridge(server, "--bridge-result-queue", short_results)
    broker.publish(short_results, [b"{}"] * SHORT)
    broker.publish(IMPORT, [person(n) for n in range(COUNT)])
    bridge.wait_for("results are refused; trying again")
    assert bridge.terminate() == 0
    assert (broker.depth(IMPORT), broker.depth(short_results)) == (COUNT, SHORT)
    broker.take(short_results, SHORT)
    start_bridge(server, "--bridge-result-queue", short_results)
    assert names(broker, COUNT, short_results) == once(range(COUNT))
    check_effects(server, range(COUNT))


@pytest.mark.parametrize("queue", [RESULT, DEAD])
def test_a_queue_to_publish_to_that_is_deleted(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, queue: str
) -> None:
    bridge = start_bridge(server)
    broker.delete(queue)
    # The same id twice is what the client library cannot tell apart.
    broken = Sent(b"{", message_id="broken")
    broker.publish(IMPORT, [person(0), broken, Sent(b"[", message_id="broken"), person(1)])
    results = Counter(one.correlation_id for one in broker.take(RESULT, 4))
    assert results == {"m0": 1, "m1": 1, "broken": 2}
    assert {one.body for one in broker.take(DEAD, 2)} == {b"{", b"["}
    # It is made as it was.
    broker.declare(RESULT, {"x-message-ttl": DAY_MS})
    assert bridge.terminate() == 0
    assert broker.depth(IMPORT) == 0


def test_a_queue_to_consume_that_is_deleted(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server)
    broker.delete(IMPORT)
    bridge.wait_for("consuming", 2)
    assert "queue was deleted or moved; consuming it again" in {
        line["event"] for line in bridge.log()
    }
    broker.publish(IMPORT, [person(0)])
    assert names(broker, 1) == once(range(1))
    assert bridge.terminate() == 0
