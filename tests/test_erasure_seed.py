"""Erasing members: semantics.md, 2 (numbers never come back) and 5 (EraseMember and its proof).

Members are made in the order in which a test names them and count from 1; so do heads.
"""

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import lmdb
import pytest

from support.core import Api, expect_fault, open_core, space_config
from support.people import people
from support.records import changes_of, records, unpack_changes
from support.requests import change, head_key, keys, member_key, sets
from zmey._native import compact, dump, fsck
from zmey.config import FieldConfig
from zmey.v1 import erasure_pb2 as erasures
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as service

ANN, OLD, PHONE = "email=ann@example.com", "email=old@example.com", "msisdn=+79121234567"
BOB, CARL = "email=bob@example.com", "email=carl@example.com"
TRANSPLANT, DECAPITATE = "MERGE_HEAD_RULE_TRANSPLANT", "MERGE_HEAD_RULE_DECAPITATE"


def make(api: Api, *heads: str, request_id: str = "", **data: str) -> member.MemberOutcome:
    wish = change(keys(*heads[:1]), sets(**data), heads=heads[1:], request_id=request_id)
    return api.set_member(wish)


def merge(api: Api, receiver: int, source: int, rule: str = TRANSPLANT) -> int:
    both = keys(contact_id=receiver), keys(contact_id=source)
    return api.merge_members(*both, head_rule=rule).outcome.merge_id


def erase(api: Api, who: str, **fields: Any) -> service.EraseMemberResponse:
    return api.erase_member(member_key(who), options=member.WriteOptions(**fields))


def erased(api: Api, who: str) -> erasures.Erasure:
    """Erases and waits for the proof."""
    return api.finished_erasure(erase(api, who).outcome.erasure_id)


def delete(api: Api, who: str) -> None:
    api.delete_members(member_key(who), wipe=True)


def nothing(_api: Api) -> None:
    """A history that is none."""


def detached(api: Api) -> None:
    api.detach_head(head_key(OLD))


def merged_away(api: Api) -> None:
    """Ann is merged into Bob, with her heads."""
    merge(api, 2, 1)


def merged_twice(api: Api) -> None:
    merge(api, 2, 1)
    merge(api, 3, 2)


def merged_and_deleted(api: Api) -> None:
    merge(api, 2, 1)
    delete(api, BOB)


def given_away(api: Api) -> None:
    """One of Ann's heads goes to Bob."""
    api.merge_members(keys(contact_id=2), keys(OLD), head_rule=TRANSPLANT)


# Ann (1) has heads 1 and 2, Bob (2) has 3, Carl (3) has 4.
ERASED: tuple[tuple[Any, ...], ...] = (
    # (what it says, what came before, whom, erased members, heads, heads of the others afterwards)
    ("by an identifier", nothing, ANN, [1], [1, 2], {2: [BOB], 3: [CARL]}),
    ("by the number of one", nothing, "id=2", [1], [1, 2], {2: [BOB], 3: [CARL]}),
    ("by its number", nothing, "contact=1", [1], [1, 2], {2: [BOB], 3: [CARL]}),
    ("deleted, by an identifier", lambda api: delete(api, ANN), OLD, [1], [1, 2],
     {2: [BOB], 3: [CARL]}),
    ("deleted, by its number", lambda api: delete(api, ANN), "contact=1", [1], [1, 2],
     {2: [BOB], 3: [CARL]}),
    ("those merged into it too", merged_away, "contact=2", [2, 1], [3, 1, 2], {3: [CARL]}),
    ("a merged number is the survivor", merged_away, "contact=1", [2, 1], [3, 1, 2], {3: [CARL]}),
    ("recursively", merged_twice, CARL, [3, 2, 1], [4, 3, 1, 2], {}),
    ("merged and deleted", merged_and_deleted, "contact=1", [2, 1], [3, 1, 2], {3: [CARL]}),
    ("former identifiers too", detached, ANN, [1], [1, 2], {2: [BOB], 3: [CARL]}),
    ("one that nobody has", detached, OLD, [], [2], {1: [ANN], 2: [BOB], 3: [CARL]}),
    ("not what others own", given_away, "contact=1", [1], [1], {2: [BOB, OLD], 3: [CARL]}),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "before", "who", "members", "heads", "others"), ERASED)
