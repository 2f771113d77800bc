"""Reads a mended report of rejected rows as the file that the rows came from.

The columns that say what was wrong go, and so do the apostrophes against formulas. Every row stays
in its line, so that a row that is refused once more is found by its number.
"""

import csv
import io
import re
import tempfile
from codecs import BOM_UTF8
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from zmey.cli.exits import CommandError
from zmey.report_cells import HEADER, csv_line, without_apostrophe
from zmey.v1 import import_job_pb2
from zmey.v1.import_job_pb2 import ImportReading

# Spreadsheets write what their country separates cells with, and some begin with a byte order mark.
_SEPARATORS = (",", ";", "\t")
_LINE_END = re.compile(r"\r\n|\r|\n")

# How the rows are written for the server.
REPORT_READING = ImportReading(
    shape=import_job_pb2.FILE_SHAPE_CSV,
    charset=import_job_pb2.CHARSET_UTF_8,
    separator=import_job_pb2.SEPARATOR_COMMA,
    first_line=import_job_pb2.FIRST_LINE_NAMES,
)


def is_report(path: Path) -> bool:
    """Tells whether a file begins as reports do; one that cannot be read does not.

    A pipe cannot be read twice, and is none.
    """
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return _separator(file) is not None
    except OSError:
        return False


@contextmanager
def rows_of_report(path: Path) -> Iterator[BinaryIO]:
    """Opens the rows of a report as a file for an import.

    Raises:
        CommandError: the report is no CSV in UTF-8.
        OSError: it cannot be read.
    """
    with path.open("rb") as file, tempfile.TemporaryFile() as rows:
        separator = _separator(file) or ","
        text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        written = io.TextIOWrapper(rows, encoding="utf-8", newline="")
        try:
            _copy(text, written, separator)
        except (UnicodeDecodeError, csv.Error) as error:
            message = f"{path} is a report of rejected rows, but no CSV in UTF-8; save it as such."
            raise CommandError(message) from error
        written.flush()
        rows.seek(0)
        yield rows


def _separator(file: BinaryIO) -> str | None:
    """Tells what separates the cells of a report; None where it is none. Goes back to its start."""
    line = file.readline(len(BOM_UTF8) + len(",".join(HEADER)) + 1)
    file.seek(0)
    line = line.removeprefix(BOM_UTF8).replace(b'"', b"").rstrip(b"\r\n")
    for separator in _SEPARATORS:
        header = separator.join(HEADER).encode()
        if line == header or line.startswith(header + separator.encode()):
            return separator
    return None


def _copy(report: TextIO, rows: TextIO, separator: str) -> None:
    """Writes each row without the first columns, in the line in which it was."""
    reader = csv.reader(report, delimiter=separator, strict=True)
    line = 1
    for cells in reader:
        is_comment = bool(cells) and cells[0].startswith("#")
        own = [] if is_comment else cells[len(HEADER) :]
        text = csv_line(map(without_apostrophe, own)) if own else "\n"
        # What stood before its cells may have had lines of its own.
        lines = reader.line_num - line + 1
        rows.write(text + "\n" * (lines - len(_LINE_END.findall(text))))
        line += lines
