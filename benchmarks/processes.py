"""Processes that a benchmark starts and ends: by their own id, also when it is stopped itself."""

import contextlib
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import FrameType


def stop_cleanly() -> None:
    """Turns SIGTERM into SystemExit, so that everything started is ended and removed."""

    def leave(_signal: int, _frame: FrameType | None) -> None:
        sys.exit(143)

    signal.signal(signal.SIGTERM, leave)


def free_port() -> int:
    """Returns a port that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: list[str], *, user: str | None = None, quiet: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a process until the block ends, then ends it with SIGTERM and waits for it."""
    output = subprocess.DEVNULL if quiet else None
    process = subprocess.Popen(command, user=user, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(
    process: subprocess.Popen[bytes], answers: Callable[[], bool], seconds: float = 30
) -> None:
    """Waits until the process answers.

    Raises:
        RuntimeError: it ended or did not answer in time.
    """
    for _ in range(int(seconds * 20)):
        if process.poll() is not None:
            message = f"it ended at once with code {process.returncode}"
            raise RuntimeError(message)
        if answers():
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
    message = f"it did not answer within {seconds:.0f} seconds"
    raise RuntimeError(message)
