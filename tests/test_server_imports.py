"""Imports that the server runs, through the contract: sources, operations, reports, restarts."""

import base64
import bz2
import gzip
import io
import json
import lzma
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2 as lro
from google.protobuf.duration_pb2 import Duration

from conftest import StartServer
from running_server import RunningServer
from test_sources_sheets import table, xlsx
from zmey.cli.import_watch import unpack_metadata
from zmey.client import Client, fault_of
from zmey.client.uploads import upload_file
from zmey.reasons import reason_name
from zmey.v1 import import_job_pb2 as jobs
from zmey.v1.import_job_pb2 import UploadSourceRequest
from zmey.v1.import_rows_pb2 import GroupOrders, ImportOptions
from zmey.v1.space_pb2 import Space

SPACE = Space(account_id=1, db_id=1)
ROWS = b"member.email,name\nann@example.com,Ann\nnobody,Bo\ncy@example.com,Cy\n"
WAIT_SECONDS = 30


def request(source: jobs.ImportSource, **others: Any) -> jobs.StartImportRequest:
    return jobs.StartImportRequest(source=source, options=ImportOptions(space=SPACE), **others)


def inline(content: bytes, *, is_base64: bool = False) -> jobs.ImportSource:
    return jobs.ImportSource(inline=jobs.InlineSource(content=content, base64=is_base64))


def start(client: Client, source: jobs.ImportSource, **others: Any) -> str:
    name: str = client.imports.StartImport(request(source, **others)).operation
    return name


def wait(client: Client, name: str) -> lro.Operation:
    asked = lro.WaitOperationRequest(name=name, timeout=Duration(seconds=WAIT_SECONDS))
    operation = client.operations.WaitOperation(asked)
    assert operation.done
    return operation


def ended(client: Client, source: jobs.ImportSource, **others: Any) -> jobs.ImportMetadata:
    """Imports and returns the end of it, which must be a good one."""
    operation = wait(client, start(client, source, **others))
    assert not operation.HasField("error"), operation.error
    metadata = unpack_metadata(operation)
    response = jobs.ImportMetadata()
    assert operation.response.Unpack(response)
    assert response == metadata
    return metadata


def counts(metadata: jobs.ImportMetadata) -> tuple[int, int, int, int]:
    counters = metadata.counters
    return counters.read, counters.created, counters.unchanged, counters.rejected


def reason_of(failing: Callable[[], object]) -> str:
    with pytest.raises(grpc.RpcError) as failed:
        failing()
    return fault_of(failed.value).reason.removeprefix("ERROR_REASON_")


