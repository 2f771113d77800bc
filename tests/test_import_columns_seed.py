"""Every sentence of seed 002, member.import, about what columns do, and those of ours.

Ann is member 1 with an e-mail and a phone, Bob member 2 with an e-mail; data are written as text.
"""

import random
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import pytest

from reference.datakeys import Change
from support.core import (
    Api,
    SeenFault,
    attempt,
    check_fault,
    fault_in_answer,
    open_api,
)
from support.documents import document
from support.imports import (
    Cell,
    JsonCell,
    attach_column,
    calc_column,
    column,
    datakey_column,
    detach_column,
    email_column,
    ignored_column,
    run_import,
    status_column,
)
from support.people import people
from support.requests import change, data_rule, datakey_change, keys
from support.seeds import seeds
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import member_pb2 as member

ANN, PHONE, BOB = "email=ann@example.com", "msisdn=+79121234567", "email=bob@example.com"
EVE, PHONE_2 = "email=eve@example.com", "msisdn=+79161234567"
CREATED, UPDATED = member.OUTCOME_STATUS_CREATED, member.OUTCOME_STATUS_UPDATED
UNCHANGED, REJECTED = member.OUTCOME_STATUS_UNCHANGED, member.OUTCOME_STATUS_REJECTED


@pytest.fixture
def filled(api: Api) -> Api:
    """Ann and Bob."""
    api.set_member(change(keys(ANN), heads=[PHONE]))
    api.set_member(change(keys(BOB)))
    return api


def row_of(
    api: Api, columns: Sequence[rows_pb2.ImportColumn], cells: Sequence[Cell], **options: Any
) -> imports.ImportReceipt:
    """Imports one row behind an e-mail column."""
    (receipt,) = run_import(api, [email_column(), *columns], [[cells]], **options)
    return receipt


def reject_of(receipt: imports.ImportReceipt) -> SeenFault:
    (reject,) = receipt.rejects
    assert list(receipt.statuses) == [REJECTED]
    return fault_in_answer(reject.fault)


def warnings_in(receipt: imports.ImportReceipt) -> list[SeenFault]:
    return [fault_in_answer(one.warning) for one in receipt.warnings]


ATTACHES = (
    # (what it says, columns, cells behind the e-mail, the heads of all afterwards or the reason)
    ("one identifier", [attach_column()], ["eve@example.com"], {1: [ANN, PHONE, EVE], 2: [BOB]}),
    ("in any spelling", [attach_column()], ["8 (916) 123-45-67"],
     {1: [ANN, PHONE, PHONE_2], 2: [BOB]}),
    ("several, joined by |", [attach_column()], ["eve@example.com| +79161234567 "],
     {1: [ANN, PHONE, EVE, PHONE_2], 2: [BOB]}),
    ("the column may be repeated", [attach_column(), attach_column("csid")],
     ["eve@example.com", "A-1|A-2"],
     {1: [ANN, PHONE, EVE, "csid=A-1", "csid=A-2"], 2: [BOB]}),
    ("nothing", [attach_column()], [""], {1: [ANN, PHONE], 2: [BOB]}),
    ("separators alone", [attach_column()], [" | |"], {1: [ANN, PHONE], 2: [BOB]}),
    ("what the member has", [attach_column()], ["ann@example.com|+79121234567"],
     {1: [ANN, PHONE], 2: [BOB]}),
    ("not of another member", [attach_column()], ["bob@example.com"], "HEAD_TAKEN"),
    ("not without a recognisable type", [attach_column()], ["A-1"], "ADDRESS_TYPE_REQUIRED"),
    ("not what is no address", [attach_column("msisdn")], ["12"], "PHONE_TOO_SHORT"),
    ("a JSON text", [attach_column()], [JsonCell.of("eve@example.com")],
     {1: [ANN, PHONE, EVE], 2: [BOB]}),
    ("a JSON number", [attach_column()], [JsonCell("79161234567")],
     {1: [ANN, PHONE, PHONE_2], 2: [BOB]}),
    ("JSON null is nothing", [attach_column()], [JsonCell("null")], {1: [ANN, PHONE], 2: [BOB]}),
    ("no JSON list", [attach_column()], [JsonCell('["eve@example.com"]')], "CELL_NOT_TEXT"),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "columns", "cells", "expected"), ATTACHES)
