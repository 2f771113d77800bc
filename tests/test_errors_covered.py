"""Every ErrorReason of the contract is provoked by a request here, or exempt for a named cause.

Each row answers the fault that a caller sees: of a whole call, of an item of a batch, of a row of
an import, of a key, or a warning.
"""

import gzip
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread
from typing import Any

import pytest
from google.longrunning.operations_pb2 import GetOperationRequest

from reference.datakeys import Change
from support.contract import REASON_CODES, WARNING_REASONS
from support.core import Api, SeenFault, attempt, fault_in_answer, open_api, warnings_of
from support.documents import write
from support.imports import (
    Cell,
    JsonCell,
    chunk,
    column,
    datakey_column,
    detach_column,
    email_column,
    ignored_column,
    options,
    run_import,
)
from support.jobs import JOBS, create_job, delete_job, express_call, fail_job, get_job
from support.policies import custom_field, policy, settled
from support.requests import address, change, event, head_key, keys, member_key, order, ruled, sets
from support.sources import Fetching, seen, settings, web_server
from zmey._native import code_of_reason
from zmey.config import FieldConfig
from zmey.imports.core_jobs import CoreJobs
from zmey.imports.files import Files
from zmey.imports.folder import ImportFolder
from zmey.imports.request_file import merge_request_file
from zmey.imports.runner import Runner
from zmey.imports.service import ImportOperations
from zmey.internal.v1 import jobs_pb2 as internal
from zmey.reasons import reason_name
from zmey.refusal import RefusedError
from zmey.sources import SourceError, unpack
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import error_reason_pb2 as errors
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import matching_pb2 as matching
from zmey.v1.space_pb2 import Space

ANN, BOB = "email=ann@example.com", "email=bob@example.com"
EXEMPT = {
    "UNSPECIFIED": "never sent",
    "INTERNAL": "a fault of the server; the tests of garbage prove that no request provokes it",
    "OVERLOADED": "needs concurrent load; tested with the server",
    "STORE_FULL": "needs a full disk or map; tested with the store",
    "STORE_READERS_FULL": "needs all reader slots; tested with the store",
    "SOURCE_UNTRUSTED": "needs servers with certificates and keys; tested with the sources",
    "IMPORT_FILE_CHANGED": "needs an import that was interrupted; tested with the core",
    "IMPORT_REPORT_CUT": "needs a gigabyte of rejected rows; tested with the core",
    "FIELD_SEARCH_TOO_BROAD": "needs over 100,000 members with one tag",
    **dict.fromkeys(
        (
            "IMPORT_SHAPE_UNKNOWN",
            "IMPORT_EMPTY",
            "IMPORT_GUESSED",
            "IMPORT_CHARSET_MISFIT",
            "IMPORT_QUOTE_OPEN",
            "IMPORT_QUOTE_STRAY",
            "IMPORT_ROW_INVALID",
            "IMPORT_NAME_UNKNOWN",
            "IMPORT_COLUMN_INVALID",
            "IMPORT_COLUMN_GUESSED",
            "IMPORT_COLUMN_UNNAMED",
            "IMPORT_KEY_COLUMN_MISSING",
            "IMPORT_SHEET_UNKNOWN",
            "IMPORT_SHEET_ERROR",
            "IMPORT_NUMBER_INEXACT",
            "IMPORT_SPREADSHEET_INVALID",
        ),
        "what is wrong with a file; provoked where files are read, native/tests/reading",
    ),
}


@pytest.fixture
def filled() -> Api:
    """Ann and Bob with external ids A and B, and declared fields."""
    fields = (
        FieldConfig(path="nick", kind="string", unique=False),
        FieldConfig(path="card", kind="string", unique=True),
    )
    api = open_api(*fields, blocked={"email": ("test@test.com",)})
    api.set_member(change(keys(ANN, csid="A"), sets(nick='"n"', card='"c"', a='{"x":[1]}')))
    api.set_member(change(keys(BOB, csid="B"), sets(nick='"n"')))
    return api


def _call(work: Callable[[Api], object]) -> Callable[[Api], object]:
    return lambda api: attempt(partial(work, api))


def _set(*changes: Change, **others: Any) -> Callable[[Api], object]:
    return _call(lambda api: write(api, "ann@example.com", changes, **others))


def _member(who: matching.MatchKeys, **others: Any) -> Callable[[Api], object]:
    return _call(lambda api: api.set_member(change(who, sets(z="1"), **others)))


