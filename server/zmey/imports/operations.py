"""Imports as operations of google.longrunning."""

from google.longrunning import operations_pb2
from google.rpc import code_pb2, status_pb2

from zmey.imports.names import operation_name
from zmey.internal.v1.jobs_pb2 import Job
from zmey.v1 import import_job_pb2

_CANCELLED_MESSAGE = "The import was cancelled; the counters say what was done before."

FINISHED = frozenset(
    {
        import_job_pb2.IMPORT_STATE_SUCCEEDED,
        import_job_pb2.IMPORT_STATE_FAILED,
        import_job_pb2.IMPORT_STATE_CANCELLED,
    }
)


def is_finished(job: Job) -> bool:
    """Tells whether an import has ended."""
    return job.metadata.state in FINISHED


def is_queued(job: Job) -> bool:
    """Tells whether an import waits for its turn."""
    return job.metadata.state == import_job_pb2.IMPORT_STATE_QUEUED


def operation_of(job: Job) -> operations_pb2.Operation:
    """Writes an import as an operation; its metadata and response are ImportMetadata."""
    operation = operations_pb2.Operation(
        name=operation_name(job.metadata.space, job.job_id), done=is_finished(job)
    )
    operation.metadata.Pack(job.metadata)
    if job.metadata.state == import_job_pb2.IMPORT_STATE_SUCCEEDED:
        operation.response.Pack(job.metadata)
    elif job.metadata.state == import_job_pb2.IMPORT_STATE_FAILED:
        operation.error.CopyFrom(status_pb2.Status.FromString(job.error))
    elif job.metadata.state == import_job_pb2.IMPORT_STATE_CANCELLED:
        cancelled = status_pb2.Status(code=code_pb2.CANCELLED, message=_CANCELLED_MESSAGE)
        operation.error.CopyFrom(cancelled)
    return operation
