"""Why the file of an import could not be had; what users see of it.

Exception
├── SourceError: the file cannot be had; with a reason, a sentence and details
└── SourceCancelledError: whoever asked for the file does not want it any more

Messages name the fix, and neither credentials nor what stands behind the `?` of an URL.
"""

from collections.abc import Mapping

from zmey.v1 import error_reason_pb2 as reasons


class SourceError(Exception):
    """A file that cannot be had.

    Attributes:
        reason: the ErrorReason.
        message: a sentence for people, without secrets.
        details: what the contract documents at the reason.
        is_transient: a later attempt may succeed.
    """

    def __init__(
        self,
        reason: reasons.ErrorReason,
        message: str,
        details: Mapping[str, str] | None = None,
        *,
        is_transient: bool = False,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.details = dict(details or {})
        self.is_transient = is_transient


class SourceCancelledError(Exception):
    """The import was cancelled while its file was fetched or unpacked."""


def url_invalid(problem: str, **details: str) -> SourceError:
    """Makes the error of an URL that cannot be used; `problem` is a whole sentence."""
    return SourceError(reasons.ERROR_REASON_SOURCE_URL_INVALID, problem, details)


def unreachable(url: str, problem: str, *, is_transient: bool = True, **more: str) -> SourceError:
    """Makes the error of a server that does not give the file; `problem` completes "`url` …"."""
    return SourceError(
        reasons.ERROR_REASON_SOURCE_UNREACHABLE,
        f"{url} {problem}.",
        {"url": url, **more},
        is_transient=is_transient,
    )


def forbidden(host: str) -> SourceError:
    """Makes the error of a host whose addresses the server may not visit.

    The addresses are not told: who asks may not know the names of an inner network.
    """
    return SourceError(
        reasons.ERROR_REASON_SOURCE_FORBIDDEN,
        f"The host {host} leads to addresses that this server does not visit, such as private "
        "ones; an operator can allow their network with the option allowed_networks.",
        {"host": host},
    )


def denied(url: str, problem: str = "refuses the credentials, or wants some") -> SourceError:
    """Makes the error of credentials that the other server refuses."""
    return SourceError(
        reasons.ERROR_REASON_SOURCE_DENIED,
        f"{url} {problem}; put them into the url, or name a secret that has the right ones.",
        {"url": url},
    )


def missing(url: str) -> SourceError:
    """Makes the error of a file that is not there; it may come, which is what attempts are for."""
    return SourceError(
        reasons.ERROR_REASON_SOURCE_MISSING,
        f"{url} does not exist; check the path, or ask for more attempts if the file comes later.",
        {"url": url},
        is_transient=True,
    )


def too_large(url: str, bytes_max: int) -> SourceError:
    """Makes the error of a file over the limit."""
    return SourceError(
        reasons.ERROR_REASON_SOURCE_TOO_LARGE,
        f"{url} has more than {bytes_max} bytes; split the file, or raise import_file_bytes_max.",
        {"url": url, "max_bytes": str(bytes_max)},
    )


def no_room(what: str) -> SourceError:
    """Makes the error of a disk of ours that is full."""
    return SourceError(
        reasons.ERROR_REASON_OVERLOADED,
        f"This server has no room on its disk for {what}; try again later.",
        {"queue": "disk"},
        is_transient=True,
    )


def secret_unknown(name: str, host: str) -> SourceError:
    """Makes the error of a secret that is not configured, or not for this host."""
    return SourceError(
        reasons.ERROR_REASON_SOURCE_SECRET_UNKNOWN,
        f"There is no secret {name} for the host {host}; an operator configures it as "
        f"[secrets.{name}] and lists the host among its hosts.",
        {"secret": name, "host": host},
    )


def untrusted(url: str, problem: str, **more: str) -> SourceError:
    """Makes the error of a server that does not prove who it is."""
    return SourceError(
        reasons.ERROR_REASON_SOURCE_UNTRUSTED, f"{url} {problem}.", {"url": url, **more}
    )


def file_invalid(file: str, problem: str, *, subject: str = "", **more: str) -> SourceError:
    """Makes the error of a file that cannot be read as what it seems to be.

    `problem` completes the sentence that begins with the subject, or with the name of the file.
    """
    message = f"{subject or file} {problem}."
    details = {"file": file, **more}
    return SourceError(reasons.ERROR_REASON_SOURCE_FILE_INVALID, message, details)


def unpack_limit(limit: str, maximum: str, problem: str) -> SourceError:
    """Makes the error of an archive or spreadsheet that costs too much."""
    return SourceError(
        reasons.ERROR_REASON_UNPACK_LIMIT,
        f"The file {problem}; send it as plain CSV or in parts.",
        {"limit": limit, "max": maximum},
    )