def _normal(text: str, **space: Any) -> Callable[[Api], object]:
    def normalized(api: Api) -> object:
        asked = open_api(**space) if space else api
        return fault_in_answer(asked.normalize([address(text)]).results[0].fault)

    return normalized


def _warning(who: matching.MatchKeys) -> Callable[[Api], object]:
    return lambda api: warnings_of(api.set_member(change(who)))[0]


def _raw(method: str, request: bytes, **others: float) -> Callable[[Api], object]:
    return _call(lambda api: api.core.call(method, request, **others))


def _unknown_space(api: Api) -> object:
    return attempt(lambda: Api(api.core, Space(account_id=9, db_id=9)).resolve(keys(ANN)))


def _reused(api: Api) -> object:
    _member(keys(ANN), request_id="r")(api)
    return _member(keys(BOB), request_id="r")(api)


def _closed(api: Api) -> object:
    api.core.close()
    return _member(keys(ANN))(api)


def _both_orders(api: Api) -> object:
    both = order("csid")
    both.order = matching.NAMED_ORDER_SUBSCRIBE
    return attempt(lambda: api.resolve(keys(ANN), both))


def _copy_from_nobody(api: Api) -> object:
    source = datakey.CopySource(member=keys("email=nobody@example.com"))
    return _set(Change("b", "set_copy", copy_path="a"), copy=source)(api)


def _row(columns: list[rows_pb2.ImportColumn], *cells: Cell) -> Callable[[Api], object]:
    def rejected(api: Api) -> object:
        (receipt,) = run_import(api, columns, [[cells]])
        return fault_in_answer(receipt.rejects[0].fault)

    return rejected


def _row_warning(columns: list[rows_pb2.ImportColumn], *cells: Cell) -> Callable[[Api], object]:
    def warned(api: Api) -> object:
        (receipt,) = run_import(api, columns, [[cells]])
        return fault_in_answer(receipt.warnings[0].warning)

    return warned


def _forced(api: Api) -> object:
    api.update_policy(policy(confirm_free_per_month_max=1))
    rows = [["kim@example.com"], ["leo@example.com"]]
    (receipt,) = run_import(api, [email_column()], [rows])
    return fault_in_answer(receipt.warnings[0].warning)


def _submitted(first: imports.StreamImportRequest) -> Callable[[Api], object]:
    def refused(api: Api) -> object:
        opening = options(api, [email_column()], import_id="gap")
        stream = api.core.open_import(opening.SerializeToString())
        try:
            stream.submit(first.SerializeToString())
            stream.finish()
            return stream.receipt()
        finally:
            stream.cancel()

    return _call(refused)


def _busy(api: Api) -> object:
    opening = options(api, [email_column()], import_id="one").SerializeToString()
    stream = api.core.open_import(opening)
    try:
        return attempt(lambda: api.core.open_import(opening))
    finally:
        stream.cancel()


def _detached_all(api: Api) -> object:
    return [api.detach_head(head_key(head)) for head in (BOB, "csid=B")]


def _merge(api: Api) -> int:
    """Merges Bob into Ann with both heads, once; returns the number of the merge."""
    known = api.list_merges(1).merges
    if known:
        return known[0].merge_id
    rule = "MERGE_HEAD_RULE_TRANSPLANT"
    return api.merge_members(keys(ANN), keys(contact_id=2), head_rule=rule).outcome.merge_id


def _repeat_erased(api: Api) -> object:
    """Repeats a request whose member was erased since."""
    repeated = change(keys(ANN), sets(z="1"), request_id="r-1")
    api.set_member(repeated)
    api.erase_member(member_key(ANN))
    return api.set_member(repeated)


def _undone_after(api: Api, detached: list[str]) -> object:
    """Undoes the merge after heads were detached and Bob's datakey was changed."""
    api.set_member(change(keys(BOB), sets(b="1")))
    merge_id = _merge(api)
    for head in detached:
        api.detach_head(head_key(head))
    api.set_member(change(keys(ANN), sets(b="2")))
    # Conflicts of datakeys come before those of heads.
    *_, conflict = api.unmerge_members(merge_id).outcome.conflicts
    return fault_in_answer(conflict)


def _event(head: str, **happened: Any) -> Callable[[Api], object]:
    def refused(api: Api) -> object:
        (result,) = api.record_head_events(event(head, **happened)).outcome.results
        return fault_in_answer(result.fault)

    return refused


def _label_taken(api: Api) -> object:
    api.define_origin("shop")
    return attempt(lambda: api.define_origin("shop", number=7))


