"""Marks in URLs: parts of the date, shifted if wanted, and a random number.

`{YYYY-MM-DD}`, `{YYYYMMDD - 1 day}`, `{hh}`, `{RND}`. A mark is a format of YYYY, YY, MM, DD, hh,
mm and ss with `-`, `_`, `.`, `:` or `T` between them, and then any number of shifts as `current`
takes them in values of dates. Seed 002 says that marks exist, and of `{RND}` what it is.
"""

import re
from calendar import monthrange
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random

from zmey.sources.errors import SourceError, url_invalid

RANDOM = "RND"
RANDOM_DIGITS = 19

_MARK = re.compile(r"\{([^{}]*)\}")
_PARTS: dict[str, Callable[[datetime], str]] = {
    "YYYY": lambda time: f"{time.year:04}",
    "YY": lambda time: f"{time.year % 100:02}",
    "MM": lambda time: f"{time.month:02}",
    "DD": lambda time: f"{time.day:02}",
    "hh": lambda time: f"{time.hour:02}",
    "mm": lambda time: f"{time.minute:02}",
    "ss": lambda time: f"{time.second:02}",
}
_PART = re.compile("|".join(_PARTS))
_FORMAT = re.compile(rf"(?:{_PART.pattern})(?:[-_.:T]?(?:{_PART.pattern}))*")
_SHIFT = re.compile(
    r"\s*([+-])\s*(\d{1,9})\s*(second|minute|hour|day|week|month|year)s?\s*", re.IGNORECASE
)
_MONTHS = {"month": 1, "year": 12}
_SECONDS = {"second": 1, "minute": 60, "hour": 3600}
_DAYS = {"day": 1, "week": 7}


def fill_marks(url: str, now: datetime, random: Random) -> str:
    """Returns an URL with every mark filled; all `{RND}` of it have the same number.

    Args:
        url: the URL with marks.
        now: the moment, in the time zone that counts.
        random: where the number comes from.

    Raises:
        SourceError: a mark is unknown, or its date is beyond the calendar.
    """
    number = random.randrange(10 ** (RANDOM_DIGITS - 1), 10**RANDOM_DIGITS)

    def filled(found: re.Match[str]) -> str:
        mark = found[1]
        return str(number) if mark == RANDOM else _date(mark, now)

    text = _MARK.sub(filled, url)
    if "{" in text or "}" in text:
        message = "The url has a brace without its other half; write braces as %7B and %7D."
        raise url_invalid(message)
    return text


def _date(mark: str, now: datetime) -> str:
    format_found = _FORMAT.match(mark)
    if format_found is None:
        raise _unknown(mark)
    time, position = now, format_found.end()
    while position < len(mark):
        shift = _SHIFT.match(mark, position)
        if shift is None:
            raise _unknown(mark)
        position = shift.end()
        number = int(shift[2]) if shift[1] == "+" else -int(shift[2])
        try:
            time = _shifted(time, number, shift[3].lower())
        except (OverflowError, ValueError) as error:
            message = f"The mark {{{mark}}} in the url is beyond the years 1 to 9999."
            raise url_invalid(message, mark=mark) from error
    return _PART.sub(lambda part: _PARTS[part[0]](time), format_found[0])


def _shifted(time: datetime, number: int, unit: str) -> datetime:
    """Adds units: months end at the last day of a shorter one, hours are elapsed time."""
    if unit in _MONTHS:
        month = time.year * 12 + time.month - 1 + number * _MONTHS[unit]
        year, month = month // 12, month % 12 + 1
        return time.replace(year=year, month=month, day=min(time.day, monthrange(year, month)[1]))
    if unit in _DAYS:
        return time + timedelta(days=number * _DAYS[unit])
    elapsed = timedelta(seconds=number * _SECONDS[unit])
    if time.tzinfo is None:
        return time + elapsed
    return (time.astimezone(UTC) + elapsed).astimezone(time.tzinfo)


def _unknown(mark: str) -> SourceError:
    return url_invalid(
        f"The url has an unknown mark {{{mark}}}; known ones are like {{YYYY-MM-DD}}, {{hh}}, "
        "{YYYYMMDD - 1 day} and {RND}. Other braces are written as %7B and %7D.",
        mark=mark,
    )
