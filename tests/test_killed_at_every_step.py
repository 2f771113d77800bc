"""Promise 2: an operation killed at any of its writes and syncs is done as a whole or not at all.

A process opens a prepared store, which writes nothing, and does one operation. strace kills it
before the first write or sync of the file, before the second, and so on until none is left.
"""

import re
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from running_server import clean_environment
from support import torture_operations
from support.torture_operations import OPERATIONS, prepare, state
from support.torture_trace import require
from zmey._native import fsck

STEPS = ("pwrite64", "pwritev", "write", "writev", "fdatasync", "fsync", "ftruncate", "msync")
# Those with the most tables; the others run with `make torture`.
SHORT = ("heads by rules", "merge", "delete")
CASES = [
    pytest.param(name, marks=[] if name in SHORT else pytest.mark.torture) for name in OPERATIONS
]
CALL = re.compile(r"^\d+ +(\w+)\(", re.MULTILINE)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A closed store that every case copies."""
    require()
    store = tmp_path_factory.mktemp("prepared") / "store"
    prepare(store)
    return store


def run(store: Path, name: str, *options: str) -> int:
    """Does an operation under strace, which looks at the file of the store only."""
    log = store.with_suffix(".trace")
    command = [
        *("strace", "-f", "-qq", "-o", str(log), "-P", str(store / "data.mdb"), *options),
        *(sys.executable, torture_operations.__file__, str(store), name),
    ]
    ended = subprocess.run(
        command, env=clean_environment(), capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.stderr == "", ended.stderr
    return ended.returncode


def copy_of(prepared: Path, directory: Path) -> Path:
    store = directory / "store"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(prepared, store)
    return store


def seen(store: Path) -> tuple[Any, ...]:
    """What is in a store, after its check."""
    report = fsck(str(store))
    assert report["problems"] == []
    return report["revision"], report["counts"], state(store)


@pytest.mark.parametrize("name", CASES)
def test_killed_at_every_step(prepared: Path, tmp_path: Path, name: str) -> None:
    store = copy_of(prepared, tmp_path)
    before = seen(store)
    assert run(store, name, "-e", f"trace={','.join(STEPS)}") == 0
    steps = Counter(CALL.findall(store.with_suffix(".trace").read_text()))
    after = seen(store)
    assert after != before
    # At least the pages, their sync, and the meta page that makes them count.
    assert sum(steps.values()) >= 3, steps
    kills = [(call, number) for call, count in steps.items() for number in range(1, count + 1)]
    outcomes: Counter[str] = Counter()
    for call, number in kills:
        store = copy_of(prepared, tmp_path)
        kill = f"inject={call}:signal=SIGKILL:when={number}"
        code = run(store, name, "-e", f"trace={call}", "-e", kill)
        assert code == -signal.SIGKILL, (call, number, code)
        found = seen(store)
        assert found in (before, after), (call, number)
        outcomes["after" if found == after else "before"] += 1
    # The commit is one write of the meta page: killed before it, nothing of the operation is there.
    assert outcomes["before"] > 0
