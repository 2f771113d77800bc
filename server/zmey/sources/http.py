"""http:// and https://."""

import base64
import socket
import ssl
import zlib
from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from zmey.sources.addresses import Address
from zmey.sources.errors import (
    SourceError,
    denied,
    missing,
    unreachable,
    untrusted,
    url_invalid,
)
from zmey.sources.places import Place
from zmey.sources.settings import Secret
from zmey.sources.source import CHUNK_BYTES, Sink, Visit, check_host
from zmey.sources.trust import tls_context

REDIRECTS_MAX = 5
PORTS = {"http": 80, "https": 443}
GZIP_WINDOW = 16 + zlib.MAX_WBITS

REDIRECTS = (301, 302, 303, 307, 308)
DENIALS = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED)
ABSENCES = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)


class HttpSource:
    """A file on a web server."""

    def check(self, place: Place) -> None:
        """Wants a host."""
        check_host(place)

    def download(self, place: Place, sink: Sink, visit: Visit) -> None:
        """Follows redirects to the file and writes it."""
        visit.watch.run(_follow(place, sink, visit))


class _Pinned(AbstractResolver):
    """Knows one host only: by the addresses that were checked."""

    def __init__(self, addresses: Sequence[Address]) -> None:
        self._addresses = addresses

    async def resolve(
        self,
        host: str,
        port: int = 0,
        family: socket.AddressFamily = socket.AF_INET,  # noqa: ARG002 - named by the library
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in self._addresses
        ]

    async def close(self) -> None:
        """Has nothing to close."""


async def _follow(place: Place, sink: Sink, visit: Visit) -> None:
    for _ in range(REDIRECTS_MAX + 1):
        location = await _request(place, sink, visit)
        if location is None:
            return
        target = place.redirected(location)
        if target.scheme not in PORTS or not target.host:
            message = f"{place.shown} redirects to something else than http:// or https://."
            raise url_invalid(message, url=place.shown)
        if _origin(target) != _origin(place):
            # Credentials are for the host that they were given for.
            visit = replace(visit, secret=Secret(ca_file=visit.secret.ca_file))
        place = target
    problem = f"is behind more than {REDIRECTS_MAX} redirects; give the url that they lead to"
    raise unreachable(place.shown, problem, is_transient=False)


def _origin(place: Place) -> tuple[str, str, int]:
    return place.scheme, place.host, place.port or PORTS[place.scheme]


async def _request(place: Place, sink: Sink, visit: Visit) -> str | None:
    """Asks once; returns where a redirect leads, or None when the file is written."""
    try:
        async with _session(place, visit) as session:
            url = URL(f"{place.scheme}://{place.authority}{place.path or '/'}", encoded=True)
            if place.query:
                url = URL(f"{url}?{place.query}", encoded=True)
            async with session.get(url, allow_redirects=False) as response:
                if response.status in REDIRECTS and "Location" in response.headers:
                    return response.headers["Location"]
                _refuse_status(place, response.status)
                await _read(place, response, sink)
                return None
    except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as error:
        raise untrusted(place.shown, _tls_problem(error)) from error
    except aiohttp.InvalidURL as error:
        message = "The url is none that a web server could be asked for."
        raise url_invalid(message) from error
    except aiohttp.ServerTimeoutError as error:
        problem = f"says nothing for {visit.settings.silence_seconds:g} seconds"
        raise unreachable(place.shown, problem) from error
    except aiohttp.ClientPayloadError as error:
        raise unreachable(place.shown, "breaks off before the end of the file") from error
    except aiohttp.ClientConnectionError as error:
        raise unreachable(place.shown, "does not answer, or closes the connection") from error
    except aiohttp.ClientError as error:
        problem = "answers with something else than HTTP"
        raise unreachable(place.shown, problem, is_transient=False) from error


def _session(place: Place, visit: Visit) -> aiohttp.ClientSession:
    secret = visit.secret
    headers = {"Accept-Encoding": "gzip, identity", "Accept": "*/*", "User-Agent": "zmey"}
    if secret.bearer:
        headers["Authorization"] = f"Bearer {secret.bearer}"
    elif secret.user or secret.password:
        pair = f"{secret.user}:{secret.password}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    port = place.port or PORTS[place.scheme]
    connector = aiohttp.TCPConnector(
        resolver=_Pinned(visit.gate.addresses(place.host, port)),
        socket_factory=visit.gate.open_socket,
        use_dns_cache=False,
        force_close=True,
        ssl=tls_context(secret) if place.scheme == "https" else True,
    )
    silence = visit.settings.silence_seconds
    return aiohttp.ClientSession(
        connector=connector,
        headers=headers,
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=silence, sock_read=silence),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
    )


def _refuse_status(place: Place, status: int) -> None:
    if status == HTTPStatus.OK:
        return
    if status in DENIALS:
        raise denied(place.shown)
    if status in ABSENCES:
        raise missing(place.shown)
    passing = status in PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR
    problem = f"answers with the status {status}"
    raise unreachable(place.shown, problem, is_transient=passing, status=str(status))


async def _read(place: Place, response: aiohttp.ClientResponse, sink: Sink) -> None:
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in {"gzip", "x-gzip"}:
        inflate = _Inflate(place)
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            inflate.write(chunk, sink)
        inflate.end()
    elif coding in {"identity", ""}:
        if response.content_length is not None:
            sink.expect(response.content_length)
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            sink.write(chunk)
    else:
        problem = "answers in a content encoding that was not asked for"
        raise unreachable(place.shown, problem, is_transient=False)


class _Inflate:
    """Takes gzip off in pieces of bounded size, so that no answer grows in memory."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._inflate = zlib.decompressobj(GZIP_WINDOW)

    def write(self, chunk: bytes, sink: Sink) -> None:
        """Writes what a chunk holds."""
        while chunk:
            if self._inflate.eof:
                # A further member: gzip files may be concatenated.
                self._inflate = zlib.decompressobj(GZIP_WINDOW)
            try:
                sink.write(self._inflate.decompress(chunk, CHUNK_BYTES))
            except zlib.error as error:
                raise self._broken() from error
            chunk = self._inflate.unconsumed_tail or self._inflate.unused_data

    def end(self) -> None:
        """Refuses an answer that ended too early."""
        if not self._inflate.eof:
            raise self._broken()

    def _broken(self) -> SourceError:
        return unreachable(self._place.shown, "sends gzip that is broken or ends too early")


def _tls_problem(error: Exception) -> str:
    verification = getattr(error, "certificate_error", None)
    if isinstance(verification, ssl.SSLCertVerificationError):
        return (
            f"has a certificate that is not trusted ({verification.verify_message}); an operator "
            "can name its authority with ca_file of a secret"
        )
    return "and this server do not agree on TLS; the url may need http:// or another port"
