"""Messages split into their values: taken and refused as the standard library does, texts kept."""

import json
import random
from typing import Any

import pytest

from support.seeds import seeds
from zmey._native import split_array, split_object
from zmey.bridge.json_values import boolean, integer, integer_or_string, string

PIECES = (
    *'{}[]:,"\\ \n01.-',
    *('e1', 'E+2', "null", "true", "false", "NaN", '"a"', '"b":', '"":', '"\\u0061":', '{"a":1}'),
    *('[1,"x"]', '"\\ud800"', '"é":', "\t"),
)  # fmt: skip
TEXTS = 20_000
# Of data, which is the second level of a message.
LEVELS_MAX = 64


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError(pairs)
    return dict(pairs)


def refuse(constant: str) -> Any:
    raise ValueError(constant)


def expected(text: str) -> Any:
    """What the standard library reads; ... where a text is refused."""
    try:
        found = json.loads(text, parse_constant=refuse, object_pairs_hook=unique)
        json.dumps(found, ensure_ascii=False).encode()
    except ValueError:
        return ...
    return found


def split(text: str) -> Any:
    """What the core splits the text into, put together again; ... where it is refused."""
    try:
        by_name, by_index = split_object(text.encode()), split_array(text.encode())
    except ValueError:
        return ...
    assert by_name is None or by_index is None
    if by_name is not None:
        return {name: json.loads(value) for name, value in by_name.items()}
    return None if by_index is None else [json.loads(value) for value in by_index]


@pytest.mark.parametrize("seed", seeds(3))
def test_as_the_standard_library(seed: int) -> None:
    chance = random.Random(seed)
    taken = 0
    for _ in range(TEXTS):
        inner = "".join(chance.choice(PIECES) for _ in range(chance.randrange(8)))
        text = chance.choice((f"{{{inner}}}", f"[{inner}]", inner))
        wanted = expected(text)
        if wanted is not ... and not isinstance(wanted, dict | list):
            wanted = None
        assert split(text) == wanted, text
        taken += wanted is not ... and bool(wanted)
    assert taken > 200


def test_values_are_canonical_texts() -> None:
    text = b' { "a" : 1.10 , "b":18446744073709551616,"c": {"d" : 1E5 } , "e":[ ], "\\u0066":"g"} '
    assert split_object(text) == {
        "a": b"1.10",
        "b": b"18446744073709551616",
        "c": b'{"d":1E5}',
        "e": b"[]",
        "f": b'"g"',
    }
    assert split_array(b'[ 1.0 , "a", [ 2 ] ]') == [b"1.0", b'"a"', b"[2]"]


def test_data_may_be_as_deep_as_the_core_takes() -> None:
    deepest = "[" * LEVELS_MAX + "]" * LEVELS_MAX
    assert split_object(f'{{"data":{{"x":{deepest}}}}}'.encode())
    with pytest.raises(ValueError, match="too deep"):
        split_object(f'{{"data":{{"x":[{deepest}]}}}}'.encode())


REFUSED = {
    "": "no JSON document (byte 0)",
    "{": "no JSON document (byte 1)",
    '{"a":}': "no JSON document (byte 5)",
    '{"a":1,}': "no JSON document (byte 7)",
    '{"a":1}x': "no JSON document (byte 7)",
    '{"a":Infinity}': "no JSON document",
    '{"a":1,"a":2}': "two members with one name",
    '{"a":{"b":1,"\\u0062":2}}': "two members with one name",
    "{'a':1}": "no JSON document",
    '{"a" 1}': "no JSON document",
    '{"a\n":1}': "no JSON document",
    '{"a":"\\udc00"}': "half of a surrogate pair",
    '{"a":' + "[" * 100_000: "nested too deep",
}


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\(byte \d+\)$") as refused:
        split_object(text.encode())
    assert REFUSED[text] in str(refused.value)


def test_text_that_is_not_utf8() -> None:
    with pytest.raises(ValueError, match="not UTF-8"):
        split_object(b'{"a":"\xff"}')


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"7", {integer: 7, integer_or_string: "7"}),
        (b"-7", {integer: -7, integer_or_string: "-7"}),
        (b"18446744073709551615", {integer: 2**64 - 1, integer_or_string: str(2**64 - 1)}),
        (b"9" * 21, {integer: -1, integer_or_string: "9" * 21}),
        (b"1.0", {}),
        (b"1e5", {}),
        (b'""', {string: "", integer_or_string: ""}),
        (b'"7"', {string: "7", integer_or_string: "7"}),
        (b'"\\"\\u0000"', {string: '"\x00', integer_or_string: '"\x00'}),
        (b"true", {boolean: True}),
        (b"false", {boolean: False}),
        (b"null", {}),
        (b"[]", {}),
        (b"{}", {split_object: {}}),
        (b'{"a":[1]}', {split_object: {"a": b"[1]"}}),
    ],
)
def test_types(value: bytes, read: dict[Any, Any]) -> None:
    for reader in (integer, integer_or_string, string, boolean, split_object):
        found = reader(value)
        assert found == read.get(reader), reader
        assert type(found) is type(read.get(reader)), reader
