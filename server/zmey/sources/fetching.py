"""Gets the file of an import: marks, credentials, attempts, folders."""

import re
from codecs import BOM_UTF8
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

import orjson

from zmey.sources.addresses import Gate
from zmey.sources.errors import (
    SourceCancelledError,
    SourceError,
    file_invalid,
    secret_unknown,
)
from zmey.sources.kinds import kind_of
from zmey.sources.marks import fill_marks
from zmey.sources.places import Place, parse_place
from zmey.sources.settings import Secret, SourceSettings
from zmey.sources.source import Sink, Source, Visit, Watch
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.import_job_pb2 import UrlSource

ATTEMPTS_MAX = 100
INTERVAL_SECONDS_DEFAULT = 60
INTERVAL_SECONDS_MAX = 86_400
# The user in `ftp://authext:NAME@host`, as seed 002 refers to credentials that are kept elsewhere.
NAMED = "authext"
# How long a cancelled import may sleep between two attempts.
NAP_SECONDS = 1.0

REQUEST_NAME = "request.json"
REQUEST_BYTES_MAX = 1024 * 1024
EXTENSION_DEFAULT = "csv"
EXTENSION = re.compile(r"[A-Za-z0-9]{1,16}")
FILE_NAME = "fetched"


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file that was fetched.

    Attributes:
        path: the file, as it came.
        request: what request.json says, where the URL was a folder.
    """

    path: Path
    request: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class _Errand:
    """What every attempt does again."""

    place: Place
    kind: Source
    secret: Secret
    gate: Gate
    settings: SourceSettings
    folder: Path
    cancelled: Callable[[], bool]


def fetch(  # noqa: PLR0913 - clock, randomness and waiting are arguments
    source: UrlSource,
    folder: Path,
    settings: SourceSettings,
    *,
    now: datetime,
    random: Random,
    wait: Callable[[float], None],
    cancelled: Callable[[], bool],
    attempt: Callable[[int], None],
    attempted: int = 0,
) -> Fetched:
    """Gets the file of an import; blocks until it is there.

    Args:
        source: where it is.
        folder: an empty directory for it.
        settings: what the operator decides.
        now: the moment for marks, in the time zone that counts.
        random: for `{RND}`.
        wait: sleeps for so many seconds.
        cancelled: asked often; once it says so, the work stops.
        attempt: told the number of each attempt before it begins, from 1.
        attempted: how many attempts an earlier process began.

    Raises:
        SourceError: the file cannot be had, after all attempts.
        SourceCancelledError: `cancelled` said so.
    """
    _refuse_over("attempts", source.attempts, ATTEMPTS_MAX)
    _refuse_over("interval_seconds", source.interval_seconds, INTERVAL_SECONDS_MAX)
    place = parse_place(fill_marks(source.url, now, random))
    kind = kind_of(place)
    secret = _secret(source.secret, place, settings)
    place = replace(place, user="", password="")
    gate = Gate(settings.allowed_networks, settings.resolve)
    errand = _Errand(place, kind, secret, gate, settings, folder, cancelled)
    attempts = source.attempts or 1
    interval = source.interval_seconds or INTERVAL_SECONDS_DEFAULT
    # The last attempt never failed, or nobody would ask: it was cut off, and is made again.
    first = min(attempted + 1, attempts)
    if 0 < attempted < attempts:
        _sleep(interval, wait, cancelled)
    for number in range(first, attempts + 1):
        attempt(number)
        try:
            return _folder(errand) if place.is_folder else Fetched(_file(errand, place), None)
        except SourceError as error:
            if not error.is_transient or number == attempts:
                raise
        _sleep(interval, wait, cancelled)
    raise AssertionError(attempts)


def _refuse_over(name: str, value: int, maximum: int) -> None:
    if value > maximum:
        raise SourceError(
            reasons.ERROR_REASON_LIMIT_EXCEEDED,
            f"{name} is {value}; at most {maximum} are allowed.",
            {"limit": name, "max": str(maximum), "actual": str(value)},
        )


def _secret(name: str, place: Place, settings: SourceSettings) -> Secret:
    """Returns the credentials: those that are named, otherwise those of the URL."""
    if not name and place.user == NAMED:
        name = place.password
    if not name:
        return Secret(user=place.user, password=place.password)
    secret = settings.secrets.get(name)
    if secret is None or place.host.lower() not in {host.lower() for host in secret.hosts}:
        raise secret_unknown(name, place.host)
    return secret


def _sleep(seconds: float, wait: Callable[[float], None], cancelled: Callable[[], bool]) -> None:
    while seconds > 0:
        if cancelled():
            raise SourceCancelledError
        wait(min(NAP_SECONDS, seconds))
        seconds -= NAP_SECONDS
    if cancelled():
        raise SourceCancelledError


def _folder(errand: _Errand) -> Fetched:
    """Gets request.json, and then data.EXT, or import.EXT where there is no data.EXT."""
    request_file = _file(errand, errand.place.within(REQUEST_NAME), REQUEST_NAME, REQUEST_BYTES_MAX)
    request = _request(request_file)
    extension = request.get("content_type")
    if extension in ("", None):
        extension = EXTENSION_DEFAULT
    if not isinstance(extension, str) or not EXTENSION.fullmatch(extension):
        problem = "has a content_type that is no ending of a file name, such as csv"
        raise file_invalid(REQUEST_NAME, problem)
    try:
        path = _file(errand, errand.place.within(f"data.{extension}"))
    except SourceError as error:
        if error.reason != reasons.ERROR_REASON_SOURCE_MISSING:
            raise
        path = _file(errand, errand.place.within(f"import.{extension}"))
    return Fetched(path, request)


def _request(path: Path) -> Mapping[str, Any]:
    try:
        # Editors of Windows put it before text in UTF-8.
        request = orjson.loads(path.read_bytes().removeprefix(BOM_UTF8))
    except orjson.JSONDecodeError as error:
        raise file_invalid(REQUEST_NAME, "is no JSON") from error
    if not isinstance(request, dict):
        raise file_invalid(REQUEST_NAME, "is no JSON object")
    return request


def _file(
    errand: _Errand, place: Place, name: str = FILE_NAME, bytes_max: int | None = None
) -> Path:
    """Gets one file."""
    settings = errand.settings
    bytes_max = min(bytes_max or settings.file_bytes_max, settings.file_bytes_max)
    watch = Watch(errand.cancelled, settings.timeout_seconds, place.shown)
    watch.check()
    path = errand.folder / name
    with Sink(path, bytes_max, place.shown) as sink:
        errand.kind.download(place, sink, Visit(settings, errand.secret, errand.gate, watch))
    return path
