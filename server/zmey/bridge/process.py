"""A bridge as a process of its own, and as a thread of a server."""

import asyncio
import logging
import os
import signal
import threading
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Gauge

from zmey._native import Core
from zmey.bridge.callers import CoreCaller, GrpcCaller
from zmey.bridge.errors import BridgeError
from zmey.bridge.metrics import BridgeMetrics
from zmey.bridge.service import Bridge
from zmey.config import OFF, Settings, split_address
from zmey.logs import configure_logs, get_logger
from zmey.server.metrics import MetricsEndpoint

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
# These log whole messages, names of headers, and every refused connection, which the bridge does in
# its own words.
TALKATIVE = ("aio_pika", "aiormq", "pamqp")


def run_bridge(settings: Settings, address: str) -> None:
    """Runs a bridge to the server at this address until SIGTERM or SIGINT.

    Raises:
        BridgeError: it cannot work.
    """
    configure_logs(settings)
    _silence_libraries()
    registry = CollectorRegistry()
    info = Gauge("zmey_info", "The running version.", ("version",), registry=registry)
    info.labels(version("zmey")).set(1)
    metrics = BridgeMetrics(registry)
    endpoint = _open_metrics(settings.bridge_metrics_address, registry)
    try:
        asyncio.run(_run(settings, address, metrics, endpoint))
    finally:
        if endpoint is not None:
            endpoint.close()
    get_logger().info("stopped")


async def _run(
    settings: Settings, address: str, metrics: BridgeMetrics, endpoint: MetricsEndpoint | None
) -> None:
    bridge = Bridge(settings, metrics)
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, bridge.stop)
    get_logger().info(
        "bridging",
        version=version("zmey"),
        server=address,
        broker=f"{settings.bridge_host}:{settings.bridge_port}",
        metrics=OFF if endpoint is None else endpoint.port,
    )
    await bridge.run(GrpcCaller(address))


def _silence_libraries() -> None:
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)


def _open_metrics(address: str, registry: CollectorRegistry) -> MetricsEndpoint | None:
    if address == OFF:
        return None
    host, port = split_address(address)
    try:
        return MetricsEndpoint(registry, host, port)
    except OSError as error:
        message = (
            f"The metrics address {address} cannot be listened on: {error.strerror}. Set "
            f"--metrics-address to another, or to {OFF}."
        )
        raise BridgeError(message) from error


class BridgeThread:
    """A bridge within a server, which calls the core directly."""

    def __init__(self, settings: Settings, core: Core, registry: CollectorRegistry) -> None:
        """Starts to work.

        Raises:
            BridgeError: it cannot write its files.
        """
        self.error: Exception | None = None
        _silence_libraries()
        self._loop = asyncio.new_event_loop()
        self._caller = CoreCaller(core)
        self._bridge = Bridge(settings, BridgeMetrics(registry))
        self._thread = threading.Thread(target=self._run, name="bridge")
        self._thread.start()

    def close(self) -> None:
        """Finishes the batch under way and waits for the end."""
        self._loop.call_soon_threadsafe(self._bridge.stop)
        self._thread.join()
        self._loop.close()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._bridge.run(self._caller))
        except BridgeError as error:
            self._fail(error)
        except Exception as error:  # A server with a dead bridge would look well and do nothing.
            get_logger().error("bridge failed", exc_info=error)
            message = "The bridge failed; the log has the cause."
            self._fail(BridgeError(message))

    def _fail(self, error: BridgeError) -> None:
        self.error = error
        os.kill(os.getpid(), signal.SIGTERM)
