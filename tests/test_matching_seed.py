"""Every sentence of seed 004 about who a set of keys means, and the rules of matching.

Members are made in the order of a row's first column and count from 1. What a question finds is
written as the explanation: "key:STATE" or "key:STATE=contact", in the order of trying.
"""

from dataclasses import dataclass, field
from typing import Any

import pytest

from reference.json_tree import parse
from support.core import (
    OTHER_SPACE,
    Api,
    attempt,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_api,
    warnings_of,
)
from support.requests import address, change, keys, order, sets
from zmey.config import FieldConfig
from zmey.v1 import address_pb2 as addresses
from zmey.v1 import error_reason_pb2 as errors
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service

ANN, BOB, EVE = "email=ann@example.com", "email=bob@example.com", "email=eve@example.com"
PHONE, PHONE_2 = "msisdn=+79121234567", "msisdn=+79161234567"
TOKEN, CHAT = "pushapp=token-1", "tg=42"
SLOTS = {
    matching.KEY_KIND_CONTACT_ID: "contact_id",
    matching.KEY_KIND_EXTERNAL_CUSTOMER_ID: "csid",
    matching.KEY_KIND_LOCATOR: "locator",
    matching.KEY_KIND_FIELD: "field",
    matching.KEY_KIND_HEAD_ID: "head_id",
    matching.KEY_KIND_DATASET_ID: "dataset_id",
}
STRANGERS = ("MATCH_KEYS_REQUIRED", "MEMBER_NEEDS_ADDRESS")


@dataclass(frozen=True)
class Row:
    """A question: the members there are, the keys, the order, what is found."""

    says: str
    members: tuple[tuple[str, ...], ...]
    ask: matching.MatchKeys
    order: str
    found: str


