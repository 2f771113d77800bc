"""A server from its start to its end: one owner, health, reflection, drain."""

import queue
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from conftest import StartServer
from messages import import_chunk, import_options, resolve_request, set_request
from running_server import RunningServer, raw_method, run_zmey
from zmey.client import Client, fault_of
from zmey.v1.import_service_pb2 import StreamImportRequest

SERVICES = ["zmey.v1.ImportService", "zmey.v1.MatchService", "zmey.v1.MemberService"]
# It gives up rather than wait for the other to end; a loaded machine needs seconds to say so.
START_FAILURE_SECONDS_MAX = 15.0


def test_the_start_line_names_what_an_operator_needs(server: RunningServer) -> None:
    (line,) = [line for line in server.log() if line["event"] == "serving"]
    assert line["store"] == str(server.store)
    assert line["spaces"] == ["1/1"]
    assert line["version"]
    assert line["address"].startswith("127.0.0.1:")


@pytest.mark.parametrize("taken", ["store", "address", "metrics", "imports"])
def test_a_second_server_gives_up_with_one_line(
    server: RunningServer, tmp_path: Path, taken: str
) -> None:
    store = server.store if taken == "store" else tmp_path / "other"
    address = server.address if taken == "address" else "127.0.0.1:0"
    metrics = server.metrics_address if taken == "metrics" else "127.0.0.1:0"
    imports = server.store / "imports" if taken == "imports" else tmp_path / "imports"
    started = time.monotonic()
    second = run_zmey(
        *("serve", "--store-path", str(store), "--import-folder", str(imports)),
        *("--listen-address", address, "--metrics-address", metrics),
    )
    assert time.monotonic() - started < START_FAILURE_SECONDS_MAX
    assert second.returncode == 1
    (line,) = second.stderr.strip().splitlines()
    assert line.startswith("zmey: ")
    named = {"store": store, "address": address, "metrics": metrics, "imports": imports}
    assert str(named[taken]) in line
    with Client(server.address) as client:
        client.matches.Resolve(resolve_request("a@example.com"), timeout=5)


def test_health_knows_the_server_and_each_service(server: RunningServer) -> None:
    with server.channel() as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for service in ("", *SERVICES):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=service), timeout=5)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as refused:
            stub.Check(health_pb2.HealthCheckRequest(service="none"), timeout=5)
    assert fault_of(refused.value).code is grpc.StatusCode.NOT_FOUND


def test_watchers_hear_of_the_drain_and_do_not_hold_it_up(server: RunningServer) -> None:
    with server.channel() as channel:
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        started = time.monotonic()
        server.send(signal.SIGTERM)
        assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert server.wait() == 0
        assert time.monotonic() - started < 10


def test_reflection_shows_every_service(server: RunningServer) -> None:
    with server.channel() as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = list(database.get_services())
        assert {*SERVICES, "grpc.health.v1.Health"} <= set(services)
        file = database.FindFileContainingSymbol("zmey.v1.MatchService")
        assert file.name == "zmey/v1/match_service.proto"


def test_reflection_can_be_switched_off(start_server: StartServer) -> None:
    with start_server("--no-reflection").channel() as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        with pytest.raises(grpc.RpcError) as refused:
            list(database.get_services())
    assert fault_of(refused.value).code is grpc.StatusCode.UNIMPLEMENTED


def test_unknown_methods_are_unimplemented(server: RunningServer) -> None:
    with server.channel() as channel:
        guess = raw_method(channel, "/zmey.v1.MatchService/Guess")
        with pytest.raises(grpc.RpcError) as refused:
            guess(b"", timeout=5)
    assert fault_of(refused.value).code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_at_once_with_0(
    start_server: StartServer, number: signal.Signals
) -> None:
    server = start_server()
    started = time.monotonic()
    server.send(number)
    assert server.wait() == 0
    assert time.monotonic() - started < 5
    assert [line["event"] for line in server.log()] == ["serving", "draining", "stopped"]


def write_until_refused(
    address: str, name: str, acknowledged: list[str], refusals: list[grpc.StatusCode]
) -> None:
    with Client(address) as client:
        number = 0
        while True:
            email = f"{name}-{number}@example.com"
            try:
                client.members.SetMember(set_request(email), timeout=20)
            except grpc.RpcError as error:
                refusals.append(fault_of(error).code)
                return
            acknowledged.append(email)
            number += 1


def test_a_drain_under_load_loses_no_acknowledged_write(
    start_server: StartServer, tmp_path: Path
) -> None:
    store = tmp_path / "loaded"
    server = start_server(store=store)
    acknowledged: list[str] = []
    refusals: list[grpc.StatusCode] = []
    arguments = (acknowledged, refusals)
    threads = [
        threading.Thread(target=write_until_refused, args=(server.address, str(one), *arguments))
        for one in range(4)
    ]
    for thread in threads:
        thread.start()
    while len(acknowledged) < 20:
        time.sleep(0.01)
    assert server.terminate() == 0
    for thread in threads:
        thread.join()
    # gRPC itself cancels a call that arrives in the instant of the drain; it never reaches us.
    assert len(refusals) == len(threads)
    assert set(refusals) <= {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    assert "calls cut off" not in {line["event"] for line in server.log()}
    check_all_there(start_server(store=store), acknowledged)


def test_an_import_ends_cleanly_in_a_drain(start_server: StartServer, tmp_path: Path) -> None:
    store = tmp_path / "importing"
    server = start_server(store=store)
    acknowledged: list[str] = []
    requests: queue.Queue[StreamImportRequest] = queue.Queue()
    requests.put(import_options("drained"))

    def feed() -> Iterator[StreamImportRequest]:
        while True:
            yield requests.get()

    with Client(server.address) as client:
        stream: Any = client.imports.StreamImport(feed())
        assert next(stream).opened.next_chunk == 1
        for number in range(1, 6):
            emails = [f"{number}-{row}@example.com" for row in range(10)]
            requests.put(import_chunk(number, emails))
            assert next(stream).receipt.chunk == number
            acknowledged += emails
        started = time.monotonic()
        server.send(signal.SIGTERM)
        with pytest.raises(grpc.RpcError) as ended:
            next(stream)
    requests.put(import_options())  # Lets gRPC's thread leave `feed`.
    fault = fault_of(ended.value)
    assert fault.code is grpc.StatusCode.UNAVAILABLE
    assert fault.reason == "ERROR_REASON_SHUTTING_DOWN"
    assert server.wait() == 0
    assert time.monotonic() - started < 10
    check_all_there(start_server(store=store), acknowledged)


def check_all_there(server: RunningServer, emails: list[str]) -> None:
    with Client(server.address) as client:
        for email in emails:
            answer = client.matches.Resolve(resolve_request(email), timeout=5)
            assert answer.resolution.contact_id, "an acknowledged write is lost"
