"""Limits of the transport: each is refused at once, by its own code, at the documented bound."""

import queue
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeAlias
from urllib.request import urlopen

import grpc
import pytest

from conftest import StartServer
from messages import import_chunk, import_options, resolve_request, set_request
from running_server import RunningServer, raw_method
from zmey.client import Client, fault_of
from zmey.server import ECHO_METHOD
from zmey.v1.import_job_pb2 import DownloadReportRequest
from zmey.v1.import_service_pb2 import StreamImportRequest
from zmey.v1.member_service_pb2 import SetMemberBatchRequest

Requests: TypeAlias = queue.Queue[StreamImportRequest | None]

MESSAGE_BYTES_MAX = 65_536
METADATA_BYTES_MAX = 4_096
REFUSAL_SECONDS_MAX = 0.05


@pytest.mark.parametrize(
    ("size", "code"),
    [
        (MESSAGE_BYTES_MAX - 1, None),
        (MESSAGE_BYTES_MAX, None),
        (MESSAGE_BYTES_MAX + 1, grpc.StatusCode.RESOURCE_EXHAUSTED),
    ],
)
def test_messages_are_bounded(
    start_server: StartServer, size: int, code: grpc.StatusCode | None
) -> None:
    server = start_server("--benchmark-echo", "--message-bytes-max", str(MESSAGE_BYTES_MAX))
    with server.channel() as channel:
        echo = raw_method(channel, ECHO_METHOD)
        if code is None:
            assert echo(b"x" * size, timeout=5) == b"x" * size
        else:
            assert refusal(lambda: echo(b"x" * size, timeout=5)) is code


