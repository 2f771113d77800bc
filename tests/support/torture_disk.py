"""The file that a power cut leaves: what was synced, and of the rest whatever the disk liked.

A disk keeps sectors. Each one that was written since the last sync may hold what the sync left or
any version written after it, whatever its neighbours hold: pages are kept, dropped and torn.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from random import Random

from support.torture_trace import Acknowledged, Ended, Event, Moved, SyncBegun, Written

__all__ = ["Disk", "Image", "images"]

SECTOR_BYTES = 512
SECTORS_PER_PAGE = 8


class Fate(Enum):
    """What becomes of what was not synced."""

    DROPPED = "dropped"
    KEPT = "kept"
    PAGES = "pages"
    SECTORS = "sectors"


@dataclass(frozen=True)
class Image:
    """The file as of one instant.

    Attributes:
        instant: how many events had happened.
        fate: what became of what was not synced.
        content: the file.
        moved: whether it has got its name.
        acknowledged: what the process had said before.
    """

    instant: int
    fate: Fate
    content: bytes
    moved: bool
    acknowledged: tuple[str, ...]


@dataclass
class Disk:
    """A file, as reads see it and as it survives.

    Attributes:
        syncs: whether syncs do anything.
    """

    syncs: bool = True
    _seen: bytearray = field(default_factory=bytearray)
    _durable: bytearray = field(default_factory=bytearray)
    # sector -> versions since the last sync as (call, content)
    _versions: dict[int, list[tuple[int, bytes]]] = field(default_factory=dict)
    _open: dict[int, Written | SyncBegun] = field(default_factory=dict)
    _ended: set[int] = field(default_factory=set)
    _covered: dict[int, frozenset[int]] = field(default_factory=dict)

    def apply(self, event: Event) -> None:
        """Lets one event happen."""
        if isinstance(event, Written):
            self._open[event.call] = event
            self._write(event)
        elif isinstance(event, SyncBegun):
            self._open[event.call] = event
            self._covered[event.call] = frozenset(self._ended)
        elif isinstance(event, Ended):
            begun = self._open.pop(event.call)
            if isinstance(begun, Written):
                self._ended.add(event.call)
                if begun.durable:
                    self._sync(frozenset((event.call,)))
            else:
                self._sync(self._covered.pop(event.call))

    def image(self, random: Random, fate: Fate) -> bytes:
        """Draws what a power cut would leave now."""
        content = bytearray(self._durable)
        pages: dict[int, float] = {}
        for sector, versions in self._versions.items():
            chance = random.random()
            if fate is Fate.PAGES:
                chance = pages.setdefault(sector // SECTORS_PER_PAGE, chance)
            if fate is Fate.KEPT:
                kept = len(versions)
            elif fate is Fate.DROPPED:
                kept = 0
            else:
                kept = int(chance * (len(versions) + 1))
            if kept:
                _put(content, sector, versions[kept - 1][1])
        return bytes(content)

    def _write(self, written: Written) -> None:
        end = written.offset + len(written.data)
        self._seen.extend(bytes(max(0, end - len(self._seen))))
        self._seen[written.offset : end] = written.data
        for sector in range(written.offset // SECTOR_BYTES, -(-end // SECTOR_BYTES)):
            start = sector * SECTOR_BYTES
            version = bytes(self._seen[start : start + SECTOR_BYTES])
            self._versions.setdefault(sector, []).append((written.call, version))

    def _sync(self, covered: frozenset[int]) -> None:
        """Makes the newest covered version of every sector durable."""
        if not self.syncs:
            return
        for sector, versions in list(self._versions.items()):
            newest = max(
                (index for index, (call, _) in enumerate(versions) if call in covered), default=None
            )
            if newest is None:
                continue
            _put(self._durable, sector, versions[newest][1])
            if newest + 1 == len(versions):
                del self._versions[sector]
            else:
                self._versions[sector] = versions[newest + 1 :]
        self._ended -= covered


def _put(content: bytearray, sector: int, version: bytes) -> None:
    start = sector * SECTOR_BYTES
    content.extend(bytes(max(0, start + len(version) - len(content))))
    content[start : start + len(version)] = version


def images(
    events: Iterable[Event], instants: Iterable[int], random: Random, syncs_until: int | None = None
) -> Iterator[Image]:
    """Draws an image for each instant.

    Args:
        events: the recorded ones.
        instants: how many events have happened each time, in ascending order.
        random: decides what becomes of what was not synced.
        syncs_until: the number of events after which syncs do nothing any more.
    """
    disk = Disk()
    acknowledged: list[str] = []
    moved = False
    waiting = iter(instants)
    instant = next(waiting, None)
    for happened, event in enumerate(events):
        while instant == happened:
            fate = random.choice(tuple(Fate))
            yield Image(happened, fate, disk.image(random, fate), moved, tuple(acknowledged))
            instant = next(waiting, None)
        disk.syncs = syncs_until is None or happened < syncs_until
        disk.apply(event)
        moved = moved or isinstance(event, Moved)
        if isinstance(event, Acknowledged):
            acknowledged.extend(event.text.splitlines())
