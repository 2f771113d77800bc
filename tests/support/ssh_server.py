"""OpenSSH's own server on loopback, run by whoever runs the tests."""

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncssh
import pytest

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
START_SECONDS_MAX = 10
# Where OpenSSH wants an empty directory when root runs it.
PRIVILEGES = Path("/run/sshd")


@dataclass(frozen=True)
class Sshd:
    """A running server.

    Attributes:
        port: where it listens.
        user: who may log in.
        host_key: the key that it shows.
        client_key: the private key that it lets in.
    """

    port: int
    user: str
    host_key: asyncssh.SSHKey
    client_key: str

    @property
    def fingerprint(self) -> str:
        """The fingerprint of its key."""
        return str(self.host_key.get_fingerprint())

    def known_hosts(self, host: str) -> str:
        """Returns a line for a file of known hosts."""
        return f"[{host}]:{self.port} {self.host_key.export_public_key().decode()}"


@contextmanager
def ssh_server(folder: Path) -> Iterator[Sshd]:
    """Runs OpenSSH's server with its built-in SFTP; skips the test where it is not installed."""
    if SSHD is None:
        assert not os.environ.get("CI"), "CI installs openssh-server"
        pytest.skip("openssh-server is not installed")
    host_key = asyncssh.generate_private_key("ssh-ed25519")
    client_key = asyncssh.generate_private_key("ssh-ed25519")
    host_key.write_private_key(str(folder / "host"))
    (folder / "host").chmod(0o600)
    client_key.write_public_key(str(folder / "authorized"))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    (folder / "config").write_text(
        f"ListenAddress 127.0.0.1:{port}\n"
        f"HostKey {folder}/host\n"
        f"AuthorizedKeysFile {folder}/authorized\n"
        "PidFile none\nStrictModes no\nPasswordAuthentication no\n"
        "KbdInteractiveAuthentication no\nSubsystem sftp internal-sftp\n",
        encoding="utf-8",
    )
    if os.geteuid() == 0:
        PRIVILEGES.mkdir(mode=0o755, exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        _await(process, port, folder / "log")
        private = client_key.export_private_key().decode()
        yield Sshd(port, getpass.getuser(), host_key, private)
    finally:
        process.terminate()
        process.wait()


def _await(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    end = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(log.read_text(encoding="utf-8"))
