"""Files from SFTP servers: OpenSSH's, and for passwords one of asyncssh."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from support.sources import ROWS, Canary, Fetching, reason, settings
from support.ssh_server import Sshd, ssh_server
from zmey.sources import Secret, SourceCancelledError

USER, PASSWORD = "ann", "pa55 wörd"
# A key that no server lets in.
STRANGER = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()


@pytest.fixture(scope="module")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with ssh_server(tmp_path_factory.mktemp("sshd")) as running:
        yield running


@pytest.fixture(autouse=True)
def _nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys and hosts of whoever runs the tests must not matter."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    (folder / "in ner").mkdir(parents=True)
    (folder / "a.csv").write_bytes(ROWS)
    (folder / "in ner" / "имя.csv").write_bytes(b"\r\n\0\xff" * 200_000)
    return folder


@pytest.fixture
def fetching(tmp_path: Path, sshd: Sshd) -> Fetching:
    """May log in to the server, whose key a secret has."""
    into = tmp_path / "into"
    into.mkdir()
    return Fetching(into, settings(secrets={"crm": key_of(sshd)}))


def key_of(sshd: Sshd, **changes: Any) -> Secret:
    described: dict[str, Any] = {
        "hosts": ("127.0.0.1", "localhost"),
        "user": sshd.user,
        "private_key": sshd.client_key,
        "fingerprints": (sshd.fingerprint,),
    }
    return Secret(**(described | changes))


def test_files_come_as_they_are(sshd: Sshd, served: Path, fetching: Fetching) -> None:
    origin = f"sftp://127.0.0.1:{sshd.port}{served}"
    assert fetching.get(f"{origin}/a.csv", secret="crm").path.read_bytes() == ROWS
    got = fetching.get(f"{origin}/in%20ner/имя.csv", secret="crm")
    assert got.path.read_bytes() == b"\r\n\0\xff" * 200_000


def test_folders(sshd: Sshd, served: Path, fetching: Fetching) -> None:
    url = f"sftp://127.0.0.1:{sshd.port}{served}/"
    assert "request.json" in fetching.refusal(url, secret="crm").message
    (served / "request.json").write_bytes(b"{}")
    (served / "data.csv").write_bytes(ROWS)
    assert fetching.get(url, secret="crm").request == {}


def test_known_hosts(sshd: Sshd, served: Path, fetching: Fetching) -> None:
    secrets = {"crm": key_of(sshd, fingerprints=())}
    known = sshd.known_hosts("127.0.0.1")
    fetching.settings = settings(secrets=secrets, known_hosts=known)
    path = f":{sshd.port}{served}/a.csv"
    assert fetching.get(f"sftp://127.0.0.1{path}", secret="crm").path.read_bytes() == ROWS
    other = asyncssh.generate_private_key("ssh-ed25519").export_public_key().decode()
    revoked = f"{known}\n@revoked {known}"
    elsewhere = sshd.known_hosts("example.com")
    for line in (f"[127.0.0.1]:{sshd.port} {other}", elsewhere, revoked, "nonsense"):
        fetching.settings = settings(secrets=secrets, known_hosts=line)
        error = fetching.refusal(f"sftp://127.0.0.1{path}", secret="crm")
        assert reason(error) == "SOURCE_UNTRUSTED"


def test_unknown_servers_are_refused_with_their_fingerprint(
    sshd: Sshd, served: Path, fetching: Fetching
) -> None:
    for fingerprints in ((), ("SHA256:wrong",)):
        secret = key_of(sshd, fingerprints=fingerprints)
        fetching.settings = settings(secrets={"crm": secret})
        url = f"sftp://127.0.0.1:{sshd.port}{served}/a.csv"
        error = fetching.refusal(url, secret="crm")
        assert (reason(error), error.is_transient) == ("SOURCE_UNTRUSTED", False)
        assert error.details == {"url": url, "fingerprint": sshd.fingerprint}
        assert sshd.fingerprint in error.message
        assert "known_hosts_file" in error.message


def test_whoever_runs_the_server_does_not_count(
    sshd: Sshd,
    served: Path,
    fetching: Fetching,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither their keys, nor their known hosts, nor their agent, nor their configuration."""
    home = tmp_path / "home" / ".ssh"
    home.mkdir(parents=True)
    (home / "id_ed25519").write_text(sshd.client_key, encoding="utf-8")
    (home / "known_hosts").write_text(sshd.known_hosts("127.0.0.1"), encoding="utf-8")
    (home / "config").write_text("Host *\n  Port nonsense\n", encoding="utf-8")
    agent = socket.socket(socket.AF_UNIX)
    agent.bind(str(home / "agent"))
    agent.listen()
    agent.setblocking(False)
    monkeypatch.setenv("SSH_AUTH_SOCK", str(home / "agent"))
    url = f"sftp://{sshd.user}@127.0.0.1:{sshd.port}{served}/a.csv"
    assert reason(fetching.refusal(url)) == "SOURCE_UNTRUSTED"
    for private_key in ("", STRANGER):
        fetching.settings = settings(secrets={"crm": key_of(sshd, private_key=private_key)})
        assert reason(fetching.refusal(url, secret="crm")) == "SOURCE_DENIED"
    with pytest.raises(BlockingIOError):
        agent.accept()
    agent.close()


def test_keys_with_a_passphrase(sshd: Sshd, served: Path, fetching: Fetching) -> None:
    locked = asyncssh.import_private_key(sshd.client_key).export_private_key(passphrase="op3n")
    url = f"sftp://127.0.0.1:{sshd.port}{served}/a.csv"
    for passphrase, expected in (("op3n", ""), ("", "SOURCE_DENIED"), ("no", "SOURCE_DENIED")):
        secret = key_of(sshd, private_key=locked.decode(), passphrase=passphrase)
        fetching.settings = settings(secrets={"crm": secret})
        if expected:
            assert reason(fetching.refusal(url, secret="crm")) == expected
        else:
            assert fetching.get(url, secret="crm").path.read_bytes() == ROWS


