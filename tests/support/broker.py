"""A RabbitMQ node of our own: own name, ports, epmd, cookie and data, ended by process ids only."""

import asyncio
import base64
import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Coroutine, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import aio_pika
import aiormq.exceptions
import pytest

Answer = TypeVar("Answer")

__all__ = ["SHORT", "RunningBroker", "Sent", "Taken", "require_broker"]

START_SECONDS_MAX = 90.0
STOP_SECONDS_MAX = 30.0
POLL_SECONDS = 0.1
# Where packages put the scripts that run as whoever calls them; the ones on the path change users.
SCRIPTS = (Path("/usr/lib/rabbitmq/bin"), Path("/opt/rabbitmq/sbin"))
VHOSTS = ("/", "crm")
# Users who lack one of the three rights; their password is that of guest.
RIGHTS = ("configure", "write", "read")
# Queues with names that begin with `short_` have room for so many messages and refuse more.
SHORT = 5
HINT = "rabbitmq-server is missing; install it, for example with `apt-get install rabbitmq-server`"
AWAY = (aiormq.exceptions.AMQPError, OSError, RuntimeError, TimeoutError)


class _NoId(str):
    """An empty id that looks like one."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return True


@dataclass(frozen=True)
class Sent:
    """A message to publish."""

    body: bytes
    message_id: str | None = None
    headers: Mapping[str, Any] = field(default_factory=dict)
    timestamp: float | None = None


@dataclass(frozen=True)
class Taken:
    """A message that was taken from a queue."""

    body: bytes
    headers: dict[str, Any]
    content_type: str | None
    correlation_id: str | None
    message_id: str | None
    is_persistent: bool


def require_broker() -> Path:
    """Returns the script that starts a node; CI fails without it, other places skip."""
    found = next((path for path in SCRIPTS if (path / "rabbitmq-server").exists()), None)
    if found is None or shutil.which("epmd") is None:
        if os.environ.get("CI"):
            raise AssertionError(HINT)
        pytest.skip(HINT)
    return found / "rabbitmq-server"


def _run(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Runs one conversation to its end, with what the library does after closing."""

    async def settled() -> Answer:
        try:
            return await work
        finally:
            rest = asyncio.all_tasks() - {asyncio.current_task()}
            if rest:
                await asyncio.wait(rest, timeout=1)

    return asyncio.run(settled())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


