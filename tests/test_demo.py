"""`make demo` shows what it promises, without a terminal too, and cleans up after itself."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from running_server import clean_environment

TESTS = Path(__file__).resolve().parent
SECONDS_MAX = 120.0
SERVER = re.compile(r"process (\d+) answers")

STUCK = """
import sys
import demo.__main__ as main
main.import_people = lambda stage: stage.require(False, "the door is stuck")
sys.exit(main.main())
"""


def start(directory: Path, *arguments: str) -> subprocess.Popen[str]:
    inherited = os.environ.get("PYTHONPATH", "")
    environment = {"TMPDIR": str(directory), "PYTHONPATH": f"{TESTS}{os.pathsep}{inherited}"}
    return subprocess.Popen(
        [sys.executable, *arguments],
        env=clean_environment(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def assert_nothing_is_left(directory: Path, output: str) -> None:
    assert list(directory.iterdir()) == []
    servers = SERVER.findall(output)
    assert servers
    for process_id in map(int, servers):
        with pytest.raises(ProcessLookupError):
            os.kill(process_id, 0)


def test_the_demonstration(tmp_path: Path) -> None:
    with start(tmp_path, "-m", "demo") as process:
        stdout, stderr = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 0, stdout + stderr
    for shown in (
        "Member 73, found by external id",
        "Member 73, found by contact id",
        "Member 73, found by email",
        "Member 73, found by msisdn",
        "other keys point at 1, 6",
        "0   of these missing",
        "200,000 rows are there, each once",
        "205,120",
        "clean",
    ):
        assert shown in stdout, shown
    for told in ("5,000 rows", "MATCH_CONFLICT", "200,000 rows"):
        assert told in stderr, told
    assert_nothing_is_left(tmp_path, stdout)


def test_a_failure_is_one_clear_line(tmp_path: Path) -> None:
    with start(tmp_path, "-c", STUCK) as process:
        stdout, stderr = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 1
    assert stderr.splitlines() == ["demo failed: the door is stuck"]
    assert_nothing_is_left(tmp_path, stdout)


def test_a_termination_ends_the_server_too(tmp_path: Path) -> None:
    with start(tmp_path, "-m", "demo") as process:
        assert process.stdout is not None
        seen = ""
        while not SERVER.search(seen):
            line = process.stdout.readline()
            assert line, seen
            seen += line
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=SECONDS_MAX)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "demo failed: interrupted"
    assert_nothing_is_left(tmp_path, seen + stdout)
