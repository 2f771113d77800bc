"""Where a file is: an URL, taken apart once, and shown without its secrets."""

import re
from dataclasses import dataclass, field, replace
from ipaddress import IPv6Address
from urllib.parse import quote, unquote, urljoin, urlsplit

from zmey.sources.errors import url_invalid

URL_BYTES_MAX = 8_192  # What web servers take at most.
HOST_CHARACTERS_MAX = 253  # RFC 1035 leaves no more for text.
# What may be in an URL as it is; everything else is percent-encoded.
URL_CHARACTERS = "%/:=&?~#+!$,;'@()*[]-._"

NOT_ENCODED = "The url has spaces, backslashes or control characters; encode them."
NO_URL = "The url is none; it is of the form https://host/path."
NO_SCHEME = "The url has no scheme; it is of the form https://host/path."
NO_PORT = "The url has port 0; ports are from 1 to 65535."
NO_ADDRESS = "The url has brackets, but no IPv6 address in them."
NO_HOST_NAME = "The host of the url is no name of a host."

_HOST = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_UNWANTED = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Place:
    """A parsed URL.

    Attributes:
        scheme: in lower case.
        host: a name in ASCII or an address, without brackets.
        port: 0 where the URL has none.
        path: with its percent signs, beginning with "/" or empty.
        query: what stands behind `?`.
        user: decoded; empty where there is none.
        password: likewise.
    """

    scheme: str
    host: str
    port: int = 0
    path: str = ""
    query: str = field(default="", repr=False)
    user: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def shown(self) -> str:
        """The URL as it may be shown: without credentials and without the query."""
        return f"{self.scheme}://{self.authority}{self.path}"

    @property
    def authority(self) -> str:
        """Host and port as they stand in the URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host

    @property
    def is_folder(self) -> bool:
        """Whether the URL ends with "/"."""
        return self.path.endswith("/") and not self.query

    @property
    def decoded_path(self) -> str:
        """The path without percent signs, for protocols whose paths are plain text."""
        return unquote(self.path)

    def within(self, name: str) -> "Place":
        """Returns a file of this folder."""
        return replace(self, path=self.path + quote(name))

    def redirected(self, location: str) -> "Place":
        """Returns where a redirect leads.

        Raises:
            SourceError: the location is no URL.
        """
        query = f"?{self.query}" if self.query else ""
        return parse_place(urljoin(self.shown + query, location))


def parse_place(url: str) -> Place:
    """Takes an URL apart.

    Raises:
        SourceError: it is none, or one that different programs would read differently.
    """
    if len(url.encode()) > URL_BYTES_MAX:
        message = f"The url has more than {URL_BYTES_MAX} bytes."
        raise url_invalid(message, max_bytes=str(URL_BYTES_MAX))
    if _UNWANTED.search(url):
        raise url_invalid(NOT_ENCODED)
    try:
        parts = urlsplit(url)
        port = 0 if parts.port is None else parts.port
    except ValueError as error:
        raise url_invalid(NO_URL) from error
    if not parts.scheme or not url.lower().startswith(parts.scheme + "://"):
        raise url_invalid(NO_SCHEME)
    if parts.port == 0:
        raise url_invalid(NO_PORT)
    return Place(
        scheme=parts.scheme,
        host=_host(parts.netloc, parts.hostname or ""),
        port=port,
        path=quote(parts.path, safe=URL_CHARACTERS),
        query=quote(parts.query, safe=URL_CHARACTERS),
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


def _host(authority: str, host: str) -> str:
    """Returns the host in ASCII; an empty one stays, since some schemes have none."""
    if authority.rpartition("@")[2].startswith("["):
        try:
            return str(IPv6Address(host))
        except ValueError as error:
            raise url_invalid(NO_ADDRESS) from error
    if not host:
        return ""
    try:
        name = host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise url_invalid(NO_HOST_NAME) from error
    if len(name) > HOST_CHARACTERS_MAX or not _HOST.fullmatch(name):
        raise url_invalid(NO_HOST_NAME)
    return name
