"""Queues and rights that the bridge cannot work with: it says which, and what to do."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aio_pika.abc import AbstractIncomingMessage

from conftest import StartBridge
from running_bridge import DEAD, IMPORT, RESULT, run_bridge_to_its_end
from running_server import RunningServer
from support.broker import RunningBroker

DAY_MS = 86_400_000
IN_USE = "queue is in exclusive use by another connection; trying again"


def line_of(ended: Any) -> str:
    """The one line with which a bridge ends that cannot work."""
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("zmey:")]
    return str(line)


@pytest.mark.parametrize(
    ("queue", "arguments", "start", "advises_ttl"),
    [
        (RESULT, {"x-message-ttl": 5_000}, "with x-message-ttl 5000, but", True),
        (RESULT, {"x-message-ttl": 5_001}, "with x-message-ttl 5001, but", False),
        (RESULT, {}, "without x-message-ttl, but the bridge needs 86400000.", False),
        (
            RESULT,
            {"x-message-ttl": DAY_MS, "x-max-length": 5},
            "with x-max-length 5, but the bridge needs none.",
            False,
        ),
        (DEAD, {"x-message-ttl": DAY_MS}, "with x-message-ttl 86400000, but", False),
        (DEAD, {"x-queue-type": "quorum"}, "with x-queue-type quorum, but", False),
    ],
)
def test_arguments_that_differ(
    broker: RunningBroker, server: RunningServer, tmp_path: Path, queue: str,
    arguments: dict[str, Any], start: str, advises_ttl: bool,
) -> None:  # fmt: skip
    broker.declare(queue, arguments)
    line = line_of(run_bridge_to_its_end(broker, server, tmp_path))
    assert f"The queue {queue} exists {start}" in line
    assert ("--bridge-result-ttl-seconds" in line) == advises_ttl
    assert "Delete the queue" in line or "delete the queue" in line
    assert "of type" not in line


@pytest.mark.parametrize("arguments", [{}, {"x-max-age": "1D", "x-max-length-bytes": 10**9}])
def test_a_stream_to_consume(
    broker: RunningBroker, server: RunningServer, tmp_path: Path, arguments: dict[str, Any]
) -> None:
    """Arguments of it that the broker compares first do not hide what it is."""
    broker.declare(IMPORT, {"x-queue-type": "stream", **arguments})
    line = line_of(run_bridge_to_its_end(broker, server, tmp_path))
    assert f"The queue {IMPORT} is a stream" in line
    assert "--bridge-queue" in line


def test_a_queue_to_consume_with_many_arguments(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    arguments = {
        "x-message-ttl": DAY_MS,
        "x-max-priority": 9,
        "x-queue-mode": "lazy",
        "x-single-active-consumer": True,
        "x-overflow": "reject-publish",
        "x-max-length": 1_000,
    }
    broker.declare(IMPORT, arguments)
    start_bridge(server)
    broker.publish(IMPORT, [b"{"])
    assert json.loads(broker.take(RESULT, 1)[0].body)["error"] == 400


@pytest.mark.parametrize("right", ["configure", "write", "read"])
def test_a_user_without_a_right(
    broker: RunningBroker, server: RunningServer, tmp_path: Path, right: str
) -> None:
    for queue in (IMPORT, DEAD):
        broker.declare(queue)
    broker.declare(RESULT, {"x-message-ttl": DAY_MS})
    broker.publish(IMPORT, [b"{"])
    ended = run_bridge_to_its_end(broker, server, tmp_path, "--bridge-user", f"no-{right}")
    line = line_of(ended)
    assert f"the user no-{right}" in line
    assert all(word in line for word in (IMPORT, RESULT, DEAD, "configure, write and read"))
    assert "bridge_user" in line


async def _pass_over(_: AbstractIncomingMessage) -> None:
    """Nothing comes."""


@contextmanager
def held_queue(broker: RunningBroker, *, consumes: bool) -> Iterator[None]:
    """The queue to import from in the hands of another connection, as its own or its consumer."""
    let_go = threading.Event()
    held = threading.Event()

    async def hold() -> None:
        connection = await broker.connect()
        channel = await connection.channel()
        queue = await channel.declare_queue(IMPORT, durable=True, exclusive=not consumes)
        if consumes:
            await queue.consume(_pass_over, exclusive=True)
        held.set()
        await asyncio.to_thread(let_go.wait)
        await connection.close()
        await asyncio.sleep(0.1)

    holder = threading.Thread(target=lambda: asyncio.run(hold()))
    holder.start()
    assert held.wait(10)
    try:
        yield
    finally:
        let_go.set()
        holder.join()


@pytest.mark.parametrize("consumes", [False, True])
def test_a_queue_that_somebody_has_alone(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, consumes: bool
) -> None:
    """It may be let go, so the bridge waits and says for what."""
    with held_queue(broker, consumes=consumes):
        bridge = start_bridge(server, waits=False)
        bridge.wait_for(IN_USE, 2)
        said = next(line for line in bridge.log() if line["event"] == IN_USE)
        assert (said["queue"], said["level"]) == (IMPORT, "warning")
    broker.declare(IMPORT)
    broker.publish(IMPORT, [b"{"])
    assert json.loads(broker.take(RESULT, 1)[0].body)["error"] == 400
    assert bridge.terminate() == 0
