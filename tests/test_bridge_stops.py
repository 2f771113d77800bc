"""The bridge while somebody hangs or says no to everything: what it waits for, and how it stops."""

import json
import signal
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import grpc
import pytest

from conftest import StartBridge, StartServer
from running_bridge import DEAD, IMPORT, RESULT, RunningBridge
from running_server import RunningServer
from support.broker import SHORT, RunningBroker, Sent
from support.cutting_proxy import CuttingProxy
from support.grpc_peer import peer
from zmey.bridge.applying import DROPS_ALONE_MAX, FAULTS_TOGETHER_MAX, POISON
from zmey.bridge.attempts import DELIVERIES_MAX
from zmey.bridge.stopping import GRACE_SECONDS

WAITS = "messages wait for the server; trying again"
REFUSED = "results are refused; trying again"
SHORT_RESULT = "short_result"
COUNT = 12
SECONDS_MAX = 30.0
# What a process needs beyond what it waits for, where others use the processors, too.
SLACK_SECONDS = 5.0


def person(number: int, *, age_seconds: float = 0.0) -> Sent:
    asked = {"account_id": 1, "db_id": 1, "email": f"p{number}@example.org", "data": {}}
    sent_at = time.time() - age_seconds
    return Sent(json.dumps(asked).encode(), message_id=f"m{number}", timestamp=sent_at)


def errors(broker: RunningBroker, count: int, queue: str = RESULT) -> Counter[int]:
    return Counter(json.loads(one.body)["error"] for one in broker.take(queue, count))


def metric(bridge: RunningBridge, name: str) -> float:
    (line,) = [line for line in bridge.metrics().splitlines() if line.startswith(name + " ")]
    return float(line.split()[-1])


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + SECONDS_MAX
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.05)


def seconds_to_stop(bridge: RunningBridge) -> float:
    started = time.monotonic()
    assert bridge.terminate() == 0
    return time.monotonic() - started


@contextmanager
def frozen(send: Callable[[signal.Signals], None]) -> Iterator[None]:
    """A process that is there and does nothing."""
    send(signal.SIGSTOP)
    try:
        yield
    finally:
        send(signal.SIGCONT)


def test_stops_while_the_server_is_away_are_no_deaths(
    broker: RunningBroker, server: RunningServer, start_server: StartServer,
    start_bridge: StartBridge,
) -> None:  # fmt: skip
    broker.declare(IMPORT)
    broker.publish(IMPORT, [person(1), person(2)])
    server.kill()
    for _ in range(DELIVERIES_MAX - 1):
        bridge = start_bridge(server)
        bridge.wait_for(WAITS)
        assert bridge.terminate() == 0
    start_bridge(start_server("--listen-address", server.address))
    assert errors(broker, 2) == {0: 2}
    assert broker.depth(DEAD) == 0


def test_stops_while_results_are_refused_are_no_deaths(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    broker.delete(SHORT_RESULT)
    flags = ("--bridge-result-queue", SHORT_RESULT)
    start_bridge(server, *flags).terminate()
    broker.publish(SHORT_RESULT, [b"{}"] * SHORT)
    broker.publish(IMPORT, [person(1)])
    for _ in range(DELIVERIES_MAX - 1):
        bridge = start_bridge(server, *flags)
        bridge.wait_for(REFUSED)
        assert bridge.terminate() == 0
    broker.take(SHORT_RESULT, SHORT)
    start_bridge(server, *flags)
    assert errors(broker, 1, SHORT_RESULT) == {0: 1}
    assert broker.depth(DEAD) == 0
    broker.delete(SHORT_RESULT)


@pytest.mark.parametrize("code", [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.INTERNAL])
def test_a_proxy_without_a_server(
    broker: RunningBroker, start_bridge: StartBridge, code: grpc.StatusCode
) -> None:
    """Messages wait as long as for a server that is away, and none of them is to blame."""
    retry_seconds = 6.0

    def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
        context.abort(code, "no healthy upstream")

    with peer(refuse) as nobody:
        bridge = start_bridge(nobody, "--bridge-retry-seconds", str(retry_seconds))
        broker.publish(IMPORT, [person(n) for n in range(3)])
        started = time.monotonic()
        assert errors(broker, 3) == {503: 3}
        assert time.monotonic() - started > retry_seconds - 1
        assert bridge.terminate() == 0
    assert broker.depth(DEAD) == 0


def test_a_server_that_dies_of_one_message(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    broker.declare(IMPORT)
    people = [person(n) for n in range(COUNT)]
    people[5] = Sent(people[5].body.replace(b"p5", b"poison"), "m5")
    broker.publish(IMPORT, people)
    with CuttingProxy(server.address, b"poison") as proxy:
        bridge = start_bridge(proxy)
        answers = {one.correlation_id: json.loads(one.body) for one in broker.take(RESULT, COUNT)}
        assert bridge.terminate() == 0
        # Of the first call nobody knows whether it found a server.
        assert proxy.cuts >= FAULTS_TOGETHER_MAX + DROPS_ALONE_MAX
    assert {name for name, answer in answers.items() if answer["error"]} == {"m5"}
    assert (answers["m5"]["error"], answers["m5"]["error_text"]) == (503, POISON)
    (parked,) = broker.take(DEAD, 1)
    assert parked.message_id == "m5"


def test_metrics_while_messages_are_stuck(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server, "--bridge-batch-max", "4")
    with frozen(server.process.send_signal):
        broker.publish(IMPORT, [person(n, age_seconds=100) for n in range(COUNT)])
        wait_until(lambda: metric(bridge, "zmey_bridge_in_flight") == 8)
        lag = metric(bridge, "zmey_bridge_lag_seconds")
        assert 100 <= lag < 150
        wait_until(lambda: metric(bridge, "zmey_bridge_lag_seconds") > lag + 0.5)
    assert errors(broker, COUNT) == {0: COUNT}
    wait_until(lambda: metric(bridge, "zmey_bridge_in_flight") == 0)
    assert metric(bridge, "zmey_bridge_lag_seconds") == 0


def test_a_stop_while_the_server_hangs(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server)
    with frozen(server.process.send_signal):
        broker.publish(IMPORT, [person(1)])
        wait_until(lambda: metric(bridge, "zmey_bridge_in_flight") == 1)
        assert seconds_to_stop(bridge) < GRACE_SECONDS + SLACK_SECONDS
    assert broker.depth(IMPORT) == 1
    start_bridge(server)
    assert errors(broker, 1) == {0: 1}


def test_a_stop_while_the_broker_hangs(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server)
    with frozen(broker.send):
        # Both for what is under way and for the goodbye.
        assert seconds_to_stop(bridge) < 2 * GRACE_SECONDS + SLACK_SECONDS


def test_a_stop_while_the_broker_says_nothing(
    server: RunningServer, start_bridge: StartBridge
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        bridge = start_bridge(server, "--bridge-port", str(port), waits=False)
        with silent.accept()[0]:
            assert seconds_to_stop(bridge) < SLACK_SECONDS
