"""The examples of the guides in docs/: run one after another, they print what the guides say."""

import contextlib
import io
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import grpc

from running_server import RunningServer, clean_environment, run_zmey
from zmey.client import fault_of

DOCS = Path(__file__).resolve().parents[1] / "docs"
GUIDE = DOCS / "members.md"
BLOCKS = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CONSOLE = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def run(code: str, names: dict[str, Any]) -> str:
    """Runs one example; a refusal is shown as its reason."""
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        try:
            exec(compile(code, str(GUIDE), "exec"), names)
        except grpc.RpcError as error:
            return fault_of(error).reason + "\n"
    return shown.getvalue()


def test_the_guide(server: RunningServer) -> None:
    blocks = BLOCKS.findall(GUIDE.read_text(encoding="utf-8"))
    kinds = [kind for kind, _ in blocks]
    assert kinds == ["python", "text"] * (len(kinds) // 2)
    assert len(kinds) > 10
    names: dict[str, Any] = {"ADDRESS": server.address}
    for (_, code), (_, expected) in zip(blocks[::2], blocks[1::2], strict=True):
        assert run(code, names) == expected, code
    names["client"].__exit__(None, None, None)


def run_command(line: str, server: RunningServer) -> list[str]:
    """Runs one command of a console; returns the lines that it prints, without padding."""
    command, _, discarded = line.partition(" > ")
    done = run_zmey(*shlex.split(command)[1:], environment={"ZMEY_ADDRESS": server.address})
    shown = ("" if discarded else done.stdout) + done.stderr
    return [printed.rstrip() for printed in shown.splitlines()]


def test_the_guide_of_spaces(server: RunningServer) -> None:
    blocks = CONSOLE.findall((DOCS / "spaces.md").read_text(encoding="utf-8"))
    assert len(blocks) > 5
    for block in blocks:
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *expected = example.splitlines()
            assert run_command(command, server) == expected, command


def test_the_guide_of_importing(server: RunningServer, tmp_path: Path) -> None:
    text = (DOCS / "importing.md").read_text(encoding="utf-8")
    people, winners = re.findall(r"^```csv\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    (tmp_path / "people.csv").write_text(people, encoding="cp1251")
    (tmp_path / "winners.csv").write_text(winners, encoding="utf-8")
    examples = [
        example.splitlines()
        for block in CONSOLE.findall(text)
        for example in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    ]
    assert len(examples) > 3
    for command, *expected in examples:
        assert run_there(command, server, tmp_path) == expected, command
    ((code, printed),) = re.findall(
        r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL
    )
    assert run(code, {"ADDRESS": server.address}) == printed


def run_there(command: str, server: RunningServer, folder: Path) -> list[str]:
    """Runs a command in a folder; returns the lines of its output, without padding."""
    program, *arguments = shlex.split(command)
    done = subprocess.run(
        [program, *arguments] if program != "zmey" else [sys.executable, "-m", program, *arguments],
        cwd=folder,
        env=clean_environment({"ZMEY_ADDRESS": server.address}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return [line.rstrip() for line in done.stdout.splitlines()]