def test_attach_columns(
    filled: Api,
    _says: str,
    columns: list[rows_pb2.ImportColumn],
    cells: list[Cell],
    expected: dict[int, list[str]] | str,
) -> None:
    receipt = row_of(filled, [datakey_column("x"), *columns], ["ann@example.com", "new", *cells])
    if isinstance(expected, str):
        check_fault(reject_of(receipt), expected)
        # A row is applied whole or not at all.
        assert people(filled, 1, 2) == {1: [ANN, PHONE], 2: [BOB]}
        assert document(filled, "ann@example.com") == "{}"
        return
    assert list(receipt.statuses) == [UPDATED]
    assert people(filled, 1, 2) == expected
    assert document(filled, "ann@example.com") == '{"x":"new"}'


def rules(**modes: str) -> rows_pb2.HeadAttachRules:
    newbie = modes.pop("newbie", "UNSPECIFIED")
    owned: dict[str, Any] = {name: f"OWNED_MODE_{mode}" for name, mode in modes.items()}
    head_rule = member.HeadRule(newbie=f"NEWBIE_MODE_{newbie}", **owned)
    return rows_pb2.HeadAttachRules(head_rule=head_rule)


RULES = (
    # (rules, cell, the heads of all afterwards, the warning)
    (rules(single="TRANSPLANT"), "bob@example.com", {1: [ANN, PHONE, BOB]}, None),
    (rules(single="NONE"), "bob@example.com", {1: [ANN, PHONE], 2: [BOB]}, "HEAD_STAYED"),
    (rules(single="REPLACE"), "bob@example.com", {1: [PHONE, BOB]}, None),
    (rules(single="REPLACE_SAME_TYPE"), "bob@example.com", {1: [PHONE, BOB]}, None),
    (rules(single="DECAPITATE"), "bob@example.com", {1: [ANN, PHONE]}, None),
    (rules(newbie="NONE"), "eve@example.com", {1: [ANN, PHONE], 2: [BOB]}, "HEAD_STAYED"),
    (rules(newbie="REPLACE"), "eve@example.com", {1: [PHONE, EVE], 2: [BOB]}, None),
    (rules(newbie="ATTACH"), "eve@example.com", {1: [ANN, PHONE, EVE], 2: [BOB]}, None),
)


@pytest.mark.parametrize(("head_attach", "cell", "expected", "warning"), RULES)
def test_head_attach_is_for_all_columns_alike(
    filled: Api,
    head_attach: rows_pb2.HeadAttachRules,
    cell: str,
    expected: dict[int, list[str]],
    warning: str | None,
) -> None:
    columns = [attach_column("csid"), attach_column()]
    receipt = row_of(filled, columns, ["ann@example.com", "", cell], head_attach=head_attach)
    assert people(filled, 1, 2) == expected
    assert [one.reason for one in warnings_in(receipt)] == ([warning] if warning else [])


def test_data_rule_of_head_attach(filled: Api) -> None:
    filled.set_member(change(keys(BOB), [datakey_change(Change("b", "set", "1"))]))
    merging = rows_pb2.HeadAttachRules(
        head_rule=member.HeadRule(single=member.OWNED_MODE_DECAPITATE),
        data_rule=data_rule(has_miss="NONE"),
    )
    row_of(filled, [attach_column()], ["ann@example.com", "bob@example.com"], head_attach=merging)
    assert document(filled, "ann@example.com") == "{}", "has_miss none leaves what Bob had"


def test_newbie_confirm_of_head_attach_is_for_emails(filled: Api) -> None:
    waits = rows_pb2.HeadAttachRules(newbie_confirm=True)
    cell = "eve@example.com|+79161234567"
    row_of(filled, [attach_column()], ["ann@example.com", cell], head_attach=waits)
    states = filled.list_heads(keys(ANN)).heads
    assert [state.haslock for state in states] == [0, 0, 2, 0]