def _building(api: Api) -> object:
    """Searches by a field that was declared a moment ago; sometimes its index is faster."""
    for number in range(200):
        path = f"new{number}"
        api.update_policy(policy(custom_field(path)))
        answer = attempt(partial(api.resolve, keys(fields=[(path, "x")])))
        if isinstance(answer, SeenFault) and answer.reason == "FIELD_BUILDING":
            return answer
    return None


def _failed(api: Api) -> object:
    for who in (ANN, BOB):
        api.set_member(change(keys(who), sets(same='"x"')))
    api.update_policy(policy(custom_field("same", unique=True)))
    settled(api)
    return attempt(lambda: api.resolve(keys(fields=[("same", "x")])))


def _source(url: str, *, status: int = 0, file: bytes = b"", **source: str) -> object:
    """Fetches a file; with a status from a web server, which answers it."""
    with TemporaryDirectory() as name, web_server() as web:
        folder = Path(name)
        (folder / "request.json").write_bytes(file)
        (folder / "into").mkdir()
        web.page("/a.csv", b"", status)
        described = settings(upload_folder=folder, file_bytes_max=10)
        fetching = Fetching(folder / "into", described)
        error = fetching.refusal(url.replace("WEB", web.origin), **source)
        return seen(error)


def _sourced(url: str, **given: Any) -> Callable[[Api], object]:
    return lambda _: _source(url, **given)


def _unpacked(api: Api) -> object:  # noqa: ARG001 - a row is given it
    """Unpacks an archive that is a bomb."""
    with TemporaryDirectory() as name:
        (Path(name) / "a.gz").write_bytes(gzip.compress(bytes(20_000_000)))
        described = settings(file_bytes_max=100_000_000)
        with pytest.raises(SourceError) as caught:
            unpack(Path(name) / "a.gz", Path(name), described, cancelled=lambda: False)
        return seen(caught.value)


def _ended_twice(api: Api) -> object:
    job_id = create_job(api).job_id
    return [fail_job(api, job_id) for _ in range(2)]


def _refused(asking: Callable[[ImportOperations], object]) -> Callable[[Api], object]:
    """Asks about imports that the server runs, of which files have at most 10 bytes."""

    def ask(api: Api) -> object:
        with TemporaryDirectory() as name:
            folder, jobs = ImportFolder(Path(name), 10), CoreJobs(api.core)
            files = Files(folder, settings(upload_folder=Path(name)))
            runner = Runner(jobs, folder, files, [], 1)
            with pytest.raises(RefusedError) as caught:
                asking(ImportOperations(jobs, folder, files, runner, 1))
        error = caught.value
        return SeenFault(reason_name(error.reason), error.message, error.details)

    return ask


def _express(api: Api, list_id: str) -> int:
    group = import_job.AutoGroup(id=list_id)
    return create_job(api, express=True, auto_group=group).job_id


def _busy_list(api: Api) -> None:
    """Cleans the list of an import that was interrupted behind its first batch."""
    with TemporaryDirectory() as name:
        path = Path(name) / "rows.csv"
        rows = (f"n{number}@example.com\n" for number in range(200_000))
        path.write_text("email\n" + "".join(rows))
        job_id = _express(api, "a")
        api.call(JOBS + "ClaimJob", internal.ClaimJobRequest(), internal.ClaimJobResponse)
        running = Thread(target=_run_job, args=(api, job_id, path))
        running.start()
        try:
            while get_job(api, job_id).metadata.counters.read == 0:
                time.sleep(0.001)
            express_call(api, "CleanExpressList", id="a")
        finally:
            running.join()


def _run_job(api: Api, job_id: int, path: Path) -> None:
    request = internal.RunJobRequest(job_id=job_id, path=str(path))
    api.call(JOBS + "RunJob", request, internal.RunJobResponse)


def _inline(**given: Any) -> import_job.StartImportRequest:
    source = import_job.ImportSource(inline=import_job.InlineSource(**given))
    options = rows_pb2.ImportOptions(space=Space(account_id=1, db_id=1))
    return import_job.StartImportRequest(source=source, options=options)


