"""The examples of docs/members.md: run one after another, they print what the guide says."""

import contextlib
import io
import re
from pathlib import Path
from typing import Any

import grpc

from running_server import RunningServer
from zmey.client import fault_of

GUIDE = Path(__file__).resolve().parents[1] / "docs" / "members.md"
BLOCKS = re.compile(r"^```(python|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
