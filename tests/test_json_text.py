"""Indenting leaves every character of a document as it was."""

import json

import pytest

from zmey.cli.json_text import indent


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1.10", "1.10"),
        ("{}", "{}"),
        ("[ ]", "[]"),
        ('{"a":18446744073709551616}', '{\n  "a": 18446744073709551616\n}'),
        ("[1,[2,{}]]", "[\n  1,\n  [\n    2,\n    {}\n  ]\n]"),
        ('{"a":"b, {c}: [\\"d\\\\"}', '{\n  "a": "b, {c}: [\\"d\\\\"\n}'),
    ],
)
def test_documents_are_indented(text: str, expected: str) -> None:
    assert indent(text) == expected
    assert json.loads(indent(text)) == json.loads(text)
