"""The queue: messages of a real broker through `zmey bridge`, beside the same client library alone.

Needs a RabbitMQ at BENCH_RABBITMQ=HOST:PORT, 127.0.0.1:5672 by default, with the user guest; it
gets queues named zmey_bench_*, which are removed again.
"""

import asyncio
import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import aio_pika

import generate
import processes
import zmey_server
from figures import Board, PeerAbsentError
from scale import ACCOUNT_ID, DB_ID, WORK_DIRECTORY, Scale, current

BRIDGE = "zmey bridge, messages over gRPC to zmey serve"
EMBEDDED = "zmey serve --bridge"
ECHO = "aio-pika, consume and publish with confirms"

IN, RESULTS, DEAD = (f"zmey_bench_{name}" for name in ("in", "results", "dead"))
ECHO_PROGRAM = Path(__file__).parent / "peers" / "queue_echo.py"
MESSAGES_PER_MEMBER = 0.05
POLL_SECONDS = 0.02
SECONDS_MAX = 600.0


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures both sides in turn, each from a full queue to the last result."""
    board = Board("bridge")
    count = int(scale.members * MESSAGES_PER_MEMBER)
    messages = [_message(number) for number in range(count)]
    for number in range(1, scale.runs + 1):
        print(f"bridge, run {number} of {scale.runs}", flush=True)
        if not board.attempt([ECHO], lambda: _echo(board, messages)):
            break
        _bridge(board, messages)
        _embedded(board, messages)
        board.save()
    return board


def _message(number: int) -> bytes:
    row = generate.first_row(number)
    head = f'{{"account_id":{ACCOUNT_ID},"db_id":{DB_ID},"email":"m{number}@example.org",'
    return f'{head}"feedback_id":"order-{number}","data":{row.body()}}}'.encode()


def _broker() -> tuple[str, int]:
    host, _, port = os.environ.get("BENCH_RABBITMQ", "127.0.0.1:5672").rpartition(":")
    return host, int(port)


def _echo(board: Board, messages: list[bytes]) -> None:
    host, port = _broker()
    program = [sys.executable, str(ECHO_PROGRAM), host, str(port), IN, RESULTS]
    with _queues(messages), processes.running(program, quiet=False):
        rate = asyncio.run(_rate(len(messages)))
    board.add(ECHO, rate, "messages/s", "the peer: as many results, nothing else")


def _flags() -> list[str]:
    host, port = _broker()
    return [
        "--bridge-host", host, "--bridge-port", str(port),
        "--bridge-queue", IN, "--bridge-result-queue", RESULTS, "--bridge-dead-queue", DEAD,
        "--bridge-log-path", os.devnull,
    ]  # fmt: skip


def _bridge(board: Board, messages: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory:
        counts = ["--bridge-deliveries-path", str(Path(directory) / "deliveries.json")]
        with _queues(messages), zmey_server.running(Path(directory) / "store") as server:
            program = [sys.executable, "-m", "zmey", "bridge", "--address", server.target]
            program += ["--metrics-address", "off", "--log-level", "warning", *_flags(), *counts]
            with processes.running(program, quiet=False):
                rate = asyncio.run(_rate(len(messages)))
    board.add(BRIDGE, rate, "messages/s", "each committed and confirmed before its acknowledgement")


def _embedded(board: Board, messages: list[bytes]) -> None:
    with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory:
        flags = ["--bridge", *_flags()]
        flags += ["--bridge-deliveries-path", str(Path(directory) / "deliveries.json")]
        with _queues(messages), zmey_server.running(Path(directory) / "store", flags=flags):
            rate = asyncio.run(_rate(len(messages)))
    board.add(EMBEDDED, rate, "messages/s", "the same in one process")


@contextlib.contextmanager
def _queues(messages: list[bytes]) -> Iterator[None]:
    """Fills the queue, and removes what is left."""
    try:
        asyncio.run(_fill(messages))
    except (OSError, aio_pika.exceptions.AMQPError) as error:
        message = f"no RabbitMQ at BENCH_RABBITMQ: {type(error).__name__}"
        raise PeerAbsentError(message) from error
    try:
        yield
    finally:
        asyncio.run(_remove())


async def _connect() -> aio_pika.abc.AbstractConnection:
    host, port = _broker()
    return await aio_pika.connect(host=host, port=port)


async def _remove() -> None:
    connection = await _connect()
    channel = await connection.channel()
    for queue in (IN, RESULTS, DEAD):
        await channel.queue_delete(queue)
    await connection.close()


async def _fill(messages: list[bytes]) -> None:
    await _remove()
    connection = await _connect()
    channel = await connection.channel()
    await channel.declare_queue(IN, durable=True)
    await channel.declare_queue(RESULTS, durable=True, arguments={"x-message-ttl": 86_400_000})
    publish = channel.default_exchange.publish
    for start in range(0, len(messages), 1_000):
        portion = enumerate(messages[start : start + 1_000], start)
        await asyncio.gather(
            *(
                publish(aio_pika.Message(body, message_id=f"m{number}", delivery_mode=2), IN)
                for number, body in portion
            )
        )
    await connection.close()


async def _rate(count: int) -> float:
    """Waits for all results; returns results a second, from the first to the last."""
    connection = await _connect()
    channel = await connection.channel()
    began = time.perf_counter()
    first, started, found = 0, 0.0, 0
    while found < count:
        queue = await channel.declare_queue(RESULTS, passive=True)
        found = queue.declaration_result.message_count or 0
        now = time.perf_counter()
        if found and not started:
            first, started = found, now
        if now - began > SECONDS_MAX:
            message = f"{found} of {count} results came"
            raise RuntimeError(message)
        await asyncio.sleep(POLL_SECONDS)
    await connection.close()
    return (count - first) / (now - started)


if __name__ == "__main__":
    main()
