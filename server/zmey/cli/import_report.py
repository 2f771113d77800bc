"""What became of the rows of an import: counts, the file of rejects, the final table."""

import csv
from collections import Counter
from pathlib import Path
from typing import TextIO

from rich.table import Table

from zmey.cli.chunks import Chunk
from zmey.cli.csv_rows import BYTES, SourceRow
from zmey.v1.error_reason_pb2 import ErrorReason
from zmey.v1.import_service_pb2 import ImportReceipt
from zmey.v1.member_pb2 import OutcomeStatus

_STATUS_PREFIX = "OUTCOME_STATUS_"
_REASON_PREFIX = "ERROR_REASON_"
UNREADABLE_REASON = "CSV_ROW_UNREADABLE"
STATUSES = ("created", "updated", "unchanged", "ignored", "rejected")


class RejectFile:
    """Rejected rows as a CSV file: row, line, reason, message, then the row as it was.

    The file is made with the first reject, so that an import without any leaves none.
    """

    def __init__(self, path: Path, header: list[str]) -> None:
        self.path = path
        self.count = 0
        self._header = header
        self._append = False
        self._text: TextIO | None = None

    def begin(self, *, resumed: bool) -> None:
        """Removes the rejects of an earlier import; a resumed one keeps and goes on with them."""
        self._append = resumed and self.path.exists()
        if not resumed:
            self.path.unlink(missing_ok=True)

    def add(self, row: SourceRow, reason: str, message: str) -> None:
        """Writes one rejected row."""
        if self._text is None:
            if self._append:
                self._text = self.path.open("a", encoding=BYTES, newline="")
            else:
                self._text = self.path.open("w", encoding=BYTES, newline="")
                self._write(["row", "line", "reason", "message", *map(_as_bytes, self._header)])
        self.count += 1
        self._write([str(row.number), str(row.line), reason, _as_bytes(message), *row.cells])

    def flush(self) -> None:
        """Brings what was written to the file, so that a killed import leaves whole rows."""
        if self._text is not None:
            self._text.flush()

    def close(self) -> None:
        """Closes the file."""
        if self._text is not None:
            self._text.close()

    def _write(self, cells: list[str]) -> None:
        if self._text is not None:
            csv.writer(self._text, lineterminator="\n").writerow(cells)


class ImportReport:
    """Counts of one run of an import."""

    def __init__(self, rejects: RejectFile) -> None:
        self.rejects = rejects
        self.read = 0
        self.acknowledged = 0
        self.repeated = 0
        self.position = 0
        self.revision = 0
        self.statuses: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()

    def skip(self, chunk: Chunk) -> None:
        """Counts a chunk that an earlier run has brought in."""
        self.read += len(chunk.rows) + len(chunk.unreadable)
        self.repeated += len(chunk.rows)
        self.position = chunk.position

    def take(self, chunk: Chunk, receipt: ImportReceipt) -> None:
        """Counts a chunk that the server has acknowledged."""
        if receipt.repeated:
            self.skip(chunk)
            return
        self._take_unreadable(chunk)
        self.read += len(chunk.rows)
        self.acknowledged += len(chunk.rows)
        self.position = chunk.position
        self.revision = receipt.revision
        for status, count in Counter(receipt.statuses).items():
            name = OutcomeStatus.Name(status).removeprefix(_STATUS_PREFIX).lower()
            self.statuses[name] += count
        for reject in receipt.rejects:
            fault = reject.fault
            self.rejects.add(chunk.rows[reject.row], reason_name(fault.reason), fault.message)
        for warning in receipt.warnings:
            self.warnings[reason_name(warning.warning.reason)] += 1
        self.rejects.flush()

    def take_rest(self, chunk: Chunk) -> None:
        """Counts a rest without any row that could be sent."""
        self._take_unreadable(chunk)
        self.position = chunk.position
        self.rejects.flush()

    def table(self) -> Table:
        """Returns the counts as a table."""
        table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
        table.add_column(style="bold")
        table.add_column(justify="right")
        table.add_column(style="dim")
        table.add_row("read", f"{self.read:,}", "rows of the file")
        if self.repeated:
            table.add_row("repeated", f"{self.repeated:,}", "brought in by an earlier run")
        for name in STATUSES:
            note = str(self.rejects.path) if name == "rejected" and self.rejects.count else ""
            table.add_row(name, f"{self.statuses[name]:,}", note)
        for reason, count in sorted(self.warnings.items()):
            table.add_row("warning", f"{count:,}", reason.lower().replace("_", " "))
        return table

    def as_dict(self) -> dict[str, object]:
        """Returns the counts for programs."""
        return {
            "read": self.read,
            "repeated": self.repeated,
            **{name: self.statuses[name] for name in STATUSES},
            "warnings": dict(sorted(self.warnings.items())),
            "revision": self.revision,
        }

    def _take_unreadable(self, chunk: Chunk) -> None:
        self.read += len(chunk.unreadable)
        self.statuses["rejected"] += len(chunk.unreadable)
        for row in chunk.unreadable:
            self.rejects.add(row, UNREADABLE_REASON, row.problem)


def reason_name(reason: ErrorReason) -> str:
    """Returns the name of a reason without its prefix, also of one newer than this client."""
    try:
        return ErrorReason.Name(reason).removeprefix(_REASON_PREFIX)
    except ValueError:
        return f"REASON_{reason}"


def _as_bytes(text: str) -> str:
    """Makes each UTF-8 byte a character, as the rest of the file has it."""
    return text.encode("utf-8").decode(BYTES)
