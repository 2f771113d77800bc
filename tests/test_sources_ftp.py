"""Files from FTP servers, plain and with TLS."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from support.certificates import Certificates, make_certificates
from support.ftp_server import PASSWORD, USER, ftp_server
from support.sources import ROWS, Canary, Fetching, reason, settings
from zmey.sources import Secret, SourceCancelledError, ftp
from zmey.sources.addresses import parse_network

LOGIN = f"{USER}:{quote(PASSWORD)}"


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def served(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    (folder / "in ner").mkdir(parents=True)
    (folder / "a.csv").write_bytes(ROWS)
    (folder / "in ner" / "имя.csv").write_bytes(b"\r\n\0\xff" * 100_000)
    return folder


@pytest.fixture
def fetching(tmp_path: Path) -> Fetching:
    into = tmp_path / "into"
    into.mkdir()
    return Fetching(into)


def test_files_come_as_they_are(served: Path, fetching: Fetching) -> None:
    with ftp_server(served) as port:
        origin = f"ftp://{LOGIN}@127.0.0.1:{port}"
        assert fetching.get(f"{origin}/a.csv").path.read_bytes() == ROWS
        got = fetching.get(f"{origin}/in%20ner/имя.csv")
        assert got.path.read_bytes() == b"\r\n\0\xff" * 100_000


def test_without_a_name_one_is_anonymous(served: Path, fetching: Fetching) -> None:
    with ftp_server(served, anonymous=True) as port:
        assert fetching.get(f"ftp://127.0.0.1:{port}/a.csv").path.read_bytes() == ROWS


def test_ipv6(served: Path, fetching: Fetching) -> None:
    with ftp_server(served, host="::1") as port:
        assert fetching.get(f"ftp://{LOGIN}@[::1]:{port}/a.csv").path.read_bytes() == ROWS


def test_secrets_are_used(served: Path, fetching: Fetching) -> None:
    secret = Secret(hosts=("127.0.0.1",), user=USER, password=PASSWORD)
    fetching.settings = settings(secrets={"crm": secret})
    with ftp_server(served) as port:
        assert fetching.get(f"ftp://127.0.0.1:{port}/a.csv", secret="crm").path.exists()
        assert fetching.get(f"ftp://authext:crm@127.0.0.1:{port}/a.csv").path.exists()


def test_folders(served: Path, fetching: Fetching) -> None:
    with ftp_server(served) as port:
        url = f"ftp://{LOGIN}@127.0.0.1:{port}/in%20ner/"
        assert "request.json" in fetching.refusal(url).message
        (served / "in ner" / "request.json").write_bytes(b'{"content_type": "txt"}')
        (served / "in ner" / "import.txt").write_bytes(ROWS)
        assert fetching.get(url).path.read_bytes() == ROWS


def test_refusals(served: Path, fetching: Fetching) -> None:
    with ftp_server(served) as port:
        origin = f"127.0.0.1:{port}"
        error = fetching.refusal(f"ftp://{LOGIN}@{origin}/none.csv")
        assert (reason(error), error.is_transient) == ("SOURCE_MISSING", True)
        assert error.details == {"url": f"ftp://{origin}/none.csv"}
        assert reason(fetching.refusal(f"ftp://{LOGIN}@{origin}/in%20ner")) == "SOURCE_MISSING"
        for login in ("", "ann:wrong@", "bob:pa55@"):
            error = fetching.refusal(f"ftp://{login}{origin}/a.csv")
            assert (reason(error), error.is_transient) == ("SOURCE_DENIED", False)
            assert "wrong" not in f"{error.message} {error.__cause__}"
        fetching.settings = settings(file_bytes_max=len(ROWS) - 1)
        assert reason(fetching.refusal(f"ftp://{LOGIN}@{origin}/a.csv")) == "SOURCE_TOO_LARGE"
    assert reason(fetching.refusal(f"ftp://{LOGIN}@{origin}/a.csv")) == "SOURCE_UNREACHABLE"


@pytest.mark.parametrize("path", ["a%0D%0ADELE%20a.csv", "a%00", "a?b"])
def test_paths_are_one_line(fetching: Fetching, path: str) -> None:
    assert reason(fetching.refusal(f"ftp://127.0.0.1/{path}")) == "SOURCE_URL_INVALID"


def test_credentials_are_one_line(fetching: Fetching) -> None:
    error = fetching.refusal("ftp://a%0D%0ADELE:b@127.0.0.1/a.csv")
    assert reason(error) == "SOURCE_URL_INVALID"


@pytest.fixture
def secure(fetching: Fetching, certificates: Certificates) -> Fetching:
    secret = Secret(
        hosts=("127.0.0.1", "localhost"),
        user=USER,
        password=PASSWORD,
        ca_file=str(certificates.authority),
    )
    fetching.settings = settings(secrets={"crm": secret})
    return fetching


def test_explicit_tls(served: Path, secure: Fetching, certificates: Certificates) -> None:
    with ftp_server(served, certificate=certificates.server) as port:
        for host in ("127.0.0.1", "localhost"):
            url = f"ftps://{host}:{port}/in%20ner/имя.csv"
            assert secure.get(url, secret="crm").path.stat().st_size == 400_000


def test_implicit_tls(
    served: Path,
    secure: Fetching,
    certificates: Certificates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with ftp_server(served, certificate=certificates.server, implicit=True) as port:
        # Only root may listen on the real one.
        monkeypatch.setattr(ftp, "IMPLICIT_PORT", port)
        got = secure.get(f"ftps://127.0.0.1:{port}/a.csv", secret="crm")
        assert got.path.read_bytes() == ROWS


def test_servers_that_are_not_trusted(
    served: Path, secure: Fetching, certificates: Certificates
) -> None:
    with ftp_server(served, certificate=certificates.server) as port:
        error = secure.refusal(f"ftps://{LOGIN}@127.0.0.1:{port}/a.csv")
        assert (reason(error), error.is_transient) == ("SOURCE_UNTRUSTED", False)
        assert "ca_file" in error.message
        plain = secure.refusal(f"ftp://{LOGIN}@127.0.0.1:{port}/a.csv")
        assert (reason(plain), plain.is_transient) == ("SOURCE_UNREACHABLE", False)
    for file in (certificates.other, certificates.expired):
        with ftp_server(served, certificate=file) as port:
            error = secure.refusal(f"ftps://127.0.0.1:{port}/a.csv", secret="crm")
            assert reason(error) == "SOURCE_UNTRUSTED"


def test_a_server_without_tls(served: Path, secure: Fetching) -> None:
    with ftp_server(served) as port:
        error = secure.refusal(f"ftps://127.0.0.1:{port}/a.csv", secret="crm")
        assert (reason(error), error.is_transient) == ("SOURCE_UNREACHABLE", False)


@contextmanager
def scripted(talk: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """Runs a server of our own, for what a decent one does not do."""
    listener = socket.create_server((host, 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield int(listener.getsockname()[1])
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def conversation(**answers: str) -> Callable[[socket.socket], None]:
    """Answers commands with lines; QUIT ends it."""

    def talk(connection: socket.socket) -> None:
        connection.sendall(b"220 hello\r\n")
        file = connection.makefile("r", encoding="utf-8", newline="\r\n")
        with file:
            for line in file:
                command = line.split()[0]
                answer = answers.get(command, "200 fine")
                if answer == "silence":
                    time.sleep(3)
                    return
                connection.sendall(answer.encode() + b"\r\n")

    return talk


def test_data_comes_from_the_checked_address_only(fetching: Fetching) -> None:
    """A server whose PASV names another host: the port is tried, at the server's own address."""
    canary = Canary("127.0.0.1")
    elsewhere = f"227 Entering (127,0,0,1,{canary.port // 256},{canary.port % 256})"
    answers = {"USER": "230 in", "SIZE": "213 5", "PASV": elsewhere, "RETR": "150 here"}
    fetching.settings = settings(allowed_networks=(parse_network("127.0.0.7"),))
    with scripted(conversation(**answers), "127.0.0.7") as port:
        error = fetching.refusal(f"ftp://127.0.0.7:{port}/a.csv")
        assert reason(error) == "SOURCE_UNREACHABLE"
        assert canary.heard() == 0
    canary.close()