def test_a_new_member_attaches_too(filled: Api) -> None:
    receipt = row_of(filled, [attach_column()], ["eve@example.com", "+79161234567"])
    assert list(receipt.statuses) == [CREATED]
    assert people(filled, 3) == {3: [EVE, PHONE_2]}
    receipt = row_of(filled, [attach_column()], ["kim@example.com", "bob@example.com"])
    check_fault(reject_of(receipt), "HEAD_TAKEN", owner_contact_id="2")
    assert people(filled, 4) == {}, "nobody is made by a refused row"


DETACHES: tuple[tuple[str, str, dict[int, list[str]] | str, list[str]], ...] = (
    # (what it says, cell, the heads of all afterwards or the reason, the warnings)
    ("one", "+79121234567", {1: [ANN], 2: [BOB]}, []),
    ("not what another has", "bob@example.com", {1: [ANN, PHONE], 2: [BOB]}, ["HEAD_ELSEWHERE"]),
    ("not what nobody has", "eve@example.com", {1: [ANN, PHONE], 2: [BOB]}, ["HEAD_ELSEWHERE"]),
    ("some of several", "eve@example.com|+79121234567", {1: [ANN], 2: [BOB]}, ["HEAD_ELSEWHERE"]),
    ("the one that found it", "ann@example.com", {1: [PHONE], 2: [BOB]}, []),
    ("not the last one", "ann@example.com|+79121234567", "HEAD_LAST", []),
    ("nothing", "", {1: [ANN, PHONE], 2: [BOB]}, []),
    ("not what is no address", "ann@", "EMAIL_DOMAIN_EMPTY", []),
)


@pytest.mark.parametrize(("_says", "cell", "expected", "warnings"), DETACHES)
def test_detach_columns(
    filled: Api,
    _says: str,
    cell: str,
    expected: dict[int, list[str]] | str,
    warnings: list[str],
) -> None:
    columns = [datakey_column("x"), detach_column()]
    receipt = row_of(filled, columns, ["ann@example.com", "new", cell])
    if isinstance(expected, str):
        check_fault(reject_of(receipt), expected)
        expected = {1: [ANN, PHONE], 2: [BOB]}
        assert document(filled, keys(PHONE)) == "{}"
    else:
        assert list(receipt.statuses) == [UPDATED]
    assert people(filled, 1, 2) == expected
    assert [one.reason for one in warnings_in(receipt)] == warnings


def test_a_detached_identifier_leaves_its_list_groups(filled: Api) -> None:
    filled.set_member(change(keys(PHONE), [datakey_change(Change("-group.news", "set", '"1"'))]))
    row_of(filled, [detach_column()], ["ann@example.com", "+79121234567"])
    filled.set_member(change(keys(ANN), heads=[PHONE]))
    states = filled.list_heads(keys(ANN)).heads
    assert [dict(state.groups) for state in states] == [{}, {}]


def test_a_row_exchanges_identifiers(filled: Api) -> None:
    """What is attached comes before what is taken away, whatever the order of the columns."""
    columns = [detach_column(), attach_column()]
    receipt = row_of(
        filled, columns, ["ann@example.com", "ann@example.com|+79121234567", "eve@example.com"]
    )
    assert list(receipt.statuses) == [UPDATED]
    assert people(filled, 1) == {1: [EVE]}


def tg_row(api: Api, *cells: str, columns: Any = None) -> imports.ImportReceipt:
    columns = columns or [column("tg"), status_column()]
    (receipt,) = run_import(api, columns, [[cells]])
    return receipt


def is_stopped(api: Api, head: str = "tg=42") -> bool:
    (state,) = api.list_heads(keys(head)).heads
    return any(stop.sender == "" for stop in state.stops)


