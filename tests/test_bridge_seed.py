"""The queue of seed 000: a row for every sentence and parameter, through a real broker."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from running_bridge import DEAD, IMPORT, RESULT, RunningBridge
from running_server import RunningServer
from support.broker import RunningBroker, Sent
from support.core import SPACE
from support.records import changes_of
from support.requests import keys
from zmey.client import Client, NotFoundError, RawJson
from zmey.v1.head_service_pb2 import ListHeadsRequest

SPACES = json.dumps(
    [
        {
            "account_id": 1,
            "db_id": 1,
            "default_region": "RU",
            "fields": [
                {"path": "CRM_ID", "kind": "int"},
                {"path": "card", "kind": "string"},
                {"path": "tags", "kind": "tags"},
                {"path": "a\\.b", "kind": "string"},
            ],
        },
        {"account_id": 1, "db_id": 2},
    ]
)
ANN = "ann@example.org"
BO = "bo@example.org"


class Desk:
    """A bridge at work, with both of its ends."""

    def __init__(self, broker: RunningBroker, server: RunningServer, bridge: RunningBridge) -> None:
        self.broker = broker
        self.bridge = bridge
        self.client = Client(server.address).__enter__()
        self.contacts = self.client.contacts(1, 1)

    def ask(self, *messages: Any) -> list[dict[str, Any]]:
        """Sends messages and returns their results, in order."""
        bodies = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in messages]
        self.broker.publish(IMPORT, bodies)
        return [json.loads(taken.body) for taken in self.broker.take(RESULT, len(bodies))]

    def one(self, **parameters: Any) -> dict[str, Any]:
        """Sends one message, of account 1 and db 1 unless said otherwise."""
        return self.ask(message(**parameters))[0]

    def heads(self, email: str) -> list[tuple[str, list[int]]]:
        """The heads of a contact with their resources."""
        request = ListHeadsRequest(space=SPACE, keys=keys(f"email={email}"))
        answer = self.client.heads.ListHeads(request, timeout=5)
        return [(head.head.address.value, list(head.resource_ids)) for head in answer.heads]

    def raw_data(self, email: str) -> str:
        """The data of a contact exactly as the server has them."""
        return self.contacts.get(email=email).member.values[0].value.decode()


def message(**parameters: Any) -> dict[str, Any]:
    given = {"account_id": 1, "db_id": 1, "data": {}} | parameters
    return {name: value for name, value in given.items() if value is not ...}


@pytest.fixture(scope="module")
def desk(node: RunningBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One bridge for all rows, from an empty broker; each row has people of its own."""
    node.delete(IMPORT, RESULT, DEAD)
    directory = tmp_path_factory.mktemp("seed")
    server = RunningServer(directory / "store", "--spaces", SPACES)
    bridge = RunningBridge(directory, node, server.address)
    opened = Desk(node, server, bridge)
    yield opened
    opened.client.__exit__(None, None, None)
    bridge.kill()
    server.kill()


def refused(answer: dict[str, Any], code: int, *words: str) -> None:
    assert answer["error"] == code, answer
    assert answer["error_text"].endswith("."), answer
    assert all(word in answer["error_text"] for word in words), answer
    assert answer["profile_id"] == ""


def test_the_example_of_the_seed(desk: Desk) -> None:
    """Its update_only finds nobody at first, then somebody."""
    example = message(
        data={"_fname": "John", "_lname": "Doe"},
        email="example@example.com",
        feedback_id="abcdefghijklmnqrstuvwxyz",
        update_only=True,
    )
    first = desk.ask(example)[0]
    refused(first, 404)
    assert first["feedback_id"] == "abcdefghijklmnqrstuvwxyz"
    contact = desk.contacts.add_or_update(email="example@example.com").contact_id
    again, second = desk.ask(example, example | {"feedback_id": "another"})
    assert again == first
    assert second == {
        "error": 0,
        "error_text": "",
        "feedback_id": "another",
        "matching_field": "email",
        "profile_id": f"{1:08x}{contact:016x}",
    }
    assert desk.raw_data("example@example.com") == '{"_fname":"John","_lname":"Doe"}'


def test_profiles_are_imported_or_updated(desk: Desk) -> None:
    first = desk.one(email=ANN, data={"a": 1})
    second = desk.one(email="ANN@example.org", data={"b": 2})
    assert first["profile_id"] == second["profile_id"] != ""
    assert desk.raw_data(ANN) == '{"a":1,"b":2}'


