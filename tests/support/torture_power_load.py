"""The process that power cuts hit: several writers and importers on one store, acknowledging.

It says what is durable on its standard output, one JSON text a line, each only after the core has
answered. The arguments are the store, the seed and how many steps each writer takes.
"""

import os
import sys
import threading
from pathlib import Path

import orjson

# Started by its path; the tests' modules and the package are found as pytest finds them.
sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

from support.core import open_core, space_config
from support.torture_load import SET_MEMBER, Load
from zmey._native import Core, ImportStream
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import member_service_pb2 as service

WRITERS = 3
IMPORTERS = 2
STEPS_PER_CHUNK = 3
CHUNKS_AHEAD = 2
# Small, so that the map has to grow under the load.
MAP_BYTES_INITIAL = 64 * 1024


def acknowledge(**said: object) -> None:
    """Says one thing in one system call."""
    os.write(1, orjson.dumps(said) + b"\n")


def write(core: Core, load: Load, writer: int, steps: int) -> None:
    """Takes the steps of one writer."""
    for step in range(1, steps + 1):
        request = load.set_request(writer, step).SerializeToString()
        answer = service.SetMemberResponse.FromString(core.call(SET_MEMBER, request))
        acknowledge(writer=writer, step=step, revision=answer.outcome.revision)


def receive(stream: ImportStream, importer: int, room: threading.Semaphore) -> None:
    """Acknowledges the chunks of one importer."""
    while (encoded := stream.receipt()) is not None:
        receipt = imports.StreamImportResponse.FromString(encoded).receipt
        acknowledge(importer=importer, chunk=receipt.chunk)
        room.release()


def run_import(core: Core, load: Load, importer: int, chunks: int) -> None:
    """Sends the chunks of one importer, a few ahead of the receipts."""
    stream = core.open_import(load.import_options(importer).SerializeToString())
    room = threading.Semaphore(CHUNKS_AHEAD)
    receiver = threading.Thread(target=receive, args=(stream, importer, room))
    receiver.start()
    for number in range(1, chunks + 1):
        room.acquire()
        stream.submit(load.import_chunk(importer, number).SerializeToString())
    stream.finish()
    receiver.join()


def main(store: Path, seed: int, steps: int) -> None:
    """Runs the load."""
    core = open_core((space_config(1),), store, map_bytes_initial=MAP_BYTES_INITIAL)
    acknowledge(opened=True)
    load = Load(seed)
    chunks = max(1, steps // STEPS_PER_CHUNK)
    threads = [
        *(threading.Thread(target=write, args=(core, load, n, steps)) for n in range(WRITERS)),
        *(threading.Thread(target=run_import, args=(core, load, n, chunks))
          for n in range(IMPORTERS)),
    ]  # fmt: skip
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    core.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
