"""The parts of server-side imports that need no server: names, folder, request.json."""

import os
from pathlib import Path
from typing import Any

import pytest

from zmey.imports.folder import UPLOAD_KEPT_SECONDS, ImportFolder
from zmey.imports.names import operation_name, parse_operation, parse_space
from zmey.imports.request_file import merge_request_file
from zmey.refusal import RefusedError
from zmey.v1 import address_pb2, data_rule_pb2, import_job_pb2, member_pb2
from zmey.v1 import error_reason_pb2 as reasons
from zmey.v1.import_job_pb2 import ProbeImportRequest, StartImportRequest
from zmey.v1.space_pb2 import Space

SPACE = Space(account_id=1, db_id=2)
OTHER = Space(account_id=1, db_id=3)
FILE_BYTES_MAX = 10


def test_names_go_there_and_back() -> None:
    name = operation_name(SPACE, 17)
    assert name == "spaces/1/2/operations/17"
    assert parse_operation(name) == (SPACE, 17)
    assert parse_space("spaces/1/2") == SPACE


@pytest.mark.parametrize(
    "name",
    ["", "operations/17", "spaces/1/2", "spaces/0/2/operations/1", "spaces/1/2/operations/x",
     "spaces/1/2/operations/1/", "spaces/01/2/operations/1", "spaces/4294967296/1/operations/1",
     "spaces/1/2/operations/99999999999999999999"],
)  # fmt: skip
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(RefusedError) as refused:
        parse_operation(name)
    assert refused.value.reason == reasons.ERROR_REASON_OPERATION_NAME_INVALID


@pytest.fixture
def folder(tmp_path: Path) -> ImportFolder:
    return ImportFolder(tmp_path / "imports", FILE_BYTES_MAX)


def upload(folder: ImportFolder, content: bytes, space: Space = SPACE) -> str:
    with folder.begin_upload(space) as opened:
        opened.write(content)
        return opened.keep()


def test_an_upload_belongs_to_its_space(folder: ImportFolder) -> None:
    found = upload(folder, b"abc")
    assert folder.upload(SPACE, found).read_bytes() == b"abc"
    assert upload(folder, b"abc") == found, "the same content has the same id"
    for space, name in ((OTHER, found), (SPACE, "0" * 32), (SPACE, "../1-2/" + found), (SPACE, "")):
        with pytest.raises(RefusedError) as refused:
            folder.upload(space, name)
        assert refused.value.reason == reasons.ERROR_REASON_UPLOAD_UNKNOWN


