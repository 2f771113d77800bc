"""Imports the same rows, fresh and in a second pass, into zmey and into its peers."""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import chunks
import processes
import zmey_server
from chunks import Pass
from figures import Board
from memory import MemorySampler
from peers import postgres, postgres_cluster, raw_lmdb, redis_lua, sqlite
from scale import WORK_DIRECTORY, Scale, current
from zmey_server import Imported

UNIT = "rows/s"
ZMEY = "zmey, stream"
RAW_LMDB = "py-lmdb, raw puts"
POSTGRES_COPY = "PostgreSQL, COPY and set-based SQL"
POSTGRES_BATCHES = "PostgreSQL, psycopg batches of 1,000"
POSTGRES_ROWS = "PostgreSQL, psycopg row by row"
REDIS = "Redis, Lua, no file"
REDIS_LOG = "Redis, Lua, append-only file"
SQLITE = "SQLite, set-based"
FRESH, SECOND = "fresh", "second pass"

# Imports into PostgreSQL and returns rows a second.
Importer = Callable[[str, Pass], float]


def name(what: str, which: str) -> str:
    """Returns the name of a figure."""
    return f"{what}: {which}"


def main() -> None:
    """Runs all imports as often as the scale says and prints the table."""
    processes.stop_cleanly()
    board = run(current())
    board.show()


def run(scale: Scale) -> Board:
    """Measures every way to import, all of them once in each run."""
    board = Board("import")
    passes = (chunks.fresh(scale.members), chunks.second(scale.members))
    sample = (chunks.fresh(scale.row_by_row_rows), chunks.second(scale.row_by_row_rows))
    for rows in passes + sample:
        chunks.prepare(rows)
    for number in range(1, scale.runs + 1):
        print(f"import, run {number} of {scale.runs}", flush=True)
        _zmey_and_raw_lmdb(board, scale, passes)
        _postgres(board, passes, sample)
        _redis(board, passes, append_only=True)
        _redis(board, passes, append_only=False)
        _sqlite(board, passes)
        board.save()
    return board


def _zmey_and_raw_lmdb(board: Board, scale: Scale, passes: tuple[Pass, Pass]) -> None:
    with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory:
        store, before = Path(directory) / "store", Path(directory) / "before"
        for which, rows in zip((FRESH, SECOND), passes, strict=True):
            imported, commits = _zmey(board, scale, store, which, rows)
            order = raw_lmdb.Order(imported.contact_ids, imported.revisions, commits)
            base = before if which == SECOND else None
            groups = raw_lmdb.written(store, base, order)
            rate = rows.rows / raw_lmdb.put(groups, base)
            board.add(name(RAW_LMDB, which), rate, UNIT, raw_lmdb.NOTE)
            del groups
            if which == FRESH:
                shutil.copytree(store, before)
        members = scale.members + scale.members // 2
        size = raw_lmdb.size_bytes(store) / members
        board.add("zmey, bytes on disk per member", size, "bytes", "after both passes")


def _zmey(board: Board, scale: Scale, store: Path, which: str, rows: Pass) -> tuple[Imported, int]:
    """Imports one pass through a server; returns what it did and in how many commits."""
    requests = list(chunks.requests(rows, scale.chunk_rows))
    with (
        zmey_server.running(store) as server,
        MemorySampler(server.process.pid) as memory,
        server.channel() as channel,
    ):
        commits_before = server.metrics()["zmey_commits_total"]
        imported = zmey_server.import_stream(channel, requests)
        commits = int(server.metrics()["zmey_commits_total"] - commits_before)
    note = f"fsync at each commit, chunks of {scale.chunk_rows:,}"
    board.add(name(ZMEY, which), imported.rows_per_second, UNIT, note)
    board.add(name("zmey, rows a commit", which), rows.rows / commits, "rows")
    board.add(name("zmey, server memory", which), memory.bytes_max / 2**20, "MB")
    print(f"    {imported.summary()}", flush=True)
    return imported, commits


def _postgres(board: Board, passes: tuple[Pass, Pass], sample: tuple[Pass, Pass]) -> None:
    ways: tuple[tuple[str, Importer, tuple[Pass, Pass]], ...] = (
        (POSTGRES_COPY, postgres.import_copy, passes),
        (POSTGRES_BATCHES, postgres.import_batches, passes),
        (POSTGRES_ROWS, postgres.import_row_by_row, sample),
    )

    def measure() -> None:
        with postgres_cluster.running() as conninfo:
            for way, importer, both in ways:
                postgres.create(conninfo)
                for which, rows in zip((FRESH, SECOND), both, strict=True):
                    rate = importer(conninfo, rows)
                    note = postgres_cluster.NOTE
                    if both is sample:
                        note += f", {rows.rows:,} rows only"
                    board.add(name(way, which), rate, UNIT, note)
                    postgres.vacuum(conninfo)

    names = [name(way, which) for way, _, _ in ways for which in (FRESH, SECOND)]
    board.attempt(names, measure)


def _redis(board: Board, passes: tuple[Pass, Pass], *, append_only: bool) -> None:
    way = REDIS_LOG if append_only else REDIS
    note = redis_lua.NOTE_LOG if append_only else redis_lua.NOTE_NO_FILE

    def measure() -> None:
        with redis_lua.running(append_only=append_only) as peer:
            for which, rows in zip((FRESH, SECOND), passes, strict=True):
                board.add(name(way, which), peer.import_pipelined(rows), UNIT, note)

    board.attempt([name(way, which) for which in (FRESH, SECOND)], measure)


def _sqlite(board: Board, passes: tuple[Pass, Pass]) -> None:
    with tempfile.TemporaryDirectory(prefix="zmey-bench-sqlite-", dir=WORK_DIRECTORY) as directory:
        path = sqlite.create(Path(directory))
        for which, rows in zip((FRESH, SECOND), passes, strict=True):
            board.add(name(SQLITE, which), sqlite.import_rows(path, rows), UNIT, sqlite.NOTE)


if __name__ == "__main__":
    main()
