"""A real FTP server on loopback, with and without TLS."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import FTPHandler, TLS_FTPHandler
from pyftpdlib.ioloop import IOLoop
from pyftpdlib.servers import FTPServer

USER, PASSWORD = "ann", "pa55 wörd"


@contextmanager
def ftp_server(
    folder: Path,
    *,
    certificate: Path | None = None,
    implicit: bool = False,
    anonymous: bool = False,
    host: str = "127.0.0.1",
    **changes: Any,
) -> Iterator[int]:
    """Runs a server for a folder; gives its port.

    Args:
        folder: what is served.
        certificate: makes TLS compulsory, for data too.
        implicit: begins with TLS.
        anonymous: lets everybody in.
        host: the address to listen on.
        changes: attributes of the handler.
    """
    authorizer = DummyAuthorizer()
    authorizer.add_user(USER, PASSWORD, str(folder), perm="elr")
    if anonymous:
        authorizer.add_anonymous(str(folder))
    base: Any = FTPHandler if certificate is None else TLS_FTPHandler

    class Handler(base):  # type: ignore[misc]
        """One connection."""

        auth_failed_timeout = 0

        def handle(self) -> None:
            if implicit:
                self.secure_connection(self.get_ssl_context())
            super().handle()

    attributes: dict[str, Any] = {"authorizer": authorizer}
    if certificate is not None:
        attributes |= {
            "certfile": str(certificate),
            "tls_control_required": not implicit,
            "tls_data_required": True,
        }
    for name, value in (attributes | changes).items():
        setattr(Handler, name, value)
    loop = IOLoop()
    server = FTPServer((host, 0), Handler, ioloop=loop)
    stopped = threading.Event()

    def serve() -> None:
        while not stopped.is_set():
            loop.loop(timeout=0.01, blocking=False)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(server.socket.getsockname()[1])
    finally:
        stopped.set()
        thread.join()
        server.close_all()