def test_who_and_what_goes(
    api: Api,
    _says: str,
    before: Callable[[Api], None],
    who: str,
    members: Sequence[int],
    heads: Sequence[int],
    others: dict[int, list[str]],
) -> None:
    for name in ([ANN, OLD], [BOB], [CARL]):
        make(api, *name, x='"personal"')
    before(api)
    outcome = erase(api, who).outcome
    assert outcome.contact_id == (members[0] if members else 0)
    assert list(outcome.erased_contact_ids) == members
    erasure = api.finished_erasure(outcome.erasure_id)
    assert list(erasure.contact_ids) == members
    assert list(erasure.head_ids) == heads
    assert people(api, 1, 2, 3) == others
    for number in members:
        with expect_fault("MEMBER_MISSING"):
            api.get_member(keys(contact_id=number), missing_too=True)
        with expect_fault("MEMBER_NOT_RESTORABLE"):
            api.restore_member(member_key(f"contact={number}"))
        with expect_fault("MEMBER_MISSING"):
            erase(api, f"contact={number}")
        assert not api.list_merges(number).merges
    for head in heads:
        with expect_fault("MEMBER_MISSING"):
            api.get_member(keys(head_id=head), missing_too=True)


def test_numbers_are_never_used_again(api: Api) -> None:
    """An address keeps its number for ever; only EraseMember forgets the address."""
    make(api, ANN)
    erased(api, ANN)
    again = make(api, ANN)
    assert (again.status, again.contact_id) == (member.OUTCOME_STATUS_CREATED, 2)
    assert again.member.id == 2
    erased(api, ANN)
    assert make(api, ANN).contact_id == 3


def test_a_merge_that_was_undone_leaves_nothing_with_the_other(tmp_path: Path) -> None:
    core = open_core(store_path=tmp_path / "store")
    api = Api(core)
    make(api, ANN, secret='"of Ann"')
    make(api, BOB, own='"of Bob"')
    api.unmerge_members(merge(api, 2, 1))
    assert people(api, 1, 2) == {1: [ANN], 2: [BOB]}
    erasure = erased(api, "contact=1")
    assert erasure.counts.merges == 1
    assert people(api, 1, 2) == {2: [BOB]}
    assert api.get_dataset(2).member.values[0].value == b'{"own":"of Bob"}'
    core.close()
    left = b"".join(value for _, value in everything(tmp_path / "store"))
    assert b"of Ann" not in left
    assert b"of Bob" in left


def freed_by_others(api: Api) -> None:
    """A merge of Bob and Carl has set Carl's second head free; then Ann got it."""
    make(api, CARL, PHONE)
    api.merge_members(keys(BOB), keys(PHONE), head_rule=DECAPITATE)


def deleted_with_others(api: Api) -> None:
    """Carl was deleted with a head that Ann got then."""
    make(api, CARL, PHONE)
    delete(api, CARL)


COPIES: tuple[tuple[Any, ...], ...] = (
    ("in a merge", freed_by_others, lambda api: api.unmerge_members(api.list_merges(1).merges[0]
     .merge_id).outcome.conflicts[0].details["head_id"]),
    ("in a deletion", deleted_with_others, lambda api: api.restore_member(member_key("contact=2"))
     .outcome.warnings[0].details["head_id"]),
)  # fmt: skip


