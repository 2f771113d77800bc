"""A core belongs to the process that opened it: a fork may neither use nor end it."""

import subprocess
import sys
from pathlib import Path

FORKING = """
import gc, os, sys
from support.core import open_core
from support.imports import email_column, options
from support.core import Api
from zmey._native import CoreError

api = Api(open_core())
stream = api.core.open_import(options(api, [email_column()]).SerializeToString())
child = os.fork()
if child == 0:
    uses = {
        "call": lambda: api.core.call("/zmey.v1.MatchService/Resolve", b""),
        "open_import": lambda: api.core.open_import(b""),
        "metrics": lambda: api.core.metrics(),
        "submit": lambda: stream.submit(b""),
        "receipt": lambda: stream.receipt(),
        "close": lambda: api.core.close(),
    }
    taken = []
    for name, use in uses.items():
        try:
            use()
            taken.append(name)
        except CoreError as error:
            if "fork" not in error.cause:
                taken.append(f"{name}: {error.message}")
    print(taken, flush=True)
    del api, stream, uses
    gc.collect()
    # An end like any other, which runs what Python runs at the end.
    sys.exit(0)
_, status = os.waitpid(child, 0)
api.core.close()
sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_fork_is_refused_and_ends() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FORKING],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (0, "[]\n"), ended.stderr
