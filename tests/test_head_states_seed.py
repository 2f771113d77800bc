"""Every sentence of seed 002 about the state of an identifier, and what changes it.

The system key member, member.get with stop lists and heads, email.get, email.cleanerror. Members
and heads count from 1 in the order in which a test makes them.
"""

import itertools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lmdb
import pytest

from reference.datakeys import Change
from support.core import (
    Api,
    check_fault,
    expect_fault,
    fault_in_answer,
    open_core,
)
from support.imports import email_column, run_import
from support.records import records, unpack_changes
from support.requests import (
    address,
    change,
    datakey_change,
    event,
    head_key,
    keys,
    member_key,
    sets,
)
from zmey.v1 import head_event_pb2 as head_events
from zmey.v1 import member_pb2 as member

ANN, BOB, PHONE = "email=ann@example.com", "email=bob@example.com", "msisdn=+79121234567"
VK, TG, MAX, PUSHAPP = "vk=77", "tg=-100", "max=55", "pushapp=token"
# Moments in the past, a second apart from one another.
T = 1_700_000_000
HOST = "192.0.2.8"
Events = Sequence[head_events.HeadEvent]


def at(seconds: int) -> str:
    """T and some seconds as seed 002 writes it."""
    return f"2023-11-14 22:13:{20 + seconds}"


def make(api: Api, *heads: str, **others: Any) -> int:
    return api.set_member(change(keys(heads[0]), heads=heads[1:], **others)).contact_id


def set_datakey(api: Api, head: str, path: str, mode: str, value: str = "") -> None:
    api.set_member(change(keys(head), [datakey_change(Change(path, mode, value))]))


def record(api: Api, *events: head_events.HeadEvent, **options: Any) -> list[Any]:
    """Records events, of which none may be refused."""
    results = api.record_head_events(*events, options=member.WriteOptions(**options))
    assert [result.fault.message for result in results.outcome.results] == [""] * len(events)
    return list(results.outcome.results)


def state(api: Api, head: str, **options: Any) -> Any:
    """The key member of a head, whether or not somebody has it."""
    response = api.get_member(keys(head), "member", missing_too=True, **options)
    return json.loads(response.member.values[0].value)


def failed(head: str, seconds: int, text: str = "full", **others: Any) -> head_events.HeadEvent:
    return event(head, T + seconds, delivery_failed={"text": text, **others})


def one(head: str, seconds: int, name: str, **fields: Any) -> head_events.HeadEvent:
    happened: dict[str, Any] = {name: fields}
    return event(head, T + seconds, **happened)


def stop(name: str, seconds: int, sender: str = "") -> head_events.HeadEvent:
    return one(ANN, seconds, name, sender=sender)


def vk(seconds: int, kind: str, community: int = 9) -> head_events.HeadEvent:
    return one(VK, seconds, "community", community=community, kind=kind)


def bot(head: str, seconds: int, kind: str) -> head_events.HeadEvent:
    return one(head, seconds, "bot", bot=7, kind=kind)


def test_a_head_of_which_nothing_is_known(api: Api) -> None:
    make(api, ANN)
    known = state(api, ANN)
    assert known["haslock"] == known["lockremove"] == 0
    assert (known["confirm"], known["error"]) == ({"lock": 0}, {"lock": 0, "error": 0})
    assert known["last"] == {}
    assert not known.keys() & {"mobile_os", "mobile_app", "vk", "tg", "max", "stoplist", "heads"}


