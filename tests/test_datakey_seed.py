"""Every sentence of seed 002, member.set and member.get, about data, through the core.

The rows of datakeys live in reference/datakey_rows.py; here are those that need heads, the clock
or a reader. Sentences about other parts of the calls are listed with the test that covers them.
"""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from reference import dates
from reference.datakey_rows import ROWS, Refused, Row
from reference.datakeys import Change
from reference.json_tree import dump, parse
from support.core import Api, check_fault, expect_fault, open_api, warnings_of
from support.documents import create, document, write
from support.requests import change, keys, sets
from zmey.v1 import datakey_pb2 as datakey

ELSEWHERE = {
    "a missing address is created": ("test_writes.py", "test_if_exists"),
    "versioning": ("test_writes.py", "test_expected_version"),
    "email and msisdn are recognised by themselves": ("test_matching_seed.py", "test_normalize"),
    "if_exists": ("test_writes.py", "test_if_exists"),
    "newbie.confirm": ("test_writes.py", "test_newbie_confirm_locks_new_email_heads"),
    "source": ("test_writes.py", "test_source_is_kept_as_host"),
    "member.head.attach within member.set is atomic": ("test_writes.py", "test_heads"),
    "an empty error rule refuses taken heads": ("test_writes.py", "test_heads"),
    "return_fresh_obj": ("test_writes.py", "test_return_fresh"),
    "newbie 0 or 1, member of the answer": ("test_writes.py", "test_answer_names_the_member"),
    "dataset, heads and head records": ("test_matching_seed.py", "test_get_dataset"),
    "one moment for an import": ("test_writes.py", "test_one_moment_for_an_import"),
}
COPY_MISSING = {
    "error": datakey.COPY_MISSING_ERROR,
    "do": datakey.COPY_MISSING_DO,
    "skip": datakey.COPY_MISSING_SKIP,
}
EMAIL = "row@example.com"
SOURCE = "source@example.com"


@pytest.fixture(scope="module")
def shared() -> Api:
    return open_api()


def copy_source(row: Row) -> datakey.CopySource | None:
    if row.data:
        return datakey.CopySource(data=row.data.encode())
    if row.source:
        return datakey.CopySource(
            member=keys(f"email={SOURCE}"), missing=COPY_MISSING[row.copy_missing]
        )
    return None


@pytest.mark.parametrize(
    "row", [row for row in ROWS if not row.now], ids=lambda row: f"{row.sentence}: {row.says}"
)
def test_every_sentence(api: Api, row: Row) -> None:
    create(api, EMAIL, row.before)
    if row.source not in {"", "missing"}:
        create(api, SOURCE, row.source)
    before = dump(parse(row.before))
    if isinstance(row.after, Refused):
        with expect_fault(*row.after.reasons):
            write(api, EMAIL, row.changes, copy_source(row))
        assert document(api, EMAIL) == before
        return
    outcome = write(api, EMAIL, row.changes, copy_source(row))
    assert dump(parse(outcome.fresh)) == dump(parse(row.after))
    assert document(api, EMAIL) == dump(parse(row.after))


def test_sentences_elsewhere_have_their_tests() -> None:
    for sentence, (file, function) in ELSEWHERE.items():
        tree = ast.parse((Path(__file__).parent / file).read_text())
        names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
        assert function in names, sentence


@pytest.mark.parametrize(
    ("type_text", "expression"),
    [
        ("dt", "current"),
        ("dt:YD", "current - 1 month"),
        ("dt:Ys", "current:YD + 25 days"),
        ("dt:YD", "current:Yh"),
        ("dt:YM", "current - 2 YEARS + 3 Weeks"),
        ("dt", "current + 90 seconds - 1 minute + 5 hours"),
    ],
)
def test_current_is_the_moment_of_the_call(type_text: str, expression: str) -> None:
    zone = ZoneInfo("Asia/Tokyo")
    api = open_api(time_zone="Asia/Tokyo")
    letters = dates.range_of_type(type_text)
    assert letters is not None
    earliest = datetime.now(zone).replace(tzinfo=None)
    outcome = write(api, EMAIL, [Change("a", "set", f'"{expression}"', type_text)])
    latest = datetime.now(zone).replace(tzinfo=None)
    seconds = int((latest - earliest).total_seconds()) + 2
    moments = [earliest + timedelta(seconds=second) for second in range(seconds)]
    expected = [f'{{"a":"{dates.evaluate(expression, letters, now)}"}}' for now in moments]
    assert dump(parse(outcome.fresh)) in expected


