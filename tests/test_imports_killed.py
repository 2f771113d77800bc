"""Imports of the server killed again and again end as if they had run once."""

import random
import time
from pathlib import Path
from typing import Any

import pytest
from google.longrunning.operations_pb2 import GetOperationRequest, WaitOperationRequest
from google.protobuf.duration_pb2 import Duration

from conftest import StartServer
from running_server import RunningServer, run_zmey
from support.seeds import seeds
from zmey.cli.import_watch import unpack_metadata
from zmey.client import Client
from zmey.client.uploads import upload_file
from zmey.v1.import_job_pb2 import (
    DownloadReportRequest,
    ImportCounters,
    ImportMetadata,
    ImportSource,
    StartImportRequest,
)
from zmey.v1.import_rows_pb2 import GroupOrders, ImportOptions
from zmey.v1.match_service_pb2 import ResolveBatchRequest
from zmey.v1.matching_pb2 import MatchKeys
from zmey.v1.member_service_pb2 import GetDatasetRequest
from zmey.v1.space_pb2 import Space

SPACE = Space(account_id=1, db_id=1)
PEOPLE = 20_000
ASK_ROWS = 10_000
SAMPLE = 200
# Small commits: many places to be killed at.
FLAGS = ("--commit-rows-max", "5000")


def write_file(path: Path, rows: int, source: random.Random) -> None:
    """Rows of fewer people, whose visits add up: a row applied twice or never shows."""
    with path.open("w", encoding="utf-8") as file:
        file.write("external_customer_id;member.email;=visits;name\n")
        for _ in range(rows):
            person = source.randrange(PEOPLE)
            email = f"user{person}@example.com" if source.random() > 0.02 else "nobody@"
            name = "" if source.random() < 0.5 else f"Name {source.randrange(100)}"
            key = person if source.random() > 0.01 else ""
            file.write(f"{key};{email};{source.randrange(1, 5)};{name}\n")


def begin(server: RunningServer, path: Path) -> str:
    with Client(server.address) as client, path.open("rb") as file:
        request = StartImportRequest(
            source=ImportSource(upload=upload_file(client, SPACE, file)),
            options=ImportOptions(space=SPACE, groups=GroupOrders(add=["imported"])),
        )
        name: str = client.imports.StartImport(request).operation
    return name


def state(client: Client, name: str) -> tuple[bool, ImportMetadata]:
    operation = client.operations.GetOperation(GetOperationRequest(name=name))
    return operation.done, unpack_metadata(operation)


def finish(server: RunningServer, name: str) -> dict[str, Any]:
    """Waits for the end; returns everything that must be the same in every run."""
    with Client(server.address) as client:
        wait = WaitOperationRequest(name=name, timeout=Duration(seconds=300))
        operation = client.operations.WaitOperation(wait)
        assert operation.done
        assert not operation.HasField("error"), operation.error
        report = client.imports.DownloadReport(DownloadReportRequest(operation=name))
        found = contact_ids(client)
        return {
            "counters": unpack_metadata(operation).counters,
            "report": b"".join(piece.content for piece in report),
            "members": found,
            "data": [data_of(client, contact) for contact in found[:: PEOPLE // SAMPLE] if contact],
        }


def contact_ids(client: Client) -> list[int]:
    found: list[int] = []
    for start in range(0, PEOPLE, ASK_ROWS):
        items = [
            MatchKeys(external_customer_id=str(person)) for person in range(start, start + ASK_ROWS)
        ]
        answer = client.matches.ResolveBatch(ResolveBatchRequest(space=SPACE, items=items))
        found += [result.resolution.contact_id for result in answer.results]
    return found


def data_of(client: Client, contact: int) -> tuple[bytes, int]:
    answer = client.members.GetDataset(GetDatasetRequest(space=SPACE, dataset_id=contact))
    return answer.member.values[0].value, answer.member.version


def kill_often(
    start_server: StartServer, path: Path, store: Path, at_rows: list[int], source: random.Random
) -> dict[str, Any]:
    """Imports with the server killed soon after so many rows each; returns the end."""
    server = start_server(*FLAGS, store=store)
    name = begin(server, path)
    for rows in at_rows:
        wait_for_rows(server, name, rows)
        # Anywhere in a batch, not just behind the answer that told of the last one.
        time.sleep(source.uniform(0.0, 0.02))
        server.kill()
        server = start_server(*FLAGS, store=store)
    end = finish(server, name)
    assert server.terminate() == 0
    checked = run_zmey("fsck", str(store))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    return end


def wait_for_rows(server: RunningServer, name: str, rows: int) -> None:
    """Waits until an import has applied so many rows and has more to do."""
    with Client(server.address) as client:
        while True:
            ended, metadata = state(client, name)
            assert not ended, f"the import ended before {rows} rows were seen"
            if metadata.counters.read >= rows:
                return
            time.sleep(0.005)


def compare(start_server: StartServer, folder: Path, rows: int, kills: int, seed: int) -> None:
    path = folder / "people.csv"
    write_file(path, rows, random.Random(seed))
    calm = start_server(*FLAGS, store=folder / "calm")
    expected = finish(calm, begin(calm, path))
    assert isinstance(expected["counters"], ImportCounters)
    assert expected["counters"].read == rows
    calm.kill()
    source = random.Random(seed)
    # Some kills before the first row; none so late that the import may be over before it comes.
    at_rows = sorted(max(source.randrange(-rows // 20, rows * 3 // 4), 0) for _ in range(kills))
    assert kill_often(start_server, path, folder / "killed", at_rows, source) == expected


@pytest.mark.parametrize("seed", seeds(1))
def test_an_import_killed_five_times_ends_as_one_that_was_not(
    start_server: StartServer, tmp_path: Path, seed: int
) -> None:
    compare(start_server, tmp_path, 150_000, 5, seed)


@pytest.mark.torture
@pytest.mark.parametrize("seed", seeds(1))
def test_an_import_killed_fifty_times_ends_as_one_that_was_not(
    start_server: StartServer, tmp_path: Path, seed: int
) -> None:
    compare(start_server, tmp_path, 1_500_000, 50, seed)
