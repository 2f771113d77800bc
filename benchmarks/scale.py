"""How much work a run of the benchmarks does: the full one, or the quick one with QUICK=1."""

import os
from dataclasses import dataclass
from pathlib import Path

OUT = Path(__file__).parent / "out"
# Stores and servers of the peers live here: on a real disk, reachable for PostgreSQL's own user.
WORK_DIRECTORY = os.environ.get("BENCH_DIRECTORY", "/var/tmp")
# Space of all benchmark members; national phones are read as Russian ones.
ACCOUNT_ID = 1
DB_ID = 1
REGION = "RU"


@dataclass(frozen=True, slots=True)
class Scale:
    """The sizes of one run of all benchmarks."""

    # Members of the first pass; the second pass has as many rows.
    members: int
    # Repetitions; every figure is a median over them.
    runs: int
    # Rows of a chunk of StreamImport; 10,000 is the contract's limit.
    chunk_rows: int
    # Rows written one by one through psycopg: a sample, since they take a millisecond each.
    row_by_row_rows: int
    # Seconds of each closed-loop measurement.
    loop_seconds: float
    # Values that are normalised by the Python peers.
    normalize_values: int
    # Sizes of the store at which import and resolving are measured.
    growth_members: tuple[int, ...]
    # Rows of the timed import at each size.
    growth_slice_rows: int


FULL = Scale(
    members=1_000_000,
    runs=3,
    chunk_rows=10_000,
    row_by_row_rows=20_000,
    loop_seconds=10.0,
    normalize_values=100_000,
    growth_members=(200_000, 1_000_000, 5_000_000),
    growth_slice_rows=100_000,
)
QUICK = Scale(
    members=200_000,
    runs=3,
    chunk_rows=10_000,
    row_by_row_rows=2_000,
    loop_seconds=2.0,
    normalize_values=20_000,
    growth_members=(50_000, 200_000, 500_000),
    growth_slice_rows=50_000,
)


def is_quick() -> bool:
    """Tells whether QUICK asks for the short run."""
    return os.environ.get("QUICK", "") not in {"", "0"}


def current() -> Scale:
    """Returns the scale that QUICK asks for."""
    return QUICK if is_quick() else FULL
