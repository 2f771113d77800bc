"""A row for every sentence of seed 002, member.set, that says what happens to data.

Each row names its sentence and paraphrases it. The same rows go through the reference model and
through the core, so that neither can drift from the specification alone.
"""

from dataclasses import dataclass

from reference.datakeys import Change

__all__ = ["ROWS", "Refused", "Row"]


@dataclass(frozen=True)
class Refused:
    """The whole call is refused with one of these reasons and nothing changes."""

    reasons: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One case: the body before, the changes, the body after or the refusal.

    Attributes:
        sentence: an id of the sentence.
        says: the sentence in short.
        source: the JSON of the member to copy from; "missing" where that member does not exist.
        data: the JSON of copy_data.
        copy_missing: error, do or skip.
        now: the moment of the call for the model; such rows run on the model only.
    """

    sentence: str
    says: str
    before: str
    changes: tuple[Change, ...]
    after: str | Refused
    source: str = ""
    data: str = ""
    copy_missing: str = "error"
    now: str = ""


def _row(
    sentence: str, says: str, before: str, *rest: Change | str | Refused, **others: str
) -> Row:
    changes = tuple(part for part in rest if isinstance(part, Change))
    (after,) = (part for part in rest if not isinstance(part, Change))
    return Row(sentence, says, before, changes, after, **others)


def _refused(*reasons: str) -> Refused:
    return Refused(reasons)


def _copy(path: str, mode: str, copy_path: str, type_text: str = "") -> Change:
    return Change(path, f"{mode}_copy", "", type_text, copy_path)


NOT_OBJECT = _refused("DATAKEY_NOT_AN_OBJECT")
NOT_ARRAY = _refused("DATAKEY_NOT_AN_ARRAY")
BAD_PATH = _refused("DATAKEY_PATH_INVALID")
BAD_DATE = _refused("DATAKEY_DATE_INVALID")
BAD_TYPE = _refused("DATAKEY_TYPE_UNKNOWN")
BAD_JSON = _refused("JSON_INVALID")
BAD_INDEX = _refused("DATAKEY_INDEX_INVALID")
UNEXPECTED = _refused("DATAKEY_VALUE_UNEXPECTED")
MISSING_SOURCE = _refused("COPY_SOURCE_MISSING")

C = Change

SET = (
    _row(
        "only", "only what is named changes", '{"a":1,"b":2}', C("b", "set", "3"), '{"a":1,"b":3}'
    ),
    _row("set", "set replaces wholly", '{"a":{"x":1}}', C("a", "set", '{"y":2}'), '{"a":{"y":2}}'),
    _row("set", "set is unconditional: any type", '{"a":[1]}', C("a", "set", '"s"'), '{"a":"s"}'),
    _row("set", "set creates", "{}", C("a", "set", "null"), '{"a":null}'),
    _row(
        "set",
        "a replaced member keeps its place",
        '{"a":1,"b":2}',
        C("a", "set", "9"),
        '{"a":9,"b":2}',
    ),
    _row(
        "set.pad",
        "earlier elements appear as null",
        '{"a":[1]}',
        C("a[3]", "set", "4"),
        '{"a":[1,null,null,4]}',
    ),
    _row("set.pad", "padding in a new array", "{}", C("a[2]", "set", "1"), '{"a":[null,null,1]}'),
    _row("set.pad", "the first element needs none", "{}", C("a[0]", "set", "1"), '{"a":[1]}'),
    _row(
        "set.pad",
        "an existing element is replaced",
        '{"a":[1,2]}',
        C("a[0]", "set", "5"),
        '{"a":[5,2]}',
    ),
    _row(
        "set.last",
        "[-1] is the last existing element",
        '{"a":[1,2]}',
        C("a[-1]", "set", "7"),
        '{"a":[1,7]}',
    ),
    _row("set.last", "[-1] of an empty array", '{"a":[]}', C("a[-1]", "set", "7"), BAD_INDEX),
    _row("set.last", "[-1] of a missing array", "{}", C("a[-1]", "set", "7"), BAD_INDEX),
)

UPDATE = (
    _row("update", "update replaces an existing key", '{"a":1}', C("a", "update", "2"), '{"a":2}'),
    _row("update", "update passes over a missing key", '{"a":1}', C("b", "update", "2"), '{"a":1}'),
    _row("update.is", "null is there", '{"a":null}', C("a", "update", "2"), '{"a":2}'),
    _row("update.is", "an empty string is there", '{"a":""}', C("a", "update", "2"), '{"a":2}'),
    _row("update.is", "an empty array is there", '{"a":[]}', C("a", "update", "2"), '{"a":2}'),
    _row("update.is", "an empty object is there", '{"a":{}}', C("a", "update", "2"), '{"a":2}'),
    _row(
        "update.array",
        "an existing element",
        '{"a":[1,2]}',
        C("a[1]", "update", "3"),
        '{"a":[1,3]}',
    ),
    _row(
        "update.array",
        "a missing element is not padded to",
        '{"a":[1]}',
        C("a[2]", "update", "3"),
        '{"a":[1]}',
    ),
    _row("update.path", "an ignored update makes no path", "{}", C("a.b", "update", "1"), "{}"),
    _row("update.path", "nor inside null", '{"a":null}', C("a.b", "update", "1"), '{"a":null}'),
)

INSERT = (
    _row("insert", "insert adds a missing key", '{"a":1}', C("b", "insert", "2"), '{"a":1,"b":2}'),
    _row(
        "insert", "insert passes over an existing key", '{"a":1}', C("a", "insert", "2"), '{"a":1}'
    ),
    _row("insert.is", "null is there", '{"a":null}', C("a", "insert", "2"), '{"a":null}'),
    _row("insert.is", "an empty string is there", '{"a":""}', C("a", "insert", "2"), '{"a":""}'),
    _row("insert.is", "an empty array is there", '{"a":[]}', C("a", "insert", "2"), '{"a":[]}'),
    _row("insert.is", "an empty object is there", '{"a":{}}', C("a", "insert", "2"), '{"a":{}}'),
    _row(
        "insert.array",
        "padding as with set",
        '{"a":[1]}',
        C("a[2]", "insert", "3"),
        '{"a":[1,null,3]}',
    ),
    _row(
        "insert.array",
        "an existing element stays",
        '{"a":[1,null]}',
        C("a[1]", "insert", "3"),
        '{"a":[1,null]}',
    ),
    _row("insert.path", "missing parts are made", "{}", C("a.b", "insert", "1"), '{"a":{"b":1}}'),
)

MERGE = (
    _row(
        "merge.1",
        "members are added or replaced",
        '{"a":{"x":1,"y":2}}',
        C("a", "merge", '{"y":3,"z":4}'),
        '{"a":{"x":1,"y":3,"z":4}}',
    ),
    _row(
        "merge.1",
        "by key, not deeply",
        '{"a":{"x":{"p":1}}}',
        C("a", "merge", '{"x":{"q":2}}'),
        '{"a":{"x":{"q":2}}}',
    ),
    _row(
        "merge.2",
        "nothing there: an object is made",
        "{}",
        C("a", "merge", '{"x":1}'),
        '{"a":{"x":1}}',
    ),
    _row(
        "merge.2",
        "null counts as nothing where paths are made",
        '{"a":null}',
        C("a", "merge", '{"x":1}'),
        '{"a":{"x":1}}',
    ),
    _row(
        "merge.3", "else error: existing array", '{"a":[]}', C("a", "merge", '{"x":1}'), NOT_OBJECT
    ),
    _row(
        "merge.3", "else error: existing scalar", '{"a":""}', C("a", "merge", '{"x":1}'), NOT_OBJECT
    ),
    _row(
        "merge.3",
        "else error: new value is no object",
        '{"a":{}}',
        C("a", "merge", "[1]"),
        NOT_OBJECT,
    ),
    _row("merge.3", "else error: nothing there, no object", "{}", C("a", "merge", "1"), NOT_OBJECT),
    _row("merge.3", "else error: null is no object", "{}", C("a", "merge", "null"), NOT_OBJECT),
    _row(
        "merge_update.1",
        "existing members are replaced, others ignored",
        '{"a":{"x":1,"y":2}}',
        C("a", "merge_update", '{"y":3,"z":4}'),
        '{"a":{"x":1,"y":3}}',
    ),
    _row(
        "merge_update.1",
        "a null member exists",
        '{"a":{"x":null}}',
        C("a", "merge_update", '{"x":1}'),
        '{"a":{"x":1}}',
    ),
    _row("merge_update.2", "nothing there: ignored", "{}", C("a", "merge_update", '{"x":1}'), "{}"),
    _row("merge_update.2", "and no path is made", "{}", C("a.b", "merge_update", '{"x":1}'), "{}"),
    _row(
        "merge_update.3",
        "else error: existing array",
        '{"a":[1]}',
        C("a", "merge_update", '{"x":1}'),
        NOT_OBJECT,
    ),
    _row(
        "merge_update.3",
        "else error: new value is no object",
        '{"a":{}}',
        C("a", "merge_update", '"x"'),
        NOT_OBJECT,
    ),
    _row(
        "merge_insert.1",
        "only missing members are added",
        '{"a":{"x":1}}',
        C("a", "merge_insert", '{"x":2,"y":3}'),
        '{"a":{"x":1,"y":3}}',
    ),
    _row(
        "merge_insert.1",
        "a null member exists",
        '{"a":{"x":null}}',
        C("a", "merge_insert", '{"x":2}'),
        '{"a":{"x":null}}',
    ),
    _row(
        "merge_insert.2",
        "nothing there: an object is made",
        "{}",
        C("a", "merge_insert", '{"x":2}'),
        '{"a":{"x":2}}',
    ),
    _row(
        "merge_insert.3",
        "else error: existing scalar",
        '{"a":5}',
        C("a", "merge_insert", '{"x":2}'),
        NOT_OBJECT,
    ),
    _row(
        "merge_insert.3",
        "else error: new value is no object",
        '{"a":{}}',
        C("a", "merge_insert", "[]"),
        NOT_OBJECT,
    ),
)

PUSH = (
    _row(
        "push.1",
        "array to array: contents at the end",
        '{"a":[1]}',
        C("a", "push", "[2,3]"),
        '{"a":[1,2,3]}',
    ),
    _row(
        "push.2",
        "value to array: at the end",
        '{"a":[1]}',
        C("a", "push", '{"x":2}'),
        '{"a":[1,{"x":2}]}',
    ),
    _row("push.2", "null is a value", '{"a":[1]}', C("a", "push", "null"), '{"a":[1,null]}'),
    _row("push.3", "nothing there, array", "{}", C("a", "push", "[1,2]"), '{"a":[1,2]}'),
    _row("push.4", "nothing there, value", "{}", C("a", "push", "1"), '{"a":[1]}'),
    _row(
        "push.4",
        "null counts as nothing where paths are made",
        '{"a":null}',
        C("a", "push", "1"),
        '{"a":[1]}',
    ),
    _row("push.5", "onto an object: error", '{"a":{}}', C("a", "push", "1"), NOT_ARRAY),
    _row("push.5", "onto a scalar: error", '{"a":"s"}', C("a", "push", "1"), NOT_ARRAY),
    _row(
        "push.6",
        "an element that is an array",
        '{"a":[[1]]}',
        C("a[0]", "push", "2"),
        '{"a":[[1,2]]}',
    ),
    _row(
        "unshift.1",
        "array to array: contents in front, in order",
        '{"a":[1]}',
        C("a", "unshift", "[2,3]"),
        '{"a":[2,3,1]}',
    ),
    _row(
        "unshift.2",
        "value to array: in front",
        '{"a":[1]}',
        C("a", "unshift", '"x"'),
        '{"a":["x",1]}',
    ),
    _row("unshift.3", "nothing there, array", "{}", C("a", "unshift", "[1,2]"), '{"a":[1,2]}'),
    _row("unshift.4", "nothing there, value", "{}", C("a", "unshift", "1"), '{"a":[1]}'),
    _row("unshift.5", "onto an object: error", '{"a":{}}', C("a", "unshift", "1"), NOT_ARRAY),
    _row("unshift.5", "onto a scalar: error", '{"a":0}', C("a", "unshift", "1"), NOT_ARRAY),
)

DELETE = (
    _row("delete", "data are removed", '{"a":1,"b":2,"c":3}', C("b", "delete"), '{"a":1,"c":3}'),
    _row("delete", "inside an object", '{"a":{"x":1}}', C("a.x", "delete"), '{"a":{}}'),
    _row("delete", "nothing there: nothing happens", '{"a":1}', C("b.c", "delete"), '{"a":1}'),
    _row("delete", "nothing inside null", '{"a":null}', C("a.b", "delete"), '{"a":null}'),
    _row(
        "delete.value",
        "value must be absent or empty",
        '{"a":1}',
        C("a", "delete", "1"),
        UNEXPECTED,
    ),
    _row(
        "delete.value",
        "type must be absent or empty",
        '{"a":1}',
        C("a", "delete", "", "dt"),
        UNEXPECTED,
    ),
    _row(
        "delete.last",
        "the last element: the array shrinks by one",
        '{"a":[1,null,3]}',
        C("a[2]", "delete"),
        '{"a":[1,null]}',
    ),
    _row("delete.last", "the only element", '{"a":[1]}', C("a[0]", "delete"), '{"a":[]}'),
    _row("delete.last", "[-1] is the last one", '{"a":[1,2]}', C("a[-1]", "delete"), '{"a":[1]}'),
    _row(
        "delete.inner",
        "another element becomes null",
        '{"a":[1,2,3]}',
        C("a[1]", "delete"),
        '{"a":[1,null,3]}',
    ),
    _row(
        "delete.inner",
        "an element behind the end: nothing happens",
        '{"a":[1]}',
        C("a[5]", "delete"),
        '{"a":[1]}',
    ),
)

COPY = (
    _row(
        "copy.set",
        "set.copy takes what is stored",
        '{"a":1,"b":[2]}',
        _copy("a", "set", "b"),
        '{"a":[2],"b":[2]}',
    ),
    _row(
        "copy.update",
        "update.copy, existing",
        '{"a":1,"b":2}',
        _copy("a", "update", "b"),
        '{"a":2,"b":2}',
    ),
    _row("copy.update", "update.copy, missing", '{"b":2}', _copy("a", "update", "b"), '{"b":2}'),
    _row(
        "copy.insert", "insert.copy, missing", '{"b":2}', _copy("a", "insert", "b"), '{"b":2,"a":2}'
    ),
    _row(
        "copy.insert",
        "insert.copy, existing",
        '{"a":1,"b":2}',
        _copy("a", "insert", "b"),
        '{"a":1,"b":2}',
    ),
    _row(
        "copy.merge",
        "merge.copy",
        '{"a":{"x":1},"b":{"y":2}}',
        _copy("a", "merge", "b"),
        '{"a":{"x":1,"y":2},"b":{"y":2}}',
    ),
    _row(
        "copy.merge",
        "merge.copy of a scalar: error",
        '{"a":{},"b":2}',
        _copy("a", "merge", "b"),
        NOT_OBJECT,
    ),
    _row(
        "copy.merge_update",
        "merge_update.copy",
        '{"a":{"x":1},"b":{"x":2,"y":2}}',
        _copy("a", "merge_update", "b"),
        '{"a":{"x":2},"b":{"x":2,"y":2}}',
    ),
    _row(
        "copy.merge_insert",
        "merge_insert.copy",
        '{"a":{"x":1},"b":{"x":2,"y":2}}',
        _copy("a", "merge_insert", "b"),
        '{"a":{"x":1,"y":2},"b":{"x":2,"y":2}}',
    ),
    _row(
        "copy.push",
        "push.copy",
        '{"a":[1],"b":[2]}',
        _copy("a", "push", "b"),
        '{"a":[1,2],"b":[2]}',
    ),
    _row(
        "copy.unshift",
        "unshift.copy",
        '{"a":[1],"b":2}',
        _copy("a", "unshift", "b"),
        '{"a":[2,1],"b":2}',
    ),
    _row(
        "copy.self",
        "an array onto itself",
        '{"a":[1,2]}',
        _copy("a", "push", "a"),
        '{"a":[1,2,1,2]}',
    ),
    _row(
        "copy.from",
        "copy_email: another member",
        '{"a":1}',
        _copy("a", "set", "p.q[0]"),
        '{"a":7}',
        source='{"p":{"q":[7]}}',
    ),
    _row(
        "copy.from",
        "copy_data: data of the call",
        '{"a":1}',
        _copy("a", "set", "p"),
        '{"a":{"x":1.50}}',
        data='{"p":{"x":1.50}}',
    ),
    _row(
        "copy.from",
        "none: the member itself, earlier changes seen",
        '{"a":1}',
        C("b", "set", "5"),
        _copy("a", "set", "b"),
        '{"a":5,"b":5}',
    ),
    _row(
        "copy.from",
        "a source that lacks the datakey gives null",
        '{"a":1}',
        _copy("a", "set", "nothing"),
        '{"a":null}',
        source='{"p":1}',
    ),
    _row(
        "copy.deep",
        "a structure is copied, not shared",
        '{"b":{"x":1}}',
        _copy("a", "set", "b"),
        C("a.x", "set", "2"),
        '{"b":{"x":1},"a":{"x":2}}',
    ),
    _row(
        "copy.value",
        "a copy mode takes no value",
        '{"a":1,"b":2}',
        C("a", "set_copy", "3", "", "b"),
        UNEXPECTED,
    ),
    _row(
        "copy_missing.error",
        "error by default",
        '{"a":1}',
        _copy("a", "set", "b"),
        MISSING_SOURCE,
        source="missing",
    ),
    _row(
        "copy_missing.do",
        "do writes null",
        '{"a":1}',
        _copy("a", "set", "b"),
        '{"a":null}',
        source="missing",
        copy_missing="do",
    ),
    _row(
        "copy_missing.skip",
        "skip keeps the former values",
        '{"a":1}',
        _copy("a", "set", "b"),
        C("c", "set", "2"),
        '{"a":1,"c":2}',
        source="missing",
        copy_missing="skip",
    ),
    _row(
        "copy.type",
        "a copied value is checked too",
        '{"b":"1971-5-4"}',
        _copy("a", "set", "b", "dt:YD"),
        '{"b":"1971-5-4","a":"1971-05-04"}',
    ),
)


def _date(
    says: str, type_text: str, value: str, after: str | Refused, sentence: str = "dt.LR"
) -> Row:
    expected = f'{{"a":"{after}"}}' if isinstance(after, str) else after
    return _row(sentence, says, "{}", C("a", "set", f'"{value}"', type_text), expected)


TYPES = (
    _date("absent or empty: no check", "", "1971-99-99", "1971-99-99", "type.none"),
    _date("dt is dt:Ys", "dt", "1971-5-4 3:2:1", "1971-05-04 03:02:01", "dt"),
    _date("the example", "dt:Ys", "1971-5-4 3:2:1", "1971-05-04 03:02:01", "dt.example"),
    _date("dt is no shorter date", "dt", "1971-05-04", BAD_DATE, "dt"),
    _date("year to day", "dt:YD", "2024-2-29", "2024-02-29"),
    _date("month to hour", "dt:Mh", "5-4 3", "05-04 03"),
    _date("hour to second", "dt:hs", "3:2:1", "03:02:01"),
    _date("one component", "dt:YY", "1971", "1971"),
    _date("day to minute", "dt:Dm", "31 23:59", "31 23:59"),
    _date("a leap day without a year may be", "dt:MD", "2-29", "02-29"),
    _date("more components than the type", "dt:YD", "1971-05-04 03:02:01", BAD_DATE),
    _date("year has four digits", "dt:YD", "71-05-04", BAD_DATE, "dt.year"),
    _date("year has four digits", "dt:YD", "01971-05-04", BAD_DATE, "dt.year"),
    _date("others have one or two", "dt:YD", "1971-005-04", BAD_DATE, "dt.digits"),
    _date("others have one or two", "dt:YD", "1971--04", BAD_DATE, "dt.digits"),
    _date("no leap year", "dt:YD", "2023-02-29", BAD_DATE, "dt.impossible"),
    _date("century without leap day", "dt:YD", "1900-02-29", BAD_DATE, "dt.impossible"),
    _date("400 years with leap day", "dt:YD", "2000-02-29", "2000-02-29", "dt.impossible"),
    _date("no 31st of April", "dt:YD", "2024-04-31", BAD_DATE, "dt.impossible"),
    _date("no 13th month", "dt:YM", "2024-13", BAD_DATE, "dt.impossible"),
    _date("no hour 24", "dt:Yh", "2024-01-01 24", BAD_DATE, "dt.impossible"),
    _date("no minute 60", "dt:hm", "23:60", BAD_DATE, "dt.impossible"),
    _date("no second 60", "dt:ms", "59:60", BAD_DATE, "dt.impossible"),
    _date("letters are no date", "dt:YD", "yesterday", BAD_DATE, "dt.impossible"),
    _date("other digits are no digits", "dt:YY", "١٩٧١", BAD_DATE, "dt.impossible"),
    _date("another type: error", "int", "1", BAD_TYPE, "type.other"),
    _date("an unknown letter: error", "dt:YX", "1971", BAD_TYPE, "type.other"),
    _date("L finer than R: error", "dt:sY", "1971", BAD_TYPE, "type.other"),
    _date("one letter: error", "dt:Y", "1971", BAD_TYPE, "type.other"),
    _row("dt.value", "an object is no date", "{}", C("a", "set", '{"y":1971}', "dt:YY"), BAD_DATE),
    _row("dt.mode", "push checks the value too", '{"a":[]}', C("a", "push", '"1971-5-4"', "dt:YD"),
         '{"a":["1971-05-04"]}'),
)  # fmt: skip


def _now(says: str, now: str, type_text: str, value: str, after: str | Refused) -> Row:
    expected = f'{{"a":"{after}"}}' if isinstance(after, str) else after
    return Row("current", says, "{}", (C("a", "set", f'"{value}"', type_text),), expected, now=now)


CURRENT = (
    _now("current", "2026-03-31 05:06:07", "dt", "current", "2026-03-31 05:06:07"),
    _now("precision of the type", "2026-03-31 05:06:07", "dt:YD", "current", "2026-03-31"),
    _now("precision of the expression wins", "2026-03-31 05:06:07", "dt:YD", "current:Yh",
         "2026-03-31 05"),
    _now("minus a month clamps", "2026-03-31 05:06:07", "dt:YD", "current - 1 month", "2026-02-28"),
    _now("the example", "2026-03-31 05:06:07", "dt", "current:YD + 25 days", "2026-04-25"),
    _now("left to right", "2026-03-31 05:06:07", "dt:YD", "current - 1 month + 1 MONTHS",
         "2026-03-28"),
    _now("a year clamps", "2024-02-29 00:00:00", "dt:YD", "current + 1 Year", "2025-02-28"),
    _now("weeks, hours, minutes, seconds", "2026-03-31 23:59:59", "dt",
         "current + 1 week + 1 hour - 1 minute + 1 second", "2026-04-08 00:59:00"),
    _now("an unknown unit", "2026-03-31 05:06:07", "dt", "current + 1 fortnight", BAD_DATE),
    _now("a broken expression", "2026-03-31 05:06:07", "dt", "current + month", BAD_DATE),
    _now("an unknown precision", "2026-03-31 05:06:07", "dt", "current:DY", BAD_DATE),
    _now("without a type it is text", "2026-03-31 05:06:07", "", "current", "current"),
)  # fmt: skip

PATHS = (
    _row("path.missing", "every missing part is made", "{}", C("a.b[1].c", "set", "1"),
         '{"a":{"b":[null,{"c":1}]}}'),
    _row("path.missing", "a part of the path", '{"a":{"x":0}}', C("a.b.c", "set", "1"),
         '{"a":{"x":0,"b":{"c":1}}}'),
    _row("path.null", "null counts as missing: object", '{"a":null}', C("a.b", "set", "1"),
         '{"a":{"b":1}}'),
    _row("path.null", "null counts as missing: array", '{"a":{"b":null}}', C("a.b[0]", "set", "1"),
         '{"a":{"b":[1]}}'),
    _row("path.null", "a null element", '{"a":[null]}', C("a[0].x", "insert", "1"),
         '{"a":[{"x":1}]}'),
    _row("as.array", "an object as an array", '{"a":{}}', C("a[0]", "set", "1"), NOT_ARRAY),
    _row("as.array", "a scalar as an array", '{"a":5}', C("a[0]", "set", "1"), NOT_ARRAY),
    _row("as.array", "an empty string as an array", '{"a":""}', C("a[0]", "set", "1"), NOT_ARRAY),
    _row("as.array", "deleting", '{"a":{}}', C("a[0]", "delete"), NOT_ARRAY),
    _row("as.array", "updating", '{"a":false}', C("a[0]", "update", "1"), NOT_ARRAY),
    _row("as.object", "an array as an object", '{"a":[]}', C("a.b", "set", "1"), NOT_OBJECT),
    _row("as.object", "a scalar as an object", '{"a":"s"}', C("a.b", "set", "1"), NOT_OBJECT),
    _row("as.object", "deleting", '{"a":[1]}', C("a.b", "delete"), NOT_OBJECT),
    _row("as.object", "updating", '{"a":true}', C("a.b", "update", "1"), NOT_OBJECT),
    _row("as.object", "an index-like name", '{"a":[1]}', C("a.0", "set", "1"), NOT_OBJECT),
    _row("all", "all or nothing: the second fails", '{"a":1}', C("b", "set", "2"),
         C("a.x", "set", "1"), NOT_OBJECT),
    _row("all", "all or nothing: deletes too", '{"a":1,"b":2}', C("b", "delete"),
         C("a", "set", "{"), BAD_JSON),
    _row("order", "each sees the earlier ones", "{}", C("a", "set", "[]"), C("a", "push", "1"),
         C("a[-1]", "set", "2"), '{"a":[2]}'),
    _row("names", "a dot may be escaped", "{}", C(r"b@b\.b.c", "set", "1"), '{"b@b.b":{"c":1}}'),
    _row("names", "brackets may be escaped", "{}", C(r"a\[0\]", "set", "1"), '{"a[0]":1}'),
    _row("names", "a backslash may be escaped", "{}", C("a\\\\b", "set", "1"), '{"a\\\\b":1}'),
    _row("names", "any Unicode, case-sensitive", '{"Ключ":1}', C("ключ", "set", "2"),
         '{"Ключ":1,"ключ":2}'),
    _row("names", "Chinese", "{}", C("企业.名", "set", "1"), '{"企业":{"名":1}}'),
    _row("names", "arrays in arrays", "{}", C("a[1][0]", "set", "1"), '{"a":[null,[1]]}'),
    *(
        _row("grammar", f"refused: {path!r}", "{}", C(path, "set", "1"), BAD_PATH)
        for path in (".a", "a.", "a..b", "a[", "a]", "a[]", "a[x]", "a[1.5]", "a[0]b",
                     "a.[0]", "a\\", r"a\b")
    ),
    *(
        _row("grammar", f"no wildcards in a change: {path}", '{"a":{"b":[1]}}', C(path, "set", "1"),
             _refused("DATAKEY_WILDCARD"))
        for path in ("*", "a.*", "a.b[*]", "*.x")
    ),
)  # fmt: skip

JSON = (
    *(
        _row("fidelity", f"kept as written: {text}", "{}", C("a", "set", text), f'{{"a":{text}}}')
        for text in ("18446744073709551616", "1e400", "-0", "1.0", "1.00", "-1.5E-7",
                     "0.1000000000000000055511151231257827", "123456789012345678901234567890")
    ),
    _row("fidelity", "order of members is kept", "{}", C("a", "set", '{"z":1,"a":2,"m":3}'),
         '{"a":{"z":1,"a":2,"m":3}}'),
    _row("fidelity", "any text is kept", "{}", C("a", "set", '"\\u0000\\ud83d\\ude00 Ё\\n"'),
         '{"a":"\\u0000😀 Ё\\n"}'),
    *(
        _row("fidelity", f"refused: {text!r}", "{}", C("a", "set", text), BAD_JSON)
        for text in ("", " ", "NaN", "Infinity", "-Infinity", "01", "+1", "1.", ".5", "'a'",
                     "{a:1}", '{"x":1,"x":2}', '[{"x":{"y":1,"y":1}}]', '"\\ud800"',
                     '{"\\udfff":1}', "[1,]", "1 2", "tru", '"a\nb"', "// 1")
    ),
    _row("fidelity", "refused: invalid UTF-8", "{}", C("a", "set", b'"\xff"'), BAD_JSON),
    _row("fidelity", "refused: a byte order mark", "{}", C("a", "set", "\ufeff1"), BAD_JSON),
)  # fmt: skip

ROWS = (*SET, *UPDATE, *INSERT, *MERGE, *PUSH, *DELETE, *COPY, *TYPES, *CURRENT, *PATHS, *JSON)