@pytest.mark.parametrize(("_says", "others_do", "bring_back"), COPIES)
@pytest.mark.parametrize("waits", [True, False])
def test_copies_of_an_identifier_with_others(
    tmp_path: Path,
    _says: str,
    others_do: Callable[[Api], None],
    bring_back: Callable[[Api], str],
    *,
    waits: bool,
) -> None:
    """What others could bring back is not the erased identifier; they are told."""
    path = tmp_path / "store"
    core = open_core(store_path=path)
    api = Api(core)
    make(api, BOB)
    others_do(api)
    make(api, ANN, PHONE)
    outcome = erase(api, ANN).outcome
    if waits:
        erasure = api.finished_erasure(outcome.erasure_id)
        # One is brought back from; two tell in the log that it came and went.
        assert erasure.counts.former_heads == 3
        assert b"+79121234567" not in b"".join(key + value for key, value in everything(path))
    assert bring_back(api) == "3"
    core.close()
    assert fsck(str(path))["problems"] == []


def test_request_ids_of_the_erased_are_refused(api: Api) -> None:
    """A repeated request_id does not make the person again."""
    ann = change(keys(ANN), sets(x="1"), request_id="r-ann")
    bob = change(keys(BOB), sets(x="1"), request_id="r-bob")
    api.set_member(ann)
    first = api.set_member(bob)
    api.attach_head(
        keys(ANN), member_key(ANN).address, options=member.WriteOptions(request_id="r-no-change")
    )
    outcome = erase(api, ANN, request_id="r-erase").outcome
    for _ in range(2):
        with expect_fault("REQUEST_ERASED", request_id="r-ann"):
            api.set_member(ann)
        with expect_fault("REQUEST_ERASED"):
            api.set_member(change(keys(CARL), sets(x="1"), request_id="r-ann"))
        with expect_fault("REQUEST_ERASED"):
            api.detach_head(head_key(BOB), options=member.WriteOptions(request_id="r-no-change"))
        repeated = api.set_member(bob)
        assert (repeated.replayed, repeated.contact_id) == (True, first.contact_id)
        again = erase(api, ANN, request_id="r-erase")
        assert (again.replayed, again.outcome) == (True, outcome)
        erasure = api.finished_erasure(outcome.erasure_id)
    assert erasure.counts.requests == 2
    assert people(api, 1, 2) == {2: [BOB]}


def test_version_and_validation(api: Api) -> None:
    make(api, ANN, x="1")
    with expect_fault("VERSIONING", version="1"):
        erase(api, ANN, expected_version=2)
    validated = erase(api, ANN, expected_version=1, validate_only=True)
    assert people(api, 1) == {1: [ANN]}
    with expect_fault("ERASURE_UNKNOWN"):
        api.get_erasure(validated.outcome.erasure_id)
    delete(api, ANN)
    with expect_fault("VERSIONING", version="1"):
        erase(api, ANN, expected_version=2)
    outcome = erase(api, ANN, expected_version=1).outcome
    assert (outcome.counts.members, outcome.counts.deleted_members) == (0, 1)
    assert validated.outcome.counts.members == 1


def test_refusals(api: Api) -> None:
    make(api, ANN)
    for who in ("contact=2", "contact=0", "id=7", BOB):
        with expect_fault("MEMBER_MISSING"):
            erase(api, who)
    with expect_fault("EMAIL_NO_AT"):
        erase(api, "email=ann")
    with expect_fault("FIELD_REQUIRED", field="member"):
        api.erase_member(None)
    with expect_fault("FIELD_REQUIRED", field="erasure_id"):
        api.get_erasure(0)
    with expect_fault("ERASURE_UNKNOWN", erasure_id="5"):
        api.get_erasure(5)
    with expect_fault("REVISION_NOT_REACHED"):
        api.get_erasure(1, min_revision=99)
    assert people(api, 1) == {1: [ANN]}


