"""Handlers pass bytes to the core and back, and tell clients nothing about faults of the server."""

import io
import threading
from collections.abc import Iterator
from contextlib import redirect_stderr
from typing import Any

import grpc
import pytest

from handlers import PROCESS_METHODS, UNARY_METHODS, InProcessServer, full_name
from messages import import_chunk, import_options, resolve_request, set_request
from zmey._native import Core, CoreError
from zmey.config import load_settings
from zmey.logs import configure_logs
from zmey.server.calls import DEADLINE_SECONDS_MAX, deadline_seconds
from zmey.server.failures import failure_of
from zmey.v1.import_service_pb2 import StreamImportResponse
from zmey.v1.match_service_pb2 import ResolveResponse
from zmey.v1.space_pb2 import Space

SECRET = "secret path /srv/zmey user=alice@example.org"
METHODS = {full_name(method): method for method in UNARY_METHODS}
RESOLVE = METHODS["/zmey.v1.MatchService/Resolve"]
SET_MEMBER = METHODS["/zmey.v1.MemberService/SetMember"]


@pytest.fixture
def core() -> Iterator[Core]:
    """A real core in memory."""
    opened = Core(load_settings(None, {"store_path": ":memory:"}).to_core())
    yield opened
    opened.close()


class FailingCore:
    """A core in which everything goes wrong in an unforeseen way."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def methods(self) -> list[str]:
        return list(METHODS)

    def call(self, *_: object) -> bytes:
        raise self.error

    def open_import(self, *_: object) -> Any:
        raise self.error

    def metrics(self) -> dict[str, float]:
        return {}


def test_the_core_has_every_unary_method_of_the_contract(core: Core) -> None:
    assert sorted(core.methods()) == sorted(METHODS)


def test_bytes_go_in_and_out(core: Core) -> None:
    server = InProcessServer(core)
    _, code, _, _ = server.call(SET_MEMBER, set_request("a@example.com").SerializeToString())
    assert code is grpc.StatusCode.OK
    request = resolve_request("A@Example.com").SerializeToString()
    answer, code, _, _ = server.call(RESOLVE, request)
    assert code is grpc.StatusCode.OK
    assert ResolveResponse.FromString(answer).resolution.contact_id > 0


@pytest.mark.parametrize(
    ("request_bytes", "code", "reason"),
    [
        (
            resolve_request("a@example.com", Space(account_id=9, db_id=9)).SerializeToString(),
            grpc.StatusCode.NOT_FOUND,
            "ERROR_REASON_SPACE_UNKNOWN",
        ),
        (b"\xff\xff", grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_REQUEST_MALFORMED"),
    ],
)
def test_refusals_of_the_core_go_out_as_they_are(
    core: Core, request_bytes: bytes, code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(CoreError) as refused:
        core.call(full_name(RESOLVE), request_bytes)
    _, answered, message, info = InProcessServer(core).call(RESOLVE, request_bytes)
    assert (answered, info.reason, info.domain) == (code, reason, "zmey")
    assert message == refused.value.message


@pytest.mark.parametrize("method", [*UNARY_METHODS, *PROCESS_METHODS], ids=full_name)
def test_a_failing_core_tells_only_a_reason_and_a_request_id(method: Any) -> None:
    written = io.StringIO()
    with redirect_stderr(written):
        configure_logs(load_settings(None, {"log_format": "json"}))
        server = InProcessServer(FailingCore(RuntimeError(SECRET)))
        _, code, message, info = server.call(method, b"")
    check_leaks_nothing(code, message, info)
    assert info.metadata["request_id"] in written.getvalue()
    assert SECRET in written.getvalue(), "the log tells what happened"


def test_a_failing_import_tells_only_a_reason_and_a_request_id() -> None:
    with redirect_stderr(io.StringIO()):
        configure_logs(load_settings(None, {"log_format": "json"}))
        server = InProcessServer(FailingCore(RuntimeError(SECRET)))
        rpc = server.open_import()
        rpc.send_request(import_options().SerializeToString())
        _, code, message = rpc.termination()
    check_leaks_nothing(code, message, server.error_info())


def test_an_internal_fault_of_the_core_leaks_nothing_either() -> None:
    class InternalError(CoreError):
        code = grpc.StatusCode.INTERNAL.value[0]
        message = SECRET
        status = SECRET.encode()

    failed = failure_of(InternalError())
    assert failed.message == "internal error"
    assert SECRET.encode() not in failed.status


def check_leaks_nothing(code: grpc.StatusCode, message: str, info: Any) -> None:
    assert (code, message) == (grpc.StatusCode.INTERNAL, "internal error")
    assert (info.reason, info.domain) == ("ERROR_REASON_INTERNAL", "zmey")
    assert list(info.metadata) == ["request_id"]
    assert len(info.metadata["request_id"]) == 32


@pytest.mark.parametrize(
    ("remaining", "expected"),
    [(None, None), (9.2e18, None), (DEADLINE_SECONDS_MAX * 2, None), (1.5, 1.5), (0.0, 0.0)],
)
def test_deadlines_reach_the_core(remaining: float | None, expected: float | None) -> None:
    class Context:
        def time_remaining(self) -> float | None:
            return remaining

    assert deadline_seconds(Context()) == expected  # type: ignore[arg-type]


def test_an_expired_write_writes_nothing(core: Core) -> None:
    with pytest.raises(CoreError) as refused:
        core.call(full_name(SET_MEMBER), set_request("late@example.com").SerializeToString(), 0.0)
    assert refused.value.code == grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
    answer = core.call(full_name(RESOLVE), resolve_request("late@example.com").SerializeToString())
    assert ResolveResponse.FromString(answer).resolution.contact_id == 0


def test_an_import_answers_options_then_every_chunk(core: Core) -> None:
    server = InProcessServer(core)
    rpc = server.open_import()
    rpc.send_request(import_options("i").SerializeToString())
    assert StreamImportResponse.FromString(rpc.take_response()).opened.next_chunk == 1
    for number in (1, 2):
        rpc.send_request(import_chunk(number, [f"{number}@example.com"]).SerializeToString())
    rpc.requests_closed()
    receipts = [StreamImportResponse.FromString(rpc.take_response()).receipt for _ in range(2)]
    assert [receipt.chunk for receipt in receipts] == [1, 2]
    assert all(receipt.contact_ids[0] for receipt in receipts)
    _, code, _ = rpc.termination()
    assert code is grpc.StatusCode.OK


@pytest.mark.parametrize(
    ("numbers", "receipts", "reason"),
    [
        ([1, 3], 1, "ERROR_REASON_IMPORT_CHUNK_GAP"),
        ([2], 0, "ERROR_REASON_IMPORT_CHUNK_GAP"),
    ],
)
def test_a_refused_chunk_ends_the_stream_after_earlier_receipts(
    core: Core, numbers: list[int], receipts: int, reason: str
) -> None:
    server = InProcessServer(core)
    rpc = server.open_import()
    rpc.send_request(import_options().SerializeToString())
    rpc.take_response()
    for number in numbers:
        rpc.send_request(import_chunk(number, ["a@example.com"]).SerializeToString())
    for _ in range(receipts):
        rpc.take_response()
    _, code, _ = rpc.termination()
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert server.error_info().reason == reason


def test_an_import_without_options_is_refused(core: Core) -> None:
    server = InProcessServer(core)
    rpc = server.open_import()
    rpc.send_request(import_chunk(1, ["a@example.com"]).SerializeToString())
    _, code, _ = rpc.termination()
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert server.error_info().reason == "ERROR_REASON_IMPORT_NOT_OPENED"


def test_no_thread_stays_behind_an_import(core: Core) -> None:
    server = InProcessServer(core)
    rpc = server.open_import()
    rpc.send_request(import_options().SerializeToString())
    rpc.take_response()
    rpc.requests_closed()
    rpc.termination()
    feeding = [one for one in threading.enumerate() if one.name == "import-feed"]
    for thread in feeding:
        thread.join(5)
    assert not any(thread.is_alive() for thread in feeding)