STATES: tuple[tuple[str, Events, str, Any], ...] = (
    # (what the seed says, events in the order of their times, what of member, its value)
    ("date, description, number and place of the last error",
     [failed(ANN, 0), failed(ANN, 1, "Host not found", issue=5, letter=6)], "error",
     {"lock": 0, "date": at(1), "str": "Host not found", "error": 2, "issue": 5, "letter": 6}),
    ("date and description go with the first delivery, the number is 0 then",
     [failed(ANN, 0, issue=5, letter=6), one(ANN, 1, "delivered")], "error",
     {"lock": 0, "error": 0, "issue": 5, "letter": 6}),
    ("errors in a row begin anew after a delivery",
     [one(ANN, 0, "delivered"), failed(ANN, 1)], "error",
     {"lock": 0, "date": at(1), "str": "full", "error": 1}),
    ("a fatal error locks, with the issue and letter that led to it",
     [failed(ANN, 0, fatal=True, issue=1, letter=2)], "error",
     {"lock": 1, "date": at(0), "str": "full", "error": 1, "issue": 1, "letter": 2,
      "lock_issue": 1, "lock_letter": 2}),
    ("a delivery lifts no lock",
     [failed(ANN, 0, fatal=True, issue=1, letter=2), one(ANN, 1, "delivered")], "error",
     {"lock": 1, "error": 0, "issue": 1, "letter": 2, "lock_issue": 1, "lock_letter": 2}),
    ("clearing removes the records of errors and the lock",
     [failed(ANN, 0, fatal=True, issue=1, letter=2), one(ANN, 1, "errors_cleared")], "error",
     {"lock": 0, "error": 0}),
    ("clearing is of what was before it",
     [one(ANN, 0, "errors_cleared"), failed(ANN, 1, fatal=True, issue=1)], "error",
     {"lock": 1, "date": at(1), "str": "full", "error": 1, "issue": 1, "lock_issue": 1}),
    ("unsubscribed", [stop("unsubscribed", 0)], "lockremove", 1),
    ("unsubscribed cannot get messages", [stop("unsubscribed", 0)], "haslock", 1),
    ("subscribed again", [stop("unsubscribed", 0), stop("resubscribed", 1)], "lockremove", 0),
    ("unsubscribed at last",
     [stop("unsubscribed", 0), stop("resubscribed", 1), stop("unsubscribed", 2)], "haslock", 1),
    ("in a stop list of the owner", [stop("listed", 0)], "lockremove", 1),
    ("in no stop list of the owner any more", [stop("listed", 0), stop("unlisted", 1)],
     "haslock", 0),
    ("in one of both lists", [stop("unsubscribed", 0), stop("listed", 1), stop("unlisted", 2)],
     "haslock", 1),
    ("unsubscribed from one sender only", [stop("unsubscribed", 0, "a@b.com")], "lockremove", 0),
    ("from one sender again, from all still",
     [stop("unsubscribed", 0), stop("unsubscribed", 1, "a@b.com"),
      stop("resubscribed", 2, "a@b.com")], "haslock", 1),
    ("confirmed, when and from where",
     [event(ANN, T, "192.0.2.1", confirmed={}), event(ANN, T + 1, HOST, confirmed={})],
     "confirm", {"lock": 0, "time": at(1), "host": HOST}),
    ("time zone of the last click or read",
     [one(ANN, 0, "clicked", utc_offset_minutes=180),
      one(ANN, 1, "read", utc_offset_minutes=330)], "last", {"tz": 530}),
    ("a time zone to the west", [one(ANN, 0, "clicked", utc_offset_minutes=-210)], "last",
     {"tz": -330}),
    ("without leading zeros", [one(ANN, 0, "clicked", utc_offset_minutes=45)], "last",
     {"tz": 45}),
    ("less than an hour to the west", [one(ANN, 0, "clicked", utc_offset_minutes=-30)], "last",
     {"tz": -30}),
    ("of UTC", [one(ANN, 0, "clicked", utc_offset_minutes=0)], "last", {"tz": 0}),
    ("a robot does not count",
     [one(ANN, 0, "clicked", utc_offset_minutes=60),
      one(ANN, 1, "clicked", utc_offset_minutes=120, robot=True)], "last", {"tz": 100}),
    ("a click without a time zone leaves the last one",
     [one(ANN, 0, "clicked", utc_offset_minutes=60), one(ANN, 1, "read")], "last", {"tz": 100}),
    *(
        (f"operating system {name}",
         [one(PUSHAPP, 0, "push_registered", os="IOS", app=4),
          one(PUSHAPP, 1, "push_registered", os=name.upper(), app=5)], "mobile_os", name)
        for name in ("android", "ios", "huawei")
    ),
    ("number of the application", [one(PUSHAPP, 0, "push_registered", os="IOS", app=5)],
     "mobile_app", 5),
    ("memberships in communities",
     [vk(0, "SUBSCRIBED"), vk(1, "JOINED"), vk(2, "UNSUBSCRIBED"), vk(3, "LEFT")], "vk",
     {"9": {"sub": at(0), "member": at(1), "unsub": at(2), "left": at(3)}}),
    ("errors of communities, each for itself",
     [vk(0, "ERROR"), vk(1, "ERROR"), vk(2, "SUBSCRIBED", 10)], "vk",
     {"9": {"err": at(1)}, "10": {"sub": at(2)}}),
    *(
        (f"subscribers of bots of {kind}",
         [bot(head, 0, "SUBSCRIBED"), bot(head, 1, "UNSUBSCRIBED"), bot(head, 2, "ERROR"),
          bot(head, 3, "SUBSCRIBED")], kind,
         {"7": {"sub": at(3), "unsub": at(1), "err": at(2)}})
        for kind, head in (("tg", TG), ("max", MAX))
    ),
)  # fmt: skip


