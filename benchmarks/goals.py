"""The goals: each compares a figure of zmey with a peer's of the same run, or with a limit.

Reads the figures of the last runs of the benchmarks, writes `out/goals.json`, prints the table.
"""

import json
import statistics
from dataclasses import asdict, dataclass

from rich.table import Table

import bridge
import changes
import core_only
import figures
import files
import growth
import import_rows
import normalize
import resolve
from figures import Board, console
from scale import OUT, current, is_quick

MEMORY_MB_MAX = 512.0
EXPRESS_ROWS_MINUTE_MIN = 10_000_000.0


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a goal."""

    ours: float
    peer: float
    ratio: float


@dataclass(frozen=True, slots=True)
class Promise:
    """A number that a figure is compared with where there is no peer."""

    value: float
    # Whether ours may not exceed it; otherwise it may not fall below.
    is_most: bool = False

    def sample(self, ours: float) -> Sample:
        """Compares the figure of one run."""
        ratio = self.value / ours if self.is_most else ours / self.value
        return Sample(ours, self.value, ratio)


@dataclass(frozen=True, slots=True)
class Goal:
    """One goal: `ours` over `peer` is at least `target`."""

    name: str
    benchmark: str
    ours: str
    # The peer's figure of the same benchmark, or what was promised.
    peer: str | Promise
    target: float
    # What is believed to bound the figure; the first place to look where the goal is missed.
    bound: str


@dataclass(frozen=True, slots=True)
class Row:
    """One goal as measured; null and no runs where a figure is missing."""

    name: str
    ratio: float | None
    target: float
    ours: float | None
    peer: float | None
    unit: str
    runs: int
    met: bool
    samples: list[Sample]
    missing: str
    bound: str


def _import_goal(what: str, peer: str, which: str, target: float, bound: str) -> Goal:
    ours = import_rows.name(import_rows.ZMEY, which)
    name = f"import, {which}: zmey / {what}"
    return Goal(name, "import", ours, import_rows.name(peer, which), target, bound)


def goals() -> list[Goal]:
    """Returns every goal, in the order of the table."""
    smallest, largest = min(current().growth_members), max(current().growth_members)
    both = (import_rows.FRESH, import_rows.SECOND)
    # Measured in November 2026: fresh, all threads together keep both cores busy; in the second
    # pass the writer waits for the disk, since nearly every changed page is another one.
    writes = {
        import_rows.FRESH: "processor time: planning, preparing and LMDB's puts fill both cores",
        import_rows.SECOND: "random pages that LMDB copies and syncs; raw puts are no faster",
    }
    copies = [
        _import_goal("PostgreSQL COPY", import_rows.POSTGRES_COPY, which, 5.0, writes[which])
        for which in both
    ]
    logs = [
        _import_goal("Redis, append-only file", import_rows.REDIS_LOG, which, 1.0, writes[which])
        for which in both
    ]
    raw = [
        _import_goal("raw py-lmdb puts", import_rows.RAW_LMDB, which, 0.5, "matching and encoding")
        for which in both
    ]
    grpc = "Python's gRPC server on one interpreter lock; two cores shared with the clients"
    return [
        *copies,
        *logs,
        *raw,
        Goal("ResolveBatch, 4 clients / PostgreSQL prepared, 8 clients", "resolve",
             resolve.BATCH_MANY, resolve.PGBENCH, 5.0, "normalising and look-ups on two cores"),
        Goal("ResolveBatch, 1 client / psycopg batches of 1,000", "resolve",
             resolve.BATCH_ONE, resolve.BATCHES, 3.0,
             "one core: 60 % of the time are searches in the B-tree that miss the caches"),
        Goal("core-only resolve / raw py-lmdb gets", "core",
             core_only.RESOLVE, core_only.RAW_GETS, 0.7, "normalising and encoding of answers"),
        Goal("unary Resolve / echo on the same server", "resolve",
             resolve.UNARY, resolve.ECHO, 0.9, grpc),
        Goal("p99 of others: beside merges of new members / of one of 1,000 merges", "changes",
             changes.BESIDE_FRESH, changes.BESIDE_DEEP, 0.5,
             "the commit that both share; the length of a history is no factor"),
        Goal("import of a CSV in cp1251 / StreamImport of the same rows", "files",
             files.CSV, files.STREAM, 0.8, "the same writer; one thread more reads the file"),
        Goal("import of an XLSX / openpyxl merely reading it", "files",
             files.XLSX, files.XLSX_PEER, 3.0,
             "one process that unpacks it, before the first row is applied"),
        Goal("express import, rows a minute / 10 million", "files",
             files.EXPRESS, Promise(EXPRESS_ROWS_MINUTE_MIN), 1.0,
             "one thread that normalises and compresses"),
        Goal("zmey bridge / its client library alone", "bridge",
             bridge.BRIDGE, bridge.ECHO, 0.7,
             "Python: the client library takes 0.2 ms a message, the bridge 0.1 ms more"),
        Goal("normalising phones / phonenumbers", "normalize",
             normalize.PHONES, normalize.PHONENUMBERS, 30.0, "one thread"),
        Goal("normalising e-mails / email-validator", "normalize",
             normalize.EMAILS, normalize.EMAIL_VALIDATOR, 20.0, "one thread"),
        Goal(f"import at {largest:,} / at {smallest:,} members", "growth",
             growth.import_at(largest), growth.import_at(smallest), 0.5,
             "random keys touch ever more pages: raw LMDB keeps about 57 %"),
        Goal("memory: 512 MB / server without the mapped store", "growth",
             growth.MEMORY, Promise(MEMORY_MB_MAX, is_most=True), 1.0,
             "chunks that wait for their commit"),
    ]  # fmt: skip


def main() -> None:
    """Writes and prints the goals from the figures that are there."""
    rows = [_row(goal) for goal in goals()]
    OUT.mkdir(parents=True, exist_ok=True)
    content = json.dumps([asdict(row) for row in rows], indent=2, ensure_ascii=False)
    (OUT / "goals.json").write_text(content + "\n")
    show(rows)


def _row(goal: Goal) -> Row:
    board = figures.load(goal.benchmark)
    samples, missing, unit = _samples(goal, board)
    if not samples:
        return Row(
            goal.name, None, goal.target, None, None, unit, 0, False, [], missing, goal.bound
        )
    ratio = statistics.median(sample.ratio for sample in samples)
    return Row(
        name=goal.name,
        ratio=round(ratio, 3),
        target=goal.target,
        ours=round(statistics.median(sample.ours for sample in samples), 1),
        peer=round(statistics.median(sample.peer for sample in samples), 1),
        unit=unit,
        runs=len(samples),
        met=ratio >= goal.target,
        samples=samples,
        missing="",
        bound=goal.bound,
    )


def _samples(goal: Goal, board: Board | None) -> tuple[list[Sample], str, str]:
    """Returns the runs that have both sides, or why there are none, and the unit."""
    if board is None:
        return [], f"benchmark {goal.benchmark} has not run", ""
    ours = board.figures.get(goal.ours)
    if ours is None or not ours.runs:
        return [], f"{goal.ours}: not measured", ""
    if isinstance(goal.peer, Promise):
        return [goal.peer.sample(value) for value in ours.runs], "", ours.unit
    peer = board.figures.get(goal.peer)
    if peer is None or not peer.runs:
        return [], f"{goal.peer}: {peer.absent if peer else 'absent'}", ours.unit
    pairs = zip(ours.runs, peer.runs, strict=False)
    return [Sample(left, right, left / right) for left, right in pairs], "", ours.unit


def show(rows: list[Row]) -> None:
    """Prints the table."""
    title = "goals: medians of the runs, each run pairing both sides"
    if is_quick():
        title += " (QUICK: the goals are for the full run)"
    table = Table(title=title, title_justify="left")
    table.add_column("goal")
    for column in ("ours", "peer", "ratio", "target", "runs"):
        table.add_column(column, justify="right")
    table.add_column("")
    for row in rows:
        if row.ratio is None:
            table.add_row(row.name, "", "", "", f"{row.target:g}", "0", "absent")
            continue
        verdict = "[green]met[/]" if row.met else "[red]not met[/]"
        sides = (f"{row.ours:,.0f}", f"{row.peer:,.0f} {row.unit}")
        numbers = (f"{row.ratio:.2f}", f"{row.target:g}", str(row.runs))
        table.add_row(row.name, *sides, *numbers, verdict)
    console().print(table)
    for row in rows:
        if row.ratio is None:
            print(f"absent: {row.name}: {row.missing}")
        elif not row.met:
            print(f"not met: {row.name}: believed to be bounded by {row.bound}")


if __name__ == "__main__":
    main()