AB = (("csid=A", ANN), ("csid=B", BOB, PHONE))
ROWS = (
    # Add or update: the external id decides.
    Row("known external id", AB, keys(csid="B"), "", "csid:MATCHED=2"),
    Row("unknown external id", AB, keys(csid="Z"), "", "csid:NOT_FOUND"),
    Row("external id is case-sensitive", AB, keys(csid="a"), "", "csid:NOT_FOUND"),
    Row("external id is trimmed", AB, keys(csid=" A\u2003"), "", "csid:MATCHED=1"),
    Row("without external id: locators", AB, keys(ANN), "", "locator0:MATCHED=1"),
    Row("default order: external id above all", AB, keys(BOB, csid="A", contact_id=2), "",
        "csid:MATCHED=1 contact_id:CONFLICT=2 locator0:CONFLICT=2"),
    Row("default order: contact, dataset, head, locators", AB,
        keys(ANN, contact_id=2, dataset_id=1, head_id=1), "",
        "contact_id:MATCHED=2 dataset_id:CONFLICT=1 head_id:CONFLICT=1 locator0:CONFLICT=1"),
    Row("a named default is the default", AB, keys(BOB, csid="A"), "external_id_first",
        "csid:MATCHED=1 locator0:CONFLICT=2"),
    Row("keys that agree", AB, keys(PHONE, BOB, csid="B"), "",
        "csid:MATCHED=2 locator0:AGREES=2 locator1:AGREES=2"),
    Row("locators in the order given", AB, keys(PHONE, ANN), "",
        "locator0:MATCHED=2 locator1:CONFLICT=1"),
    Row("unknown keys are passed over", AB, keys(EVE, PHONE_2, ANN), "",
        "locator0:NOT_FOUND locator1:NOT_FOUND locator2:MATCHED=1"),
    Row("head id of an identifier", AB, keys(head_id=4), "", "head_id:MATCHED=2"),
    Row("unknown head id", AB, keys(head_id=99), "", "head_id:NOT_FOUND"),
    Row("dataset id", AB, keys(dataset_id=2), "", "dataset_id:MATCHED=2"),
    Row("unknown dataset id", AB, keys(dataset_id=3), "", "dataset_id:NOT_FOUND"),
    Row("unknown contact id", AB, keys(ANN, contact_id=3), "",
        "contact_id:NOT_FOUND locator0:MATCHED=1"),
    Row("nobody at all", (), keys(ANN, csid="A"), "", "csid:NOT_FOUND locator0:NOT_FOUND"),
    # Send prepared message: contactId > externalCustomerId > locator.
    Row("prepared: contact id first", AB, keys(ANN, contact_id=2, csid="A"), "prepared_message",
        "contact_id:MATCHED=2 csid:CONFLICT=1 locator0:CONFLICT=1"),
    Row("prepared: then external id", AB, keys(BOB, contact_id=9, csid="A"), "prepared_message",
        "contact_id:NOT_FOUND csid:MATCHED=1 locator0:CONFLICT=2"),
    Row("prepared: then locator", (("csid=A", ANN), (BOB,)), keys(BOB, contact_id=9, csid="Z"),
        "prepared_message", "contact_id:NOT_FOUND csid:NOT_FOUND locator0:MATCHED=2"),
    Row("prepared: numbers of heads are not in it", AB, keys(BOB, head_id=1), "prepared_message",
        "locator0:MATCHED=2 head_id:NOT_IN_ORDER"),
    # Subscribe: external id > e-mail > phone.
    Row("subscribe: external id first", AB, keys(PHONE, BOB, csid="A"), "subscribe",
        "csid:MATCHED=1 locator1:CONFLICT=2 locator0:CONFLICT=2"),
    Row("subscribe: then e-mail", ((ANN,), (PHONE,)), keys(PHONE, ANN, csid="Z"), "subscribe",
        "csid:NOT_FOUND locator1:MATCHED=1 locator0:CONFLICT=2"),
    Row("subscribe: then phone", ((ANN,), (PHONE,)), keys(PHONE, EVE, csid="Z"), "subscribe",
        "csid:NOT_FOUND locator1:NOT_FOUND locator0:MATCHED=2"),
    Row("subscribe: no other locators, no contact id", ((ANN, CHAT),), keys(CHAT, contact_id=1),
        "subscribe", "locator0:NOT_IN_ORDER contact_id:NOT_IN_ORDER"),
    # Add/update contacts, email_or_sms: external id > phone > e-mail.
    Row("email or sms: external id first", AB, keys(PHONE, BOB, csid="A"), "email_or_sms",
        "csid:MATCHED=1 locator0:CONFLICT=2 locator1:CONFLICT=2"),
    Row("email or sms: then phone", ((ANN,), (PHONE,)), keys(ANN, PHONE, csid="Z"), "email_or_sms",
        "csid:NOT_FOUND locator1:MATCHED=2 locator0:CONFLICT=1"),
    Row("email or sms: then e-mail", ((ANN,), (PHONE,)), keys(PHONE_2, ANN), "email_or_sms",
        "locator0:NOT_FOUND locator1:MATCHED=1"),
    Row("email or sms: no other locators, no contact id", ((ANN, CHAT),), keys(CHAT, contact_id=1),
        "email_or_sms", "locator0:NOT_IN_ORDER contact_id:NOT_IN_ORDER"),
    # Search: by the external id alone; import: by any field.
    Row("explicit: external id alone", AB, keys(BOB, csid="A"), "csid",
        "csid:MATCHED=1 locator0:NOT_IN_ORDER"),
    Row("explicit: e-mail alone", AB, keys(PHONE, ANN, csid="B"), "locator:email",
        "locator1:MATCHED=1 locator0:NOT_IN_ORDER csid:NOT_IN_ORDER"),
    Row("explicit: a type before the rest", AB, keys(ANN, PHONE), "locator:msisdn>locator:",
        "locator1:MATCHED=2 locator0:CONFLICT=1"),
    # The bulk rule: somebody with another external id is not the one.
    Row("bulk: e-mail of one with another id", AB, keys(ANN, csid="Z"), "",
        "csid:NOT_FOUND locator0:MATCHED=1"),
    Row("bulk: e-mail of one without an id", ((ANN,),), keys(ANN, csid="Z"), "",
        "csid:NOT_FOUND locator0:MATCHED=1"),
    Row("bulk: the next locator is tried", (("csid=A", ANN), (BOB,)), keys(ANN, BOB, csid="Z"), "",
        "csid:NOT_FOUND locator0:MATCHED=1 locator1:CONFLICT=2"),
)  # fmt: skip