@pytest.mark.parametrize(("says", "events", "name", "expected"), STATES)
def test_events_in_any_order(says: str, events: Events, name: str, expected: Any) -> None:
    """An event that is older than what is recorded overwrites nothing newer."""
    heads = (ANN, VK, TG, MAX, PUSHAPP)
    (head,) = (head for head in heads if head_key(head) == events[0].head)
    for arrived in itertools.permutations(events):
        core = open_core()
        make(Api(core), *heads)
        record(Api(core), *arrived)
        assert state(Api(core), head)[name] == expected, (says, arrived)
        core.close()


def test_what_changed_is_told(api: Api) -> None:
    make(api, ANN)
    newer, older = (one(ANN, seconds, "confirmed") for seconds in (1, 0))
    changed = [result.changed for result in record(api, newer, newer, older)]
    assert changed == [True, False, False]
    (robot,) = record(api, one(ANN, 0, "read", utc_offset_minutes=60, robot=True))
    assert (robot.changed, robot.head_id, robot.contact_id) == (False, 1, 1)


def test_an_error_that_comes_twice_counts_once(api: Api) -> None:
    make(api, ANN)
    record(api, failed(ANN, 0, issue=1), failed(ANN, 0, issue=1), failed(ANN, 0, issue=2))
    assert state(api, ANN)["error"]["error"] == 2


LOCKS: dict[int, head_events.HeadEvent] = {
    1: stop("unsubscribed", 0),
    4: failed(ANN, 0, fatal=True),
}


@pytest.mark.parametrize("expected", range(8))
def test_haslock_is_the_sum_of_all_locks(api: Api, expected: int) -> None:
    """0 free, 1 unsubscribed, 2 not confirmed, 4 fatal errors; others are several at once."""
    make(api, ANN, newbie_confirm=bool(expected & 2))
    record(api, stop("resubscribed", -1), *(LOCKS[bit] for bit in LOCKS if expected & bit))
    known = state(api, ANN)
    assert known["haslock"] == expected
    assert known["confirm"]["lock"] == bool(expected & 2)
    assert known["error"]["lock"] == bool(expected & 4)
    assert known["lockremove"] == bool(expected & 1)


def test_a_confirmation_is_of_the_entry_that_waits_for_it(api: Api) -> None:
    """member.confirm: the state of the confirmation of the entry into the base."""
    make(api, ANN, newbie_confirm=True)
    record(api, one(ANN, 0, "confirmed"))
    assert state(api, ANN)["confirm"] == {"lock": 1}, "an earlier one"
    record(api, event(ANN, confirmed={}), source="192.0.2.9")
    confirm = state(api, ANN)["confirm"]
    assert (confirm["lock"], confirm["host"]) == (0, "192.0.2.9")
    set_datakey(api, ANN, "member.lockconfirm", "set", '"1"')
    record(api, one(ANN, 0, "confirmed"))
    assert state(api, ANN)["haslock"] == 2


def test_the_datakey_of_errors_removes_all_of_them(api: Api) -> None:
    """member.error.error with mode delete."""
    make(api, ANN)
    record(api, failed(ANN, 0, fatal=True, issue=1, letter=2))
    set_datakey(api, ANN, "member.error.error", "delete")
    assert state(api, ANN)["error"] == {"lock": 0, "error": 0}
    record(api, failed(ANN, 1, fatal=True))
    assert state(api, ANN)["haslock"] == 0, "from before it was cleared"