CONTACT = rows_pb2.ImportColumn(contact_id=rows_pb2.ContactIdColumn())
RESOLVE = "/zmey.v1.MatchService/Resolve"
UNSPACED = match_service.ResolveRequest(keys=keys(ANN)).SerializeToString()
PROVOKED: dict[str, Callable[[Api], object]] = {
    "REQUEST_MALFORMED": _raw(RESOLVE, b"\xff"),
    "METHOD_UNKNOWN": _raw("/zmey.v1.MatchService/Guess", b""),
    "FIELD_REQUIRED": _raw(RESOLVE, UNSPACED),
    "FIELD_INVALID": _call(
        lambda api: api.resolve(
            keys(ANN), matching.MatchPolicy(explicit_order=[matching.OrderedKey()])
        )
    ),
    "OPTIONS_CONFLICT": _both_orders,
    "LIMIT_EXCEEDED": _member(keys(ANN), request_id="r" * 129),
    "SPACE_UNKNOWN": _unknown_space,
    "DEADLINE_EXCEEDED": _raw(
        "/zmey.v1.MemberService/SetMember", b"\x0a\x04\x08\x01\x10\x01", deadline_seconds=0.0
    ),
    "SHUTTING_DOWN": _closed,
    "REVISION_NOT_REACHED": _call(lambda api: api.resolve_full(keys(ANN), min_revision=999)),
    "ADDRESS_TYPE_REQUIRED": _normal("=hello"),
    "ADDRESS_EMPTY": _normal("csid= "),
    "ADDRESS_TOO_LONG": _normal(f"csid={'x' * 1_025}"),
    "ADDRESS_NOT_DIGITS": _normal("vk=12a"),
    "ADDRESS_BLOCKED": _normal("email=test@test.com"),
    "ADDRESS_CONTROL_CHARACTER": _normal("push=to\x00ken"),
    "EMAIL_NO_AT": _normal("email=example.com"),
    "EMAIL_MANY_AT": _normal("email=a@b@example.com"),
    "EMAIL_LOCAL_EMPTY": _normal("email=@example.com"),
    "EMAIL_LOCAL_TOO_LONG": _normal(f"email={'a' * 65}@example.com"),
    "EMAIL_LOCAL_CHARACTER": _normal("email=a(b@example.com"),
    "EMAIL_LOCAL_DOT": _normal("email=a..b@example.com"),
    "EMAIL_LOCAL_QUOTE": _normal('email="a@example.com'),
    "EMAIL_LOCAL_NOT_ASCII": _normal("email=ж@example.com", email_national_local_parts=False),
    "EMAIL_DOMAIN_EMPTY": _normal("email=a@"),
    "EMAIL_DOMAIN_LABEL": _normal("email=a@-b.example.com"),
    "EMAIL_DOMAIN_CHARACTER": _normal("email=a@b_c!.example.com"),
    "EMAIL_DOMAIN_TOO_LONG": _normal(f"email=a@{('d' * 60 + '.') * 4}dddddddddd.com"),
    "EMAIL_DOMAIN_LITERAL": _normal("email=a@[127.0.0.1]"),
    "EMAIL_DOMAIN_NOT_ASCII": _normal("email=a@пример.рф", email_national_domains=False),
    "EMAIL_TLD_UNKNOWN": _normal("email=a@example.local"),
    "PHONE_NOT_A_NUMBER": _normal("msisdn=hello"),
    "PHONE_COUNTRY_UNKNOWN": _normal("msisdn=9121234567", default_region=""),
    "PHONE_TOO_SHORT": _normal("msisdn=+7912"),
    "PHONE_TOO_LONG": _normal("msisdn=+7912123456789012"),
    "PHONE_NOT_IN_PLAN": _normal("msisdn=+71234567890"),
    "PHONE_EXTENSION": _normal("msisdn=+79121234567 ext. 5"),
    "MATCH_KEYS_REQUIRED": _member(keys()),
    "MATCH_CONFLICT": _member(keys(BOB, csid="A"), policy=order(strict=True)),
    "MATCH_KEY_UNKNOWN": _member(keys(ANN, contact_id=99), policy=order(strict=True)),
    "MATCH_AMBIGUOUS": _member(keys(fields=[("nick", "n")])),
    "FIELD_NOT_DECLARED": _member(keys(fields=[("other", "n")])),
    "FIELD_VALUE_TAKEN": _call(lambda api: api.set_member(change(keys(BOB), sets(card='"c"')))),
    "MEMBER_MISSING": _call(lambda api: api.get_member(keys("email=nobody@example.com"), "*")),
    "MEMBER_EXISTS": _member(keys(ANN), if_exists="IF_EXISTS_ERROR"),
    "MEMBER_NEEDS_ADDRESS": _member(keys(contact_id=99)),
    "EXTERNAL_ID_TAKEN": _member(keys(contact_id=1, csid="B")),
    "HEAD_TAKEN": _member(keys(ANN), heads=(BOB,)),
    "VERSIONING": _member(keys(ANN), expected_version=99),
    "REQUEST_ID_REUSED": _reused,
    "LOCATOR_STAYED": _warning(keys(BOB, csid="A")),
    "CSID_SECOND": _warning(keys(contact_id=1, csid="Z")),
    "HEAD_LAST": _call(_detached_all),
    "HEAD_STAYED": lambda api: warnings_of(
        api.set_member(change(keys(ANN), heads=[ruled(BOB, multi="NONE")]))
    )[0],
    "MEMBER_NOT_RESTORABLE": _call(lambda api: api.restore_member(member_key(ANN))),
    "REQUEST_ERASED": _call(_repeat_erased),
    "ERASURE_UNKNOWN": _call(lambda api: api.get_erasure(99)),
    "MERGE_SAME_MEMBER": _call(lambda api: api.merge_members(keys(ANN), keys(csid="A"))),
    "MERGE_UNKNOWN": _call(lambda api: api.unmerge_members(99)),
    "CHANGE_UNKNOWN": _call(lambda api: api.explain_decision(revision=999)),
    "REQUEST_UNKNOWN": _call(lambda api: api.explain_decision(request_id="never")),
    "MERGE_UNDONE": _call(lambda api: [api.unmerge_members(_merge(api)) for _ in range(2)]),
    "MERGE_HEADS_GONE": _call(lambda api: _undone_after(api, [BOB, "csid=B"])),
    "MERGE_HEAD_CHANGED": lambda api: _undone_after(api, [BOB]),
    "MERGE_DATAKEY_CHANGED": lambda api: _undone_after(api, []),
    "DATAKEY_PATH_INVALID": _set(Change("a..b", "set", "1")),
    "DATAKEY_MODE_UNKNOWN": _set(Change("a", "unspecified", "1")),
    "DATAKEY_TYPE_UNKNOWN": _set(Change("a", "set", '"1"', "int")),
    "DATAKEY_DATE_INVALID": _set(Change("a", "set", '"2026-02-30"', "dt:YD")),
    "DATAKEY_VALUE_UNEXPECTED": _set(Change("a", "delete", "1")),
    "DATAKEY_NOT_AN_OBJECT": _set(Change("a.x.y", "set", "1")),
    "DATAKEY_NOT_AN_ARRAY": _set(Change("a[0]", "set", "1")),
    "DATAKEY_INDEX_INVALID": _set(Change("none[-1]", "set", "1")),
    "DATAKEY_WILDCARD": _set(Change("a.*", "set", "1")),
    "DATAKEY_RESERVED": _set(Change("-group.news", "push", "1")),
    "JSON_INVALID": _set(Change("a", "set", "{")),
    "JSON_TOO_DEEP": _set(Change("a", "set", "[" * 65 + "]" * 65)),
    "BODY_TOO_LARGE": _set(*[Change(f"k{i}", "set", f'"{"x" * 300_000}"') for i in range(4)]),
    "COPY_SOURCE_MISSING": _copy_from_nobody,
    "HEAD_UNKNOWN": _event("email=eve@example.com", delivered={}),
    "HEAD_EVENT_UNFIT": _event(ANN, bot={"bot": 1, "kind": "ERROR"}),
    "ORIGIN_UNKNOWN": _set(Change("member.origin", "set", '"nowhere"')),
    "ORIGIN_LABEL_TAKEN": _label_taken,
    "EXPRESS_LIST_UNKNOWN": _call(lambda api: express_call(api, "GetExpressList", id="a")),
    "EXPRESS_LIST_EXISTS": _call(lambda api: [_express(api, "a") for _ in range(2)]),
    "EXPRESS_LIST_BUSY": _call(_busy_list),
    "IMPORT_NOT_OPENED": _call(
        lambda api: api.core.open_import(chunk(1, [["a"]]).SerializeToString())
    ),
    "IMPORT_CHUNK_GAP": _submitted(chunk(3, [["ann@example.com"]])),
    "IMPORT_CELLS_TOO_MANY": _row([email_column()], "ann@example.com", "more"),
    "CELL_NOT_UTF8": _row([column("csid")], b"\xff"),
    "CELL_NOT_A_NUMBER": _row([CONTACT, email_column()], "12a", "ann@example.com"),
    "CELL_NOT_TEXT": _row([email_column()], JsonCell("[1]")),
    "COLUMN_UNKNOWN": _call(
        lambda api: run_import(api, [email_column(), datakey_column("{shop}", dynamic=True)], [])
    ),
    "DATAKEY_INCOMPLETE": _row_warning(
        [email_column(), ignored_column("shop"), datakey_column("{shop}", dynamic=True)],
        "ann@example.com",
        "",
        "5",
    ),
    "HEAD_ELSEWHERE": _row_warning(
        [email_column(), detach_column()], "ann@example.com", "bob@example.com"
    ),
    "CONFIRMATION_FORCED": _forced,
    "IMPORT_BUSY": _busy,
    "POLICY_VERSIONING": _call(lambda api: api.reset_policy(expected_policy_version=9)),
    "OPERATION_NAME_INVALID": _refused(
        lambda imports: imports.get_operation(GetOperationRequest(name="x"), None)
    ),
    "UPLOAD_UNKNOWN": _refused(
        lambda imports: imports.start(
            import_job.StartImportRequest(source=import_job.ImportSource(upload="0" * 32)), None
        )
    ),
    "UPLOAD_NOT_OPENED": _refused(lambda imports: imports.upload([])),
    "FILE_TOO_LARGE": _refused(lambda imports: imports.start(_inline(content=b"x" * 11), None)),
    "BASE64_INVALID": _refused(
        lambda imports: imports.start(_inline(content=b"%", base64=True), None)
    ),
    "REQUEST_FILE_INVALID": _refused(
        lambda _: merge_request_file({"if_exists": "never"}, import_job.StartImportRequest())
    ),
    "IMPORT_UNKNOWN": _call(lambda api: get_job(api, 99)),
    "IMPORT_NOT_ENDED": _call(lambda api: delete_job(api, create_job(api).job_id)),
    "IMPORT_ENDED": _call(_ended_twice),
    "IMPORT_QUEUE_FULL": _call(lambda api: [create_job(api) for _ in range(1_001)]),
    "FIELD_BUILDING": _building,
    "FIELD_FAILED": _failed,
    "SOURCE_URL_INVALID": _sourced("gopher://example.com/"),
    "SOURCE_UNREACHABLE": _sourced("WEB/a.csv", status=503),
    "SOURCE_FORBIDDEN": _sourced("http://10.0.0.1/a.csv"),
    "SOURCE_DENIED": _sourced("WEB/a.csv", status=401),
    "SOURCE_MISSING": _sourced("WEB/b.csv"),
    "SOURCE_TOO_LARGE": _sourced("rfs://upload/request.json", file=b"x" * 11),
    "SOURCE_SECRET_UNKNOWN": _sourced("http://127.0.0.1/", secret="crm"),
    "UNPACK_LIMIT": _unpacked,
    "SOURCE_FILE_INVALID": _sourced("rfs://upload/", file=b"{"),
}


