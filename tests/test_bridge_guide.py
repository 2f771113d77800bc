"""The examples of docs/bridge.md: sent in order, they get the answers that the guide shows."""

import json
import re
import shlex
from pathlib import Path

from conftest import StartBridge, StartServer
from running_bridge import DEAD, IMPORT, RESULT
from support.broker import RunningBroker
from zmey.config.bridge import ALTCRAFT_NAMES, BridgeOptions

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "bridge.md"
JSON = re.compile(r"^```json\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_guide_of_the_bridge(
    broker: RunningBroker, start_server: StartServer, start_bridge: StartBridge
) -> None:
    text = GUIDE.read_text(encoding="utf-8")
    (commands,) = SHELL.findall(text)
    serve, bridge = re.split(r"^(?=zmey bridge)", commands, flags=re.MULTILINE)
    server = start_server(*shlex.split(serve)[2:])
    # The address and the port of the broker are those of this test.
    assert shlex.split(bridge)[:3] == ["zmey", "bridge", "--address"]
    start_bridge(server, *shlex.split(bridge)[4:])
    blocks = JSON.findall(text)
    assert len(blocks) > 10
    for message, expected in zip(blocks[::2], blocks[1::2], strict=True):
        broker.publish(IMPORT, [message.encode()])
        (answer,) = broker.take(RESULT, 1)
        assert json.loads(answer.body) == json.loads(expected), message
    assert "x-zmey-reason" in broker.take(DEAD, 1)[0].headers


def test_the_guide_names_options_that_exist() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    named = set(re.findall(r"`(bridge_\w+)`", text))
    assert len(named) > 8
    assert named <= set(BridgeOptions.model_fields)
    assert set(re.findall(r"RABBITMQ_\w+", text)) == set(ALTCRAFT_NAMES)
