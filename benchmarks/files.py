"""Imports of files that the server reads by itself, beside StreamImport of the same rows."""

import contextlib
import csv
import itertools
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import grpc
from google.longrunning import operations_pb2
from google.protobuf.duration_pb2 import Duration
from openpyxl import Workbook, load_workbook

import chunks
import processes
import zmey_server
from chunks import Pass
from figures import Board
from scale import WORK_DIRECTORY, Scale, current
from zmey.client.stubs import Stubs
from zmey.client.uploads import upload_file
from zmey.v1 import import_job_pb2 as jobs
from zmey.v1 import import_service_pb2
from zmey.v1.import_rows_pb2 import ImportOptions
from zmey_server import POLICY, SPACE, Server

STREAM = "StreamImport, chunks encoded beforehand"
CSV = "CSV in cp1251, from StartImport to its end"
CSV_PEER = "Python's csv, reading that CSV and no more"
XLSX = "XLSX, from StartImport to its end"
XLSX_PEER = "openpyxl, reading that XLSX and no more"
EXPRESS = "express import of a CSV with three columns"
PROBE = "ProbeImport of the CSV"
CHARSET = "cp1251"
# Rows of the XLSX: fewer, since its peer takes long.
XLSX_SHARE = 0.2
NAMES = (
    "external_customer_id", "member.email", "member.msisdn", "first_name", "last_name",
    "birth_date", "city", "tags:json", "address:json", "stats:json", "consents:json",
)  # fmt: skip
# Columns of the express file: an address and what a message would say.
EXPRESS_COLUMNS = (1, 3, 6)
# An express import of the rows of the other figures would be over before it can be timed.
EXPRESS_TIMES = 5
# The steps of an import, each on a thread that may wait for others: they overlap.
STEPS = {
    "reading the disk": "zmey_import_job_read_seconds_total",
    "decoding": "zmey_import_job_decode_seconds_total",
    "splitting into cells": "zmey_import_job_split_seconds_total",
    "normalising and preparing": "zmey_import_job_prepare_seconds_total",
    "planning: matching and applying": "zmey_commit_plan_seconds_total",
    "committing: writing and syncing": "zmey_commit_write_seconds_total",
}
_WAIT_SECONDS = 600


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures each way into a fresh store."""
    board = Board("files")
    rows = chunks.fresh(scale.members)
    chunks.prepare(rows)
    with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as name:
        directory = Path(name)
        print("writing the files …", flush=True)
        _write_csv(directory / "people.csv", NAMES, texts(rows))
        _write_xlsx(
            directory / "people.xlsx",
            itertools.islice(texts(rows), int(scale.members * XLSX_SHARE)),
        )
        _write_csv(directory / "express.csv", _picked(NAMES), _express(rows))
        requests = list(_requests(rows, scale.chunk_rows))
        for number in range(1, scale.runs + 1):
            print(f"files, run {number} of {scale.runs}", flush=True)
            _stream(board, directory, requests)
            _csv(board, directory / "people.csv")
            _xlsx(board, directory / "people.xlsx")
            _express_list(board, directory / "express.csv")
            board.save()
    return board


def texts(rows: Pass) -> Iterator[list[str]]:
    """Yields the cells of each row as far as the charset has their characters."""
    for request in chunks.requests(rows, 1_000):
        message = import_service_pb2.StreamImportRequest.FromString(request)
        for row in message.chunk.rows:
            yield [cell.decode().encode(CHARSET, "ignore").decode(CHARSET) for cell in row.cells]


def _picked(cells: Iterable[str]) -> list[str]:
    found = list(cells)
    return [found[column] for column in EXPRESS_COLUMNS]


def _express(rows: Pass) -> Iterator[list[str]]:
    picked = list(map(_picked, texts(rows)))
    for _ in range(EXPRESS_TIMES):
        yield from picked


def _requests(rows: Pass, chunk_rows: int) -> Iterator[bytes]:
    """Encodes the same rows for StreamImport."""
    cells = texts(rows)
    for number in itertools.count(1):
        message = import_service_pb2.StreamImportRequest()
        for row in itertools.islice(cells, chunk_rows):
            message.chunk.rows.add(cells=[cell.encode() for cell in row])
        if not message.chunk.rows:
            return
        message.chunk.number = number
        yield message.SerializeToString()


def _stream(board: Board, directory: Path, requests: Iterable[bytes]) -> None:
    with _fresh_server(directory) as server, server.channel() as channel:
        sent = zmey_server.import_stream(channel, requests)
    board.add(STREAM, sent.rows_per_second, "rows/s", "the same rows")


def _csv(board: Board, path: Path) -> None:
    started = time.perf_counter()
    with path.open(encoding=CHARSET, newline="") as file:
        count = sum(1 for _ in csv.reader(file, delimiter=";")) - 1
    note = "decoded and split into cells"
    board.add(CSV_PEER, count / (time.perf_counter() - started), "rows/s", note)
    with _fresh_server(path.parent) as server, server.channel() as channel:
        file_import = FileImport(channel, path)
        note = f"{path.stat().st_size:,} bytes"
        board.add(PROBE, file_import.probe_seconds(), "s", note)
        seconds = file_import.run_seconds()
        board.add(CSV, count / seconds, "rows/s", "without the upload")
        _steps(board, "CSV", server, seconds)


def _xlsx(board: Board, path: Path) -> None:
    started = time.perf_counter()
    book = load_workbook(path, read_only=True)
    count = sum(1 for _ in book.worksheets[0].iter_rows(values_only=True)) - 1
    board.add(XLSX_PEER, count / (time.perf_counter() - started), "rows/s", "read-only mode")
    book.close()
    with _fresh_server(path.parent) as server, server.channel() as channel:
        seconds = FileImport(channel, path).run_seconds()
        note = "without the upload, unpacked in a process of its own"
        board.add(XLSX, count / seconds, "rows/s", note)
        _steps(board, "XLSX", server, seconds)


def _express_list(board: Board, path: Path) -> None:
    with _fresh_server(path.parent) as server, server.channel() as channel:
        file_import = FileImport(channel, path)
        seconds = file_import.run_seconds(express=True)
        board.add(EXPRESS, file_import.rows / seconds * 60, "rows/minute", "without the upload")
        _steps(board, "express", server, seconds)


def _steps(board: Board, what: str, server: Server, seconds: float) -> None:
    """Adds where the time of the one import of a server went."""
    spent = server.metrics()
    for step, metric in STEPS.items():
        board.add(f"{what}: {step}", 100 * spent[metric] / seconds, "% of its time")


class FileImport:
    """One import of a file that is uploaded.

    Attributes:
        rows: how many rows it had; 0 before it has run.
    """

    def __init__(self, channel: grpc.Channel, path: Path) -> None:
        self._stubs = Stubs(channel)
        with path.open("rb") as file:
            self._source = jobs.ImportSource(upload=upload_file(self._stubs, SPACE, file))
        self._options = ImportOptions(space=SPACE, policy=POLICY)
        self.rows = 0

    def probe_seconds(self) -> float:
        """Probes the file; returns how long that took."""
        started = time.perf_counter()
        self._stubs.imports.ProbeImport(
            jobs.ProbeImportRequest(source=self._source, options=self._options)
        )
        return time.perf_counter() - started

    def run_seconds(self, *, express: bool = False) -> float:
        """Imports the file; returns how long that took.

        Raises:
            RuntimeError: it did not succeed.
        """
        request = jobs.StartImportRequest(
            source=self._source, options=self._options, express=express
        )
        started = time.perf_counter()
        asked = self._stubs.imports.StartImport(request)
        wait = operations_pb2.WaitOperationRequest(
            name=asked.operation, timeout=Duration(seconds=_WAIT_SECONDS)
        )
        operation = self._stubs.operations.WaitOperation(wait)
        seconds = time.perf_counter() - started
        metadata = jobs.ImportMetadata()
        operation.metadata.Unpack(metadata)
        if metadata.state != jobs.IMPORT_STATE_SUCCEEDED:
            message = f"the import did not succeed: {operation.error.message}"
            raise RuntimeError(message)
        self.rows = metadata.counters.read
        return seconds


@contextlib.contextmanager
def _fresh_server(directory: Path) -> Iterator[Server]:
    with (
        tempfile.TemporaryDirectory(prefix="store-", dir=directory) as name,
        zmey_server.running(Path(name) / "store") as server,
    ):
        yield server


def _write_csv(path: Path, names: Iterable[str], rows: Iterable[Iterable[str]]) -> None:
    with path.open("w", encoding=CHARSET, newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(names)
        writer.writerows(rows)


def _write_xlsx(path: Path, rows: Iterable[list[str]]) -> None:
    book = Workbook(write_only=True)
    sheet = book.create_sheet("people")
    sheet.append(NAMES)
    for cells in rows:
        sheet.append(cells)
    book.save(path)


if __name__ == "__main__":
    main()