@pytest.mark.parametrize(
    ("cells", "stopped"),
    [(("1",), False), (("active",), False), (("",), False), ((), False), ((" 1 ",), False),
     (("0",), True), (("no",), True), (("Active",), True), (("2",), True)],
)  # fmt: skip
def test_status_of_telegram(api: Api, cells: tuple[str, ...], stopped: bool) -> None:
    """Absent, 1, active and nothing come in as active; all else as unsubscribed."""
    assert list(tg_row(api, "42", *cells).statuses) == [CREATED]
    assert is_stopped(api) is stopped
    assert list(tg_row(api, "42", *cells).statuses) == [UNCHANGED]
    # From either state.
    tg_row(api, "42", "0")
    tg_row(api, "42", *cells)
    assert is_stopped(api) is stopped


def test_without_the_column_the_status_stays(api: Api) -> None:
    tg_row(api, "42", "0")
    tg_row(api, "42", columns=[column("tg")])
    assert is_stopped(api)


STATUS_UNFIT = (
    [email_column(), status_column()],
    [column("tg"), email_column(), status_column()],
    [column("tg"), status_column(), status_column()],
    [rows_pb2.ImportColumn(contact_id=rows_pb2.ContactIdColumn()), status_column()],
)


@pytest.mark.parametrize("columns", STATUS_UNFIT)
def test_the_status_is_of_telegram_only(api: Api, columns: list[rows_pb2.ImportColumn]) -> None:
    fault = attempt(lambda: run_import(api, columns, []))
    check_fault(fault, "FIELD_INVALID", field="columns.status")


BIG = "9" * 999
CALCS = (
    # (the value before, cell, the value afterwards, or the reason)
    (None, "5", "5"),
    ("1", "5", "6"),
    ("1", "-5", "-4"),
    ("1", "+5", "6"),
    ("1", " 5\t", "6"),
    ("18446744073709551616", "1", "18446744073709551617"),
    ("-18446744073709551616", "18446744073709551616", "0"),
    ("0.1", "0.2", "0.3"),
    ("0.10", "0.2", "0.30"),
    ("1.5", "-1.5", "0.0"),
    ("1", "0.25", "1.25"),
    ("-0.5", "0.25", "-0.25"),
    ("1e2", "1", "101"),
    ("1E-2", "1", "1.01"),
    ("99", "1", "100"),
    ("100", "-1", "99"),
    # Integer addition; all that is no number is 0; no concatenation of texts.
    ("1", "abc", "1"),
    ("1", "5 apples", "1"),
    ("1", "5,5", "1"),
    ("1", "0x10", "1"),
    ("1", "1e", "1"),
    ("1", "-", "1"),
    ("1", ".", "1"),
    ("1", "٣", "1"),
    ('"abc"', "5", "5"),
    ('"5"', "5", "10"),
    ('"x"', "y", "0"),
    ("null", "5", "5"),
    ("true", "5", "5"),
    ("[1]", "5", "5"),
    ('{"a":1}', "5", "5"),
    (None, "abc", "0"),
    # Nothing changes nothing; nor is a number written anew to which nothing is added.
    ("1.50", "", "1.50"),
    ("1e2", "0.000", "1e2"),
    # Cells of JSON.
    ("1", JsonCell("5"), "6"),
    ("1", JsonCell('"5"'), "6"),
    ("1", JsonCell("null"), "1"),
    ("1", JsonCell("true"), "1"),
    ("1", JsonCell("[5]"), "1"),
    ("1", JsonCell("5 5"), "JSON_INVALID"),
    # A thousand digits and no more.
    (BIG, "1", f"1{'0' * 999}"),
    ("1", f"{BIG}9", "LIMIT_EXCEEDED"),
    (f"{BIG}9", "1", "LIMIT_EXCEEDED"),
    ("1", "1e999", f"1{'0' * 998}1"),
    ("1", "1e1000", "LIMIT_EXCEEDED"),
    ("1", "1e-999", f"1.{'0' * 998}1"),
    ("0", "1e-1000", f"0.{'0' * 999}1"),
    ("0", "1e-1001", "LIMIT_EXCEEDED"),
    ("1", f"1e{'9' * 30}", "LIMIT_EXCEEDED"),
    ("1", f"1e-{'9' * 30}", "LIMIT_EXCEEDED"),
    ("1", f"0e{'9' * 30}", "1"),
    ("1", f"{'0' * 2000}1", "2"),
)


