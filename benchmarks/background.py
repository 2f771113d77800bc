"""What goes on behind callers: indexes, erasing, simulations; how fast it is and whom it slows."""

import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import chunks
import local_core
import processes
from figures import Board
from scale import WORK_DIRECTORY, Scale, current
from zmey._native import Core, compact
from zmey.v1 import (
    admin_service_pb2,
    datakey_pb2,
    matching_pb2,
    member_pb2,
    member_service_pb2,
    policy_pb2,
)
from zmey_server import SPACE

SIMULATE = "SimulatePolicy, phones by another rule"
BUILD_ALONE = "index of a field, alone"
BUILD_BESIDE = "index of a field, beside 4 writers"
WRITES_ALONE = "SetMember, 4 writers, p99, alone"
WRITES_BESIDE_BUILD = "SetMember, 4 writers, p99, beside an index"
WRITES_BESIDE_SCRUB = "SetMember, 4 writers, p99, beside an erasure"
ERASE = "EraseMember"
SCRUB = "scrub of the log behind EraseMember"
COMPACT = "compact of the closed store"

_ADMIN = "/zmey.v1.AdminService/"
_MEMBER = "/zmey.v1.MemberService/"
_WRITERS = 4
_PAUSE_SECONDS = 0.005
_WRITE_SECONDS = 2.0


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures on a store with the members of the first pass."""
    board = Board("background")
    rows = chunks.fresh(scale.members)
    chunks.prepare(rows)
    for number in range(1, scale.runs + 1):
        print(f"background, run {number} of {scale.runs}", flush=True)
        with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory:
            store = Path(directory) / "store"
            with local_core.opened(store) as core:
                local_core.import_chunks(core, chunks.requests(rows, scale.chunk_rows))
                _measure(board, core, scale.members)
            started = time.perf_counter()
            entries = compact(str(store), lambda _table, _count: None)["entries"]
            board.add(COMPACT, entries / (time.perf_counter() - started), "entries/s")
        board.save()
    return board


def _measure(board: Board, core: Core, members: int) -> None:
    started = time.perf_counter()
    request = admin_service_pb2.SimulatePolicyRequest(space=SPACE, policy=_policy(core))
    request.policy.phone_rule = policy_pb2.PHONE_RULE_POSSIBLE
    request.policy.default_region = "US"
    core.call(_ADMIN + "SimulatePolicy", request.SerializeToString())
    board.add(SIMULATE, members / (time.perf_counter() - started), "members/s")

    board.add(BUILD_ALONE, members / _build(core, "city"), "members/s")
    alone = _beside(core, lambda: time.sleep(_WRITE_SECONDS))
    board.add(WRITES_ALONE, alone, "ms", "in this process, fsync at each commit")
    seconds: list[float] = []
    board.add(
        WRITES_BESIDE_BUILD, _beside(core, lambda: seconds.append(_build(core, "first_name"))), "ms"
    )
    board.add(BUILD_BESIDE, members / seconds[0], "members/s")
    board.add(WRITES_BESIDE_SCRUB, _beside(core, lambda: seconds.extend(_erase(core))), "ms")
    board.add(ERASE, seconds[1] * 1_000, "ms", "the member is gone when the call returns")
    board.add(SCRUB, members / seconds[2], "changes/s", "beside 4 writers")


def _policy(core: Core) -> policy_pb2.SpacePolicy:
    request = admin_service_pb2.GetPolicyRequest(space=SPACE).SerializeToString()
    answer = core.call(_ADMIN + "GetPolicy", request)
    return admin_service_pb2.GetPolicyResponse.FromString(answer).state.policy


def _build(core: Core, path: str) -> float:
    """Declares one more field and waits for its index; returns the seconds."""
    policy = _policy(core)
    policy.fields.add(path=path, kind=policy_pb2.FIELD_KIND_STRING)
    update = admin_service_pb2.UpdatePolicyRequest(space=SPACE, policy=policy)
    ask = admin_service_pb2.GetPolicyRequest(space=SPACE).SerializeToString()
    started = time.perf_counter()
    core.call(_ADMIN + "UpdatePolicy", update.SerializeToString())
    while True:
        answer = core.call(_ADMIN + "GetPolicy", ask)
        fields = admin_service_pb2.GetPolicyResponse.FromString(answer).state.fields
        if all(one.state == admin_service_pb2.FIELD_STATE_READY for one in fields):
            return time.perf_counter() - started
        time.sleep(_PAUSE_SECONDS)


def _erase(core: Core) -> tuple[float, float]:
    """Erases a member; returns the seconds of the call, and until nothing is left."""
    request = member_service_pb2.EraseMemberRequest(
        space=SPACE, member=member_service_pb2.MemberKey(contact_id=7)
    )
    started = time.perf_counter()
    answer = core.call(_MEMBER + "EraseMember", request.SerializeToString())
    called = time.perf_counter()
    erased = member_service_pb2.EraseMemberResponse.FromString(answer).outcome
    ask = member_service_pb2.GetErasureRequest(space=SPACE, erasure_id=erased.erasure_id)
    while True:
        answer = core.call(_MEMBER + "GetErasure", ask.SerializeToString())
        if member_service_pb2.GetErasureResponse.FromString(answer).erasure.finished_seconds:
            return called - started, time.perf_counter() - called
        time.sleep(_PAUSE_SECONDS)


def _beside(core: Core, work: Callable[[], None]) -> float:
    """Does something beside writers; returns the 99th percentile of their calls in ms."""
    waits: list[float] = []
    over = threading.Event()

    def write(writer: int) -> None:
        for number in range(1_000_000):
            if over.is_set():
                return
            value = str(number).encode()
            change = member_pb2.MemberChange(
                keys=matching_pb2.MatchKeys(contact_id=100 + writer * 1_000 + number % 1_000),
                datakeys=[
                    datakey_pb2.DatakeyChange(path="visits", mode="DATAKEY_MODE_SET", value=value)
                ],
            )
            request = member_service_pb2.SetMemberRequest(space=SPACE, change=change)
            started = time.perf_counter()
            core.call(_MEMBER + "SetMember", request.SerializeToString())
            waits.append((time.perf_counter() - started) * 1_000)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(_WRITERS)]
    for thread in writers:
        thread.start()
    work()
    over.set()
    for thread in writers:
        thread.join()
    return statistics.quantiles(waits, n=100)[98]


if __name__ == "__main__":
    main()
