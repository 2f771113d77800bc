"""Cells of reports of rejected rows: no spreadsheet executes them, and they come back exactly.

The server writes reports, and `zmey import` reads them; both take their rules from here.
"""

import csv
import re
from collections.abc import Iterable

# As long as a row of an import can be; the reader of the standard library takes less.
csv.field_size_limit(2**31 - 1)

# The columns that say which row it was, and why it was refused.
HEADER = ("row", "reason", "message", "details")

# What spreadsheets take for the beginning of a formula, and the same behind apostrophes: text that
# has one of its own gets another one, so that taking one away is exact.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_SHIELDED = re.compile(r"'+[=+\-@\t\r]")
_PHONE = re.compile(r"\+[0-9][0-9 ()-]*")
_QUOTED = re.compile(r'[",\r\n]|^#')


def with_apostrophe(text: str) -> str:
    """Puts an apostrophe before what a spreadsheet would execute; phone numbers stay."""
    if _FORMULA.match(text) and not _PHONE.fullmatch(text):
        return "'" + text
    return text


def without_apostrophe(text: str) -> str:
    """Takes back what `with_apostrophe` does; what somebody wrote without one stays."""
    return text[1:] if _SHIELDED.match(text) else text


def csv_line(cells: Iterable[str]) -> str:
    """Writes a line of CSV; one that begins with # would be a comment without its quotes."""
    shown = ['"' + cell.replace('"', '""') + '"' if _QUOTED.search(cell) else cell
             for cell in cells]  # fmt: skip
    # Without quotes, one empty cell would be no row.
    return (",".join(shown) if shown != [""] else '""') + "\n"
