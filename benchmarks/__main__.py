"""Runs every benchmark and then the goals: `python benchmarks`, or `make bench`."""

import time

import background
import bridge
import changes
import core_only
import files
import goals
import growth
import import_rows
import normalize
import processes
import resolve
from scale import current, is_quick


def main() -> None:
    """Runs everything and prints all tables."""
    processes.stop_cleanly()
    scale = current()
    duration = "about 9 minutes" if is_quick() else "about an hour"
    print(f"{scale.members:,} members, {scale.runs} runs: {duration}", flush=True)
    started = time.monotonic()
    boards = []
    for benchmark in (
        normalize,
        import_rows,
        core_only,
        resolve,
        changes,
        background,
        files,
        bridge,
        growth,
    ):
        boards.append(benchmark.run(scale))
        minutes = (time.monotonic() - started) / 60
        print(f"— {minutes:.1f} minutes so far", flush=True)
    for board in boards:
        board.show()
    goals.main()


if __name__ == "__main__":
    main()