def test_results_have_the_properties_of_results(desk: Desk) -> None:
    body = json.dumps(message(email="props@example.org")).encode()
    desk.broker.publish(IMPORT, [Sent(body, message_id="m-1"), Sent(body)])
    first, second = desk.broker.take(RESULT, 2)
    assert (first.content_type, first.is_persistent) == ("application/json", True)
    assert first.correlation_id == "m-1"
    assert not second.correlation_id


def test_every_response_has_its_five_parameters(desk: Desk) -> None:
    kinds = {"error": int, "error_text": str, "feedback_id": str, "matching_field": str}
    kinds |= {"profile_id": str}
    answers = desk.ask(message(email=ANN), message(), message(email=ANN, db_id=9), b"{")
    assert [answer["error"] for answer in answers] == [0, 400, 403, 400]
    for answer in answers:
        assert {name: type(value) for name, value in answer.items()} == kinds
        assert (answer["error_text"] == "") == (answer["error"] == 0)


@pytest.mark.parametrize("name", ["account_id", "db_id", "data"])
def test_required_parameters(desk: Desk, name: str) -> None:
    refused(desk.one(email=ANN, **{name: ...}), 400, f"{name} is required")
    refused(desk.one(email=ANN, **{name: None}), 400, f"{name} is required")


WRONG: tuple[tuple[str, list[Any]], ...] = (
    ("account_id", ["1", 1.0, True, [1]]),
    ("db_id", ["1", 1.5, {}]),
    ("data", ["{}", [], 1]),
    ("feedback_id", [1, True, ["f"]]),
    ("skip_triggers", ["true", 1, 0]),
    ("update_only", ["true", 1]),
    ("matching", [1, ["email"]]),
    ("email", [1, ["a@b.ru"], {}]),
    ("phone", [79000000000, True]),
    ("profile_id", [7, {}]),
    ("field_name", [7]),
    ("field_value", [True, 1.5, ["a"]]),
    ("resource_id", ["24", 2.4, True]),
)


@pytest.mark.parametrize(("name", "values"), WRONG)
def test_wrong_types_name_the_parameter(desk: Desk, name: str, values: list[Any]) -> None:
    given = {"email": ANN}
    answers = desk.ask(*(message(**given | {name: value}) for value in values))
    for answer in answers:
        refused(answer, 400, f"{name} must be")


def test_null_is_not_given(desk: Desk) -> None:
    nothing = dict.fromkeys(name for name, _ in WRONG[3:] if name != "email")
    assert desk.one(email=ANN, **nothing)["error"] == 0


MALFORMED = [b"", b"{", b"[]", b"null", b"\xff{}", b"{} {}", b'{"a":1,"a":2}', b'{"n":NaN}']


@pytest.mark.parametrize("body", [*MALFORMED, b'{"data":' + b"[" * 100_000])
def test_malformed_messages(desk: Desk, body: bytes) -> None:
    refused(desk.ask(body)[0], 400)


def test_feedback_id_is_in_the_answer_and_in_the_job_log(desk: Desk) -> None:
    answers = desk.ask(
        message(email="nobody", feedback_id="in-the-log"),
        message(feedback_id="no-email"),
        message(email=ANN, feedback_id="fine"),
    )
    assert [answer["feedback_id"] for answer in answers] == ["in-the-log", "no-email", "fine"]
    assert desk.one(email=ANN)["feedback_id"] == ""
    logged = {line["feedback_id"]: line for line in desk.bridge.job_log()}
    assert logged["in-the-log"]["error"] == 422
    assert logged["in-the-log"]["error_text"] == answers[0]["error_text"]
    assert logged["no-email"]["error"] == 400
    assert logged.keys().isdisjoint({"fine"})
    assert set(logged["no-email"]) == {"time", "error", "error_text", "feedback_id"}


def test_update_only_is_false_by_default(desk: Desk) -> None:
    assert desk.one(email="default@example.org")["error"] == 0
    assert desk.one(email="false@example.org", update_only=False)["error"] == 0
    refused(desk.one(email="true@example.org", update_only=True), 404)
    with pytest.raises(NotFoundError):
        desk.contacts.get(email="true@example.org")