def test_errors_are_cleared_without_a_member(api: Api) -> None:
    """email.cleanerror: nobody need have the address."""
    make(api, ANN)
    record(api, failed(ANN, 0, fatal=True))
    api.delete_members(member_key(ANN))
    (result,) = record(api, one(ANN, 1, "errors_cleared"))
    assert (result.changed, result.contact_id) == (True, 0)
    make(api, ANN)
    assert state(api, ANN)["haslock"] == 0


def everything(api: Api) -> None:
    """Ann unsubscribed, undelivered, in another time zone; nothing of it is of a member."""
    record(
        api,
        failed(ANN, 0, fatal=True, issue=1),
        event(ANN, T, HOST, unsubscribed={"sender": ""}),
        one(ANN, 0, "clicked", utc_offset_minutes=60),
    )


def check_everything(known: Any) -> None:
    assert (known["haslock"] & 5, known["lockremove"]) == (5, 1)
    assert (known["error"]["lock_issue"], known["last"]) == (1, {"tz": 100})


def _delete(api: Api) -> None:
    api.delete_members(member_key("contact=1"))


def _restore(api: Api) -> None:
    api.delete_members(member_key("contact=1"))
    api.restore_member(member_key("contact=1"))


def _detach(api: Api) -> None:
    api.detach_head(head_key(ANN))


def _split(api: Api) -> None:
    api.detach_head(head_key(ANN), split=True)


def _transplant(api: Api) -> None:
    make(api, BOB)
    api.merge_members(keys(BOB), keys(ANN), head_rule="MERGE_HEAD_RULE_TRANSPLANT")


def _merge_and_back(api: Api) -> None:
    make(api, BOB)
    rule = "MERGE_HEAD_RULE_DECAPITATE"
    merged = api.merge_members(keys(BOB), keys(ANN), head_rule=rule).outcome
    api.unmerge_members(merged.merge_id)


def _reattach(api: Api) -> None:
    _delete(api)
    make(api, BOB)
    api.attach_head(keys(BOB), address(ANN))


MOVES = (_delete, _restore, _detach, _split, _transplant, _merge_and_back, _reattach)


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("later", [False, True])
def test_the_state_is_of_the_identifier(
    api: Api, move: Callable[[Api], None], *, later: bool
) -> None:
    """It survives the member and follows the head to another one, whenever it came."""
    make(api, ANN, PHONE)
    if not later:
        everything(api)
    move(api)
    if later:
        everything(api)
    check_everything(state(api, ANN))


def test_what_happened_to_an_identifier_of_a_deleted_member_is_kept(api: Api) -> None:
    make(api, ANN, datakeys=sets(x="1"), newbie_confirm=True)
    set_datakey(api, ANN, "-group.news", "set", '"1"')
    api.delete_members(member_key("contact=1"))
    everything(api)
    record(api, event(ANN, confirmed={}))
    check_everything(state(api, ANN))
    api.restore_member(member_key("contact=1"))
    known = state(api, ANN)
    check_everything(known)
    assert known["haslock"] == 5, "confirmed meanwhile"
    assert list(api.list_heads(keys(ANN)).heads[0].groups) == ["news"]


def test_a_new_entry_into_the_base_is_not_confirmed_by_an_old_one(api: Api) -> None:
    make(api, ANN)
    record(api, one(ANN, 0, "confirmed"))
    api.delete_members(member_key(ANN))
    make(api, ANN, newbie_confirm=True)
    assert state(api, ANN)["confirm"] == {"lock": 1}


@pytest.mark.parametrize("name", ["unsubscribed", "listed"])
def test_a_later_import_finds_an_address_suppressed(api: Api, name: str) -> None:
    """Nobody has had the address yet, and nobody has it now: there is information about it."""
    (result,) = record(api, stop(name, 0))
    assert (result.changed, result.head_id, result.contact_id) == (True, 1, 0)
    assert api.resolve(keys(ANN)).contact_id == 0
    assert state(api, ANN)["haslock"] == 1
    run_import(api, [email_column()], [[["ann@example.com"]]])
    known = state(api, ANN)
    assert (known["id"], known["dataset"], known["haslock"]) == (1, 1, 1)
    assert known["create"]["time"]


def test_a_resubscription_comes_before_what_it_takes_back(api: Api) -> None:
    record(api, stop("resubscribed", 1), stop("unsubscribed", 0))
    assert state(api, ANN)["haslock"] == 0


