"""Imports that the server runs, through the internal methods of the core."""

from typing import Any

from support.core import Api
from zmey.internal.v1 import jobs_pb2 as jobs
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import import_rows_pb2 as rows_pb2

__all__ = [
    "JOBS",
    "create_job",
    "delete_job",
    "fail_job",
    "get_job",
    "probe_file",
    "started",
    "url_source",
]

JOBS = "/zmey.internal.v1.JobService/"


def started(api: Api, **asked: Any) -> import_job.StartImportRequest:
    """An import of an upload; `asked` are further fields of the request."""
    described: dict[str, Any] = {
        "source": import_job.ImportSource(upload="u-1"),
        "options": rows_pb2.ImportOptions(space=api.space),
    }
    return import_job.StartImportRequest(**(described | asked))


def url_source(**source: Any) -> import_job.ImportSource:
    """A file that is fetched in this way."""
    described = {"url": "https://example.com/file.csv"} | source
    return import_job.ImportSource(url=import_job.UrlSource(**described))


def create_job(api: Api, **asked: Any) -> jobs.Job:
    """JobService.CreateJob."""
    request = jobs.CreateJobRequest(request=started(api, **asked))
    return api.call(JOBS + "CreateJob", request, jobs.CreateJobResponse).job


def get_job(api: Api, job_id: int) -> jobs.Job:
    """JobService.GetJob."""
    request = jobs.GetJobRequest(space=api.space, job_id=job_id)
    return api.call(JOBS + "GetJob", request, jobs.GetJobResponse).job


def delete_job(api: Api, job_id: int) -> None:
    """JobService.DeleteJob."""
    request = jobs.DeleteJobRequest(space=api.space, job_id=job_id)
    api.call(JOBS + "DeleteJob", request, jobs.DeleteJobResponse)


def fail_job(api: Api, job_id: int) -> jobs.Job:
    """JobService.FailJob."""
    request = jobs.FailJobRequest(job_id=job_id, error=b"status")
    return api.call(JOBS + "FailJob", request, jobs.FailJobResponse).job


def probe_file(api: Api, path: str, **asked: Any) -> import_job.ProbeImportResponse:
    """JobService.ProbeFile."""
    described: dict[str, Any] = {"options": rows_pb2.ImportOptions(space=api.space)}
    probe = import_job.ProbeImportRequest(**(described | asked))
    request = jobs.ProbeFileRequest(request=probe, path=path)
    return api.call(JOBS + "ProbeFile", request, jobs.ProbeFileResponse).response
