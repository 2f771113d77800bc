"""A real `zmey bridge` in a process of its own, between a real broker and a real server."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from running_server import (
    POLL_SECONDS,
    STOP_SECONDS_MAX,
    RunningServer,
    clean_environment,
    run_zmey,
)
from support.broker import RunningBroker

IMPORT = "database_import"
RESULT = "database_import_result"
DEAD = "database_import_dead"
QUEUES = (IMPORT, RESULT, DEAD)

START_SECONDS_MAX = 30.0


class RunningBridge:
    """One bridge process; its files are in a directory that outlives it."""

    def __init__(
        self,
        directory: Path,
        broker: RunningBroker,
        address: str,
        *flags: str,
        program: Sequence[str] = ("-m", "zmey"),
        environment: dict[str, str] | None = None,
        waits: bool = True,
    ) -> None:
        self.log_path = directory / f"bridge-{time.monotonic_ns()}.log"
        self.job_log_path = directory / "job_server.log"
        arguments = ["bridge", "--address", address, "--log-format", "json"]
        if "--bridge-port" not in flags:
            arguments += ["--bridge-port", str(broker.port)]
        arguments += ["--bridge-metrics-address", "127.0.0.1:0", *flags]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, *program, *arguments],
                env=clean_environment(environment),
                cwd=directory,
                stderr=log,
                stdout=subprocess.DEVNULL,
            )
        if waits:
            self.wait_for("consuming")

    def log(self) -> list[dict[str, Any]]:
        """Returns the lines of the log so far."""
        lines = self.log_path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def wait_for(self, event: str, count: int = 1) -> None:
        """Waits until the log has an event so many times."""
        until = time.monotonic() + START_SECONDS_MAX
        while [line.get("event") for line in self.log()].count(event) < count:
            alive = self.process.poll() is None and time.monotonic() < until
            assert alive, self.log_path.read_text(encoding="utf-8")
            time.sleep(POLL_SECONDS)

    def job_log(self) -> list[dict[str, Any]]:
        """Returns the lines of job_server.log."""
        lines = self.job_log_path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def job_log_text(self) -> str:
        """Returns job_server.log as it is, which may be without a line or not be there yet."""
        return self.job_log_path.read_text("utf-8") if self.job_log_path.exists() else ""

    def metrics(self) -> str:
        """Returns what /metrics says."""
        port = next(line["metrics"] for line in self.log() if line["event"] == "bridging")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read(), "utf-8")

    def terminate(self) -> int:
        """Sends SIGTERM, waits, and returns the exit code."""
        self.send(signal.SIGTERM)
        return self.wait()

    def kill(self) -> None:
        """Sends SIGKILL and waits."""
        self.send(signal.SIGKILL)
        self.wait()

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to this very process."""
        if self.process.poll() is None:
            os.kill(self.process.pid, number)

    def wait(self) -> int:
        """Waits for the end and returns the exit code."""
        return self.process.wait(STOP_SECONDS_MAX)


def run_bridge_to_its_end(
    broker: RunningBroker,
    server: RunningServer,
    directory: Path,
    *flags: str,
    embedded: bool = False,
) -> Any:
    """Runs a bridge that cannot work."""
    files = ["--bridge-log-path", str(directory / "job.log")]
    files += ["--bridge-deliveries-path", str(directory / "deliveries.json")]
    flags = ("--bridge-port", str(broker.port), *files, *flags)
    if embedded:
        own = ("--store-path", ":memory:", "--listen-address", "127.0.0.1:0")
        return run_zmey("serve", "--bridge", *own, "--metrics-address", "off", *flags)
    return run_zmey("bridge", "--address", server.address, "--metrics-address", "off", *flags)
