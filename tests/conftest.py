"""Fixtures that several tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bridge_desk import desk
from running_bridge import QUEUES, RunningBridge
from running_server import RunningServer
from support.broker import RunningBroker
from support.fixtures import api, core_for_region
from zmey.client import Client

__all__ = [
    "api",
    "broker",
    "client",
    "core_for_region",
    "desk",
    "node",
    "server",
    "start_bridge",
    "start_server",
]

StartServer = Callable[..., RunningServer]
StartBridge = Callable[..., RunningBridge]


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[StartServer]:
    """Returns a function that starts a server with flags; all are ended after the test."""
    servers: list[RunningServer] = []

    def start(*flags: str, store: Path | None = None) -> RunningServer:
        server = RunningServer(store or tmp_path / "store", *flags)
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def server(start_server: StartServer) -> RunningServer:
    """A server with default options on a fresh store."""
    return start_server()


@pytest.fixture
def client(server: RunningServer) -> Iterator[Client]:
    """A client of that server."""
    with Client(server.address) as connected:
        yield connected


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBroker]:
    """A RabbitMQ node for the whole session: it takes ten seconds to start."""
    running = RunningBroker(tmp_path_factory.mktemp("broker"))
    yield running
    running.close()


@pytest.fixture
def broker(node: RunningBroker) -> RunningBroker:
    """That node without queues of the tests before."""
    node.delete(*QUEUES)
    return node


@pytest.fixture
def start_bridge(tmp_path: Path, broker: RunningBroker) -> Iterator[StartBridge]:
    """Returns a function that starts a bridge to a server; all are ended after the test."""
    bridges: list[RunningBridge] = []

    def start(server: RunningServer, *flags: str, **how: Any) -> RunningBridge:
        bridge = RunningBridge(tmp_path, broker, server.address, *flags, **how)
        bridges.append(bridge)
        return bridge

    yield start
    for bridge in bridges:
        bridge.kill()