def test_inner_servers_are_not_visited(fetching: Fetching) -> None:
    canary = Canary()
    fetching.settings = settings(allowed_networks=())
    for scheme in ("ftp", "ftps"):
        for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
            error = fetching.refusal(f"{scheme}://{host}:{canary.port}/a.csv")
            assert reason(error) == "SOURCE_FORBIDDEN"
    assert canary.heard() == 0
    canary.close()


TALKS = (
    # Answers to commands, reason, whether a later attempt may succeed.
    ({"USER": "421 too many"}, "SOURCE_UNREACHABLE", True),
    ({"USER": "500 what"}, "SOURCE_UNREACHABLE", False),
    ({"USER": "nonsense"}, "SOURCE_UNREACHABLE", False),
    ({"USER": "230 in", "TYPE": "silence"}, "SOURCE_UNREACHABLE", True),
    ({"USER": "230 in", "SIZE": "213 99999999"}, "SOURCE_TOO_LARGE", False),
    ({"USER": "230 in", "SIZE": "550 no", "PASV": "227 what"}, "SOURCE_UNREACHABLE", False),
    ({"USER": "230-" + "\r\n".join(["230-more"] * 2000)}, "SOURCE_UNREACHABLE", False),
    ({"USER": "230 " + "x" * 10_000}, "SOURCE_UNREACHABLE", False),
)


