"""What runs imports, beside a core that fails now and then; and calls at the edge of a shutdown."""

import errno
import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.longrunning import operations_pb2 as lro
from google.protobuf.duration_pb2 import Duration
from google.rpc import error_details_pb2, status_pb2

from support.core import Api, open_api
from support.imports import email_column, ignored_column
from support.policies import fields_being_built, policy
from support.sources import settings
from zmey._native import CoreError
from zmey.imports.core_jobs import CoreJobs
from zmey.imports.files import Files, Original
from zmey.imports.folder import ImportFolder
from zmey.imports.names import operation_name
from zmey.imports.runner import Runner
from zmey.imports.service import ImportOperations
from zmey.internal.v1.jobs_pb2 import Job
from zmey.refusal import RefusedError
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1 import import_job_pb2 as jobs
from zmey.v1.import_rows_pb2 import ImportOptions

ROWS = b"member.email,name\nann@example.com,Ann\nnobody,Bo\ncy@example.com,Cy\n"
FILE_BYTES_MAX = 1024 * 1024
# Much longer than any step of these tests takes.
PATIENCE_SECONDS = 20.0
INTERNAL = grpc.StatusCode.INTERNAL.value[0]


class FlakyCore:
    """A core of which single methods fail as long as they are named in `failing`."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.failing: dict[str, int] = {}
        self.calls: list[str] = []
        self.claimed: Callable[[], None] = lambda: None

    def call(self, method: str, request: bytes, deadline_seconds: float | None = None) -> bytes:
        """Answers or fails."""
        name = method.rpartition("/")[2]
        self.calls.append(name)
        if self.failing.get(name, 0):
            self.failing[name] -= 1
            raise _core_error()
        answer = self.api.core.call(method, request, deadline_seconds)
        if name == "ClaimJob" and answer:
            self.claimed()
        return answer


def _core_error() -> CoreError:
    error = CoreError("the store is full")
    error.code, error.message, error.status = INTERNAL, "the store is full", b""
    return error


class World:
    """Everything that runs imports, around a core in memory."""

    def __init__(self, path: Path, api: Api | None = None) -> None:
        self.api = api or open_api()
        self.core = FlakyCore(self.api)
        self.jobs = CoreJobs(self.core)
        self.folder = ImportFolder(path / "imports", FILE_BYTES_MAX)
        self.files = Files(self.folder, settings(upload_folder=path))
        self.runner = Runner(self.jobs, self.folder, self.files, [self.api.space], 1)
        self.runner.trouble_seconds = 0.01
        self.imports = ImportOperations(self.jobs, self.folder, self.files, self.runner, 1)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Runs imports meanwhile."""
        self.runner.start()
        try:
            yield
        finally:
            self.runner.stop()
            self.runner.join()

    def start(self, content: bytes = ROWS, **asked: Any) -> int:
        """Starts an import; returns its number."""
        source = jobs.ImportSource(inline=jobs.InlineSource(content=content))
        asked = {"source": source, "options": ImportOptions(space=self.api.space)} | asked
        answer = self.imports.start(jobs.StartImportRequest(**asked), None)
        return int(answer.operation.rpartition("/")[2])

    def get(self, job_id: int) -> Job:
        """Returns an import as it is."""
        return CoreJobs(self.api.core).get(self.api.space, job_id)

    def ended(self, job_id: int) -> Job:
        """Returns an import that has ended."""
        eventually(lambda: self.get(job_id).metadata.finished_seconds > 0)
        return self.get(job_id)

    def wait(self, job_id: int, **timeout: int) -> lro.Operation:
        """WaitOperation without a deadline."""
        name = operation_name(self.api.space, job_id)
        asked = lro.WaitOperationRequest(name=name, timeout=Duration(**timeout))
        return self.imports.wait_operation(asked, None)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def eventually(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, "it did not come to that"
        time.sleep(0.01)


@pytest.mark.parametrize("name", ["RunJob", "UpdateJob", "GetJob"])
def test_an_import_goes_on_when_the_store_recovers(world: World, name: str) -> None:
    world.core.failing[name] = 3
    with world.running():
        job = world.ended(world.start())
    assert job.metadata.state == jobs.IMPORT_STATE_SUCCEEDED
    assert (job.metadata.counters.created, job.metadata.counters.rejected) == (2, 1)
    assert world.core.calls.count(name) > 3


def test_an_import_that_cannot_even_fail_fails_later(world: World) -> None:
    world.core.failing["FailJob"] = 2
    with world.running():
        job = world.ended(world.start(b""))
    assert job.metadata.state == jobs.IMPORT_STATE_FAILED


def test_an_import_waits_for_the_index_of_its_field(world: World) -> None:
    """Each of its rows would be refused, although the same file is right a moment later."""
    with world.running():
        for path in fields_being_built(world.api):
            before = world.core.calls.count("RunJob")
            rows = f"@{path},member.email\n7,{path}@example.com\n"
            counters = world.ended(world.start(rows.encode())).metadata.counters
            assert (counters.updated, counters.rejected) == (1, 0)
            if world.core.calls.count("RunJob") > before + 1:
                return


def test_an_import_is_cancelled_while_the_store_fails(world: World) -> None:
    world.runner.trouble_seconds = 10 * PATIENCE_SECONDS
    world.core.failing["RunJob"] = 1
    with world.running():
        job_id = world.start()
        eventually(lambda: "RunJob" in world.core.calls)
        assert not world.get(job_id).metadata.finished_seconds
        world.jobs.cancel(world.api.space, job_id)
        job = world.ended(job_id)
    assert job.metadata.state == jobs.IMPORT_STATE_CANCELLED


def test_stopping_does_not_wait_for_the_store(world: World) -> None:
    world.runner.trouble_seconds = 10 * PATIENCE_SECONDS
    world.core.failing["RunJob"] = 1
    started = time.monotonic()
    with world.running():
        job_id = world.start()
        eventually(lambda: "RunJob" in world.core.calls)
    assert time.monotonic() - started < PATIENCE_SECONDS
    assert world.get(job_id).metadata.state == jobs.IMPORT_STATE_FETCHING, (
        "the next process goes on"
    )


def test_what_nobody_foresaw_ends_an_import(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> Path:
        message = "/a/path and ann@example.com"
        raise RuntimeError(message)

    monkeypatch.setattr(world.files, "original", broken)
    with world.running():
        job_id = world.start()
        job = world.ended(job_id)
        operation = world.wait(job_id)
    assert job.metadata.state == jobs.IMPORT_STATE_FAILED
    assert (operation.error.code, operation.error.message) == (INTERNAL, "internal error")
    assert b"ann" not in job.error


def test_an_import_that_ends_just_before_it_is_run_holds_nobody_up(world: World) -> None:
    gone = world.start()
    world.core.claimed = lambda: _end_once(world, gone)
    with world.running():
        job = world.ended(world.start(ROWS + b"dee@example.com,Dee\n"))
    assert job.metadata.counters.created == 3
    assert world.get(gone).metadata.state == jobs.IMPORT_STATE_FAILED
    uploads, folders = world.folder.files(world.api.space)
    assert (len(uploads), folders) == (2, [])


def _end_once(world: World, job_id: int) -> None:
    if not world.get(job_id).metadata.finished_seconds:
        CoreJobs(world.api.core).fail(job_id, b"")


def test_a_fetch_is_given_up_only_where_its_import_is(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import whose state cannot be read for a moment is not one that is cancelled."""
    (world.folder.path.parent / "people.csv").write_bytes(ROWS)
    source = jobs.ImportSource(url=jobs.UrlSource(url="rfs://upload/people.csv"))
    fetched = world.files.original

    def fetching(*asked: Any) -> Original:
        world.core.failing["GetJob"] = 1
        assert not asked[-1].is_cancelled()
        return fetched(*asked)

    monkeypatch.setattr(world.files, "original", fetching)
    with world.running():
        job = world.ended(world.start(source=source))
    assert job.metadata.state == jobs.IMPORT_STATE_SUCCEEDED


def folder_source(world: World, name: str, asked: dict[str, Any]) -> jobs.ImportSource:
    """A folder of the upload folder, with rows and a request.json."""
    folder = world.folder.path.parent / name
    folder.mkdir()
    (folder / "data.csv").write_bytes(ROWS)
    (folder / "request.json").write_text(json.dumps(asked))
    return jobs.ImportSource(url=jobs.UrlSource(url=f"rfs://upload/{name}/"))


def test_an_import_whose_group_is_at_work_waits_with_its_file(world: World) -> None:
    """Its request.json names the group, so that nobody knew when it was claimed."""
    first = world.start(auto_group=jobs.AutoGroup(id="g"))
    assert CoreJobs(world.api.core).claim() is not None, "another thread is at it"
    source = folder_source(world, "later", {"auto_group": {"id": "g"}, "clean_group": 1})
    with world.running():
        later = world.start(source=source)
        eventually(lambda: bool(world.get(later).file_path))
        time.sleep(0.1)
        job = world.get(later)
        assert job.metadata.state == jobs.IMPORT_STATE_QUEUED
        assert job.metadata.queue_position == 1
        shutil.rmtree(world.folder.path.parent / "later")
        # Others go on meanwhile.
        other = world.ended(world.start(ROWS + b"dee@example.com,Dee\n"))
        assert other.metadata.state == jobs.IMPORT_STATE_SUCCEEDED
        assert world.get(later).metadata.state == jobs.IMPORT_STATE_QUEUED
        _end_once(world, first)
        world.runner.wake()
        job = world.ended(later)
    assert job.metadata.state == jobs.IMPORT_STATE_SUCCEEDED
    assert world.core.calls.count("RunJob") == 2
    assert (job.metadata.group.id, job.request.clean_group) == ("g", True)
    _, folders = world.folder.files(world.api.space)
    assert folders == [], "nothing of it is left"


def test_an_import_that_waits_with_its_file_is_cancelled(world: World) -> None:
    world.start(auto_group=jobs.AutoGroup(id="g"), clean_group=True)
    assert CoreJobs(world.api.core).claim() is not None
    with world.running():
        later = world.start(source=folder_source(world, "later", {"auto_group": {"id": "g"}}))
        eventually(lambda: bool(world.get(later).file_path))
        world.jobs.cancel(world.api.space, later)
        job = world.ended(later)
    assert job.metadata.state == jobs.IMPORT_STATE_CANCELLED


@pytest.mark.parametrize(
    ("asked", "second"),
    [({"addr_type": "email"}, "addr_type"), ({"caption": [{"datakey": "member.email"}]}, "names")],
)
def test_a_request_file_does_not_say_what_columns_say(
    world: World, asked: dict[str, Any], second: str
) -> None:
    source = folder_source(world, "people", asked)
    options = ImportOptions(space=world.api.space, columns=[email_column(), ignored_column()])
    with world.running():
        job = world.ended(world.start(source=source, options=options))
        with pytest.raises(CoreError) as refused:
            world.imports.probe(jobs.ProbeImportRequest(source=source, options=options), None)
    assert job.metadata.state == jobs.IMPORT_STATE_FAILED
    for status in (job.error, refused.value.status):
        info = error_details_pb2.ErrorInfo()
        assert status_pb2.Status.FromString(status).details[0].Unpack(info)
        assert info.reason == "ERROR_REASON_OPTIONS_CONFLICT"
        assert info.metadata == {"first": "options.columns", "second": f"reading.{second}"}


def test_a_wait_ends_when_the_process_does(world: World) -> None:
    job_id = world.start()
    operations: list[lro.Operation] = []
    waiting = threading.Thread(target=lambda: operations.append(world.wait(job_id, seconds=3_000)))
    waiting.start()
    time.sleep(0.1)
    world.runner.stop()
    waiting.join(PATIENCE_SECONDS)
    assert [operation.done for operation in operations] == [False]


@pytest.mark.parametrize("seconds", [2**62, -(2**62)])
def test_a_wait_may_be_asked_for_of_any_length(world: World, seconds: int) -> None:
    job_id = world.start()
    world.runner.stop()
    assert not world.wait(job_id, seconds=seconds).done


def test_all_operations_are_listed_although_their_pages_are_bounded(world: World) -> None:
    names = {f"{number:0>1000}": "x" for number in range(1_000)}
    asked = [
        world.start(reading=jobs.ImportReading(renames=names), track_info=f"number {number}")
        for number in range(10)
    ]
    request = lro.ListOperationsRequest(name="spaces/1/1", page_size=100)
    found: list[int] = []
    pages = 0
    while True:
        page = world.imports.list_operations(request, None)
        assert page.operations
        pages += 1
        found.extend(int(one.name.rpartition("/")[2]) for one in page.operations)
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    assert found == asked[::-1]
    assert pages > 1


@pytest.mark.parametrize("token", ["x", "0", "-1", "1" * 20, "9" * 5_000, "²"])
def test_a_page_token_that_no_list_had_is_refused(world: World, token: str) -> None:
    request = lro.ListOperationsRequest(name="spaces/1/1", page_token=token)
    with pytest.raises(RefusedError) as refused:
        world.imports.list_operations(request, None)
    assert refused.value.reason == reasons.ERROR_REASON_FIELD_INVALID


def probe(world: World, source: jobs.ImportSource) -> jobs.ProbeImportResponse:
    options = ImportOptions(space=world.api.space)
    return world.imports.probe(jobs.ProbeImportRequest(source=source, options=options), None)


def test_a_probe_leaves_only_what_its_uid_names(world: World) -> None:
    (world.folder.path.parent / "people.csv").write_bytes(ROWS)
    answer = probe(world, jobs.ImportSource(url=jobs.UrlSource(url="rfs://upload/people.csv")))
    uploads, _ = world.folder.files(world.api.space)
    assert [path.name for path in uploads] == [answer.uid]
    assert list(world.folder.probes.iterdir()) == []


def test_probes_are_bounded_and_end_with_the_process(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (world.folder.path.parent / "people.csv").write_bytes(ROWS)
    source = jobs.ImportSource(url=jobs.UrlSource(url="rfs://upload/people.csv"))
    fetched = world.files.original

    def busy(*asked: Any) -> Original:
        with pytest.raises(RefusedError) as refused:
            probe(world, source)
        assert refused.value.reason == reasons.ERROR_REASON_OVERLOADED
        return fetched(*asked)

    monkeypatch.setattr(world.files, "original", busy)
    assert probe(world, source).uid
    monkeypatch.setattr(world.files, "original", fetched)
    world.imports.interrupt()
    with pytest.raises(RefusedError) as refused:
        probe(world, source)
    assert refused.value.reason == reasons.ERROR_REASON_SHUTTING_DOWN


def test_a_probe_needs_a_source(world: World) -> None:
    with pytest.raises(RefusedError) as refused:
        probe(world, jobs.ImportSource())
    assert refused.value.reason == reasons.ERROR_REASON_FIELD_REQUIRED


def test_marks_are_filled_by_the_clock_of_the_space(tmp_path: Path) -> None:
    world = World(tmp_path, open_api(time_zone="Asia/Tokyo"))
    assert world.jobs.now(world.api.space).utcoffset() == timedelta(hours=9)
    world.api.update_policy(policy(time_zone="Pacific/Kiritimati"))
    now = world.jobs.now(world.api.space)
    assert now.utcoffset() == timedelta(hours=14)
    (tmp_path / f"{now:%Y-%m-%d}.csv").write_bytes(ROWS)
    source = jobs.ImportSource(url=jobs.UrlSource(url="rfs://upload/{YYYY-MM-DD}.csv"))
    with world.running():
        job = world.ended(world.start(source=source))
    assert job.metadata.state == jobs.IMPORT_STATE_SUCCEEDED


def test_an_upload_finds_a_full_disk(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "/a/path")

    with world.folder.begin_upload(world.api.space) as upload:
        upload.write(ROWS)
        monkeypatch.setattr("zmey.imports.folder.os.fsync", full)
        with pytest.raises(RefusedError) as refused:
            upload.keep()
    assert refused.value.reason == reasons.ERROR_REASON_OVERLOADED
    assert "/a/path" not in refused.value.message
    assert world.folder.files(world.api.space) == ([], [])


@pytest.mark.parametrize(
    ("begun", "made", "seconds"),
    [(0, [1, 2, 3], 2), (1, [2, 3], 2), (2, [3], 1), (3, [3], 0)],
)
def test_attempts_go_on_after_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch, begun: int, made: list[int], seconds: int
) -> None:
    """What an earlier process tried counts, and the interval after it is kept."""
    source = jobs.UrlSource(url="rfs://upload/missing.csv", attempts=3, interval_seconds=1)
    job_id = world.start(source=jobs.ImportSource(url=source))
    if begun:
        world.jobs.update(job_id, attempt=begun)
    attempts, update = [], world.jobs.update

    def counted(job_id: int, **asked: Any) -> Job:
        attempts.append(asked["attempt"])
        return update(job_id, **asked)

    monkeypatch.setattr(world.jobs, "update", counted)
    began = time.monotonic()
    with world.running():
        job = world.ended(job_id)
    assert job.metadata.state == jobs.IMPORT_STATE_FAILED
    assert attempts == made
    assert time.monotonic() - began >= seconds


def test_marks_have_the_moment_of_the_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever goes on after midnight asks for the same file."""
    (world.folder.path.parent / "people.csv").write_bytes(ROWS)
    source = jobs.ImportSource(url=jobs.UrlSource(url="rfs://upload/people.csv"))
    moments, fetched = [], world.files.original

    def fetching(*asked: Any) -> Original:
        moments.append(asked[-1].now().timestamp())
        return fetched(*asked)

    monkeypatch.setattr(world.files, "original", fetching)
    job_id = world.start(source=source)
    with world.running():
        job = world.ended(job_id)
    assert moments == [job.metadata.created_seconds]
