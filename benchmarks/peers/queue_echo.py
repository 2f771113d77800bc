"""The peer of the bridge: the same client library merely consumes, and publishes with confirms.

`python queue_echo.py HOST PORT IN OUT` runs until it is ended. It does what the bridge cannot do
without: the same prefetch, one result of the same size for each message, all confirms of a batch
together, one acknowledgement for each batch.
"""

import asyncio
import sys
from collections import deque

import aio_pika

BATCH_MAX = 1_000
RESULT = (
    b'{"error":0,"error_text":"","feedback_id":"order-1000000","matching_field":"email",'
    b'"profile_id":"000000010000000000000001"}'
)


async def main(host: str, port: int, queue_in: str, queue_out: str) -> None:
    """Answers every message."""
    connection = await aio_pika.connect(host=host, port=port)
    channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
    await channel.set_qos(prefetch_count=2 * BATCH_MAX)
    queue = await channel.get_queue(queue_in)
    waiting: deque[aio_pika.abc.AbstractIncomingMessage] = deque()
    came = asyncio.Event()

    async def put(message: aio_pika.abc.AbstractIncomingMessage) -> None:
        waiting.append(message)
        came.set()

    async def answer(batch: list[aio_pika.abc.AbstractIncomingMessage]) -> None:
        results = [
            channel.default_exchange.publish(
                aio_pika.Message(
                    RESULT,
                    content_type="application/json",
                    delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                    correlation_id=message.message_id,
                ),
                queue_out,
            )
            for message in batch
        ]
        await asyncio.gather(*results)

    await queue.consume(put)
    before: asyncio.Task[None] | None = None
    last: aio_pika.abc.AbstractIncomingMessage | None = None
    while True:
        await came.wait()
        batch = [waiting.popleft() for _ in range(min(BATCH_MAX, len(waiting)))]
        if not waiting:
            came.clear()
        # Two batches under way, as in the bridge: one is published while the other is confirmed.
        publishing = asyncio.create_task(answer(batch))
        if before is not None and last is not None:
            await before
            await last.ack(multiple=True)
        before, last = publishing, batch[-1]
        if not waiting:
            await publishing
            await last.ack(multiple=True)
            before = None


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]))