def create(api: Api, *heads: str) -> int:
    """Makes one member; its addresses are numbered in the order given."""
    csids = [head.removeprefix("csid=") for head in heads if head.startswith("csid=")]
    locators = [head for head in heads if not head.startswith("csid=")]
    who = keys(*locators, csid=csids[0] if csids else None)
    outcome = api.set_member(change(who))
    assert outcome.newbie
    return outcome.contact_id


def slot(report: matching.KeyReport) -> str:
    kind = SLOTS[report.kind]
    return f"{kind}{report.index}" if kind in {"locator", "field"} else kind


def state(report: matching.KeyReport) -> str:
    name = matching.KeyState.Name(report.state).removeprefix("KEY_STATE_")
    shown = f"{slot(report)}:{name}"
    return f"{shown}={report.contact_id}" if report.contact_id and name != "NOT_IN_ORDER" else shown


def states(reports: Any) -> list[str]:
    return [state(report) for report in reports]


def check_found(resolution: matching.Resolution, found: str) -> None:
    expected = found.split()
    tried = [one for one in expected if not one.endswith("NOT_IN_ORDER")]
    explained = states(resolution.explanation)
    assert [one for one in explained if not one.endswith("NOT_IN_ORDER")] == tried
    matched = [one for one in tried if ":MATCHED=" in one]
    assert states([resolution.matched] if resolution.HasField("matched") else []) == matched
    assert resolution.contact_id == (int(matched[0].split("=")[1]) if matched else 0)
    assert sorted(states(resolution.conflicts)) == sorted(
        one for one in tried if ":CONFLICT=" in one
    )
    used = (":MATCHED", ":AGREES", ":CONFLICT")
    unresolved = [one for one in expected if not any(name in one for name in used)]
    assert sorted(states(resolution.unresolved)) == sorted(unresolved)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.says)
def test_resolve(api: Api, row: Row) -> None:
    for number, heads in enumerate(row.members, 1):
        assert create(api, *heads) == number
    check_found(api.resolve(row.ask, order(row.order), explain=True), row.found)
    unexplained = api.resolve(row.ask, order(row.order))
    assert not unexplained.explanation
    (batched,) = api.resolve_batch([row.ask], order(row.order)).results
    assert batched.resolution == unexplained


def test_reports_show_the_canonical_address_and_its_number(api: Api) -> None:
    create(api, "csid=A", ANN)
    (csid, known, unknown) = api.resolve(
        keys("email= Ann@EXAMPLE.com", EVE, csid=" A "), explain=True
    ).explanation
    assert (csid.address.value, csid.head_id) == ("A", 1)
    assert (known.address.value, known.head_id) == ("ann@example.com", 2)
    assert (unknown.address.value, unknown.head_id) == ("eve@example.com", 0)


STRICT = (
    ("no conflict", keys(ANN, csid="A"), "", None),
    ("a conflict", keys(BOB, csid="A"), "", "MATCH_CONFLICT"),
    ("an unknown higher key", keys(ANN, contact_id=9), "", "MATCH_KEY_UNKNOWN"),
    ("an unknown lower key", keys(EVE, csid="A"), "", None),
    ("nobody found", keys(EVE, csid="Z"), "", None),
    ("a key outside the order", keys(BOB, csid="A"), "csid", None),
)


@pytest.mark.parametrize(("says", "ask", "named", "reason"), STRICT, ids=[row[0] for row in STRICT])
def test_strict(
    api: Api, says: str, ask: matching.MatchKeys, named: str, reason: str | None
) -> None:
    assert says
    create(api, "csid=A", ANN)
    create(api, "csid=B", BOB)
    policy = order(named, strict=True)
    answer = attempt(lambda: api.resolve(ask, policy))
    (batched,) = api.resolve_batch([ask], policy).results
    if reason is None:
        assert isinstance(answer, matching.Resolution), answer
        assert batched.resolution == answer
        return
    check_fault(answer, reason)
    check_fault(fault_in_answer(batched.fault), reason)
    with expect_fault(reason):
        api.get_member(ask, policy=policy)
    with expect_fault(reason):
        api.set_member(change(ask, sets(x="1"), policy=policy))