@pytest.mark.parametrize(
    ("size", "code"),
    [(METADATA_BYTES_MAX // 2, None), (METADATA_BYTES_MAX + 1, "RESOURCE_EXHAUSTED")],
)
def test_metadata_is_bounded(start_server: StartServer, size: int, code: str | None) -> None:
    server = start_server("--benchmark-echo", "--metadata-bytes-max", str(METADATA_BYTES_MAX))
    with server.channel() as channel:
        echo = raw_method(channel, ECHO_METHOD)
        metadata = (("x-filler", "x" * size),)
        if code is None:
            assert echo(b"x", timeout=5, metadata=metadata) == b"x"
        else:
            found = refusal(lambda: echo(b"x", timeout=5, metadata=metadata))
            assert found is grpc.StatusCode[code]


def test_echo_is_hidden_unless_asked_for(server: RunningServer) -> None:
    with server.channel() as channel:
        echo = raw_method(channel, ECHO_METHOD)
        assert refusal(lambda: echo(b"x", timeout=5)) is grpc.StatusCode.UNIMPLEMENTED


def test_calls_over_the_limit_are_refused_at_once(start_server: StartServer) -> None:
    server = start_server("--concurrent-calls-max", "1")
    with Client(server.address) as client:
        with open_import(client):
            seconds = []
            for _ in range(20):
                started = time.monotonic()
                code = refusal(
                    lambda: client.matches.Resolve(resolve_request("a@example.com"), timeout=5)
                )
                seconds.append(time.monotonic() - started)
                assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert statistics.median(seconds) < REFUSAL_SECONDS_MAX
        check_recovers(client)


@pytest.mark.parametrize("other", ["StreamImport", "UploadSource", "DownloadReport"])
def test_imports_over_the_limit_are_refused_with_a_reason(
    start_server: StartServer, other: str
) -> None:
    server = start_server("--concurrent-imports-max", "1")
    with Client(server.address) as client:
        calls: dict[str, Callable[[], object]] = {
            "StreamImport": lambda: list(
                client.imports.StreamImport(iter([import_options()]), timeout=5)
            ),
            "UploadSource": lambda: client.imports.UploadSource(iter(()), timeout=5),
            "DownloadReport": lambda: list(
                client.imports.DownloadReport(DownloadReportRequest(), timeout=5)
            ),
        }
        with open_import(client):
            with pytest.raises(grpc.RpcError) as refused:
                calls[other]()
            fault = fault_of(refused.value)
            assert fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (fault.reason, fault.details) == (
                "ERROR_REASON_OVERLOADED",
                {"queue": "imports"},
            )
            client.matches.Resolve(resolve_request("a@example.com"), timeout=5)
        check_imports_again(client)


def test_a_client_that_leaves_gives_its_import_up(start_server: StartServer) -> None:
    server = start_server("--concurrent-imports-max", "1")
    with Client(server.address) as client:
        with open_import(client) as (stream, requests):
            requests.put(import_chunk(1, ["a@example.com"]))
            assert next(stream).receipt.chunk == 1
            stream.cancel()
        check_imports_again(client)
    assert not [line for line in server.log() if line["level"] == "error"]


def test_a_tiny_deadline_writes_nothing(server: RunningServer, client: Client) -> None:
    # gRPC rounds deadlines up to a millisecond, from when the server reads the call: preparing so
    # many changes takes longer than that, so that the deadline has passed when the write comes up.
    one = set_request("late@example.com")
    late = SetMemberBatchRequest(space=one.space, changes=[one.change] * 10_000)
    code = refusal(lambda: client.members.SetMemberBatch(late, timeout=1e-6))
    assert code is grpc.StatusCode.DEADLINE_EXCEEDED
    answer = client.matches.Resolve(resolve_request("late@example.com"), timeout=5)
    assert answer.resolution.contact_id == 0
    assert server.process.poll() is None


def test_failed_calls_are_logged_without_personal_data(
    server: RunningServer, client: Client
) -> None:
    request = resolve_request("alice@example.com")
    request.space.db_id = 9
    assert refusal(lambda: client.matches.Resolve(request, timeout=5)) is grpc.StatusCode.NOT_FOUND
    client.matches.Resolve(resolve_request("bob@example.com"), timeout=5)
    (line,) = [line for line in server.log() if line["event"] == "call failed"]
    assert line["level"] == "warning"
    assert line["method"] == "/zmey.v1.MatchService/Resolve"
    assert (line["code"], line["reason"]) == ("NOT_FOUND", "ERROR_REASON_SPACE_UNKNOWN")
    assert line["request_id"]
    assert line["duration_ms"] >= 0
    text = server.log_path.read_text(encoding="utf-8")
    assert "alice" not in text
    assert "bob" not in text


def test_metrics_count_calls_by_method_and_code(server: RunningServer, client: Client) -> None:
    client.members.SetMember(set_request("a@example.com"), timeout=5)
    client.matches.Resolve(resolve_request("a@example.com"), timeout=5)
    bad = resolve_request("a@example.com")
    bad.space.db_id = 9
    refusal(lambda: client.matches.Resolve(bad, timeout=5))
    with urlopen(f"http://{server.metrics_address}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    resolve = 'method="/zmey.v1.MatchService/Resolve"'
    for expected in (
        f'zmey_calls_total{{code="OK",{resolve}}} 1.0',
        f'zmey_calls_total{{code="NOT_FOUND",{resolve}}} 1.0',
        f"zmey_call_seconds_count{{{resolve}}} 2.0",
        "zmey_imports_open 0.0",
        "zmey_commits_total 1.0",
    ):
        assert expected in text.splitlines(), expected
    assert "example.com" not in text


def test_metrics_can_be_switched_off(start_server: StartServer) -> None:
    assert start_server("--metrics-address", "off").metrics_address == "off"


@contextmanager
def open_import(client: Client) -> Iterator[tuple[Any, Requests]]:
    """Holds an import stream open."""
    requests: Requests = queue.Queue()
    requests.put(import_options())
    stream: Any = client.imports.StreamImport(iter(requests.get, None))
    assert next(stream).opened.next_chunk == 1
    try:
        yield stream, requests
    finally:
        requests.put(None)
        if stream.is_active():
            list(stream)


def refusal(call: object) -> grpc.StatusCode:
    """Makes a call that must fail and returns its code."""
    assert callable(call)
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return fault_of(refused.value).code


def check_recovers(client: Client) -> None:
    """Waits until the server takes calls again."""
    until = time.monotonic() + 5
    while True:
        try:
            client.matches.Resolve(resolve_request("a@example.com"), timeout=5)
        except grpc.RpcError:
            assert time.monotonic() < until
            time.sleep(0.01)
        else:
            return


def check_imports_again(client: Client) -> None:
    """Waits until the server takes an import again."""
    until = time.monotonic() + 5
    while True:
        try:
            list(client.imports.StreamImport(iter([import_options()]), timeout=5))
        except grpc.RpcError:
            assert time.monotonic() < until
            time.sleep(0.01)
        else:
            return
