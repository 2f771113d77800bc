"""The last acts: a server is killed in the middle of an import, and nothing is lost."""

import csv
import json
import time
from dataclasses import dataclass
from pathlib import Path

from google.longrunning.operations_pb2 import GetOperationRequest, ListOperationsRequest
from rich.table import Table

from demo.people import CITIZENS, PEOPLE, SPACE
from demo.stage import Stage
from zmey.client import Client
from zmey.v1.import_job_pb2 import ImportMetadata
from zmey.v1.match_service_pb2 import ResolveBatchRequest
from zmey.v1.matching_pb2 import MatchKeys
from zmey.v1.member_service_pb2 import GetMemberRequest

FILE = "population.csv"
COPIES = 40
POLL_SECONDS = 0.02
ASK_ROWS = 10_000
# Rows whose data are compared with the file, evenly spread.
COMPARED_ROWS = 400

# A quarter of the file: there is much to lose, and much to go on with.
KILL_AFTER_ROWS = PEOPLE * COPIES // 4


@dataclass(frozen=True)
class Population:
    """The rows of the larger file."""

    columns: list[str]
    rows: list[list[str]]

    @property
    def ids(self) -> list[str]:
        """The record ids in the order of the file."""
        return [row[0] for row in self.rows]


def crash_and_resume(stage: Stage) -> None:
    """Kill, restart, compare, resume, check."""
    stage.act(
        "Pull the plug",
        f"The same people {COPIES} times, each with an id of its own, in one file. In the middle "
        "of its import\nthe server gets SIGKILL.",
    )
    population = write_population(stage.directory / FILE)
    name, durable = _import_until_killed(stage)
    stage.act(
        "Start again",
        "The store is opened as the dead process left it; the import goes on by itself.",
    )
    stage.start_server()
    _compare_with_counters(stage, population, durable)
    stage.run("operations", "wait", name)
    with stage.client() as client:
        found = _contact_ids(client, population.ids)
    total = len(population.rows)
    stage.require(all(found), f"{found.count(0):,} rows of {total:,} are missing after the resume")
    stage.require(len(set(found)) == total, "two rows ended in one member")
    stage.say(f"All {total:,} rows are there, each once.")
    _check_store(stage, PEOPLE + total)


def write_population(path: Path) -> Population:
    """Writes the Febrl people many times over, with numbered ids."""
    with CITIZENS.open(encoding="utf-8", newline="") as file:
        columns, *people = csv.reader(file, skipinitialspace=True)
    rows = [
        [f"{person[0]}-{copy}", *person[1:]] for copy in range(1, COPIES + 1) for person in people
    ]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return Population(columns, rows)


def _import_until_killed(stage: Stage) -> tuple[str, int]:
    """Returns the operation, and how many rows it had told to be durable."""
    stage.run("import", FILE, "--map", "rec_id=external_customer_id", "--prefix", "febrl.",
              "--no-watch")  # fmt: skip
    durable = 0
    with stage.client() as client:
        (newest,) = client.operations.ListOperations(
            ListOperationsRequest(name="spaces/1/1", page_size=1)
        ).operations
        name = newest.name
        while durable < KILL_AFTER_ROWS:
            time.sleep(POLL_SECONDS)
            found = client.operations.GetOperation(GetOperationRequest(name=name))
            stage.require(not found.done, "the import ended before the server could be killed")
            metadata = ImportMetadata()
            found.metadata.Unpack(metadata)
            durable = metadata.counters.read
    stage.kill_server()
    return name, durable


def _compare_with_counters(stage: Stage, population: Population, durable: int) -> None:
    with stage.client() as client:
        found = _contact_ids(client, population.ids)
        promised = found[:durable]
        compared = range(0, durable, max(1, durable // COMPARED_ROWS))
        wrong = sum(_data(client, found[row]) != _expected(population, row) for row in compared)
    missing = promised.count(0)
    table = Table(box=None, show_header=False, padding=(0, 3, 0, 0))
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_row(f"{len(population.rows):,}", "rows in the file")
    table.add_row(f"{durable:,}", "rows were durable, as the import told, when the server died")
    table.add_row(f"{len(promised) - missing:,}", "of these found after the restart, one by one")
    table.add_row(f"{missing:,}", "of these missing", style="red" if missing else "green")
    table.add_row(f"{len(compared):,}", f"of these compared cell by cell, {wrong:,} differ")
    stage.show(table)
    stage.require(not missing, f"{missing:,} durable rows are missing")
    stage.require(not wrong, f"{wrong:,} of {len(compared):,} durable rows have other data")
    stage.require(len(set(promised)) == durable, "two durable rows share a member")


def _check_store(stage: Stage, expected: int) -> None:
    stage.act("Check", "SIGTERM drains the server; then zmey fsck checks every index both ways.")
    stage.stop_server()
    stage.run("spaces", "list", "store")
    stage.run("fsck", "store")
    members = json.loads(stage.read("spaces", "list", "store", "--json"))[0]["members"]
    stage.require(members == expected, f"the store has {members:,} members, not {expected:,}")


def _contact_ids(client: Client, ids: list[str]) -> list[int]:
    """Returns the member of each external id, 0 where there is none."""
    found: list[int] = []
    for start in range(0, len(ids), ASK_ROWS):
        items = [MatchKeys(external_customer_id=one) for one in ids[start : start + ASK_ROWS]]
        request = ResolveBatchRequest(space=SPACE, items=items)
        results = client.matches.ResolveBatch(request).results
        found += (result.resolution.contact_id for result in results)
    return found


def _data(client: Client, contact_id: int) -> dict[str, str]:
    request = GetMemberRequest(
        space=SPACE, keys=MatchKeys(contact_id=contact_id), datakeys=["febrl"]
    )
    value = client.members.GetMember(request).member.values[0].value
    return dict(json.loads(value))


def _expected(population: Population, row: int) -> dict[str, str]:
    """Returns what the file says: empty cells are left out."""
    cells = zip(population.columns[1:], population.rows[row][1:], strict=True)
    return {name: cell for name, cell in cells if cell}
