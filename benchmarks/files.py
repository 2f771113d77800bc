"""Imports of files that the server reads by itself, beside StreamImport of the same rows."""

import csv
import io
import tempfile
import time
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from xml.sax.saxutils import escape

import grpc
from google.longrunning import operations_pb2, operations_pb2_grpc
from google.protobuf.duration_pb2 import Duration

import chunks
import processes
import zmey_server
from chunks import Pass
from figures import Board
from scale import WORK_DIRECTORY, Scale, current
from zmey.client.uploads import upload_file
from zmey.v1 import import_job_pb2 as jobs
from zmey.v1 import import_service_pb2, import_service_pb2_grpc
from zmey.v1.import_rows_pb2 import ImportOptions
from zmey_server import POLICY, SPACE

STREAM = "StreamImport, chunks encoded beforehand"
CSV = "CSV in cp1251, from StartImport to its end"
XLSX = "XLSX, from StartImport to its end"
PROBE = "ProbeImport of the CSV"
CHARSET = "cp1251"
XLSX_ROWS_MAX = 200_000
NAMES = (
    "external_customer_id", "member.email", "member.msisdn", "first_name", "last_name",
    "birth_date", "city", "tags:json", "address:json", "stats:json", "consents:json",
)  # fmt: skip
_WAIT_SECONDS = 600
_SHEET_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="http://schemas.openxmlformats.org/'
    'spreadsheetml/2006/main"><sheetData>'
)
_PARTS = {
    "[Content_Types].xml": '<Types xmlns="http://schemas.openxmlformats.org/package/2006/'
    'content-types"><Default Extension="rels" ContentType="application/vnd.openxmlformats-package'
    '.relationships+xml"/><Override PartName="/xl/workbook.xml" ContentType="application/vnd.'
    'openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/><Override PartName="/xl/'
    'worksheets/sheet1.xml" ContentType="application/vnd.openxmlformats-officedocument.'
    'spreadsheetml.worksheet+xml"/></Types>',
    "_rels/.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/'
    'relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/officeDocument/'
    '2006/relationships/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
    ' xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"><sheets>'
    '<sheet name="people" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": '<Relationships xmlns="http://schemas.openxmlformats.org/package/'
    '2006/relationships"><Relationship Id="r1" Type="http://schemas.openxmlformats.org/'
    'officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures each way into a fresh store."""
    board = Board("files")
    rows = chunks.fresh(scale.members)
    chunks.prepare(rows)
    for number in range(1, scale.runs + 1):
        print(f"files, run {number} of {scale.runs}", flush=True)
        with tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as name:
            directory = Path(name)
            _write_csv(directory / "people.csv", texts(rows))
            _write_xlsx(directory / "people.xlsx", texts(rows), XLSX_ROWS_MAX)
            with zmey_server.running(directory / "stream") as server, server.channel() as channel:
                sent = zmey_server.import_stream(channel, _requests(rows, scale.chunk_rows))
                board.add(STREAM, sent.rows_per_second, "rows/s", "the same rows")
            with zmey_server.running(directory / "files") as server, server.channel() as channel:
                board.add(CSV, _import(board, channel, directory / "people.csv"), "rows/s")
            with zmey_server.running(directory / "sheets") as server, server.channel() as channel:
                board.add(XLSX, _import(None, channel, directory / "people.xlsx"), "rows/s")
        board.save()
    return board


def texts(rows: Pass) -> Iterator[list[str]]:
    """Yields the cells of each row as far as the charset has their characters."""
    for request in chunks.requests(rows, 1_000):
        message = import_service_pb2.StreamImportRequest.FromString(request)
        for row in message.chunk.rows:
            yield [cell.decode().encode(CHARSET, "ignore").decode(CHARSET) for cell in row.cells]


def _requests(rows: Pass, chunk_rows: int) -> list[bytes]:
    """Encodes the same rows for StreamImport."""
    requests: list[bytes] = []
    message = import_service_pb2.StreamImportRequest()
    for cells in texts(rows):
        message.chunk.rows.add(cells=[cell.encode() for cell in cells])
        if len(message.chunk.rows) == chunk_rows:
            message.chunk.number = len(requests) + 1
            requests.append(message.SerializeToString())
            message.Clear()
    if message.chunk.rows:
        message.chunk.number = len(requests) + 1
        requests.append(message.SerializeToString())
    return requests


def _import(board: Board | None, channel: grpc.Channel, path: Path) -> float:
    """Uploads a file and has it imported; returns rows a second without the upload."""
    imports = import_service_pb2_grpc.ImportServiceStub(channel)
    operations = operations_pb2_grpc.OperationsStub(channel)
    with path.open("rb") as file:
        stubs = type("Stubs", (), {"imports": imports})()
        upload = upload_file(stubs, SPACE, file)
    source, options = jobs.ImportSource(upload=upload), ImportOptions(space=SPACE, policy=POLICY)
    if board is not None:
        started = time.perf_counter()
        imports.ProbeImport(jobs.ProbeImportRequest(source=source, options=options))
        board.add(PROBE, time.perf_counter() - started, "s", f"{path.stat().st_size:,} bytes")
    started = time.perf_counter()
    asked = imports.StartImport(jobs.StartImportRequest(source=source, options=options))
    wait = operations_pb2.WaitOperationRequest(
        name=asked.operation, timeout=Duration(seconds=_WAIT_SECONDS)
    )
    operation = operations.WaitOperation(wait)
    seconds = time.perf_counter() - started
    metadata = jobs.ImportMetadata()
    operation.metadata.Unpack(metadata)
    if metadata.state != jobs.IMPORT_STATE_SUCCEEDED:
        message = f"the import of {path.name} did not succeed: {operation.error.message}"
        raise RuntimeError(message)
    return metadata.counters.read / seconds


def _write_csv(path: Path, rows: Iterable[list[str]]) -> None:
    with path.open("w", encoding=CHARSET, newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(NAMES)
        writer.writerows(rows)


def _write_xlsx(path: Path, rows: Iterable[list[str]], rows_max: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, content in _PARTS.items():
            archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            text = io.TextIOWrapper(sheet, encoding="utf-8")
            text.write(_SHEET_HEAD)
            text.write(_sheet_row(1, NAMES))
            for number, cells in enumerate(rows, start=2):
                if number > rows_max + 1:
                    break
                text.write(_sheet_row(number, cells))
            text.write("</sheetData></worksheet>")
            text.flush()
            text.detach()


def _sheet_row(number: int, cells: Iterable[str]) -> str:
    shown = "".join(
        f'<c r="{chr(ord("A") + column)}{number}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>'
        for column, cell in enumerate(cells)
    )
    return f'<row r="{number}">{shown}</row>'


if __name__ == "__main__":
    main()
