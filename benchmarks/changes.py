"""Changes single members over gRPC: what shares a commit, what a merge costs, whom it slows."""

import json
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import grpc

import load_client
import processes
import zmey_server
from figures import Board
from scale import WORK_DIRECTORY, Scale, current
from zmey.v1 import (
    address_pb2,
    data_rule_pb2,
    datakey_pb2,
    head_service_pb2,
    matching_pb2,
    member_pb2,
    member_service_pb2,
    merge_pb2,
)
from zmey_server import SPACE, Server

SET_MEMBER = "SetMember, 8 clients"
ATTACH_HEAD = "AttachHead, 8 clients"
MERGE_SMALL = "MergeMembers, bodies of 1 kB"
MERGE_LARGE = "MergeMembers, bodies of 1 MB"
BESIDE_FRESH = "SetMember of others, p99, beside merges into ever new members"
BESIDE_DEEP = "SetMember of others, p99, beside merges into one of 1,000 merges"

_MEMBER_SERVICE = "/zmey.v1.MemberService/"
_ATTACH = "/zmey.v1.HeadService/AttachHead"
# Client processes and the closed loops in each.
_CLIENTS = (2, 4)
_MEMBERS = 2_000
# More than a run can use, so that none comes twice.
_ATTACHES = 120_000
_HISTORY = 1_000
# Datakeys of a body and bytes of each.
_SMALL = (4, 230)
_LARGE = (1_000, 980)
# Merges that are timed, one after the other.
_MERGES_SMALL = 1_000
_MERGES_LARGE = 40
_BATCH_BYTES = 8_000_000

