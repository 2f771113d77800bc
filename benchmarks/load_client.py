"""A client in a process of its own: calls methods with requests encoded beforehand, in a loop.

Several methods take turns in short slices, so that whatever else happens on the machine hits all
of them alike. Prints one JSON line: calls and bytes of responses for each method.
"""

import argparse
import itertools
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import grpc

from zmey_server import CHANNEL_OPTIONS

# Time for every process to start, import gRPC and connect.
_START_SECONDS = 2.0
SLICES = 5


@dataclass(slots=True)
class Load:
    """What was called how often."""

    method: str
    calls: int = 0
    response_bytes: int = 0
    seconds: float = 0.0

    @property
    def calls_per_second(self) -> float:
        """Returns the rate over all slices of the method."""
        return self.calls / self.seconds


def write_requests(path: Path, requests: list[bytes]) -> None:
    """Writes requests for the client processes."""
    with path.open("wb") as file:
        for request in requests:
            file.write(len(request).to_bytes(4, "little"))
            file.write(request)


def run(
    target: str, methods: list[tuple[str, Path]], *, processes: int, threads: int, seconds: float
) -> list[Load]:
    """Runs the client in several processes at once and adds up what they did.

    Args:
        target: the server.
        methods: full names, each with the file of its requests.
        processes: client processes.
        threads: closed loops in each of them.
        seconds: how long each method is called in all.
    """
    start_at = time.time() + _START_SECONDS
    command = [
        sys.executable, __file__,
        "--target", target,
        "--threads", str(threads),
        "--seconds", str(seconds),
        "--start-at", str(start_at),
    ]  # fmt: skip
    for method, path in methods:
        command += ["--method", f"{method}={path}"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(processes)]
    totals = [Load(method) for method, _ in methods]
    for process in running:
        output, _ = process.communicate()
        if process.returncode != 0:
            message = f"a client process ended with code {process.returncode}"
            raise RuntimeError(message)
        for total, load in zip(totals, json.loads(output), strict=True):
            total.calls += load["calls"]
            total.response_bytes += load["response_bytes"]
            # The processes work side by side: their times do not add up.
            total.seconds = max(total.seconds, load["seconds"])
    return totals


def main() -> None:
    """Calls as the arguments say and prints the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--target", required=True)
    parser.add_argument("--method", action="append", required=True, metavar="NAME=FILE")
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--start-at", type=float, required=True, help="Unix time")
    arguments = parser.parse_args()
    methods = [method.split("=", 1) for method in arguments.method]
    requests = [_read_requests(Path(file)) for _, file in methods]
    loads = [Load(name) for name, _ in methods]
    slice_seconds = arguments.seconds / SLICES
    with grpc.insecure_channel(arguments.target, options=CHANNEL_OPTIONS) as channel:
        calls = [channel.unary_unary(name, None, None) for name, _ in methods]
        for call, content in zip(calls, requests, strict=True):
            call(content[0])
        time.sleep(max(0.0, arguments.start_at - time.time()))
        for _ in range(SLICES):
            for call, content, load in zip(calls, requests, loads, strict=True):
                _slice(call, content, arguments.threads, slice_seconds, load)
    print(json.dumps([asdict(load) for load in loads]))


def _slice(
    call: Callable[[bytes], bytes],
    requests: list[bytes],
    threads: int,
    seconds: float,
    load: Load,
) -> None:
    """Calls in a closed loop on each thread until the time is over."""
    started = time.perf_counter()
    ends = started + seconds
    done: list[tuple[int, int]] = []

    def loop(own: Iterator[bytes]) -> None:
        calls, response_bytes = 0, 0
        while time.perf_counter() < ends:
            response_bytes += len(call(next(own)))
            calls += 1
        done.append((calls, response_bytes))

    workers = []
    for number in range(threads):
        own = requests[number::threads] or requests
        offset = load.calls % len(own)
        cycle = itertools.cycle(own[offset:] + own[:offset])
        workers.append(threading.Thread(target=loop, args=(cycle,)))
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if len(done) != threads:
        message = "a call failed"
        raise RuntimeError(message)
    load.calls += sum(calls for calls, _ in done)
    load.response_bytes += sum(size for _, size in done)
    load.seconds += time.perf_counter() - started


def _read_requests(path: Path) -> list[bytes]:
    content = path.read_bytes()
    requests, position = [], 0
    while position < len(content):
        length = int.from_bytes(content[position : position + 4], "little")
        requests.append(content[position + 4 : position + 4 + length])
        position += 4 + length
    return requests


if __name__ == "__main__":
    main()
