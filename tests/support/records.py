"""Values of a closed store, read without any code of the store.

The messages are those that `make stubs` generates into tests/generated; they never ship, so they
are loaded from there. LZ4 blocks are unpacked here in plain Python.
"""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

import lmdb

__all__ = ["changes_of", "records", "unpack_changes", "unpack_lz4_block"]

GENERATED = Path(__file__).resolve().parents[1] / "generated/zmey/storage"
MATCH_BYTES_MIN = 4
LENGTH_CONTINUES = 15
BYTE_CONTINUES = 255


def _load() -> Any:
    assert GENERATED.is_dir(), f"{GENERATED} is missing: run `make stubs`"
    # The package zmey is the real one, which has no storage.
    storage = types.ModuleType("zmey.storage")
    storage.__path__ = [str(GENERATED)]
    sys.modules["zmey.storage"] = storage
    return importlib.import_module("zmey.storage.v1.records_pb2")


records: Any = _load()


def changes_of(store: Path) -> list[Any]:
    """Every ChangeRecord of a closed store, in the order of their revisions."""
    changes: list[Any] = []
    with lmdb.open(str(store), max_dbs=32, readonly=True, lock=False) as env, env.begin() as txn:
        for _, value in txn.cursor(env.open_db(b"changes", txn, create=False)):
            changes += unpack_changes(records.ChangeSegment.FromString(value)).changes
    return changes


def unpack_lz4_block(block: bytes) -> bytes:
    """Unpacks one LZ4 block: runs of literals, each followed by a copy of earlier output."""
    out = bytearray()
    position = 0

    def length(nibble: int) -> int:
        nonlocal position
        total = step = nibble
        continues = LENGTH_CONTINUES
        while step == continues:
            step, continues = block[position], BYTE_CONTINUES
            position += 1
            total += step
        return total

    while position < len(block):
        token = block[position]
        position += 1
        literals = length(token >> 4)
        out += block[position : position + literals]
        position += literals
        if position == len(block):
            return bytes(out)
        distance = int.from_bytes(block[position : position + 2], "little")
        position += 2
        for _ in range(length(token & 15) + MATCH_BYTES_MIN):
            out.append(out[-distance])
    message = "a block ends with literals"
    raise ValueError(message)


def unpack_changes(segment: Any) -> Any:
    """Reads the ChangeList of a ChangeSegment."""
    content = segment.content
    if segment.content_bytes:
        content = unpack_lz4_block(content)
        assert len(content) == segment.content_bytes
    return records.ChangeList.FromString(content)
