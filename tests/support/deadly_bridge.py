"""A bridge that dies as a power cut would make it: `python deadly_bridge.py WHEN zmey-arguments`.

WHEN is `on-poison`, for a message with that name in its data, or `before-results`, when a batch is
committed and not yet answered.
"""

import os
import signal
import sys
from typing import Any, NoReturn

from zmey.bridge import preparing, session, translate
from zmey.bridge.message import ImportMessage
from zmey.cli import main
from zmey.v1.member_pb2 import MemberChange

POISON = "poison"


def die(*_: Any) -> NoReturn:
    """Ends this process at once."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def deadly_change(message: ImportMessage, request_id: str) -> MemberChange:
    """Dies on the message that has the name of death, and translates all others."""
    if POISON in message.data:
        die()
    return translate.change_of(message, request_id)


if __name__ == "__main__":
    when = sys.argv.pop(1)
    if when == "on-poison":
        vars(preparing)["change_of"] = deadly_change
    else:
        assert when == "before-results"
        type.__setattr__(session.Session, "_publish", die)
    main()
