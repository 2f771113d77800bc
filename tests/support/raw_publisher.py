"""Publishes messages whose properties are written by hand, as clients in other languages do."""

import socket
import struct
from types import TracebackType
from typing import Self

__all__ = ["RawPublisher", "named", "short", "table"]

FRAME_BYTES_MAX = 131_072
FRAME_END = b"\xce"
METHOD, HEADER, BODY, HEARTBEAT = 1, 2, 3, 8
SECONDS_MAX = 30.0
# Bits of the properties that are present, and what persistent messages have as their mode.
CONTENT_TYPE, HEADERS, MODE, CORRELATION_ID = 1 << 15, 1 << 13, 1 << 12, 1 << 10
MESSAGE_ID, TIMESTAMP, APP_ID = 1 << 7, 1 << 6, 1 << 3


def short(value: bytes) -> bytes:
    """A short string."""
    return bytes([len(value)]) + value


def table(entries: bytes) -> bytes:
    """A table; long strings have the same form."""
    return struct.pack(">I", len(entries)) + entries


def named(name: bytes, kind: bytes, value: bytes) -> bytes:
    """One entry of a table."""
    return short(name) + kind + value


class RawPublisher:
    """A connection that waits for each confirm."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), SECONDS_MAX)
        self._file = self._socket.makefile("rb")
        self._socket.sendall(b"AMQP\x00\x00\x09\x01")
        self._answer()
        login = short(b"PLAIN") + table(b"\0guest\0guest") + short(b"en_US")
        self._send(0, _method(10, 11) + table(b"") + login)
        self._answer()
        self._send(0, _method(10, 31) + struct.pack(">HIH", 10, FRAME_BYTES_MAX, 0))
        self._send(0, _method(10, 40) + short(b"/") + short(b"") + b"\0")
        self._answer()
        self._send(1, _method(20, 10) + short(b""))
        self._answer()
        self._send(1, _method(85, 10) + b"\0")
        self._answer()

    def __enter__(self) -> Self:
        """Nothing more."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        """Closes the connection."""
        self._file.close()
        self._socket.close()

    def publish(
        self, queue: bytes, body: bytes, flags: int = 0, properties: bytes = b"",
        exchange: bytes = b"",
    ) -> None:  # fmt: skip
        """Publishes one message; `flags` says which properties there are, in the order of AMQP."""
        self._send(1, _method(60, 40) + b"\0\0" + short(exchange) + short(queue) + b"\0")
        self._send(1, struct.pack(">HHQH", 60, 0, len(body), flags) + properties, HEADER)
        self._send(1, body, BODY)
        assert self._answer()[:4] == _method(60, 80)

    def _send(self, channel: int, payload: bytes, kind: int = METHOD) -> None:
        head = struct.pack(">BHI", kind, channel, len(payload))
        self._socket.sendall(head + payload + FRAME_END)

    def _answer(self) -> bytes:
        while True:
            kind, _, size = struct.unpack(">BHI", self._file.read(7))
            payload = self._file.read(size + 1)[:-1]
            if kind != HEARTBEAT:
                return payload


def _method(kind: int, number: int) -> bytes:
    return struct.pack(">HH", kind, number)
