"""The life of a bridge: connect, work, connect again where the broker went away, stop."""

import asyncio
import contextlib
import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import aiormq.exceptions

from zmey.bridge.alarm import FileAlarm, flag_of
from zmey.bridge.applying import Applier
from zmey.bridge.attempts import Attempts
from zmey.bridge.broker import BROKER_AWAY, Broker, open_broker, queue_depth
from zmey.bridge.callers import Caller
from zmey.bridge.errors import BridgeError
from zmey.bridge.in_flight import InFlight
from zmey.bridge.job_log import JobLog
from zmey.bridge.metrics import BridgeMetrics
from zmey.bridge.session import ConsumerCancelledError, Session, Worker
from zmey.bridge.stopping import GRACE_SECONDS, StoppingError, unless_stopped
from zmey.config import Settings
from zmey.logs import get_logger

PAUSE_SECONDS_FIRST = 0.2
PAUSE_SECONDS_MAX = 10.0
DEPTH_SECONDS = 5.0
REFUSALS_MAX = 3

_REFUSED = re.compile(
    r"(?P<right>configure |write |read |)access to (?P<name>\w+ '[^']*').*? refused for user"
)
_QUEUE = re.compile(r"queue '(?P<name>[^']+)'")

File = TypeVar("File")


class Bridge:
    """Consumes one queue until it is stopped."""

    def __init__(self, settings: Settings, metrics: BridgeMetrics) -> None:
        """Checks the files that it writes.

        Raises:
            BridgeError: one of them cannot be written.
        """
        self._settings = settings
        self._metrics = metrics
        self._stop = asyncio.Event()
        self._job_log = _opened(settings, metrics, "bridge_log_path", JobLog)
        self._attempts = _opened(settings, metrics, "bridge_deliveries_path", Attempts)
        self._was_connected = False
        self._refusals = 0

    def stop(self) -> None:
        """Asks for the end; for the thread of the loop."""
        self._stop.set()

    async def run(self, caller: Caller) -> None:
        """Works until `stop`.

        Raises:
            BridgeError: the broker refuses what the bridge needs.
        """
        applier = Applier(caller, self._settings.bridge_retry_seconds, self._stop)
        worker = Worker(self._settings, applier, self._attempts, self._job_log, self._metrics)
        pause = PAUSE_SECONDS_FIRST
        while not self._stop.is_set():
            try:
                broker = await unless_stopped(self._stop, open_broker(self._settings), 0)
                await self._work(broker, worker)
            except StoppingError:
                break
            except BridgeError:
                self._attempts.forget_all()
                raise
            except BROKER_AWAY as error:
                # Whatever was under way, the broker ended it and not the messages.
                self._attempts.forget_all()
                self._refuse_login(error)
                self._refuse_rights(error)
                if worker.take_progress():
                    pause = PAUSE_SECONDS_FIRST
                get_logger().warning(
                    _event_of(error),
                    **_details_of(error),
                    host=self._settings.bridge_host,
                    port=self._settings.bridge_port,
                    problem=type(error).__name__,
                )
                await self._rest(pause)
                pause = min(pause * 2, PAUSE_SECONDS_MAX)
        # They did not end the process: somebody who stops it often is no reason to give them up.
        self._attempts.forget_all()
        await caller.close()

    async def _work(self, broker: Broker, worker: Worker) -> None:
        if self._was_connected:
            self._metrics.reconnects.inc()
        self._was_connected = True
        self._metrics.connected.set(1)
        get_logger().info(
            "consuming", queue=self._settings.bridge_queue, vhost=self._settings.bridge_vhost
        )
        depth = asyncio.create_task(self._watch_depth(broker))
        try:
            await Session(broker, worker, self._stop).run()
        finally:
            self._metrics.connected.set(0)
            self._metrics.deliveries = InFlight()
            depth.cancel()
            with contextlib.suppress(*BROKER_AWAY):
                async with asyncio.timeout(GRACE_SECONDS):
                    await asyncio.gather(depth, return_exceptions=True)
                    await broker.connection.close()

    async def _watch_depth(self, broker: Broker) -> None:
        while True:
            count = await queue_depth(broker.connection, self._settings.bridge_queue)
            self._metrics.queue_depth.set(count)
            await asyncio.sleep(DEPTH_SECONDS)

    def _refuse_login(self, error: BaseException) -> None:
        """A wrong password is no outage, unless it was right before: a broker may come up slowly.

        Raises:
            BridgeError: the broker never let us in.
        """
        refused = (
            aiormq.exceptions.AuthenticationError,
            aiormq.exceptions.ProbableAuthenticationError,
            aiormq.exceptions.ConnectionNotAllowed,
            # What the library makes of a virtual host that is unknown, or not up yet.
            aiormq.exceptions.InvalidFrameError,
        )
        self._refusals = self._refusals + 1 if isinstance(error, refused) else 0
        if self._refusals >= REFUSALS_MAX and not self._was_connected:
            settings = self._settings
            message = (
                f"RabbitMQ at {settings.bridge_host}:{settings.bridge_port} refuses the user "
                f"{settings.bridge_user} at the virtual host {settings.bridge_vhost}. Set "
                "bridge_user, bridge_password and bridge_vhost."
            )
            raise BridgeError(message) from error

    def _refuse_rights(self, error: BaseException) -> None:
        """Rights do not come by waiting.

        Raises:
            BridgeError: the user may not do what the bridge has to.
        """
        if not isinstance(error, aiormq.exceptions.ChannelAccessRefused) or _is_in_use(error):
            return
        settings = self._settings
        found = _REFUSED.search(str(error))
        what = (
            f"{found['right'] or 'have '}{found['name']}"
            if found
            else f"what the bridge needs: {error}"
        )
        message = (
            f"RabbitMQ does not let the user {settings.bridge_user} {what} in the virtual host "
            f"{settings.bridge_vhost}. Give it the rights to configure, write and read "
            f"{settings.bridge_queue}, {settings.bridge_result_queue} and "
            f"{settings.bridge_dead_queue}, and to write amq.default, by rabbitmqctl "
            "set_permissions; or set bridge_user and bridge_password."
        )
        raise BridgeError(message) from error

    async def _rest(self, seconds: float) -> None:
        """Waits, of random length, so that bridges do not come back all at once."""
        seconds *= 0.5 + random.random()  # noqa: S311 - nobody gains from guessing it
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)


