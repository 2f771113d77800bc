"""Turns a pattern for the start of a number into states that know where the prefix ends.

A prefix is found as a regular expression finds it: the first branch that matches wins, not the
longest. So a state stands for the ordered list of what could still match, and a match ends that
list. A label says where the last group of the pattern lies: national prefixes are rewritten to it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

from automata import DEAD, state
from patterns import Choice, Digit, End, Group, Pattern, PatternError, Repeat, Sequence


class Match(NamedTuple):
    """A match of a prefix: where its last group lies, if that took part."""

    # Start and end, in digits from the start of the number.
    group: tuple[int, int] | None


class Label(NamedTuple):
    """What a state knows: the match that ends there inside a number, and at the number's end."""

    inside: Match | None
    at_end: Match | None


# Every label in use, by number. The first two are those of automata for whole numbers.
LABELS = [Label(None, None), Label(Match(None), Match(None))]


@dataclass(frozen=True)
class _Close:
    """The end of the last group."""


_Ahead = tuple[Pattern | _Close, ...]


@dataclass(frozen=True)
class _Thread:
    """One way in which the pattern could still match: the patterns ahead, and the group so far."""

    ahead: _Ahead
    group_start: int | None = None
    group_end: int | None = None

    @property
    def match(self) -> Match:
        """What this way has matched when nothing is ahead."""
        if self.group_start is None or self.group_end is None:
            return Match(None)
        return Match((self.group_start, self.group_end))


def prefix_state(pattern: Pattern, groups: int) -> int:
    """The first state of the automaton that finds a prefix.

    Args:
        pattern: What the prefix must match.
        groups: How many groups the pattern has; the last one is remembered.
    """
    return _state_of((_Thread((pattern,)),), 0, groups)


@cache
def _state_of(threads: tuple[_Thread, ...], position: int, groups: int) -> int:
    waiting, inside = _advanced(threads, position, groups, at_end=False)
    _, at_end = _advanced(threads, position, groups, at_end=True)
    label = Label(inside, at_end)
    if label not in LABELS:
        LABELS.append(label)
    following = []
    for digit in range(10):
        taken = tuple(
            replace(thread, ahead=thread.ahead[1:])
            for allowed, thread in waiting
            if digit in allowed
        )
        following.append(_state_of(taken, position + 1, groups) if taken else DEAD)
    return state(LABELS.index(label), following)


def _advanced(
    threads: tuple[_Thread, ...], position: int, groups: int, *, at_end: bool
) -> tuple[list[tuple[frozenset[int], _Thread]], Match | None]:
    """Follows the threads up to their next digit.

    Returns:
        The threads that wait for a digit, most preferred first and none behind a match, and the
        match here, if there is one.
    """
    waiting: list[tuple[frozenset[int], _Thread]] = []
    stack = list(reversed(threads))
    while stack:
        thread = stack.pop()
        if not thread.ahead:
            return waiting, thread.match
        head = thread.ahead[0]
        if isinstance(head, Digit):
            waiting.append((head.allowed, thread))
        elif isinstance(head, Group | _Close):
            stack.append(_bounded(thread, head, position, groups))
        elif not isinstance(head, End):
            stack.extend(replace(thread, ahead=ahead) for ahead in _unfolded(head, thread.ahead))
        elif at_end:
            stack.append(replace(thread, ahead=thread.ahead[1:]))
    return waiting, None


def _bounded(thread: _Thread, head: Group | _Close, position: int, groups: int) -> _Thread:
    """Steps over the start or the end of a group, remembering those of the last group."""
    rest = thread.ahead[1:]
    if isinstance(head, _Close):
        return replace(thread, ahead=rest, group_end=position)
    if head.number != groups:
        return replace(thread, ahead=(head.pattern, *rest))
    ahead = (head.pattern, _Close(), *rest)
    return replace(thread, ahead=ahead, group_start=position, group_end=None)


def _unfolded(head: Pattern, ahead: _Ahead) -> list[_Ahead]:
    """The ways on through a compound pattern at the head, the most preferred last."""
    rest = ahead[1:]
    match head:
        case Sequence(parts):
            return [parts + rest]
        case Choice(branches):
            return [(branch, *rest) for branch in reversed(branches)]
        case Repeat(inner, times_min, times_max):
            ways = [rest] if times_min == 0 else []
            if times_max > 0:
                again = Repeat(inner, max(times_min - 1, 0), times_max - 1)
                ways.append((inner, again, *rest))
            return ways
    message = f"{head} is no compound pattern"
    raise PatternError(message)
