"""How steps reach the core: over gRPC, or in the same process."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import grpc

from zmey._native import Core, CoreError
from zmey.client.faults import CallFault, fault_of, fault_of_status

METHOD = "/zmey.v1.MemberService/SetMemberBatch"
READY = grpc.ChannelConnectivity.READY
# The connection and its calls end together, but not in a certain order.
DROP_SECONDS_MAX = 0.2
# Spaces whose steps are under way at once, in one process with the core.
THREADS = 4


class CallError(Exception):
    """A call that failed as a whole.

    Attributes:
        fault: why.
        is_drop: whether the connection, which was there, ended with the call: whoever was called
            may have died of it.
    """

    def __init__(self, fault: CallFault, *, is_drop: bool = False) -> None:
        super().__init__(f"{fault.code.name} {fault.reason}")
        self.fault = fault
        self.is_drop = is_drop


class Caller(Protocol):
    """What answers SetMemberBatch."""

    async def call(self, request: bytes, seconds: float) -> bytes:
        """Sends an encoded request and returns the encoded response.

        Raises:
            CallError: it failed as a whole.
        """

    async def is_ready(self, seconds: float) -> bool:
        """Waits until there is somebody to call; returns whether there is within the time."""

    async def close(self) -> None:
        """Lets go."""


class GrpcCaller:
    """Calls a server."""

    def __init__(self, address: str) -> None:
        self._channel = grpc.aio.insecure_channel(
            address,
            options=(
                ("grpc.max_receive_message_length", -1),
                ("grpc.max_send_message_length", -1),
                # The bridge repeats calls itself, and asks before whether the server is there.
                ("grpc.enable_retries", 0),
                ("grpc.initial_reconnect_backoff_ms", 100),
                ("grpc.max_reconnect_backoff_ms", 2_000),
            ),
        )
        self._method = self._channel.unary_unary(METHOD, None, None)

    async def call(self, request: bytes, seconds: float) -> bytes:
        """Sends one request."""
        was_there = self._channel.get_state() is READY
        try:
            response: bytes = await self._method(request, timeout=seconds)
        except grpc.aio.AioRpcError as error:
            is_drop = was_there and await self._is_dropped(error.code())
            raise CallError(fault_of(error), is_drop=is_drop) from error
        return response

    async def _is_dropped(self, code: grpc.StatusCode) -> bool:
        """Tells whether the connection is gone, which a proxy's own UNAVAILABLE leaves as it is."""
        if code is not grpc.StatusCode.UNAVAILABLE:
            return False
        try:
            await asyncio.wait_for(self._channel.wait_for_state_change(READY), DROP_SECONDS_MAX)
        except TimeoutError:
            return False
        return True

    async def is_ready(self, seconds: float) -> bool:
        """Waits for the connection."""
        try:
            await asyncio.wait_for(self._channel.channel_ready(), seconds)
        except TimeoutError:
            return False
        return True

    async def close(self) -> None:
        """Closes the connection."""
        await self._channel.close(None)


class CoreCaller:
    """Calls the core of this process, which works outside of Python's lock."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="bridge-call")

    async def call(self, request: bytes, seconds: float) -> bytes:
        """Sends one request."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(
                self._threads, self._core.call, METHOD, request, seconds
            )
        except CoreError as error:
            fault = fault_of_status(error.code, error.message, error.status)
            raise CallError(fault) from error

    async def is_ready(self, seconds: float) -> bool:  # noqa: ARG002 - there is nothing to wait for
        """Tells that the core is there."""
        return True

    async def close(self) -> None:
        """Waits for the calls under way."""
        self._threads.shutdown()
