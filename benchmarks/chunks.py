"""Members encoded beforehand: chunks of StreamImportRequest for zmey, text rows for the peers.

The encodings are cached in `out/cache`, under a hash of the generator and of the contract, in
blocks that serve every size of the first pass.
"""

import hashlib
import itertools
import multiprocessing
import os
import shutil
import struct
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import generate
from scale import OUT
from zmey.v1 import import_service_pb2

# Rows encoded together; a chunk is a whole number of groups.
GROUP_ROWS = 1_000
# Members of one cached file.
BLOCK_ROWS = 50_000
_LENGTH = struct.Struct("<I")
# Field 2 of StreamImportRequest (chunk) and field 1 of ImportChunk (number).
_TAG_CHUNK = b"\x12"
_TAG_NUMBER = b"\x08"


@dataclass(frozen=True, slots=True)
class PeerRow:
    """One row as the peers get it: normalised for them, invalid identifiers left out."""

    external_id: str | None
    email: str | None
    phone: str | None
    body: str


@dataclass(frozen=True, slots=True)
class Pass:
    """One pass of rows: the first (everybody new) or the second (half of them known)."""

    name: str
    rows: int
    # Members below this number are known already.
    known: int

    def numbers(self, start: int, stop: int) -> list[int]:
        """Returns the members of the rows from `start` to `stop`."""
        if self.known == 0:
            return list(range(start, stop))
        return generate.second_pass(self.known)[start:stop]


def fresh(members: int) -> Pass:
    """Returns the first pass over `members`."""
    return Pass("fresh", members, 0)


def second(members: int) -> Pass:
    """Returns the second pass over a store of `members`."""
    return Pass(f"second-{members}", members // 2 * 2, members)


def requests(rows: Pass, chunk_rows: int, start: int = 0) -> Iterator[bytes]:
    """Yields encoded StreamImportRequests with the rows from `start` on, numbered from 1."""
    groups = (content for content, _ in _groups(rows, start))
    for number in itertools.count(1):
        content = b"".join(itertools.islice(groups, chunk_rows // GROUP_ROWS))
        if not content:
            return
        yield frame(number, content)


def frame(number: int, content: bytes) -> bytes:
    """Makes a StreamImportRequest of encoded rows: the number is all that is new in it."""
    chunk = _TAG_NUMBER + _varint(number) + content
    return _TAG_CHUNK + _varint(len(chunk)) + chunk


def copy_text(rows: Pass) -> Iterator[bytes]:
    """Yields blocks of rows in the text format of PostgreSQL's COPY."""
    for _, text in _groups(rows, 0):
        yield text


def peer_rows(rows: Pass) -> Iterator[PeerRow]:
    """Yields the rows as the peers get them."""
    for text in copy_text(rows):
        for line in text.decode().splitlines():
            external_id, email, phone, body = (
                None if cell == r"\N" else cell for cell in line.split("\t")
            )
            yield PeerRow(external_id, email, phone, body or "{}")


def spellings(rows: Pass) -> Iterator[tuple[str, str, str]]:
    """Yields external id, e-mail and phone of each row as a human wrote them."""
    for content, _ in _groups(rows, 0):
        for row in import_service_pb2.ImportChunk.FromString(content).rows:
            external_id, email, phone = (cell.decode() for cell in row.cells[:3])
            yield external_id, email, phone


def prepare(rows: Pass) -> None:
    """Encodes every block that is not cached yet, on all cores."""
    directory = _cache()
    missing = [
        start
        for start in range(0, rows.rows, BLOCK_ROWS)
        if not _block_file(directory, rows, start).exists()
    ]
    if not missing:
        return
    print(f"encoding {len(missing)} blocks of {BLOCK_ROWS:,} rows ({rows.name}) …", flush=True)
    # Spawned, not forked: a process that uses gRPC or an open store must never fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), mp_context=context) as pool:
        for _ in pool.map(_encode_block, itertools.repeat(rows), missing):
            pass


def _cache() -> Path:
    """Returns the directory of the current encodings; older ones are removed."""
    here = Path(__file__).parent
    contract = Path(import_service_pb2.__file__)
    sources = [here / "generate.py", here / "vocabulary.py", here / "chunks.py", contract]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16]
    directory = OUT / "cache" / f"{generate.SEED}-{digest}"
    if not directory.exists():
        shutil.rmtree(OUT / "cache", ignore_errors=True)
        directory.mkdir(parents=True)
    return directory


def _block_file(directory: Path, rows: Pass, start: int) -> Path:
    # A block that ends early is another file than the whole one.
    stop = min(start + BLOCK_ROWS, rows.rows)
    return directory / f"{rows.name}-{start:08}-{stop:08}"


def _encode_block(rows: Pass, start: int) -> None:
    path = _block_file(_cache(), rows, start)
    numbers = rows.numbers(start, min(start + BLOCK_ROWS, rows.rows))
    partial = path.with_suffix(f".{os.getpid()}")
    with partial.open("wb") as file:
        for first in range(0, len(numbers), GROUP_ROWS):
            for content in encode_group(numbers[first : first + GROUP_ROWS], rows.known):
                file.write(_LENGTH.pack(len(content)))
                file.write(content)
    partial.rename(path)


def encode_group(numbers: list[int], known: int) -> tuple[bytes, bytes]:
    """Returns the rows as fields of an ImportChunk and as lines of COPY."""
    chunk = import_service_pb2.ImportChunk()
    lines = []
    for row in generate.rows(numbers, known):
        cells = (row.external_id, row.email, row.phone, *row.cells)
        chunk.rows.add(cells=[cell.encode() for cell in cells])
        identity = row.identity
        keys = (identity.external_id, identity.email, identity.phone)
        lines.append("\t".join([*(key or r"\N" for key in keys), row.body()]) + "\n")
    return chunk.SerializeToString(), "".join(lines).encode()


def _groups(rows: Pass, start: int) -> Iterator[tuple[bytes, bytes]]:
    directory = _cache()
    for block in range(0, rows.rows, BLOCK_ROWS):
        if block + BLOCK_ROWS <= start:
            continue
        with _block_file(directory, rows, block).open("rb") as file:
            for first in range(block, min(block + BLOCK_ROWS, rows.rows), GROUP_ROWS):
                content, text = (file.read(*_LENGTH.unpack(file.read(4))) for _ in range(2))
                if first >= start:
                    yield content, text


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