@pytest.mark.parametrize(("before", "cell", "after"), CALCS)
def test_calc_adds(api: Api, before: str | None, cell: Cell, after: str) -> None:
    if before is not None:
        api.set_member(change(keys(ANN), [datakey_change(Change("a.n", "set", before))]))
    receipt = row_of(api, [calc_column("a.n")], ["ann@example.com", cell])
    if after in {"LIMIT_EXCEEDED", "JSON_INVALID"}:
        check_fault(reject_of(receipt), after)
    else:
        assert not receipt.rejects
        assert document(api, "ann@example.com") == f'{{"a":{{"n":{after}}}}}'


def test_rows_of_one_member_add_up(api: Api) -> None:
    rows = [["ann@example.com", "0.1"]] * 30
    run_import(api, [email_column(), calc_column("n")], [rows])
    assert document(api, "ann@example.com") == '{"n":3.0}'


def test_a_place_that_is_no_place_refuses_the_row(api: Api) -> None:
    api.set_member(change(keys(ANN), [datakey_change(Change("a", "set", "1"))]))
    receipt = row_of(api, [calc_column("a.n")], ["ann@example.com", "1"])
    check_fault(reject_of(receipt), "DATAKEY_NOT_AN_OBJECT")


@pytest.mark.parametrize("seed", seeds(4))
def test_sums_are_exact(seed: int) -> None:
    """Compared with decimal of the standard library, which shares no code with the core."""
    generator, api = random.Random(seed), open_api()
    cells = []
    for _ in range(200):
        digits = "".join(generator.choices("0123456789", k=generator.randint(1, 40)))
        point = generator.randint(0, len(digits))
        sign = generator.choice(["", "-", "+"])
        cells.append(f"{sign}{digits[:point]}.{digits[point:]}" if point else sign + digits)
    rows = [["ann@example.com", cell] for cell in cells]
    run_import(api, [email_column(), calc_column("n")], [rows])
    with localcontext() as context:
        context.prec = 200
        expected = sum((Decimal(cell) for cell in cells), Decimal())
    (value,) = api.get_member(keys(ANN), "n").member.values
    assert Decimal(value.value.decode()) == expected


CALC_CONFLICTS = (
    (calc_column("n", type_text="dt"), "OPTIONS_CONFLICT"),
    (calc_column("n", mode=datakey.DATAKEY_MODE_PUSH), "OPTIONS_CONFLICT"),
    (calc_column("n", mode=datakey.DATAKEY_MODE_DELETE), "OPTIONS_CONFLICT"),
    (calc_column("member.origin"), "FIELD_INVALID"),
)


@pytest.mark.parametrize(("unfit", "reason"), CALC_CONFLICTS)
def test_calc_stands_alone(api: Api, unfit: rows_pb2.ImportColumn, reason: str) -> None:
    check_fault(attempt(lambda: run_import(api, [email_column(), unfit], [])), reason)


def dynamic(path: str, **others: Any) -> rows_pb2.ImportColumn:
    return datakey_column(path, dynamic=True, **others)


FILLED = (
    # (path, cell of the named column, cell, the document afterwards, or the reason)
    ("bonus.{shop}", "north", "5", '{"bonus":{"north":"5"}}'),
    ("bonus.{shop}.sum", "north", "5", '{"bonus":{"north":{"sum":"5"}}}'),
    ("bonus.s-{shop}!", "1", "5", '{"bonus":{"s-1!":"5"}}'),
    ("{shop}", "north", "5", '{"north":"5"}'),
    ("{shop}.{shop}", "n", "5", '{"n":{"n":"5"}}'),
    ("a\\.{shop}", "n", "5", '{"a.n":"5"}'),
    # Literal: one element, whatever is in the cell.
    ("bonus.{shop}", "a.b", "5", '{"bonus":{"a.b":"5"}}'),
    ("bonus.{shop}", "a[0]", "5", '{"bonus":{"a[0]":"5"}}'),
    ("bonus.{shop}", "a\\b", "5", '{"bonus":{"a\\\\b":"5"}}'),
    ("bonus.{shop}", "{shop}", "5", '{"bonus":{"{shop}":"5"}}'),
    ("bonus.{shop}", ' "Ё" ', "5", '{"bonus":{" \\"Ё\\" ":"5"}}'),
    ("bonus.{shop}", JsonCell("17"), "5", '{"bonus":{"17":"5"}}'),
    ("bonus.{shop}", JsonCell('"n"'), JsonCell("5"), '{"bonus":{"n":5}}'),
    ("bonus.{shop}", "*", "5", "DATAKEY_WILDCARD"),
    ("bonus.{shop}", JsonCell("[1]"), "5", "CELL_NOT_TEXT"),
    ("{shop}", "member", "5", "DATAKEY_RESERVED"),
    ("{shop}.x", "-group", "5", "DATAKEY_RESERVED"),
    ("bonus.{shop}", "north", "", "{}"),
)