def test_skip_triggers_is_false_by_default_and_marks_the_change(
    node: RunningBroker, tmp_path: Path
) -> None:
    """Whoever watches changes sees the mark: it is in the closed store."""
    queues = ("skip_import", "skip_result")
    node.delete(*queues)
    server = RunningServer(tmp_path / "store")
    flags = ("--bridge-queue", queues[0], "--bridge-result-queue", queues[1])
    bridge = RunningBridge(tmp_path, node, server.address, *flags)
    given = (True, False, ...)
    asked = [message(email=ANN, data={"n": n}, skip_triggers=s) for n, s in enumerate(given)]
    node.publish(queues[0], [json.dumps(one).encode() for one in asked])
    answers = [json.loads(taken.body) for taken in node.take(queues[1], len(given))]
    assert [answer["error"] for answer in answers] == [0, 0, 0]
    assert (bridge.terminate(), server.terminate()) == (0, 0)
    node.delete(*queues)
    marks = [change.skip_triggers for change in changes_of(server.store)]
    assert marks == [True, False, False]


def test_matching_is_email_by_default(desk: Desk) -> None:
    refused(desk.one(phone="+79000000000"), 400, "email is required")
    answers = desk.ask(message(email=BO), message(email=BO, matching="email"))
    assert answers[0]["profile_id"] == answers[1]["profile_id"]
    assert [answer["matching_field"] for answer in answers] == ["email", "email"]


def test_matching_by_phone(desk: Desk) -> None:
    answers = desk.ask(
        message(matching="phone", phone="+79000000001", data={"x": 1}),
        message(matching="phone", phone="8 (900) 000-00-01", data={"x": 2}),
    )
    assert answers[0]["profile_id"] == answers[1]["profile_id"] != ""
    assert answers[0]["matching_field"] == "phone"
    assert desk.contacts.get(phone="+79000000001").data == {"x": 2}


def test_matching_by_profile_id(desk: Desk) -> None:
    known = desk.one(email="profile@example.org")["profile_id"]
    assert len(known) == 24
    found = desk.one(matching="profile_id", profile_id=known, data={"x": 1})
    assert (found["profile_id"], found["matching_field"]) == (known, "profile_id")
    assert desk.one(matching="profile_id", profile_id=known.upper())["error"] == 0
    assert desk.contacts.get(email="profile@example.org").data == {"x": 1}


@pytest.mark.parametrize(
    ("profile_id", "code"),
    [("0" * 7 + "1" + "f" * 16, 404), ("0" * 7 + "2" + "0" * 15 + "1", 404), ("7", 422), ("", 422)],
)
def test_a_profile_id_of_nobody_creates_nobody(desk: Desk, profile_id: str, code: int) -> None:
    data = {"email": "never@example.org"}
    refused(desk.one(matching="profile_id", profile_id=profile_id, data=data), code)
    with pytest.raises(NotFoundError):
        desk.contacts.get(email="never@example.org")


@pytest.mark.parametrize("matching", ["phone", "profile_id", "custom"])
def test_each_mode_needs_its_parameters(desk: Desk, matching: str) -> None:
    refused(desk.one(email=ANN, matching=matching), 400, "is required", matching)


def test_custom_needs_both_parameters(desk: Desk) -> None:
    refused(desk.one(matching="custom", field_name="CRM_ID"), 400, "field_value is required")
    refused(desk.one(matching="custom", field_value="1"), 400, "field_name is required")


@pytest.mark.parametrize("matching", ["EMAIL", "", "hash", "email_phone"])
def test_an_unknown_matching(desk: Desk, matching: str) -> None:
    refused(desk.one(email=ANN, matching=matching), 400, "matching is unknown")


def test_matching_by_a_field_of_ints(desk: Desk) -> None:
    desk.contacts.add_or_update({"CRM_ID": 123420}, email="int@example.org")
    answers = desk.ask(
        *(
            message(matching="custom", field_name="CRM_ID", field_value=value, data={"x": 1})
            for value in (123420, "123420")
        )
    )
    assert [answer["error"] for answer in answers] == [0, 0]
    assert answers[0]["matching_field"] == "custom"
    assert desk.raw_data("int@example.org") == '{"CRM_ID":123420,"x":1}'


def test_matching_by_a_field_of_strings(desk: Desk) -> None:
    desk.contacts.add_or_update({"card": "C-7"}, email="card@example.org")
    found = desk.one(matching="custom", field_name="card", field_value="C-7", data={"x": 1})
    assert found["error"] == 0
    refused(desk.one(matching="custom", field_name="card", field_value="c-7"), 422)
    assert desk.contacts.get(email="card@example.org").data == {"card": "C-7", "x": 1}


