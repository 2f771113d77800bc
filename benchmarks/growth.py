"""Grows one store: import rate, resolve rate, server memory and bytes on disk at each size."""

import tempfile
from pathlib import Path

import chunks
import load_client
import probes
import processes
import zmey_server
from figures import Board
from memory import MemorySampler
from peers import raw_lmdb
from resolve import MANY
from scale import WORK_DIRECTORY, Scale, current
from zmey_server import Server

MEMORY = "server memory without the mapped store, maximum"
_PROBES = 100_000


def import_at(members: int) -> str:
    """Returns the name of the figure of importing at this size."""
    return f"import at {members:,} members"


def main() -> None:
    """Grows as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Grows a fresh store through all sizes in each run."""
    board = Board("growth")
    chunks.prepare(chunks.fresh(max(scale.growth_members)))
    for number in range(1, scale.runs + 1):
        print(f"growth, run {number} of {scale.runs}", flush=True)
        with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory:
            _grow(board, scale, Path(directory))
        board.save()
    return board


def _grow(board: Board, scale: Scale, directory: Path) -> None:
    store = directory / "store"
    with (
        zmey_server.running(store) as server,
        MemorySampler(server.process.pid) as memory,
    ):
        reached = 0
        for members in scale.growth_members:
            slice_start = members - scale.growth_slice_rows
            _import(server, scale, reached, slice_start)
            rate = _import(server, scale, slice_start, members)
            reached = members
            board.add(import_at(members), rate, "rows/s", f"last {members - slice_start:,} rows")
            rate = _resolve(server, scale, members, directory)
            board.add(f"resolve at {members:,} members", rate, "members/s", "ResolveBatch")
            size = raw_lmdb.size_bytes(store) / members
            board.add(f"disk at {members:,} members", size, "bytes a member")
    board.add(MEMORY, memory.bytes_max / 2**20, "MB", "import and resolve at every size")


def _import(server: Server, scale: Scale, start: int, stop: int) -> float:
    """Imports the members from `start` to `stop` in a stream of its own; returns rows a second."""
    if stop <= start:
        return 0.0
    requests = chunks.requests(chunks.fresh(stop), scale.chunk_rows, start)
    with server.channel() as channel:
        return zmey_server.import_stream(channel, requests).rows_per_second


def _resolve(server: Server, scale: Scale, members: int, directory: Path) -> float:
    path = directory / "requests"
    load_client.write_requests(path, probes.pick(members, min(_PROBES, members)).batches())
    clients, threads = MANY
    (load,) = load_client.run(
        server.target,
        [(probes.RESOLVE_BATCH, path)],
        processes=clients,
        threads=threads,
        seconds=scale.loop_seconds,
    )
    return load.calls_per_second * probes.BATCH_ITEMS


if __name__ == "__main__":
    main()
