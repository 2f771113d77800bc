"""Promise 3: the history is serializable, and a repeated request_id has one effect.

Clients in threads of their own ask about and change a few hot identifiers over gRPC; what they
were answered is checked against a replay on the memory engine. In the long form the server is
killed in the middle, and what was cut off is sent again.
"""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import grpc
import pytest

from conftest import StartServer
from reference.datakeys import Change
from running_server import RunningServer, raw_method
from support.core import SPACE, attempt, open_core, space_config
from support.requests import (
    address,
    change,
    data_rule,
    datakey_change,
    head_key,
    keys,
    member_key,
    ruled,
)
from support.torture_history import METHODS, Operation, Refusal, Replay, carrier_of
from zmey._native import fsck
from zmey.client import fault_of
from zmey.v1 import head_service_pb2 as head_service
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service
from zmey.v1.member_service_pb2 import GetMemberResponse

CLIENTS = 8
OPERATIONS_PER_CLIENT = 25
SEEDS_SHORT = 4
SEEDS_LONG = 200
SEEDS_PER_STORE = 20
CALL_SECONDS_MAX = 20.0
DEATH_SECONDS_MAX = 0.3

HOT = (
    *(f"email=hot{number}@example.com" for number in range(5)),
    *("csid=hot-1", "csid=hot-2", "tg=-1001", "tg=1002", "push=hot-token"),
)
CHANGES = (
    Change("n", "set", "1"), Change("n", "set", "2"), Change("n", "insert", "3"),
    Change("log", "push", "1"), Change("log", "unshift", "[2,3]"), Change("log[-1]", "delete"),
    Change("o", "merge", '{"a":1,"b":[]}'), Change("o", "merge_update", '{"b":2,"c":3}'),
    Change("o.d.e", "set", '"x"'), Change("o", "delete"), Change("n.x", "set", "1"),
)  # fmt: skip
CONDITIONS = (
    *(member.IF_EXISTS_UNSPECIFIED,) * 5,
    *(member.IF_EXISTS_ERROR, member.IF_EXISTS_MUST, member.IF_EXISTS_IGNORE),
)


class Requests:
    """Random requests of one seed; clients draw from it and repeat one another."""

    def __init__(self, seed: int, *, every_write_named: bool) -> None:
        self.seed = seed
        self.named: list[Any] = []
        self.merges: list[int] = [1]
        self.ended: list[int] = [1]
        self.versions: list[int] = [0, 1]
        self._every_write_named = every_write_named

    def draw(self, random: Random) -> Any:
        """Draws one request."""
        chance = random.random()
        if chance < 0.2:
            return match_service.ResolveRequest(
                space=SPACE, keys=self._keys(random), explain=random.random() < 0.5
            )
        if chance < 0.4:
            return member_service.GetMemberRequest(
                space=SPACE, keys=self._keys(random), datakeys=["*"], with_heads=True,
                missing_too=random.random() < 0.5,
            )  # fmt: skip
        if chance < 0.55 and self.named:
            return self._named_again(random)
        request = self._write(random)
        if self._every_write_named or random.random() < 0.4:
            carrier_of(request).request_id = f"{self.seed}-{random.getrandbits(64)}"
            self.named.append(request)
        return request

    def learn(self, outcome: Any) -> None:
        """Takes from an outcome what later requests aim at."""
        merge_id = getattr(outcome, "merge_id", 0)
        self.versions.append(getattr(outcome, "version", 0))
        self.merges += [*([merge_id] if merge_id else []), *getattr(outcome, "merge_ids", [])]
        results = getattr(outcome, "results", [])
        self.ended += [result.contact_id for result in results if result.member_ended]

    def _named_again(self, random: Random) -> Any:
        """Repeats a request, or seldom its request_id with another write."""
        earlier = random.choice(self.named)
        if random.random() < 0.8:
            return earlier
        other = self._write(random)
        carrier_of(other).request_id = carrier_of(earlier).request_id
        return other

    def _write(self, random: Random) -> Any:
        if random.random() < 0.6:
            return member_service.SetMemberRequest(space=SPACE, change=self._change(random))
        one, other = random.sample(HOT, 2)
        mode = random.choice(("NONE", "TRANSPLANT", "DECAPITATE", "REPLACE"))
        merge = member_service.MergeMembersRequest(
            space=SPACE, receiver=self._keys(random), source=self._keys(random),
            head_rule=f"MERGE_HEAD_RULE_{mode}",
            data_rule=data_rule(level=1, has_has=random.choice(("NONE", "SET", "MERGE"))),
            return_fresh=True,
        )  # fmt: skip
        unmerge = member_service.UnmergeMembersRequest(
            space=SPACE, merge_id=random.choice(self.merges[-4:])
        )
        restore = member_service.RestoreMemberRequest(
            space=SPACE, member=member_key(random.choice((one, f"contact={self.ended[-1]}")))
        )
        return random.choice((
            head_service.AttachHeadRequest(
                space=SPACE, keys=self._keys(random), head=address(one)
            ),
            head_service.DetachHeadRequest(
                space=SPACE, head=head_key(one), split=random.random() < 0.5
            ),
            head_service.ReplaceHeadRequest(
                space=SPACE, current=head_key(one), head=address(other)
            ),
            *(merge, *(unmerge,) * 2, *(restore,) * 2),
            member_service.DeleteMembersRequest(
                space=SPACE, members=[member_key(one), member_key(other)],
                wipe=random.random() < 0.5,
            ),
        ))  # fmt: skip

    def _change(self, random: Random) -> member.MemberChange:
        changes = random.sample(CHANGES, random.choice((0, 1, 1, 1, 2, 3)))
        built = change(
            self._keys(random),
            [datakey_change(one) for one in changes],
            if_exists=random.choice(CONDITIONS),
            return_fresh=random.random() < 0.3,
            heads=[
                self._head(random, head) for head in random.sample(HOT, random.choice((0, 0, 0, 1)))
            ],
        )
        if random.random() < 0.3:
            # Versions that somebody has seen of late are right now and then.
            built.expected_version = random.choice(self.versions[-10:])
        return built

    def _head(self, random: Random, head: str) -> Any:
        """A head without a rule, or with one that takes it from others."""
        modes = ("NONE", "TRANSPLANT", "REPLACE", "REPLACE_SAME_TYPE", "DECAPITATE")
        if random.random() < 0.5:
            return head
        return ruled(head, single=random.choice(modes), multi=random.choice(modes))

    def _keys(self, random: Random) -> Any:
        drawn = random.sample(HOT, random.choice((1, 1, 2, 3)))
        csids = [text.partition("=")[2] for text in drawn if text.startswith("csid=")]
        others = [text for text in drawn if not text.startswith("csid=")]
        return keys(*others, csid=csids[0] if csids else None)


