"""The first acts: real people come in from files and are asked for in many ways."""

import json
import shutil
from pathlib import Path

from rich.table import Table

from demo.stage import Stage
from zmey.v1.address_pb2 import ADDRESS_TYPE_EMAIL, ADDRESS_TYPE_MSISDN, Address
from zmey.v1.match_service_pb2 import ResolveBatchRequest
from zmey.v1.matching_pb2 import KeyReport, MatchKeys
from zmey.v1.space_pb2 import Space

DATA = Path(__file__).resolve().parents[1] / "data"
CUSTOMERS = DATA / "er-senzing-truthset" / "customers.csv"
CITIZENS = DATA / "er-febrl" / "dataset4a.csv"

SPACE = Space(account_id=1, db_id=1)

# What somebody typed into a form, and the customer record they are.
TYPED: tuple[tuple[str, MatchKeys], ...] = (
    ("mark@MarksFoods.com ", MatchKeys(locators=[Address(value="mark@MarksFoods.com ")])),
    ("(807) 422 90-31", MatchKeys(locators=[Address(value="(807) 422 90-31")])),
    (
        "+39 0352 655 35 37",
        MatchKeys(locators=[Address(type=ADDRESS_TYPE_MSISDN, value="+39 0352 655 35 37")]),
    ),
    (
        "nobody@nowhere.org, sthomp45@fmail.com",
        MatchKeys(
            locators=[
                Address(type=ADDRESS_TYPE_EMAIL, value="nobody@nowhere.org"),
                Address(type=ADDRESS_TYPE_EMAIL, value="sthomp45@fmail.com"),
            ]
        ),
    ),
    ("customer 1092", MatchKeys(external_customer_id="1092")),
    ("customer 4711", MatchKeys(external_customer_id="4711")),
)
FOUND = 5
PEOPLE = 5_120


def import_people(stage: Stage) -> None:
    """Two data sets that others published, each by one command."""
    stage.act(
        "Import",
        "The truth set of Senzing: 120 records of fewer people, who share mailboxes and write "
        "their phones\nin many ways. --map says which columns are keys, --prefix keeps the rest.",
    )
    shutil.copy(CUSTOMERS, stage.directory / "customers.csv")
    stage.run(
        "import", "customers.csv", "--map", "RECORD_ID=external_customer_id",
        "--map", "EMAIL_ADDRESS=member.email", "--map", "PHONE_NUMBER=member.msisdn",
        "--prefix", "crm.", "--trim",
    )  # fmt: skip
    stage.say(
        "Every record is a member, because every record has an id of its own. A warning says what "
        "was not\ndone: 'locator stayed' is an e-mail or phone that an earlier member has "
        "already; it never moves\nsilently. Now 5,000 people of the Febrl project, by their record "
        "ids:"
    )
    shutil.copy(CITIZENS, stage.directory / "citizens.csv")
    stage.run(
        "import", "citizens.csv", "--map", "rec_id=external_customer_id", "--prefix", "febrl.",
        "--trim",
    )  # fmt: skip


def resolve_people(stage: Stage) -> None:
    """The same people by each key, by keys that disagree, and many at once."""
    stage.act("Resolve by any key", "One member by your own id, its number, its e-mail, its phone.")
    stage.run("resolve", "--external-id", "1087")
    answer = json.loads(stage.read("resolve", "--external-id", "1087", "--json"))
    stage.run("resolve", "--contact-id", answer["resolution"]["contact_id"])
    stage.run("resolve", "--email", " PFranks@ISHMAIL.com")
    stage.run("resolve", "--phone", "1 (702) 221 24-12")
    stage.run(
        "get", "--external-id", "1087", "crm.PRIMARY_NAME_FIRST", "crm.PRIMARY_NAME_LAST",
        "crm.DATE_OF_BIRTH",
    )  # fmt: skip
    stage.act(
        "Resolve by keys that disagree",
        "An id of one person, the e-mail of another, the phone of a third. The order of keys "
        "decides,\nand the answer names everybody else who was meant.",
    )
    keys = ("--external-id", "1011", "--email", "kusha123@hmail.com", "--phone", "702.919.1300")
    stage.run("resolve", *keys, "--explain")
    stage.say("\nAnother order, another answer; an invalid key says what is wrong with it:")
    stage.run(
        "resolve", *keys, "--email", "kusha123@hmail", "--order", "locator:msisdn,locator:email",
        "--explain",
    )  # fmt: skip
    stage.say("\nAnd whoever must not guess asks strictly, and is refused (exit code 1):")
    stage.run("resolve", *keys, "--strict", expected=1)
    _resolve_many(stage)


def _resolve_many(stage: Stage) -> None:
    stage.act("Ask from Python", "Six questions in one call of ResolveBatch, by zmey.client:")
    request = ResolveBatchRequest(space=SPACE, items=[keys for _, keys in TYPED])
    with stage.client() as client:
        results = client.matches.ResolveBatch(request).results
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for title in ("typed", "member", "found by"):
        table.add_column(title, justify="right" if title == "member" else "left")
    found = 0
    for (typed, _), result in zip(TYPED, results, strict=True):
        contact_id = result.resolution.contact_id
        found += contact_id > 0
        matched = result.resolution.matched
        table.add_row(repr(typed), str(contact_id or "-"), _found_by(contact_id, matched))
    stage.show(table)
    stage.require(found == FOUND, f"{found} of {len(TYPED)} people were found, not {FOUND}")


def _found_by(contact_id: int, matched: KeyReport) -> str:
    return matched.address.value if contact_id else "[yellow]nobody has it[/]"
