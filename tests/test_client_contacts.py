"""`Client.contacts` against a real server: seed 004's methods, and that writes may be repeated."""

import itertools
import time
from collections.abc import Iterator
from typing import Any

import pytest

from running_server import RunningServer
from test_client_retries import wire_to
from zmey import client as zmey_client
from zmey.client import (
    Client,
    ConflictError,
    Contacts,
    InvalidError,
    LimitError,
    NotationError,
    NotFoundError,
    RawJson,
    Step,
    UnavailableError,
    Whom,
    ZmeyError,
    delete,
    insert,
    push,
    put,
    unshift,
    update,
)
from zmey.v1.head_event_pb2 import HeadEvent, HeadStop
from zmey.v1.member_pb2 import (
    OUTCOME_STATUS_CREATED,
    OUTCOME_STATUS_RESTORED,
    OUTCOME_STATUS_UNCHANGED,
    OUTCOME_STATUS_UPDATED,
    HeadKey,
)

NUMBERS = itertools.count(1)


@pytest.fixture
def contacts(server: RunningServer) -> Iterator[Contacts]:
    with Client(server.address) as client:
        yield client.contacts()


@pytest.fixture
def name() -> str:
    """A name that no other test uses: the server is shared."""
    return f"contacts-{next(NUMBERS)}"


def test_exports_are_sorted_and_there() -> None:
    assert zmey_client.__all__ == sorted(zmey_client.__all__)
    assert all(hasattr(zmey_client, exported) for exported in zmey_client.__all__)


def test_add_or_update_finds_restores_and_creates(contacts: Contacts, name: str) -> None:
    """Seed 004, add/update a contact."""
    created = contacts.add_or_update({"name": "Ann"}, external_id=name, email=f"{name}@example.com")
    assert created.status == OUTCOME_STATUS_CREATED
    again = contacts.add_or_update({"name": "Anna"}, external_id=name)
    assert (again.status, again.contact_id) == (OUTCOME_STATUS_UPDATED, created.contact_id)
    assert contacts.delete(created.contact_id)
    restored = contacts.add_or_update(external_id=name)
    assert (restored.status, restored.contact_id) == (OUTCOME_STATUS_RESTORED, created.contact_id)
    contact = contacts.get(external_id=name)
    assert (contact.data, contact.external_id) == ({"name": "Anna"}, name)
    assert sorted(contact.heads) == sorted([name, f"{name}@example.com"])


def test_update_gives_an_external_id_or_refuses(contacts: Contacts, name: str) -> None:
    """Seed 004, update contact."""
    ann = contacts.add_or_update(email=f"{name}@example.com").contact_id
    bob = contacts.add_or_update(external_id=f"{name}-bob").contact_id
    assert contacts.update(ann, {"a": 1}).status == OUTCOME_STATUS_UPDATED
    assert contacts.update(ann, external_id=name).contact_id == ann
    assert contacts.get(contact_id=ann).external_id == name
    with pytest.raises(ConflictError) as refused:
        contacts.update(ann, {"a": 2}, external_id=f"{name}-bob")
    assert refused.value.reason == "ERROR_REASON_EXTERNAL_ID_TAKEN"
    assert refused.value.details["owner_contact_id"] == str(bob)
    # A number of nobody is not another way to whoever has the external id.
    with pytest.raises(NotFoundError):
        contacts.update(10**9, {"a": 3}, external_id=f"{name}-bob")
    assert contacts.get(contact_id=bob).data == {}


def test_subscribe_tries_external_id_then_email_then_phone(contacts: Contacts, name: str) -> None:
    """Seed 004, subscribe contact."""
    by_email = contacts.subscribe(email=f"{name}@example.com").contact_id
    by_id = contacts.subscribe(external_id=name).contact_id
    both: dict[str, Any] = {"external_id": name, "email": f"{name}@example.com"}
    assert contacts.subscribe(**both).contact_id == by_id
    assert contacts.subscribe(email=f"{name}@example.com", phone="+79121111111").contact_id == (
        by_email
    )


def test_search_by_external_id_alone(contacts: Contacts, name: str) -> None:
    """Seed 004, search contacts."""
    assert contacts.search(name) is None
    number = contacts.add_or_update(external_id=name).contact_id
    found = contacts.search(name)
    assert found is not None
    assert (found.contact_id, found.version) == (number, 1)


