"""The reference models keep to the specification themselves, before they judge the core."""

from datetime import datetime

import pytest

from reference.datakey_rows import ROWS, Refused, Row
from reference.datakeys import CopyFrom, apply, read
from reference.json_tree import RefusalError, Value, dump, parse

NOW = "2026-11-22 10:11:12"


def tree_of(text: str) -> dict[str, Value]:
    tree = parse(text)
    assert isinstance(tree, dict)
    return tree


def model_outcome(row: Row) -> str | Refused:
    source = None
    if row.data or row.source not in {"", "missing"}:
        source = CopyFrom(parse(row.data or row.source))
    elif row.source:
        source = CopyFrom(found=False, missing=row.copy_missing)
    now = datetime.fromisoformat(row.now or NOW)
    try:
        return dump(apply(tree_of(row.before), row.changes, now, source))
    except RefusalError as refusal:
        return Refused((refusal.reason,))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.sentence}: {row.says}")
def test_model_follows_every_sentence(row: Row) -> None:
    expected = row.after if isinstance(row.after, Refused) else dump(parse(row.after))
    assert model_outcome(row) == expected


@pytest.mark.parametrize(
    ("document", "path", "expected"),
    [
        ('{"a":[{"x":1},{"x":2},{}]}', "a[*].x", "[1,2]"),
        ('{"a":{"p":{"x":1},"q":{}}}', "a.*.x", '{"p":1}'),
        ('{"a":[1,2]}', "a[-1]", "2"),
        ('{"a":{}}', "a.*", "{}"),
        ('{"a":1}', "*", '{"a":1}'),
    ],
)
def test_model_reads(document: str, path: str, expected: str) -> None:
    found = read(parse(document), path)
    assert found == parse(expected)


def test_model_leaves_the_given_document_alone() -> None:
    row = next(row for row in ROWS if row.sentence == "all")
    before = tree_of(row.before)
    with pytest.raises(RefusalError):
        apply(before, row.changes, datetime.fromisoformat(NOW))
    assert dump(before) == dump(parse(row.before))
