"""The reference for the datakey type "dt" (seed 002, member.set, "тип").

A range of precision such as "Ys" names the first and the last component of a date; an expression
such as "current:YD + 25 days" computes one from the moment of the call.
"""

import calendar
import re
from datetime import datetime, timedelta

from reference.json_tree import refuse

__all__ = ["evaluate", "is_expression", "range_of_type", "rewrite"]

LETTERS = "YMDhms"
SEPARATORS = {"M": "-", "D": "-", "h": " ", "m": ":", "s": ":"}
UNITS = ("second", "minute", "hour", "day", "week", "month", "year")
EXPRESSION = re.compile(r"current(?::([A-Za-z]+))?((?:\s*[+-]\s*\d+\s*[A-Za-z]+)*)\s*")
SHIFT = re.compile(r"([+-])\s*(\d+)\s*([A-Za-z]+)")
# Any leap year: a date without a year may be the 29th of February.
YEAR_UNKNOWN = 2000


def range_of_type(type_text: str) -> str | None:
    """Returns the components of a type in order, such as "YMD"; None where nothing is checked."""
    if type_text == "":
        return None
    if type_text == "dt":
        return LETTERS
    if not type_text.startswith("dt:"):
        refuse("DATAKEY_TYPE_UNKNOWN")
    return _range(type_text.removeprefix("dt:"), "DATAKEY_TYPE_UNKNOWN")


def rewrite(text: str, letters: str) -> str:
    """Checks a date against its components and pads every component."""
    pattern = ""
    for position, letter in enumerate(letters):
        digits = r"(\d{4})" if letter == "Y" else r"(\d{1,2})"
        pattern += (SEPARATORS[letter] if position else "") + digits
    found = re.fullmatch(pattern, text, re.ASCII)
    if found is None:
        refuse("DATAKEY_DATE_INVALID")
    numbers = {letter: int(digits) for letter, digits in zip(letters, found.groups(), strict=True)}
    try:
        datetime(
            numbers.get("Y", YEAR_UNKNOWN),
            numbers.get("M", 1),
            numbers.get("D", 1),
            numbers.get("h", 0),
            numbers.get("m", 0),
            numbers.get("s", 0),
        )
    except ValueError as error:
        refuse("DATAKEY_DATE_INVALID", error)
    return _format(numbers, letters)


def is_expression(text: str) -> bool:
    """Whether a value is computed from the moment of the call."""
    return text.startswith("current")


def evaluate(text: str, letters: str, now: datetime) -> str:
    """Computes an expression; its own precision wins over that of the type."""
    found = EXPRESSION.fullmatch(text)
    if found is None:
        refuse("DATAKEY_DATE_INVALID")
    if found[1] is not None:
        letters = _range(found[1], "DATAKEY_DATE_INVALID")
    moment = now
    for sign, count, unit in SHIFT.findall(found[2]):
        moment = _shifted(moment, int(sign + count), unit.lower().removesuffix("s"))
    parts = (moment.year, moment.month, moment.day, moment.hour, moment.minute, moment.second)
    return _format(dict(zip(LETTERS, parts, strict=True)), letters)


def _shifted(moment: datetime, count: int, unit: str) -> datetime:
    if unit not in UNITS:
        refuse("DATAKEY_DATE_INVALID")
    if unit not in {"month", "year"}:
        return moment + timedelta(**{f"{unit}s": count})
    months = moment.year * 12 + moment.month - 1 + (count if unit == "month" else 12 * count)
    year, month = months // 12, months % 12 + 1
    day = min(moment.day, calendar.monthrange(year, month)[1])
    return moment.replace(year=year, month=month, day=day)


def _range(text: str, reason: str) -> str:
    if len(text) != 2 or text[0] not in LETTERS or text[1] not in LETTERS:
        refuse(reason)
    left, right = LETTERS.index(text[0]), LETTERS.index(text[1])
    if left > right:
        refuse(reason)
    return LETTERS[left : right + 1]


def _format(numbers: dict[str, int], letters: str) -> str:
    text = ""
    for position, letter in enumerate(letters):
        width = 4 if letter == "Y" else 2
        text += (SEPARATORS[letter] if position else "") + f"{numbers[letter]:0{width}}"
    return text
