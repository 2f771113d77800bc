"""A PostgreSQL of our own, tuned for this work, or the one that BENCH_POSTGRES names."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg

import processes
from figures import PeerAbsentError
from scale import WORK_DIRECTORY

# Durable, and generous with memory and log for a machine of this size: the defaults of a package
# (128 MB of buffers, 1 GB of log) would hold PostgreSQL back.
SETTINGS = {
    "shared_buffers": "2GB",
    "work_mem": "256MB",
    "maintenance_work_mem": "512MB",
    "max_wal_size": "16GB",
    "checkpoint_timeout": "30min",
    "wal_buffers": "64MB",
    "wal_compression": "lz4",
    "effective_cache_size": "8GB",
    "random_page_cost": "1.1",
    "jit": "off",
    "fsync": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
}
NOTE = "fsync on, synchronous_commit on"
_VARIABLE = "BENCH_POSTGRES"


@contextlib.contextmanager
def running() -> Iterator[str]:
    """Runs a fresh tuned cluster and yields its connection string.

    BENCH_POSTGRES names another server instead; it is used as it is, in a database of its
    own that is dropped afterwards.

    Raises:
        PeerAbsentError: neither a server nor the programs to start one are there.
    """
    given = os.environ.get(_VARIABLE)
    if given:
        with _given(given) as conninfo:
            yield conninfo
    else:
        with _own() as conninfo:
            yield conninfo


def program(name: str) -> str:
    """Returns the path of one of PostgreSQL's programs, of the newest version installed."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=_version)
    found = str(installed[-1]) if installed else shutil.which(name)
    if not found:
        message = f"PostgreSQL's {name} is not installed"
        raise PeerAbsentError(message)
    return found


def _version(path: Path) -> int:
    version = path.parent.parent.name
    return int(version) if version.isdigit() else 0


@contextlib.contextmanager
def _given(conninfo: str) -> Iterator[str]:
    try:
        admin = psycopg.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        message = f"{_VARIABLE} does not answer: {str(error).splitlines()[0]}"
        raise PeerAbsentError(message) from error
    name = f"zmey_bench_{os.getpid()}"
    with admin:
        admin.execute(f'CREATE DATABASE "{name}"'.encode())
        try:
            yield psycopg.conninfo.make_conninfo(conninfo, dbname=name)
        finally:
            admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@contextlib.contextmanager
def _own() -> Iterator[str]:
    initdb, postgres = program("initdb"), program("postgres")
    user = _user()
    # PostgreSQL refuses to run as root and its user may not reach this checkout: a directory of
    # its own elsewhere.
    with tempfile.TemporaryDirectory(
        prefix="zmey-bench-postgres-", dir=WORK_DIRECTORY
    ) as directory:
        data = Path(directory) / "data"
        data.mkdir(mode=0o700)
        for path in (Path(directory), data):
            if user:
                shutil.chown(path, user, user)
        command = [initdb, "--pgdata", str(data), "--auth", "trust", "--username", "postgres"]
        options = ["--encoding", "UTF8", "--locale", "C"]
        subprocess.run([*command, *options], check=True, user=user, stdout=subprocess.DEVNULL)
        port = processes.free_port()
        conninfo = f"host=127.0.0.1 port={port} user=postgres dbname=postgres"
        with processes.running([postgres, *_arguments(data, port)], user=user) as server:
            try:
                processes.wait_until(server, lambda: _answers(conninfo))
            except RuntimeError as error:
                message = f"PostgreSQL does not start: {error}"
                raise PeerAbsentError(message) from error
            yield conninfo


def _arguments(data: Path, port: int) -> list[str]:
    settings = SETTINGS | {
        "port": str(port),
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(data),
    }
    arguments = ["-D", str(data)]
    for name, value in settings.items():
        arguments += ["-c", f"{name}={value}"]
    return arguments


def _user() -> str | None:
    """Returns the user to become where we are root, None where we stay who we are."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError as error:
        message = "PostgreSQL refuses to run as root and there is no user postgres"
        raise PeerAbsentError(message) from error


def _answers(conninfo: str) -> bool:
    try:
        psycopg.connect(conninfo, connect_timeout=1).close()
    except psycopg.OperationalError:
        return False
    return True
