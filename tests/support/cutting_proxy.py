"""A proxy before a server that dies of one word, as far as those who talk through it can tell."""

import contextlib
import socket
import threading
from types import TracebackType
from typing import Self

__all__ = ["CuttingProxy"]

CHUNK_BYTES = 65_536


class CuttingProxy:
    """Passes bytes on and cuts the line where one of the clients says the word.

    Attributes:
        address: where it listens.
        cuts: how often it did.
    """

    def __init__(self, server_address: str, word: bytes) -> None:
        host, _, port = server_address.rpartition(":")
        self._server = (host, int(port))
        self._word = word
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.cuts = 0
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        """It listens already."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Listens no more; lines end with their clients."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, socket.create_connection(self._server) as server:
            back = threading.Thread(target=self._pass, args=(server, client, None), daemon=True)
            back.start()
            self._pass(client, server, self._word)
            back.join()

    def _pass(self, source: socket.socket, to: socket.socket, word: bytes | None) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if word is not None and word in data:
                    self.cuts += 1
                    break
                to.sendall(data)
        for end in (source, to):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