def test_current_is_one_moment_for_all_keys(api: Api) -> None:
    changes = [Change(f"a[{index}]", "set", '"current"', "dt") for index in range(1_000)]
    values = parse(write(api, EMAIL, changes).fresh)
    assert isinstance(values, dict)
    moments = values["a"]
    assert isinstance(moments, list)
    assert len(moments) == 1_000
    assert all(moment == moments[0] for moment in moments)


@pytest.mark.parametrize(
    ("path", "mode", "value"),
    [
        ("-group.news", "set", '"0"'),
        ("-group.news", "insert", '"1"'),
        ("-group.news", "push", '"1"'),
        ("-group.news", "set", "{}"),
        ("member.error.error", "set", "0"),
        ("member.error.error", "update", '"0"'),
        ("member.lockconfirm", "set", '"0"'),
        ("member.lockconfirm", "insert", '"1"'),
        ("member.lockconfirm", "delete", ""),
    ],
)
def test_other_uses_of_pseudo_keys_are_errors(api: Api, path: str, mode: str, value: str) -> None:
    create(api, EMAIL, '{"a":1}')
    with expect_fault("DATAKEY_RESERVED"):
        write(api, EMAIL, [Change("a", "set", "2"), Change(path, mode, value)])
    assert document(api, EMAIL) == '{"a":1}'


@pytest.mark.parametrize(
    ("path", "mode", "value"),
    [
        ("member.id", "set", "5"),
        ("member.create.time", "set", '"2020-01-01 00:00:00"'),
        ("member.error.lock", "delete", ""),
        ("member", "set", "{}"),
        ("-group", "set", "{}"),
        ("-group", "delete", ""),
    ],
)
def test_other_system_keys_are_ignored_with_a_warning(
    api: Api, path: str, mode: str, value: str
) -> None:
    create(api, EMAIL, '{"a":1}')
    outcome = write(api, EMAIL, [Change("a", "set", "2"), Change(path, mode, value)])
    (warning,) = warnings_of(outcome)
    check_fault(warning, "DATAKEY_RESERVED", index="1", path=path)
    assert document(api, EMAIL) == '{"a":2}'


def test_group_membership_of_a_head(api: Api) -> None:
    create(api, EMAIL, "{}")
    today = datetime.now(UTC).strftime("%Y-%m-%d")
    write(api, EMAIL, [Change("-group.news", "set", '"1"')])
    (value,) = api.get_member(keys(f"email={EMAIL}"), "-group").member.values
    groups = parse(value.value)
    tomorrow = datetime.now(UTC).strftime("%Y-%m-%d")
    assert groups in [{"news": f"{today} 00:00:00"}, {"news": f"{tomorrow} 00:00:00"}]
    (one,) = api.get_member(keys(f"email={EMAIL}"), "-group.news").member.values
    assert isinstance(groups, dict)
    assert parse(one.value) == groups["news"]
    write(api, EMAIL, [Change("-group.news", "delete")])
    (value,) = api.get_member(keys(f"email={EMAIL}"), "-group").member.values
    assert value.value in {b"{}", b""}
    assert document(api, EMAIL) == "{}"


def test_member_record_of_a_head(api: Api) -> None:
    contact_id = create(api, EMAIL, '{"a":1}')
    answer = api.get_member(
        keys(f"email={EMAIL}"), "member.*", "member.id", "member.email", "member.confirm.lock"
    )
    record = parse(answer.member.values[0].value)
    assert isinstance(record, dict)
    assert record["addr_type"] == "email"
    assert record["email"] == EMAIL
    assert record["domain"] == "example.com"
    assert dump(record["dataset"]) == str(contact_id)
    assert dump(record["id"]) == "1"
    assert [value.value for value in answer.member.values[1:]] == [
        b"1",
        f'"{EMAIL}"'.encode(),
        b"0",
    ]