def _event_of(error: BaseException) -> str:
    if isinstance(error, ConsumerCancelledError):
        return "queue was deleted or moved; consuming it again"
    if _is_in_use(error):
        return "queue is in exclusive use by another connection; trying again"
    return "broker is away; trying again"


def _details_of(error: BaseException) -> dict[str, str]:
    found = _QUEUE.search(str(error)) if _is_in_use(error) else None
    return {"queue": found["name"]} if found else {}


def _is_in_use(error: BaseException) -> bool:
    """Whether somebody else has a queue, or its messages, for itself: it may end any time."""
    refused = isinstance(error, aiormq.exceptions.ChannelAccessRefused)
    locked = isinstance(error, aiormq.exceptions.ChannelLockedResource)
    return locked or (refused and "exclusive" in str(error))


def _opened(
    settings: Settings,
    metrics: BridgeMetrics,
    option: str,
    kind: Callable[[Path, FileAlarm], File],
) -> File:
    """Opens a file that an option names.

    Raises:
        BridgeError: it cannot be written.
    """
    path = Path(getattr(settings, option))
    name = option.removeprefix("bridge_").removesuffix("_path")
    try:
        return kind(path, FileAlarm(path, option, metrics.file_failures.labels(name)))
    except OSError as error:
        problem = error.strerror or type(error).__name__
        message = f"The file {path} cannot be written: {problem}. Set {flag_of(option)}."
        raise BridgeError(message) from error
