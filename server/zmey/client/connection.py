"""A connection to one server with the stubs of every service."""

import json
from types import TracebackType
from typing import Self

import grpc
from google.protobuf.descriptor import FileDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions

from zmey.client.contacts import Contacts
from zmey.client.stubs import CONTRACT, Stubs
from zmey.v1.space_pb2 import Space

TIMEOUT_SECONDS_DEFAULT = 10.0

# Five is the most that gRPC allows; the pauses between them make about a second and a half.
_RETRY_POLICY = {
    "maxAttempts": 5,
    "initialBackoff": "0.1s",
    "maxBackoff": "2s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}


class Client(Stubs):
    """A connection to one server; use it in a `with` statement.

    Calls that change nothing are repeated for about a second where the server is not there. Writes
    through the stubs are not: give them a `request_id` and repeat them yourself, then they have one
    effect; `contacts` does so for you.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._channel = _channel(address, service_config(*CONTRACT))
        self._repeating: grpc.Channel | None = None
        super().__init__(self._channel)

    def contacts(
        self,
        account_id: int = 1,
        db_id: int = 1,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS_DEFAULT,
    ) -> Contacts:
        """Returns the contacts of one space, each call with this deadline."""
        if self._repeating is None:
            # Every write of `Contacts` has a request id, so that all of them may be repeated.
            config = service_config(*CONTRACT, writes_too=True)
            self._repeating = _channel(self.address, config)
        space = Space(account_id=account_id, db_id=db_id)
        return Contacts(Stubs(self._repeating), space, timeout_seconds=timeout_seconds)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._channel.close()
        if self._repeating is not None:
            self._repeating.close()


def service_config(*contract: FileDescriptor, writes_too: bool = False) -> str:
    """Says which calls gRPC repeats: those that the contract marks as free of side effects.

    Args:
        contract: the files with the services.
        writes_too: whether unary calls that change something are repeated as well, which is safe
            only where each has a request id.
    """
    names = [
        {"service": service.full_name, "method": method.name}
        for file in contract
        for service in file.services_by_name.values()
        for method in service.methods
        if method.GetOptions().idempotency_level == MethodOptions.NO_SIDE_EFFECTS
        or (writes_too and not method.client_streaming and not method.server_streaming)
    ]
    return json.dumps({"methodConfig": [{"name": names, "retryPolicy": _RETRY_POLICY}]})


def _channel(address: str, config: str) -> grpc.Channel:
    options: list[tuple[str, int | str]] = [
        # Answers are bounded by the server; gRPC's own 4 MiB would cut off large batches.
        ("grpc.max_receive_message_length", -1),
        ("grpc.max_send_message_length", -1),
        ("grpc.service_config", config),
        # A repeated call fails at once while the channel waits to connect again.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.max_reconnect_backoff_ms", 2_000),
    ]
    return grpc.insecure_channel(address, options=options)
