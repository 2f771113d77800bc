"""A proxy before a broker that reads the frames of AMQP and can cut the line between two of them.

It writes down in which order results are published and confirmed and messages acknowledged. Each
confirm waits here for a while before it is written down and passed on, so that an acknowledgement
which does not wait for it is seen before it.
"""

import asyncio
import contextlib
import struct
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Self

import pamqp.frame
from pamqp.commands import Basic
from pamqp.header import ContentHeader

__all__ = ["AmqpProxy"]

CONFIRM_SECONDS = 0.1
# Type, channel, and bytes before the byte that ends each frame.
HEAD = struct.Struct(">BHI")
# What a client says first; it is no frame.
GREETING_BYTES = 8
START_SECONDS_MAX = 10.0


@dataclass
class Seen:
    """What one connection has done so far, by the names that messages and their results share.

    Attributes:
        delivered: the name of each message by its delivery tag.
        published: the name of each result in the order of publishing.
        confirmed: those that the broker confirmed.
        early: messages that were acknowledged before their results were confirmed.
        acknowledged: how many messages were.
    """

    delivered: dict[int, str] = field(default_factory=dict)
    published: list[str] = field(default_factory=list)
    confirmed: set[str] = field(default_factory=set)
    early: list[str] = field(default_factory=list)
    acknowledged: int = 0
    delivery: int = 0

    def from_client(self, frame: Any) -> None:
        """Notes what the bridge sends."""
        if isinstance(frame, ContentHeader):
            self.published.append(str(frame.properties.correlation_id))
        elif isinstance(frame, Basic.Ack):
            tags = [tag for tag in self.delivered if is_meant(frame, tag)]
            names = [self.delivered.pop(tag) for tag in tags]
            self.acknowledged += len(names)
            self.early += [name for name in names if name not in self.confirmed]

    def from_broker(self, frame: Any) -> None:
        """Notes what the broker sends."""
        if isinstance(frame, Basic.Deliver):
            self.delivery = frame.delivery_tag or 0
        elif isinstance(frame, ContentHeader):
            self.delivered[self.delivery] = str(frame.properties.message_id)
        elif isinstance(frame, Basic.Ack):
            numbers = range(1, len(self.published) + 1)
            self.confirmed |= {self.published[n - 1] for n in numbers if is_meant(frame, n)}


def is_meant(ack: Basic.Ack, tag: int) -> bool:
    """Tells whether an acknowledgement is one of this tag."""
    last = ack.delivery_tag or 0
    return tag <= last if ack.multiple else tag == last


class AmqpProxy:
    """The proxy, in a thread of its own.

    Attributes:
        port: where it listens.
        connections: what was seen, a part for each connection.
    """

    def __init__(self, broker_port: int, cuts: Callable[[Seen, Any], bool]) -> None:
        """Listens; `cuts` tells of each frame of the broker whether to cut the line before it."""
        self.port = 0
        self.connections: list[Seen] = []
        self._broker_port = broker_port
        self._cuts = cuts
        self._listens = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def __enter__(self) -> Self:
        """Starts to listen."""
        self._thread.start()
        assert self._listens.wait(START_SECONDS_MAX)
        return self

    def __exit__(self, *_: object) -> None:
        """Cuts all lines."""
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._listens.set()
        await self._stop.wait()
        server.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        broker, on = await asyncio.open_connection("127.0.0.1", self._broker_port)
        seen = Seen()
        self.connections.append(seen)
        on.write(await client.readexactly(GREETING_BYTES))
        ways = {
            asyncio.create_task(self._pass(client, on, seen.from_client)),
            asyncio.create_task(self._pass_back(broker, back, seen)),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for writer in (on, back):
                writer.transport.abort()

    async def _pass(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, note: Callable[[Any], None]
    ) -> None:
        async for frame, data in frames(source):
            note(frame)
            to.write(data)

    async def _pass_back(
        self, source: asyncio.StreamReader, to: asyncio.StreamWriter, seen: Seen
    ) -> None:
        async for frame, data in frames(source):
            if isinstance(frame, Basic.Ack):
                await asyncio.sleep(CONFIRM_SECONDS)
            if self._cuts(seen, frame):
                return
            seen.from_broker(frame)
            to.write(data)


async def frames(source: asyncio.StreamReader) -> AsyncIterator[tuple[Any, bytes]]:
    """Yields frames with their bytes until the line is cut."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while True:
            data = await source.readexactly(HEAD.size)
            data += await source.readexactly(HEAD.unpack(data)[-1] + 1)
            yield pamqp.frame.unmarshal(data)[-1], data
