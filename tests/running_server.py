"""A real `zmey serve` in a process of its own, on free ports, ended by its process id."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

START_SECONDS_MAX = 20.0
STOP_SECONDS_MAX = 40.0
POLL_SECONDS = 0.02


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Returns the environment without any option of ours, plain and wide."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("ZMEY_")}
    return {**kept, "COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb", **(extra or {})}


def run_zmey(
    *arguments: str, environment: Mapping[str, str] | None = None, seconds_max: float = 60.0
) -> subprocess.CompletedProcess[str]:
    """Runs one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "zmey", *arguments],
        env=clean_environment(environment),
        capture_output=True,
        text=True,
        timeout=seconds_max,
        check=False,
    )


def raw_method(channel: grpc.Channel, method: str) -> Any:
    """Returns a unary method that takes and gives bytes."""
    return channel.unary_unary(method, None, None)


class RunningServer:
    """One server process."""

    def __init__(self, store: Path, *flags: str) -> None:
        self.store = store
        self.log_path = store.parent / f"{store.name}-{time.monotonic_ns()}.log"
        arguments = ["--store-path", str(store), "--log-format", "json", *flags]
        for flag in ("--listen-address", "--metrics-address"):
            if flag not in flags:
                arguments += [flag, "127.0.0.1:0"]
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "zmey", "serve", *arguments],
                env=clean_environment(),
                stderr=log,
                stdout=subprocess.DEVNULL,
            )
        self.pid = self.process.pid
        start = self._wait_for_start()
        self.address = str(start["address"])
        self.metrics_address = str(start["metrics"])
        self._wait_for_health()

    def log(self) -> list[dict[str, Any]]:
        """Returns the lines of the log so far."""
        lines = self.log_path.read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def channel(self) -> grpc.Channel:
        """Opens a connection."""
        return grpc.insecure_channel(self.address)

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
            os.kill(self.pid, number)

    def wait(self) -> int:
        """Waits for the end and returns the exit code."""
        return self.process.wait(STOP_SECONDS_MAX)

    def _wait_for_start(self) -> dict[str, Any]:
        until = time.monotonic() + START_SECONDS_MAX
        while time.monotonic() < until:
            for line in self.log():
                if line.get("event") == "serving":
                    return line
            if self.process.poll() is not None:
                break
            time.sleep(POLL_SECONDS)
        self.kill()
        message = "The server did not start:\n" + self.log_path.read_text(encoding="utf-8")
        raise AssertionError(message)

    def _wait_for_health(self) -> None:
        with self.channel() as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(
                health_pb2.HealthCheckRequest(), timeout=START_SECONDS_MAX, wait_for_ready=True
            )
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
