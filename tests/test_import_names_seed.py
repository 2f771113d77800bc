"""Where an import gets the names of its columns from, and that nothing that says so is dropped.

Seed 002, member.import: caption, firstline and addr_type.
"""

from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.core import Api, attempt, check_fault, fault_in_answer
from support.imports import email_column
from support.jobs import create_job, probe_file, run_file
from zmey.v1 import address_pb2
from zmey.v1 import import_job_pb2 as import_job
from zmey.v1 import import_rows_pb2 as rows_pb2

SUCCEEDED, FAILED = import_job.IMPORT_STATE_SUCCEEDED, import_job.IMPORT_STATE_FAILED
NAMES = ["member.email", "name"]


def probed(api: Api, path: Path, text: str, **asked: Any) -> import_job.ProbeImportResponse:
    path.write_text(text, encoding="utf-8")
    return probe_file(api, str(path), **asked)


OBJECTS = (
    '{"a": "ann@example.com", "b": "Ann"}\n',
    '["ann@example.com", "Ann"]\n{"a": "bob@example.com", "b": "Bob"}\n',
    '{"rows": [{"a": "ann@example.com", "b": "Ann"}]}',
)


@pytest.mark.parametrize("text", OBJECTS)
def test_names_are_not_for_objects(api: Api, tmp_path: Path, text: str) -> None:
    """They name their columns; names that count for nothing are told."""
    path, reading = tmp_path / "rows.json", import_job.ImportReading(names=NAMES)
    answer = probed(api, path, text, reading=reading)
    assert answer.cannot_import
    check_fault(fault_in_answer(answer.warnings[0]), "FIELD_INVALID", field="reading.names")
    assert answer.warnings[0] not in answer.warnings[1:], "it is told once"
    job = run_file(api, path, text, reading=reading)
    assert job.metadata.state == FAILED
    renamed = import_job.ImportReading(renames={"a": "member.email", "b": "name"})
    assert run_file(api, path, text, reading=renamed).metadata.state == SUCCEEDED


SAID_TWICE: tuple[dict[str, Any], ...] = (
    {"names": NAMES},
    {"renames": {"a": "b"}},
    {"prefix": "crm."},
    {"addr_type": address_pb2.ADDRESS_TYPE_EMAIL},
)


@pytest.mark.parametrize("said", SAID_TWICE)
def test_columns_are_said_in_one_way(api: Api, tmp_path: Path, said: dict[str, Any]) -> None:
    path, text = tmp_path / "rows.csv", "ann@example.com\n"
    asked: dict[str, Any] = {
        "reading": import_job.ImportReading(**said),
        "options": rows_pb2.ImportOptions(space=api.space, columns=[email_column()]),
    }
    (field,) = said
    for call in (partial(create_job, api, **asked), partial(probed, api, path, text, **asked)):
        check_fault(
            attempt(call), "OPTIONS_CONFLICT", first="options.columns", second=f"reading.{field}"
        )


SAYING = ("names", "renames", "prefix", "addr_type")
READINGS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("ann@example.com;Ann\n", {"names": NAMES}),
    ("a;b\nann@example.com;Ann\n", {"names": NAMES, "first_line": import_job.FIRST_LINE_NAMES}),
    ("a;b\nann@example.com;Ann\n", {"renames": {"a": "member.email"}, "prefix": "crm."}),
    ("x;y\n7;1\n", {"renames": {"x": "member.tg"}, "addr_type": address_pb2.ADDRESS_TYPE_TG}),
    ("7\n8\n", {"addr_type": address_pb2.ADDRESS_TYPE_TG}),
    ('{"a": "ann@example.com", "b": [1]}\n', {"renames": {"a": "member.email"}, "prefix": "c."}),
    ('{"caption": [{"datakey": "member.email"}], "rows": [["ann@example.com"]]}',
     {"names": ["csid"], "renames": {"csid": "member.csid"}}),
)  # fmt: skip


def meanings(layout: import_job.ImportLayout) -> list[str]:
    """What the columns do; one without a name has got one when it comes again."""
    return [str(getattr(one, str(one.WhichOneof("target")))) for one in layout.columns]


@pytest.mark.parametrize(("text", "said"), READINGS)
def test_what_a_probe_answers_reads_the_file_again(
    api: Api, tmp_path: Path, text: str, said: dict[str, Any]
) -> None:
    """Its layout has columns in place of what said what they are."""
    path = tmp_path / "rows"
    first = probed(api, path, text, reading=import_job.ImportReading(**said))
    assert not first.cannot_import, first.warnings
    reading = first.layout.reading
    said_again = [name for name in SAYING if getattr(reading, name)]
    assert said_again == []
    options = rows_pb2.ImportOptions(space=api.space, columns=first.layout.columns)
    again = probed(api, path, text, reading=reading, options=options)
    assert meanings(again.layout) == meanings(first.layout)
    assert again.rows == first.rows
    job = run_file(api, path, text, reading=reading, options=options)
    assert job.metadata.state == SUCCEEDED
    assert job.metadata.counters.created == len(first.rows)
    assert meanings(job.metadata.layout) == meanings(first.layout)
