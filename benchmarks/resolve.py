"""Resolves members over gRPC, in batches and one by one, beside PostgreSQL and a bare echo."""

import tempfile
from pathlib import Path

import chunks
import load_client
import probes
import processes
import zmey_server
from chunks import Pass
from figures import Board
from peers import postgres, postgres_cluster, postgres_resolve
from probes import Probes
from scale import WORK_DIRECTORY, Scale, current
from zmey.server import ECHO_METHOD
from zmey.v1 import match_service_pb2
from zmey_server import Server

BATCH_ONE = "zmey, ResolveBatch, 1 client"
BATCH_MANY = "zmey, ResolveBatch, 4 clients"
UNARY = "zmey, unary Resolve"
ECHO = "echo on the same server"
PGBENCH = "PostgreSQL, prepared priority SELECT, 8 clients"
PGBENCH_FIRST = "PostgreSQL, the same, only until the first is found"
BATCHES = "PostgreSQL, psycopg batches of 1,000"
BATCHES_FIRST = "PostgreSQL, the same batches, only until the first is found"
UNIT = "members/s"
# Client processes and the closed loops in each.
MANY = (2, 2)
UNARY_CLIENTS = (1, 4)
_PROBES = 100_000


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures zmey and PostgreSQL side by side in each run, both with all members loaded."""
    board = Board("resolve")
    rows = chunks.fresh(scale.members)
    chunks.prepare(rows)
    picked = probes.pick(scale.members, min(_PROBES, scale.members))
    with (
        tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory,
        zmey_server.running(Path(directory) / "store", echo=True) as server,
    ):
        _load_zmey(server, scale, rows)
        files = _write_requests(server, picked, Path(directory))

        def with_postgres() -> None:
            with postgres_cluster.running() as conninfo:
                _load_postgres(conninfo, rows)
                for number in range(1, scale.runs + 1):
                    print(f"resolve, run {number} of {scale.runs}", flush=True)
                    _zmey(board, scale, server, files)
                    _postgres(board, scale, conninfo, picked)
                    board.save()

        if not board.attempt([PGBENCH, PGBENCH_FIRST, BATCHES, BATCHES_FIRST], with_postgres):
            for _ in range(scale.runs):
                _zmey(board, scale, server, files)
            board.save()
    return board


def _load_zmey(server: Server, scale: Scale, rows: Pass) -> None:
    with server.channel() as channel:
        zmey_server.import_stream(channel, list(chunks.requests(rows, scale.chunk_rows)))


def _load_postgres(conninfo: str, rows: Pass) -> None:
    postgres.create(conninfo)
    postgres.import_copy(conninfo, rows)
    postgres.vacuum(conninfo)
    postgres_resolve.create_probes(conninfo, rows.rows)


def _write_requests(server: Server, picked: Probes, directory: Path) -> dict[str, Path]:
    """Writes the requests of each method; those of echo are as long as Resolve's traffic."""
    unary, batches = picked.unary(), picked.batches()
    with server.channel() as channel:
        resolve = channel.unary_unary(probes.RESOLVE, None, None)
        # Echo sends back what it gets: half of request and response together.
        lengths = [(len(request) + len(resolve(request))) // 2 for request in unary[:1_000]]
        response = match_service_pb2.ResolveResponse.FromString(resolve(unary[0]))
    if response.resolution.contact_id == 0:
        message = "the first member is not found: the import or the probes are wrong"
        raise RuntimeError(message)
    requests = {
        probes.RESOLVE: unary,
        probes.RESOLVE_BATCH: batches,
        ECHO_METHOD: [b"x" * length for length in lengths],
    }
    files = {}
    for number, (method, content) in enumerate(requests.items()):
        files[method] = directory / f"requests-{number}"
        load_client.write_requests(files[method], content)
    return files


def _zmey(board: Board, scale: Scale, server: Server, files: dict[str, Path]) -> None:
    batch = [(probes.RESOLVE_BATCH, files[probes.RESOLVE_BATCH])]
    for figure, (clients, threads) in ((BATCH_ONE, (1, 1)), (BATCH_MANY, MANY)):
        (load,) = load_client.run(
            server.target, batch, processes=clients, threads=threads, seconds=scale.loop_seconds
        )
        rate = load.calls_per_second * probes.BATCH_ITEMS
        board.add(figure, rate, UNIT, "1,000 a call, three keys each, human spellings")
    clients, threads = UNARY_CLIENTS
    unary, echo = load_client.run(
        server.target,
        [(method, files[method]) for method in (probes.RESOLVE, ECHO_METHOD)],
        processes=clients,
        threads=threads,
        seconds=scale.loop_seconds,
    )
    note = f"{clients} client process, {threads} threads, slices taking turns"
    board.add(UNARY, unary.calls_per_second, "calls/s", note)
    board.add(ECHO, echo.calls_per_second, "calls/s", "as many bytes there and back as Resolve")


def _postgres(board: Board, scale: Scale, conninfo: str, picked: Probes) -> None:
    seconds = scale.loop_seconds
    for figure, query in (
        (PGBENCH, postgres_resolve.PRIORITY_QUERY),
        (PGBENCH_FIRST, postgres_resolve.FIRST_FOUND_QUERY),
    ):
        rate = postgres_resolve.pgbench(conninfo, query, scale.members, seconds)
        board.add(figure, rate, UNIT, "pgbench, canonical keys")
    for figure, query in (
        (BATCHES, postgres_resolve.PRIORITY_BATCH),
        (BATCHES_FIRST, postgres_resolve.FIRST_FOUND_BATCH),
    ):
        rate = postgres_resolve.resolve_batches(conninfo, query, picked.row_batches(), seconds)
        board.add(figure, rate, UNIT, "1 connection, canonical keys, binary parameters")


if __name__ == "__main__":
    main()
