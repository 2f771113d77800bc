"""Clients that write until their server is gone and remember what was acknowledged."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import grpc

from running_server import raw_method
from support.torture_load import Load
from zmey.client import Client, fault_of
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as service

__all__ = ["Importer", "Writer", "caller", "run_until"]

CALL_SECONDS_MAX = 20.0
CHUNKS_AHEAD_MAX = 4


def caller(channel: grpc.Channel) -> Callable[[str, bytes], bytes]:
    """Returns what calls a method with bytes; a missing member is an empty answer."""

    def call(method: str, request: bytes) -> bytes:
        try:
            answer: bytes = raw_method(channel, method)(request, timeout=CALL_SECONDS_MAX)
        except grpc.RpcError as error:
            if fault_of(error).reason == "ERROR_REASON_MEMBER_MISSING":
                return b""
            raise
        return answer

    return call


@dataclass
class Writer:
    """Takes the steps of one writer of a load.

    Attributes:
        acknowledged: the last step whose answer came.
        there: how many steps the server had at its last start.
        revision: the revision of the last step.
        problems: what went wrong.
    """

    load: Load
    number: int
    acknowledged: int = 0
    there: int = 0
    revision: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self, client: Client) -> None:
        """Takes steps until the server is gone; the one that was cut off first, once more."""
        while True:
            step = self.acknowledged + 1
            request = self.load.set_request(self.number, step)
            answer: service.SetMemberResponse = client.members.SetMember(
                request, timeout=CALL_SECONDS_MAX
            )
            self._check(step, answer.outcome)
            self.acknowledged = step

    def _check(self, step: int, outcome: member.MemberOutcome) -> None:
        if outcome.replayed != (step <= self.there):
            self.problems.append(f"writer {self.number}: step {step} did not happen once")
        if outcome.revision <= self.revision:
            self.problems.append(f"writer {self.number}: step {step} goes back in revisions")
        self.revision = outcome.revision


@dataclass
class Importer:
    """Sends the chunks of one importer of a load.

    Attributes:
        acknowledged: the last chunk whose receipt came.
        sent: the last chunk that was sent.
        problems: what went wrong.
    """

    load: Load
    number: int
    acknowledged: int = 0
    sent: int = 0
    problems: list[str] = field(default_factory=list)

    def run(self, client: Client) -> None:
        """Sends chunks from where the server says until it is gone."""
        opened, room = threading.Event(), threading.Semaphore(CHUNKS_AHEAD_MAX)
        ended = threading.Event()

        def messages() -> Iterator[imports.StreamImportRequest]:
            yield self.load.import_options(self.number)
            opened.wait()
            number = self.acknowledged
            while room.acquire() and not ended.is_set():
                number += 1
                self.sent = max(self.sent, number)
                yield self.load.import_chunk(self.number, number)

        try:
            for response in client.imports.StreamImport(messages()):
                if response.HasField("opened"):
                    self.resume(response.opened.next_chunk)
                    opened.set()
                else:
                    self._receive(response.receipt)
                    room.release()
        finally:
            ended.set()
            opened.set()
            room.release()

    def resume(self, next_chunk: int) -> None:
        """Takes where the server goes on: behind every receipt, not beyond what was sent."""
        if not self.acknowledged < next_chunk <= self.sent + 1:
            self.problems.append(
                f"importer {self.number}: goes on at {next_chunk} after {self.acknowledged} "
                f"receipts for {self.sent} chunks"
            )
        self.acknowledged = next_chunk - 1

    def _receive(self, receipt: imports.ImportReceipt) -> None:
        if receipt.chunk != self.acknowledged + 1 or receipt.repeated or receipt.rejects:
            self.problems.append(f"importer {self.number}: chunk {receipt.chunk} is out of order")
        self.acknowledged = receipt.chunk


def run_until(
    address: str, clients: list[Writer | Importer], end: Callable[[], None]
) -> list[grpc.StatusCode]:
    """Runs clients, each in a thread with a connection of its own, until the server is gone.

    Args:
        address: of the server.
        clients: what to run.
        end: ends the server.

    Returns:
        How each client's last call failed.
    """
    codes: list[grpc.StatusCode] = []

    def run(one: Writer | Importer) -> None:
        with Client(address) as client:
            try:
                one.run(client)
            except grpc.RpcError as error:
                codes.append(fault_of(error).code)

    threads = [threading.Thread(target=run, args=(one,)) for one in clients]
    for thread in threads:
        thread.start()
    end()
    for thread in threads:
        thread.join()
    return codes