def test_the_proof(api: Api) -> None:
    """Who, when, which numbers and how much; nothing personal."""
    make(api, ANN, x="1", request_id="r-1")
    make(api, ANN, x="2")
    make(api, BOB)
    merge(api, 1, 2)
    outcome = erase(api, ANN, source="192.0.2.9").outcome
    assert outcome.counts == erasures.ErasureCounts(members=1, heads=2, merges=1)
    erasure = api.finished_erasure(outcome.erasure_id)
    assert erasure.begun.host == "192.0.2.9"
    assert erasure.begun.time_seconds <= erasure.finished_seconds
    # Made, changed, Bob made, both sides of the merge.
    assert erasure.counts == erasures.ErasureCounts(
        members=1, heads=2, merges=1, changes=5, requests=1
    )
    assert erasure.through_revision == erasure.scrubbed_revision == outcome.revision
    assert b"example" not in erasure.SerializeToString()


def everything(path: Path) -> list[tuple[bytes, bytes]]:
    """Every key and value of a store, the changes unpacked."""
    entries = []
    with lmdb.open(str(path), max_dbs=32, readonly=True, lock=False) as env, env.begin() as txn:
        for name in list(txn.cursor().iternext(values=False)):
            table = env.open_db(name, txn, create=False)
            for key, value in txn.cursor(table):
                shown = value
                if name == b"changes":
                    changes = unpack_changes(records.ChangeSegment.FromString(value))
                    shown = changes.SerializeToString()
                entries.append((key, shown))
    return entries


def test_changes_keep_their_revisions_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "store"
    core = open_core(store_path=path)
    api = Api(core)
    make(api, ANN, x='"personal"', request_id="r-1")
    make(api, BOB, x='"kept"')
    make(api, ANN, x='"more"')
    outcome = erase(api, ANN, request_id="r-2").outcome
    # The task survives a restart.
    core.close()
    core = open_core(store_path=path)
    Api(core).finished_erasure(outcome.erasure_id)
    assert core.metrics()["zmey_upkeep_failures_total"] == 0
    core.close()
    assert fsck(str(path))["problems"] == []
    changes = changes_of(path)
    assert [(change.dataset_id, change.version, change.erased) for change in changes] == [
        (1, 1, True),
        (2, 1, False),
        (1, 2, True),
        (1, 2, True),
    ]
    bare = records.ChangeRecord(dataset_id=1, version=1, origin=1, erased=True)
    assert changes[0] == bare
    assert changes[1].created_data == '{"x":"kept"}'


def test_many_erasures_share_their_passes(api: Api) -> None:
    numbers = [make(api, f"email=m{number}@example.com").contact_id for number in range(50)]
    outcomes = [erase(api, f"contact={number}").outcome for number in numbers]
    for outcome in outcomes:
        erasure = api.finished_erasure(outcome.erasure_id)
        assert erasure.counts.changes == 1
        assert list(erasure.head_ids) == list(outcome.erased_head_ids)
    assert api.core.metrics()["zmey_upkeep_failures_total"] == 0


# Everything that is known of Ann, and what is known of the others; each is to be found as it was
# given or in its canonical form.
SECRETS = (
    *("ann.secret@example.com", "+79121111111", "CRM-SECRET", "token-secret", "7654321987"),
    *("annsecret", "Smith-Secret", "field-secret", "r-secret", "old-secret", "group-secret"),
    *("merged.secret@example.com", "Merged-Secret", "detached.secret@example.com"),
    *("deleted.secret@example.com", "Deleted-Secret", "unmerged-secret", "192.0.2.77"),
)
KEPT = ("bob@example.com", "Bob-Kept", "r-kept", "carl@example.com", "Carl-Kept", "ann-to-bob")


