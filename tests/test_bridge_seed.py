"""The queue of seed 000: a row for every sentence and parameter, through a real broker."""

import json
from pathlib import Path
from typing import Any

import pytest

from bridge_desk import ANN, Desk, message, refused
from running_bridge import DEAD, IMPORT, RESULT, RunningBridge
from running_server import RunningServer
from support.broker import RunningBroker, Sent
from support.records import changes_of
from zmey.bridge.message import MATCHING, MESSAGE_BYTES_MAX
from zmey.client import NotFoundError, RawJson

BO = "bo@example.org"


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
    matching = next((mode for mode, needs in MATCHING.items() if name in needs), "email")
    given = {"email": ANN, "field_name": "card", "field_value": "1", "matching": matching}
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


BROKEN: tuple[tuple[bytes, str], ...] = (
    (b'{"account_id":1,"db_id":1,"data":{"n":NaN},"feedback_id":"b-nan"}', "b-nan"),
    (b'{"feedback_id":"b-twice","db_id":1,"db_id":2,"data":{}}', "b-twice"),
    (b'{"data":{"x":1,"x":2,"feedback_id":"of data"},"feedback_id":"b-data"}', "b-data"),
    (b'{"data":{"x":1,"x":2,"feedback_id":"of data"}}', ""),
    (b'{"feedback_id" : "b-\\u00e9\\"","data":{]', 'b-é"'),
    (b'{"data":"feedback_id","x":{"a":["}"]},"feedback_id":"b-deep","n":NaN}', "b-deep"),
    (b'{"feedback_id":7,"n":NaN}', ""),
    (b'{"feedback_id":"a","feedback_id":"b"}', ""),
    (b'[{"feedback_id":"b-array"}]', ""),
    (b'{} {"feedback_id":"b-behind"}', ""),
)


@pytest.mark.parametrize(("body", "feedback_id"), BROKEN)
def test_the_feedback_id_of_a_message_that_cannot_be_read(
    desk: Desk, body: bytes, feedback_id: str
) -> None:
    answer = desk.ask(body)[0]
    refused(answer, 400)
    assert answer["feedback_id"] == feedback_id
    assert desk.bridge.job_log()[-1]["feedback_id"] == feedback_id


def test_the_feedback_id_of_a_message_that_is_too_large(desk: Desk) -> None:
    asked = message(email=ANN, data={"x": "{" * MESSAGE_BYTES_MAX}, feedback_id="large")
    answer = desk.ask(asked)[0]
    refused(answer, 400, "bytes")
    assert answer["feedback_id"] == "large"


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
    refused(desk.one(matching="custom", field_name="card", field_value="c-7"), 404)
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
    assert desk.raw_data("crm@example.org") == '{"CRM_ID":777,"x":1}'
    refused(desk.one(matching="custom", field_name="CRM_ID", field_value=778), 404, "data")


