"""Promise 2: all or nothing. A server killed at any instant loses no acknowledged write.

Writers and importers load a real server until SIGKILL. The closed store must pass `fsck`; after
the restart everything acknowledged is there, what was cut off is there as a whole or not at all,
and sent once more it has one effect. A store lives through several deaths.
"""

import time
from pathlib import Path
from random import Random

import grpc
import pytest

from conftest import StartServer
from running_server import RunningServer
from support.torture_clients import Importer, Writer, caller, run_until
from support.torture_load import Load, next_chunk_of
from zmey._native import fsck

WRITERS = 4
IMPORTERS = 2
DEATHS = 8
STORES_LONG = 13
# The first death may meet the very first writes, the last one a store with a history.
LIFE_SECONDS_MAX = 0.5


class Life:
    """One store and its clients, through several servers."""

    def __init__(self, store: Path, seed: int, start: StartServer) -> None:
        self.store = store
        self.random = Random(seed)
        self.start = start
        self.load = Load(seed)
        self.writers = [Writer(self.load, number) for number in range(WRITERS)]
        self.importers = [Importer(self.load, number) for number in range(IMPORTERS)]
        self.clients: list[Writer | Importer] = [*self.writers, *self.importers]
        self.problems: list[str] = []

    def die(self) -> None:
        """Starts a server, loads it, kills it and checks the store that it leaves."""
        server = self.start(store=self.store)
        self.check(server)

        def kill() -> None:
            time.sleep(self.random.uniform(0.0, LIFE_SECONDS_MAX))
            server.kill()

        codes = run_until(server.address, self.clients, kill)
        assert set(codes) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNKNOWN}, codes
        assert len(codes) == WRITERS + IMPORTERS
        self.problems += fsck(str(self.store))["problems"]

    def check(self, server: RunningServer) -> None:
        """Checks that a server which has just started has everything."""
        with server.channel() as channel:
            call = caller(channel)
            for writer in self.writers:
                writer.there, problems = self.load.steps_there(
                    call, writer.number, writer.acknowledged
                )
                self.problems += problems
                if writer.acknowledged:
                    self.problems += self.load.check_repeat(
                        call, writer.number, writer.acknowledged, writer.revision
                    )
            for importer in self.importers:
                self._check_importer(server, importer)
        for client in self.clients:
            self.problems += client.problems
            client.problems.clear()
        assert self.problems == []

    def _check_importer(self, server: RunningServer, importer: Importer) -> None:
        """Asks where the import goes on and looks for exactly the chunks before."""
        with server.channel() as channel:
            stream = channel.stream_stream("/zmey.v1.ImportService/StreamImport", None, None)
            options = self.load.import_options(importer.number).SerializeToString()
            opened = b"".join(stream(iter([options])))
            importer.resume(next_chunk_of(opened))
            self.problems += self.load.check_chunks(
                caller(channel), importer.number, importer.acknowledged + 1
            )


def live_and_die(store: Path, seed: int, start: StartServer, deaths: int) -> None:
    life = Life(store, seed, start)
    for _ in range(deaths):
        life.die()
    life.check(start(store=store))
    # A load that never got to write would prove nothing.
    assert all(client.acknowledged > 0 for client in life.clients)


def test_sudden_deaths_lose_nothing(tmp_path: Path, start_server: StartServer) -> None:
    live_and_die(tmp_path / "store", seed=1, start=start_server, deaths=DEATHS)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(1, STORES_LONG + 1))
def test_many_sudden_deaths_lose_nothing(
    tmp_path: Path, start_server: StartServer, seed: int
) -> None:
    """Thirteen stores with eight deaths each are over a hundred."""
    live_and_die(tmp_path / "store", seed, start_server, DEATHS)