@pytest.mark.parametrize(("answers", "expected", "transient"), TALKS)
def test_servers_that_misbehave(
    fetching: Fetching, answers: dict[str, str], expected: str, transient: bool
) -> None:
    fetching.settings = settings(silence_seconds=0.5)
    with scripted(conversation(**answers)) as port:
        error = fetching.refusal(f"ftp://127.0.0.1:{port}/a.csv")
    assert (reason(error), error.is_transient) == (expected, transient), error.message


def test_a_file_that_breaks_off(fetching: Fetching) -> None:
    """A data connection that ends early looks like the end of the file; the size tells."""

    def data(connection: socket.socket) -> None:
        connection.sendall(b"half")

    with scripted(data) as data_port:
        passive = f"227 (127,0,0,1,{data_port // 256},{data_port % 256})"
        answers = {"USER": "230 in", "SIZE": "213 8", "PASV": passive, "RETR": "150 a\r\n226 b"}
        with scripted(conversation(**answers)) as port:
            error = fetching.refusal(f"ftp://127.0.0.1:{port}/a.csv")
            assert "breaks off" in error.message
            assert error.is_transient
        aborted = answers | {"SIZE": "550 no", "RETR": "150 a\r\n426 aborted"}
        with scripted(conversation(**aborted)) as port:
            assert fetching.refusal(f"ftp://127.0.0.1:{port}/a.csv").is_transient


def test_cancelling_ends_waiting_for_a_server(fetching: Fetching) -> None:
    fetching.cancelled = lambda: time.monotonic() > started + 0.3
    with scripted(conversation(USER="silence")) as port:
        started = time.monotonic()
        with pytest.raises(SourceCancelledError):
            fetching.get(f"ftp://127.0.0.1:{port}/a.csv")
        assert time.monotonic() - started < 2


def test_an_attempt_takes_no_longer_than_allowed(fetching: Fetching) -> None:
    fetching.settings = settings(timeout_seconds=0.3)
    with scripted(conversation(USER="silence")) as port:
        started = time.monotonic()
        error = fetching.refusal(f"ftp://127.0.0.1:{port}/a.csv")
        assert "takes longer than 0.3 seconds" in error.message
        assert time.monotonic() - started < 2