def test_priority_in_all_orders(contacts: Contacts, name: str) -> None:
    """Seed 004: contactId > externalCustomerId > locator for a prepared message."""
    by_number = contacts.add_or_update(email=f"{name}-1@example.com").contact_id
    by_id = contacts.add_or_update(external_id=name).contact_id
    by_email = contacts.add_or_update(email=f"{name}@example.com").contact_id
    whom = Whom(contact_id=by_number, external_id=name, email=f"{name}@example.com")
    expected = {
        "prepared-message": by_number,
        "external-id-first": by_id,
        "subscribe": by_id,
        "email-or-sms": by_id,
        "locator:email,contact-id": by_email,
    }
    for order, number in expected.items():
        assert contacts.resolve(order=order, **whom).contact_id == number, order
    assert len(contacts.resolve(explain=True, **whom).explanation) == 3
    with pytest.raises(ConflictError):
        contacts.resolve(strict=True, **whom)
    with pytest.raises(NotationError):
        contacts.resolve(order="best", **whom)


def test_changes_of_data(contacts: Contacts, name: str) -> None:
    def done(*changes: Any) -> Any:
        contacts.add_or_update(changes, external_id=name)
        return contacts.get(external_id=name).data

    assert done(put("a.b", {"c": [1, None, True]}), push("tags", "x")) == {
        "a": {"b": {"c": [1, None, True]}},
        "tags": ["x"],
    }
    assert done(unshift("tags", ["y"]), update("none", 1), insert("new", 2), delete("a")) == {
        "tags": ["y", "x"],
        "new": 2,
    }
    assert done(put("day", "2026-5-9", "dt:YD"))["day"] == "2026-05-09"
    exact = "18446744073709551617.10"
    contacts.add_or_update({"exact": RawJson(exact)}, external_id=name)
    (value,) = contacts.get("exact", external_id=name).member.values
    assert value.value == exact.encode()
    several = contacts.get("new", "none", "tags[*]", external_id=name).data
    assert several == {"new": 2, "none": None, "tags[*]": ["y", "x"]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        put("a", float("nan"))


def test_conditions_and_versions(contacts: Contacts, name: str) -> None:
    first = contacts.add_or_update({"n": 1}, external_id=name, fresh=True, source="192.0.2.7")
    assert first.fresh == b'{"n":1}'
    with pytest.raises(ConflictError):
        contacts.add_or_update(external_id=name, if_exists="error")
    with pytest.raises(NotFoundError):
        contacts.add_or_update(external_id=f"{name}-nobody", if_exists="must")
    with pytest.raises(ConflictError) as refused:
        contacts.add_or_update({"n": 2}, external_id=name, expected_version=7)
    assert refused.value.details == {"expected_version": "7", "version": "1"}
    with pytest.raises(InvalidError):
        contacts.add_or_update(email="broken")
    with pytest.raises(LimitError, match="at most 32"):
        contacts.get(locators=[f"tg:{number}" for number in range(33)])
    misspelled: dict[str, Any] = {"external_id": name, "requestid": "x"}
    for call in (contacts.add_or_update, contacts.get, contacts.resolve):
        with pytest.raises(TypeError, match="unknown: requestid"):
            call(**misspelled)
    same = contacts.add_or_update({"n": 1}, external_id=name)
    assert same.status == OUTCOME_STATUS_UNCHANGED


def test_many_steps_are_answered_in_their_order(contacts: Contacts, name: str) -> None:
    def steps() -> Iterator[tuple[Step, dict[str, int]]]:
        for number in range(2_500):
            wrong = number == 1_234
            yield Step(email="broken" if wrong else f"{name}-{number}@example.com"), {"n": number}

    outcomes = list(contacts.add_or_update_many(steps()))
    assert len(outcomes) == 2_500
    (refused,) = (one for one in outcomes if isinstance(one, ZmeyError))
    assert outcomes.index(refused) == 1_234
    assert refused.reason == "ERROR_REASON_EMAIL_NO_AT"
    assert contacts.get(email=f"{name}-2499@example.com").data == {"n": 2_499}


def test_heads_come_and_go(contacts: Contacts, name: str) -> None:
    first, second = f"email:{name}@example.com", f"csid:{name}"
    number = contacts.add_or_update(email=f"{name}@example.com").contact_id
    assert contacts.attach(second, Whom(contact_id=number)).head.id > 0
    assert contacts.get(contact_id=number).heads == [f"{name}@example.com", name]
    contacts.replace(second, f"{second}-new")
    assert contacts.get(contact_id=number).external_id == f"{name}-new"
    split = contacts.detach(f"{second}-new", split=True).split_contact_id
    assert contacts.get(contact_id=split).heads == [f"{name}-new"]
    with pytest.raises(ConflictError):
        contacts.detach(first)


def test_merges_are_made_listed_and_undone(contacts: Contacts, name: str) -> None:
    ann = contacts.add_or_update({"a": 1}, email=f"{name}@example.com").contact_id
    bob = contacts.add_or_update({"b": 2}, external_id=name).contact_id
    merged = contacts.merge(Whom(contact_id=ann), Whom(contact_id=bob))
    assert contacts.get(contact_id=bob).data == {"a": 1, "b": 2}
    assert [one.merge_id for one in contacts.merges(ann)] == [merged.merge_id]
    assert list(contacts.unmerge(merged.merge_id).conflicts) == []
    assert contacts.get(contact_id=bob).data == {"b": 2}


def test_deleted_and_restored(contacts: Contacts, name: str) -> None:
    number = contacts.add_or_update({"a": 1}, external_id=name).contact_id
    with pytest.raises(ConflictError):
        contacts.delete(number, expected_version=7)
    assert contacts.delete(number, request_id=f"{name}-delete")
    assert contacts.delete(number, request_id=f"{name}-delete")
    assert not contacts.delete(number)
    with pytest.raises(NotFoundError):
        contacts.get(contact_id=number)
    gone = contacts.get(contact_id=number, missing_too=True)
    assert (gone.missing, gone.data) == (True, {"a": 1})
    assert contacts.restore(number).contact_id == number
    with pytest.raises(NotFoundError):
        contacts.restore(number)


def test_erased_for_ever(contacts: Contacts, name: str) -> None:
    number = contacts.add_or_update({"a": 1}, external_id=name).contact_id
    erased = contacts.erase(number)
    assert list(erased.erased_contact_ids) == [number]
    with pytest.raises(NotFoundError):
        contacts.get(contact_id=number, missing_too=True)
    for _ in range(1_000):
        if contacts.erasure(erased.erasure_id).finished_seconds:
            break
        time.sleep(0.01)
    assert contacts.erasure(erased.erasure_id).counts.changes == 1
    with pytest.raises(NotFoundError):
        contacts.erase(number)
    assert contacts.add_or_update(external_id=name).contact_id > number


def test_decisions_and_events(contacts: Contacts, name: str) -> None:
    outcome = contacts.add_or_update({"a": 1}, email=f"{name}@example.com", request_id=name)
    by_request = contacts.explain(request_id=name)
    assert by_request.changes == contacts.explain(revision=outcome.revision).changes
    assert by_request.changes[0].contact_id == outcome.contact_id
    with pytest.raises(NotFoundError):
        contacts.explain(request_id=f"{name}-other")
    head = HeadKey(head_id=outcome.member.id)
    unknown = HeadKey(head_id=10**9)
    recorded = contacts.record(
        HeadEvent(head=one, unsubscribed=HeadStop()) for one in (head, unknown)
    )
    assert [(one.changed, one.HasField("fault")) for one in recorded] == [
        (True, False),
        (False, True),
    ]
    assert contacts.get("member.haslock", contact_id=outcome.contact_id).data == {
        "member.haslock": 1
    }


def test_a_write_outlasts_a_short_absence_and_has_one_effect(
    server: RunningServer, name: str
) -> None:
    with wire_to(server, cuts=1) as client:
        outcome = client.contacts().add_or_update([push("n", 1)], external_id=name)
        assert outcome.status == OUTCOME_STATUS_CREATED
        again = [
            client.contacts().add_or_update([push("n", 1)], external_id=name, request_id=name)
            for _ in range(2)
        ]
        assert [one.replayed for one in again] == [False, True]
        assert client.contacts().get(external_id=name).data == {"n": [1, 1]}


def test_nobody_answers(name: str) -> None:
    with Client("127.0.0.1:1") as client, pytest.raises(UnavailableError) as failure:
        client.contacts().get(external_id=name)
    assert failure.value.reason == ""
