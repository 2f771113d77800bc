"""One pool of states for every pattern of the metadata.

All these patterns are bounded, so each is a directed graph without cycles: a state is a label and
ten following states. Equal states are made once, which keeps every automaton minimal, lets regions
share what they have in common, and makes union and difference of sets of numbers short recursions.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from patterns import Choice, Digit, Group, Pattern, PatternError, Repeat, Sequence

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# The state from which nothing is accepted any more.
DEAD = 0
# The label of a state where nothing ends.
NO_LABEL = 0
# The label of a state where an accepted number ends.
ACCEPT = 1
# No national significant number is longer: the same bound as libphonenumber's.
NUMBER_DIGITS_MAX = 17

_rows: list[tuple[int, tuple[int, ...]]] = [(NO_LABEL, (DEAD,) * 10)]
_numbers: dict[tuple[int, tuple[int, ...]], int] = {_rows[DEAD]: DEAD}


def state(label: int, following: Iterable[int]) -> int:
    """Finds or makes the state with this label and these ten following states."""
    row = (label, tuple(following))
    number = _numbers.setdefault(row, len(_rows))
    if number == len(_rows):
        _rows.append(row)
    return number


def label_of(number: int) -> int:
    """The label of a state."""
    return _rows[number][0]


def following_of(number: int) -> tuple[int, ...]:
    """The ten states that follow a state."""
    return _rows[number][1]


END_ACCEPTED = state(ACCEPT, (DEAD,) * 10)


def numbers_of(pattern: Pattern, rest: int = END_ACCEPTED) -> int:
    """The set of numbers that match a whole pattern and then `rest`."""
    match pattern:
        case Digit(allowed):
            return state(NO_LABEL, (rest if digit in allowed else DEAD for digit in range(10)))
        case Sequence(parts):
            for part in reversed(parts):
                rest = numbers_of(part, rest)
            return rest
        case Choice(branches):
            result = DEAD
            for branch in branches:
                result = union(result, numbers_of(branch, rest))
            return result
        case Repeat(inner, times_min, times_max):
            result = rest
            for _ in range(times_max - times_min):
                result = union(numbers_of(inner, result), rest)
            for _ in range(times_min):
                result = numbers_of(inner, result)
            return result
        case Group(_, inner):
            return numbers_of(inner, rest)
    message = f"{pattern} is no pattern of whole numbers"
    raise PatternError(message)


def _combined(accepts: Callable[[bool, bool], bool]) -> Callable[[int, int], int]:
    """An operation on two sets of numbers, given what it does with one number."""

    @cache
    def operation(left: int, right: int) -> int:
        if left == right == DEAD:
            return DEAD
        accepted = accepts(label_of(left) == ACCEPT, label_of(right) == ACCEPT)
        pairs = zip(following_of(left), following_of(right), strict=True)
        following = [operation(one, other) for one, other in pairs]
        return state(ACCEPT if accepted else NO_LABEL, following)

    return operation


_union = _combined(lambda left, right: left or right)
intersection = _combined(lambda left, right: left and right)
difference = _combined(lambda left, right: left and not right)


def union(left: int, right: int) -> int:
    """The numbers of either set."""
    if DEAD in (left, right) or left == right:
        return left or right
    return _union(min(left, right), max(left, right))


@cache
def of_lengths(numbers: int, lengths: tuple[int, ...]) -> int:
    """The numbers of a set that have one of these lengths."""
    if numbers == DEAD or not lengths:
        return DEAD
    label = label_of(numbers) if 0 in lengths else NO_LABEL
    shorter = tuple(length - 1 for length in lengths if length > 0)
    return state(label, (of_lengths(next_, shorter) for next_ in following_of(numbers)))


def starting_with(pattern: Pattern) -> int:
    """The numbers that start with a match of the pattern."""
    anything = END_ACCEPTED
    for _ in range(NUMBER_DIGITS_MAX):
        anything = state(ACCEPT, (anything,) * 10)
    return numbers_of(pattern, anything)


def packed(roots: Iterable[int]) -> tuple[list[tuple[int, tuple[int, ...]]], dict[int, int]]:
    """Collects the states that can be reached, in the order in which walks meet them.

    Args:
        roots: The states where walks begin.

    Returns:
        The rows of those states, and the new number of each. The dead state keeps number 0.
    """
    order = {DEAD: 0}
    for root in roots:
        waiting = [root]
        while waiting:
            number = waiting.pop()
            if number not in order:
                order[number] = len(order)
                waiting.extend(reversed(following_of(number)))
    rows = [
        (label_of(number), tuple(order[next_] for next_ in following_of(number)))
        for number in order
    ]
    return rows, order
