"""Imports that the server runs, through the internal methods of the core."""

from pathlib import Path
from typing import Any

from support.core import Api
from zmey.internal.v1 import jobs_pb2 as jobs
from zmey.v1 import express_service_pb2 as express
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import import_rows_pb2 as rows_pb2

__all__ = [
    "EXPRESS",
    "JOBS",
    "create_job",
    "delete_job",
    "express_call",
    "fail_job",
    "get_job",
    "probe_file",
    "run_file",
    "started",
    "url_source",
]

JOBS = "/zmey.internal.v1.JobService/"
EXPRESS = "/zmey.v1.ExpressService/"


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


def run_file(api: Api, path: Path, text: str, **asked: Any) -> jobs.Job:
    """Has the core import a file; `asked` are further fields of the request."""
    path.write_text(text, encoding="utf-8")
    job_id = create_job(api, **asked).job_id
    api.call(JOBS + "ClaimJob", jobs.ClaimJobRequest(), jobs.ClaimJobResponse)
    request = jobs.RunJobRequest(job_id=job_id, path=str(path))
    return api.call(JOBS + "RunJob", request, jobs.RunJobResponse).job


def express_call(api: Api, method: str, **asked: Any) -> Any:
    """A method of ExpressService for the space of the tests."""
    request = getattr(express, method + "Request")(space=api.space, **asked)
    return api.call(EXPRESS + method, request, getattr(express, method + "Response"))


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
