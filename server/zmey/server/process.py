"""The life of a server process: open, bind, serve, drain, close."""

import signal
from collections.abc import Callable
from importlib.metadata import version
from typing import Protocol

from prometheus_client import CollectorRegistry

from zmey._native import Core, CoreError
from zmey.config import OFF, Settings, split_address
from zmey.imports.opening import open_imports
from zmey.imports.runner import Runner
from zmey.imports.service import ImportOperations
from zmey.logs import configure_logs, get_logger
from zmey.server.metrics import Metrics, MetricsEndpoint
from zmey.server.transport import AddressTakenError, Transport
from zmey.v1.admin_service_pb2 import (
    POLICY_SOURCE_STORED,
    ListSpacesRequest,
    ListSpacesResponse,
)

STOP_SIGNALS = frozenset({signal.SIGTERM, signal.SIGINT})
PACKAGE = "zmey"


class StartError(Exception):
    """The server cannot start; the message is one line with the fix."""


class Companion(Protocol):
    """What works beside the server in its process, directly with the core: the bridge.

    Attributes:
        error: why it ended by itself, having sent SIGTERM to the process; or None.
    """

    error: Exception | None

    def close(self) -> None:
        """Ends its work and waits."""


StartCompanion = Callable[[Settings, Core, CollectorRegistry], Companion]


def serve(settings: Settings, start_companion: StartCompanion | None = None) -> None:
    """Serves until SIGTERM or SIGINT, then drains.

    Args:
        settings: the options.
        start_companion: starts what works beside the server, once the server answers.

    Raises:
        StartError: the store, the folder of imports or an address is not to be had.
    """
    configure_logs(settings)
    # Blocked before any thread exists, so that every thread inherits it and only we take them.
    signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        core = Core(settings.to_core())
    except CoreError as error:
        message = f"The store {settings.store_path} cannot be opened: {error.message}"
        raise StartError(message) from error
    try:
        _serve_core(core, settings, start_companion)
    finally:
        core.close()
    get_logger().info("stopped")


def _serve_core(core: Core, settings: Settings, start_companion: StartCompanion | None) -> None:
    metrics = Metrics(core, version(PACKAGE))
    imports, runner = _open_imports(core, settings)
    transport = Transport(core, imports, settings, metrics)
    port = _bind(transport, settings)
    endpoint = _open_metrics(metrics, settings)
    try:
        transport.start()
        runner.start()
        _log_start(settings, port, endpoint)
        _log_stored_policies(core)
        companion = start_companion and start_companion(settings, core, metrics.registry)
        received = signal.sigwait(STOP_SIGNALS)
        get_logger().info(
            "draining",
            signal=signal.Signals(received).name,
            drain_seconds=settings.drain_seconds,
        )
        if companion:
            companion.close()
        # Before the drain, which would wait for calls that wait for the end of an import.
        runner.stop()
        if not transport.drain(settings.drain_seconds):
            get_logger().warning("calls cut off", drain_seconds=settings.drain_seconds)
        if companion and companion.error:
            raise StartError(str(companion.error)) from companion.error
    finally:
        # Before the store closes: a scrape or a call must not meet a closed store.
        if endpoint is not None:
            endpoint.close()
        runner.stop()
        imports.interrupt()
        core.close()
        runner.join()
        transport.close()


def _open_imports(core: Core, settings: Settings) -> tuple[ImportOperations, Runner]:
    try:
        return open_imports(core, settings)
    except OSError as error:
        message = (
            f"The folder of imports {error.filename} cannot be used: {error.strerror}. "
            "Set --import-folder to another."
        )
        raise StartError(message) from error


def _bind(transport: Transport, settings: Settings) -> int:
    try:
        return transport.bind(settings.listen_address)
    except AddressTakenError as error:
        message = (
            f"The address {settings.listen_address} cannot be listened on: another server has it, "
            "or the host is not this machine's. Stop that server or set --listen-address."
        )
        raise StartError(message) from error


def _open_metrics(metrics: Metrics, settings: Settings) -> MetricsEndpoint | None:
    if settings.metrics_address == OFF:
        return None
    host, port = split_address(settings.metrics_address)
    try:
        return MetricsEndpoint(metrics.registry, host, port)
    except OSError as error:
        message = (
            f"The metrics address {settings.metrics_address} cannot be listened on: "
            f"{error.strerror}. Set --metrics-address to another, or to {OFF}."
        )
        raise StartError(message) from error


def _log_start(settings: Settings, port: int, endpoint: MetricsEndpoint | None) -> None:
    host, _ = split_address(settings.listen_address)
    metrics_host, _ = ("", 0) if endpoint is None else split_address(settings.metrics_address)
    get_logger().info(
        "serving",
        version=version(PACKAGE),
        address=f"{_bracketed(host)}:{port}",
        metrics=OFF if endpoint is None else f"{_bracketed(metrics_host)}:{endpoint.port}",
        store=settings.store_path,
        spaces=[f"{space.account_id}/{space.db_id}" for space in settings.spaces],
    )


def _log_stored_policies(core: Core) -> None:
    """Says which spaces the configuration does not decide: who changed it would wonder."""
    answer = core.call("/zmey.v1.AdminService/ListSpaces", ListSpacesRequest().SerializeToString())
    for state in ListSpacesResponse.FromString(answer).spaces:
        if state.source == POLICY_SOURCE_STORED:
            get_logger().warning(
                "stored policy counts instead of the configuration; zmey spaces reset goes back",
                space=f"{state.space.account_id}/{state.space.db_id}",
                policy_version=state.policy_version,
            )


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
