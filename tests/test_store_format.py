"""A closed store as a stranger reads it: py-lmdb for the tables, generated messages for values.

The keys are built here from the documentation of native/src/store/keys.rs, not by its code, and
every table must hold exactly what the calls before have led to: nothing less, nothing besides.
"""

import hashlib
import struct
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lmdb
import pytest

from support.core import Api, open_core, space_config
from support.imports import datakey_column, email_column, run_import
from support.records import records, unpack_changes, unpack_lz4_block
from support.requests import change, data_rule, keys, sets
from zmey._native import fsck
from zmey.config import FieldConfig
from zmey.v1 import address_pb2 as address
from zmey.v1 import member_pb2 as member
from zmey.v1.space_pb2 import Space

TABLES = (
    *("meta", "spaces", "addresses", "heads", "bodies", "redirects"),
    *("fields", "requests", "imports", "expiries", "changes", "merges", "member_merges", "trash"),
    *("origins", "tasks", "erasures", "policies", "groups", "group_heads"),
    *("jobs", "job_progress", "rejects", "express_lists", "express_rows"),
)
REQUESTS_TAG, IMPORTS_TAG = TABLES.index("requests"), TABLES.index("imports")
LMDB_MAGIC = 0xBEEFC0DE
LMDB_DATA_VERSION = 1
HASHED = 0x80
DAY_SECONDS = 24 * 60 * 60
LONG_TOKEN = "t" * 401
LONG_FIELD_VALUE = "v" * 201
IMPORTED_ROWS = 300
# space 1: Ann with an e-mail, a customer id and a token; the imported; space 2: another Ann.
MEMBERS = IMPORTED_ROWS + 1
HEADS = IMPORTED_ROWS + 3
REVISIONS = 2 + IMPORTED_ROWS + 1

Table = dict[bytes, bytes]


@dataclass(frozen=True)
class Closed:
    """A closed store and what was answered while it was open."""

    path: Path
    tables: dict[str, Table]
    began_seconds: int
    ended_seconds: int
    first: member.MemberOutcome

    def decoded(self, table: str, kind: Any) -> dict[bytes, Any]:
        """Decodes the values of a table."""
        return {key: kind.FromString(value) for key, value in self.tables[table].items()}

    def check_stamp(self, seconds: int, term_seconds: int = 0) -> None:
        """Checks that a moment lies within the calls, or a term after them."""
        assert self.began_seconds <= seconds - term_seconds <= self.ended_seconds


def numbered(space: int, number: int) -> bytes:
    """A key of heads and bodies."""
    return struct.pack(">IQ", space, number)


def address_key(space: int, kind: int, canonical: str) -> bytes:
    """A key of addresses; one over 400 bytes is there as SHA-256."""
    encoded = canonical.encode()
    if len(encoded) <= 400:
        return struct.pack(">IB", space, kind) + encoded
    return struct.pack(">IB", space, kind | HASHED) + hashlib.sha256(encoded).digest()


def field_key(space: int, field: int, value: str, dataset_id: int) -> bytes:
    """A key of fields; a value over 200 bytes is there as SHA-256."""
    encoded = value.encode()
    length = len(encoded)
    if length > 200:
        length, encoded = 0xFF, hashlib.sha256(encoded).digest()
    return struct.pack(">IHB", space, field, length) + encoded + struct.pack(">Q", dataset_id)


def imported(row: int) -> str:
    return f"row-{row}@example.com"


def fill(path: Path) -> member.MemberOutcome:
    """Makes the store: a call with everything, an update, an import, a second space."""
    fields = (
        FieldConfig(path="crm.id", kind="string", unique=True),
        FieldConfig(path="labels", kind="tags", unique=False),
    )
    core = open_core((space_config(1, fields=fields), space_config(2)), path)
    api = Api(core)
    everything = change(
        keys("email=Ann@Example.com", csid="C-1"),
        [
            *sets(name='"Ann"', labels='"red, blue"'),
            *sets(**{"crm.id": f'"{LONG_FIELD_VALUE}"'}),
        ],
        heads=[f"push={LONG_TOKEN}"],
        request_id="order-17",
        source="192.0.2.7",
    )
    first = api.set_member(everything)
    api.set_member(change(keys("email=ann@example.com"), sets(name='"Anna"')))
    columns = [email_column(), datakey_column("name")]
    rows = [(imported(row), f"Name {row}") for row in range(IMPORTED_ROWS)]
    run_import(api, columns, [rows], import_id="crm-1")
    Api(core, Space(account_id=1, db_id=2)).set_member(
        change(keys("email=ann@example.com"), sets(a="1"))
    )
    core.close()
    return first