def zipped(content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("people.csv", content)
    return packed.getvalue()


SOURCES: dict[str, Callable[[Client], jobs.ImportSource]] = {
    "inline": lambda _: inline(ROWS),
    "inline base64": lambda _: inline(base64.encodebytes(ROWS), is_base64=True),
    "inline gzip": lambda _: inline(gzip.compress(ROWS)),
    "inline zip": lambda _: inline(zipped(ROWS)),
    "upload": lambda client: jobs.ImportSource(upload=upload_file(client, SPACE, io.BytesIO(ROWS))),
    "probe": lambda client: jobs.ImportSource(
        probe_uid=client.imports.ProbeImport(
            jobs.ProbeImportRequest(source=inline(ROWS), options=ImportOptions(space=SPACE))
        ).uid
    ),
}


@pytest.mark.parametrize("kind", SOURCES)
def test_every_source_gives_the_same(client: Client, kind: str) -> None:
    metadata = ended(client, SOURCES[kind](client))
    assert counts(metadata) == (3, 2, 0, 1)
    assert metadata.state == jobs.IMPORT_STATE_SUCCEEDED
    assert metadata.created_seconds <= metadata.started_seconds <= metadata.finished_seconds
    again = ended(client, SOURCES[kind](client))
    assert counts(again) == (3, 0, 2, 1)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server for a folder."""
    folder = tmp_path / "web"
    folder.mkdir()
    handler = partial(_QuietHandler, directory=str(folder))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", folder
    server.shutdown()
    thread.join()
    server.server_close()


class _QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


def url(address: str) -> jobs.ImportSource:
    return jobs.ImportSource(url=jobs.UrlSource(url=address))


def test_a_url_and_a_folder_with_its_request(
    start_server: StartServer, web: tuple[str, Path]
) -> None:
    base, folder = web
    (folder / "people.csv").write_bytes(ROWS)
    request_file = {"charset": "cp1251", "track.info": "from the file", "content_type": "txt"}
    (folder / "request.json").write_text(json.dumps(request_file), encoding="utf-8")
    (folder / "import.txt").write_bytes(
        "member.email;name\ndee@example.com;Дина\n".encode("cp1251")
    )
    server = start_server("--allowed-networks", "127.0.0.0/8")
    with Client(server.address) as client:
        assert counts(ended(client, url(base + "people.csv"))) == (3, 2, 0, 1)
        metadata = ended(client, url(base))
    assert counts(metadata) == (1, 1, 0, 0)
    assert metadata.track_info == "from the file"
    assert metadata.layout.reading.charset == jobs.CHARSET_CP1251


@pytest.fixture
def shelf(start_server: StartServer, tmp_path: Path) -> Iterator[tuple[Client, Path]]:
    """A client of a server with an upload folder, and a folder in that."""
    folder = tmp_path / "shelf" / "d1"
    folder.mkdir(parents=True)
    server = start_server("--upload-folder", str(folder.parent))
    with Client(server.address) as client:
        yield client, folder


def probed(client: Client, source: jobs.ImportSource, **reading: Any) -> jobs.ProbeImportResponse:
    asked = jobs.ProbeImportRequest(source=source, options=ImportOptions(space=SPACE))
    asked.reading.MergeFrom(jobs.ImportReading(**reading))
    answer: jobs.ProbeImportResponse = client.imports.ProbeImport(asked)
    return answer


def test_what_was_probed_is_imported_with_its_request(shelf: tuple[Client, Path]) -> None:
    client, folder = shelf
    content = {
        "content_type": "",
        "charset": None,
        "basegroup.id": "bot",
        "firstline": "0",
        "if_exists": "error",
        "caption": [{"datakey": "member.email"}, {"datakey": "base.name", "mode": "update"}],
    }
    text = "\ufeff" + json.dumps(content)
    (folder / "request.json").write_text(text, encoding="utf-8")
    (folder / "data.csv").write_bytes(b"ann@example.com,Ann\n")
    first = probed(client, url("rfs://upload/d1/"))
    again = probed(client, jobs.ImportSource(probe_uid=first.uid))
    assert again == first
    assert [warning.details["field"] for warning in first.warnings] == ["basegroup.id"]
    metadata = ended(client, jobs.ImportSource(probe_uid=first.uid))
    assert counts(metadata) == (1, 1, 0, 0)
    assert [column.name for column in metadata.layout.columns] == [
        "member.email",
        "base.name:update",
    ]
    assert [warning.details["field"] for warning in metadata.warnings] == ["basegroup.id"]
    assert counts(ended(client, jobs.ImportSource(probe_uid=first.uid))) == (1, 0, 0, 1)


UNIMPORTABLE: dict[str, tuple[bytes, dict[str, Any], str]] = {
    "nothing": (b"", {}, "IMPORT_EMPTY"),
    "a mark of bytes": (b"\xef\xbb\xbf", {}, "IMPORT_EMPTY"),
    "a broken zip": (b"PK\x03\x04broken", {}, "SOURCE_FILE_INVALID"),
    "an object": (b'{"a": 1}', {"shape": jobs.FILE_SHAPE_JSON}, "IMPORT_SHAPE_UNKNOWN"),
    "another sheet": (
        xlsx(One=table(("member.email",))), {"sheet": "Two"}, "IMPORT_SHEET_UNKNOWN",
    ),
    "pdf": (b"%PDF-1.7\n", {}, "IMPORT_SHAPE_UNKNOWN"),
    "bzip2": (bz2.compress(ROWS), {}, "IMPORT_SHAPE_UNKNOWN"),
    "xz": (lzma.compress(ROWS), {}, "IMPORT_SHAPE_UNKNOWN"),
    "a packed page": (
        gzip.compress(b"\xef\xbb\xbf\n<!DOCTYPE html><title>Login"), {}, "IMPORT_SHAPE_UNKNOWN",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", UNIMPORTABLE)
def test_a_probe_warns_of_what_no_import_could_read(client: Client, what: str) -> None:
    content, reading, reason = UNIMPORTABLE[what]
    answer = probed(client, inline(content), **reading)
    assert answer.cannot_import
    assert reason_name(answer.warnings[0].reason) == reason
    assert answer.warnings[0].message
    assert probed(client, jobs.ImportSource(probe_uid=answer.uid), **reading) == answer


def test_a_page_in_the_place_of_a_file_is_told(client: Client) -> None:
    """Such as that of a login, which a URL leads to."""
    page = inline(b"<!DOCTYPE html>\n<html><body>Login, please</body></html>\n")
    operation = wait(client, start(client, page))
    assert operation.error.message.startswith("The file is an HTML page, perhaps of a login")
    assert operation.error.message == probed(client, page).warnings[0].message


def test_the_first_line_may_say_the_separator(client: Client) -> None:
    text = "sep=;\r\nmember.email;Имя\r\nann@example.com;Анна, Яна\r\nnobody;Бо\r\n"
    content = inline(text.encode())
    answer = probed(client, content)
    assert not answer.cannot_import, answer.warnings
    assert answer.layout.reading.separator == jobs.SEPARATOR_SEMICOLON
    assert answer.layout.separator_confidence == jobs.CONFIDENCE_CERTAIN
    assert [row.row for row in answer.rows] == [3, 4]
    for source in (content, jobs.ImportSource(probe_uid=answer.uid)):
        metadata = ended(client, source)
        assert counts(metadata)[0] == 2
        assert counts(metadata)[3] == 1


def test_a_probe_warns_of_a_wrong_request(shelf: tuple[Client, Path]) -> None:
    client, folder = shelf
    assert reason_of(lambda: probed(client, url("rfs://upload/d1/"))) == "SOURCE_MISSING"
    (folder / "data.csv").write_bytes(ROWS)
    for text, reason in (("{", "SOURCE_FILE_INVALID"), ('{"x": 1}', "REQUEST_FILE_INVALID")):
        (folder / "request.json").write_text(text, encoding="utf-8")
        answer = probed(client, url("rfs://upload/d1/"))
        assert answer.cannot_import
        assert [reason_name(warning.reason) for warning in answer.warnings] == [reason]


def test_a_private_address_is_not_visited(server: RunningServer, web: tuple[str, Path]) -> None:
    with Client(server.address) as client:
        operation = wait(client, start(client, url(web[0] + "people.csv")))
        assert unpack_metadata(operation).state == jobs.IMPORT_STATE_FAILED
        assert "allowed_networks" in operation.error.message
        probe = jobs.ProbeImportRequest(
            source=url(web[0] + "people.csv"), options=ImportOptions(space=SPACE)
        )
        assert reason_of(lambda: client.imports.ProbeImport(probe)) == "SOURCE_FORBIDDEN"


def test_a_repeated_request_is_one_import(client: Client) -> None:
    first = client.imports.StartImport(request(inline(ROWS), request_id="nightly-1"))
    again = client.imports.StartImport(request(inline(ROWS), request_id="nightly-1"))
    assert (first.repeated, again.repeated) == (False, True)
    assert again.operation == first.operation
    other = request(inline(ROWS + b"dee@example.com,Dee\n"), request_id="nightly-1")
    assert reason_of(lambda: client.imports.StartImport(other)) == "REQUEST_ID_REUSED"


def test_the_report_has_the_rejected_rows(client: Client) -> None:
    name = start(client, inline(ROWS))
    wait(client, name)
    pieces = client.imports.DownloadReport(jobs.DownloadReportRequest(operation=name))
    lines = b"".join(piece.content for piece in pieces).decode().splitlines()
    assert lines[0] == "row,reason,message,details,member.email,name"
    assert len(lines) == 2
    assert lines[1].startswith("3,")
    assert lines[1].endswith(",nobody,Bo")


def test_operations_are_listed_newest_first(client: Client) -> None:
    names = [start(client, inline(ROWS + b"\n" * n)) for n in range(5)]
    for name in names:
        wait(client, name)
    asked = lro.ListOperationsRequest(name="spaces/1/1", page_size=2)
    listed: list[str] = []
    while True:
        page = client.operations.ListOperations(asked)
        listed += [operation.name for operation in page.operations]
        if not page.next_page_token:
            break
        asked.page_token = page.next_page_token
    assert listed == names[::-1]


@pytest.fixture
def busy(start_server: StartServer, tmp_path: Path) -> RunningServer:
    """A server that runs one import at once, and so none while a file does not come."""
    folder = tmp_path / "rfs"
    folder.mkdir()
    return start_server("--import-jobs-max", "1", "--upload-folder", str(folder))


def never() -> jobs.ImportSource:
    """A file that does not come, however often it is asked for."""
    place = jobs.UrlSource(url="rfs://upload/never.csv", attempts=100, interval_seconds=3_600)
    return jobs.ImportSource(url=place)


def cancel(client: Client, name: str) -> None:
    client.operations.CancelOperation(lro.CancelOperationRequest(name=name))


def test_imports_wait_in_turn(busy: RunningServer) -> None:
    with Client(busy.address) as client:
        first = start(client, never())
        waiting = [start(client, inline(ROWS + b"\n" * n)) for n in range(3)]
        states = [
            unpack_metadata(client.operations.GetOperation(lro.GetOperationRequest(name=name)))
            for name in waiting
        ]
        assert [state.queue_position for state in states] == [1, 2, 3]
        cancel(client, first)
        ends = [unpack_metadata(wait(client, name)).finished_seconds for name in [first, *waiting]]
    assert ends == sorted(ends)


def test_a_queued_import_is_cancelled_at_once(busy: RunningServer) -> None:
    with Client(busy.address) as client:
        first = start(client, never())
        second = start(client, inline(ROWS))
        cancel(client, second)
        operation = wait(client, second)
        assert unpack_metadata(operation).state == jobs.IMPORT_STATE_CANCELLED
        assert operation.error.code == grpc.StatusCode.CANCELLED.value[0]
        cancel(client, first)
        assert unpack_metadata(wait(client, first)).state == jobs.IMPORT_STATE_CANCELLED
        client.operations.DeleteOperation(lro.DeleteOperationRequest(name=second))
        gone = lro.GetOperationRequest(name=second)
        assert reason_of(lambda: client.operations.GetOperation(gone)) == "IMPORT_UNKNOWN"


def test_a_cancel_finds_batches_that_wait(client: Client) -> None:
    """Rows that are read already and wait for the store are not applied any more."""
    many = 500_000
    lines = "".join(f"{number}\n" for number in range(1, many + 1))
    with io.BytesIO(f"member.csid\n{lines}".encode()) as file:
        source = jobs.ImportSource(upload=upload_file(client, SPACE, file))
    name = start(client, source)
    asked = lro.GetOperationRequest(name=name)
    while not unpack_metadata(client.operations.GetOperation(asked)).counters.read:
        time.sleep(0.01)
    cancel(client, name)
    metadata = unpack_metadata(wait(client, name))
    assert metadata.state == jobs.IMPORT_STATE_CANCELLED
    # All of the others wait at once in their window.
    assert metadata.counters.read < many / 2
    again = ended(client, source)
    assert again.counters.unchanged == metadata.counters.read, "what was counted is stored"
    assert again.counters.created == many - metadata.counters.read


def optioned(client: Client, **options: Any) -> object:
    """Asks for an import of which the file says what its columns are."""
    asked = ImportOptions(space=SPACE, **options)
    return client.imports.StartImport(jobs.StartImportRequest(source=inline(ROWS), options=asked))


REFUSED: dict[str, tuple[str, Callable[[Client], object]]] = {
    "no source": (
        "FIELD_REQUIRED",
        lambda client: client.imports.StartImport(request(jobs.ImportSource())),
    ),
    "unknown upload": (
        "UPLOAD_UNKNOWN",
        lambda client: start(client, jobs.ImportSource(upload="0" * 32)),
    ),
    "no base64": (
        "BASE64_INVALID",
        lambda client: start(client, inline(b"%%%", is_base64=True)),
    ),
    "unknown space": (
        "SPACE_UNKNOWN",
        lambda client: client.imports.StartImport(
            jobs.StartImportRequest(
                source=inline(ROWS), options=ImportOptions(space=Space(account_id=9, db_id=9))
            )
        ),
    ),
    "a long event key": ("LIMIT_EXCEEDED", partial(optioned, event_key="k" * 101)),
    "too many groups": (
        "LIMIT_EXCEEDED",
        partial(optioned, groups=GroupOrders(add=[f"g{number}" for number in range(101)])),
    ),
    "a source that is no address": ("FIELD_INVALID", partial(optioned, source="nowhere")),
    "upload without header": (
        "UPLOAD_NOT_OPENED",
        lambda client: client.imports.UploadSource(iter([UploadSourceRequest(content=b"x")])),
    ),
    "a name that is none": (
        "OPERATION_NAME_INVALID",
        lambda client: client.operations.GetOperation(lro.GetOperationRequest(name="x")),
    ),
    "an operation that never was": (
        "IMPORT_UNKNOWN",
        lambda client: client.operations.GetOperation(
            lro.GetOperationRequest(name="spaces/1/1/operations/4711")
        ),
    ),
    "a filter": (
        "FIELD_INVALID",
        lambda client: client.operations.ListOperations(
            lro.ListOperationsRequest(name="spaces/1/1", filter="done=true")
        ),
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_wrong_requests_are_refused(client: Client, what: str) -> None:
    reason, failing = REFUSED[what]
    assert reason_of(partial(failing, client)) == reason


def test_a_wait_ends_in_time(busy: RunningServer) -> None:
    with Client(busy.address) as client:
        name = start(client, never())
        asked = lro.WaitOperationRequest(name=name, timeout=Duration(nanos=1_000_000))
        assert not client.operations.WaitOperation(asked).done
        asked = lro.WaitOperationRequest(name=name)
        assert not client.operations.WaitOperation(asked, timeout=0.8).done
        cancel(client, name)
        wait(client, name)


def test_a_waiting_call_does_not_hold_up_the_end(busy: RunningServer) -> None:
    with Client(busy.address) as client:
        start(client, never())
        # It waits for its turn, so that nothing but the end of the server ends the call.
        asked = lro.WaitOperationRequest(name=start(client, inline(ROWS)))
        answer = client.operations.WaitOperation.future(asked)
        time.sleep(0.5)
        begun = time.monotonic()
        assert busy.terminate() == 0
        # The drain would last that long.
        assert time.monotonic() - begun < WAIT_SECONDS / 2
        assert not answer.result().done
