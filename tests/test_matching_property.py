"""Random writes and questions over a small pool of identifiers: the core decides as the model does.

Compared are who matched and why, what was created or changed, which numbers heads got and who owns
them, and the documents. A failure names its seed.
"""

from datetime import datetime
from functools import partial
from pathlib import Path
from random import Random

import pytest

from reference.json_tree import RefusalError, dump, parse
from reference.members import Ask, Decision, Model, Outcome, Step
from support.core import (
    Api,
    SeenFault,
    attempt,
    fault_in_answer,
    open_core,
    space_config,
    warnings_of,
)
from support.documents import document
from support.random_members import BLOCKED, random_ask, random_step, spelled_change, spelled_keys
from support.requests import keys, order
from support.seeds import seeds
from zmey.v1 import address_pb2 as addresses
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member

STEPS = 80
# No random change is an expression of the current moment, so any moment will do.
NOW = datetime(2026, 1, 1)
KINDS = {
    matching.KEY_KIND_CONTACT_ID: "contact_id",
    matching.KEY_KIND_EXTERNAL_CUSTOMER_ID: "csid",
    matching.KEY_KIND_LOCATOR: "locator",
    matching.KEY_KIND_HEAD_ID: "head_id",
    matching.KEY_KIND_DATASET_ID: "dataset_id",
}
WARNINGS = ("LOCATOR_STAYED", "CSID_SECOND")


def open_blocking_api(store_path: Path | None = None) -> Api:
    space = space_config(1, blocked={BLOCKED[0]: (BLOCKED[1],)})
    return Api(open_core((space,), store_path))


def seen_states(resolution: matching.Resolution) -> dict[tuple[str, int], tuple[str, int]]:
    """Reads the explanation; its order is compared too, since dictionaries keep it."""
    return {
        (KINDS[report.kind], report.index): (
            matching.KeyState.Name(report.state).removeprefix("KEY_STATE_"),
            report.contact_id,
        )
        for report in resolution.explanation
    }


def check_resolution(resolution: matching.Resolution, decision: Decision) -> None:
    """Compares the parts of a resolution that are there without an explanation."""
    assert resolution.contact_id == decision.contact_id
    expected = list(decision.states.items())
    matched = [slot for slot, (state, _) in expected if state == "MATCHED"]
    seen = [resolution.matched] if resolution.HasField("matched") else []
    assert [(KINDS[one.kind], one.index) for one in seen] == matched
    conflicts = [(slot, owner) for slot, (state, owner) in expected if state == "CONFLICT"]
    others = [((KINDS[one.kind], one.index), one.contact_id) for one in resolution.conflicts]
    assert sorted(others) == sorted(conflicts)
    left = {"NOT_FOUND", "BLOCKED", "PASSED_OVER"}
    unresolved = [slot for slot, (state, _) in expected if state in left]
    assert sorted((KINDS[one.kind], one.index) for one in resolution.unresolved) == sorted(
        unresolved
    )


def check_resolve(api: Api, model: Model, random: Random) -> None:
    ask = random_ask(random, len(model.members), len(model.heads))
    resolution = api.resolve(spelled_keys(random, ask), order("external_id_first"), explain=True)
    decision = model.resolve(ask, "external_id_first")
    assert seen_states(resolution) == decision.states
    assert list(seen_states(resolution)) == list(decision.states)
    check_resolution(resolution, decision)


def check_outcome(outcome: member.MemberOutcome, expected: Outcome) -> None:
    status = member.OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_")
    assert (status, outcome.contact_id) == (expected.status, expected.contact_id)
    assert outcome.version == expected.version
    assert outcome.newbie == (expected.status == "CREATED")
    warnings = [warning for warning in warnings_of(outcome) if warning.reason in WARNINGS]
    found = [(warning.reason, int(warning.details.get("index", -1))) for warning in warnings]
    assert expected.status == "IGNORED" or tuple(sorted(found)) == expected.warnings


