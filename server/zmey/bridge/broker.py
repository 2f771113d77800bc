"""The broker: a connection with the queues that the bridge needs."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import aio_pika
import aiormq
import aiormq.exceptions
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractQueue

from zmey.bridge.errors import BridgeError
from zmey.bridge.lenient import read_leniently
from zmey.config import Settings

HEARTBEAT_SECONDS = 30
CONNECT_SECONDS_MAX = 15.0

# What a connection or a channel that goes away raises, in any of its phases.
BROKER_AWAY = (
    aiormq.exceptions.AMQPError,
    aiormq.exceptions.ChannelInvalidStateError,
    ConnectionError,
    OSError,
    TimeoutError,
)
_INEQUIVALENT = re.compile(
    r"inequivalent arg '(?P<argument>[^']+)' for queue '(?P<queue>[^']+)'.*?"
    r"received (?P<received>.+?) but current is (?P<current>.+?)(?: \(|$)"
)
# How Erlang writes a value: 'true', or the value '5' of type 'signedint'.
_VALUE = re.compile(r"(?:the value )?'(?P<value>[^']*)'(?: of type '(?P<type>\w+)')?")
# No queue has more arguments than RabbitMQ knows.
ARGUMENTS_MAX = 32
STREAM = "stream"
# What stands in place of the value of an argument that is not there.
NO_VALUE = "none"


@dataclass(frozen=True, slots=True)
class Broker:
    """An open connection.

    Attributes:
        connection: to close it.
        channel: consumes and publishes; every publish is confirmed.
        frames: the same channel as the library underneath has it, with less around each message.
        queue: the queue to consume.
    """

    connection: AbstractConnection
    channel: AbstractChannel
    frames: aiormq.Channel
    queue: AbstractQueue


async def open_broker(settings: Settings) -> Broker:
    """Connects and makes sure that the queues are there.

    Raises:
        BridgeError: a queue has other arguments than the bridge needs.
        Exception: one of BROKER_AWAY, where the broker is not there.
    """
    read_leniently()
    connection = await aio_pika.connect(
        host=settings.bridge_host,
        port=settings.bridge_port,
        login=settings.bridge_user,
        password=settings.bridge_password,
        virtualhost=settings.bridge_vhost,
        ssl=settings.bridge_tls,
        heartbeat=HEARTBEAT_SECONDS,
        client_properties={"connection_name": "zmey bridge"},
        timeout=CONNECT_SECONDS_MAX,
    )
    try:
        await _declare_import_queue(connection, settings)
        await declare_own_queues(connection, settings)
        # An unroutable result is an error: without its queue it would be lost without a sign.
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        await channel.set_qos(prefetch_count=2 * settings.bridge_batch_max)
        frames = cast("aiormq.Channel", await channel.get_underlay_channel())
        queue = await channel.get_queue(settings.bridge_queue, ensure=True)
    except BaseException:
        await connection.close()
        raise
    return Broker(connection, channel, frames, queue)


async def declare_own_queues(connection: AbstractConnection, settings: Settings) -> None:
    """Makes sure that the queues which the bridge publishes to are there.

    Raises:
        BridgeError: one has other arguments than the bridge needs.
    """
    await _declare(connection, settings, settings.bridge_dead_queue, {})
    ttl_ms = settings.bridge_result_ttl_seconds * 1000
    await _declare(connection, settings, settings.bridge_result_queue, {"x-message-ttl": ttl_ms})


async def queue_depth(connection: AbstractConnection, name: str) -> int:
    """Returns how many messages wait in a queue."""
    channel = await connection.channel()
    try:
        queue = await channel.declare_queue(name, passive=True)
        return queue.declaration_result.message_count or 0
    finally:
        await channel.close()


async def _declare_import_queue(connection: AbstractConnection, settings: Settings) -> None:
    """Makes the queue where there is none; one that is there is taken as it is.

    Whoever sends may have made it, classic or quorum, with limits of its own: all of these can be
    consumed. One that does not survive the broker cannot keep what we promise, and a stream gives
    nobody what was published before, and keeps what was acknowledged.

    Raises:
        BridgeError: it is one of these two.
    """
    arguments: dict[str, str | int | bool] = {}
    for _ in range(ARGUMENTS_MAX):
        try:
            return await _declare_as(connection, settings.bridge_queue, arguments)
        except aiormq.exceptions.ChannelPreconditionFailed as error:
            differs = _INEQUIVALENT.search(str(error))
            current = _VALUE.fullmatch(differs["current"]) if differs else None
            if differs is None or differs["argument"] in {"durable", "auto_delete"}:
                raise BridgeError(
                    _explained(settings, settings.bridge_queue, str(error))
                ) from error
            if current is None:
                return None
            if (differs["argument"], current["value"]) == ("x-queue-type", STREAM):
                raise BridgeError(_is_stream(settings)) from error
            # The broker names one difference at a time, and the type not before others.
            arguments[differs["argument"]] = _typed(current["value"], current["type"])
    return None


def _typed(text: str, kind: str | None) -> str | int | bool:
    if text in {"true", "false"}:
        return text == "true"
    return text if kind == "longstr" or not re.fullmatch(r"-?\d+", text) else int(text)


def _is_stream(settings: Settings) -> str:
    return (
        f"The queue {settings.bridge_queue} is a stream, whose older messages are never delivered. "
        "Make it a classic or quorum queue, or name another by --bridge-queue, and move the "
        "messages there."
    )


async def _declare(
    connection: AbstractConnection, settings: Settings, name: str, arguments: Mapping[str, int]
) -> None:
    try:
        await _declare_as(connection, name, arguments)
    except aiormq.exceptions.ChannelPreconditionFailed as error:
        raise BridgeError(_explained(settings, name, str(error))) from error


async def _declare_as(
    connection: AbstractConnection, name: str, arguments: Mapping[str, str | int | bool]
) -> None:
    """Declares a durable classic queue, which every version of RabbitMQ has.

    On a channel of its own, because a refusal closes it.
    """
    channel = await connection.channel()
    try:
        await channel.declare_queue(name, durable=True, arguments=dict(arguments))
    finally:
        if not channel.is_closed:
            await channel.close()


def _explained(settings: Settings, queue: str, text: str) -> str:
    """Says which argument differs, and what to do about it."""
    differs = _INEQUIVALENT.search(text)
    if differs is None:
        return f"The queue {queue} has other arguments than the bridge needs: {text}"
    argument, current = differs["argument"], _plain(differs["current"])
    has = f"without {argument}" if current == NO_VALUE else f"with {argument} {current}"
    start = f"The queue {queue} exists {has}, but the bridge needs {_plain(differs['received'])}."
    is_of_results = queue == settings.bridge_result_queue and argument == "x-message-ttl"
    if is_of_results and current.isdecimal() and int(current) % 1000 == 0:
        seconds = int(current) // 1000
        return (
            f"{start} Set --bridge-result-ttl-seconds {seconds} (RABBITMQ_X_MESSAGE_TTL), or "
            "delete the queue when its results are read."
        )
    return (
        f"{start} Delete the queue when it is empty, and the bridge makes it anew; or name another "
        "queue."
    )


def _plain(value: str) -> str:
    return _VALUE.sub(lambda found: found["value"], value)
