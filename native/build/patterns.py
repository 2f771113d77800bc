"""Parses the regular expressions of the phone metadata.

The metadata uses a small language: digits, classes of digits, groups, alternation, optional and
bounded repetition, and the end of the input. Anything else is refused, so that a new release which
uses more stops the build instead of changing the meaning of a table.
"""

from __future__ import annotations

from dataclasses import dataclass

ALL_DIGITS = frozenset(range(10))


@dataclass(frozen=True)
class Digit:
    """One digit out of a set."""

    allowed: frozenset[int]


@dataclass(frozen=True)
class Sequence:
    """Patterns one after the other."""

    parts: tuple[Pattern, ...]


@dataclass(frozen=True)
class Choice:
    """One of several patterns, the first preferred."""

    branches: tuple[Pattern, ...]


@dataclass(frozen=True)
class Repeat:
    """A pattern a bounded number of times, more preferred."""

    pattern: Pattern
    times_min: int
    times_max: int


@dataclass(frozen=True)
class Group:
    """A capturing group; groups count from 1."""

    number: int
    pattern: Pattern


@dataclass(frozen=True)
class End:
    """The end of the input, without consuming anything."""


Pattern = Digit | Sequence | Choice | Repeat | Group | End


class PatternError(ValueError):
    """A pattern outside the small language."""


def parse(text: str) -> tuple[Pattern, int]:
    """Parses a pattern.

    Args:
        text: A regular expression of the metadata.

    Returns:
        The pattern and the number of its capturing groups.

    Raises:
        PatternError: The expression uses more than the small language.
    """
    parser = _Parser(text)
    pattern = parser.choice()
    if parser.at < len(text):
        raise parser.error()
    return pattern, parser.groups


class _Parser:
    """A recursive descent over one pattern."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.groups = 0

    def error(self) -> PatternError:
        """The error of the character at the present position."""
        return PatternError(f"unexpected syntax at {self.at} of {self.text!r}")

    def accept(self, token: str) -> bool:
        """Steps over the token if it is next."""
        found = self.text.startswith(token, self.at)
        self.at += len(token) if found else 0
        return found

    def expect(self, token: str) -> None:
        """Steps over the token, which must be next."""
        if not self.accept(token):
            raise self.error()

    def choice(self) -> Pattern:
        """Parses branches separated by bars."""
        branches = [self.sequence()]
        while self.accept("|"):
            branches.append(self.sequence())
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def sequence(self) -> Pattern:
        """Parses atoms with their quantifiers up to a bar, a parenthesis or the end."""
        parts = []
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            parts.append(self.quantified(self.atom()))
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def atom(self) -> Pattern:
        """Parses a digit, a class, a group or the end of the input."""
        if self.accept("$"):
            return End()
        if self.accept("\\d"):
            return Digit(ALL_DIGITS)
        if self.accept("["):
            return Digit(self.digit_class())
        if self.accept("(?:"):
            inner = self.choice()
            self.expect(")")
            return inner
        if self.accept("("):
            self.groups += 1
            number = self.groups
            inner = self.choice()
            self.expect(")")
            return Group(number, inner)
        return Digit(frozenset({self.digit()}))

    def digit_class(self) -> frozenset[int]:
        """Parses digits and ranges up to the closing bracket."""
        allowed: set[int] = set()
        while not self.accept("]"):
            first = self.digit()
            last = self.digit() if self.accept("-") else first
            allowed.update(range(first, last + 1))
        return frozenset(allowed)

    def quantified(self, pattern: Pattern) -> Pattern:
        """Parses a quantifier, if there is one, behind a pattern."""
        if self.accept("?"):
            return Repeat(pattern, 0, 1)
        if not self.accept("{"):
            return pattern
        times_min = self.integer()
        times_max = self.integer() if self.accept(",") else times_min
        self.expect("}")
        return Repeat(pattern, times_min, times_max)

    def integer(self) -> int:
        """Parses a number of repetitions."""
        value = self.digit()
        while self.at < len(self.text) and self.text[self.at].isdecimal():
            value = value * 10 + self.digit()
        return value

    def digit(self) -> int:
        """Parses one ASCII digit."""
        if self.at >= len(self.text) or self.text[self.at] not in "0123456789":
            raise self.error()
        self.at += 1
        return int(self.text[self.at - 1])