REFUSED: tuple[tuple[str, head_events.HeadEvent, str, dict[str, str]], ...] = (
    # What happens, why it is refused and with which details.
    ("never seen", one(BOB, 0, "delivered"), "HEAD_UNKNOWN", {"type": "email"}),
    ("no such number", event("id=9", unsubscribed={}), "HEAD_UNKNOWN", {"head_id": "9"}),
    ("no address", event("email=ann", unsubscribed={}), "EMAIL_NO_AT", {}),
    ("no head", head_events.HeadEvent(delivered={}), "FIELD_REQUIRED", {"field": "events.head"}),
    ("no event", event(ANN), "FIELD_REQUIRED", {"field": "events.event"}),
    ("push of no pushapp", one(ANN, 0, "push_registered", os="IOS", app=1), "HEAD_EVENT_UNFIT",
     {"type": "email", "event": "push_registered"}),
    ("community of no vk", one(TG, 0, "community", community=1, kind="LEFT"), "HEAD_EVENT_UNFIT",
     {"type": "tg", "event": "community"}),
    ("bot of no bot's", one(VK, 0, "bot", bot=1, kind="ERROR"), "HEAD_EVENT_UNFIT",
     {"type": "vk", "event": "bot"}),
    ("no system", one(PUSHAPP, 0, "push_registered", app=1), "FIELD_INVALID", {}),
    ("no application", one(PUSHAPP, 0, "push_registered", os="IOS"), "FIELD_REQUIRED", {}),
    ("no community", one(VK, 0, "community", kind="LEFT"), "FIELD_REQUIRED", {}),
    ("no kind", one(VK, 0, "community", community=1), "FIELD_INVALID", {}),
    ("no bot", one(TG, 0, "bot", kind="ERROR"), "FIELD_REQUIRED", {}),
    ("no kind of a bot", one(TG, 0, "bot", bot=1), "FIELD_INVALID", {}),
    ("no time zone", one(ANN, 0, "clicked", utc_offset_minutes=841), "FIELD_INVALID",
     {"field": "events.utc_offset_minutes"}),
    ("no time zone", one(ANN, 0, "clicked", utc_offset_minutes=-721), "FIELD_INVALID", {}),
    ("before all times", event(ANN, -1, delivered={}), "FIELD_INVALID",
     {"field": "events.time_seconds"}),
    ("days ahead", event(ANN, 1 << 40, delivered={}), "FIELD_INVALID",
     {"field": "events.time_seconds"}),
    ("no source", event(ANN, T, "localhost", delivered={}), "FIELD_INVALID", {"field": "source"}),
)  # fmt: skip


@pytest.mark.parametrize(("_what", "refused", "reason", "details"), REFUSED)
def test_one_refused_event_spoils_no_neighbour(
    api: Api, _what: str, refused: head_events.HeadEvent, reason: str, details: dict[str, str]
) -> None:
    make(api, ANN, VK, TG, PUSHAPP)
    answer = api.record_head_events(stop("listed", 0), refused, one(ANN, 0, "confirmed"))
    first, second, third = answer.outcome.results
    assert (first.changed, second.changed, third.changed) == (True, False, True)
    check_fault(fault_in_answer(second.fault), reason, **details)
    assert answer.outcome.revision == 3


def test_no_event_makes_another_version(api: Api) -> None:
    """Events are of heads: who waits to change the body is not disturbed."""
    make(api, ANN)
    everything(api)
    known = api.list_heads(keys(ANN))
    assert (known.version, known.revision) == (1, 4)
    assert not known.heads[0].HasField("update")


def test_the_call_takes_request_id_and_validation(api: Api) -> None:
    make(api, ANN)
    events = (stop("unsubscribed", 0), one(BOB, 0, "delivered"), one(BOB, 0, "listed"))
    validated = api.record_head_events(*events, options=member.WriteOptions(validate_only=True))
    assert state(api, ANN)["haslock"] == 0
    once = member.WriteOptions(request_id="e-1")
    first = api.record_head_events(*events, options=once)
    assert (first.outcome, first.replayed) == (validated.outcome, False)
    again = api.record_head_events(*events, options=once)
    assert (again.outcome, again.replayed) == (first.outcome, True)
    with expect_fault("REQUEST_ID_REUSED"):
        api.record_head_events(events[0], options=once)
    with expect_fault("FIELD_INVALID", field="options.expected_version"):
        api.record_head_events(events[0], options=member.WriteOptions(expected_version=1))
    with expect_fault("FIELD_INVALID", field="source"):
        api.record_head_events(events[0], options=member.WriteOptions(source="localhost"))
    with expect_fault("FIELD_REQUIRED", field="events"):
        api.record_head_events()


