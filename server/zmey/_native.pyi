"""The border between the two languages: the Rust core as Python sees it.

Messages cross as protobuf bytes, configuration as typed values. Every method releases the GIL
while it works. A core belongs to the process that opened it: use after fork is refused.
"""

from collections.abc import Callable
from typing import Any, final

__all__ = [
    "Core",
    "CoreError",
    "ImportStream",
    "code_of_reason",
    "compact",
    "convert_spreadsheet",
    "dump",
    "fsck",
    "load",
    "sniff",
    "spaces",
    "split_array",
    "split_object",
]

class CoreError(Exception):
    """A call that failed.

    Attributes:
        code: the gRPC status code number.
        message: a sentence for people, without personal data.
        status: the encoded google.rpc.Status with google.rpc.ErrorInfo.
    """

    code: int
    message: str
    status: bytes

@final
class Core:
    """An open store with everything that works on it."""

    def __new__(cls, config: Any) -> Core:
        """Opens or creates the store.

        Args:
            config: a `zmey.config.CoreConfig`; read by attribute names.

        Raises:
            CoreError: the store is owned by another process, of an unknown format or unreadable;
                or the configuration is wrong.
        """

    def methods(self) -> list[str]:
        """Returns the full names of the unary methods, such as "/zmey.v1.MatchService/Resolve"."""

    def call(self, method: str, request: bytes, deadline_seconds: float | None = None) -> bytes:
        """Answers one unary call.

        Args:
            method: one of `methods()`.
            request: the encoded request message.
            deadline_seconds: time left; a write that has not begun by then writes nothing.

        Raises:
            CoreError: the call failed as a whole.
        """

    def open_import(self, request: bytes) -> ImportStream:
        """Opens an import.

        Args:
            request: the encoded first StreamImportRequest, which holds ImportOptions.

        Raises:
            CoreError: the options are refused, or the import_id is in use.
        """

    def metrics(self) -> dict[str, float]:
        """Returns counters and gauges of the core by Prometheus name, e.g. "zmey_commits_total"."""

    def close(self) -> None:
        """Ends waiting writes, closes the store and gives up its ownership; idempotent."""

@final
class ImportStream:
    """One running StreamImport."""

    @property
    def opened(self) -> bytes:
        """The encoded StreamImportResponse that answers the options."""

    def submit(self, request: bytes) -> None:
        """Takes one encoded StreamImportRequest with a chunk; blocks while the window is full.

        Raises:
            CoreError: the chunk is refused as a whole, or the stream has failed.
        """

    def finish(self) -> None:
        """Says that no chunk follows."""

    def receipt(self) -> bytes | None:
        """Waits for the next receipt, an encoded StreamImportResponse, in the order of the chunks.

        Returns None after the last one.

        Raises:
            CoreError: the chunk could not be committed; every receipt before it stands.
        """

    def cancel(self) -> None:
        """Gives up: waiting chunks are not applied, blocked calls return; idempotent."""

def fsck(store: str, progress: Callable[[str, int], None] | None = None) -> dict[str, Any]:
    """Checks every index of a closed store in both directions.

    Args:
        store: the directory.
        progress: called with the table and the number of entries seen so far.

    Returns:
        {"format_version": int, "revision": int, "counts": {table: entries},
        "problems": [sentence, …]}; at most 1,000 problems are listed, "problems_total" counts all.

    Raises:
        CoreError: the store is owned by a running server or cannot be read.
    """

def dump(store: str, file: str, progress: Callable[[str, int], None] | None = None) -> int:
    """Writes a closed store into an engine-neutral file; returns the number of entries."""

def load(file: str, store: str, progress: Callable[[str, int], None] | None = None) -> int:
    """Fills a store that does not exist yet from a dump; returns the number of entries."""

def compact(store: str, progress: Callable[[str, int], None] | None = None) -> dict[str, Any]:
    """Rewrites a closed store without what was removed from it.

    Args:
        store: the directory.
        progress: called with the table and the number of entries written so far.

    Returns:
        {"entries": int, "bytes_before": int, "bytes_after": int}

    Raises:
        CoreError: the store is owned by a running server, cannot be read, or the disk is full; then
            it is as before.
    """

def spaces(store: str) -> list[dict[str, Any]]:
    """Lists the spaces of a closed store.

    Returns:
        [{"account_id": int, "db_id": int, "members": int, "addresses": int,
        "fields": [{"path": str, "kind": str, "unique": bool}]}]
    """

def sniff(path: str) -> str:
    """Names the kind of a file by its first bytes.

    Returns:
        xlsx, xls, ods, zip or gzip; what is not read, such as pdf or html; or else text.
    """

def convert_spreadsheet(
    input: str,
    output: str,
    sheet: str,
) -> dict[str, Any]:
    """Writes the rows of a sheet as JSON lines.

    Hostile files may end the process or take all of its memory; call it in one with bounds.

    Args:
        input: an XLSX, XLS or ODS file.
        output: the file to write.
        sheet: the name of the sheet; "" takes the first visible one that has cells.

    Returns:
        {"sheet": str, "sheets": [str, …], "rows": int, "warnings": [encoded zmey.v1.Warning, …],
        "warnings_total": int}; at most 100 warnings are listed.

    Raises:
        CoreError: there is no such sheet, or the file cannot be read.
    """

def split_object(document: bytes) -> dict[str, bytes] | None:
    """Reads a JSON object whose values are wanted as they were written.

    Args:
        document: UTF-8; it may be nested two levels deeper than the data of a member.

    Returns:
        The canonical text of each member's value, numbers with every digit, in the order given;
        None where it is an array or a scalar.

    Raises:
        ValueError: it is no JSON, has a name twice or half of a surrogate pair, or is nested too
            deep; the text says which, and at which byte.
    """

def split_array(document: bytes) -> list[bytes] | None:
    """Reads a JSON array likewise; returns the canonical text of each element."""

def code_of_reason(reason: int) -> int:
    """Returns the number of the gRPC status code with which a call fails for a reason.

    Args:
        reason: the number of an ErrorReason.

    Raises:
        ValueError: there is no such reason.
    """
