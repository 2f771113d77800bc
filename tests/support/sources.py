"""Fetching in tests: settings that allow loopback, a web server, a resolver that lies."""

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_network
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.core import SeenFault
from zmey.sources import Fetched, SourceError, SourceSettings, fetch
from zmey.v1.error_reason_pb2 import ErrorReason
from zmey.v1.import_job_pb2 import UrlSource

NOW = datetime(2026, 3, 31, 12, 5, 9, tzinfo=UTC)
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))
ROWS = b"member.email;data.name\nann@example.com;Ann\n"


def settings(**changes: Any) -> SourceSettings:
    """Describes a server that visits loopback and is soon tired of silence."""
    described: dict[str, Any] = {
        "allowed_networks": LOOPBACK,
        "file_bytes_max": 1_000_000,
        "timeout_seconds": 20.0,
        "silence_seconds": 5.0,
    }
    return SourceSettings(**(described | changes))


@dataclass
class Fetching:
    """One call of fetch, and what it did besides fetching."""

    folder: Path
    settings: SourceSettings = field(default_factory=settings)
    cancelled: Callable[[], bool] = lambda: False
    waits: list[float] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    before_attempt: Callable[[int], None] = lambda _: None

    def get(self, url: str, **source: Any) -> Fetched:
        """Fetches an URL."""

        def attempt(number: int) -> None:
            self.attempts.append(number)
            self.before_attempt(number)

        return fetch(
            UrlSource(url=url, **source),
            self.folder,
            self.settings,
            now=NOW,
            random=Random(7),
            wait=self.waits.append,
            cancelled=self.cancelled,
            attempt=attempt,
        )

    def refusal(self, url: str, **source: Any) -> SourceError:
        """Fetches what cannot be had; returns why, and sees that nothing is left behind."""
        (self.folder / "fetched").unlink(missing_ok=True)
        with pytest.raises(SourceError) as caught:
            self.get(url, **source)
        assert caught.value.message.endswith("."), caught.value.message
        assert not (self.folder / "fetched").exists(), "a file that is not whole is left"
        return caught.value


def reason(error: SourceError) -> str:
    """Returns the short name of an error's reason."""
    return str(ErrorReason.Name(error.reason)).removeprefix("ERROR_REASON_")


def seen(error: SourceError) -> SeenFault:
    """Returns an error as callers see it."""
    return SeenFault(reason(error), error.message, error.details)


def copied(**source: int) -> SeenFault | None:
    """Fetches a file of the upload folder; returns the refusal, if there is one."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "into").mkdir()
        (folder / "a.csv").write_bytes(ROWS)
        try:
            Fetching(folder / "into", settings(upload_folder=folder)).get(
                "rfs://upload/a.csv", **source
            )
        except SourceError as error:
            return seen(error)
        return None


@dataclass
class Web:
    """What a web server answers, and what it was asked."""

    origin: str = ""
    pages: dict[str, Callable[[BaseHTTPRequestHandler], None]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def page(
        self, path: str, body: bytes = ROWS, status: int = 200, **headers: str
    ) -> "Callable[[BaseHTTPRequestHandler], None]":
        """Answers a path with a body; headers are written with underscores."""

        def answer(handler: BaseHTTPRequestHandler) -> None:
            handler.send_response(status)
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            for name, value in ({"Content-Length": str(len(body))} | names).items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(body)

        self.pages[path] = answer
        return answer

    def redirect(self, path: str, location: str, status: int = 302) -> None:
        """Answers a path with a redirect."""
        self.page(path, b"", status, Location=location)

    def gzipped(self, path: str, body: bytes) -> None:
        """Answers a path in the content encoding gzip."""
        self.page(path, gzip.compress(body), Content_Encoding="gzip")

    def header(self, name: str) -> list[str | None]:
        """Returns a header of every request so far."""
        return [headers.get(name) for _, headers in self.asked]


@contextmanager
def web_server(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Web]:
    """Runs a web server on a free port."""
    web = Web()

    class Handler(BaseHTTPRequestHandler):
        """Answers from the pages."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            web.asked.append((self.path, dict(self.headers)))
            answer = web.pages.get(urlsplit(self.path).path)
            if answer is None:
                self.send_error(404)
            else:
                answer(self)

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002
            """Stays silent."""

    class Server(ThreadingHTTPServer):
        """Does not mind clients that go away, which is what is tested."""

        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """Stays silent."""

    with Server((host, 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        scheme = "http" if context is None else "https"
        web.origin = f"{scheme}://{host}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()


class Resolver:
    """Looks names up in a table; each look-up of a name gets the next of its answers."""

    def __init__(self, **names: Sequence[Sequence[str]]) -> None:
        self._names = {name.replace("_", "."): list(answers) for name, answers in names.items()}
        self.asked: list[str] = []

    def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._names.get(host)
        if answers is None:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            return [str(entry[4][0]) for entry in found]
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Canary:
    """A listener on loopback that must hear nothing."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._listener = socket.create_server((address, 0), family=family)
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])

    def heard(self) -> int:
        """Counts connections, also those that were closed at once."""
        count = 0
        while True:
            try:
                self._listener.accept()[0].close()
            except BlockingIOError:
                return count
            count += 1

    def close(self) -> None:
        """Ends it."""
        self._listener.close()
