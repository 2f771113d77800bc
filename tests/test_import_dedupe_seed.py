"""Seed 004, add/update contacts: an import finds contacts by any field, and what follows from it.

Ann is contact 1 with an e-mail, Bob contact 2 with a phone, a token, an external id and a card.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from support.core import Api, check_fault, fault_in_answer, open_api
from support.documents import document
from support.imports import attach_column, column, datakey_column, email_column, run_import
from support.people import heads_of, people
from support.requests import change, keys, member_key, order, sets
from zmey.config import FieldConfig
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member

ANN, EVE, PHONE = "email=ann@example.com", "email=eve@example.com", "msisdn=+79121234567"
BOB = ["msisdn=+79121234567", "csid=B", "push=token"]
CONTACT_ID = rows_pb2.ImportColumn(contact_id=rows_pb2.ContactIdColumn())
CARD = rows_pb2.ImportColumn(field=rows_pb2.FieldColumn(path="card"))
CREATED, UPDATED = member.OUTCOME_STATUS_CREATED, member.OUTCOME_STATUS_UPDATED
RESTORED = member.OUTCOME_STATUS_RESTORED


@pytest.fixture
def filled() -> Api:
    """Ann and Bob in a space that declares cards."""
    api = open_api(FieldConfig(path="card", kind="string", unique=True))
    api.set_member(change(keys(ANN)))
    api.set_member(change(keys(PHONE), sets(card='"c"'), heads=["csid=B", "push=token"]))
    return api


def row_of(
    api: Api,
    columns: Sequence[rows_pb2.ImportColumn],
    cells: Sequence[str],
    policy: matching.MatchPolicy,
    **options: Any,
) -> imports.ImportReceipt:
    """Imports one row whose last cell goes to the datakey `x`."""
    columns, cells = [*columns, datakey_column("x")], [*cells, "1"]
    (receipt,) = run_import(api, columns, [[cells]], policy=policy, **options)
    assert not receipt.rejects
    return receipt


DEDUPES: tuple[tuple[str, str, list[rows_pb2.ImportColumn], list[str], int], ...] = (
    # (dedupeOn, the order that does it, columns, cells, who is found)
    ("email", "locator:email", [column("msisdn"), email_column()],
     ["+79121234567", "ann@example.com"], 1),
    ("sms", "locator:msisdn", [email_column(), column("msisdn")],
     ["ann@example.com", "8 912 123-45-67"], 2),
    ("push", "locator:push", [email_column(), column("push")], ["ann@example.com", "token"], 2),
    ("contactId", "contact_id", [email_column(), CONTACT_ID], ["ann@example.com", "2"], 2),
    ("externalCustomerId", "csid", [email_column(), column("csid")], ["ann@example.com", "B"], 2),
    ("a custom field", "field:card", [email_column(), CARD], ["ann@example.com", "c"], 2),
    ("email_or_sms: phones first", "email_or_sms", [email_column(), column("msisdn")],
     ["ann@example.com", "+79121234567"], 2),
    ("email_or_sms: then e-mails", "email_or_sms", [email_column(), column("msisdn")],
     ["ann@example.com", "+79161234567"], 1),
    ("email_or_sms: no phone", "email_or_sms", [email_column(), column("msisdn")],
     ["ann@example.com", ""], 1),
    ("email_or_sms: an external id before both", "email_or_sms", [email_column(), column("csid")],
     ["ann@example.com", "B"], 2),
)  # fmt: skip


@pytest.mark.parametrize(("_dedupe", "name", "columns", "cells", "found"), DEDUPES)
def test_any_field_says_who_is_meant(
    filled: Api,
    _dedupe: str,
    name: str,
    columns: list[rows_pb2.ImportColumn],
    cells: list[str],
    found: int,
) -> None:
    receipt = row_of(filled, columns, cells, order(name))
    assert (list(receipt.contact_ids), list(receipt.statuses)) == ([found], [UPDATED])
    expected = {1: "{}", 2: '{"card":"c"}'} | {
        found: '{"x":"1"}' if found == 1 else '{"card":"c","x":"1"}'
    }
    assert {1: document(filled, "ann@example.com"), 2: document(filled, keys(PHONE))} == expected


@pytest.mark.parametrize(("_dedupe", "name", "columns", "cells", "_found"), DEDUPES)
def test_an_unknown_value_makes_a_contact(
    filled: Api,
    _dedupe: str,
    name: str,
    columns: list[rows_pb2.ImportColumn],
    cells: list[str],
    _found: int,
) -> None:
    """Whoever the other keys are of is not the one."""
    unknown = {"ann@example.com": "eve@example.com", "c": "d", "2": "9", "B": "E", "token": "other"}
    asked = [unknown.get(cell, "+79161234567" if cell else "") for cell in cells]
    receipt = row_of(filled, columns, asked, order(name))
    assert (list(receipt.contact_ids), list(receipt.statuses)) == ([3], [CREATED])
    assert people(filled, 1, 2) == {1: [ANN], 2: BOB}


def test_who_is_made_by_a_field_is_found_by_it_again(filled: Api) -> None:
    """Otherwise the same file would make everybody once more, or be refused."""
    for status in (CREATED, member.OUTCOME_STATUS_UNCHANGED):
        receipt = row_of(filled, [CARD, email_column()], ["d", "eve@example.com"],
                         order("field:card"))  # fmt: skip
        assert (list(receipt.contact_ids), list(receipt.statuses)) == ([3], [status])
    assert document(filled, "eve@example.com") == '{"x":"1","card":"d"}'


FIELDS: tuple[tuple[str, str, str, str | None, str], ...] = (
    # (what it says, order, the cell of the card, another cell for it, the data of Ann)
    ("one who has none gets it", "locator:email", "d", None, '{"x":"1","card":"d"}'),
    ("a column of data goes before it", "locator:email", "d", "e", '{"card":"e","x":"1"}'),
    ("one of somebody else stays there", "locator:email", "c", None, '{"x":"1"}'),
    ("an empty cell is none", "locator:email", "", None, '{"x":"1"}'),
)


@pytest.mark.parametrize(("_says", "name", "card", "data", "expected"), FIELDS)
def test_values_of_fields_come_to_who_is_found(
    filled: Api, _says: str, name: str, card: str, data: str | None, expected: str
) -> None:
    """As external ids do; nobody loses one."""
    columns, cells = [email_column(), CARD], ["ann@example.com", card]
    if data is not None:
        columns, cells = [*columns, datakey_column("card")], [*cells, data]
    receipt = row_of(filled, columns, cells, order(name))
    assert (list(receipt.contact_ids), list(receipt.statuses)) == ([1], [UPDATED])
    assert document(filled, "ann@example.com") == expected
    assert document(filled, keys(PHONE)) == '{"card":"c"}'


def test_a_field_is_written_as_its_kind_wants_it() -> None:
    number = FieldConfig(path="crm.id", kind="int", unique=True)
    api = open_api(number, FieldConfig(path="tags", kind="tags", unique=False))
    for path, cell, expected in (
        ("crm.id", " 007", '{"x":"1","crm":{"id":7}}'),
        ("tags", "b, a", '{"x":"1","tags":"b, a"}'),
    ):
        field = rows_pb2.ImportColumn(field=rows_pb2.FieldColumn(path=path))
        who = f"{path}@example.com"
        row_of(api, [field, email_column()], [cell, who], order(f"field:{path}"))
        assert document(api, who) == expected


EXTERNAL_IDS: tuple[tuple[str, str, str, str, dict[int, list[str]], str | None], ...] = (
    # (what it says, order, e-mail, external id, the heads of all afterwards, the warning)
    ("one who has none receives it", "locator:email", "ann", "A", {1: [ANN, "csid=A"], 2: BOB},
     None),
    ("one who has another has both, and it is told", "locator:email", "eve", "E-2",
     {1: [ANN], 2: BOB, 3: [EVE, "csid=E", "csid=E-2"]}, "CSID_SECOND"),
    ("one of another stays there", "locator:email", "ann", "B", {1: [ANN], 2: BOB},
     "LOCATOR_STAYED"),
    ("the same in an order that names it, behind the e-mail", "locator:email>csid", "ann", "A",
     {1: [ANN, "csid=A"], 2: BOB}, None),
    ("before the e-mail, another one is of somebody else", "csid>locator:email", "eve", "E-2",
     {1: [ANN], 2: BOB, 3: [EVE, "csid=E"], 4: ["csid=E-2"]}, "LOCATOR_STAYED"),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "name", "email", "csid", "expected", "warning"), EXTERNAL_IDS)
def test_external_ids_are_added_to_who_is_found_by_email(
    filled: Api,
    _says: str,
    name: str,
    email: str,
    csid: str,
    expected: dict[int, list[str]],
    warning: str | None,
) -> None:
    """Contacts may be unique by e-mail, while their external ids are added."""
    if email == "eve":
        filled.set_member(change(keys(EVE), heads=["csid=E"]))
    columns = [email_column(), column("csid")]
    receipt = row_of(filled, columns, [f"{email}@example.com", csid], order(name))
    assert people(filled, *range(1, 5)) == expected
    seen = [fault_in_answer(one.warning) for one in receipt.warnings]
    assert [one.reason for one in seen] == ([warning] if warning else [])


REPLACES = rows_pb2.HeadAttachRules(
    head_rule=member.HeadRule(
        newbie=member.NEWBIE_MODE_REPLACE_SAME_TYPE,
        single=member.OWNED_MODE_NONE,
        multi=member.OWNED_MODE_NONE,
    )
)


def test_external_ids_are_updated_by_a_rule_of_heads(filled: Api) -> None:
    """Or updated: the new one takes the place of the one before."""
    columns = [email_column(), attach_column("csid")]
    for csid, expected in (("A", "A"), ("A-2", "A-2"), ("", "A-2"), ("A-2", "A-2"), ("B", "A-2")):
        cells = ["ann@example.com", csid]
        receipt = row_of(filled, columns, cells, order("locator:email"), head_attach=REPLACES)
        assert people(filled, 1, 2) == {1: [ANN, f"csid={expected}"], 2: BOB}
    check_fault(fault_in_answer(receipt.warnings[0].warning), "HEAD_STAYED")


def restoring(name: str, rule: str) -> matching.MatchPolicy:
    built = order(name)
    built.MergeFrom(matching.MatchPolicy(on_deleted=f"ON_DELETED_{rule}"))
    return built


@pytest.mark.parametrize(
    ("policy", "expected", "status"),
    [
        (restoring("csid", "RESTORE"), 2, RESTORED),
        (restoring("email_or_sms", "RESTORE"), 2, RESTORED),
        (restoring("csid", "LEAVE"), 3, CREATED),
        (order("csid"), 3, CREATED),
        (order(), 2, RESTORED),
    ],
)
def test_restore_deleted(
    filled: Api, policy: matching.MatchPolicy, expected: int, status: int
) -> None:
    """The switch restoreDeleted: on_deleted of the policy."""
    filled.delete_members(member_key("contact=2"))
    receipt = row_of(filled, [column("csid")], ["B"], policy)
    assert (list(receipt.contact_ids), list(receipt.statuses)) == ([expected], [status])


@pytest.mark.parametrize(
    ("condition", "expected", "status"),
    [
        ("UNSPECIFIED", '{"card":"c","x":"1"}', RESTORED),
        ("MUST", '{"card":"c","x":"1"}', RESTORED),
        ("IGNORE", '{"card":"c","x":"1"}', RESTORED),
        ("ERROR", '{"x":"1"}', CREATED),
    ],
)
def test_who_is_restored_is_changed_under_every_condition(
    filled: Api, condition: str, expected: str, status: int
) -> None:
    """Before the row, nobody was there: there is nothing to leave as it is."""
    filled.delete_members(member_key("contact=2"))
    rule = f"IF_EXISTS_{condition}"
    groups = rows_pb2.GroupOrders(add=["back"])
    receipt = row_of(filled, [column("csid")], ["B"], order(), if_exists=rule, groups=groups)
    assert list(receipt.statuses) == [status]
    assert document(filled, keys(csid="B")) == expected
    joined = [state for state in filled.list_heads(keys(csid="B")).heads if "back" in state.groups]
    assert [state.head.address.value for state in joined] == ["B"]


def test_segments_are_joined_and_left(filled: Api) -> None:
    """The lists groupNames and groupNamesExclude, whether the row changes anything or not."""
    for orders, expected in (
        (rows_pb2.GroupOrders(add=["news", "shop"]), ["news", "shop"]),
        (rows_pb2.GroupOrders(add=["sale"], remove=["news", "never"]), ["sale", "shop"]),
    ):
        row_of(filled, [email_column()], ["ann@example.com"], order("locator:email"), groups=orders)
        (state,) = filled.list_heads(keys(ANN)).heads
        assert sorted(state.groups) == expected
    assert heads_of(filled, 1) == [ANN]