def test_a_field_of_strings_takes_ints(desk: Desk) -> None:
    desk.contacts.add_or_update({"card": "5501"}, email="digits@example.org")
    found = desk.one(matching="custom", field_name="card", field_value=5501, update_only=True)
    assert found["error"] == 0


def test_matching_by_a_field_with_a_dot_in_its_name(desk: Desk) -> None:
    created = desk.one(
        matching="custom", field_name="a.b", field_value="v", data={"email": "dot@example.org"}
    )
    assert created["error"] == 0
    assert desk.raw_data("dot@example.org") == '{"a.b":"v"}'
    again = desk.one(matching="custom", field_name="a.b", field_value="v", update_only=True)
    assert again["profile_id"] == created["profile_id"]


def test_matching_by_a_combination_of_tags(desk: Desk) -> None:
    several = RawJson('["tag-1", "tag-2", "tag-3"]')
    desk.contacts.add_or_update({"tags": several}, email="tags@example.org")
    desk.contacts.add_or_update({"tags": RawJson('["tag-1"]')}, email="tag@example.org")
    found = desk.one(
        matching="custom", field_name="tags", field_value="tag-1, tag-2", data={"x": 1}
    )
    assert found["error"] == 0
    assert desk.contacts.get(email="tags@example.org").data["x"] == 1
    for value in ("tag-3, tag-1", "tag-3,tag-1", "tag-2"):
        again = desk.one(matching="custom", field_name="tags", field_value=value)
        assert again["profile_id"] == found["profile_id"]
    nobody = {"field_value": "tag-1, tag-4", "update_only": True}
    refused(desk.one(matching="custom", field_name="tags", **nobody), 404)
    ambiguous = desk.one(matching="custom", field_name="tags", field_value="tag-1", data={"x": 1})
    refused(ambiguous, 409)


def test_custom_creates_whoever_is_found_by_it_again(desk: Desk) -> None:
    """An address in data is needed: nobody can be without one."""
    new = message(
        matching="custom",
        field_name="CRM_ID",
        field_value="777",
        data={"email": "crm@example.org", "x": 1},
    )
    first, second = desk.ask(new, new)
    assert first["profile_id"] == second["profile_id"] != ""
    assert desk.raw_data("crm@example.org") == '{"CRM_ID":"777","x":1}'
    refused(desk.one(matching="custom", field_name="CRM_ID", field_value=778), 422, "data")


def test_a_field_that_is_not_declared(desk: Desk) -> None:
    refused(desk.one(matching="custom", field_name="other", field_value="1"), 400)


def test_resource_id_subscribes_and_narrows(desk: Desk) -> None:
    who = {"email": "resource@example.org"}
    created = desk.one(**who, resource_id=24)
    assert created["error"] == 0
    assert desk.one(**who, resource_id=24)["profile_id"] == created["profile_id"]
    assert desk.one(**who)["profile_id"] == created["profile_id"]
    # Through another resource there is nobody, and the address is somebody's.
    refused(desk.one(**who, resource_id=25, update_only=True), 404)
    refused(desk.one(**who, resource_id=25), 409)
    phone = {"matching": "phone", "phone": "+79000000024"}
    assert desk.one(**phone, resource_id=24)["error"] == 0
    refused(desk.one(**phone, resource_id=25, update_only=True), 404)
    assert desk.heads("resource@example.org") == [("resource@example.org", [24])]


def test_resource_id_is_for_emails_and_phones_only(desk: Desk) -> None:
    who = {"email": "other-modes@example.org"}
    created = desk.one(**who, resource_id=24, data={"CRM_ID": 2401})
    by_field = {"matching": "custom", "field_name": "CRM_ID", "field_value": 2401}
    by_profile = {"matching": "profile_id", "profile_id": created["profile_id"]}
    for mode in (by_field, by_profile):
        assert desk.one(**mode, resource_id=25)["profile_id"] == created["profile_id"]
    assert desk.heads("other-modes@example.org") == [("other-modes@example.org", [24])]


def test_resource_id_out_of_range(desk: Desk) -> None:
    refused(desk.one(email=ANN, resource_id=-1), 422, "resource_id")
    refused(desk.one(email=ANN, resource_id=2**32), 422, "resource_id")


NAMES = ["a.b", "a[0]", "a\\b", "a]", "\\.", "имя", " ", "x.y.z[1]\\"]


@pytest.mark.parametrize("name", NAMES)
def test_names_in_data_are_literal(desk: Desk, name: str) -> None:
    email = f"name{NAMES.index(name)}@example.org"
    assert desk.one(email=email, data={name: 1})["error"] == 0
    assert desk.contacts.get(email=email).data == {name: 1}