def test_refusals(sshd: Sshd, served: Path, fetching: Fetching) -> None:
    origin = f"sftp://127.0.0.1:{sshd.port}{served}"
    error = fetching.refusal(f"{origin}/none.csv", secret="crm")
    assert (reason(error), error.is_transient) == ("SOURCE_MISSING", True)
    assert reason(fetching.refusal(f"{origin}/in%20ner", secret="crm")) == "SOURCE_MISSING"
    assert reason(fetching.refusal(f"{origin}/a.csv?x", secret="crm")) == "SOURCE_URL_INVALID"
    for private_key in (STRANGER, "no key"):
        secret = key_of(sshd, private_key=private_key)
        fetching.settings = settings(secrets={"crm": secret})
        error = fetching.refusal(f"{origin}/a.csv", secret="crm")
        assert (reason(error), error.is_transient) == ("SOURCE_DENIED", False)
    fetching.settings = settings(secrets={"crm": key_of(sshd)}, file_bytes_max=len(ROWS) - 1)
    assert reason(fetching.refusal(f"{origin}/a.csv", secret="crm")) == "SOURCE_TOO_LARGE"


def test_inner_servers_are_not_visited(fetching: Fetching) -> None:
    canary = Canary()
    fetching.settings = settings(allowed_networks=())
    for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
        error = fetching.refusal(f"sftp://{host}:{canary.port}/a.csv")
        assert reason(error) == "SOURCE_FORBIDDEN"
    assert canary.heard() == 0
    canary.close()


class PasswordServer(asyncssh.SSHServer):
    """Lets one user in by a password."""

    def begin_auth(self, username: str) -> bool:  # noqa: ARG002 - named by the library
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == (USER, PASSWORD)


class BreakingOff(asyncssh.SFTPServer):
    """Ends the connection in the middle of a file."""

    async def read(self, file_obj: object, offset: int, size: int) -> bytes:
        if offset:
            self.channel.get_connection().abort()
        return await self._half(file_obj, offset, size)

    async def _half(self, file_obj: object, offset: int, size: int) -> bytes:
        data = super().read(file_obj, offset, size)
        return bytes(await data if asyncio.iscoroutine(data) else data)  # type: ignore[arg-type]


@contextmanager
def password_server(**options: Any) -> Iterator[tuple[int, str]]:
    """Runs a server of asyncssh; gives its port and its fingerprint."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    def run(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(10)

    described: dict[str, Any] = {"sftp_factory": True} | options

    async def begin() -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            PasswordServer, "127.0.0.1", 0, server_host_keys=[key], **described
        )

    listener = run(begin())
    try:
        yield listener.get_port(), str(key.get_fingerprint())
    finally:

        async def end() -> None:
            listener.close()
            await listener.wait_closed()

        run(end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_passwords(served: Path, fetching: Fetching) -> None:
    with password_server() as (port, fingerprint):
        known = {"hosts": ("127.0.0.1",), "fingerprints": (fingerprint,), "user": USER}
        url = f"sftp://127.0.0.1:{port}{served}/a.csv"
        for password, expected in ((PASSWORD, ""), ("wrong", "SOURCE_DENIED")):
            secret = Secret(**known, password=password)  # type: ignore[arg-type]
            fetching.settings = settings(secrets={"crm": secret})
            if expected:
                error = fetching.refusal(url, secret="crm")
                assert (reason(error), error.is_transient) == (expected, False)
                assert "wrong" not in f"{error.message} {error.__cause__}"
            else:
                assert fetching.get(url, secret="crm").path.read_bytes() == ROWS


def with_password(fingerprint: str) -> Secret:
    return Secret(hosts=("127.0.0.1",), fingerprints=(fingerprint,), user=USER, password=PASSWORD)


def test_a_file_that_breaks_off(served: Path, fetching: Fetching) -> None:
    (served / "a.csv").write_bytes(b"x" * 900_000)
    with password_server(sftp_factory=BreakingOff) as (port, fingerprint):
        fetching.settings = settings(secrets={"crm": with_password(fingerprint)})
        error = fetching.refusal(f"sftp://127.0.0.1:{port}{served}/a.csv", secret="crm")
        assert (reason(error), error.is_transient) == ("SOURCE_UNREACHABLE", True)


def test_a_server_that_says_nothing(fetching: Fetching) -> None:
    canary = Canary()
    fetching.settings = settings(silence_seconds=0.5)
    started = time.monotonic()
    error = fetching.refusal(f"sftp://127.0.0.1:{canary.port}/a.csv")
    assert (reason(error), error.is_transient) == ("SOURCE_UNREACHABLE", True)
    assert time.monotonic() - started < 3
    fetching.settings = settings()
    fetching.cancelled = lambda: time.monotonic() > started + 0.3
    started = time.monotonic()
    with pytest.raises(SourceCancelledError):
        fetching.get(f"sftp://127.0.0.1:{canary.port}/a.csv")
    assert time.monotonic() - started < 3
    canary.close()


def test_a_closed_port(sshd: Sshd, fetching: Fetching) -> None:
    canary = Canary()
    canary.close()
    assert sshd.port != canary.port
    error = fetching.refusal(f"sftp://127.0.0.1:{canary.port}/a.csv")
    assert (reason(error), error.is_transient) == ("SOURCE_UNREACHABLE", True)