def test_lockconfirm_locks_the_head(api: Api) -> None:
    create(api, EMAIL, "{}")
    write(api, EMAIL, [Change("member.lockconfirm", "set", '"1"')])
    answer = api.get_member(keys(f"email={EMAIL}"), "member.confirm.lock", "member.haslock")
    assert [value.value for value in answer.member.values] == [b"1", b"2"]


def test_delivery_errors_are_deleted_and_origin_is_written(api: Api) -> None:
    create(api, EMAIL, "{}")
    outcome = write(
        api, EMAIL, [Change("member.error.error", "delete"), Change("member.origin", "set", "2")]
    )
    assert not outcome.warnings
    (origin,) = api.get_member(keys(f"email={EMAIL}"), "member.origin").member.values
    assert origin.value == b"2"


BODY = '{"s":"text","n":null,"o":{"x":1.50,"y":[1,2]},"l":[{"p":1},{"p":2,"q":3},{}],"e":[]}'
READS = (
    # (path, what the datakey holds; None where it does not exist)
    ("s", '"text"'),
    ("n", "null"),
    ("o.x", "1.50"),
    ("o.y[0]", "1"),
    ("o.y[-1]", "2"),
    ("o.y[2]", None),
    ("missing", None),
    ("s.x", None),
    ("s[0]", None),
    ("e[-1]", None),
    ("o", '{"x":1.50,"y":[1,2]}'),
    ("o.*", '{"x":1.50,"y":[1,2]}'),
    ("l[*]", '[{"p":1},{"p":2,"q":3},{}]'),
    ("l[*].p", "[1,2]"),
    ("l[*].q", "[3]"),
    ("o.*[0]", '{"y":1}'),
    ("e[*]", "[]"),
    ("missing.*", None),
    ("s[*]", None),
    ("*", BODY),
)


@pytest.mark.parametrize(("path", "expected"), READS)
def test_get_one_key(shared: Api, path: str, expected: str | None) -> None:
    create(shared, "reader@example.com", BODY)
    (value,) = shared.get_member(keys("email=reader@example.com"), path).member.values
    assert value.path == path
    assert (dump(parse(value.value)) if value.value else None) == expected


def test_get_a_list_of_keys_in_the_order_asked(shared: Api) -> None:
    create(shared, "reader@example.com", BODY)
    asked = [path for path, _ in reversed(READS)]
    values = shared.get_member(keys("email=reader@example.com"), *asked).member.values
    assert [value.path for value in values] == asked
    found = [dump(parse(value.value)) if value.value else None for value in values]
    assert found == [expected for _, expected in reversed(READS)]


def test_get_without_keys_reads_no_data(shared: Api) -> None:
    create(shared, "reader@example.com", BODY)
    answer = shared.get_member(keys("email=reader@example.com"))
    assert not answer.member.values
    assert not answer.member.heads


@pytest.mark.parametrize("path", ["", "a..b", "a[", "a.", "a[x]"])
def test_get_refuses_broken_paths(shared: Api, path: str) -> None:
    create(shared, "reader@example.com", BODY)
    with expect_fault("DATAKEY_PATH_INVALID"):
        shared.get_member(keys("email=reader@example.com"), path)


def test_get_of_nobody_is_an_error(api: Api) -> None:
    with expect_fault("MEMBER_MISSING"):
        api.get_member(keys("email=nobody@example.com"), "*")


def test_every_head_reads_the_same_data(api: Api) -> None:
    create(api, EMAIL, '{"a":1}')
    both = keys(f"email={EMAIL}", "msisdn=8 912 123-45-67")
    api.set_member(change(both, sets(b="2")))
    assert document(api, keys("msisdn=+79121234567")) == '{"a":1,"b":2}'
    assert document(api, EMAIL) == '{"a":1,"b":2}'
