"""The bridge where things go wrong: every process dies here, and each does so for real."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aio_pika
import pytest

from conftest import StartBridge, StartServer
from running_bridge import DEAD, IMPORT, RESULT, RunningBridge, run_bridge_to_its_end
from running_server import RunningServer
from support.broker import RunningBroker, Sent, Taken
from support.deadly_bridge import POISON
from zmey.bridge.attempts import DELIVERIES_MAX
from zmey.client import Client

DEADLY = str(Path(__file__).parent / "support" / "deadly_bridge.py")
DAY_MS = 86_400_000
WAITS = "messages wait for the server; trying again"


def body(email: str, **parameters: Any) -> bytes:
    return json.dumps(
        {"account_id": 1, "db_id": 1, "email": email, "data": {}} | parameters
    ).encode()


def person(number: int, **parameters: Any) -> Sent:
    return Sent(body(f"p{number}@example.org", **parameters), message_id=f"m{number}")


def answers(taken: list[Taken]) -> list[Any]:
    return [json.loads(one.body) for one in taken]


def names(taken: list[Taken]) -> list[str | None]:
    return [one.correlation_id for one in taken]


def answers_of(broker: RunningBroker, count: int) -> dict[str, Any]:
    """Takes results until so many messages have theirs; one that comes again must be the same."""
    found: dict[str, Any] = {}
    while len(found) < count:
        for taken in broker.take(RESULT, count - len(found)):
            answer = json.loads(taken.body)
            assert found.setdefault(str(taken.correlation_id), answer) == answer
    return found


def version_of(server: RunningServer, email: str) -> int:
    with Client(server.address) as client:
        return client.contacts(1, 1).get(email=email).version


def test_malformed_messages_are_parked_and_others_flow(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server)
    broken = Sent(b'{"account_id": 1, ', "broken", {"x-trace": "t-1"})
    broker.publish(IMPORT, [person(1), broken, person(2), body("a@example.org", db_id="1")])
    results = broker.take(RESULT, 4)
    assert [answer["error"] for answer in answers(results)] == [0, 400, 0, 400]
    parked, second = broker.take(DEAD, 2)
    assert (parked.body, parked.message_id, parked.is_persistent) == (broken.body, "broken", True)
    assert parked.headers["x-trace"] == "t-1"
    assert parked.headers["x-zmey-error"] == 400
    assert parked.headers["x-zmey-reason"] == answers(results)[1]["error_text"]
    assert parked.headers["x-zmey-queue"] == IMPORT
    assert "db_id" in second.headers["x-zmey-reason"]
    assert bridge.terminate() == 0
    assert broker.depth(IMPORT) == 0


def test_parked_messages_say_which_queue_they_were_in(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    """An exchange may have brought them there, under a name of its own."""

    async def publish_to_exchange() -> None:
        connection = await broker.connect()
        channel = await connection.channel()
        queue = await channel.get_queue(IMPORT)
        await queue.bind("amq.topic", "crm.#")
        exchange = await channel.get_exchange("amq.topic")
        await exchange.publish(aio_pika.Message(b"{", priority=7, expiration=600), "crm.changed")
        await connection.close()

    async def parked() -> aio_pika.abc.AbstractIncomingMessage:
        connection = await broker.connect()
        queue = await (await connection.channel()).get_queue(DEAD)
        found = await queue.get(no_ack=True)
        await connection.close()
        return found

    start_bridge(server)
    asyncio.run(publish_to_exchange())
    broker.take(RESULT, 1)
    found = asyncio.run(parked())
    assert found.headers["x-zmey-queue"] == IMPORT
    # With its expiration it would be gone before anybody looks.
    assert (found.priority, found.expiration) == (7, None)


@pytest.mark.parametrize("arguments", [{}, {"x-queue-type": "quorum"}])
def test_a_poison_message_is_parked_and_others_flow(
    broker: RunningBroker,
    server: RunningServer,
    start_bridge: StartBridge,
    arguments: dict[str, str],
) -> None:
    """Whoever starts the bridge again does so until it stays."""
    broker.declare(IMPORT, arguments)
    poison = Sent(body("poison@example.org", data={POISON: 1}, feedback_id="f"), "poison")
    broker.publish(IMPORT, [*(person(n) for n in range(60)), poison, person(60), person(61)])
    starts = 0
    while starts < 2 * DELIVERIES_MAX:
        starts += 1
        bridge = start_bridge(server, program=(DEADLY, "on-poison"), waits=False)
        while bridge.process.poll() is None and "set aside" not in bridge.job_log_text():
            time.sleep(0.05)
        if bridge.process.poll() is None:
            break
    assert starts == DELIVERIES_MAX
    answered = answers_of(broker, 63)
    given_up = answered.pop("poison")
    assert (given_up["error"], given_up["feedback_id"]) == (503, "f")
    assert answered.keys() == {f"m{n}" for n in range(62)}
    assert all(answer["error"] == 0 for answer in answered.values())
    parked = broker.take(DEAD, 1)[0]
    assert (parked.body, parked.message_id) == (poison.body, "poison")
    assert all(version_of(server, f"p{n}@example.org") == 1 for n in range(62))
    assert bridge.terminate() == 0
    assert broker.depth(IMPORT) == 0


def test_a_death_between_commit_and_results(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    """What was committed is not done again, and what was refused stays refused."""
    broker.declare(IMPORT)
    later = body("later@example.org", update_only=True, feedback_id="later")
    broker.publish(
        IMPORT, [person(1, data={"x": 1}), later, body("b@example.org", feedback_id="b")]
    )
    start_bridge(server, program=(DEADLY, "before-results"), waits=False).wait()
    with Client(server.address) as client:
        contacts = client.contacts(1, 1)
        first = contacts.get(email="p1@example.org")
        assert first.data == {"x": 1}
        contacts.add_or_update({"x": 2}, email="p1@example.org")
        contacts.add_or_update(email="later@example.org")
        start_bridge(server)
        results = answers(broker.take(RESULT, 3))
        assert [result["error"] for result in results] == [0, 404, 0]
        assert int(results[0]["profile_id"][8:], 16) == first.contact_id
        assert contacts.get(email="p1@example.org").data == {"x": 2}
        assert contacts.get(email="later@example.org").version == 1
    assert broker.depth(RESULT) == 0


def test_a_broker_that_dies_and_comes_back(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server)
    broker.publish(IMPORT, [person(n) for n in range(50)])
    broker.take(RESULT, 1)
    broker.kill()
    bridge.wait_for("broker is away; trying again")
    broker.start()
    broker.publish(IMPORT, [person(n) for n in range(50, 100)])
    bridge.wait_for("consuming", 2)
    assert all(answer["error"] == 0 for answer in answers_of(broker, 99).values())
    assert all(version_of(server, f"p{n}@example.org") == 1 for n in range(0, 100, 9))
    assert "zmey_bridge_reconnects_total 1.0" in bridge.metrics()
    assert bridge.terminate() == 0


def test_a_server_that_dies_and_comes_back(
    broker: RunningBroker, server: RunningServer, start_server: StartServer,
    start_bridge: StartBridge,
) -> None:  # fmt: skip
    bridge = start_bridge(server)
    broker.publish(IMPORT, [person(1)])
    broker.take(RESULT, 1)
    server.kill()
    broker.publish(IMPORT, [person(n) for n in range(20)])
    bridge.wait_for(WAITS)
    again = start_server("--listen-address", server.address)
    results = broker.take(RESULT, 20)
    assert names(results) == [f"m{n}" for n in range(20)]
    assert {answer["error"] for answer in answers(results)} == {0}
    assert version_of(again, "p1@example.org") == 1
    assert bridge.terminate() == 0


def test_a_server_that_stays_away(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server, "--bridge-retry-seconds", "1")
    server.kill()
    started = time.monotonic()
    broker.publish(IMPORT, [person(1, feedback_id="away")])
    (result,) = answers(broker.take(RESULT, 1))
    assert time.monotonic() - started > 0.9
    assert (result["error"], result["feedback_id"]) == (503, "away")
    assert "later" in result["error_text"]
    (said,) = [line for line in bridge.log() if line["event"] == WAITS]
    assert (said["reason"], said["messages"], said["level"]) == ("UNAVAILABLE", 1, "warning")
    assert bridge.job_log()[0]["error"] == 503
    assert bridge.terminate() == 0
    assert broker.depth(DEAD) == 0


def test_a_stop_while_the_server_is_away(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server)
    server.kill()
    broker.publish(IMPORT, [person(1)])
    bridge.wait_for(WAITS)
    assert bridge.terminate() == 0
    assert (broker.depth(IMPORT), broker.depth(RESULT)) == (1, 0)


def test_a_stop_under_load_loses_and_doubles_nothing(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    broker.declare(IMPORT)
    broker.publish(IMPORT, [person(n) for n in range(3_000)])
    bridge = start_bridge(server, "--bridge-batch-max", "100")
    broker.take(RESULT, 1)
    assert bridge.terminate() == 0
    left, answered = broker.depth(IMPORT), broker.depth(RESULT) + 1
    assert left > 0
    assert left + answered == 3_000
    start_bridge(server)
    rest = names(broker.take(RESULT, 2_999))
    assert sorted(rest, key=str) == sorted((f"m{n}" for n in range(1, 3_000)), key=str)


REFUSALS: tuple[tuple[str, dict[str, Any], dict[str, bool], str], ...] = (
    (RESULT, {"x-message-ttl": 5_000}, {}, "--bridge-result-ttl-seconds 5"),
    (RESULT, {}, {}, "x-message-ttl"),
    (DEAD, {"x-max-length": 5}, {}, "x-max-length"),
    (IMPORT, {}, {"durable": False}, "durable"),
)


@pytest.mark.parametrize(("queue", "arguments", "how", "named"), REFUSALS)
@pytest.mark.parametrize("embedded", [False, True])
def test_queues_with_other_arguments(
    broker: RunningBroker, server: RunningServer, tmp_path: Path, queue: str,
    arguments: dict[str, Any], how: dict[str, bool], named: str, embedded: bool,
) -> None:  # fmt: skip
    broker.declare(queue, arguments, **how)
    ended = run_bridge_to_its_end(broker, server, tmp_path, embedded=embedded)
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("zmey:")]
    assert queue in line
    assert named in line


@pytest.mark.parametrize(
    "arguments",
    [{"x-queue-type": "quorum"}, {"x-max-length": 1_000}, {"x-dead-letter-exchange": "dlx"}],
)
def test_queues_to_consume_are_taken_as_they_are(
    broker: RunningBroker,
    server: RunningServer,
    start_bridge: StartBridge,
    arguments: dict[str, Any],
) -> None:
    broker.declare(IMPORT, arguments)
    start_bridge(server)
    broker.publish(IMPORT, [person(1)])
    assert answers(broker.take(RESULT, 1))[0]["error"] == 0


def test_queues_are_made_durable_and_results_live_for_a_day(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    start_bridge(server)
    # Declaring a queue with other arguments than it has is an error.
    broker.declare(IMPORT)
    broker.declare(DEAD)
    broker.declare(RESULT, {"x-message-ttl": DAY_MS})


@pytest.mark.parametrize("source", ["flag", "environment", "main.json"])
def test_results_live_as_long_as_configured(
    broker: RunningBroker,
    server: RunningServer,
    start_bridge: StartBridge,
    tmp_path: Path,
    source: str,
) -> None:
    main = tmp_path / "main.json"
    main.write_text('{"RABBITMQ_X_MESSAGE_TTL": "1", "BASEDIR": "/opt", "RABBITMQ_VHOST": "/"}')
    flags = {"flag": ["--bridge-result-ttl-seconds", "1"], "main.json": ["--config", str(main)]}
    environment = {"RABBITMQ_X_MESSAGE_TTL": "1"} if source == "environment" else {}
    start_bridge(server, *flags.get(source, []), environment=environment)
    broker.declare(RESULT, {"x-message-ttl": 1_000})
    broker.publish(IMPORT, [person(1)])
    broker.take(RESULT, 1)
    broker.publish(IMPORT, [person(2)])
    until = time.monotonic() + 10
    for is_there in (True, False):
        while (broker.depth(RESULT) > 0) != is_there:
            assert time.monotonic() < until
            time.sleep(0.05)


def test_a_virtual_host_of_its_own(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    with broker.in_vhost("crm"):
        bridge = start_bridge(server, environment={"RABBITMQ_VHOST": "crm"})
        broker.publish(IMPORT, [person(1)])
        assert answers(broker.take(RESULT, 1))[0]["error"] == 0
        assert bridge.terminate() == 0


def test_a_wrong_password(broker: RunningBroker, server: RunningServer, tmp_path: Path) -> None:
    flags = ("--bridge-user", "nobody", "--bridge-password", "secret-word")
    ended = run_bridge_to_its_end(broker, server, tmp_path, *flags)
    assert ended.returncode == 1
    assert "bridge_password" in ended.stderr
    assert "secret-word" not in ended.stderr


def test_an_unknown_virtual_host(
    broker: RunningBroker, server: RunningServer, tmp_path: Path
) -> None:
    ended = run_bridge_to_its_end(broker, server, tmp_path, "--bridge-vhost", "none")
    assert ended.returncode == 1
    assert "bridge_vhost" in ended.stderr


@pytest.mark.parametrize("option", ["--bridge-log-path", "--bridge-deliveries-path"])
def test_files_that_cannot_be_written(
    broker: RunningBroker, server: RunningServer, tmp_path: Path, option: str
) -> None:
    ended = run_bridge_to_its_end(broker, server, tmp_path, option, str(tmp_path / "none" / "f"))
    assert ended.returncode == 1
    assert f"Set {option}" in ended.stderr


def test_within_a_server(broker: RunningBroker, start_server: StartServer, tmp_path: Path) -> None:
    job_log = tmp_path / "job.log"
    files = ["--bridge-log-path", str(job_log)]
    files += ["--bridge-deliveries-path", str(tmp_path / "deliveries.json")]
    server = start_server("--bridge", "--bridge-port", str(broker.port), *files)
    # The server may be there before the bridge is.
    broker.declare(IMPORT)
    broker.publish(IMPORT, [person(1, data={"x": 1}), person(2, db_id=7), Sent(b"{")])
    assert [one["error"] for one in answers(broker.take(RESULT, 3))] == [0, 403, 400]
    assert len(job_log.read_text().splitlines()) == 2
    with Client(server.address) as client:
        assert client.contacts(1, 1).get(email="p1@example.org").data == {"x": 1}
    shown = metrics_of(server)
    assert 'zmey_bridge_messages_total{error="0"} 1.0' in shown
    assert "zmey_commits_total" in shown
    broker.publish(IMPORT, [person(n) for n in range(1_000)])
    assert server.terminate() == 0
    assert broker.depth(RESULT) + broker.depth(IMPORT) == 1_000


def metrics_of(server: RunningServer) -> str:
    with urlopen(f"http://{server.metrics_address}/metrics", timeout=5) as answer:
        return str(answer.read(), "utf-8")


def test_metrics(broker: RunningBroker, server: RunningServer, start_bridge: StartBridge) -> None:
    bridge = start_bridge(server)
    old = Sent(body("old@example.org"), timestamp=time.time() - 100)
    broker.publish(IMPORT, [person(1), person(2), Sent(b"{"), old])
    broker.take(RESULT, 4)
    until = time.monotonic() + 5
    while 'error="0"} 3.0' not in bridge.metrics() and time.monotonic() < until:
        time.sleep(0.05)
    lines = dict(line.rsplit(" ", 1) for line in bridge.metrics().splitlines() if line[0] != "#")
    assert lines['zmey_bridge_messages_total{error="0"}'] == "3.0"
    assert lines['zmey_bridge_messages_total{error="400"}'] == "1.0"
    assert lines["zmey_bridge_parked_total"] == "1.0"
    assert lines["zmey_bridge_connected"] == "1.0"
    assert lines["zmey_bridge_reconnects_total"] == "0.0"
    assert lines["zmey_bridge_in_flight"] == "0.0"
    assert lines["zmey_bridge_lag_seconds"] == "0.0"
    assert float(lines["zmey_bridge_batch_messages_sum"]) == 4
    assert "zmey_bridge_queue_depth" in lines


def test_logs_have_no_personal_data(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge
) -> None:
    bridge = start_bridge(server)
    broker.publish(IMPORT, [body("secret@@example.org"), b'{"email": "secret@example.org"'])
    broker.take(RESULT, 2)
    assert bridge.terminate() == 0
    for path in (bridge.log_path, bridge.job_log_path):
        assert "secret" not in path.read_text()


def test_other_files_do_not_count_as_deliveries(
    broker: RunningBroker, server: RunningServer, start_bridge: StartBridge, tmp_path: Path
) -> None:
    (tmp_path / "zmey-bridge-deliveries.json").write_text("[1")
    bridge: RunningBridge = start_bridge(server)
    broker.publish(IMPORT, [person(1)])
    assert answers(broker.take(RESULT, 1))[0]["error"] == 0
    assert bridge.terminate() == 0
