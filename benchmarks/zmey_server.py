"""A real `zmey serve` on a store of our own, and a client that streams chunks into it."""

import contextlib
import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen

import grpc

import generate
import processes
from scale import ACCOUNT_ID, DB_ID, REGION
from zmey.v1 import (
    address_pb2,
    import_rows_pb2,
    import_service_pb2,
    matching_pb2,
    member_pb2,
    space_pb2,
)

SPACE = space_pb2.Space(account_id=ACCOUNT_ID, db_id=DB_ID)
POLICY = matching_pb2.MatchPolicy(order=matching_pb2.NAMED_ORDER_SUBSCRIBE)
CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # A channel of its own for each client, as clients in other processes would have.
    ("grpc.use_local_subchannel_pool", 1),
)
_IMPORT_METHOD = "/zmey.v1.ImportService/StreamImport"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server."""

    process: Popen[bytes]
    target: str
    metrics_url: str

    def channel(self) -> grpc.Channel:
        """Opens a channel."""
        return grpc.insecure_channel(self.target, options=CHANNEL_OPTIONS)

    def metrics(self) -> dict[str, float]:
        """Returns the unlabelled counters and gauges of the server."""
        with urllib.request.urlopen(self.metrics_url, timeout=10) as response:
            lines = response.read().decode().splitlines()
        # A label has braces: what is left is what the core counts.
        pairs = (line.split(" ") for line in lines if line and line[0] != "#" and "{" not in line)
        return {name: float(value) for name, value in pairs}


@dataclass(slots=True)
class Imported:
    """What an import did."""

    rows_per_second: float
    statuses: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    # The member of each row, in order; 0 for a rejected row.
    contact_ids: list[int] = field(default_factory=list)
    # The revision after each chunk and the rows up to its end.
    revisions: list[tuple[int, int]] = field(default_factory=list)

    def summary(self) -> str:
        """Returns the counts in one line."""
        counts = dict(self.statuses)
        return f"{counts}, warnings {dict(self.warnings)}"


def spaces() -> list[dict[str, int | str]]:
    """Returns the declaration of the benchmark's space."""
    return [{"account_id": ACCOUNT_ID, "db_id": DB_ID, "default_region": REGION}]


@contextlib.contextmanager
def running(store: Path, *, echo: bool = False, flags: Sequence[str] = ()) -> Iterator[Server]:
    """Serves a store, fresh where the directory does not exist, until the block ends.

    Raises:
        RuntimeError: the server does not start.
    """
    port, metrics_port = processes.free_port(), processes.free_port()
    command = [
        sys.executable, "-m", "zmey", "serve",
        "--store-path", str(store),
        "--listen-address", f"127.0.0.1:{port}",
        "--metrics-address", f"127.0.0.1:{metrics_port}",
        "--log-level", "warning",
        "--spaces", json.dumps(spaces()),
        *flags,
    ]  # fmt: skip
    if echo:
        command.append("--benchmark-echo")
    with processes.running(command, quiet=False) as process:
        target = f"127.0.0.1:{port}"
        processes.wait_until(process, lambda: _answers(target))
        yield Server(process, target, f"http://127.0.0.1:{metrics_port}/metrics")


def _answers(target: str) -> bool:
    with grpc.insecure_channel(target, options=CHANNEL_OPTIONS) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=0.5)
        except grpc.FutureTimeoutError:
            return False
        return True


def import_options() -> bytes:
    """Returns the encoded first message of an import of generated rows."""
    columns = [
        import_rows_pb2.ImportColumn(address=import_rows_pb2.AddressColumn(type=kind))
        for kind in (
            address_pb2.ADDRESS_TYPE_CSID,
            address_pb2.ADDRESS_TYPE_EMAIL,
            address_pb2.ADDRESS_TYPE_MSISDN,
        )
    ]
    for position, path in enumerate(generate.DATAKEYS):
        text = position < generate.TEXT_DATAKEYS
        kind = import_rows_pb2.CELL_FORMAT_TEXT if text else import_rows_pb2.CELL_FORMAT_JSON
        datakey = import_rows_pb2.DatakeyColumn(path=path, format=kind)
        columns.append(import_rows_pb2.ImportColumn(datakey=datakey))
    options = import_rows_pb2.ImportOptions(space=SPACE, columns=columns, policy=POLICY)
    return import_service_pb2.StreamImportRequest(options=options).SerializeToString()


def import_stream(channel: grpc.Channel, requests: Iterable[bytes]) -> Imported:
    """Streams chunks that were encoded beforehand and waits for the receipt of each.

    Raises:
        grpc.RpcError: the server refused a chunk.
        RuntimeError: a chunk has no receipt.
    """
    stream = channel.stream_stream(_IMPORT_METHOD, None, None)
    started = time.perf_counter()
    # Receipts are kept as bytes: reading them is no work of the server.
    sent = 0

    def messages() -> Iterator[bytes]:
        nonlocal sent
        yield import_options()
        for request in requests:
            sent += 1
            yield request

    responses = list(stream(messages()))
    seconds = time.perf_counter() - started
    imported = _read(responses)
    imported.rows_per_second = len(imported.contact_ids) / seconds
    if len(imported.revisions) != sent:
        message = f"{sent} chunks were sent, {len(imported.revisions)} receipts came"
        raise RuntimeError(message)
    return imported


def _read(responses: Iterable[bytes]) -> Imported:
    imported = Imported(0.0)
    for content in responses:
        response = import_service_pb2.StreamImportResponse.FromString(content)
        if not response.HasField("receipt"):
            continue
        receipt = response.receipt
        names = member_pb2.OutcomeStatus.Name
        imported.statuses.update(
            {
                names(status).removeprefix("OUTCOME_STATUS_"): count
                for status, count in Counter(receipt.statuses).items()
            }
        )
        imported.warnings.update(str(one.warning.reason) for one in receipt.warnings)
        imported.contact_ids.extend(receipt.contact_ids)
        imported.revisions.append((receipt.revision, len(imported.contact_ids)))
    return imported
