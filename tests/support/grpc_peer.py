"""What answers where a server should: a proxy that reaches none, or reaches one that hangs."""

from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass

import grpc

__all__ = ["Peer", "peer"]


@dataclass
class Peer:
    """Something that listens."""

    address: str


@contextmanager
def peer(answer: Callable[[bytes, grpc.ServicerContext], bytes]) -> Iterator[Peer]:
    """Answers every batch by this function."""
    methods = {"SetMemberBatch": grpc.unary_unary_rpc_method_handler(answer)}
    handler = grpc.method_handlers_generic_handler("zmey.v1.MemberService", methods)
    server = grpc.server(futures.ThreadPoolExecutor(4), handlers=[handler])
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield Peer(f"127.0.0.1:{port}")
    server.stop(0).wait()
