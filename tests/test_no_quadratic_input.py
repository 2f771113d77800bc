"""Promise 17: no input takes quadratic time.

Every string and bytes field of every request gets hostile strings of one length and of twice that;
the longer one may take at most 2.5 times as long. What is done within the floor is ignored.
"""

import math
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from google.protobuf.message import Message

from reference.datakeys import Change
from support.core import (
    HEAD,
    MATCH,
    MEMBER,
    ORIGIN,
    SPACE,
    Api,
    SeenFault,
    attempt,
    open_core,
    space_config,
)
from support.imports import chunk, column, datakey_column, options
from support.requests import address, change, data_rule, datakey_change, keys, ruled, sets
from support.torture_hostile import (
    CSID,
    FAMILIES,
    FIELD_PATH,
    OTHER_VK,
    Field,
    Settings,
    build,
    fields,
    variants,
)
from zmey._native import Core, CoreError
from zmey.config import FieldConfig
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service

RATIO_MAX = 2.5
FLOOR_SECONDS = 100e-6
# The first pair crosses every bound of the contract but that of documents.
LENGTHS = (2_000, 50_000)
LENGTHS_LONG = (250, 2_000, 10_000, 50_000, 250_000)
REPEATS = (3, 12, 60)
MEMBERS_OF_LARGE = 500

# Refusals that say nothing about the field in question.
ELSEWHERE = (
    *("SPACE_UNKNOWN", "FIELD_REQUIRED", "OPTIONS_CONFLICT", "MATCH_KEYS_REQUIRED"),
    *("REQUEST_MALFORMED", "DATAKEY_MODE_UNKNOWN", "LIMIT_EXCEEDED"),
)
MATCH_METHODS = ("Resolve", "ResolveBatch", "Normalize")
HEAD_METHODS = ("ListHeads", "AttachHead", "DetachHead", "ReplaceHead", "RecordHeadEvents")
ORIGIN_METHODS = ("DefineOrigin",)

Family = Callable[[int], str]


@pytest.fixture(scope="module")
def core() -> Iterator[Core]:
    """A core with a member that has something to work on."""
    declared = (
        FieldConfig(path=FIELD_PATH, kind="string", unique=False),
        FieldConfig(path="labels", kind="tags", unique=False),
    )
    opened = open_core((space_config(1, fields=declared),))
    members = ",".join(f'"key{number}":{number}' for number in range(MEMBERS_OF_LARGE))
    elements = ",".join("0" * MEMBERS_OF_LARGE)
    Api(opened).set_member(
        change(
            keys("email=ann@example.com", csid=CSID),
            sets(a='{"a":[0,1,{"a":1}]}', large=f"{{{members}}}", long=f"[{elements}]"),
        )
    )
    Api(opened).set_member(change(keys(f"vk={OTHER_VK}"), sets(a='{"b":1}')))
    yield opened
    opened.close()


def seconds_of(work: Callable[[], object]) -> float:
    """Measures the time of processors that work takes, which others that run do not count in."""
    began = time.process_time()
    work()
    return time.process_time() - began