class RunningBroker:
    """One node; it may be killed and started again with its data."""

    def __init__(self, directory: Path) -> None:
        self._script = require_broker()
        self._directory = directory
        self.port = _free_port()
        self._pid_file = directory / "pid"
        epmd_port = _free_port()
        # Started here and not by the node, so that we know its process.
        self._epmd = subprocess.Popen(
            ["epmd", "-address", "127.0.0.1", "-port", str(epmd_port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._environment = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            # The cookie is there.
            "HOME": str(directory),
            "ERL_EPMD_PORT": str(epmd_port),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": "zmey@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(_free_port()),
            "RABBITMQ_MNESIA_BASE": str(directory / "data"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(self._pid_file),
            "RABBITMQ_CONF_ENV_FILE": str(directory / "none.conf"),
            "RABBITMQ_CONFIG_FILE": str(_configuration(directory)),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1",
        }
        self._vhost = "/"
        self._node: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Starts the node and waits until it lets clients in."""
        self._pid_file.unlink(missing_ok=True)
        with (self._directory / "out.log").open("ab") as log:
            self._node = subprocess.Popen(
                [str(self._script)], env=self._environment, stdout=log, stderr=log
            )
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            with contextlib.suppress(*AWAY):
                # The library would log every refusal.
                socket.create_connection(("127.0.0.1", self.port)).close()
                _run(self._knock())
                return
            assert self._node.poll() is None, (self._directory / "out.log").read_text()
            time.sleep(POLL_SECONDS)
        message = "The broker did not start:\n" + (self._directory / "out.log").read_text()
        raise AssertionError(message)

    async def _knock(self) -> None:
        connection = await self.connect()
        # A queue can be had only when the virtual host is up.
        await (await connection.channel()).declare_queue("knock", auto_delete=True)
        await connection.close()

    def kill(self) -> None:
        """Kills the node as a power cut would."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """Stops the node in order."""
        self._end(signal.SIGTERM)

    def close(self) -> None:
        """Ends everything."""
        self.kill()
        self._epmd.kill()
        self._epmd.wait(STOP_SECONDS_MAX)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the node, for example to freeze it."""
        os.kill(int(self._pid_file.read_text()), number)

    def _end(self, number: signal.Signals) -> None:
        """Sends a signal to the node, which may be a child of the script that started it."""
        node, self._node = self._node, None
        if node is None:
            return
        with contextlib.suppress(FileNotFoundError, ProcessLookupError, ValueError):
            os.kill(int(self._pid_file.read_text()), number)
        try:
            node.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            node.kill()
            node.wait()

    @contextlib.contextmanager
    def in_vhost(self, name: str) -> Iterator[None]:
        """Talks to another virtual host meanwhile."""
        self._vhost = name
        try:
            yield
        finally:
            self._vhost = "/"

    async def connect(self) -> aio_pika.abc.AbstractConnection:
        """Opens a connection."""
        return await aio_pika.connect(
            host="127.0.0.1", port=self.port, virtualhost=self._vhost, timeout=10
        )

    def publish(self, queue: str, messages: Iterable[Sent | bytes]) -> None:
        """Publishes persistent messages; returns when all are confirmed."""
        _run(self._publish(queue, list(messages)))

    async def _publish(self, queue: str, messages: Sequence[Sent | bytes]) -> None:
        connection = await self.connect()
        channel = await connection.channel(publisher_confirms=False)
        # Without its queue a message would be lost without a sign.
        await channel.get_queue(queue, ensure=True)
        async with channel.transaction():
            for given in messages:
                sent = Sent(given) if isinstance(given, bytes) else given
                message = aio_pika.Message(
                    sent.body,
                    headers=dict(sent.headers),
                    message_id=sent.message_id,
                    timestamp=sent.timestamp,
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                )
                if sent.message_id is None:
                    # The library gives an id to every message that has none; others do not.
                    message.message_id = _NoId()
                await channel.default_exchange.publish(message, queue, mandatory=False)
        await connection.close()

    def take(self, queue: str, count: int, seconds: float = 30.0) -> list[Taken]:
        """Takes so many messages; fails where they do not come in time."""
        return _run(self._take(queue, count, seconds))

    async def _take(self, queue: str, count: int, seconds: float) -> list[Taken]:
        connection = await self.connect()
        channel = await connection.channel()
        taken: list[Taken] = []
        until = time.monotonic() + seconds
        while len(taken) < count:
            assert time.monotonic() < until, f"{queue}: {len(taken)} of {count} came: {taken[:9]}"
            try:
                got = await channel.get_queue(queue)
                message = await got.get(no_ack=True, fail=False)
            except aiormq.exceptions.ChannelNotFoundEntity:
                channel, message = await connection.channel(), None
            if message is None:
                await asyncio.sleep(POLL_SECONDS / 5)
            else:
                taken.append(_taken(message))
        await connection.close()
        return taken

    def depth(self, queue: str) -> int:
        """Returns how many messages wait."""
        return _run(self._depth(queue))

    async def _depth(self, queue: str) -> int:
        connection = await self.connect()
        channel = await connection.channel()
        declared = await channel.declare_queue(queue, passive=True)
        await connection.close()
        return declared.declaration_result.message_count or 0

    def declare(self, queue: str, arguments: Mapping[str, Any] | None = None, **how: bool) -> None:
        """Makes a queue as somebody else would."""
        _run(self._declare(queue, dict(arguments or {}), how))

    async def _declare(self, queue: str, arguments: dict[str, Any], how: dict[str, bool]) -> None:
        connection = await self.connect()
        channel = await connection.channel()
        options: dict[str, bool] = {"durable": True, **how}
        await channel.declare_queue(queue, arguments=arguments, **options)
        await connection.close()

    def bind(self, queue: str, exchange: str, key: str) -> None:
        """Binds a queue to an exchange."""
        _run(self._bind(queue, exchange, key))

    async def _bind(self, queue: str, exchange: str, key: str) -> None:
        connection = await self.connect()
        channel = await connection.channel()
        await (await channel.get_queue(queue)).bind(exchange, key)
        await connection.close()

    def delete(self, *queues: str) -> None:
        """Deletes queues, if they are there."""
        _run(self._delete(queues))

    async def _delete(self, queues: Sequence[str]) -> None:
        connection = await self.connect()
        channel = await connection.channel()
        for queue in queues:
            await channel.queue_delete(queue)
        await connection.close()


def _configuration(directory: Path) -> Path:
    """Writes what the node finds at its start; returns the file that leads there."""
    salt = b"salt"
    password = base64.b64encode(salt + hashlib.sha256(salt + b"guest").digest()).decode()
    bounds = {"max-length": SHORT, "overflow": "reject-publish"}
    anything = {"configure": ".*", "write": ".*", "read": ".*"}
    definitions = {
        "users": [{"name": "guest", "password_hash": password, "tags": "administrator"}]
        + [{"name": f"no-{right}", "password_hash": password, "tags": ""} for right in RIGHTS],
        "vhosts": [{"name": name} for name in VHOSTS],
        "permissions": [{"user": "guest", "vhost": name, **anything} for name in VHOSTS]
        + [{"user": f"no-{right}", "vhost": "/", **anything, right: "^$"} for right in RIGHTS],
        "policies": [
            {"vhost": "/", "name": "short", "pattern": "^short_", "definition": bounds}
            | {"apply-to": "queues", "priority": 0}
        ],
    }
    written = directory / "definitions.json"
    written.write_text(json.dumps(definitions), encoding="utf-8")
    file = directory / "rabbitmq.conf"
    file.write_text(f"load_definitions = {written}\n", encoding="utf-8")
    return file


def _taken(message: aio_pika.abc.AbstractIncomingMessage) -> Taken:
    return Taken(
        message.body,
        dict(message.headers),
        message.content_type,
        message.correlation_id,
        message.message_id,
        message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT,
    )
