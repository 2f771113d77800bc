"""Promise 1: an acknowledged write survives power loss.

A real process writes under load while strace records every write and every sync of its file. The
file is then rebuilt as of random instants, with what was not synced kept, dropped or torn, and
judged: it must open, `fsck` must find nothing, and nothing acknowledged may be missing. The same
images without syncs must fail, or the test would prove nothing.
"""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Any, Self

import orjson
import pytest

from running_server import clean_environment
from support.torture_disk import Disk, Fate, Image, images
from support.torture_trace import (
    Acknowledged,
    Ended,
    Event,
    Moved,
    SyncBegun,
    Written,
    record,
    require,
)

SUPPORT = Path(__file__).resolve().parent / "support"
# A store is made beside its place.
UNFINISHED_FILE, FILE = "unfinished/data.mdb", "data.mdb"
STEPS_SHORT, IMAGES_SHORT = 30, 60
STEPS_LONG, IMAGES_LONG, TRACES_LONG = 250, 1_000, 10
IMAGES_WITHOUT_SYNCS = 40
JUDGE_SECONDS_MAX = 30.0
PROBLEMS_SHOWN_MAX = 10


class Judge:
    """The process that judges images; started again after an image has ended it."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.seen: Counter[str] = Counter()
        self.problems: list[str] = []
        self._directory = directory
        self._seed = seed
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process is not None:
            self._process.communicate()

    def judge(self, image: Image) -> None:
        """Lays an image down as a store and counts what is wrong with it."""
        self.seen["images"] += 1
        self.seen[image.fate.value] += 1
        store = self._directory / f"image-{self.seen['images']}"
        store.mkdir()
        file = store / (FILE if image.moved else UNFINISHED_FILE)
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(image.content)
        said = [orjson.loads(line) for line in image.acknowledged]
        verdict = self._ask({"store": str(store), "seed": self._seed, "acknowledged": said})
        for kind, problems in verdict.items():
            self.seen[kind] += bool(problems)
            self.problems += (
                f"{kind} at event {image.instant} ({image.fate.value}): {problem}"
                for problem in problems
            )

    def _ask(self, question: dict[str, Any]) -> dict[str, list[str]]:
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, str(SUPPORT / "torture_power_check.py")],
                env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        # A file that leads its reader in a circle is as bad as one that ends it.
        timer = threading.Timer(JUDGE_SECONDS_MAX, self._process.kill)
        timer.start()
        self._process.stdin.write(orjson.dumps(question) + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        timer.cancel()
        if answer:
            verdict: dict[str, list[str]] = orjson.loads(answer)
            return verdict
        self._process.communicate()
        ended = f"the judge ended with {self._process.returncode}"
        self._process = None
        return {"corrupt": [ended], "lost": []}


def environment() -> dict[str, str]:
    """The environment of a process that finds what this one finds."""
    return clean_environment({"PYTHONPATH": ":".join(path for path in sys.path if path)})


@contextmanager
def judging(directory: Path, seed: int) -> Iterator[Judge]:
    """Opens a judge and checks in the end that nothing was lost or corrupt."""
    with Judge(directory, seed) as judge:
        yield judge
    assert judge.problems[:PROBLEMS_SHOWN_MAX] == [], judge.seen
    assert judge.seen["corrupt"] + judge.seen["lost"] == 0
    fates = {fate.value for fate in Fate}
    assert {fate for fate in fates if judge.seen[fate]} == fates, judge.seen


def run_load(directory: Path, seed: int, steps: int) -> list[Event]:
    """Records the load of one seed."""
    require()
    store = directory / "recorded"
    command = [sys.executable, str(SUPPORT / "torture_power_load.py"), str(store), str(seed)]
    files = [store / UNFINISHED_FILE, store / FILE]
    return record([*command, str(steps)], files, directory / "trace", environment())


def opened_at(events: list[Event]) -> int:
    """How many events happen until the store is open."""
    said = (n for n, event in enumerate(events, 1) if isinstance(event, Acknowledged))
    return next(said)


def random_instants(random: Random, first: int, last: int, count: int) -> list[int]:
    return sorted(random.randrange(first, last) for _ in range(count))


@pytest.fixture(scope="module")
def short_trace(tmp_path_factory: pytest.TempPathFactory) -> list[Event]:
    return run_load(tmp_path_factory.mktemp("power"), seed=1, steps=STEPS_SHORT)


def test_power_cuts_lose_nothing(short_trace: list[Event], tmp_path: Path) -> None:
    instants = random_instants(Random(1), opened_at(short_trace), len(short_trace), IMAGES_SHORT)
    with judging(tmp_path, seed=1) as judge:
        for image in images(short_trace, instants, Random(2)):
            judge.judge(image)
    assert judge.seen["images"] == IMAGES_SHORT


def test_without_syncs_power_cuts_lose_writes(short_trace: list[Event], tmp_path: Path) -> None:
    """The test of the test."""
    first = opened_at(short_trace)
    instants = random_instants(Random(3), first, len(short_trace), IMAGES_WITHOUT_SYNCS)
    with Judge(tmp_path, seed=1) as judge:
        for image in images(short_trace, instants, Random(4), syncs_until=first):
            judge.judge(image)
    assert judge.seen["lost"] > 0, judge.seen
    assert judge.seen["corrupt"] > 0, judge.seen


def test_a_power_cut_at_the_first_start_leaves_a_store_that_starts(
    short_trace: list[Event], tmp_path: Path
) -> None:
    """Nothing is acknowledged yet, but nobody should have to remove a file by hand."""
    first = opened_at(short_trace)
    instants = [instant for instant in range(first) for _ in range(4)]
    assert any(isinstance(event, Moved) for event in short_trace[:first])
    with judging(tmp_path, seed=1) as judge:
        for image in images(short_trace, instants, Random(5)):
            judge.judge(image)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(1, TRACES_LONG + 1))
def test_many_power_cuts_lose_nothing(tmp_path: Path, seed: int) -> None:
    """Ten traces with a thousand images each are the gate of ten thousand."""
    events = run_load(tmp_path, seed, STEPS_LONG)
    instants = random_instants(Random(seed), opened_at(events), len(events), IMAGES_LONG)
    with judging(tmp_path, seed) as judge:
        for image in images(events, instants, Random(seed)):
            judge.judge(image)
    assert judge.seen["images"] == IMAGES_LONG


A, B, C = (letter * 512 for letter in (b"a", b"b", b"c"))
DISKS: tuple[tuple[str, list[Event], set[bytes]], ...] = (
    ("nothing is synced", [Written(1, 0, A, durable=False)], {b"", A}),
    (
        "a write that has not ended is not covered",
        [Written(1, 0, A, durable=False), SyncBegun(2), Ended(1), Ended(2)],
        {b"", A},
    ),
    (
        "a sync that has not ended did nothing",
        [Written(1, 0, A, durable=False), Ended(1), SyncBegun(2)],
        {b"", A},
    ),
    (
        "a sync covers what ended before it",
        [Written(1, 0, A, durable=False), Ended(1), SyncBegun(2), Ended(2)],
        {A},
    ),
    (
        "any version since the sync may be there",
        [
            Written(1, 0, A, durable=False), Ended(1), SyncBegun(2), Ended(2),
            Written(3, 0, B, durable=False), Ended(3), Written(4, 0, C, durable=False),
        ],
        {A, B, C},
    ),
    ("a durable write is synced by itself", [Written(1, 0, A, durable=True), Ended(1)], {A}),
    (
        "sectors are torn apart",
        [Written(1, 0, A + B, durable=False), Ended(1)],
        {b"", A, A + B, bytes(512) + B},
    ),
)  # fmt: skip


@pytest.mark.parametrize(("rule", "events", "expected"), DISKS, ids=[row[0] for row in DISKS])
def test_the_disk_of_the_test(rule: str, events: list[Event], expected: set[bytes]) -> None:
    disk = Disk()
    for event in events:
        disk.apply(event)
    random = Random(6)
    drawn = {disk.image(random, fate) for fate in Fate for _ in range(50)}
    assert drawn == expected, rule
