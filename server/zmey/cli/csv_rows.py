"""Reading a CSV file row by row in constant memory, without changing a byte of its cells.

The file is read as Latin-1, which maps every byte to a character and back. All that CSV itself
means is ASCII, so UTF-8 survives as it is, and a cell that is no UTF-8 reaches the server, which
refuses that row alone.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader, TextIOWrapper
from pathlib import Path
from types import TracebackType
from typing import Self

from zmey.cli.exits import CommandError

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BYTES = "latin-1"
QUOTE_PROBLEM = "a quoted cell goes on after its closing quote"

# A body is 1 MiB at most, so a longer cell is a quote that was never closed.
CELL_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class SourceRow:
    """One row of a file.

    Attributes:
        number: counts the rows after the first line from 1; blank lines do not count.
        line: the line of the file where the row begins.
        cells: the cells, each byte a character; the whole line where it cannot be read.
        problem: why the row cannot be read, or "".
    """

    number: int
    line: int
    cells: list[str]
    problem: str = ""


class CsvFile:
    """An open CSV file: comma, UTF-8, first line of column names; use it in a `with` statement."""

    def __init__(self, path: Path, *, trim: bool = False) -> None:
        """Opens the file and reads its first line.

        Raises:
            CommandError: it cannot be opened, or its first line cannot be read.
        """
        self._trim = trim
        try:
            self._binary: BufferedReader = path.open("rb")
        except OSError as error:
            message = f"The file {path} cannot be read: {error.strerror}."
            raise CommandError(message) from error
        if self._binary.peek(len(BYTE_ORDER_MARK)).startswith(BYTE_ORDER_MARK):
            self._binary.seek(len(BYTE_ORDER_MARK))
        self._text = TextIOWrapper(self._binary, encoding=BYTES, newline="")
        csv.field_size_limit(CELL_BYTES_MAX)
        self._line = ""
        self._reader = csv.reader(self._lines(), strict=True)
        self._path = path
        try:
            self.header = self._read_header()
        except CommandError:
            self._text.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._text.close()

    def position(self) -> int:
        """Returns how many bytes of the file have been read."""
        return self._binary.tell()

    def rows(self) -> Iterator[SourceRow]:
        """Yields the rows.

        Raises:
            CommandError: a quote is never closed, so that nobody can tell rows apart any more.
        """
        number = 0
        while True:
            line = self._reader.line_num + 1
            try:
                cells = next(self._reader, None)
            except csv.Error as error:
                if "expected after" not in str(error):
                    raise CommandError(self._unclosed(line)) from error
                number += 1
                text = self._line.rstrip("\r\n")
                yield SourceRow(
                    number, line, [text], "a quoted cell goes on after its closing quote"
                )
                continue
            if cells is None:
                return
            if cells:
                number += 1
                if self._trim:
                    cells = [cell.strip(" \t") for cell in cells]
                yield SourceRow(number, line, cells)

    def _lines(self) -> Iterator[str]:
        """Yields the lines of the file and remembers the last one, for the report of rejects."""
        for line in self._text:
            self._line = line
            yield line

    def _read_header(self) -> list[str]:
        try:
            cells = next(self._reader, [])
            header = [cell.encode(BYTES).decode("utf-8") for cell in cells]
        except csv.Error as error:
            raise CommandError(self._unclosed(1)) from error
        except UnicodeDecodeError as error:
            message = f"The first line of {self._path} is no UTF-8; save the file as UTF-8."
            raise CommandError(message) from error
        if not header:
            message = f"The first line of {self._path} is empty; it must name the columns."
            raise CommandError(message)
        return header

    def _unclosed(self, line: int) -> str:
        return (
            f"{self._path}, line {line}: a quote that opens in this row is never closed, or a "
            f"cell is over {CELL_BYTES_MAX} bytes. Rows from here on were not read; mend the "
            "line and import again."
        )
