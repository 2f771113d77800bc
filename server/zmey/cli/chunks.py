"""Rows of a file in the chunks that an import stream takes.

The same file always gives the same chunks, because an import resumes by the number of the chunk.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from zmey.cli.columns import Column
from zmey.cli.csv_rows import BYTES, SourceRow
from zmey.cli.exits import CommandError
from zmey.v1.import_service_pb2 import ImportChunk, ImportRow, StreamImportRequest

# Large enough that a commit is worth its disk write, small enough that progress shows and a
# receipt fits the default limit of other clients.
CHUNK_ROWS_MAX = 5_000
CHUNK_BYTES_MAX = 2 * 1024 * 1024

# A tag and a length for each cell on the wire.
CELL_OVERHEAD_BYTES = 3


@dataclass(slots=True)
class Chunk:
    """Some rows that travel together.

    Attributes:
        number: counts from 1; 0 for a rest that has only unreadable rows and is not sent.
        rows: what is sent, in order.
        unreadable: rows between them that are no CSV.
        position: how far the file had been read.
    """

    number: int
    rows: list[SourceRow] = field(default_factory=list)
    unreadable: list[SourceRow] = field(default_factory=list)
    position: int = 0

    def encode(self, columns: Sequence[Column]) -> StreamImportRequest:
        """Writes the chunk as the message to send."""
        sources = [column.source for column in columns]
        width = max(sources) + 1
        rows = [ImportRow(cells=_cells(row.cells, sources, width)) for row in self.rows]
        return StreamImportRequest(chunk=ImportChunk(number=self.number, rows=rows))


def chunks_of(rows: Iterable[SourceRow]) -> Iterator[Chunk]:
    """Cuts rows into chunks, bounded by rows and by bytes.

    Raises:
        CommandError: the rows cannot be read to their end; those before were yielded.
    """
    chunk, size = Chunk(number=1), 0
    failed: CommandError | None = None
    try:
        for row in rows:
            if row.problem:
                chunk.unreadable.append(row)
                continue
            row_bytes = sum(map(len, row.cells)) + CELL_OVERHEAD_BYTES * len(row.cells)
            full = len(chunk.rows) >= CHUNK_ROWS_MAX or size + row_bytes > CHUNK_BYTES_MAX
            if chunk.rows and full:
                yield chunk
                chunk, size = Chunk(number=chunk.number + 1), 0
            chunk.rows.append(row)
            size += row_bytes
    except CommandError as error:
        failed = error
    if chunk.rows:
        yield chunk
    elif chunk.unreadable:
        chunk.number = 0
        yield chunk
    if failed is not None:
        raise failed


def _cells(cells: list[str], sources: list[int], width: int) -> list[bytes]:
    """Orders the cells of a row as the columns; cells too many stay, so that the server says so."""
    encoded = [cell.encode(BYTES) for cell in cells]
    found = len(encoded)
    ordered = [encoded[source] if source < found else b"" for source in sources]
    return ordered + encoded[width:] if found > width else ordered
