"""The imports that the core keeps, with messages instead of bytes."""

import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from google.protobuf.message import Message

from zmey.internal.v1 import jobs_pb2 as internal
from zmey.v1.admin_service_pb2 import GetPolicyRequest, GetPolicyResponse
from zmey.v1.import_job_pb2 import ProbeImportRequest, ProbeImportResponse, StartImportRequest
from zmey.v1.import_rows_pb2 import ImportColumn
from zmey.v1.member_pb2 import Warning as FileWarning
from zmey.v1.space_pb2 import Space

_SERVICE = "/zmey.internal.v1.JobService/"
_GET_POLICY = "/zmey.v1.AdminService/GetPolicy"
_PAGE = 1_000

_Answer = TypeVar("_Answer", bound=Message)


class CallableCore(Protocol):
    """What answers calls: the core."""

    def call(self, method: str, request: bytes, deadline_seconds: float | None = None) -> bytes:
        """Answers one unary call."""


class CoreJobs:
    """The methods of `zmey.internal.v1.JobService`; each raises CoreError where it is refused."""

    def __init__(self, core: CallableCore) -> None:
        self._core = core

    def create(self, request: StartImportRequest) -> internal.CreateJobResponse:
        """Stores an import at the end of the queue, or finds the one of the same request id."""
        asked = internal.CreateJobRequest(request=request)
        return self._call("CreateJob", asked, internal.CreateJobResponse)

    def get(self, space: Space, job_id: int) -> internal.Job:
        """Reads an import."""
        asked = internal.GetJobRequest(space=space, job_id=job_id)
        return self._call("GetJob", asked, internal.GetJobResponse).job

    def page(self, space: Space, before_job_id: int, page_size: int) -> list[internal.Job]:
        """Reads the newest imports of a space that are older than one; 0 begins with the newest."""
        asked = internal.ListJobsRequest(
            space=space, before_job_id=before_job_id, page_size=page_size
        )
        return list(self._call("ListJobs", asked, internal.ListJobsResponse).jobs)

    def require(self, space: Space) -> None:
        """Makes sure that a space is served, before anything is kept for it."""
        self.page(space, 0, 1)

    def every(self, space: Space) -> Iterator[internal.Job]:
        """Reads all imports of a space, newest first."""
        before = 0
        while jobs := self.page(space, before, _PAGE):
            yield from jobs
            before = jobs[-1].job_id

    def cancel(self, space: Space, job_id: int) -> internal.Job:
        """Ends a queued import, or asks a running one to stop."""
        asked = internal.CancelJobRequest(space=space, job_id=job_id)
        return self._call("CancelJob", asked, internal.CancelJobResponse).job

    def delete(self, space: Space, job_id: int) -> None:
        """Forgets an import that has ended."""
        asked = internal.DeleteJobRequest(space=space, job_id=job_id)
        self._call("DeleteJob", asked, internal.DeleteJobResponse)

    def claim(self) -> internal.Job | None:
        """Takes the import that is to run next, if there is one."""
        answer = self._call("ClaimJob", internal.ClaimJobRequest(), internal.ClaimJobResponse)
        return answer.job if answer.HasField("job") else None

    def update(
        self,
        job_id: int,
        *,
        attempt: int | None = None,
        file_path: str | None = None,
        request: StartImportRequest | None = None,
        warnings: Iterable[FileWarning] = (),
    ) -> internal.Job:
        """Keeps what is known of an import besides its rows."""
        asked = internal.UpdateJobRequest(
            job_id=job_id,
            attempt=attempt,
            file_path=file_path,
            request=request,
            warnings=warnings,
        )
        return self._call("UpdateJob", asked, internal.UpdateJobResponse).job

    def fail(self, job_id: int, status: bytes) -> internal.Job:
        """Ends an import that cannot begin or go on."""
        asked = internal.FailJobRequest(job_id=job_id, error=status)
        return self._call("FailJob", asked, internal.FailJobResponse).job

    def run(self, job_id: int, path: str) -> internal.Job:
        """Applies the rows of a file; returns when the import has ended or the core closes."""
        asked = internal.RunJobRequest(job_id=job_id, path=path)
        return self._call("RunJob", asked, internal.RunJobResponse).job

    def probe(self, request: ProbeImportRequest, path: str) -> ProbeImportResponse:
        """Tells what an import of a file would do."""
        asked = internal.ProbeFileRequest(request=request, path=path)
        return self._call("ProbeFile", asked, internal.ProbeFileResponse).response

    def rejects(self, space: Space, job_id: int) -> Iterator[internal.RejectedRow]:
        """Reads the rejected rows of an import in their order."""
        after = 0
        while True:
            asked = internal.ReadRejectsRequest(space=space, job_id=job_id, after_batch=after)
            page = self._call("ReadRejects", asked, internal.ReadRejectsResponse)
            if not page.rejects:
                return
            yield from page.rejects
            after = page.last_batch

    def named(
        self, columns: Iterable[ImportColumn], *, express: bool
    ) -> list[internal.ReportColumn]:
        """Names columns for a report, so that it is read as the file was."""
        asked = internal.NameColumnsRequest(columns=columns, express=express)
        return list(self._call("NameColumns", asked, internal.NameColumnsResponse).columns)

    def now(self, space: Space) -> datetime:
        """Tells the time by the clock of a space."""
        return self.local_time(space, time.time())

    def local_time(self, space: Space, seconds: float) -> datetime:
        """Tells a moment, in seconds of Unix time, by the clock of a space."""
        asked = GetPolicyRequest(space=space).SerializeToString()
        answer = GetPolicyResponse.FromString(self._core.call(_GET_POLICY, asked))
        zone = answer.state.policy.time_zone
        return datetime.fromtimestamp(seconds, ZoneInfo(zone) if zone else UTC)

    def _call(self, name: str, request: Message, answer: type[_Answer]) -> _Answer:
        return answer.FromString(self._core.call(_SERVICE + name, request.SerializeToString()))