def test_an_upload_is_there_after_a_power_cut(
    folder: ImportFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bytes, its name, and the name of the directory of its space, which is new."""
    synced: list[str] = []
    sync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        sync(descriptor)

    monkeypatch.setattr("zmey.imports.folder.os.fsync", noted)
    upload(folder, b"abc")
    assert (synced[0], synced[2]) == ("uploads", "1-2")
    assert synced[1].endswith(".part")
    synced.clear()
    assert folder.of_job(SPACE, 1).is_dir()
    assert synced == ["jobs", "1-2"]


def test_the_size_of_an_upload_is_bounded(folder: ImportFolder) -> None:
    upload(folder, b"x" * FILE_BYTES_MAX)
    with pytest.raises(RefusedError) as refused:
        upload(folder, b"y" * (FILE_BYTES_MAX + 1))
    assert refused.value.reason == reasons.ERROR_REASON_FILE_TOO_LARGE


def test_an_upload_that_breaks_off_leaves_nothing(folder: ImportFolder) -> None:
    with pytest.raises(RefusedError):
        upload(folder, b"x" * (FILE_BYTES_MAX + 1))
    assert list((folder.path / "uploads" / "1-2").iterdir()) == []


def test_sweeping_keeps_what_is_needed(folder: ImportFolder) -> None:
    old, used, fresh = upload(folder, b"old"), upload(folder, b"used"), upload(folder, b"fresh")
    for name in (old, used):
        os.utime(folder.path / "uploads" / "1-2" / name, (0, 1_000))
    running, ended = folder.of_job(SPACE, 1), folder.of_job(SPACE, 2)
    unserved = folder.of_job(OTHER, 3)
    now = float(1_000 + UPLOAD_KEPT_SECONDS + 1)
    os.utime(folder.path / "uploads" / "1-2" / fresh, (now, now))
    found = folder.files(SPACE)
    begun = folder.of_job(SPACE, 4)
    assert folder.sweep(found, {used}, {1}, lambda: now) == 2
    kept = {path.name for path in (folder.path / "uploads" / "1-2").iterdir()}
    assert kept == {used, fresh}
    assert running.exists()
    assert not ended.exists()
    assert begun.exists(), "it began after the imports were listed"
    assert unserved.exists(), "its space may be served again"


def test_an_upload_that_is_named_meanwhile_is_not_swept(folder: ImportFolder) -> None:
    old = upload(folder, b"old")
    path = folder.path / "uploads" / "1-2" / old
    os.utime(path, (0, 1_000))
    found = folder.files(SPACE)
    assert folder.upload(SPACE, old) == path
    assert folder.sweep(found, set(), set()) == 0
    assert path.exists()


def test_probes_that_were_left_are_swept(folder: ImportFolder) -> None:
    left, running = folder.probes / "left", folder.probes / "running"
    for directory in (left, running):
        directory.mkdir()
    os.utime(left, (0, 1_000))
    assert folder.sweep_probes() == 1
    assert not left.exists()
    assert running.exists()


def merged(content: dict[str, Any], call: StartImportRequest | None = None) -> StartImportRequest:
    request = StartImportRequest()
    if call is not None:
        request.CopyFrom(call)
    merge_request_file(content, request)
    return request


def test_rules_of_heads_are_read_from_a_request_file() -> None:
    rule = {"newbie": "replace_same_type", "single": "transplant", "multi": "none"}
    found = merged({"head_attach": {"newbie.confirm": "1", "head_rule": rule}, "basegroup.id": "b"})
    rules = found.options.head_attach
    assert rules.newbie_confirm
    assert rules.head_rule == member_pb2.HeadRule(
        newbie=member_pb2.NEWBIE_MODE_REPLACE_SAME_TYPE,
        single=member_pb2.OWNED_MODE_TRANSPLANT,
        multi=member_pb2.OWNED_MODE_NONE,
    )
    wrongs: list[Any] = [
        {"head_rule": {"newbie": "x"}}, {"head_rule": {"x": "none"}}, {"head_rule": {"single": 1}},
        {"x": 1}, [],
    ]  # fmt: skip
    for wrong in wrongs:
        with pytest.raises(RefusedError) as refused:
            merged({"head_attach": wrong})
        assert refused.value.details == {"key": "head_attach"}


def test_rules_of_data_are_read_from_a_request_file() -> None:
    rule = {
        "level": "0", "hasmiss": "move", "hashas": "merge", "misshas": "delete",
        "dk_rule": {"base.firstName": "set", "visits": "none"},
    }  # fmt: skip
    found = merged({"head_attach": {"data_rule": rule}}).options.head_attach.data_rule
    assert found == data_rule_pb2.DataRule(
        level=0,
        has_miss=data_rule_pb2.HAS_MISS_MODE_MOVE,
        has_has=data_rule_pb2.HAS_HAS_MODE_MERGE,
        miss_has=data_rule_pb2.MISS_HAS_MODE_DELETE,
        keys=[
            data_rule_pb2.DatakeyRule(path="base.firstName", mode="HAS_HAS_MODE_SET"),
            data_rule_pb2.DatakeyRule(path="visits", mode="HAS_HAS_MODE_NONE"),
        ],
    )
    assert not merged({"head_attach": {"data_rule": {}}}).options.head_attach.HasField("data_rule")


@pytest.mark.parametrize(
    "rule",
    ["set", [1], {"x": "set"}, {"level": "two"}, {"level": 1.5}, {"level": -1}, {"level": True},
     {"hasmiss": "merge"}, {"hashas": 1}, {"misshas": "set"}, {"dk_rule": {"a": "push"}},
     {"dk_rule": ["a"]}, {"hashas": "unspecified"}],
)  # fmt: skip
def test_a_wrong_rule_of_data_is_named(rule: object) -> None:
    with pytest.raises(RefusedError) as refused:
        merged({"head_attach": {"data_rule": rule}})
    assert refused.value.details == {"key": "head_attach"}


def test_lists_of_the_call_replace_those_of_the_file() -> None:
    content = {
        "caption": [{"datakey": "a"}, {"datakey": "b"}],
        "member.group.add": ["g1"],
        "member.group.remove": ["g2"],
    }
    call = StartImportRequest()
    call.reading.names.extend(["x", "y"])
    call.options.groups.add.append("g3")
    once = merged(content, call)
    assert list(once.reading.names) == ["x", "y"]
    assert list(once.options.groups.add) == ["g3"]
    assert list(once.options.groups.remove) == ["g2"]
    assert merged(content, once) == once, "whoever goes on merges the file once more"


def test_every_parameter_of_a_request_file_is_read() -> None:
    found = merged(
        {
            "addr_type": "cellphone", "charset": "KOI8-R", "separator": "t", "firstline": "1",
            "if_exists": "must", "newbie.confirm": 1, "no_member": "0", "origin": "17",
            "member.group.add": ["a", 5], "member.group.remove": ["b"],
            "sequence.event": 1, "sequence.stop": ["3"], "sequence.start": [4],
            "auto_group": {"id": "g", "name": "Новые"}, "clean_group": 1, "track.info": "nightly",
            "content_type": "csv", "action": "member.import",
            "caption": [
                {"datakey": "member.email"}, {"datakey": "visits", "calc": 1}, {"ignore": "1"},
                {"datakey": "a:b", "mode": "update", "type": "dt:YD"},
                {"anketa": "base", "quest": "firstName"},
            ],
        }
    )  # fmt: skip
    reading, options = found.reading, found.options
    assert reading.addr_type == address_pb2.ADDRESS_TYPE_MSISDN
    assert reading.charset == import_job_pb2.CHARSET_KOI8_R
    assert reading.separator == import_job_pb2.SEPARATOR_TAB
    assert list(reading.names) == [
        "member.email", "=visits", "-", r"a\:b:update:dt:YD", "base.firstName",
    ]  # fmt: skip
    assert reading.first_line == import_job_pb2.FIRST_LINE_NAMES
    assert options.if_exists == member_pb2.IF_EXISTS_MUST
    assert (options.newbie_confirm, options.no_member, options.origin_number) == (True, False, 17)
    assert (list(options.groups.add), list(options.groups.remove)) == (["a", "5"], ["b"])
    sequence = options.sequence
    assert (sequence.event, list(sequence.stop), list(sequence.start)) == (True, [3], [4])
    assert (found.auto_group.id, found.auto_group.name) == ("g", "Новые")
    assert (found.clean_group, found.track_info) == (True, "nightly")


@pytest.mark.parametrize(
    ("column", "name"),
    [
        ({"datakey": "utm:set"}, r"utm\:set"),
        ({"datakey": r"a\.b:c"}, r"a\.b\:c"),
        ({"datakey": r"a\:b"}, r"a\:b"),
        ({"datakey": "=x"}, r"\=x"),
        ({"datakey": "'=x"}, r"\'=x"),
        ({"datakey": "=x", "calc": 1}, "==x"),
        ({"datakey": "member.email", "mode": "set"}, "member.email"),
        ({"datakey": "member.head.attach:tg"}, "member.head.attach:tg"),
        ({"datakey": "member.origin", "mode": "set"}, "member.origin:set"),
        ({"datakey": "@crm.id"}, "@crm.id"),
        ({"datakey": "member.detach:csid"}, "member.detach:csid"),
        ({"/status": ""}, "/status"),
        ({"/status": "0|1|active|"}, "/status"),
    ],
)
def test_datakeys_of_a_caption_are_taken_literally(column: dict[str, Any], name: str) -> None:
    """As in the caption of a JSON document, native/tests/reading/captions.rs."""
    assert list(merged({"caption": [column]}).reading.names) == [name]


@pytest.mark.parametrize("absent", ["", None])
def test_what_is_empty_is_absent(absent: str | None) -> None:
    keys = ("charset", "separator", "firstline", "addr_type", "if_exists", "origin",
            "basegroup.id")  # fmt: skip
    assert merged(dict.fromkeys(keys, absent)) == StartImportRequest()


def test_what_has_no_effect_is_told() -> None:
    columns = [{"datakey": "a", "autodetect": 0}, {"datakey": "b", "autodetect": "1"}]
    content = {"basegroup.id": "bot", "caption": columns}
    found = merge_request_file(content, StartImportRequest())
    assert {warning.reason for warning in found} == {reasons.ERROR_REASON_FIELD_INVALID}
    assert [dict(warning.details) for warning in found] == [
        {"field": "basegroup.id"},
        {"field": "caption.autodetect", "column": "1"},
    ]
    assert merge_request_file({"caption": columns[:1]}, StartImportRequest()) == []


def test_a_request_is_kept_beside_its_file(folder: ImportFolder) -> None:
    plain = upload(folder, b"rows")
    ids = []
    for request in (b"{}", b'{"charset": "utf-8"}'):
        with folder.begin_upload(SPACE) as kept:
            kept.write(b"rows")
            ids.append(kept.keep(request))
        assert folder.request_of(SPACE, ids[-1]) == request
        assert folder.upload(SPACE, ids[-1]).read_bytes() == b"rows"
    assert len({plain, *ids}) == 3, "the same file with another request is another import"
    assert folder.request_of(SPACE, plain) is None
    for path in folder.files(SPACE)[0]:
        os.utime(path, (0, 1_000))
    folder.sweep(folder.files(SPACE), {ids[0]}, set())
    assert folder.request_of(SPACE, ids[0]) == b"{}", "an import still needs it"
    assert folder.request_of(SPACE, ids[1]) is None
    for path in folder.files(SPACE)[0]:
        os.utime(path, (0, 1_000))
    folder.upload(SPACE, ids[0])
    assert folder.sweep(folder.files(SPACE), set(), set()) == 0, "both are named together"


def test_what_the_call_says_goes_before_the_file() -> None:
    call = StartImportRequest(track_info="mine")
    call.reading.charset = import_job_pb2.CHARSET_UTF_8
    call.options.space.CopyFrom(SPACE)
    found = merged({"charset": "cp1251", "track.info": "theirs", "separator": ";"}, call)
    assert (found.track_info, found.reading.charset) == ("mine", import_job_pb2.CHARSET_UTF_8)
    assert found.reading.separator == import_job_pb2.SEPARATOR_SEMICOLON
    assert found.options.space == SPACE


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ({"charset": "ebcdic"}, "charset"),
        ({"charset": 7}, "charset"),
        ({"separator": "#"}, "separator"),
        ({"firstline": "maybe"}, "firstline"),
        ({"if_exists": "never"}, "if_exists"),
        ({"addr_type": "fax"}, "addr_type"),
        ({"member.group.add": "a"}, "member.group.add"),
        ({"sequence.stop": ["x"]}, "sequence.stop"),
        ({"auto_group": "g"}, "auto_group"),
        ({"caption": [{"surprise": 1}]}, "caption"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_a_wrong_parameter_is_named(content: dict[str, Any], key: str) -> None:
    for request in (StartImportRequest(), ProbeImportRequest()):
        with pytest.raises(RefusedError) as refused:
            merge_request_file(content, request)
        assert refused.value.reason == reasons.ERROR_REASON_REQUEST_FILE_INVALID
        assert refused.value.details == {"key": key}