@pytest.mark.parametrize("name", ["member", "-group", "*", ""])
def test_names_that_cannot_be(desk: Desk, name: str) -> None:
    refused(desk.one(email=ANN, data={name: 1}), 422)


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
    refused(desk.ask(body.encode())[0], 400)
    body = '{"account_id":1,"db_id":1,"email":"twice@example.org","data":{"x":1,"x":2}}'
    refused(desk.ask(body.encode())[0], 400, "twice")
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


@pytest.mark.parametrize("email", ["", "nobody", "a@b", "test@test.com"])
def test_an_invalid_or_blocked_email(desk: Desk, email: str) -> None:
    data = {"email": "valid@example.org"}
    refused(desk.one(email=email, data=data), 422)
    with pytest.raises(NotFoundError):
        desk.contacts.get(email="valid@example.org")


@pytest.mark.parametrize(
    "space", [(2, 1), (1, 9), (0, 1), (1, 0), (-1, 1), (2**32, 1), (10**30, 1)]
)
def test_an_account_or_database_that_is_not_ours(desk: Desk, space: tuple[int, int]) -> None:
    refused(desk.one(account_id=space[0], db_id=space[1], email=ANN), 403)


def test_spaces_are_apart(desk: Desk) -> None:
    answers = desk.ask(*(message(email="apart@example.org", db_id=db_id) for db_id in (1, 2)))
    assert answers[0]["profile_id"].startswith("00000001")
    assert answers[1]["profile_id"].startswith("00000002")
    with pytest.raises(NotFoundError):
        desk.client.contacts(1, 2).get(email=ANN)


def test_one_feedback_id_has_one_effect(desk: Desk) -> None:
    first = message(email="once@example.org", feedback_id="once", data={"x": 1})
    between = message(email="once@example.org", data={"x": 2})
    answers = desk.ask(first, between, first, first | {"data": {"x": 3}})
    assert answers[0] == answers[2]
    refused(answers[3], 409, "feedback_id")
    assert desk.contacts.get(email="once@example.org").data == {"x": 2}


def test_one_message_id_has_one_effect(desk: Desk) -> None:
    def sent(x: int, message_id: str, feedback_id: str) -> Sent:
        body = message(email="mid@example.org", feedback_id=feedback_id, data={"x": x})
        return Sent(json.dumps(body).encode(), message_id)

    desk.broker.publish(IMPORT, [sent(1, "mid", "a"), sent(2, "mid-2", "a"), sent(1, "mid", "a")])
    answers = [json.loads(taken.body) for taken in desk.broker.take(RESULT, 3)]
    assert [answer["error"] for answer in answers] == [0, 0, 0]
    assert answers[0] == answers[2]
    assert desk.contacts.get(email="mid@example.org").data == {"x": 2}


def test_messages_without_ids_have_an_effect_each(desk: Desk) -> None:
    again = message(email="no-id@example.org", data={"x": 1})
    desk.ask(again, message(email="no-id@example.org", data={"x": 2}), again)
    assert desk.contacts.get(email="no-id@example.org").data == {"x": 1}


def test_a_feedback_id_is_of_its_own_kind(desk: Desk) -> None:
    """The same text as message_id and as feedback_id names two messages."""
    body = message(email="kinds@example.org", data={"x": 1})
    desk.broker.publish(IMPORT, [Sent(json.dumps(body).encode(), "kind")])
    assert json.loads(desk.broker.take(RESULT, 1)[0].body)["error"] == 0
    answer = desk.one(email="kinds@example.org", data={"x": 2}, feedback_id="kind")
    assert answer["error"] == 0
    assert desk.contacts.get(email="kinds@example.org").data == {"x": 2}


def test_messages_of_one_person_apply_in_order(desk: Desk) -> None:
    messages = [message(email="order@example.org", data={"n": n, f"k{n}": n}) for n in range(300)]
    answers = desk.ask(*messages)
    assert len({answer["profile_id"] for answer in answers}) == 1
    data = desk.contacts.get(email="order@example.org").data
    assert data["n"] == 299
    assert list(data)[1:] == [f"k{n}" for n in range(300)]


def test_parameters_of_other_modes_and_unknown_ones_are_passed_over(desk: Desk) -> None:
    answer = desk.one(email="over@example.org", phone="no phone", detect_geo=True)
    assert answer["error"] == 0
    assert desk.contacts.get(email="over@example.org").heads == ["over@example.org"]