def read_all(path: Path) -> dict[str, Table]:
    """Reads every table as the format promises that it can be read."""
    with lmdb.open(
        str(path), readonly=True, lock=False, create=False, max_dbs=len(TABLES)
    ) as environment:
        databases = {name: environment.open_db(name.encode(), create=False) for name in TABLES}
        with environment.begin() as transaction:
            named = [name.decode() for name, _ in transaction.cursor()]
            assert sorted(named) == sorted(TABLES)
            return {
                name: dict(iter(transaction.cursor(database)))
                for name, database in databases.items()
            }


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Closed:
    path = tmp_path_factory.mktemp("format") / "store"
    began_seconds = int(time.time())
    first = fill(path)
    ended_seconds = int(time.time())
    return Closed(path, read_all(path), began_seconds, ended_seconds, first)


def test_the_file_is_lmdb_of_version_1(closed: Closed) -> None:
    """LMDB 0.9 wrote it, which is what other programs bring along."""
    with (closed.path / "data.mdb").open("rb") as file:
        start = file.read(24)
    assert struct.unpack("<II", start[16:24]) == (LMDB_MAGIC, LMDB_DATA_VERSION)


def test_the_header(closed: Closed) -> None:
    expected = records.StoreHeader(format_version=1, revision=REVISIONS, next_space_number=3)
    assert closed.decoded("meta", records.StoreHeader) == {b"header": expected}


def test_spaces(closed: Closed) -> None:
    fields = [
        records.FieldRecord(number=1, path="crm.id", kind=1, unique=True),
        records.FieldRecord(number=2, path="labels", kind=3, unique=False),
    ]
    assert closed.decoded("spaces", records.SpaceRecord) == {
        struct.pack(">II", 1, 1): records.SpaceRecord(
            number=1,
            next_head_id=HEADS + 1,
            next_dataset_id=MEMBERS + 1,
            fields=fields,
            next_field_number=3,
            has_group_heads=True,
            members=MEMBERS,
        ),
        struct.pack(">II", 1, 2): records.SpaceRecord(
            number=2,
            next_head_id=2,
            next_dataset_id=2,
            next_field_number=1,
            has_group_heads=True,
            members=1,
        ),
    }


def expected_heads(closed: Closed) -> dict[bytes, tuple[int, str, int]]:
    """Lists heads by key as (type, address, dataset id)."""
    ann = {
        1: (address.ADDRESS_TYPE_CSID, "C-1"),
        2: (address.ADDRESS_TYPE_EMAIL, "ann@example.com"),
        3: (address.ADDRESS_TYPE_PUSH, LONG_TOKEN),
    }
    # Which of the three was numbered first is the core's affair; that they are 1 to 3 is not.
    by_address = {
        record.address: struct.unpack(">IQ", key)[1]
        for key, record in closed.decoded("heads", records.HeadRecord).items()
        if key[:4] == struct.pack(">I", 1)
    }
    assert {by_address[text] for _, text in ann.values()} == {1, 2, 3}
    expected: dict[bytes, tuple[int, str, int]] = {
        numbered(1, by_address[text]): (kind, text, 1) for kind, text in ann.values()
    }
    for row in range(IMPORTED_ROWS):
        entry = (address.ADDRESS_TYPE_EMAIL, imported(row), 2 + row)
        expected[numbered(1, 4 + row)] = entry
    expected[numbered(2, 1)] = (address.ADDRESS_TYPE_EMAIL, "ann@example.com", 1)
    return expected


