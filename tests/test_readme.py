"""Every example of the README's tour runs, and prints what the README shows."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import StartServer
from readme_tour import README, Step, tour_steps
from running_server import RunningServer, clean_environment
from zmey.config import load_settings

TESTS = Path(__file__).resolve().parent
ADDRESS = "127.0.0.1:50051"
COLUMNS = "100"
SECONDS_MAX = 60.0
REFUSAL = "zmey: "


class Reader:
    """Somebody who follows the tour in a shell, in a directory of their own."""

    def __init__(self, directory: Path, start_server: StartServer) -> None:
        self._directory = directory
        self._start_server = start_server
        self._server: RunningServer | None = None
        self._programs = directory / "programs"
        self._programs.mkdir()
        self._install("zmey", "-m", "zmey")
        self._install("grpcurl", str(TESTS / "grpcurl.py"))

    def follow(self, step: Step) -> None:
        """Does one step and compares what it prints with what is shown."""
        if step.kind == "file":
            (self._directory / step.name).write_text(step.text, encoding="utf-8")
        elif step.kind == "stop":
            assert self._server is not None
            assert self._server.terminate() == 0
        elif step.text.startswith("zmey serve"):
            store = self._directory / "zmey-store"
            self._server = self._start_server(*shlex.split(step.text)[2:], store=store)
        else:
            check(step, self.run(step))

    def run(self, step: Step) -> str:
        """Runs a command or a program; returns stdout, or stderr where it was refused."""
        assert self._server is not None, "the tour serves first"
        text = step.text.replace(ADDRESS, self._server.address)
        command = [sys.executable, "-c", text] if step.kind == "python" else ["bash", "-c", text]
        done = subprocess.run(
            command,
            cwd=self._directory,
            env=self._environment(self._server.address),
            capture_output=True,
            text=True,
            timeout=SECONDS_MAX,
            check=False,
        )
        refused = (step.shown or "").startswith(REFUSAL)
        assert (done.returncode != 0) is refused, done.stdout + done.stderr
        return done.stderr if refused else done.stdout

    def _environment(self, address: str) -> dict[str, str]:
        path = f"{self._programs}{os.pathsep}{os.environ['PATH']}"
        return clean_environment({"PATH": path, "ZMEY_ADDRESS": address, "COLUMNS": COLUMNS})

    def _install(self, name: str, *arguments: str) -> None:
        program = self._programs / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *arguments])} "$@"\n')
        program.chmod(0o755)


def check(step: Step, printed: str) -> None:
    if step.shown is not None:
        assert lines_of(printed) == lines_of(step.shown), step.text


def lines_of(text: str) -> list[str]:
    return [line.rstrip() for line in text.strip("\n").splitlines()]


def test_the_tour(tmp_path: Path, start_server: StartServer) -> None:
    steps = tour_steps()
    kinds = [step.kind for step in steps]
    assert kinds.count("command") > 10
    assert {"file", "python", "stop"} <= set(kinds)
    assert sum(step.shown is not None for step in steps) > 8
    reader = Reader(tmp_path, start_server)
    for step in steps:
        reader.follow(step)


def test_the_example_of_a_file_is_taken(tmp_path: Path) -> None:
    found = re.findall(r"```toml\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert len(found) == 1
    file = tmp_path / "zmey.toml"
    file.write_text(found[0], encoding="utf-8")
    settings = load_settings(file)
    assert [len(space.fields) for space in settings.spaces] == [0, 1]


LINK = re.compile(r"\]\(([^)#]+)(?:#[\w-]+)?\)")
DOCUMENTS = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(name: str) -> None:
    document = README.parent / name
    links = LINK.findall(document.read_text(encoding="utf-8"))
    for link in links:
        assert link.startswith("https://") or (document.parent / link).exists(), link
    assert links or name == "CHANGELOG.md"


# A path in backticks, such as `native/src/store/keys.rs` or `tests/`.
PATH = re.compile(r"`((?:native|server|proto|tests|benchmarks)/[\w./-]*)`")


@pytest.mark.parametrize("name", DOCUMENTS)
def test_paths_exist(name: str) -> None:
    document = README.parent / name
    for path in PATH.findall(document.read_text(encoding="utf-8")):
        assert (document.parent / path).exists(), path


# A test in backticks, such as `tests/test_writes.py::test_heads`.
TEST = re.compile(r"`(tests/test_\w+\.py)::(test_\w+)`")


def test_named_tests_exist() -> None:
    named = TEST.findall((README.parent / "ARCHITECTURE.md").read_text(encoding="utf-8"))
    assert len(named) > 5
    for file, function in named:
        text = (README.parent / file).read_text(encoding="utf-8")
        assert f"def {function}(" in text, f"{file}::{function}"
