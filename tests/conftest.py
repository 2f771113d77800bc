"""Fixtures that several tests share."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from running_server import RunningServer
from zmey.client import Client

StartServer = Callable[..., RunningServer]


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