def test_addresses_point_at_heads_and_bodies(closed: Closed) -> None:
    expected = {}
    for key, (kind, text, dataset_id) in expected_heads(closed).items():
        space, head_id = struct.unpack(">IQ", key)
        record = records.AddressRecord(head_id=head_id, dataset_id=dataset_id)
        expected[address_key(space, kind, text)] = record
    assert closed.decoded("addresses", records.AddressRecord) == expected
    hashed = [key for key in closed.tables["addresses"] if key[4] & HASHED]
    assert [len(key) for key in hashed] == [4 + 1 + 32]


def test_heads(closed: Closed) -> None:
    found = closed.decoded("heads", records.HeadRecord)
    expected = expected_heads(closed)
    assert list(found) == sorted(expected)
    for key, head in found.items():
        space, number = struct.unpack(">IQ", key)
        assert (head.type, head.address) == expected[key][:2]
        closed.check_stamp(head.create.time_seconds)
        first_call = space == 1 and number <= 3
        assert head.create.host == ("192.0.2.7" if first_call else "")
        by_import = space == 1 and number > 3
        assert bool(head.import_seconds) == by_import


def test_bodies(closed: Closed) -> None:
    found = closed.decoded("bodies", records.BodyRecord)
    heads_of: dict[bytes, dict[int, int]] = {}
    for key, (kind, _, dataset_id) in expected_heads(closed).items():
        space, head_id = struct.unpack(">IQ", key)
        heads_of.setdefault(numbered(space, dataset_id), {})[head_id] = kind
    assert list(found) == sorted(heads_of)
    for key, body in found.items():
        space, number = struct.unpack(">IQ", key)
        heads = dict(zip(body.head_ids, body.head_types, strict=True))
        assert heads == heads_of[key]
        assert body.version == (2 if (space, number) == (1, 1) else 1)
        closed.check_stamp(body.create.time_seconds)
    ann = f'{{"name":"Anna","labels":"red, blue","crm":{{"id":"{LONG_FIELD_VALUE}"}}}}'
    assert found[numbered(1, 1)].data == ann
    assert found[numbered(1, 2)].data == '{"name":"Name 0"}'
    assert found[numbered(2, 1)].data == '{"a":1}'


def test_fields_index_declared_values(closed: Closed) -> None:
    values = [(1, LONG_FIELD_VALUE), (2, "blue"), (2, "red")]
    expected = {field_key(1, field, value, 1): b"" for field, value in values}
    assert closed.tables["fields"] == expected


def test_requests_keep_the_first_answer(closed: Closed) -> None:
    (request,) = closed.decoded("requests", records.RequestRecord).items()
    key, record = request
    assert key == struct.pack(">I", 1) + b"order-17"
    assert len(record.fingerprint) == 32
    assert member.MemberOutcome.FromString(record.outcome) == closed.first
    closed.check_stamp(record.expires_seconds, DAY_SECONDS)


def test_imports_keep_the_position(closed: Closed) -> None:
    (position,) = closed.decoded("imports", records.ImportRecord).items()
    key, record = position
    assert key == struct.pack(">I", 1) + b"crm-1"
    assert record.next_chunk == 2
    closed.check_stamp(record.expires_seconds, 30 * DAY_SECONDS)


def test_expiries_name_what_to_forget(closed: Closed) -> None:
    (request,) = closed.decoded("requests", records.RequestRecord).items()
    (position,) = closed.decoded("imports", records.ImportRecord).items()
    expected = {
        struct.pack(">QB", record.expires_seconds, tag) + key: b""
        for tag, (key, record) in ((REQUESTS_TAG, request), (IMPORTS_TAG, position))
    }
    assert closed.tables["expiries"] == expected


def test_what_merges_leave_is_empty_before_the_first_one(closed: Closed) -> None:
    names = ("redirects", "merges", "member_merges", "trash", "origins")
    assert [closed.tables[name] for name in names] == [{}] * len(names)


