"""Exact JSON: what it takes and refuses is what the standard library does, and texts stay."""

import json
import random
from typing import Any

import pytest

from support.seeds import seeds
from zmey.bridge.exact_json import Fraction, Integer, JsonError, read_object

PIECES = (
    *'{}[]:,"\\ \n01.-',
    *('e1', 'E+2', "null", "true", "false", "NaN", '"a"', '"b":', '"":', '"\\u0061":', '{"a":1}'),
    *('[1,"x"]', '"\\ud800"', '"é":', "\t"),
)  # fmt: skip
TEXTS = 20_000


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) < len(pairs):
        raise ValueError(pairs)
    return dict(pairs)


def refuse(constant: str) -> Any:
    raise ValueError(constant)


def expected(text: str) -> Any:
    """What the standard library reads; None where it is refused or no object."""
    try:
        found = json.loads(text, parse_constant=refuse)
        json.loads(text, object_pairs_hook=unique)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


@pytest.mark.parametrize("seed", seeds(3))
def test_as_the_standard_library(seed: int) -> None:
    chance = random.Random(seed)
    taken = 0
    for _ in range(TEXTS):
        inner = "".join(chance.choice(PIECES) for _ in range(chance.randrange(8)))
        text = chance.choice((f"{{{inner}}}", inner))
        wanted = expected(text)
        try:
            members = read_object(text, opened="a")
        except JsonError:
            assert wanted is None, text
            continue
        found = {name: json.loads(member.raw) for name, member in members.items()}
        # Names that are twice within a value are for the core to refuse.
        assert found == (wanted if wanted is not None else json.loads(text)), text
        assert all(member.raw in text for member in members.values())
        taken += 1
    assert taken > 200


def test_values_have_types_and_texts() -> None:
    text = ' { "a" : 1.10 , "b":18446744073709551616,"c": {"d" : 1E5 } , "e":[ ] } '
    members = read_object(text, opened="c")
    assert [member.raw for member in members.values()] == [
        *("1.10", "18446744073709551616", '{"d" : 1E5 }', "[ ]")
    ]
    assert type(members["a"].value) is Fraction
    assert type(members["b"].value) is Integer
    assert members["c"].value["d"].raw == "1E5"
    assert type(read_object(text)["c"].value["d"]) is Fraction


REFUSED = (
    *("", "{", "[]", "1", '{"a":}', '{"a":1,}', '{"a":1}x', '{"a":1,"a":2}', '{"a":Infinity}'),
    *('{"c":{"d":1,"d":2}}', "{'a':1}", '{"a" 1}', '{"a\n":1}', '{"a":' + "[" * 100_000),
)


@pytest.mark.parametrize("text", REFUSED)
def test_refused(text: str) -> None:
    with pytest.raises(JsonError) as refused:
        read_object(text, opened="c")
    assert str(refused.value).endswith(".")