def test_strict_names_the_members_and_the_key(api: Api) -> None:
    create(api, "csid=A", ANN)
    create(api, "csid=B", BOB)
    with expect_fault("MATCH_CONFLICT", contact_id="1", conflicting_contact_id="2"):
        api.resolve(keys(BOB, csid="A"), order(strict=True))
    with expect_fault("MATCH_KEY_UNKNOWN", key="contact_id"):
        api.resolve(keys(ANN, contact_id=9), order(strict=True))


@dataclass(frozen=True)
class Write:
    """A write: members, keys, order; status, contact, heads of that member after, warnings."""

    says: str
    members: tuple[tuple[str, ...], ...]
    ask: matching.MatchKeys
    order: str
    status: str
    contact_id: int
    heads: tuple[str, ...]
    warnings: tuple[tuple[str, dict[str, str]], ...] = field(default=())


def _stayed(index: int, kind: str, owner: int) -> tuple[str, dict[str, str]]:
    details = {"index": str(index), "type": kind, "owner_contact_id": str(owner)}
    return "LOCATOR_STAYED", {"key": "locator"} | details


WRITES = (
    Write("found by external id: updated", AB, keys(EVE, csid="A"), "", "UPDATED", 1,
          ("csid=A", ANN, EVE)),
    Write("not found: created", AB, keys(EVE, csid="Z"), "", "CREATED", 3, ("csid=Z", EVE)),
    Write("example 1: a token alone", (), keys(TOKEN), "", "CREATED", 1, (TOKEN,)),
    Write("example 1: the token finds the contact", ((TOKEN,),), keys(ANN, TOKEN, csid="A"), "",
          "UPDATED", 1, (TOKEN, "csid=A", ANN)),
    Write("example 2: all identifiers are kept", (), keys(ANN, PHONE, csid="A"), "", "CREATED", 1,
          ("csid=A", ANN, PHONE)),
    Write("the same again: unchanged", AB, keys(ANN, csid="A"), "", "UNCHANGED", 1,
          ("csid=A", ANN)),
    Write("update: an id of nobody is given", ((ANN,), (BOB,)), keys(contact_id=2, csid="Z"), "",
          "UPDATED", 2, (BOB, "csid=Z")),
    Write("update: a second id is given with a warning", AB, keys(contact_id=1, csid="Z"), "",
          "UPDATED", 1, ("csid=A", ANN, "csid=Z"), (("CSID_SECOND", {"contact_id": "1"}),)),
    Write("update: without id as ever", ((ANN,),), keys(EVE, contact_id=1), "", "UPDATED", 1,
          (ANN, EVE)),
    Write("bulk: the known e-mail receives the id", ((ANN,),), keys(ANN, csid="Z"), "", "UPDATED",
          1, (ANN, "csid=Z")),
    Write("bulk: a new contact, the e-mail stays", AB, keys(ANN, csid="Z"), "", "CREATED", 3,
          ("csid=Z",), (_stayed(0, "email", 1),)),
    Write("a locator of another stays", AB, keys(BOB, EVE, csid="A"), "", "UPDATED", 1,
          ("csid=A", ANN, EVE), (_stayed(0, "email", 2),)),
    Write("import by e-mail adds the external id", ((ANN,),), keys(ANN, csid="A"), "locator:email",
          "UPDATED", 1, (ANN, "csid=A")),
    Write("subscribe: phone found, e-mail added", ((PHONE,),), keys(PHONE, ANN), "subscribe",
          "UPDATED", 1, (PHONE, ANN)),
    Write("an address twice is one head", (), keys(ANN, "email=ANN@example.com"), "", "CREATED", 1,
          (ANN,)),
)  # fmt: skip


def heads_of(api: Api, contact_id: int) -> list[str]:
    """Returns the heads of a member as "type=value", by number."""
    heads = api.get_member(keys(contact_id=contact_id), with_heads=True).member.heads
    ordered = sorted(heads, key=lambda head: head.id)
    kinds = [addresses.AddressType.Name(head.address.type) for head in ordered]
    return [
        f"{kind.removeprefix('ADDRESS_TYPE_').lower()}={head.address.value}"
        for kind, head in zip(kinds, ordered, strict=True)
    ]