def fill_with_secrets(api: Api) -> list[str]:
    """Makes members whose strings are known; answers whom to erase."""
    who = keys("email=Ann.Secret@Example.COM")
    heads = ("msisdn=8 (912) 111-11-11", "csid=CRM-SECRET", "push=token-secret", "tg=7654321987")
    data = sets(name='"annsecret"', surname='"Smith-Secret"', **{"crm.id": '"field-secret"'})
    api.set_member(change(who, data, heads=heads, request_id="r-secret", source="192.0.2.77"))
    api.set_member(change(who, sets(name='"old-secret"', **{"-group.group-secret": '"1"'})))
    api.set_member(change(who, sets(name='"new"'), heads=["email=detached.secret@example.com"]))
    api.detach_head(head_key("email=detached.secret@example.com"))
    bob, carl = make(api, BOB, request_id="r-kept", name='"Bob-Kept"'), make(api, CARL)
    make(api, CARL, name='"Carl-Kept"')
    # Who is merged into Ann, who was for a while, and what Ann gave to Bob for good.
    merged = make(api, "email=merged.secret@example.com", name='"Merged-Secret"')
    merge(api, 1, merged.contact_id)
    api.set_member(change(who, sets(unmerged='"unmerged-secret"')))
    api.unmerge_members(merge(api, carl.contact_id, 1))
    api.set_member(change(keys(BOB), sets(gift='"ann-to-bob"')))
    deleted = make(api, "email=deleted.secret@example.com", name='"Deleted-Secret"')
    delete(api, f"contact={deleted.contact_id}")
    merge(api, carl.contact_id, bob.contact_id)
    return ["contact=1", f"contact={deleted.contact_id}"]


def test_nothing_is_left_on_the_disk(tmp_path: Path) -> None:
    """After compacting, not one byte of the erased is in the directory of the store."""
    path = tmp_path / "store"
    field = FieldConfig(path="crm.id", kind="string", unique=True)
    core = open_core((space_config(1, fields=(field,)),), path)
    api = Api(core)
    whom = fill_with_secrets(api)
    before = found(path)
    # LZ4 hides some of them.
    assert before > {"ann.secret@example.com", "Merged-Secret", "deleted.secret@example.com"}
    erasures = [erase(api, who).outcome.erasure_id for who in whom]
    for erasure_id in erasures:
        api.finished_erasure(erasure_id)
    core.close()
    assert [secret for _, entry in everything(path) for secret in SECRETS
            if secret.encode() in entry] == []  # fmt: skip
    assert fsck(str(path))["problems"] == []
    dump(str(path), str(tmp_path / "before"))
    compacted = compact(str(path))
    assert compacted["bytes_after"] < compacted["bytes_before"]
    dump(str(path), str(tmp_path / "after"))
    assert (tmp_path / "before").read_bytes() == (tmp_path / "after").read_bytes()
    assert found(path) == set(KEPT)
    assert fsck(str(path))["problems"] == []
    core = open_core((space_config(1, fields=(field,)),), path)
    assert people(Api(core), *range(1, 7)) == {3: [CARL, BOB]}
    core.close()


def found(path: Path) -> set[str]:
    """The known strings in the bytes of any file of a store, and in its unpacked changes."""
    contents = [file.read_bytes() for file in path.rglob("*") if file.is_file()]
    contents += [key + value for key, value in everything(path)]
    return {
        text
        for text in (*SECRETS, *KEPT)
        if any(text.encode() in content or text.encode("utf-16-le") in content
               for content in contents)
    }  # fmt: skip


KILLED = "import sys; from zmey._native import compact; print(flush=True); compact(sys.argv[1])"


def test_compacting_that_is_killed_leaves_the_old_store_or_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "store"
    core = open_core(store_path=path)
    everybody = [change(keys(f"email=m{number}@example.com")) for number in range(10_000)]
    for _ in range(3):
        Api(core).set_members([*everybody[:5_000]])
        Api(core).set_members([*everybody[5_000:]])
    core.close()
    dump(str(path), str(tmp_path / "before"))
    expected = (tmp_path / "before").read_bytes()
    for number in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE
        ) as process:
            assert process.stdout is not None
            process.stdout.readline()
            time.sleep(0.008 * number)
            process.kill()
        dump(str(path), str(tmp_path / f"after-{number}"))
        assert (tmp_path / f"after-{number}").read_bytes() == expected
        assert not (path / "compacting").exists()