class Server:
    """The server that clients find again after a death."""

    def __init__(self, start: Callable[[], RunningServer]) -> None:
        self._start = start
        self._lock = threading.Lock()
        self.running = start()
        self.channel = self.running.channel()

    def kill(self) -> None:
        """Kills the server and starts another; clients wait meanwhile."""
        with self._lock:
            self.running.kill()
            self.channel.close()
            self.running = self._start()
            self.channel = self.running.channel()

    def call(self, request: Any) -> Any:
        """Calls, and calls again where the server died."""
        method, answer = METHODS[type(request)]
        while True:
            with self._lock:
                channel = self.channel
            try:
                encoded = raw_method(channel, method)(
                    request.SerializeToString(), timeout=CALL_SECONDS_MAX
                )
                return answer.FromString(encoded)
            except grpc.RpcError as error:
                fault = fault_of(error)
                if fault.reason:
                    return Refusal.of(fault.reason, fault.details)
                died = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
                assert fault.code in died, fault
            except ValueError:  # The channel was closed before the call began.
                time.sleep(0.01)


def run_client(server: Server, requests: Requests, number: int, history: list[Operation]) -> None:
    """Runs one client and records what it sees."""
    random = Random(f"{requests.seed} {number}")
    for _ in range(OPERATIONS_PER_CLIENT):
        request = requests.draw(random)
        invoked_ns = time.monotonic_ns()
        answer = server.call(request)
        operation = Operation(request, invoked_ns, time.monotonic_ns(), answer)
        if operation.outcome is not None:
            requests.learn(operation.outcome)
        history.append(operation)