@pytest.mark.parametrize(
    ("name", "value", "kept"),
    [
        ("card", 4711, '"4711"'),
        ("card", "0815", '"0815"'),
        ("card", 'a"\\n', '"a\\"\\\\n"'),
        ("labels", 5, '"5"'),
        ("labels", "l-1, l-2", '"l-1, l-2"'),
        ("CRM_ID", 4712, "4712"),
        ("CRM_ID", " 004713 ", "4713"),
        ("CRM_ID", 2**64, "18446744073709551616"),
    ],
)
def test_whoever_custom_creates_has_the_value_as_the_field_wants_it(
    desk: Desk, name: str, value: int | str, kept: str
) -> None:
    email = f"kept-{kept.encode().hex()}@example.org"
    new = message(matching="custom", field_name=name, field_value=value, data={"email": email})
    first, second = desk.ask(new, new)
    assert first["profile_id"] == second["profile_id"] != ""
    assert desk.raw_data(email) == f'{{"{name}":{kept}}}'


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        *(("CRM_ID", wrong, ("digits", "CRM_ID", "int")) for wrong in ("abc", "", "7.0", "+7")),
        ("card", "", ("must not be empty",)),
        ("labels", ",", ("a tag", "labels")),
        ("labels", "", ("a tag", "labels")),
        ("card", "c" * 1025, ("1025 bytes", "1024")),
    ],
)
def test_a_wrong_field_value(desk: Desk, name: str, value: str, words: tuple[str, ...]) -> None:
    parked = desk.broker.depth(DEAD)
    answer = desk.one(matching="custom", field_name=name, field_value=value)
    refused(answer, 422, "field_value", *words)
    assert desk.broker.depth(DEAD) == parked


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({f"n{number}": 1 for number in range(1_001)}, "data has 1001 names; at most 1000"),
        ({"x": "y" * 2**20}, "A value in data has 1048578 bytes"),
        ({"phones": [f"+7900{number:07}" for number in range(100)]}, "101 addresses; at most 100"),
    ],
)
def test_too_much_in_data(desk: Desk, data: dict[str, Any], words: str) -> None:
    refused(desk.one(email=ANN, data=data), 422, words)


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
    refused(desk.one(**who, resource_id=25), 409, "not through this resource", "subscriptions")
    phone = {"matching": "phone", "phone": "+79000000024"}
    assert desk.one(**phone, resource_id=24)["error"] == 0
    refused(desk.one(**phone, resource_id=25, update_only=True), 404)
    assert desk.heads("resource@example.org") == [("resource@example.org", [24])]


def test_who_is_there_without_a_resource_gets_it_by_subscriptions(desk: Desk) -> None:
    who = {"email": "later@example.org"}
    known = desk.one(**who)
    refused(desk.one(**who, resource_id=24, data={"x": 1}), 409, "Leave resource_id out")
    subscription = {"channel": "email", "resource_id": 24, **who}
    assert desk.one(**who, data={"subscriptions": [subscription]})["error"] == 0
    assert desk.one(**who, resource_id=24, data={"x": 1})["profile_id"] == known["profile_id"]
    taken = desk.one(email="other@example.org", resource_id=24, data={"email": who["email"]})
    refused(taken, 409, "somebody else")


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
    by_field = {"matching": "custom", "field_name": "card", "field_value": "r"}
    refused(desk.one(**by_field, resource_id=-1), 422, "resource_id")


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
    where = {"account_id": space[0], "db_id": space[1]}
    refused(desk.one(**where, email=ANN), 403)
    of_ours = "000000010000000000000001"
    refused(desk.one(**where, matching="profile_id", profile_id=of_ours), 403)


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


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"data": []}, 400),
        ({"db_id": 9}, 403),
        ({"email": "nobody"}, 422),
        ({"resource_id": -1}, 422),
        ({"matching": "custom", "field_name": "CRM_ID", "field_value": "x"}, 422),
    ],
)
def test_a_corrected_message_may_keep_its_id(desk: Desk, wrong: dict[str, Any], code: int) -> None:
    right = message(email="corrected@example.org", feedback_id=f"corrected {wrong}")
    answers = desk.ask(right | wrong, right)
    refused(answers[0], code)
    assert answers[1]["error"] == 0


def test_an_id_is_of_one_database(desk: Desk) -> None:
    asked = message(email="per-db@example.org", feedback_id="per-db")
    answers = desk.ask(asked, asked | {"db_id": 2})
    assert [answer["profile_id"][:8] for answer in answers] == ["00000001", "00000002"]


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
    others = {
        "phone": 7,
        "profile_id": [],
        "field_name": 1.5,
        "field_value": {},
        "detect_geo": True,
    }
    answer = desk.one(email="over@example.org", **others)
    assert answer["error"] == 0
    assert desk.contacts.get(email="over@example.org").heads == ["over@example.org"]
    assert desk.one(matching="phone", phone="+79000000041", email=123)["error"] == 0
