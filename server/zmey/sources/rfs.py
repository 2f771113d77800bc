"""rfs://upload/PATH: a file in the upload folder of this server."""

import os
import stat
from contextlib import ExitStack
from urllib.parse import unquote

from zmey.sources.errors import missing, url_invalid
from zmey.sources.places import Place
from zmey.sources.source import CHUNK_BYTES, Sink, Visit

STORE = "upload"
# Links are not followed at any step, so that nothing outside the folder can be meant.
INTO = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
# A pipe must not keep us waiting for its writer.
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class RfsSource:
    """A file that was put into the upload folder."""

    def check(self, place: Place) -> None:
        """Wants rfs://upload/ and a path that stays in the folder."""
        if place.host != STORE or place.port or place.user or place.query:
            message = f"The url must be of the form rfs://{STORE}/path."
            raise url_invalid(message, url=place.shown)
        _names(place)

    def download(self, place: Place, sink: Sink, visit: Visit) -> None:
        """Copies the file, so that it does not change while it is imported."""
        folder = visit.settings.upload_folder
        if folder is None:
            message = "This server has no upload folder; an operator sets the option upload_folder."
            raise url_invalid(message, url=place.shown)
        *folders, name = _names(place)
        with ExitStack() as opened:
            try:
                here = _opened(opened, str(folder), os.O_RDONLY | os.O_DIRECTORY, None)
                for step in folders:
                    here = _opened(opened, step, INTO, here)
                file = _opened(opened, name, FILE, here)
            except OSError as error:
                # Links are as good as absent: what they lead to is nobody's business.
                raise missing(place.shown) from error
            status = os.fstat(file)
            if not stat.S_ISREG(status.st_mode):
                raise missing(place.shown)
            sink.expect(status.st_size)
            while chunk := os.read(file, CHUNK_BYTES):
                visit.watch.check()
                sink.write(chunk)


def _opened(stack: ExitStack, name: str, flags: int, within: int | None) -> int:
    descriptor = os.open(name, flags, dir_fd=within)
    stack.callback(os.close, descriptor)
    return descriptor


def _names(place: Place) -> list[str]:
    """Returns the steps of the path; each is checked after its percent signs are gone."""
    names = [unquote(part) for part in place.path.split("/")[1:]]
    if place.is_folder:
        names.pop()
    wrong = [one for one in names if one in {"", ".", ".."} or "/" in one or "\0" in one]
    if wrong or not (names or place.is_folder):
        message = f"The url must name a path within rfs://{STORE}/, without . and .. in it."
        raise url_invalid(message, url=f"rfs://{STORE}/")
    return names