@pytest.mark.parametrize(("path", "shop", "cell", "expected"), FILLED)
def test_dynamic_datakeys(api: Api, path: str, shop: Cell, cell: Cell, expected: str) -> None:
    receipt = row_of(api, [dynamic(path), ignored_column("shop")], ["ann@example.com", cell, shop])
    if expected.isupper():
        fault = reject_of(receipt)
        check_fault(fault, expected)
        # Cells are data of people: faults show the datakey as the import has it.
        assert fault.details.get("path", path) == path
    else:
        assert not receipt.rejects, reject_of(receipt)
        assert warnings_in(receipt) == []
        assert document(api, "ann@example.com") == expected


def test_an_empty_name_leaves_the_cell_unwritten_with_a_warning(api: Api) -> None:
    columns = [ignored_column("shop"), dynamic("bonus.{shop}"), datakey_column("x")]
    empty: tuple[Cell, ...] = ("", JsonCell("null"))
    for shop in empty:
        receipt = row_of(api, columns, ["ann@example.com", shop, "5", "1"])
        (warning,) = warnings_in(receipt)
        check_fault(warning, "DATAKEY_INCOMPLETE", column="2", named_column="1")
        assert document(api, "ann@example.com") == '{"x":"1"}'
    assert warnings_in(row_of(api, columns, ["ann@example.com", "", "", "1"])) == []
    # Behind the end of a short row nothing is.
    short = [dynamic("bonus.{shop}"), ignored_column("shop")]
    (warning,) = warnings_in(row_of(api, short, ["ann@example.com", "5"]))
    check_fault(warning, "DATAKEY_INCOMPLETE", column="1", named_column="2")


def test_dynamic_and_fixed_datakeys_apply_in_the_order_of_columns(api: Api) -> None:
    columns = [datakey_column("a.n"), dynamic("a.{shop}"), datakey_column("a.n", write_empty=True)]
    row_of(api, [ignored_column("shop"), *columns], ["ann@example.com", "n", "1", "2", "3"])
    assert document(api, "ann@example.com") == '{"a":{"n":"3"}}'
    row_of(api, [ignored_column("shop"), *columns], ["ann@example.com", "n", "1", "2"])
    assert document(api, "ann@example.com") == '{"a":{"n":"2"}}'


def test_dynamic_columns_add_too(api: Api) -> None:
    columns = [email_column(), ignored_column("shop"), dynamic("bonus.{shop}", calc=True)]
    rows = [["ann@example.com", shop, amount] for shop, amount in zip("NSN", "123", strict=True)]
    run_import(api, columns, [rows])
    assert document(api, "ann@example.com") == '{"bonus":{"N":4,"S":2}}'


DYNAMIC_REFUSED: tuple[tuple[str, list[str], str], ...] = (
    # (path, names of other columns, reason)
    ("bonus.shop", ["shop"], "FIELD_INVALID"),
    ("bonus.{shop", ["shop"], "FIELD_INVALID"),
    ("bonus.{shop}", [], "COLUMN_UNKNOWN"),
    ("bonus.{shop}", ["Shop"], "COLUMN_UNKNOWN"),
    ("bonus.{shop}", ["shop", "shop"], "COLUMN_UNKNOWN"),
    ("bonus.{}", [""], "COLUMN_UNKNOWN"),
    ("bonus[{shop}]", ["shop"], "DATAKEY_PATH_INVALID"),
    ("bonus..{shop}", ["shop"], "DATAKEY_PATH_INVALID"),
    ("member.{shop}", ["shop"], "DATAKEY_RESERVED"),
    ("-group.{shop}", ["shop"], "DATAKEY_RESERVED"),
)