def run_seed(server: Server, replay: Replay, seed: int, *, deadly: bool) -> list[Operation]:
    """Runs all clients of one seed and checks their history."""
    requests = Requests(seed, every_write_named=deadly)
    history: list[Operation] = []
    failures: list[BaseException] = []

    def run(number: int) -> None:
        try:
            run_client(server, requests, number, history)
        except BaseException as failure:
            failures.append(failure)
            raise

    threads = [threading.Thread(target=run, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    if deadly:
        time.sleep(Random(seed).uniform(0.0, DEATH_SECONDS_MAX))
        server.kill()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(history) == CLIENTS * OPERATIONS_PER_CLIENT
    final = [operation_now(server, request) for request in everything()]
    replay.check([*history, *final])
    assert replay.problems == [], f"seed {seed}"
    return history


def operation_now(server: Server, request: Any) -> Operation:
    invoked_ns = time.monotonic_ns()
    answer = server.call(request)
    return Operation(request, invoked_ns, time.monotonic_ns(), answer)


def everything() -> list[Any]:
    """Requests that read the final state of every hot identifier."""
    asked = [
        keys(csid=text.partition("=")[2]) if text.startswith("csid=") else keys(text)
        for text in HOT
    ]
    return [
        member_service.GetMemberRequest(
            space=SPACE, keys=one, datakeys=["*"], with_heads=True, missing_too=True
        )
        for one in asked
    ]


def run_store(store: Path, start: StartServer, seeds: range, *, deadly: bool) -> list[Operation]:
    """Runs seeds on one store, each going on from where the last one left it."""
    server = Server(lambda: start(store=store))
    replay = Replay(open_core((space_config(1),)))
    history = [
        operation for seed in seeds for operation in run_seed(server, replay, seed, deadly=deadly)
    ]
    server.channel.close()
    assert server.running.terminate() == 0
    report = fsck(str(store))
    assert (report["problems"], report["revision"]) == ([], replay.revision)
    return history


def test_histories_are_serializable(tmp_path: Path, start_server: StartServer) -> None:
    seeds = range(1, SEEDS_SHORT + 1)
    history = run_store(tmp_path / "store", start_server, seeds, deadly=False)
    seen = {type(operation.answer).__name__ for operation in history}
    seen |= {
        f"{operation.outcome.status}"
        for operation in history
        if isinstance(operation.answer, member_service.SetMemberResponse)
    }
    seen |= {operation.answer.reason for operation in history if operation.outcome is None
             and isinstance(operation.answer, Refusal)}  # fmt: skip
    # What did not happen was not checked.
    assert any(operation.repeats for operation in history)
    statuses = (
        *(member.OUTCOME_STATUS_CREATED, member.OUTCOME_STATUS_UPDATED),
        *(member.OUTCOME_STATUS_UNCHANGED, member.OUTCOME_STATUS_IGNORED),
    )
    expected = {str(status) for status in statuses}
    expected |= {"VERSIONING", "REQUEST_ID_REUSED", "HEAD_TAKEN", "MEMBER_MISSING"}
    expected |= {answer.__name__ for _, answer in METHODS.values()}
    assert expected <= seen


@pytest.mark.torture
@pytest.mark.parametrize("first", range(1, SEEDS_LONG + 1, SEEDS_PER_STORE))
def test_many_histories_with_deaths_are_serializable(
    tmp_path: Path, start_server: StartServer, first: int
) -> None:
    seeds = range(first, first + SEEDS_PER_STORE)
    run_store(tmp_path / "store", start_server, seeds, deadly=True)


def forget_an_answer(history: list[Operation]) -> None:
    history.remove(next(one for one in history if one.changes))


def change_an_answer(history: list[Operation]) -> None:
    next(one for one in history if one.changes).answer.outcome.contact_id += 1


def read_the_past(history: list[Operation]) -> None:
    read = next(one for one in reversed(history) if type(one.answer) is GetMemberResponse)
    read.answer.revision = 1


def read_the_future(history: list[Operation]) -> None:
    read = next(one for one in history if type(one.answer) is GetMemberResponse)
    read.answer.revision = max(one.revision or 0 for one in history)


def refuse_without_reason(history: list[Operation]) -> None:
    refused = next(one for one in history if isinstance(one.answer, Refusal))
    refused.answer = Refusal.of("MEMBER_EXISTS", {"contact_id": "77"})


def repeat_an_effect(history: list[Operation]) -> None:
    repeated = next(one for one in history if one.repeats).answer
    is_change = isinstance(repeated, member_service.SetMemberResponse)
    (repeated.outcome if is_change else repeated).replayed = False


def keep_it(history: list[Operation]) -> None:
    del history[len(history) :]


SPOILERS = (
    *(forget_an_answer, change_an_answer, read_the_past, read_the_future),
    *(refuse_without_reason, repeat_an_effect),
)


@pytest.mark.parametrize("spoil", [keep_it, *SPOILERS])
def test_the_check_sees_what_is_illegal(spoil: Callable[[list[Operation]], None]) -> None:
    """The test of the test, on the history of one client after the other."""
    core = open_core((space_config(1),))

    def call(request: Any) -> Operation:
        method, answer = METHODS[type(request)]
        invoked_ns = time.monotonic_ns()
        answered = attempt(lambda: core.call(method, request.SerializeToString()))
        seen = (
            answer.FromString(answered)
            if isinstance(answered, bytes)
            else Refusal.of(answered.reason, answered.details)
        )
        return Operation(request, invoked_ns, time.monotonic_ns(), seen)

    requests = Requests(seed=1, every_write_named=False)
    random = Random(1)
    history = [call(requests.draw(random)) for _ in range(200)]
    spoil(history)
    replay = Replay(open_core((space_config(1),)))
    replay.check(history)
    assert bool(replay.problems) == (spoil is not keep_it), replay.problems
