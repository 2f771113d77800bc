"""The `feedback_id` of a message that cannot be read.

A message may be broken behind its id, or before, or be too large to be parsed, and its sender still
waits for an answer to this id. So the text is only looked through for quotes and brackets, which
tells what is the message's own and what is inside of its data.
"""

import re
from codecs import BOM_UTF8
from collections.abc import Iterator

import orjson

# Ends a look through a text which is nothing but brackets and quotes within a second.
MARKS_MAX = 2_000_000

_MARK = re.compile(rb'["{}\[\]]')
_MARK_OF_STRING = re.compile(rb'"|\\.', re.DOTALL)
_NAME = b'"feedback_id"'
_COLON = re.compile(rb"[ \t\n\r]*:[ \t\n\r]*(?=\")")
_STEPS = {b"{": 1, b"[": 1, b"}": -1, b"]": -1}
_BEFORE = BOM_UTF8 + b" \t\n\r"


def feedback_id_of(body: bytes) -> str:
    """Returns the `feedback_id` of the outermost object, as far as that is intact.

    Returns:
        It; empty where there is none, where it is no string, and where there are several.
    """
    found: list[bytes] = []
    value_at = -1
    for start, end in _own_strings(body):
        if start == value_at:
            found.append(body[start:end])
        elif body[start:end] == _NAME and (colon := _COLON.match(body, end)):
            value_at = colon.end()
    return _text(found[0]) if len(found) == 1 else ""


def _own_strings(body: bytes) -> Iterator[tuple[int, int]]:
    """Yields where the strings of the outermost object are that are in nothing within it."""
    depth, start, position = 0, -1, 0
    for _ in range(MARKS_MAX):
        mark = (_MARK if start < 0 else _MARK_OF_STRING).search(body, position)
        if mark is None:
            return
        position = mark.end()
        if mark[0] == b'"':
            if start >= 0 and depth == 1:
                yield start, mark.end()
            start = mark.start() if start < 0 else -1
        elif start < 0:
            if depth == 0 and (mark[0] != b"{" or body[: mark.start()].strip(_BEFORE)):
                return
            depth += _STEPS.get(mark[0], 0)
            if depth == 0:
                return


def _text(quoted: bytes) -> str:
    try:
        return str(orjson.loads(quoted))
    except orjson.JSONDecodeError:
        return ""
