"""Figures of a benchmark, run by run, kept as JSON and printed as a table."""

import json
import statistics
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from scale import OUT, is_quick

# Columns of a table that goes into a file or a pipe.
_WIDTH = 150


class PeerAbsentError(Exception):
    """A peer is not installed or does not answer; the message says which and why."""


@dataclass(slots=True)
class Figure:
    """One measured quantity."""

    unit: str
    # What the figure stands for: settings, durability.
    note: str = ""
    # One value for each run; empty where the peer is absent.
    runs: list[float] = field(default_factory=list)
    # Why the peer is absent.
    absent: str = ""

    def median(self) -> float | None:
        """Returns the median over the runs, None where there is none."""
        return statistics.median(self.runs) if self.runs else None


class Board:
    """All figures of one benchmark."""

    def __init__(self, benchmark: str) -> None:
        self.benchmark = benchmark
        self.figures: dict[str, Figure] = {}

    def add(self, name: str, value: float, unit: str, note: str = "") -> None:
        """Adds the value of one run."""
        figure = self.figures.setdefault(name, Figure(unit, note))
        figure.runs.append(value)
        print(f"  {name}: {_shown(value)} {unit}", flush=True)

    def attempt(self, names: list[str], measure: Callable[[], None]) -> bool:
        """Measures the figures of a peer; where it is absent, says so and goes on.

        Returns:
            Whether the peer is there.
        """
        try:
            measure()
        except PeerAbsentError as absence:
            for name in names:
                self.figures[name] = Figure("", absent=str(absence))
                print(f"  {name}: absent: {absence}", flush=True)
            return False
        return True

    def save(self) -> None:
        """Writes the figures to `out/figures-<benchmark>.json`."""
        path = _path(self.benchmark)
        path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "benchmark": self.benchmark,
            "quick": is_quick(),
            "figures": {name: asdict(figure) for name, figure in self.figures.items()},
        }
        path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    def show(self) -> None:
        """Prints the medians as a table."""
        title = f"{self.benchmark}: medians of the runs" + (" (QUICK)" if is_quick() else "")
        table = Table(title=title, title_justify="left")
        table.add_column("figure")
        table.add_column("median", justify="right")
        table.add_column("unit")
        table.add_column("runs", justify="right")
        table.add_column("note")
        for name, figure in self.figures.items():
            median = figure.median()
            shown = "absent" if median is None else _shown(median)
            runs = str(len(figure.runs))
            table.add_row(name, shown, figure.unit, runs, figure.absent or figure.note)
        console().print(table)


def _shown(value: float) -> str:
    return f"{value:,.{0 if value >= 100 else 2}f}"


def console() -> Console:
    """Returns where tables are printed: a terminal as it is, a file or pipe wide enough."""
    terminal = Console()
    return terminal if terminal.is_terminal else Console(width=_WIDTH)


def load(benchmark: str) -> Board | None:
    """Returns the figures of the last run of a benchmark, None where it has not run."""
    path = _path(benchmark)
    if not path.exists():
        return None
    content = json.loads(path.read_text())
    board = Board(benchmark)
    board.figures = {name: Figure(**figure) for name, figure in content["figures"].items()}
    return board


def _path(benchmark: str) -> Path:
    return OUT / f"figures-{benchmark}.json"
