"""sftp://: files over SSH. A server is known by its key, or not visited."""

import asyncio
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import asyncssh

from zmey.sources.errors import SourceError, denied, missing, unreachable, untrusted, url_invalid
from zmey.sources.places import Place
from zmey.sources.settings import Secret
from zmey.sources.source import CHUNK_BYTES, Sink, Visit, check_host

PORT = 22
ANONYMOUS = "anonymous"
# As curl has it: paths are absolute, and relative to where one logs in with a tilde.
HOME = "/~/"
BREAKS_OFF = "breaks off before the end of the file"
# No key of an unknown host is known. An empty value would make the library look into the files of
# whoever runs the server.
NOTHING_KNOWN: tuple[list[str], list[str], list[str]] = ([], [], [])


class SftpSource:
    """A file on an SFTP server."""

    def check(self, place: Place) -> None:
        """Wants a host and a path."""
        check_host(place)
        if place.query:
            message = "The url has a `?`, which SFTP does not have; write it as %3F in a path."
            raise url_invalid(message, url=place.shown)

    def download(self, place: Place, sink: Sink, visit: Visit) -> None:
        """Logs in and writes the file."""
        visit.watch.run(_download(place, sink, visit))


class _Client(asyncssh.SSHClient):
    """Knows servers by the fingerprints of a secret, and remembers the one that was shown."""

    def __init__(self, fingerprints: tuple[str, ...]) -> None:
        self._fingerprints = fingerprints
        self.shown = ""

    def validate_host_public_key(
        self,
        host: str,  # noqa: ARG002 - named by the library
        addr: str,  # noqa: ARG002 - likewise
        port: int,  # noqa: ARG002 - likewise
        key: asyncssh.SSHKey,
    ) -> bool:
        """Decides about a key that is not in the file of known hosts."""
        self.shown = key.get_fingerprint()
        return self.shown in self._fingerprints


async def _download(place: Place, sink: Sink, visit: Visit) -> None:
    silence = visit.settings.silence_seconds
    options = _options(place, visit)
    client = _Client(visit.secret.fingerprints)
    connecting = asyncio.to_thread(visit.gate.connect, place.host, place.port or PORT, silence)
    with await connecting as plain, _explained(place, visit, client):
        async with asyncssh.connect(
            host=place.host,
            port=place.port or PORT,
            sock=plain,
            client_factory=lambda: client,
            **options,
        ) as connection:
            async with asyncio.timeout(silence):
                sftp = await connection.start_sftp_client()
            await _copy(sftp, place, sink, silence)


def _options(place: Place, visit: Visit) -> dict[str, Any]:
    """Says who we are and whom we trust; nothing of whoever runs the server is used."""
    secret = visit.secret
    return {
        "config": None,
        "agent_path": None,
        "known_hosts": _known(place, visit.settings.known_hosts),
        "username": secret.user or ANONYMOUS,
        "password": secret.password or None,
        "client_keys": _keys(place, secret),
        "preferred_auth": ("publickey", "password", "keyboard-interactive"),
        "gss_host": None,
        "compression_algs": None,
        "login_timeout": visit.settings.silence_seconds,
    }


def _known(place: Place, text: str) -> asyncssh.SSHKnownHosts | tuple[list[str], ...]:
    try:
        return asyncssh.import_known_hosts(text) if text else NOTHING_KNOWN
    except ValueError as error:
        problem = "cannot be told from others: known_hosts_file is not of the form of OpenSSH"
        raise untrusted(place.shown, problem) from error


def _keys(place: Place, secret: Secret) -> list[asyncssh.SSHKey] | None:
    if not secret.private_key:
        return None
    try:
        return [asyncssh.import_private_key(secret.private_key, secret.passphrase or None)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as error:
        raise denied(place.shown, "needs a private key, but that of the secret is none") from error


def _path(place: Place) -> str:
    path = place.decoded_path
    return path.removeprefix(HOME) if path.startswith(HOME) else path


async def _copy(sftp: asyncssh.SFTPClient, place: Place, sink: Sink, silence: float) -> None:
    path = _path(place)
    async with asyncio.timeout(silence):
        status = await sftp.stat(path)
        if status.permissions is not None and not stat.S_ISREG(status.permissions):
            raise asyncssh.SFTPNoSuchFile(path)
        sink.expect(status.size or 0)
        file = await sftp.open(path, "rb")
    received = 0
    async with file:
        while True:
            async with asyncio.timeout(silence):
                chunk = cast("bytes", await file.read(CHUNK_BYTES))
            if not chunk:
                break
            received += len(chunk)
            sink.write(chunk)
    if received < (status.size or 0):
        raise unreachable(place.shown, BREAKS_OFF)


@contextmanager
def _explained(place: Place, visit: Visit, client: _Client) -> Iterator[None]:
    """Turns what the library raises into our errors."""
    try:
        yield
    except asyncssh.HostKeyNotVerifiable as error:
        raise _unknown_key(place, client.shown) from error
    except asyncssh.PermissionDenied as error:
        raise denied(place.shown) from error
    except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath) as error:
        raise missing(place.shown) from error
    except asyncssh.SFTPPermissionDenied as error:
        raise denied(place.shown) from error
    except (asyncssh.ConnectionLost, asyncssh.SFTPConnectionLost) as error:
        raise unreachable(place.shown, BREAKS_OFF) from error
    except TimeoutError as error:
        problem = f"says nothing for {visit.settings.silence_seconds:g} seconds"
        raise unreachable(place.shown, problem) from error
    except OSError as error:
        raise unreachable(place.shown, "does not answer, or closes the connection") from error
    except (asyncssh.Error, asyncssh.KeyImportError, ValueError) as error:
        problem = "answers with something else than SFTP, or refuses the file"
        raise unreachable(place.shown, problem, is_transient=False) from error


def _unknown_key(place: Place, fingerprint: str) -> SourceError:
    if not fingerprint:
        problem = "shows a key that is revoked, or a certificate of an unknown authority"
        return untrusted(place.shown, problem)
    problem = (
        f"shows the key {fingerprint}, which is not known; an operator who knows that it is right "
        "puts it into fingerprints of a secret, or into known_hosts_file"
    )
    return untrusted(place.shown, problem, fingerprint=fingerprint)