@pytest.mark.parametrize(("path", "names", "reason"), DYNAMIC_REFUSED)
def test_dynamic_datakeys_are_checked_at_once(
    api: Api, path: str, names: list[str], reason: str
) -> None:
    columns = [email_column(), dynamic(path), *map(ignored_column, names)]
    check_fault(attempt(lambda: run_import(api, columns, [])), reason, column="1")


def test_a_long_name_is_told_in_part(api: Api) -> None:
    columns = [email_column(), dynamic("{" + "n" * 100_000 + "}")]
    check_fault(attempt(lambda: run_import(api, columns, [])), "COLUMN_UNKNOWN", name="n" * 200)


def test_a_column_of_a_key_can_be_named(api: Api) -> None:
    named = email_column()
    named.name = "mail"
    run_import(api, [named, dynamic("by.{mail}")], [[["ann@example.com", "1"]]])
    assert document(api, "ann@example.com") == '{"by":{"ann@example.com":"1"}}'


JSON_CELLS = (
    # (column, cell, the document afterwards)
    (datakey_column("x"), JsonCell('{"a": [1.0]}'), '{"x":{"a":[1.0]}}'),
    (datakey_column("x"), JsonCell('"1"'), '{"x":"1"}'),
    (datakey_column("x"), JsonCell("null"), "{}"),
    (datakey_column("x", write_empty=True), JsonCell("null"), '{"x":null}'),
    (datakey_column("x"), '{"a": 1}', '{"x":"{\\"a\\": 1}"}'),
    (datakey_column("x", type_text="dt:YD"), JsonCell('"2026-5-4"'), '{"x":"2026-05-04"}'),
)


@pytest.mark.parametrize(("target", "cell", "expected"), JSON_CELLS)
def test_cells_may_be_json(
    api: Api, target: rows_pb2.ImportColumn, cell: Cell, expected: str
) -> None:
    row_of(api, [target], [JsonCell.of("ann@example.com"), cell])
    assert document(api, "ann@example.com") == expected


def test_keys_may_be_json(api: Api) -> None:
    (receipt,) = run_import(
        api,
        [rows_pb2.ImportColumn(contact_id=rows_pb2.ContactIdColumn()), column("msisdn")],
        [
            [
                [JsonCell("null"), JsonCell("79121234567")],
                [JsonCell("1"), JsonCell("null")],
                [JsonCell('"1"')],
                [JsonCell("true")],
                [JsonCell("{")],
                [JsonCell("null"), JsonCell("null")],
            ]
        ],
    )
    assert list(receipt.contact_ids) == [1, 1, 1, 0, 0, 0]
    reasons = [fault_in_answer(reject.fault).reason for reject in receipt.rejects]
    assert reasons == ["CELL_NOT_TEXT", "JSON_INVALID", "MATCH_KEYS_REQUIRED"]


@pytest.mark.parametrize("positions", [[2], [1, 0], [0, 0]])
def test_positions_of_json_cells_are_checked(api: Api, positions: list[int]) -> None:
    stream = api.core.open_import(
        imports.StreamImportRequest(
            options=rows_pb2.ImportOptions(space=api.space, columns=[email_column()] * 2)
        ).SerializeToString()
    )
    row = imports.ImportRow(cells=[b'"a@example.com"'] * 2, json_cells=positions)
    request = imports.StreamImportRequest(chunk=imports.ImportChunk(number=1, rows=[row]))
    stream.submit(request.SerializeToString())
    receipt = imports.StreamImportResponse.FromString(stream.receipt() or b"").receipt
    check_fault(reject_of(receipt), "FIELD_INVALID", field="rows.json_cells")
    stream.cancel()
