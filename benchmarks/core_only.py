"""The core without gRPC: applying an import, and resolving beside raw LMDB gets."""

import tempfile
import time
from pathlib import Path

import lmdb

import chunks
import local_core
import probes
import processes
from chunks import Pass
from figures import Board
from generate import Row
from peers import raw_lmdb
from probes import Probes
from scale import WORK_DIRECTORY, Scale, current
from zmey.v1 import address_pb2

APPLY_FRESH = "core, import without gRPC: fresh"
APPLY_SECOND = "core, import without gRPC: second pass"
RESOLVE = "core, resolve without gRPC"
RAW_GETS = "py-lmdb, raw gets of the same keys"
# Members that are asked for in turn.
_PROBES = 100_000


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures the core and raw LMDB side by side in each run."""
    board = Board("core")
    passes = (chunks.fresh(scale.members), chunks.second(scale.members))
    for rows in passes:
        chunks.prepare(rows)
    picked = probes.pick(scale.members, min(_PROBES, scale.members))
    for number in range(1, scale.runs + 1):
        print(f"core, run {number} of {scale.runs}", flush=True)
        with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory:
            store = Path(directory) / "store"
            _apply(board, scale, store, passes)
            _resolve(board, scale, store, picked)
            _raw_gets(board, scale, store, picked)
        board.save()
    return board


def _apply(board: Board, scale: Scale, store: Path, passes: tuple[Pass, Pass]) -> None:
    with local_core.opened(store) as core:
        for figure, rows in zip((APPLY_FRESH, APPLY_SECOND), passes, strict=True):
            requests = list(chunks.requests(rows, scale.chunk_rows))
            seconds = local_core.import_chunks(core, requests)
            board.add(figure, rows.rows / seconds, "rows/s", "fsync at each commit")


def _resolve(board: Board, scale: Scale, store: Path, picked: Probes) -> None:
    with local_core.opened(store) as core:
        requests = picked.batches()
        rate = local_core.call_all(core, probes.RESOLVE_BATCH, requests, scale.loop_seconds)
    note = "batches of 1,000, three keys each"
    board.add(RESOLVE, rate * probes.BATCH_ITEMS, "members/s", note)


def _raw_gets(board: Board, scale: Scale, store: Path, picked: Probes) -> None:
    with raw_lmdb.open_store(store) as environment:
        prefix = _space_prefix(environment)
        # Sorted beforehand: the peer need not do even that.
        batches = [sorted(_keys(prefix, batch)) for batch in picked.row_batches()]
        raw_lmdb.get(environment, batches)
        members, seconds = 0, 0.0
        started = time.perf_counter()
        while time.perf_counter() - started < scale.loop_seconds:
            seconds += raw_lmdb.get(environment, batches)
            members += len(picked.rows)
    note = "the same three keys a member, canonical and sorted beforehand, getmulti"
    board.add(RAW_GETS, members / seconds, "members/s", note)


def _space_prefix(environment: lmdb.Environment) -> bytes:
    """Returns what every key of the only space begins with: its number, 4 bytes."""
    table = environment.open_db(b"addresses", create=False)
    with environment.begin(db=table) as transaction:
        key, _ = next(iter(transaction.cursor()))
        return bytes(key[:4])


def _keys(prefix: bytes, batch: list[Row]) -> list[bytes]:
    keys = []
    for row in batch:
        for kind, address in (
            (address_pb2.ADDRESS_TYPE_CSID, row.identity.external_id),
            (address_pb2.ADDRESS_TYPE_EMAIL, row.identity.email),
            (address_pb2.ADDRESS_TYPE_MSISDN, row.identity.phone),
        ):
            if address is not None:
                keys.append(prefix + bytes([kind]) + address.encode())
    return keys


if __name__ == "__main__":
    main()
