"""Reading datakeys, changes, locators and orders as people type them."""

import pytest

from zmey.cli.exits import UsageError
from zmey.cli.notation import MODES, parse_change, parse_datakey, split_colons
from zmey.client.notation import NotationError, parse_field, parse_locator, parse_order
from zmey.v1.address_pb2 import ADDRESS_TYPE_CSID, ADDRESS_TYPE_EMAIL, ADDRESS_TYPE_MSISDN
from zmey.v1.datakey_pb2 import DatakeyMode
from zmey.v1.matching_pb2 import (
    KEY_KIND_CONTACT_ID,
    KEY_KIND_FIELD,
    KEY_KIND_LOCATOR,
    NAMED_ORDER_EMAIL_OR_SMS,
    NAMED_ORDER_SUBSCRIBE,
    OrderedKey,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a:b:c", ["a", "b", "c"]),
        (r"a\:b:c", ["a:b", "c"]),
        (r"a\.b\[c", [r"a\.b\[c"]),
        (r"a\\:b", [r"a\\", "b"]),
        ("a\\", ["a\\"]),
    ],
)
def test_colons_split_unless_escaped(text: str, expected: list[str]) -> None:
    assert split_colons(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("name", ("name", "set", "", "")),
        ("name:update", ("name", "update", "", "")),
        ("base.birth:set:dt:YD", ("base.birth", "set", "dt:YD", "")),
        ("birth:dt", ("birth", "set", "dt", "")),
        ("birth:dt:Ys:insert", ("birth", "insert", "dt:Ys", "")),
        ("birth::dt:YD", ("birth", "set", "dt:YD", "")),
        ("address:merge:json", ("address", "merge", "", "json")),
        ("note:json:empty", ("note", "set", "", "empty json")),
        (r"a\:b:push", ("a:b", "push", "", "")),
        ("tags[-1]:delete", ("tags[-1]", "delete", "", "")),
        ("a:set.copy", ("a", "set.copy", "", "")),
        ("a:merge_copy", ("a", "merge.copy", "", "")),
        ("Имя", ("Имя", "set", "", "")),
    ],
)
def test_datakeys_are_read(text: str, expected: tuple[str, str, str, str]) -> None:
    datakey = parse_datakey(text)
    mode = next(name for name, number in MODES.items() if number == datakey.mode)
    assert (datakey.path, mode, datakey.type, " ".join(sorted(datakey.formats))) == expected


@pytest.mark.parametrize(
    "text",
    ["", ":set", "a:sett", "a:set:update", "a:dt:XX", "a:json:json", "a:dt:YDm", "a:dt:YD:dt"],
)
def test_wrong_datakeys_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_datakey(text)


@pytest.mark.parametrize(
    ("text", "path", "mode", "value"),
    [
        ("name=Ann", "name", "SET", b'"Ann"'),
        ("name.first=Ann", "name.first", "SET", b'"Ann"'),
        ("visits:update=3", "visits", "UPDATE", b"3"),
        ('tags:push="vip"', "tags", "PUSH", b'"vip"'),
        ("zip=01234", "zip", "SET", b'"01234"'),
        ("code:text=41", "code", "SET", b'"41"'),
        ("big=18446744073709551616", "big", "SET", b"18446744073709551616"),
        ("price=1.10", "price", "SET", b"1.10"),
        ('o:json={"b": 1,"a":2}', "o", "SET", b'{"b": 1,"a":2}'),
        ("empty=", "empty", "SET", b'""'),
        ("null=null", "null", "SET", b"null"),
        ("nan=NaN", "nan", "SET", b'"NaN"'),
        ("a=b=c", "a", "SET", b'"b=c"'),
        (r"a\=b=c", "a=b", "SET", b'"c"'),
        ("name:delete", "name", "DELETE", b""),
        ("seen:dt=current - 1 month", "seen", "SET", b'"current - 1 month"'),
    ],
)
def test_changes_are_read(text: str, path: str, mode: str, value: bytes) -> None:
    change = parse_change(text)
    name = DatakeyMode.Name(change.mode)
    assert (change.path, name, change.value) == (path, "DATAKEY_MODE_" + mode, value)


def test_copy_modes_take_a_path() -> None:
    change = parse_change("backup:set.copy=name.first")
    assert (change.copy_path, change.value) == ("name.first", b"")


@pytest.mark.parametrize("text", ["name", "name:delete=x", "a:json={", "=x", "a:what=1"])
def test_wrong_changes_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_change(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tg:123", ("tg", "123")),
        ("email:a:b@c.d", ("email", "a:b@c.d")),
        ("EMAIL:a@b.c", ("email", "a@b.c")),
    ],
)
def test_locators_are_read(text: str, expected: tuple[str, str]) -> None:
    address = parse_locator(text)
    assert address.value == expected[1]
    assert address == parse_locator(":".join(expected))


def test_cellphone_is_msisdn() -> None:
    assert parse_locator("cellphone:1").type == ADDRESS_TYPE_MSISDN
    assert parse_locator("csid:1").type == ADDRESS_TYPE_CSID


@pytest.mark.parametrize("text", ["123", "fax:1", ""])
def test_wrong_locators_are_refused(text: str) -> None:
    with pytest.raises(NotationError):
        parse_locator(text)


def test_fields_are_read() -> None:
    field = parse_field("crm.id=a=b")
    assert (field.path, field.value) == ("crm.id", "a=b")
    with pytest.raises(NotationError):
        parse_field("crm.id")


def test_orders_are_read() -> None:
    assert parse_order("subscribe").order == NAMED_ORDER_SUBSCRIBE
    assert parse_order("email_or_sms").order == NAMED_ORDER_EMAIL_OR_SMS
    assert parse_order("Subscribe", strict=True).strict
    explicit = parse_order("contact-id, locator:email,field:crm.id,locator").explicit_order
    assert list(explicit) == [
        OrderedKey(kind=KEY_KIND_CONTACT_ID),
        OrderedKey(kind=KEY_KIND_LOCATOR, locator_type=ADDRESS_TYPE_EMAIL),
        OrderedKey(kind=KEY_KIND_FIELD, field_path="crm.id"),
        OrderedKey(kind=KEY_KIND_LOCATOR),
    ]


@pytest.mark.parametrize("text", ["", "best", "contact-id:1", "locator:fax", "contact-id,,field"])
def test_wrong_orders_are_refused(text: str) -> None:
    with pytest.raises(NotationError):
        parse_order(text)