@pytest.mark.parametrize("reason", PROVOKED)
def test_a_request_provokes_the_reason(filled: Api, reason: str) -> None:
    fault = PROVOKED[reason](filled)
    assert isinstance(fault, SeenFault), fault
    assert fault.reason == reason, fault
    assert fault.message.endswith("."), fault
    if fault.code is not None:
        assert fault.code == REASON_CODES[reason]
    shown = f"{fault.message} {fault.details}"
    for secret in ("ann@example", "bob@example", "hello", "9121234567"):
        assert secret not in shown, "an error shows personal data"


def reason_names() -> set[str]:
    values = errors.ErrorReason.DESCRIPTOR.values_by_name
    return {name.removeprefix("ERROR_REASON_") for name in values}


def test_every_reason_is_provoked_or_exempt() -> None:
    names = reason_names()
    assert len(names) > 70
    assert names == set(PROVOKED) | set(EXEMPT)
    assert not set(PROVOKED) & set(EXEMPT)


def test_every_reason_has_a_code_in_the_contract() -> None:
    names = reason_names()
    assert set(REASON_CODES) == names


def test_every_reason_has_the_code_of_the_contract() -> None:
    codes = {
        name: code_of_reason(errors.ErrorReason.Value(f"ERROR_REASON_{name}"))
        for name in REASON_CODES.keys() - WARNING_REASONS
    }
    assert codes == {name: REASON_CODES[name] for name in codes}


def test_a_reason_that_nobody_knows_has_no_code() -> None:
    with pytest.raises(ValueError, match="1000000"):
        code_of_reason(1_000_000)