@pytest.mark.parametrize("row", WRITES, ids=lambda row: row.says)
def test_write(api: Api, row: Write) -> None:
    for heads in row.members:
        create(api, *heads)
    outcome = api.set_member(change(row.ask, policy=order(row.order)))
    status = member.OutcomeStatus.Name(outcome.status).removeprefix("OUTCOME_STATUS_")
    assert (status, outcome.contact_id) == (row.status, row.contact_id)
    assert heads_of(api, row.contact_id) == list(row.heads)
    assert [(one.reason, one.details) for one in warnings_of(outcome)] == list(row.warnings)


@pytest.mark.parametrize("named", ["", "prepared_message"])
def test_update_with_the_external_id_of_another_contact(api: Api, named: str) -> None:
    create(api, "csid=A", ANN)
    create(api, "csid=B", BOB)
    with expect_fault("EXTERNAL_ID_TAKEN", contact_id="1", owner_contact_id="2"):
        api.set_member(change(keys(contact_id=1, csid="B"), policy=order(named)))
    assert heads_of(api, 1) == ["csid=A", ANN]


def test_get_contact_returns_the_external_id(api: Api) -> None:
    create(api, "csid=A", ANN)
    assert "csid=A" in heads_of(api, api.get_member(keys(ANN)).member.contact_id)


@pytest.mark.parametrize("ask", [matching.MatchKeys(), keys(resource_id=5)])
def test_a_question_needs_a_key(api: Api, ask: matching.MatchKeys) -> None:
    with expect_fault("MATCH_KEYS_REQUIRED"):
        api.resolve(ask)
    with expect_fault("MATCH_KEYS_REQUIRED"):
        api.get_member(ask)
    with expect_fault("MATCH_KEYS_REQUIRED"):
        api.set_member(change(ask))
    (result,) = api.resolve_batch([ask]).results
    check_fault(fault_in_answer(result.fault), "MATCH_KEYS_REQUIRED")


def test_conflicting_orders_are_refused(api: Api) -> None:
    policy = order("csid")
    policy.order = matching.NAMED_ORDER_SUBSCRIBE
    with expect_fault("OPTIONS_CONFLICT"):
        api.resolve(keys(ANN), policy)
    unspecified = matching.MatchPolicy(explicit_order=[matching.OrderedKey()])
    with expect_fault("FIELD_INVALID", "FIELD_REQUIRED"):
        api.resolve(keys(ANN), unspecified)


def test_invalid_and_blocked_keys_are_reported(api: Api) -> None:
    create(api, "csid=A", ANN)
    blocking = open_api(blocked={"email": ("test@test.com",), "csid": ("null",)})
    create(blocking, "csid=A", ANN)
    resolution = blocking.resolve(
        keys("email=Test@TEST.com", "email=a@b@example.com", ANN, csid="null"), explain=True
    )
    csid, email, broken, ann = resolution.explanation
    assert states([csid, email, broken, ann]) == [
        "csid:BLOCKED", "locator0:BLOCKED", "locator1:INVALID", "locator2:MATCHED=1",
    ]  # fmt: skip
    assert email.reason == errors.ERROR_REASON_ADDRESS_BLOCKED
    assert broken.reason == errors.ERROR_REASON_EMAIL_MANY_AT
    assert broken.message
    assert len(resolution.unresolved) == 3


def test_blocked_values_never_attach() -> None:
    api = open_api(blocked={"email": ("test@test.com",), "msisdn": ("+79121234567",)})
    outcome = api.set_member(change(keys(ANN, "email=TEST@test.com", "=8 912 123-45-67")))
    assert outcome.newbie
    assert heads_of(api, 1) == [ANN]
    assert sorted(states(outcome.resolution.unresolved)) == [
        "locator0:NOT_FOUND", "locator1:BLOCKED", "locator2:BLOCKED",
    ]  # fmt: skip
    with expect_fault("ADDRESS_BLOCKED", *STRANGERS):
        api.set_member(change(keys("email=test@test.com"), sets(x="1")))
    (result,) = api.normalize([address("email=Test@Test.com")]).results
    check_fault(fault_in_answer(result.fault), "ADDRESS_BLOCKED", type="email")


