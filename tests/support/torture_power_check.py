"""The judge of images, in a process of its own: a broken file may end a process.

Each line of standard input is a JSON text with the store, the seed and the acknowledgements; the
answer is a line with what is lost and what is corrupt.
"""

import shutil
import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from support.core import fault_of, open_core, space_config
from support.torture_load import Load, next_chunk_of
from support.torture_power_load import IMPORTERS, MAP_BYTES_INITIAL, WRITERS
from zmey._native import Core, CoreError, fsck

CHUNKS_WAITING_MAX = 2
FILE = "data.mdb"


def judge(store: Path, seed: int, acknowledged: Iterable[dict[str, Any]]) -> dict[str, list[str]]:
    """Opens an image and compares it with what was acknowledged."""
    said = list(acknowledged)
    problems: dict[str, list[str]] = {"corrupt": [], "lost": []}
    try:
        if (store / FILE).exists():
            problems["corrupt"] += fsck(str(store))["problems"]
        core = open_core((space_config(1),), store, map_bytes_initial=MAP_BYTES_INITIAL)
    except CoreError as error:
        problems["corrupt"].append(f"does not open: {error.message}")
        return problems
    try:
        problems["lost"] += compare(core, Load(seed), said)
    except CoreError as error:
        problems["corrupt"].append(f"does not answer: {error.message}")
    finally:
        core.close()
    return problems


def compare(core: Core, load: Load, said: list[dict[str, Any]]) -> list[str]:
    """Looks for every step and every chunk."""
    problems: list[str] = []
    revisions: dict[int, dict[int, int]] = defaultdict(dict)
    for one in said:
        if "writer" in one:
            revisions[one["writer"]][one["step"]] = one["revision"]

    def call(method: str, request: bytes) -> bytes:
        try:
            return core.call(method, request)
        except CoreError as error:
            if fault_of(error).reason == "MEMBER_MISSING":
                return b""
            raise

    for writer in range(WRITERS):
        last = max(revisions[writer], default=0)
        problems += load.steps_there(call, writer, last)[1]
        if last:
            problems += load.check_repeat(call, writer, last, revisions[writer][last])
    for importer in range(IMPORTERS):
        chunks = [one["chunk"] for one in said if one.get("importer") == importer]
        stream = core.open_import(load.import_options(importer).SerializeToString())
        next_chunk = next_chunk_of(stream.opened)
        stream.cancel()
        ahead = next_chunk - 1 - max(chunks, default=0)
        if not 0 <= ahead <= CHUNKS_WAITING_MAX:
            problems.append(f"importer {importer}: {ahead} chunks more than acknowledged")
        problems += load.check_chunks(call, importer, next_chunk)
    return problems


def main() -> None:
    """Judges image after image."""
    for line in sys.stdin.buffer:
        asked = orjson.loads(line)
        store = Path(asked["store"])
        verdict = judge(store, asked["seed"], asked["acknowledged"])
        shutil.rmtree(store)
        sys.stdout.buffer.write(orjson.dumps(verdict) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
