"""How often messages came that never got an answer, kept in a file across deaths of the process.

The broker marks a message that it delivers again, but classic queues do not count how often, and a
quorum queue counts deliveries of innocent messages that only waited behind the one that kills. So
the bridge counts itself, and only attempts: before it works on messages that came again, it writes
down that it does; when they are answered, it forgets them.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from zmey.bridge.alarm import FileAlarm

DELIVERIES_MAX = 6
# With each attempt that fails, a tenth of the messages are tried together: what kills is alone
# after three more.
NARROWING = 10


class Attempts:
    """The counts, and the file they are in."""

    def __init__(self, path: Path, alarm: FileAlarm) -> None:
        """Reads the file.

        Raises:
            OSError: it cannot be read or written.
        """
        self._path = path
        self._alarm = alarm
        self._attempts: dict[str, int] = {}
        if path.exists():
            self._attempts = _counts(path.read_text(encoding="utf-8"))
        self._write()

    def is_spent(self, key: str) -> bool:
        """Tells whether the delivery at hand is the last one that a message gets."""
        # The first delivery was not counted, and the one at hand is not yet.
        return self._attempts.get(key, 0) + 2 >= DELIVERIES_MAX

    def together_max(self, key: str, batch_max: int) -> int:
        """Returns how many messages may be tried together with this one."""
        return int(max(1, batch_max // NARROWING ** self._attempts.get(key, 0)))

    def begin(self, keys: Iterable[str]) -> None:
        """Writes down that messages which came again are tried now."""
        known = False
        for key in keys:
            self._attempts[key] = self._attempts.get(key, 0) + 1
            known = True
        if known:
            self._save()

    def forget(self, keys: Iterable[str]) -> None:
        """Forgets messages that are answered."""
        known = [key for key in keys if self._attempts.pop(key, None) is not None]
        if known:
            self._save()

    def forget_all(self) -> None:
        """Forgets everything: what was tried did not end the process."""
        self.forget(list(self._attempts))

    def _save(self) -> None:
        with self._alarm.writing():
            self._write()

    def _write(self) -> None:
        """Replaces the file at once, so that a death leaves the old one or the new one."""
        draft = self._path.with_name(self._path.name + ".new")
        draft.write_text(json.dumps(self._attempts), encoding="utf-8")
        os.replace(draft, self._path)  # noqa: PTH105 - the same, and says that it replaces


def _counts(text: str) -> dict[str, int]:
    """Reads the counts; a file of something else counts as none."""
    try:
        counts = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(counts, dict):
        return {}
    return {key: count for key, count in counts.items() if isinstance(count, int)}