FIELDS = (
    FieldConfig(path="crm.id", kind="int", unique=False),
    FieldConfig(path="nick", kind="string", unique=False),
    FieldConfig(path="tags", kind="tags", unique=False),
    FieldConfig(path="card", kind="string", unique=True),
)
FIELD_BODIES = (
    {"crm": '{"id":123}', "nick": '"Ann"', "tags": '["tag-1","tag-2"]', "card": '"c-1"'},
    {"crm": '{"id":"124"}', "nick": '"bob"', "tags": '["tag-1","tag-3"]'},
    {"crm": '{"id":125}', "nick": '"bob"', "tags": '["Tag-2"]', "card": '"c-3"'},
)
FIELD_ROWS = (
    # (path, value, the one member or the reason)
    ("crm.id", "123", 1),
    ("crm.id", "124", 2),
    ("crm.id", "999", 0),
    ("nick", "Ann", 1),
    ("nick", "ann", 0),
    ("nick", "bob", "MATCH_AMBIGUOUS"),
    ("tags", "tag-2", 1),
    ("tags", "tag-3, tag-1", 2),
    ("tags", " tag-1 ,tag-2 ", 1),
    ("tags", "Tag-2", 3),
    ("tags", "tag-2, tag-3", 0),
    ("tags", "tag-1", "MATCH_AMBIGUOUS"),
    ("card", "c-1", 1),
    ("phone", "1", "FIELD_NOT_DECLARED"),
)


@pytest.fixture(scope="module")
def fielded() -> Api:
    api = open_api(*FIELDS)
    for number, body in enumerate(FIELD_BODIES, 1):
        who = keys(f"csid=person-{number}")
        assert api.set_member(change(who, sets(**body))).contact_id == number
    return api


@pytest.mark.parametrize(("path", "value", "expected"), FIELD_ROWS)
def test_custom_fields(fielded: Api, path: str, value: str, expected: int | str) -> None:
    ask = keys(fields=[(path, value)])
    if isinstance(expected, str):
        with expect_fault(expected, field=path):
            fielded.resolve(ask)
        return
    found = f"field0:MATCHED={expected}" if expected else "field0:NOT_FOUND"
    check_found(fielded.resolve(ask, explain=True), found)


def test_custom_fields_follow_the_data() -> None:
    api = open_api(*FIELDS)
    api.set_member(change(keys(ANN), sets(nick='"first"')))
    api.set_member(change(keys(ANN), sets(nick='"second"')))
    assert api.resolve(keys(fields=[("nick", "first")])).contact_id == 0
    assert api.resolve(keys(fields=[("nick", "second")])).contact_id == 1


def test_a_value_of_a_unique_field_has_one_member() -> None:
    api = open_api(*FIELDS)
    api.set_member(change(keys(ANN), sets(card='"c-1"')))
    with expect_fault("FIELD_VALUE_TAKEN", field="card", contact_id="1"):
        api.set_member(change(keys(BOB), sets(card='"c-1"')))
    assert api.resolve(keys(BOB)).contact_id == 0
    assert api.set_member(change(keys(ANN), sets(card='"c-2"'))).contact_id == 1
    assert api.set_member(change(keys(BOB), sets(card='"c-1"'))).newbie


def test_resource_narrows_emails_and_phones(api: Api) -> None:
    api.set_member(change(keys(ANN, csid="A", resource_id=7)))
    assert api.resolve(keys(ANN)).contact_id == 1
    assert api.resolve(keys(ANN, resource_id=7)).contact_id == 1
    assert api.resolve(keys(ANN, resource_id=8)).contact_id == 0
    assert api.resolve(keys(csid="A", resource_id=8)).contact_id == 1


def test_find_members_of_every_type(api: Api) -> None:
    create(api, "csid=test@test.RU")
    create(api, "email=test@test.ru")
    create(api, "csid=test@test.ru")
    found = api.find_members("test@test.RU").found
    assert [(one.head.address.type, one.head.address.value, one.contact_id) for one in found] == [
        (addresses.ADDRESS_TYPE_EMAIL, "test@test.ru", 2),
        (addresses.ADDRESS_TYPE_CSID, "test@test.RU", 1),
    ]
    assert [one.head.id for one in found] == [2, 1]
    assert not api.find_members("nobody@test.ru").found


