"""The core of zmey within this process: the same calls without a server and without gRPC."""

import contextlib
import threading
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import zmey_server
from zmey._native import Core
from zmey.config import Settings


@contextlib.contextmanager
def opened(store: Path) -> Iterator[Core]:
    """Opens a store, fresh where the directory does not exist, until the block ends."""
    settings = Settings.model_validate({"store_path": str(store), "spaces": zmey_server.spaces()})
    core = Core(settings.to_core())
    try:
        yield core
    finally:
        core.close()


def import_chunks(core: Core, requests: Iterable[bytes]) -> float:
    """Applies chunks that were encoded beforehand; returns the seconds until all are durable."""
    stream = core.open_import(zmey_server.import_options())
    failures: list[Exception] = []

    def submit() -> None:
        try:
            for request in requests:
                stream.submit(request)
            stream.finish()
        except Exception as error:
            # Told to the thread that waits.
            failures.append(error)
            stream.cancel()

    submitter = threading.Thread(target=submit)
    started = time.perf_counter()
    submitter.start()
    while stream.receipt() is not None:
        pass
    seconds = time.perf_counter() - started
    submitter.join()
    if failures:
        raise failures[0]
    return seconds


def call_all(core: Core, method: str, requests: list[bytes], seconds: float) -> float:
    """Calls with each request in turn until the time is over; returns calls a second."""
    for request in requests:
        core.call(method, request)
    calls = 0
    started = time.perf_counter()
    while True:
        for request in requests:
            core.call(method, request)
        calls += len(requests)
        elapsed = time.perf_counter() - started
        if elapsed > seconds:
            return calls / elapsed
