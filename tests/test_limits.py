"""Every limit that the contract documents: the bound itself is taken, one more is refused.

The bounds are read from the comments of proto/zmey/v1, so a new one without a row here fails.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile, TemporaryDirectory
from typing import Any

import pytest

from reference.datakeys import Change
from support.contract import documented_limits
from support.core import (
    OTHER_SPACE,
    Api,
    SeenFault,
    attempt,
    check_fault,
    fault_in_answer,
    open_api,
)
from support.documents import write
from support.imports import (
    attach_column,
    calc_column,
    chunk,
    column,
    datakey_column,
    detach_column,
    email_column,
    options,
    run_import,
)
from support.jobs import create_job, express_call, probe_file, run_file, url_source
from support.policies import blocked, custom_field, heads_limit, policy
from support.requests import (
    address,
    change,
    data_rule,
    datakey_change,
    event,
    keys,
    member_key,
    sets,
)
from support.sources import copied
from zmey.config import FieldConfig
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member
from zmey.v1.policy_pb2 import CustomField

MIB = 1024 * 1024
ANN = "email=ann@example.com"
TOO_LONG = ("ADDRESS_TOO_LONG", "LIMIT_EXCEEDED")
LIMIT = ("LIMIT_EXCEEDED",)


@pytest.fixture(scope="module")
def shared() -> Api:
    return open_api(FieldConfig(path="nick", kind="string", unique=False))


def normalized(api: Api, text: str) -> object:
    """Normalises one address; a fault of the item counts like a fault of the call."""
    answer = attempt(lambda: api.normalize([address(text)]))
    if isinstance(answer, SeenFault):
        return answer
    (result,) = answer.results
    return fault_in_answer(result.fault) if result.HasField("fault") else result


def token(kind: str, api: Api, octets: int) -> object:
    return normalized(api, f"{kind}={'t' * octets}")


def domain(octets: int) -> str:
    """Builds a domain of a length from labels that are short enough."""
    rest, labels = octets - len(".com"), []
    while rest > 0:
        label = min(63, rest)
        # A label of nothing behind a dot would be no label.
        label -= 2 if rest - label == 1 else 0
        labels.append("d" * label)
        rest -= label + 1
    name = ".".join([*labels, "com"])
    assert len(name) == octets
    return name


def set_one(api: Api, **others: Any) -> object:
    return api.set_member(change(keys(ANN), **others))


def set_value(api: Api, path: str, value: str) -> object:
    return write(api, "limits@example.com", [Change(path, "set", value)])


def read_list(api: Api, page_size: int) -> object:
    with TemporaryDirectory() as name:
        path, text = Path(name) / "rows.csv", "email\nann@example.com\n"
        made = run_file(api, path, text, express=True).metadata.group.id
    return express_call(api, "ReadExpressList", id=made, page_size=page_size)


def open_import(api: Api, columns: list[Any], **others: Any) -> object:
    stream = api.core.open_import(options(api, columns, **others).SerializeToString())
    stream.cancel()
    return None


def triggers(name: str, api: Api, count: int) -> object:
    listed: dict[str, Any] = {name: [1] * count}
    return open_import(api, [email_column()], sequence=rows_pb2.SequenceOrders(**listed))


def grouped(name: str, api: Api, count: int) -> object:
    listed: dict[str, Any] = {name: [f"g{index}" for index in range(count)]}
    return open_import(api, [email_column()], groups=rows_pb2.GroupOrders(**listed))


def imported(api: Api, columns: list[Any], cells: list[str]) -> object:
    """Imports one row behind an e-mail column; a fault of the row counts like one of the call."""
    (receipt,) = run_import(api, [email_column(), *columns], [[cells]])
    return fault_in_answer(receipt.rejects[0].fault) if receipt.rejects else receipt


def submit_rows(api: Api, count: int) -> object:
    stream = api.core.open_import(options(api, [email_column()]).SerializeToString())
    try:
        stream.submit(chunk(1, [["ann@example.com"]] * count).SerializeToString())
        stream.finish()
        return stream.receipt()
    finally:
        stream.cancel()


def copy_data(api: Api, octets: int) -> object:
    source = datakey.CopySource(data=b'{"a":1' + b" " * (octets - 7) + b"}")
    copied = datakey_change(Change("a", "set_copy", copy_path="a"))
    return set_one(api, datakeys=[copied], copy=source)


def deep(api: Api, levels: int) -> object:
    # The member of the root object is the first level.
    return set_value(api, "deep", "[" * (levels - 1) + "]" * (levels - 1))


def field_values(count: int, value: str = "x") -> matching.MatchKeys:
    return keys(fields=[("nick", value)] * count)


def steps(count: int) -> matching.MatchPolicy:
    step = matching.OrderedKey(kind=matching.KEY_KIND_LOCATOR)
    return matching.MatchPolicy(explicit_order=[step] * count)


def read_paths(api: Api, count: int, path: str = "x") -> object:
    set_one(api)
    return api.get_member(keys(ANN), *[path] * count)


def read_octets(api: Api, octets: int) -> object:
    """Reads one long value again and again, and a short one for the rest."""
    long, times = 985_000, 17
    values = [("v", long), ("w", octets - times * long)]
    changes = [Change(path, "set", f'"{"x" * (length - 2)}"') for path, length in values]
    write(api, "wide@example.com", changes)
    return api.get_member(keys("email=wide@example.com"), *["v"] * times, "w")


def merge(api: Api, options: member.WriteOptions | None = None, **rule: Any) -> object:
    """Merges Eve into Ann without moving heads."""
    set_one(api)
    api.set_member(change(keys("email=eve@example.com")))
    return api.merge_members(
        keys(ANN), keys("email=eve@example.com"), data_rule=data_rule(**rule), options=options
    )


def recorded(api: Api, *events: Any) -> object:
    """Records events; the fault of the last one counts like a fault of the call."""
    results = api.record_head_events(*events).outcome.results
    return fault_in_answer(results[-1].fault) if results[-1].HasField("fault") else results


def stops(api: Api, count: int) -> object:
    """Lists an address of its own for each count."""
    head = f"email=stops-{count}@example.com"
    return recorded(
        api, *(event(head, unsubscribed={"sender": f"s{number}"}) for number in range(count))
    )


def memberships(api: Api, count: int) -> object:
    head = f"vk={count}"
    api.set_member(change(keys(head)))
    numbers = range(1, count + 1)
    return recorded(
        api, *(event(head, community={"community": n, "kind": "JOINED"}) for n in numbers)
    )


def origins(api: Api, count: int) -> object:
    other = Api(api.core, OTHER_SPACE)
    for number in range(len(other.list_origins().origins), count):
        other.define_origin(f"origin {number}")
    return None


def explained(api: Api, length: int) -> None:
    set_one(api, request_id="r" * min(length, 128))
    api.explain_decision(request_id="r" * length)


def request_id(length: int) -> member.WriteOptions:
    # Another one than that of a change.
    return member.WriteOptions(request_id="m" * length)


def update(api: Api, *fields: CustomField, **says: Any) -> object:
    """Validates a policy; the shared space keeps its own."""
    return api.update_policy(policy(*fields, **says), options={"validate_only": True})


def simulate(api: Api, **asked: Any) -> object:
    return api.simulate_policy(policy(), **asked)


def block(api: Api, count: int) -> object:
    return update(api, blocked=[blocked("csid", *(f"c{n}" for n in range(count)))])


def addresses(count: int) -> list[Any]:
    return [address(ANN)] * count


def set_batch(api: Api, count: int) -> object:
    return api.set_members([change(keys(ANN))] * count)


def resolve_batch(api: Api, count: int) -> object:
    return api.resolve_batch([keys(ANN)] * count)


def asked(api: Api, length: int) -> object:
    """Asks for an import whose request id is so long."""
    return create_job(api, request_id="j" * length)


def from_source(api: Api, source: import_job.ImportSource) -> object:
    return create_job(api, source=source)


def fetched(api: Api, **source: Any) -> object:
    return from_source(api, url_source(**source))


def read_so(api: Api, **reading: Any) -> object:
    return create_job(api, reading=import_job.ImportReading(**reading))


def named_columns(api: Api, count: int) -> object:
    """Probes a file whose columns get so many names."""
    names = ["member.email", *(f"c{number}" for number in range(1, count))]
    reading = import_job.ImportReading(names=names)
    with NamedTemporaryFile() as file:
        file.write(b"ann@example.com\n")
        file.flush()
        answer = probe_file(api, file.name, reading=reading)
    if answer.cannot_import:
        return fault_in_answer(answer.warnings[0])
    return answer


@dataclass(frozen=True)
class Limit:
    """One bound: `call(api, n)` asks for n of it.

    Attributes:
        over: the reasons for which one more may be refused.
        at: the reason for which the bound itself is refused by a narrower bound; mostly none.
    """

    element: str
    bound: int
    call: Callable[[Api, int], object]
    over: tuple[str, ...] = LIMIT
    at: tuple[str, ...] = ()


LIMITS = (
    Limit("AddressType.ADDRESS_TYPE_EMAIL", 254,
          lambda api, n: normalized(api, f"email={'a' * 64}@{domain(n - 65)}"), TOO_LONG),
    Limit("AddressType.ADDRESS_TYPE_CSID", 1_024,
          lambda api, n: normalized(api, f"csid={'A' * n}"), TOO_LONG),
    *(
        Limit(f"AddressType.ADDRESS_TYPE_{kind.upper()}", 4_096, partial(token, kind), TOO_LONG)
        for kind in ("push", "pushapp", "umid")
    ),
    Limit("Address.value", 4_096, lambda api, n: normalized(api, f"csid=A{' ' * (n - 1)}"),
          TOO_LONG),
    Limit("DatakeyChange.path", 32, lambda api, n: set_value(api, ".".join("p" * n), "1")),
    Limit("DatakeyChange.value", MIB, lambda api, n: set_value(api, "v", f"[{' ' * (n - 2)}]")),
    Limit("DatakeyChange.value", 64, deep, ("JSON_TOO_DEEP",)),
    Limit("CopySource.source.data", MIB, copy_data),
    Limit("ErrorReason.ERROR_REASON_EMAIL_LOCAL_TOO_LONG", 64,
          lambda api, n: normalized(api, f"email={'a' * n}@example.com"),
          ("EMAIL_LOCAL_TOO_LONG",)),
    Limit("ErrorReason.ERROR_REASON_EMAIL_DOMAIN_TOO_LONG", 253,
          lambda api, n: normalized(api, f"email=a@{domain(n)}"),
          ("EMAIL_DOMAIN_TOO_LONG", *TOO_LONG), at=TOO_LONG),
    Limit("ErrorReason.ERROR_REASON_JSON_TOO_DEEP", 64, deep, ("JSON_TOO_DEEP",)),
    Limit("ErrorReason.ERROR_REASON_BODY_TOO_LARGE", MIB,
          lambda api, n: write(api, "big@example.com", [Change("a", "set", f'"{"x" * (n - 8)}"')]),
          ("BODY_TOO_LARGE",)),
    Limit("ImportOptions.import_id", 128,
          lambda api, n: open_import(api, [email_column()], import_id="i" * n)),
    Limit("ImportOptions.columns", 1_000,
          lambda api, n: open_import(
              api, [email_column(), *(datakey_column(f"c{i}") for i in range(n - 1))])),
    Limit("ImportOptions.event_key", 100,
          lambda api, n: open_import(api, [email_column()], event_key="k" * n)),
    Limit("ImportColumn.name", 1_024, lambda api, n: open_import(
        api, [rows_pb2.ImportColumn(address=email_column().address, name="n" * n)])),
    Limit("DatakeyColumn.calc", 1_000, lambda api, n: imported(
        api, [calc_column("digits")], ["limits@example.com", "9" * n])),
    Limit("AttachColumn", 100, lambda api, n: imported(
        api, [attach_column(), detach_column()],
        ["limits@example.com", "eve@example.com", "|".join(["eve@example.com"] * (n - 1))])),
    Limit("GroupOrders", 100, partial(grouped, "add")),
    Limit("SequenceOrders.stop", 100, partial(triggers, "stop")),
    Limit("SequenceOrders.start", 100, partial(triggers, "start")),
    Limit("ImportChunk", 10_000, submit_rows),
    Limit("StartImportRequest.track_info", 1_024,
          lambda api, n: create_job(api, track_info="t" * n)),
    Limit("StartImportRequest.request_id", 128, asked),
    Limit("ImportSource.source.upload", 128,
          lambda api, n: from_source(api, import_job.ImportSource(upload="u" * n))),
    Limit("ImportSource.source.probe_uid", 128,
          lambda api, n: from_source(api, import_job.ImportSource(probe_uid="u" * n))),
    Limit("UrlSource.url", 4_096, lambda api, n: fetched(api, url=f"https://{'u' * (n - 8)}")),
    Limit("UrlSource.attempts", 100, lambda api, n: fetched(api, attempts=n)),
    Limit("UrlSource.interval_seconds", 86_400, lambda api, n: fetched(api, interval_seconds=n)),
    Limit("UrlSource.secret", 128, lambda api, n: fetched(api, secret="s" * n)),
    Limit("ImportReading.sheet", 1_024,
          lambda api, n: read_so(api, sheet="s" * n)),
    Limit("ImportReading.names", 1_000, named_columns),
    Limit("ImportReading.names", 1_024, lambda api, n: read_so(api, names=["n" * n])),
    Limit("ImportReading.renames", 1_000,
          lambda api, n: read_so(api, renames={f"c{i}": "x" for i in range(n)})),
    Limit("ImportReading.renames", 1_024, lambda api, n: read_so(api, renames={"n" * n: "x"})),
    Limit("ImportReading.renames", 1_024, lambda api, n: read_so(api, renames={"x": "n" * n})),
    Limit("ImportReading.prefix", 1_024, lambda api, n: read_so(api, prefix="p" * n)),
    Limit("AutoGroup.id", 128,
          lambda api, n: create_job(api, auto_group=import_job.AutoGroup(id="g" * n))),
    Limit("AutoGroup.name", 256,
          lambda api, n: create_job(api, auto_group=import_job.AutoGroup(name="n" * n))),
    Limit("MatchService.ResolveBatch", 10_000, resolve_batch),
    Limit("ResolveBatchRequest.items", 10_000, resolve_batch),
    Limit("MatchService.Normalize", 10_000, lambda api, n: api.normalize(addresses(n))),
    Limit("NormalizeRequest.addresses", 10_000, lambda api, n: api.normalize(addresses(n))),
    Limit("MatchKeys", 32, lambda api, n: api.resolve(keys(*[ANN] * n))),
    Limit("MatchKeys", 8, lambda api, n: api.resolve(field_values(n))),
    Limit("FieldValue.value", 1_024, lambda api, n: api.resolve(field_values(1, "x" * n))),
    Limit("MatchPolicy.explicit_order", 32, lambda api, n: api.resolve(keys(ANN), steps(n))),
    Limit("MemberChange.datakeys", 1_000, lambda api, n: set_one(api, datakeys=sets(x="1") * n)),
    Limit("MemberChange.heads", 100, lambda api, n: set_one(api, heads=[ANN] * n)),
    Limit("MemberChange.request_id", 128, lambda api, n: set_one(api, request_id="r" * n)),
    Limit("MemberService.SetMemberBatch", 10_000, set_batch),
    Limit("SetMemberBatchRequest.changes", 10_000, set_batch),
    Limit("GetMemberRequest.datakeys", 1_000, read_paths),
    Limit("GetMemberRequest.datakeys", 100, partial(read_paths, path="x.*")),
    Limit("GetMemberRequest.datakeys", 16 * MIB, read_octets),
    Limit("DataRule.level", 32, lambda api, n: merge(api, level=n)),
    Limit("DataRule.keys", 100, lambda api, n: merge(api, keys={f"k{i}": "SET" for i in range(n)})),
    Limit("ExplainDecisionRequest.decision.request_id", 128, explained),
    Limit("WriteOptions.request_id", 128,
          lambda api, n: merge(api, options=request_id(n))),
    Limit("DeleteMembersRequest.members", 10_000,
          lambda api, n: api.delete_members(*[member_key(ANN)] * n)),
    Limit("ListExpressListsRequest.page_size", 1_000,
          lambda api, n: express_call(api, "ListExpressLists", page_size=n)),
    Limit("ReadExpressListRequest.page_size", 10_000, read_list),
    Limit("ListMergesRequest.page_size", 1_000, lambda api, n: api.list_merges(1, page_size=n)),
    Limit("RecordHeadEventsRequest.events", 10_000,
          lambda api, n: api.record_head_events(*[event(ANN, listed={})] * n)),
    Limit("HeadDeliveryFailed.text", 1_000,
          lambda api, n: set_one(api) and recorded(api, event(
              ANN, delivery_failed={"text": "x" * n}))),
    Limit("HeadStop.sender", 254,
          lambda api, n: recorded(api, event(ANN, listed={"sender": "s" * n}))),
    Limit("HeadState.stops", 100, stops),
    Limit("HeadState.memberships", 1_000, memberships),
    Limit("DefineOriginRequest.label", 128,
          lambda api, n: api.define_origin("l" * n)),
    Limit("DefineOriginRequest.number", 1_000_000_000,
          lambda api, n: api.define_origin("last", number=n)),
    Limit("OriginService.DefineOrigin", 1_000, origins),
    Limit("MemberService.MembersExist", 10_000, lambda api, n: api.members_exist(addresses(n))),
    Limit("MembersExistRequest.addresses", 10_000, lambda api, n: api.members_exist(addresses(n))),
    Limit("FindMembersRequest.value", 4_096, lambda api, n: api.find_members("v" * n)),
    Limit("SpacePolicy.blocked", 10_000, block),
    Limit("SpacePolicy.fields", 100,
          lambda api, n: update(api, *(custom_field(f"f{i}") for i in range(n)))),
    Limit("SpacePolicy.retention_days", 3_650, lambda api, n: update(api, retention_days=n)),
    Limit("PolicyLimits.heads_per_member_max", 1_000,
          lambda api, n: update(api, heads_per_member_max=n)),
    Limit("PolicyLimits.merge_heads_max", 1_000, lambda api, n: update(api, merge_heads_max=n)),
    Limit("PolicyLimits.merge_bytes_max", 2 * MIB, lambda api, n: update(api, merge_bytes_max=n)),
    Limit("HeadTypeLimit.heads_max", 1_000,
          lambda api, n: update(api, heads_per_type=[heads_limit("csid", n)])),
    Limit("SimulatePolicyRequest.findings_max", 1_000,
          lambda api, n: simulate(api, findings_max=n)),
    Limit("SimulatePolicyRequest.values_max", 2_000_000,
          lambda api, n: simulate(api, values_max=n)),
    Limit("UrlSource.attempts", 100, lambda _, n: copied(attempts=n)),
    Limit("UrlSource.interval_seconds", 86_400, lambda _, n: copied(interval_seconds=n)),
)  # fmt: skip


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: f"{limit.element}-{limit.bound}")
def test_the_bound_is_taken_and_one_more_refused(shared: Api, limit: Limit) -> None:
    at = attempt(lambda: limit.call(shared, limit.bound))
    if limit.at:
        check_fault(at, *limit.at)
    else:
        assert not isinstance(at, SeenFault), at
    over = attempt(lambda: limit.call(shared, limit.bound + 1))
    check_fault(over, *limit.over)
    assert isinstance(over, SeenFault)
    if over.reason == "LIMIT_EXCEEDED":
        assert over.details["max"] == str(limit.bound)
        assert over.details["actual"] == str(limit.bound + 1)
        assert over.details["limit"]


def test_every_documented_limit_has_a_row() -> None:
    documented = set(documented_limits())
    assert len(documented) > 25, "the comments were not read"
    assert documented == {(limit.element, limit.bound) for limit in LIMITS}


EMPTY = (
    # (what, a call with nothing where at least one is required)
    ("items", lambda api: api.resolve_batch([])),
    ("addresses", lambda api: api.normalize([])),
    ("addresses", lambda api: api.members_exist([])),
    ("changes", lambda api: api.set_members([])),
    ("events", lambda api: api.record_head_events()),
    ("columns", lambda api: open_import(api, [])),
)


@pytest.mark.parametrize(("what", "call"), EMPTY)
def test_at_least_one_is_required(shared: Api, what: str, call: Callable[[Api], object]) -> None:
    fault = attempt(lambda: call(shared))
    check_fault(fault, "FIELD_REQUIRED")
    assert isinstance(fault, SeenFault)
    assert what in fault.details["field"]


def test_elements_of_an_array_are_bounded(shared: Api) -> None:
    """A tiny request must not make an array of billions of nulls."""
    for path in ("a[99999999]", "a[4294967295]", "a[18446744073709551616]", f"a[{'9' * 400}]"):
        fault = attempt(partial(set_value, shared, path, "1"))
        check_fault(fault, "DATAKEY_INDEX_INVALID", "BODY_TOO_LARGE", "DATAKEY_PATH_INVALID")


def test_an_import_needs_a_key_and_knows_its_columns(shared: Api) -> None:
    fault = attempt(lambda: open_import(shared, [datakey_column("x")]))
    check_fault(fault, "MATCH_KEYS_REQUIRED", "FIELD_REQUIRED")
    copying = [column("email"), datakey_column("x", mode=datakey.DATAKEY_MODE_SET_COPY)]
    check_fault(
        attempt(lambda: open_import(shared, copying)), "FIELD_INVALID", "DATAKEY_MODE_UNKNOWN"
    )
    (receipt,) = run_import(shared, [column("email")], [[["ann@example.com", "one too many"]]])
    (reject,) = receipt.rejects
    check_fault(fault_in_answer(reject.fault), "IMPORT_CELLS_TOO_MANY", columns="1", cells="2")
