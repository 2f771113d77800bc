"""Random sequences of changes on several members: the core answers as the reference model does.

A failure names its seed; ZMEY_TEST_SEED runs one seed alone, ZMEY_TEST_SEEDS sets their number.
"""

from datetime import datetime
from random import Random

import pytest

from reference.datakeys import Change, CopyFrom, apply
from reference.json_tree import RefusalError, Value, dump, parse
from support.core import Api, SeenFault, attempt
from support.documents import document, write
from support.random_datakeys import random_changes
from support.requests import keys
from support.seeds import seeds
from zmey.v1 import datakey_pb2 as datakey

CALLS = 120
EMAILS = ("one@example.com", "two@example.com", "three@example.com")
NOBODY = "nobody@example.com"
COPY_MISSING = ("error", "do", "skip")
# No random value is an expression of the current moment, so any moment will do.
NOW = datetime(2026, 1, 1)


def source_of(
    random: Random, target: str, bodies: dict[str, dict[str, Value]]
) -> tuple[CopyFrom | None, datakey.CopySource | None]:
    """Draws where copy modes read, for the model and for the core."""
    chance = random.random()
    if chance < 0.6:
        return None, None
    if chance < 0.7:
        data = '{"a":{"a":1.0,"b":[2]},"b":[{"c":3}],"c":"1971-5-4"}'
        return CopyFrom(parse(data)), datakey.CopySource(data=data.encode())
    missing = random.choice(COPY_MISSING)
    email = random.choice([email for email in (*EMAILS, NOBODY) if email != target])
    source = datakey.CopySource(
        member=keys(f"email={email}"), missing=f"COPY_MISSING_{missing.upper()}"
    )
    if email in bodies:
        return CopyFrom(bodies[email]), source
    return CopyFrom(found=False, missing=missing), source


def expected_body(
    before: dict[str, Value], changes: list[Change], source: CopyFrom | None
) -> dict[str, Value] | str:
    """Returns the body after the changes, or the reason for which they are refused."""
    try:
        return apply(before, changes, NOW, source)
    except RefusalError as refusal:
        return refusal.reason


def check_call(
    api: Api,
    bodies: dict[str, dict[str, Value]],
    email: str,
    changes: list[Change],
    source: tuple[CopyFrom | None, datakey.CopySource | None],
) -> None:
    before = bodies.get(email, {})
    answer = attempt(lambda: write(api, email, changes, source[1]))
    after = expected_body(before, changes, source[0])
    if isinstance(after, str):
        assert isinstance(answer, SeenFault), (after, answer)
        assert answer.reason != "INTERNAL"
    else:
        assert not isinstance(answer, SeenFault), answer
        assert dump(parse(answer.fresh)) == dump(after)
        assert answer.newbie == (email not in bodies)
        bodies[email] = after
    for known, expected in bodies.items():
        assert document(api, known) == dump(expected)


@pytest.mark.parametrize("seed", seeds(25))
def test_core_follows_the_model(api: Api, seed: int) -> None:
    random = Random(seed)
    bodies: dict[str, dict[str, Value]] = {}
    for call in range(CALLS):
        email = random.choice(EMAILS)
        changes = random_changes(random)
        source = source_of(random, email, bodies)
        before = dump(bodies.get(email, {}))
        print(f"seed {seed} call {call}: {email} {before} {changes} {source[0]}")  # noqa: T201
        check_call(api, bodies, email, changes, source)


def test_random_changes_meet_every_reason() -> None:
    """The generator is no use where it only draws changes that succeed, or only refused ones."""
    random = Random(1)
    body: dict[str, Value] = {}
    seen = dict.fromkeys(("done", "DATAKEY_NOT_AN_OBJECT", "DATAKEY_NOT_AN_ARRAY"), 0)
    for _ in range(2_000):
        try:
            body = apply(body, random_changes(random), NOW)
        except RefusalError as refusal:
            seen[refusal.reason] = seen.get(refusal.reason, 0) + 1
        else:
            seen["done"] += 1
    assert all(seen.values())
    assert seen["done"] > 500, seen
    assert len(seen) >= 6, seen
