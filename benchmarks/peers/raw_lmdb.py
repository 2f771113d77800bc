"""py-lmdb as the physical reference: the very keys and values that zmey wrote, put and got raw.

It opens the closed store of zmey as an independent reader. What a pass wrote is every entry that
the store did not have before; entries are grouped into commits as the engine committed them.
"""

import bisect
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import lmdb

from scale import WORK_DIRECTORY

NOTE = "putmulti, sorted, fsync at each commit, the engine's commit size"
TABLES = (
    b"meta", b"spaces", b"addresses", b"heads", b"bodies", b"redirects", b"fields", b"requests",
    b"imports", b"expiries", b"changes",
)  # fmt: skip
_MAP_BYTES = 1 << 38
# Field 1 of AddressRecord is the head, field 2 the dataset.
_HEAD_ID, _DATASET_ID = 1, 2

Entry = tuple[bytes, bytes]
# One commit: the entries of each table, sorted by key.
Commit = dict[bytes, list[Entry]]


@dataclass(frozen=True, slots=True)
class Order:
    """How the engine's commits followed one another."""

    # The member of each row, in order, and the revision after so many rows.
    contact_ids: list[int]
    revisions: list[tuple[int, int]]
    commits: int

    def commit_of_row(self, row: int) -> int:
        """Returns the commit that wrote a row: all have the same number of rows."""
        return min(row * self.commits // len(self.contact_ids), self.commits - 1)

    def commit_of_revision(self, revision: int) -> int:
        """Returns the commit that wrote the change segment with this first revision."""
        position = bisect.bisect_left(self.revisions, (revision, 0))
        if position == 0:
            return 0
        return self.commit_of_row(self.revisions[min(position, len(self.revisions)) - 1][1])


def open_store(directory: Path) -> lmdb.Environment:
    """Opens a closed store for reading; py-lmdb finds out the version of its data format."""
    return lmdb.open(str(directory), readonly=True, lock=False, max_dbs=32)


def written(store: Path, before: Path | None, order: Order) -> list[Commit]:
    """Returns the entries that `store` has and `before` has not, by commit."""
    commits: list[Commit] = [{} for _ in range(order.commits)]
    row_of_dataset = {number: row for row, number in enumerate(order.contact_ids)}
    row_of_head: dict[int, int] = {}
    # Addresses tell the member of each head; they come before the heads in TABLES.
    for table, key, value in _changed(store, before):
        if table == b"addresses":
            fields = _varint_fields(value)
            row = row_of_dataset.get(fields.get(_DATASET_ID, 0), 0)
            row_of_head[fields.get(_HEAD_ID, 0)] = row
            commit = order.commit_of_row(row)
        elif table == b"bodies":
            commit = order.commit_of_row(row_of_dataset.get(_number(key), 0))
        elif table == b"heads":
            commit = order.commit_of_row(row_of_head.get(_number(key), 0))
        elif table == b"changes":
            commit = order.commit_of_revision(_number(key))
        else:
            commit = order.commits - 1
        commits[commit].setdefault(table, []).append((key, value))
    return commits


def put(commits: list[Commit], before: Path | None) -> float:
    """Puts the commits durably into a copy of `before`; returns the seconds."""
    with tempfile.TemporaryDirectory(prefix="zmey-bench-lmdb-", dir=WORK_DIRECTORY) as directory:
        if before:
            shutil.copy(before / "data.mdb", directory)
        environment = lmdb.open(directory, map_size=_MAP_BYTES, max_dbs=32)
        tables = {name: environment.open_db(name) for name in TABLES}
        os.sync()
        started = time.perf_counter()
        for commit in commits:
            with environment.begin(write=True) as transaction:
                for name, entries in commit.items():
                    transaction.cursor(db=tables[name]).putmulti(entries)
        seconds = time.perf_counter() - started
        environment.close()
        return seconds


def get(environment: lmdb.Environment, batches: list[list[bytes]]) -> float:
    """Gets batches of sorted keys of Addresses, each in a transaction; returns the seconds."""
    table = environment.open_db(b"addresses", create=False)
    found = 0
    started = time.perf_counter()
    for keys in batches:
        with environment.begin(db=table) as transaction:
            found += len(transaction.cursor().getmulti(keys))
    seconds = time.perf_counter() - started
    if found == 0:
        message = "no key was found: the keys are not those of the store"
        raise RuntimeError(message)
    return seconds


def size_bytes(store: Path) -> int:
    """Returns the bytes on disk."""
    return sum(file.stat().st_blocks * 512 for file in store.rglob("*") if file.is_file())


def _changed(store: Path, before: Path | None) -> Iterator[tuple[bytes, bytes, bytes]]:
    with open_store(store) as newer:
        if before is None:
            for name, key, value in _entries(newer):
                yield name, key, value
            return
        with open_store(before) as older, older.begin() as old:
            tables = {name: older.open_db(name, txn=old, create=False) for name in TABLES}
            for name, key, value in _entries(newer):
                if old.get(key, db=tables[name]) != value:
                    yield name, key, value


def _entries(environment: lmdb.Environment) -> Iterator[tuple[bytes, bytes, bytes]]:
    with environment.begin() as transaction:
        for name in TABLES:
            table = environment.open_db(name, txn=transaction, create=False)
            for key, value in transaction.cursor(db=table):
                yield name, key, value


def _number(key: bytes) -> int:
    """Returns the number at the end of a key of Bodies, Heads or Changes."""
    return int.from_bytes(key[-8:], "big")


def _varint_fields(message: bytes) -> dict[int, int]:
    """Reads a protobuf message that has only integers: field number to value."""
    numbers = _varints(message)
    return {tag >> 3: value for tag, value in zip(numbers[::2], numbers[1::2], strict=True)}


def _varints(message: bytes) -> list[int]:
    numbers, number, shift = [], 0, 0
    for byte in message:
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            numbers.append(number)
            number, shift = 0, 0
    return numbers