Call = Callable[[bytes], bytes]


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures on a fresh store in each run."""
    board = Board("changes")
    for number in range(1, scale.runs + 1):
        print(f"changes, run {number} of {scale.runs}", flush=True)
        with (
            tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory,
            zmey_server.running(Path(directory) / "store") as server,
            server.channel() as channel,
        ):
            _members(channel, "member", _MEMBERS)
            _unary(board, scale, server, Path(directory))
            _merges(board, MERGE_SMALL, channel, _SMALL, _MERGES_SMALL)
            _merges(board, MERGE_LARGE, channel, _LARGE, _MERGES_LARGE)
            _histories(board, scale, channel)
        board.save()
    return board


def _unary(board: Board, scale: Scale, server: Server, directory: Path) -> None:
    """Calls from eight clients at once, and how many of them share a commit."""
    sets = [
        member_service_pb2.SetMemberRequest(
            space=SPACE, change=_change(f"member-{index % _MEMBERS}", {"visits": index})
        )
        for index in range(10 * _MEMBERS)
    ]
    attaches = [
        head_service_pb2.AttachHeadRequest(
            space=SPACE,
            keys=_keys(f"member-{index % _MEMBERS}"),
            head=address_pb2.Address(
                type=address_pb2.ADDRESS_TYPE_EMAIL, value=f"attached-{index}@example.com"
            ),
        )
        for index in range(_ATTACHES)
    ]
    methods = ((SET_MEMBER, f"{_MEMBER_SERVICE}SetMember", sets), (ATTACH_HEAD, _ATTACH, attaches))
    for figure, method, requests in methods:
        file = directory / "requests"
        load_client.write_requests(file, [request.SerializeToString() for request in requests])
        commits = server.metrics()["zmey_commits_total"]
        (load,) = load_client.run(
            server.target, [(method, file)],
            processes=_CLIENTS[0], threads=_CLIENTS[1], seconds=scale.loop_seconds,
        )  # fmt: skip
        commits = server.metrics()["zmey_commits_total"] - commits
        board.add(figure, load.calls_per_second, "calls/s", "each answered after its fsync")
        board.add(f"{figure}, in one commit", load.calls / commits, "calls", "group commit")


def _merges(
    board: Board, figure: str, channel: grpc.Channel, shape: tuple[int, int], count: int
) -> None:
    """Merges pairs one by one: every value of the receiver is replaced, the source ends."""
    names = _members(channel, f"of-{shape[0]}-keys", 2 * count, shape)
    merge = channel.unary_unary(f"{_MEMBER_SERVICE}MergeMembers", None, None)
    requests = [_merge(*pair) for pair in zip(names[::2], names[1::2], strict=True)]
    milliseconds = statistics.median(_timed(merge, request) for request in requests)
    board.add(figure, milliseconds, "ms", "median, one at a time, every value replaced")


def _histories(board: Board, scale: Scale, channel: grpc.Channel) -> None:
    """Times changes of others while merges go on, into new members or into a much merged one."""
    merge = channel.unary_unary(f"{_MEMBER_SERVICE}MergeMembers", None, None)
    (deep,) = _members(channel, "deep", 1)
    for name in _members(channel, "history", _HISTORY):
        merge(_merge(deep, name))
    # More merges than a closed loop does meanwhile.
    spare = int(2_000 * scale.loop_seconds)
    receivers = _members(channel, "receiver", spare)
    pairs = {
        BESIDE_FRESH: list(zip(receivers, _members(channel, "fresh", spare), strict=True)),
        BESIDE_DEEP: [(deep, name) for name in _members(channel, "further", spare)],
    }
    for figure, own in pairs.items():
        latencies = _beside(channel, merge, [_merge(*pair) for pair in own], scale.loop_seconds)
        p99 = statistics.quantiles(latencies, n=100)[98]
        board.add(figure, p99, "ms", "one client each, closed loops")


def _beside(channel: grpc.Channel, merge: Call, merges: list[bytes], seconds: float) -> list[float]:
    """Returns the milliseconds of changes of others while merges go on."""
    change = channel.unary_unary(f"{_MEMBER_SERVICE}SetMember", None, None)
    over = threading.Event()
    faults: list[Exception] = []

    def keep_merging() -> None:
        try:
            for request in merges:
                if over.is_set():
                    return
                merge(request)
            faults.append(RuntimeError("the merges ended before the changes"))
        except grpc.RpcError as fault:
            faults.append(fault)

    merging = threading.Thread(target=keep_merging)
    merging.start()
    latencies: list[float] = []
    ends = time.perf_counter() + seconds
    while time.perf_counter() < ends:
        index = len(latencies)
        request = member_service_pb2.SetMemberRequest(
            space=SPACE, change=_change(f"member-{index % _MEMBERS}", {"visits": -index})
        )
        latencies.append(_timed(change, request.SerializeToString()))
    over.set()
    merging.join()
    if faults:
        raise faults[0]
    return latencies


def _timed(call: Call, request: bytes) -> float:
    started = time.perf_counter()
    call(request)
    return (time.perf_counter() - started) * 1_000


def _members(
    channel: grpc.Channel, prefix: str, count: int, shape: tuple[int, int] = _SMALL
) -> list[str]:
    """Creates members with an external id each and returns these."""
    names = [f"{prefix}-{index}" for index in range(count)]
    _create(channel, ((name, _body(shape, index)) for index, name in enumerate(names)))
    return names


def _create(channel: grpc.Channel, members: Iterable[tuple[str, dict[str, object]]]) -> None:
    """Creates members, in batches that a message can hold."""
    call = channel.unary_unary(f"{_MEMBER_SERVICE}SetMemberBatch", None, None)
    for batch in _batches(_change(name, body) for name, body in members):
        request = member_service_pb2.SetMemberBatchRequest(space=SPACE, changes=batch)
        response = member_service_pb2.SetMemberBatchResponse.FromString(
            call(request.SerializeToString())
        )
        if any(result.HasField("fault") for result in response.results):
            message = "a member was not created"
            raise RuntimeError(message)


def _batches(changes: Iterable[member_pb2.MemberChange]) -> Iterator[list[member_pb2.MemberChange]]:
    batch: list[member_pb2.MemberChange] = []
    size = 0
    for change in changes:
        if size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(change)
        size += change.ByteSize()
    yield batch


def _keys(external_id: str) -> matching_pb2.MatchKeys:
    return matching_pb2.MatchKeys(external_customer_id=external_id)


def _change(external_id: str, values: dict[str, object]) -> member_pb2.MemberChange:
    datakeys = [
        datakey_pb2.DatakeyChange(
            path=path, mode=datakey_pb2.DATAKEY_MODE_SET, value=json.dumps(value).encode()
        )
        for path, value in values.items()
    ]
    return member_pb2.MemberChange(keys=_keys(external_id), datakeys=datakeys)


def _body(shape: tuple[int, int], seed: int) -> dict[str, object]:
    """Returns as many datakeys as the shape says, each with as many bytes, other ones per seed."""
    keys, size = shape
    return {f"key_{position}": f"{seed}-{position}-".ljust(size, "x") for position in range(keys)}


def _merge(receiver: str, source: str) -> bytes:
    return member_service_pb2.MergeMembersRequest(
        space=SPACE,
        receiver=_keys(receiver),
        source=_keys(source),
        head_rule=merge_pb2.MERGE_HEAD_RULE_DECAPITATE,
        data_rule=data_rule_pb2.DataRule(level=1, has_has=data_rule_pb2.HAS_HAS_MODE_SET),
    ).SerializeToString()


if __name__ == "__main__":
    main()
