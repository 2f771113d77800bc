"""What an ordered stop does to whatever the bridge waits for."""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any, TypeVar

# For answers that are on their way; a server or a broker that hangs gives none in 30 either.
GRACE_SECONDS = 5.0
# For what a library does to let go, such as to close a channel.
CANCEL_SECONDS = 0.5
CANCELS_MAX = 4

Answer = TypeVar("Answer")


class StoppingError(Exception):
    """The bridge stops, and what it waited for has not come."""


async def unless_stopped(
    stop: asyncio.Event, work: Coroutine[Any, Any, Answer], grace_seconds: float = GRACE_SECONDS
) -> Answer:
    """Waits for some work; once the stop is asked for, only so much longer.

    Raises:
        StoppingError: it was not done by then, and was cancelled.
    """
    task = asyncio.create_task(work)
    stopping = asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({task, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            await asyncio.wait({task}, timeout=grace_seconds)
        if not task.done():
            raise StoppingError
        return task.result()
    finally:
        stopping.cancel()
        await _end(task)


async def all_or_none(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Runs all together; where one is given up, the others do not go on behind its back."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _end(task: asyncio.Task[Any]) -> None:
    """Cancels a task, more than once where it waits for a silent broker again to let go of it."""
    for _ in range(CANCELS_MAX):
        if task.done():
            break
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_SECONDS)
    if task.done() and not task.cancelled():
        # Nobody asks for it any more, and it shall not be told of at the end.
        task.exception()