def test_events_are_in_the_change_log(tmp_path: Path) -> None:
    core = open_core(store_path=tmp_path / "store")
    make(Api(core), ANN)
    record(Api(core), stop("listed", 0), one(BOB, 0, "listed"), request_id="e-1")
    core.close()
    with lmdb.open(str(tmp_path / "store"), max_dbs=32, readonly=True) as store:
        table = store.open_db(b"changes", create=False)
        with store.begin(db=table) as transaction:
            segments = [
                records.ChangeSegment.FromString(bytes(value)) for _, value in transaction.cursor()
            ]
    _, recorded = (unpack_changes(segment).changes for segment in segments)
    seen = [(one.dataset_id, one.version, one.request_id) for one in recorded]
    assert seen == [(1, 1, "e-1"), (0, 0, "e-1")]


GLOBAL, ALL = "STOPLIST_FORM_GLOBAL", "STOPLIST_FORM_ALL"


def listed_everywhere(api: Api) -> None:
    record(
        api,
        event(ANN, T, HOST, listed={}),
        event(ANN, T + 1, "192.0.2.9", unsubscribed={}),
        event(ANN, T + 2, unsubscribed={"sender": " News@Example.com "}),
        event(ANN, T + 3, unsubscribed={"sender": "other"}),
        event(ANN, T + 4, resubscribed={"sender": "OTHER"}),
        source="192.0.2.7",
    )


OWNER = {"dt": at(0), "source": HOST}
MEMBER = {"dt": at(1), "source": "192.0.2.9"}
LISTED = [
    OWNER | {"type": "owner", "sender": ""},
    MEMBER | {"type": "member", "sender": ""},
    {"dt": at(2), "source": "192.0.2.7", "type": "member", "sender": "news@example.com"},
]


def test_stop_lists_are_shown_where_asked_for(api: Api) -> None:
    """with_stoplist: 0 none, 1 the global entries, 2 all of them."""
    make(api, ANN)
    assert state(api, ANN, with_stoplist=GLOBAL)["stoplist"] == {}
    assert state(api, ANN, with_stoplist=ALL)["stoplist"] == []
    listed_everywhere(api)
    assert "stoplist" not in state(api, ANN)
    assert state(api, ANN, with_stoplist=GLOBAL)["stoplist"] == {"owner": OWNER, "member": MEMBER}
    assert state(api, ANN, with_stoplist=ALL)["stoplist"] == LISTED
    with expect_fault("FIELD_INVALID", field="with_stoplist"):
        state(api, ANN, with_stoplist=9)


def test_stop_lists_of_nobody_are_shown_too(api: Api) -> None:
    """email.get: also where there is no subscriber, or is none any more."""
    listed_everywhere(api)
    assert state(api, ANN, with_stoplist=ALL)["stoplist"] == LISTED


def test_one_list_without_the_other(api: Api) -> None:
    """An entry is there if its key is."""
    record(api, event(ANN, T, HOST, listed={}))
    assert state(api, ANN, with_stoplist=GLOBAL)["stoplist"] == {"owner": OWNER}


def test_all_heads_are_shown_where_asked_for(api: Api) -> None:
    """with_heads: member.heads as member.head.list has it."""
    make(api, ANN, PHONE, newbie_confirm=True)
    record(api, failed(ANN, 0, fatal=True))
    assert "heads" not in state(api, ANN)
    email, phone = state(api, PHONE, with_heads=True)["heads"]
    assert (email["email"], email["addr_type"], email["dataset"]) == ("ann@example.com", "email", 1)
    assert (email["has_lock"], email["lockerror"]) == (6, 1)
    assert (email["haslock"], email["error"]["lock"], email["confirm"]) == (6, 1, {"lock": 1})
    assert (phone["id"], phone["has_lock"], phone["lockerror"]) == (2, 0, 0)


