"""The files of the bridge on a disk that is full: messages go on, and the operator is told."""

import json
import signal
import time
from pathlib import Path
from typing import Any

from conftest import StartBridge
from running_bridge import IMPORT, RESULT, RunningBridge
from running_server import RunningServer
from support.broker import RunningBroker

# Every write to it says that the disk is full.
FULL = Path("/dev/full")
SAID = "file cannot be written; messages go on without it"
WRITTEN_AGAIN = "file is written again"


def message(number: int, **parameters: Any) -> bytes:
    """One that is refused, so that the log gets a line."""
    asked = {"account_id": 1, "db_id": 1, "email": "nobody", "data": {}}
    return json.dumps(asked | {"feedback_id": f"f{number}"} | parameters).encode()


def metric(bridge: RunningBridge, file: str) -> float:
    """How often a file could not be written."""
    name = f'zmey_bridge_file_failures_total{{file="{file}"}} '
    lines = [line for line in bridge.metrics().splitlines() if line.startswith(name)]
    return float(lines[0].removeprefix(name))


def said(bridge: RunningBridge) -> list[dict[str, Any]]:
    return [line for line in bridge.log() if line["event"] == SAID]


def test_a_job_log_on_a_full_disk(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, tmp_path: Path
) -> None:
    """The results have everything that the log would have."""
    log = tmp_path / "job_server.log"
    log.symlink_to(FULL)
    bridge = start_bridge(server)
    for number in range(3):
        broker.publish(IMPORT, [message(number)])
        (result,) = broker.take(RESULT, 1)
        answer = json.loads(result.body)
        assert (answer["error"], answer["feedback_id"]) == (422, f"f{number}")
    (line,) = said(bridge)
    assert (line["path"], line["problem"]) == ("job_server.log", "No space left on device")
    assert "--bridge-log-path" in line["fix"]
    assert metric(bridge, "log") == 3
    log.unlink()
    broker.publish(IMPORT, [message(4)])
    broker.take(RESULT, 1)
    bridge.wait_for(WRITTEN_AGAIN)
    assert [line["feedback_id"] for line in bridge.job_log()] == ["f4"]
    events = [line["event"] for line in bridge.log()]
    assert events.count("consuming") == 1
    assert bridge.terminate() == 0
    assert broker.depth(IMPORT) == 0


def test_deliveries_on_a_full_disk(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, tmp_path: Path
) -> None:
    """They are counted in memory meanwhile; a bridge that starts needs the file."""
    gives_back = start_bridge(server, "--bridge-deliveries-path", "other.json")
    gives_back.send(signal.SIGSTOP)
    broker.publish(IMPORT, [message(1)])
    while broker.depth(IMPORT):
        time.sleep(0.05)
    bridge = start_bridge(server)
    draft = tmp_path / "zmey-bridge-deliveries.json.new"
    draft.symlink_to(FULL)
    gives_back.kill()
    (result,) = broker.take(RESULT, 1)
    assert json.loads(result.body)["feedback_id"] == "f1"
    bridge.wait_for(SAID)
    (line,) = said(bridge)
    assert line["path"] == draft.name.removesuffix(".new")
    assert "--bridge-deliveries-path" in line["fix"]
    assert metric(bridge, "deliveries") >= 1
    assert bridge.terminate() == 0
    assert broker.depth(IMPORT) == 0
    late = start_bridge(server, waits=False)
    assert late.wait() == 1
    (last,) = [line for line in late.log_path.read_text().splitlines() if line[0] != "{"]
    assert last.startswith("zmey: The file zmey-bridge-deliveries.json cannot be written: No space")
    assert "--bridge-deliveries-path" in last
