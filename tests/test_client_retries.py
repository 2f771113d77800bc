"""What `zmey.client` repeats by itself, over a wire that is cut for the first connections."""

import contextlib
import json
import socket
import threading
from collections.abc import Iterator

import grpc
import pytest

from running_server import RunningServer
from support.core import SPACE
from support.requests import change, keys
from zmey.client import Client, fault_of, service_config
from zmey.v1 import (
    head_service_pb2,
    import_service_pb2,
    match_service_pb2,
    member_service_pb2,
    origin_service_pb2,
)

READS = {
    *("HeadService/ListHeads", "MatchService/Resolve", "MatchService/ResolveBatch"),
    *("MatchService/ExplainDecision", "ImportService/DownloadReport"),
    *("MatchService/Normalize", "MemberService/GetMember", "MemberService/GetDataset"),
    *("MemberService/MembersExist", "MemberService/FindMembers", "MemberService/ListMerges"),
    "OriginService/ListOrigins",
    "MemberService/GetErasure",
}
ANN = keys("email=ann@example.com")
FOR_EVER = 1_000
CHUNK_BYTES = 65_536


@contextlib.contextmanager
def wire_to(server: RunningServer, *, cuts: int) -> Iterator[Client]:
    """A client behind a relay that closes its first connections at once."""
    host, _, port = server.address.rpartition(":")
    open_sockets: list[socket.socket] = []

    def relay() -> None:
        for number in range(FOR_EVER):
            try:
                near, _ = listener.accept()
            except OSError:
                return
            if number < cuts:
                near.close()
                continue
            far = socket.create_connection((host, int(port)))
            open_sockets.extend((near, far))
            for ends in ((near, far), (far, near)):
                threads.append(threading.Thread(target=carry, args=ends))
                threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [threading.Thread(target=relay)]
        threads[0].start()
        try:
            with Client(f"127.0.0.1:{listener.getsockname()[1]}") as client:
                yield client
        finally:
            # A closed listener does not wake who waits for it everywhere; a shut one does.
            listener.shutdown(socket.SHUT_RDWR)
            threads[0].join()
            for one in open_sockets:
                with contextlib.suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
            for thread in threads[1:]:
                thread.join()
            for one in open_sockets:
                one.close()


def carry(source: socket.socket, target: socket.socket) -> None:
    """Hands bytes on until one side closes."""
    with contextlib.suppress(OSError):
        while content := source.recv(CHUNK_BYTES):
            target.sendall(content)
        target.shutdown(socket.SHUT_WR)


def test_reads_are_marked_in_the_contract_and_nothing_else() -> None:
    modules = (
        *(head_service_pb2, import_service_pb2, match_service_pb2),
        *(member_service_pb2, origin_service_pb2),
    )
    (config,) = json.loads(service_config(*(one.DESCRIPTOR for one in modules)))["methodConfig"]
    names = {f"{name['service']}/{name['method']}" for name in config["name"]}
    assert names == {f"zmey.v1.{name}" for name in READS}


def test_a_read_outlasts_a_short_absence(server: RunningServer) -> None:
    request = match_service_pb2.ResolveRequest(space=SPACE, keys=ANN)
    with wire_to(server, cuts=1) as client:
        assert client.matches.Resolve(request).resolution.contact_id == 0


def test_a_read_gives_up_in_the_end(server: RunningServer) -> None:
    request = match_service_pb2.ResolveRequest(space=SPACE, keys=ANN)
    with wire_to(server, cuts=FOR_EVER) as client, pytest.raises(grpc.RpcError) as failure:
        client.matches.Resolve(request)
    assert fault_of(failure.value).code is grpc.StatusCode.UNAVAILABLE


def test_a_write_is_not_repeated(server: RunningServer) -> None:
    request = member_service_pb2.SetMemberRequest(space=SPACE, change=change(ANN))
    with wire_to(server, cuts=1) as client:
        with pytest.raises(grpc.RpcError) as failure:
            client.members.SetMember(request)
        assert fault_of(failure.value).code is grpc.StatusCode.UNAVAILABLE
        read = match_service_pb2.ResolveRequest(space=SPACE, keys=ANN)
        assert client.matches.Resolve(read).resolution.contact_id == 0
        assert client.members.SetMember(request).outcome.newbie
