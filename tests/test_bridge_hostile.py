"""Messages with properties that a client library cannot read or write: none stops the others."""

import json
import struct
from pathlib import Path

import pytest

from conftest import StartBridge, StartServer
from running_bridge import DEAD, IMPORT, RESULT
from running_server import RunningServer
from support.broker import RunningBroker, Sent
from support.raw_publisher import (
    APP_ID,
    CONTENT_TYPE,
    CORRELATION_ID,
    FRAME_BYTES_MAX,
    HEADERS,
    MESSAGE_ID,
    MODE,
    TIMESTAMP,
    RawPublisher,
    named,
    short,
    table,
)
from zmey.bridge.parking import HEADER_DEPTH_MAX

PERSISTENT = b"\x02"
MICROSECONDS = struct.pack(">Q", 1_795_000_000_000_000)
LATIN = b"caf\xe9"
MALFORMED = b"nope"
# What the messages of a broken kind are followed by.
LAST = "last"
# The type and length of a table, and the name in it.
NESTING_BYTES = 7


def person(name: str) -> bytes:
    asked = {"account_id": 1, "db_id": 1, "email": f"{name}@example.org", "data": {}}
    return json.dumps(asked | {"feedback_id": name}).encode()


def nested(levels: int) -> bytes:
    """A header that has tables in tables."""
    true = b"t\x01"
    heads = (
        b"F" + struct.pack(">I", NESTING_BYTES * level + len(short(b"n") + true))
        for level in reversed(range(levels))
    )
    return short(b"deep") + b"".join(head + short(b"n") for head in heads) + true


def headers(*entries: bytes) -> tuple[int, bytes]:
    return HEADERS | MODE, table(b"".join(entries)) + PERSISTENT


# As many as a frame has room for.
DEEPEST = FRAME_BYTES_MAX // NESTING_BYTES - 20
PROPERTIES = {
    "message_id": (MODE | MESSAGE_ID, PERSISTENT + short(b"\xff\xfe" * 127)),
    "content_type": (CONTENT_TYPE | MODE, short(b"\xff") + PERSISTENT),
    "correlation_id": (MODE | CORRELATION_ID, PERSISTENT + short(b"\xff" * 255)),
    "app_id": (MODE | APP_ID, PERSISTENT + short(LATIN)),
    "time in microseconds": (MODE | TIMESTAMP, PERSISTENT + MICROSECONDS),
    "time without end": (MODE | TIMESTAMP, PERSISTENT + b"\xff" * 8),
    "name of a header": headers(named(b"\xff", b"t", b"\x01")),
    "long name of a header": headers(named(b"k" * 255, b"t", b"\x01")),
    "time in a header": headers(named(b"t", b"T", MICROSECONDS)),
    "text in a header": headers(named(b"city", b"S", table(LATIN))),
    "texts in an array": headers(named(b"a", b"A", table(b"S" + table(LATIN)))),
    "number in a header": headers(named(b"d", b"d", struct.pack(">d", 1e300))),
    "decimal in a header": headers(named(b"d", b"D", b"\xff\xff\xff\xff\xff")),
    "tables in tables": headers(nested(HEADER_DEPTH_MAX + 1)),
    "tables without end": headers(nested(DEEPEST)),
    "headers that fill a frame": headers(named(b"k", b"S", table(b"x" * (FRAME_BYTES_MAX - 80)))),
}


@pytest.mark.parametrize("kind", PROPERTIES)
def test_properties_that_a_library_cannot_read(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, kind: str
) -> None:
    """A message is applied if its body can be read, else parked, and those behind it are done."""
    bridge = start_bridge(server)
    with RawPublisher(broker.port) as publisher:
        publisher.publish(IMPORT.encode(), person("first"), *PROPERTIES[kind])
        publisher.publish(IMPORT.encode(), MALFORMED, *PROPERTIES[kind])
        publisher.publish(IMPORT.encode(), person(LAST))
    results = [json.loads(one.body) for one in broker.take(RESULT, 3)]
    assert [(one["error"], one["feedback_id"]) for one in results] == [
        (0, "first"), (400, ""), (0, LAST),
    ]  # fmt: skip
    (parked,) = broker.take(DEAD, 1)
    assert parked.body == MALFORMED
    assert parked.headers["x-zmey-error"] == 400
    assert parked.headers["x-zmey-reason"] == results[1]["error_text"]
    assert bridge.terminate() == 0
    assert broker.depth(IMPORT) == 0
    assert not [line for line in bridge.log() if line["level"] != "info"]


def test_parked_messages_keep_what_can_be_kept(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    start_bridge(server)
    entries = [
        named(b"city", b"S", table(LATIN)),
        named(b"times", b"A", table(b"T" + MICROSECONDS + b"t\x01")),
        named(LATIN, b"I", struct.pack(">i", 7)),
        named(b"large", b"d", struct.pack(">d", 1e300)),
    ]
    with RawPublisher(broker.port) as publisher:
        publisher.publish(IMPORT.encode(), MALFORMED, *headers(*entries))
        publisher.publish(IMPORT.encode(), MALFORMED, MODE | MESSAGE_ID, PERSISTENT + short(LATIN))
    first, second = broker.take(DEAD, 2)
    kept = {name: first.headers[name] for name in ("city", "times", LATIN.decode("latin-1"))}
    assert kept == {"city": LATIN, "times": [None, True], "caf\xe9": 7}
    assert first.headers["large"] == "1e+300"
    assert second.message_id == LATIN.decode("latin-1")
    assert [one.correlation_id for one in broker.take(RESULT, 2)] == [None, "caf\xe9"]


def test_parked_messages_go_nowhere_else(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    """The broker routes by this header, so that a copy with it would come back for ever."""
    broker.declare("audit")
    bridge = start_bridge(server)
    broker.publish("audit", [Sent(MALFORMED, "m", {"CC": [IMPORT]})])
    broker.publish(IMPORT, [person(LAST)])
    results = [json.loads(one.body) for one in broker.take(RESULT, 2)]
    assert [one["error"] for one in results] == [400, 0]
    (parked,) = broker.take(DEAD, 1)
    assert parked.headers["x-zmey-cc"] == [IMPORT]
    assert "CC" not in parked.headers
    assert bridge.terminate() == 0
    assert [broker.depth(queue) for queue in (IMPORT, RESULT, DEAD)] == [0, 0, 0]
    broker.delete("audit")


def test_a_routing_key_that_is_no_text(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    start_bridge(server)
    broker.bind(IMPORT, "amq.topic", "crm.#")
    with RawPublisher(broker.port) as publisher:
        for body in (person("first"), MALFORMED):
            publisher.publish(b"crm.\xff", body, exchange=b"amq.topic")
    assert [json.loads(one.body)["error"] for one in broker.take(RESULT, 2)] == [0, 400]
    assert broker.take(DEAD, 1)[0].headers["x-zmey-queue"] == IMPORT


def test_within_a_server(broker: RunningBroker, start_server: StartServer, tmp_path: Path) -> None:
    files = ["--bridge-log-path", str(tmp_path / "job.log")]
    files += ["--bridge-deliveries-path", str(tmp_path / "deliveries.json")]
    server = start_server("--bridge", "--bridge-port", str(broker.port), *files)
    broker.declare(IMPORT)
    with RawPublisher(broker.port) as publisher:
        publisher.publish(IMPORT.encode(), MALFORMED, *PROPERTIES["text in a header"])
    broker.publish(IMPORT, [person(LAST)])
    assert [json.loads(one.body)["error"] for one in broker.take(RESULT, 2)] == [400, 0]
    assert server.terminate() == 0