def test_a_merge_leaves_a_redirect_and_how_to_undo_it(tmp_path: Path) -> None:
    core = open_core((), tmp_path / "store")
    api = Api(core)
    for email in ("ann@example.com", "bob@example.com"):
        api.set_member(change(keys(f"email={email}"), sets(a=f'"{email}"', b="1")))
    merge_id = api.merge_members(
        keys("email=ann@example.com"), keys("email=bob@example.com"),
        head_rule="MERGE_HEAD_RULE_TRANSPLANT", data_rule=data_rule(has_has="SET"),
        options=member.WriteOptions(source="192.0.2.7", request_id="m-1"),
    ).outcome.merge_id  # fmt: skip
    core.close()
    tables = read_all(tmp_path / "store")
    (redirect,) = tables["redirects"].items()
    assert redirect[0] == numbered(1, 2)
    assert records.RedirectRecord.FromString(redirect[1]).to_dataset_id == 1
    assert list(tables["bodies"]) == [numbered(1, 1)]
    by_members = [numbered(1, one) + struct.pack(">Q", merge_id) for one in (1, 2)]
    assert tables["member_merges"] == dict.fromkeys(by_members, b"")
    ((key, value),) = tables["merges"].items()
    assert key == numbered(1, merge_id)
    merge = records.MergeRecord.FromString(value)
    assert (merge.receiver_dataset_id, merge.source_dataset_id) == (1, 2)
    assert (merge.done.host, merge.request_id) == ("192.0.2.7", "m-1")
    assert (list(merge.moved_head_ids), merge.HasField("undone")) == ([2], False)
    assert merge.source_body.data == '{"a":"bob@example.com","b":1}'
    (difference,) = merge.receiver_differences
    assert (list(difference.path), difference.before) == (["a"], '"ann@example.com"')
    assert difference.after == '"bob@example.com"'


def test_changes_tell_the_whole_history(closed: Closed) -> None:
    segments = closed.decoded("changes", records.ChangeSegment)
    assert [struct.unpack(">Q", key)[0] for key in segments] == [1, 2, 3, REVISIONS]
    created, updated, by_import, second_space = segments.values()
    for segment in segments.values():
        closed.check_stamp(segment.time_seconds)
    spaces = [segment.space_number for segment in segments.values()]
    assert spaces == [1, 1, 1, 2]
    assert [segment.count for segment in segments.values()] == [1, 1, IMPORTED_ROWS, 1]
    assert by_import.content_bytes > len(by_import.content), "a large segment is compressed"
    assert second_space.content_bytes == 0, "a small one is not"
    (one,) = unpack_changes(created).changes
    assert (one.dataset_id, one.version, one.request_id, one.origin) == (1, 1, "order-17", 1)
    assert sorted(head.head_id for head in one.heads) == [1, 2, 3]
    assert one.created_data.startswith('{"name":"Ann","labels":')
    (two,) = unpack_changes(updated).changes
    delta = records.DatakeyDelta(key="name", before='"Ann"', after='"Anna"')
    assert (two.version, list(two.datakeys)) == (2, [delta])
    rows = unpack_changes(by_import).changes
    assert [row.dataset_id for row in rows] == list(range(2, 2 + IMPORTED_ROWS))
    assert {(row.version, row.origin) for row in rows} == {(1, 2)}
    assert rows[7].created_data == '{"name":"Name 7"}'
    (attached,) = rows[7].heads
    assert (attached.head_id, attached.HasField("before")) == (4 + 7, False)
    # Type and address never change and are in the table of heads.
    assert (attached.after.type, attached.after.address) == (0, "")
    assert attached.after.import_seconds == by_import.time_seconds


def test_fsck_counts_the_same(closed: Closed) -> None:
    report = fsck(str(closed.path))
    assert report["problems"] == []
    assert (report["format_version"], report["revision"]) == (1, REVISIONS)
    assert report["counts"] == {name: len(table) for name, table in closed.tables.items()}


LZ4_BLOCKS = (
    (b"\x00", b""),
    (b"\x30abc", b"abc"),
    (b"\xf0\x00" + b"x" * 15, b"x" * 15),
    (b"\xf0\xff\x01" + b"x" * 271, b"x" * 271),
    # One literal, then a copy that overlaps its own output.
    (b"\x1fa\x01\x00\x05\x10b", b"a" * 25 + b"b"),
)


@pytest.mark.parametrize(("block", "expected"), LZ4_BLOCKS)
def test_the_reader_of_lz4_blocks(block: bytes, expected: bytes) -> None:
    assert unpack_lz4_block(block) == expected