def expected_outcome(model: Model, step: Step) -> Outcome | str:
    try:
        return model.write(step, NOW)
    except RefusalError as refusal:
        return refusal.reason


def check_members(api: Api, model: Model) -> None:
    """Compares every member: heads with their numbers, and the document."""
    for contact_id, expected in model.members.items():
        who = keys(contact_id=contact_id)
        found = api.get_member(who, with_heads=True).member
        assert found.version == expected.version
        heads = sorted(
            (head.id, (addresses.AddressType.Name(head.address.type), head.address.value))
            for head in found.heads
        )
        wanted = [
            (number, (f"ADDRESS_TYPE_{kind.upper()}", value))
            for number, (kind, value) in model.heads_of(contact_id)
        ]
        assert heads == wanted
        assert document(api, who) == dump(expected.document)


@pytest.mark.parametrize("seed", seeds(20))
def test_one_by_one(seed: int) -> None:
    check_one_by_one(open_blocking_api(), seed)


@pytest.mark.parametrize("seed", seeds(2))
def test_one_by_one_on_disk(seed: int, tmp_path: Path) -> None:
    check_one_by_one(open_blocking_api(tmp_path / "store"), seed)


def check_one_by_one(api: Api, seed: int) -> None:
    random, model = Random(seed), Model()
    revision = 0
    for number in range(STEPS):
        step = random_step(random, len(model.members), len(model.heads))
        print(f"seed {seed} step {number}: {step}")  # noqa: T201
        decision = model.resolve(step.ask, step.order, writing=True)
        answer = attempt(partial(api.set_member, spelled_change(random, step)))
        expected = expected_outcome(model, step)
        if isinstance(expected, str):
            assert isinstance(answer, SeenFault), (expected, answer)
        else:
            assert not isinstance(answer, SeenFault), answer
            check_outcome(answer, expected)
            check_resolution(answer.resolution, decision)
            assert dump(parse(answer.fresh)) == dump(model.members[answer.contact_id].document)
            changed = expected.status in {"CREATED", "UPDATED"}
            assert answer.revision > revision if changed else answer.revision == revision
            revision = answer.revision
        check_resolve(api, model, random)
    check_members(api, model)


@pytest.mark.parametrize("seed", seeds(20))
def test_in_batches(seed: int) -> None:
    random = Random(seed)
    api, model = open_blocking_api(), Model()
    for number in range(6):
        steps = [random_step(random, 6, 10) for _ in range(random.choice((1, 5, 40)))]
        print(f"seed {seed} batch {number}: {steps}")  # noqa: T201
        answer = api.set_members([spelled_change(random, step) for step in steps])
        assert len(answer.results) == len(steps)
        for step, result in zip(steps, answer.results, strict=True):
            expected = expected_outcome(model, step)
            if isinstance(expected, str):
                assert result.HasField("fault"), (expected, step, result)
                assert fault_in_answer(result.fault).reason != "INTERNAL"
            else:
                assert result.HasField("outcome"), (expected, step, result)
                check_outcome(result.outcome, expected)
                assert result.outcome.revision <= answer.revision
        check_members(api, model)


@pytest.mark.parametrize("seed", seeds(5))
def test_questions_in_a_batch_are_answered_like_single_ones(seed: int) -> None:
    random = Random(seed)
    api, model = open_blocking_api(), Model()
    for _ in range(30):
        step = random_step(random, len(model.members), len(model.heads))
        attempt(partial(api.set_member, spelled_change(random, step)))
        expected_outcome(model, step)
    asks: list[Ask] = [random_ask(random, len(model.members), 30) for _ in range(200)]
    print(f"seed {seed}: {asks}")  # noqa: T201
    spelled = [spelled_keys(random, ask) for ask in asks]
    answer = api.resolve_batch(spelled, explain=True)
    assert len(answer.results) == len(asks)
    for ask, one, result in zip(asks, spelled, answer.results, strict=True):
        assert result.resolution == api.resolve(one, explain=True)
        assert seen_states(result.resolution) == model.resolve(ask, "external_id_first").states
