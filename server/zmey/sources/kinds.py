"""Every kind of source, by the scheme of its URLs; a new one is a file and a line here."""

from collections.abc import Mapping

from zmey.sources.errors import SourceError, url_invalid
from zmey.sources.ftp import FtpSource
from zmey.sources.http import HttpSource
from zmey.sources.places import Place
from zmey.sources.rfs import RfsSource
from zmey.sources.sftp import SftpSource
from zmey.sources.source import Source

KINDS: Mapping[str, Source] = {
    "http": HttpSource(),
    "https": HttpSource(),
    "ftp": FtpSource(),
    "ftps": FtpSource(),
    "sftp": SftpSource(),
    "rfs": RfsSource(),
}

# Schemes of seed 002 that need accounts with others.
UNSUPPORTED: Mapping[str, str] = {
    "gbd": "Google BigQuery",
    "amocrm": "amoCRM",
    "bitrix24": "Bitrix24",
    "soap": "SOAP",
    "soaps": "SOAP",
}


def kind_of(place: Place) -> Source:
    """Returns the kind of a place, which has looked at it.

    Raises:
        SourceError: there is no such kind, or the URL does not fit it.
    """
    kind = KINDS.get(place.scheme)
    if kind is None:
        raise _unknown(place.scheme)
    kind.check(place)
    return kind


def _unknown(scheme: str) -> SourceError:
    known = ", ".join(f"{name}://" for name in KINDS)
    product = UNSUPPORTED.get(scheme)
    if product:
        message = f"{scheme}:// ({product}) is not supported by this server; known are {known}."
    else:
        message = f"The scheme of the url is not known; known are {known}."
    return url_invalid(message, scheme=scheme)
