"""Redis as the store of members: a Lua upsert for each row, sent as one pipeline.

The commands are encoded beforehand and written to the socket as they are, which is faster than any
client library; each member is a hash with a field for each datakey.
"""

import contextlib
import itertools
import json
import shutil
import socket
import tempfile
import threading
import time
from collections.abc import Iterator

import redis

import processes
from chunks import Pass, PeerRow, peer_rows
from figures import PeerAbsentError
from scale import WORK_DIRECTORY

NOTE_NO_FILE = "no file: everything is lost with the process"
NOTE_LOG = "append-only file, fsync each second: the last second may be lost"
# Rows whose commands are written together.
_PIPELINE_ROWS = 10_000

# ARGV: external id, e-mail, phone (empty where absent), then the datakeys as field, value, ….
_UPSERT = """
local id = (ARGV[1] ~= '' and redis.call('GET', 'c:' .. ARGV[1]))
    or (ARGV[2] ~= '' and redis.call('GET', 'e:' .. ARGV[2]))
    or (ARGV[3] ~= '' and redis.call('GET', 'p:' .. ARGV[3]))
    or redis.call('INCR', 'ids')
if ARGV[1] ~= '' then redis.call('SETNX', 'c:' .. ARGV[1], id) end
if ARGV[2] ~= '' then redis.call('SETNX', 'e:' .. ARGV[2], id) end
if ARGV[3] ~= '' then redis.call('SETNX', 'p:' .. ARGV[3], id) end
redis.call('HSET', 'm:' .. id, unpack(ARGV, 4))
return tonumber(id)
"""


class RedisPeer:
    """A running Redis with the script loaded."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._client = redis.Redis(port=port)
        self._script = str(self._client.script_load(_UPSERT))

    def import_pipelined(self, rows: Pass) -> float:
        """Imports every row; returns rows a second, not counting the encoding of commands."""
        seconds = 0.0
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for commands, count in self._pipelines(rows):
                started = time.perf_counter()
                _exchange(connection, commands, count)
                seconds += time.perf_counter() - started
        return rows.rows / seconds

    def count(self) -> int:
        """Returns the number of members."""
        return int(self._client.get("ids") or 0)

    def _pipelines(self, rows: Pass) -> Iterator[tuple[bytes, int]]:
        source = peer_rows(rows)
        while batch := list(itertools.islice(source, _PIPELINE_ROWS)):
            yield b"".join(self._command(row) for row in batch), len(batch)

    def _command(self, row: PeerRow) -> bytes:
        arguments = ["EVALSHA", self._script, "0"]
        arguments += [row.external_id or "", row.email or "", row.phone or ""]
        for key, value in json.loads(row.body).items():
            text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
            arguments += [key, text]
        encoded = [argument.encode() for argument in arguments]
        parts = [b"*%d\r\n" % len(encoded)]
        parts += [b"$%d\r\n%b\r\n" % (len(argument), argument) for argument in encoded]
        return b"".join(parts)


@contextlib.contextmanager
def running(*, append_only: bool) -> Iterator[RedisPeer]:
    """Runs a Redis of our own on a free port, in a directory that is removed afterwards.

    Raises:
        PeerAbsentError: redis-server is not installed or does not start.
    """
    program = shutil.which("redis-server")
    if not program:
        message = "redis-server is not installed"
        raise PeerAbsentError(message)
    with tempfile.TemporaryDirectory(prefix="zmey-bench-redis-", dir=WORK_DIRECTORY) as directory:
        port = processes.free_port()
        options = {
            "port": str(port),
            "bind": "127.0.0.1",
            "dir": directory,
            "save": "",
            "appendonly": "yes" if append_only else "no",
            "appendfsync": "everysec",
            # Rewriting the file in the middle would only slow it down.
            "auto-aof-rewrite-percentage": "0",
            # Values of up to 256 bytes stay in the compact form of a small hash.
            "hash-max-listpack-value": "256",
        }
        command = [program]
        for name, value in options.items():
            command += [f"--{name}", value]
        with processes.running(command) as process:
            try:
                processes.wait_until(process, lambda: _answers(port))
            except RuntimeError as error:
                message = f"redis-server does not start: {error}"
                raise PeerAbsentError(message) from error
            yield RedisPeer(port)


def _answers(port: int) -> bool:
    try:
        return bool(redis.Redis(port=port).ping())
    except redis.ConnectionError:
        return False


def _exchange(connection: socket.socket, commands: bytes, count: int) -> None:
    """Writes the commands and reads one line of reply for each, both at once."""
    writer = threading.Thread(target=connection.sendall, args=(commands,))
    writer.start()
    lines = 0
    while lines < count:
        received = connection.recv(1 << 16)
        if not received or received.startswith(b"-") or b"\n-" in received:
            message = f"Redis answered {received[:200]!r}"
            raise RuntimeError(message)
        lines += received.count(b"\n")
    writer.join()
