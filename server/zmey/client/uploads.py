"""Files to import on their way to the server."""

from collections.abc import Callable, Iterator
from typing import BinaryIO

from zmey.client.stubs import Stubs
from zmey.v1.import_job_pb2 import UploadHeader, UploadSourceRequest
from zmey.v1.space_pb2 import Space

# Far below the message limit of a server with its default options.
PIECE_BYTES = 1024 * 1024


def upload_file(
    stubs: Stubs,
    space: Space,
    file: BinaryIO,
    progress: Callable[[int], None] = lambda _: None,
) -> str:
    """Uploads a file; returns the id that StartImport and ProbeImport take.

    Args:
        stubs: the connection.
        space: whose members it is about.
        file: opened for reading bytes.
        progress: told how many bytes were handed over.

    Raises:
        grpc.RpcError: the server is not there, or refuses the file.
    """

    def messages() -> Iterator[UploadSourceRequest]:
        yield UploadSourceRequest(header=UploadHeader(space=space))
        done = 0
        while piece := file.read(PIECE_BYTES):
            yield UploadSourceRequest(content=piece)
            done += len(piece)
            progress(done)

    upload: str = stubs.imports.UploadSource(messages()).upload
    return upload