def ratio_of(make: Callable[[int], Callable[[], object]], length: int) -> float:
    """Measures time(2n) / time(n), and over two doublings where it looks too large.

    A cache or an arena that is left behind is a step, and a step is taken once; what is quadratic
    grows at each doubling.
    """
    ratio = ratio_of_doubling(make, length, 1)
    return ratio if ratio <= RATIO_MAX else ratio_of_doubling(make, length // 2, 2)


def ratio_of_doubling(
    make: Callable[[int], Callable[[], object]], length: int, doublings: int
) -> float:
    """Measures by how much a doubling of the length lengthens the work.

    Both ends are measured in turn, so that what else the machine does slows down both, and again
    and longer where the ratio looks too large.
    """
    long = make(length << doublings)
    if seconds_of(long) < FLOOR_SECONDS:
        return 0.0
    short, ratio = make(length), math.inf
    best_short = best_long = math.inf
    for repeats in REPEATS:
        for _ in range(repeats):
            best_short = min(best_short, seconds_of(short))
            best_long = min(best_long, seconds_of(long))
        if best_long < FLOOR_SECONDS:
            return 0.0
        ratio = (best_long / best_short) ** (1 / doublings)
        if ratio <= RATIO_MAX:
            break
    return ratio


def method_of(request: Message) -> str:
    """Names the method that takes a request."""
    name = type(request).__name__.removesuffix("Request")
    if name in MATCH_METHODS:
        return MATCH + name
    if name in ORIGIN_METHODS:
        return ORIGIN + name
    return (HEAD if name in HEAD_METHODS else MEMBER) + name


def calling(core: Core, request: Message) -> Callable[[], None]:
    """Prepares one call that writes nothing; what is refused is refused."""
    if isinstance(request, imports.StreamImportRequest):
        return importing(core, request, chunk(1, [[CSID, "1"]]))
    if isinstance(request, member_service.SetMemberRequest | member_service.SetMemberBatchRequest):
        request.validate_only = True
    elif "options" in request.DESCRIPTOR.fields_by_name:
        changing: Any = request
        changing.options.validate_only = True
    method, encoded = method_of(request), request.SerializeToString()

    def call() -> None:
        with suppress(CoreError):
            core.call(method, encoded)

    return call


def importing(
    core: Core, opening: imports.StreamImportRequest, rows: imports.StreamImportRequest
) -> Callable[[], None]:
    """Prepares one import that writes nothing."""
    opening.options.validate_only = True
    messages = opening.SerializeToString(), rows.SerializeToString()

    def call() -> None:
        with suppress(CoreError):
            stream = core.open_import(messages[0])
            stream.submit(messages[1])
            stream.finish()
            while stream.receipt() is not None:
                pass

    return call


def check(make: Callable[[Family, int], Callable[[], None]], lengths: tuple[int, ...]) -> None:
    """Checks every family at every length."""
    quadratic = []
    for name, family in FAMILIES.items():
        for length in lengths:
            ratio = ratio_of(partial(make, family), length)
            if ratio > RATIO_MAX:
                quadratic.append(f"{name}: {length} to {2 * length} bytes take {ratio:.1f} times")
    assert quadratic == []


def calling_with(
    core: Core, field: Field, settings: Settings, family: Family, length: int
) -> Callable[[], None]:
    """Prepares one call with a hostile string in one field."""
    return calling(core, build(field, settings, family(length)))


def check_field(core: Core, field: Field, lengths: tuple[int, ...]) -> None:
    """Checks one field in every variant."""
    for settings in variants(field):
        check(partial(calling_with, core, field, settings), lengths)


FIELDS = [field for field in fields() if field.leaf != ("ImportRow", "cells")]
ONE_FOR_EACH = {field.leaf: field for field in reversed(FIELDS)}.values()

# The column of a cell; a customer id goes before it.
CELL_COLUMNS = {
    "email": column("email"),
    "msisdn": column("msisdn"),
    "csid": column("csid"),
    "push": column("push"),
    "tg": column("tg"),
    "contact id": rows_pb2.ImportColumn(contact_id=rows_pb2.ContactIdColumn()),
    "field": rows_pb2.ImportColumn(field=rows_pb2.FieldColumn(path="labels")),
    "text": datakey_column("a"),
    "json": datakey_column("a", format=rows_pb2.CELL_FORMAT_JSON),
    "date": datakey_column("a", "dt:Ys"),
    "merged": datakey_column(
        "large", format=rows_pb2.CELL_FORMAT_JSON, mode=datakey.DATAKEY_MODE_MERGE
    ),
    "ignored": rows_pb2.ImportColumn(ignored=rows_pb2.IgnoredColumn()),
}


def check_cells(core: Core, name: str, lengths: tuple[int, ...]) -> None:
    """Checks the cells of one column."""
    columns = [column("csid"), CELL_COLUMNS[name]]

    def make(family: Family, length: int) -> Callable[[], None]:
        opening = options(Api(core), columns)
        return importing(core, opening, chunk(1, [[CSID, family(length)]]))

    check(make, lengths)


def test_every_field_is_seen() -> None:
    assert len(fields()) >= 61
    assert {field.leaf for field in fields()} >= {
        *(("Address", "value"), ("DatakeyChange", "path"), ("DatakeyChange", "value")),
        *(("ImportRow", "cells"), ("MemberChange", "request_id"), ("FieldValue", "value")),
    }


@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_every_field_is_looked_at(core: Core, field: Field) -> None:
    """A call that is refused for something else would measure nothing."""
    for settings in variants(field):
        request = build(field, settings, "7")
        encoded = request.SerializeToString()
        refused: object
        if isinstance(request, imports.StreamImportRequest):
            refused = attempt(partial(core.open_import, encoded))
        else:
            refused = attempt(partial(core.call, method_of(request), encoded))
        assert not isinstance(refused, SeenFault) or refused.reason not in ELSEWHERE, refused


@pytest.mark.parametrize("field", ONE_FOR_EACH, ids=str)
def test_no_field_is_quadratic(core: Core, field: Field) -> None:
    check_field(core, field, LENGTHS)


@pytest.mark.parametrize("name", CELL_COLUMNS)
def test_no_cell_is_quadratic(core: Core, name: str) -> None:
    check_cells(core, name, LENGTHS)


@pytest.mark.torture
@pytest.mark.parametrize("field", FIELDS, ids=str)
def test_no_field_of_any_request_is_quadratic(core: Core, field: Field) -> None:
    check_field(core, field, LENGTHS_LONG)


@pytest.mark.torture
@pytest.mark.parametrize("name", CELL_COLUMNS)
def test_no_cell_of_any_length_is_quadratic(core: Core, name: str) -> None:
    check_cells(core, name, LENGTHS_LONG)


def set_member(*changes: Change, **others: Any) -> Message:
    """Builds a call that changes the member."""
    described = change(keys(csid=CSID), [datakey_change(one) for one in changes], **others)
    return member_service.SetMemberRequest(change=described)


def document(members: int, first: int = 0) -> str:
    """An object with so many members."""
    return "{" + ",".join(f'"m{first + n}":{n}' for n in range(members)) + "}"


def zeros(elements: int) -> str:
    """An array with so many elements."""
    return "[" + ",".join("0" * elements) + "]"


# What grows -> the request with so many of it, and how many.
COUNTS: dict[str, tuple[Callable[[int], Message], int]] = {
    "changes of members of one object": (
        lambda n: set_member(*(Change(f"o.k{one}", "set", "1") for one in range(n))), 500
    ),
    "pushes onto one array": (
        lambda n: set_member(*(Change("x", "push", "1") for _ in range(n))), 500
    ),
    "elements far away": (
        lambda n: set_member(Change("x", "set", "[]"), Change(f"x[{n}]", "set", "1")), 4_000
    ),
    "members merged into as many": (
        lambda n: set_member(
            Change("o", "set", document(n)), Change("o", "merge", document(n, n // 2))
        ),
        5_000,
    ),
    "members merged into none": (
        lambda n: set_member(Change("o", "set", "{}"), Change("o", "merge_insert", document(n))),
        5_000,
    ),
    "elements in front of as many": (
        lambda n: set_member(Change("x", "set", zeros(n)), Change("x", "unshift", zeros(n))),
        20_000,
    ),
    "heads": (lambda n: set_member(heads=[f"push=token-{one}" for one in range(n)]), 50),
    "locators": (
        lambda n: match_service.ResolveRequest(
            keys=keys(*(f"push=token-{one}" for one in range(n))), explain=True
        ),
        16,
    ),
    "items": (
        lambda n: match_service.ResolveBatchRequest(
            items=[keys(f"push=token-{one}") for one in range(n)]
        ),
        5_000,
    ),
    "addresses": (
        lambda n: member_service.MembersExistRequest(
            addresses=[address(f"email=p{one}@example.com") for one in range(n)]
        ),
        5_000,
    ),
    "steps of one member": (
        lambda n: member_service.SetMemberBatchRequest(
            changes=[change(keys(csid=CSID), sets(n=str(one))) for one in range(n)]
        ),
        5_000,
    ),
    "heads with rules": (
        lambda n: set_member(heads=[ruled(f"push=t-{one}", newbie="REPLACE") for one in range(n)]),
        50,
    ),
    "keys with a mode of their own": (
        lambda n: member_service.MergeMembersRequest(
            receiver=keys(csid=CSID), source=keys(f"vk={OTHER_VK}"),
            data_rule=data_rule(keys={f"large.key{one}": "DELETE" for one in range(n)}),
        ),
        50,
    ),
    "datakeys": (
        lambda n: member_service.GetMemberRequest(
            keys=keys(csid=CSID), datakeys=[f"large.key{one % 100}" for one in range(n)]
        ),
        500,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", COUNTS)
def test_no_count_is_quadratic(core: Core, name: str) -> None:
    make, count = COUNTS[name]

    def prepare(n: int) -> Callable[[], None]:
        request: Any = make(n)
        request.space.CopyFrom(SPACE)
        return calling(core, request)

    assert ratio_of(prepare, count) <= RATIO_MAX


@pytest.mark.parametrize("undone", [False, True])
def test_no_merge_is_quadratic(*, undone: bool) -> None:
    """Data of as many members as the bound allows are merged and taken back in their own time."""

    def prepare(n: int) -> Callable[[], object]:
        api = Api(open_core())
        for who, first in (("vk=1", 0), ("vk=2", n // 2)):
            api.set_member(change(keys(who), sets(o=document(n, first))))
        rule = data_rule(has_miss="MOVE", has_has="SET", miss_has="DELETE")
        if undone:
            merge_id = api.merge_members(
                keys("vk=1"), keys("vk=2"), data_rule=rule
            ).outcome.merge_id
            options = member.WriteOptions(validate_only=True)
            return lambda: api.unmerge_members(merge_id, options=options)
        options = member.WriteOptions(validate_only=True)
        return lambda: api.merge_members(
            keys("vk=1"), keys("vk=2"), data_rule=rule, options=options
        )

    assert ratio_of(prepare, 5_000) <= RATIO_MAX


def test_the_measure_sees_what_is_quadratic() -> None:
    """The test of the test."""

    def quadratic(n: int) -> Callable[[], object]:
        return partial(sum, [a * b for a in range(n) for b in range(n)])

    def linear(n: int) -> Callable[[], object]:
        return partial(sum, [a * a for a in range(50 * n)])

    assert ratio_of(quadratic, 200) > RATIO_MAX
    assert ratio_of(linear, 200) <= RATIO_MAX