def test_listed_heads_have_the_same_state(api: Api) -> None:
    make(api, ANN, VK, PUSHAPP)
    listed_everywhere(api)
    record(
        api,
        failed(ANN, 5, fatal=True, issue=1, letter=2),
        one(ANN, 5, "clicked", utc_offset_minutes=-210),
        one(PUSHAPP, 0, "push_registered", os="HUAWEI", app=5),
        vk(0, "JOINED"),
    )
    email, community, app = api.list_heads(keys(ANN)).heads
    assert (email.haslock, email.lockremove, email.last_tz) == (5, True, -330)
    assert (
        (email.error_issue, email.error_letter) == (email.lock_issue, email.lock_letter) == (1, 2)
    )
    assert [(entry.type, entry.sender) for entry in email.stops] == [
        (head_events.STOP_TYPE_OWNER, ""),
        (head_events.STOP_TYPE_MEMBER, ""),
        (head_events.STOP_TYPE_MEMBER, "news@example.com"),
    ]
    assert (email.stops[0].time_seconds, email.stops[0].source) == (T, HOST)
    assert (app.mobile_os, app.mobile_app) == (head_events.MOBILE_OS_HUAWEI, 5)
    assert not app.HasField("last_tz")
    assert list(community.memberships) == [head_events.Membership(number=9, joined_seconds=T)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("member.error.str", "full"),
        ("member.error.*", {"lock": 0, "date": at(0), "str": "full", "error": 1}),
        ("member.tg.7.*", {"sub": at(0)}),
        ("member.mobile_os", None),
        ("member.last.tz", None),
    ],
)
def test_paths_lead_into_the_state(api: Api, path: str, expected: Any) -> None:
    head = TG if ".tg." in path else ANN
    make(api, ANN, TG)
    record(api, failed(ANN, 0), bot(TG, 0, "SUBSCRIBED"))
    value = api.get_member(keys(head), path).member.values[0].value
    assert (json.loads(value) if value else None) == expected


DATASET: tuple[tuple[str, Any], ...] = (
    # (what member.get dataset has of each identifier, its value)
    ("id", 1),
    ("dataset", 1),
    ("addr_type", "email"),
    ("email", "ann@example.com"),
    ("domain", "example.com"),
    ("haslock", 5),
    ("lockremove", 1),
    ("create", {"host": "192.0.2.1"}),
    ("update", {}),
    ("import", {}),
    ("confirm", {"lock": 0, "time": at(9), "host": HOST}),
    ("error", {"lock": 1, "date": at(5), "str": "full", "error": 1, "issue": 1, "letter": 2,
               "lock_issue": 1, "lock_letter": 2}),
    ("stoplist", LISTED),
)  # fmt: skip


def test_a_dataset_has_all_of_each_identifier(api: Api) -> None:
    make(api, ANN, PHONE, source="192.0.2.1", datakeys=sets(x="1"))
    set_datakey(api, ANN, "-group.news", "set", '"1"')
    listed_everywhere(api)
    record(
        api,
        failed(ANN, 5, fatal=True, issue=1, letter=2),
        event(ANN, T + 9, HOST, confirmed={}),
    )
    answer = api.get_dataset(1)
    assert answer.member.contact_id == 1
    assert [value.value for value in answer.member.values] == [b'{"x":1}']
    assert [head.id for head in answer.member.heads] == [1, 2]
    email, phone = (json.loads(text) for text in answer.head_records)
    for name, expected in DATASET:
        found = email[name]
        if name in ("create", "update"):
            assert found.pop("time"), name
        assert found == expected, name
    assert list(email["-group"]) == ["news"]
    assert (phone["stoplist"], phone["-group"], phone["haslock"]) == ([], {}, 0)
    assert "domain" not in phone
    for path in ("member", "member.id", "-group", "-group.news"):
        with expect_fault("DATAKEY_RESERVED", path=path):
            api.get_dataset(1, path)


def test_an_imported_head_of_a_dataset_has_its_date(api: Api) -> None:
    run_import(api, [email_column()], [[["ann@example.com"]]])
    (email,) = (json.loads(text) for text in api.get_dataset(1).head_records)
    assert email["import"]["time"]