def test_members_exist(api: Api) -> None:
    create(api, ANN, PHONE)
    asked = [
        address(text) for text in ("=Ann@example.com", "=8 912 1234567", BOB, "email=a@b@c.ru")
    ]
    answer = api.members_exist(asked)
    assert list(answer.existences) == [
        member_service.EXISTENCE_EXISTS,
        member_service.EXISTENCE_EXISTS,
        member_service.EXISTENCE_ABSENT,
        member_service.EXISTENCE_INVALID,
    ]
    (warning,) = warnings_of(answer)
    check_fault(warning, "EMAIL_MANY_AT", index="3")


NORMAL = (
    # (address, canonical form or reason)
    ("= Проверка@Тест.РФ ", "email=проверка@тест.рф"),
    ("=企业@企业.企业", "email=企业@企业.企业"),
    ("email=x@xn--e1afmkfd.xn--p1ai", "email=x@пример.рф"),
    ("=8 (912) 123-45-67", "msisdn=+79121234567"),
    ("viber=8 912 1234567", "viber=+79121234567"),
    ("csid=\u00a0 aB \u2003", "csid=aB"),
    ("tg=-100", "tg=-100"),
    ("vk= 12 ", "vk=12"),
    ("=hello", "ADDRESS_TYPE_REQUIRED"),
    ("vk=-12", "ADDRESS_NOT_DIGITS"),
    ("csid=\u2003 ", "ADDRESS_EMPTY"),
    ("email=a.example.com", "EMAIL_NO_AT"),
    ("email=a@b@example.com", "EMAIL_MANY_AT"),
    ("email=a@example.local", "EMAIL_TLD_UNKNOWN"),
)


def test_normalize(api: Api) -> None:
    results = api.normalize([address(text) for text, _ in NORMAL]).results
    for (text, expected), result in zip(NORMAL, results, strict=True):
        if "=" in expected:
            wanted = address(expected)
            assert (result.address.type, result.address.value) == (wanted.type, wanted.value), text
        else:
            check_fault(fault_in_answer(result.fault), expected)


def test_numbers_of_addresses(api: Api) -> None:
    """Numbers follow external id, locators, heads; a refused write uses none."""
    with expect_fault("DATAKEY_PATH_INVALID"):
        api.set_member(change(keys(ANN), sets(**{"a.": "1"})))
    outcome = api.set_member(change(keys(PHONE, ANN, csid="A"), heads=(CHAT, EVE)))
    heads = api.get_member(keys(ANN), with_heads=True).member.heads
    assert {head.address.value: head.id for head in heads} == {
        "A": 1, "+79121234567": 2, "ann@example.com": 3, "42": 4, "eve@example.com": 5,
    }  # fmt: skip
    assert outcome.contact_id == 1
    create(api, BOB)
    assert api.resolve(keys(head_id=6)).contact_id == 2
    assert [one.head.id for one in api.find_members("ANN@example.com").found] == [3]


def test_spaces_are_islands(api: Api) -> None:
    other = Api(api.core, OTHER_SPACE)
    create(api, BOB)
    create(api, ANN)
    assert other.resolve(keys(ANN, contact_id=1, head_id=1)).contact_id == 0
    assert create(other, ANN) == 1
    assert other.resolve(keys(ANN)).contact_id == 1
    assert api.resolve(keys(ANN)).contact_id == 2
    assert [one.head.id for one in other.find_members("ann@example.com").found] == [1]


def test_get_dataset(api: Api) -> None:
    api.set_member(change(keys(ANN, PHONE), sets(a="1", b="[2]")))
    answer = api.get_dataset(1)
    (everything,) = answer.member.values
    assert everything.path == "*"
    assert parse(everything.value) == parse('{"a":1,"b":[2]}')
    assert [head.address.value for head in answer.member.heads] == [
        "ann@example.com",
        "+79121234567",
    ]
    records = [parse(record) for record in answer.head_records]
    kinds = [record["addr_type"] for record in records if isinstance(record, dict)]
    assert kinds == ["email", "msisdn"]
    (one,) = api.get_dataset(1, "b[0]").member.values
    assert one.value == b"2"
    for path in ("member.id", "-group"):
        with expect_fault("DATAKEY_RESERVED"):
            api.get_dataset(1, path)
    with expect_fault("MEMBER_MISSING"):
        api.get_dataset(9)
