"""Runs the demonstration: `PYTHONPATH=tests python -m demo`, or `make demo`.

It works in a directory of its own, which is removed at the end, also after a failure.
"""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import FrameType

import grpc

from demo.crash import crash_and_resume
from demo.people import import_people, resolve_people
from demo.stage import DemoError, Stage
from zmey.client import fault_of

FAILED = 1
INTERRUPTED = 130
TITLE = "zmey: load people from files, ask who somebody is, pull the plug"


def main() -> int:
    """Plays all acts and returns the exit code."""
    # A terminated demonstration must end its server too.
    signal.signal(signal.SIGTERM, _interrupt)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="zmey-demo-") as directory:
        stage = Stage(Path(directory))
        try:
            stage.title(TITLE)
            stage.start_server()
            import_people(stage)
            resolve_people(stage)
            crash_and_resume(stage)
        except grpc.RpcError as error:
            stage.fail(fault_of(error).message)
            return FAILED
        except (DemoError, OSError, subprocess.SubprocessError) as error:
            stage.fail(str(error))
            return FAILED
        except KeyboardInterrupt:
            stage.fail("interrupted")
            return INTERRUPTED
        finally:
            stage.close()
    stage.done(time.monotonic() - started)
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
