"""ftp:// and ftps://: passive, with TLS for ftps; explicit on port 21, implicit on port 990."""

import ftplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from zmey.sources.errors import SourceError, denied, missing, unreachable, untrusted, url_invalid
from zmey.sources.places import Place
from zmey.sources.source import CHUNK_BYTES, Sink, Visit, check_host
from zmey.sources.trust import tls_context

PORT = 21
IMPLICIT_PORT = 990
ANONYMOUS = "anonymous"
# No server has more to say in one connection; what it says is kept in memory.
LINES_MAX = 1_000

NOT_LOGGED_IN = ("530", "532")
NO_SUCH_FILE = ("550", "553")


class FtpSource:
    """A file on an FTP server."""

    def check(self, place: Place) -> None:
        """Wants a host and a path; both are written into commands, which are lines."""
        check_host(place)
        if place.query:
            message = "The url has a `?`, which FTP does not have; write it as %3F in a path."
            raise url_invalid(message, url=place.shown)
        written = (place.decoded_path, place.user, place.password)
        if any(not character.isprintable() for text in written for character in text):
            message = "The url has characters that cannot be in commands of FTP."
            raise url_invalid(message, url=place.shown)

    def download(self, place: Place, sink: Sink, visit: Visit) -> None:
        """Logs in and writes the file."""
        connection = _Connection(place, visit)
        try:
            with visit.watch.stopping(connection.stop), _explained(connection, place, visit):
                connection.open()
                connection.fetch(place.decoded_path.removeprefix("/"), sink)
        finally:
            connection.end()


class _Connection(ftplib.FTP_TLS):
    """A control connection over a socket from the gate, and its data connection."""

    def __init__(self, place: Place, visit: Visit) -> None:
        silence = visit.settings.silence_seconds
        super().__init__(context=tls_context(visit.secret), timeout=silence)
        self.host = place.host
        self._place = place
        self._visit = visit
        self._lines = 0
        self.is_logged_in = False
        # Copies: to close a connection while another thread waits for it.
        self._open: list[socket.socket] = []

    def open(self) -> None:
        """Connects and logs in."""
        is_secure = self._place.scheme == "ftps"
        port = self._place.port or PORT
        plain = self._visit.gate.connect(self.host, port, self._visit.settings.silence_seconds)
        self._open.append(plain.dup())
        self.sock = plain
        self.af = plain.family
        if is_secure and port == IMPLICIT_PORT:
            self.sock = self.context.wrap_socket(plain, server_hostname=self.host)
        self.file = self.sock.makefile("r", encoding=self.encoding)
        self.welcome = self.getresp()
        secret = self._visit.secret
        self.login(secret.user or ANONYMOUS, secret.password, secure=is_secure)
        self.is_logged_in = True
        if is_secure:
            self.prot_p()

    def fetch(self, path: str, sink: Sink) -> None:
        """Writes a file into a sink."""
        self.voidcmd("TYPE I")
        size = self._size(path)
        if size is not None:
            sink.expect(size)
        received = 0
        with self.transfercmd(f"RETR {path}") as data:
            self._open.append(_copied(data))
            while chunk := data.recv(CHUNK_BYTES):
                received += len(chunk)
                sink.write(chunk)
        self.voidresp()
        if size is not None and received < size:
            raise EOFError

    def _size(self, path: str) -> int | None:
        """Asks for the size of a file, which not every server tells."""
        with suppress(ftplib.error_perm):
            return self.size(path)
        return None

    def ntransfercmd(
        self, cmd: str, rest: int | str | None = None
    ) -> tuple[socket.socket, int | None]:
        """Opens the data connection, within the session that many servers want to see again.

        It leads to the address of the control connection, whatever the server says: that one was
        checked.
        """
        self.trust_server_pasv_ipv4_address = False
        data, size = ftplib.FTP.ntransfercmd(self, cmd, rest)  # noqa: S321 - ftp:// is wanted
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                session = self.sock.session
                data = self.context.wrap_socket(data, server_hostname=self.host, session=session)
            except BaseException:
                data.close()
                raise
        return data, size

    def getline(self) -> str:
        """Reads a line of the server, of which there are not endless ones."""
        self._lines += 1
        if self._lines > LINES_MAX:
            problem = "answers with more lines than FTP has"
            raise unreachable(self._place.shown, problem, is_transient=False)
        return super().getline()

    def stop(self) -> None:
        """Ends the waiting of the thread that fetches; called by another one."""
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Closes everything without a word: the server may not be listening any more."""
        for connection in self._open:
            connection.close()
        with suppress(OSError):
            self.close()


def _copied(connection: socket.socket) -> socket.socket:
    """Copies a connection; of TLS only what is beneath it, which is what can be shut."""
    return socket.socket(fileno=socket.dup(connection.fileno()))


@contextmanager
def _explained(connection: _Connection, place: Place, visit: Visit) -> Iterator[None]:
    """Turns what the library raises into our errors."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        problem = (
            f"has a certificate that is not trusted ({error.verify_message}); an operator can name "
            "its authority with ca_file of a secret"
        )
        raise untrusted(place.shown, problem) from error
    except ssl.SSLEOFError as error:
        raise unreachable(place.shown, "breaks off before the end of the file") from error
    except ssl.SSLError as error:
        raise untrusted(place.shown, "and this server do not agree on TLS") from error
    except TimeoutError as error:
        problem = f"says nothing for {visit.settings.silence_seconds:g} seconds"
        raise unreachable(place.shown, problem) from error
    except (EOFError, OSError) as error:
        raise unreachable(place.shown, "breaks off before the end of the file") from error
    except ftplib.error_perm as error:
        raise _refused(place, str(error)[:3], connection.is_logged_in) from error
    except ftplib.error_temp as error:
        raise unreachable(place.shown, "cannot give the file now") from error
    except (ftplib.Error, UnicodeError) as error:
        problem = "answers with something else than FTP"
        raise unreachable(place.shown, problem, is_transient=False) from error


def _refused(place: Place, code: str, is_logged_in: bool) -> SourceError:
    if code in NOT_LOGGED_IN:
        return denied(place.shown)
    if code in NO_SUCH_FILE and is_logged_in:
        return missing(place.shown)
    problem = f"refuses with the code {code}"
    return unreachable(place.shown, problem, is_transient=False)
