"""The `data` of a message (seed 000): names, values, addresses and subscriptions within it."""

from typing import Any

import pytest

from bridge_desk import ANN, Desk, message, refused
from zmey.client import NotFoundError, RawJson

NAMES = ["a.b", "a[0]", "a\\b", "a]", "\\.", "имя", " ", "x.y.z[1]\\"]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_data_are_literal(desk: Desk, name: str) -> None:
    email = f"name{NAMES.index(name)}@example.org"
    assert desk.one(email=email, data={name: 1})["error"] == 0
    assert desk.contacts.get(email=email).data == {name: 1}


@pytest.mark.parametrize("name", ["member", "-group", "*", ""])
def test_names_that_cannot_be(desk: Desk, name: str) -> None:
    refused(desk.one(email=ANN, data={name: 1}), 422, "data", "name")


VALUES = (
    "18446744073709551616",
    "1.10",
    "-0.0",
    "1e400",
    "123456789012345678901234567890.123456789012345678901234567890",
    '{"z":1,"a":[1.0,{"n":1E5}]}',
    '"\\u0000é"',
    "null",
    "[]",
)


def test_values_in_data_are_exact(desk: Desk) -> None:
    members = ",".join(f'"v{index}": {value}' for index, value in enumerate(VALUES))
    before = '{"account_id":1,"db_id":1,"email":"exact@example.org","data":'
    answer = desk.ask(f"{before} {{ {members} }} }}".encode())[0]
    assert answer["error"] == 0
    by_core = desk.client.contacts(1, 2)
    body = "{" + ",".join(f'"v{index}":{value}' for index, value in enumerate(VALUES)) + "}"
    by_core.add_or_update({"all": RawJson(body)}, email="exact@example.org")
    expected = by_core.get("all", email="exact@example.org").member.values[0].value.decode()
    assert desk.raw_data("exact@example.org") == expected
    assert VALUES[0] in expected
    assert VALUES[4] in expected


def test_data_that_is_no_json_for_the_core(desk: Desk) -> None:
    body = '{"account_id":1,"db_id":1,"email":"twice@example.org","data":{"x":{"a":1,"a":2}}}'
    refused(desk.ask(body.encode())[0], 400, "two members with one name")
    body = '{"account_id":1,"db_id":1,"email":"twice@example.org","data":{"x":1,"x":2}}'
    refused(desk.ask(body.encode())[0], 400, "two members with one name")
    body = '{"account_id":1,"db_id":1,"email":"twice@example.org","data":{"\\ud800":1}}'
    refused(desk.ask(body.encode())[0], 400, "surrogate")


def test_addresses_in_data_are_heads(desk: Desk) -> None:
    data = {
        "email": "second@example.org",
        "phone": "8 900 000 00 11",
        "phones": ["+79000000012", "", "+79000000013"],
        "x": 1,
    }
    answer = desk.one(email="first@example.org", data=data)
    assert answer["error"] == 0
    contact = desk.contacts.get(email="second@example.org")
    phones = ["+79000000011", "+79000000012", "+79000000013"]
    assert contact.heads == ["first@example.org", "second@example.org", *phones]
    assert contact.data == {"x": 1}


@pytest.mark.parametrize("data", [{"email": None}, {"email": ""}, {"phone": ""}, {"phones": None}])
def test_empty_addresses_in_data_are_none(desk: Desk, data: dict[str, Any]) -> None:
    assert desk.one(email="empty@example.org", data=data)["error"] == 0
    assert desk.contacts.get(email="empty@example.org").heads == ["empty@example.org"]


@pytest.mark.parametrize(
    ("data", "code", "word"),
    [
        ({"email": 7}, 400, "data.email"),
        ({"phone": ["+7"]}, 400, "data.phone"),
        ({"phones": "+79000000011"}, 400, "data.phones"),
        ({"phones": [7]}, 400, "data.phones"),
        ({"email": "no-email"}, 422, "@"),
        ({"phones": ["123"]}, 422, "phone"),
        ({"subscriptions": {}}, 400, "data.subscriptions"),
        ({"subscriptions": [1]}, 400, "data.subscriptions[0]"),
        ({"subscriptions": [{"channel": "fax"}]}, 400, "data.subscriptions[0].channel"),
        ({"subscriptions": [{"channel": "sms"}]}, 400, "data.subscriptions[0].phone"),
        (
            {"subscriptions": [{"channel": "email", "email": ANN, "resource_id": "1"}]},
            400,
            "resource_id",
        ),
        (
            {"subscriptions": [{"channel": "email", "email": ANN, "resource_id": -1}]},
            422,
            "resource_id",
        ),
    ],
)
def test_wrong_addresses_in_data(desk: Desk, data: dict[str, Any], code: int, word: str) -> None:
    refused(desk.one(email="wrong@example.org", data=data), code, word)
    with pytest.raises(NotFoundError):
        desk.contacts.get(email="wrong@example.org")


def test_subscriptions_are_heads_with_their_resources(desk: Desk) -> None:
    subscriptions = [
        {"channel": "email", "resource_id": 24, "email": "sub@example.org", "status": "active"},
        {"channel": "email", "resource_id": 25, "email": "sub2@example.org"},
        {"channel": "sms", "resource_id": 26, "phone": "+79000000031"},
        {"channel": "push", "resource_id": 27, "provider": "web", "subscription_id": "token"},
        {"channel": "viber", "resource_id": 28, "cc_data": {"phone": "+79000000032"}},
        {"channel": "telegram_bot", "cc_data": {"chat_id": 100500}},
        {"channel": "whatsapp", "resource_id": 29, "cc_data": {"phone": "+79000000033"}},
    ]
    answer = desk.one(email="sub@example.org", data={"subscriptions": subscriptions})
    assert answer["error"] == 0
    assert desk.heads("sub@example.org") == [
        ("sub@example.org", [24]),
        ("sub2@example.org", [25]),
        ("+79000000031", [26]),
        ("token", [27]),
        ("+79000000032", [28]),
        ("100500", []),
    ]
    assert desk.contacts.get(email="sub@example.org").data == {"subscriptions": subscriptions}
    assert desk.one(email="sub2@example.org", resource_id=25, update_only=True)["error"] == 0


def test_an_address_of_somebody_else_is_a_conflict(desk: Desk) -> None:
    desk.ask(message(email="owner@example.org"), message(email="taker@example.org"))
    refused(desk.one(email="taker@example.org", data={"email": "owner@example.org", "x": 1}), 409)
    assert desk.contacts.get(email="taker@example.org").data == {}
