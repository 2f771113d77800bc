"""Generates members: who they are, how they are spelled, what is known of them.

Every member is a pure function of the seed and its number, so that any slice can be made again,
in any process, and the second pass can spell a member of the first one differently.
"""

import argparse
import functools
import hashlib
import random
import struct
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import vocabulary as words

SEED = 20_261_122
# The US numbering plan leaves 8,000,000 subscriber numbers in an area: beyond, phones repeat.
MEMBERS_MAX = 8_000_000
IDN_PERCENT = 5
INVALID_PERCENT = 3
# Odd powers of 3 share no factor with the sizes of the numbering plans: numbers never repeat.
_SCATTER = 3**15
DATAKEYS = (
    "first_name", "last_name", "birth_date", "city", "tags", "address", "stats", "consents",
)  # fmt: skip
# The first four cells are text, the others JSON.
TEXT_DATAKEYS = 4


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a member is: canonical identifiers; None where the generated one is invalid."""

    external_id: str
    email: str | None
    phone: str | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of an import, as spelled by a human and as the peers receive it."""

    external_id: str
    email: str
    phone: str
    cells: tuple[str, ...]
    identity: Identity

    def body(self) -> str:
        """Returns the datakeys as one JSON object."""
        texts = [
            f'"{key}":"{cell}"'
            for key, cell in zip(DATAKEYS, self.cells[:TEXT_DATAKEYS], strict=False)
        ]
        documents = [
            f'"{key}":{cell}'
            for key, cell in zip(DATAKEYS[TEXT_DATAKEYS:], self.cells[TEXT_DATAKEYS:], strict=True)
        ]
        return "{" + ",".join(texts + documents) + "}"


def _dice(number: int, purpose: int) -> tuple[int, ...]:
    """Returns 16 numbers below 2**32 that depend on the seed, the member and the purpose."""
    source = struct.pack("<QQQ", SEED, number, purpose)
    return struct.unpack("<16I", hashlib.blake2b(source, digest_size=64).digest())


def _mixed_case(text: str, dice: int) -> str:
    if dice % 3 == 0:
        return text
    if dice % 3 == 1:
        return text.title()
    return text.upper()


def _email(number: int, dice: tuple[int, ...], style: int) -> tuple[str, str | None]:
    """Returns one spelling of the member's e-mail and its canonical form."""
    first = words.FIRST_NAMES[dice[0] % len(words.FIRST_NAMES)]
    last = words.LAST_NAMES[dice[1] % len(words.LAST_NAMES)]
    local = f"{first}.{last}{number}"
    if dice[2] % 100 < INVALID_PERCENT:
        domain = words.ASCII_DOMAINS[dice[3] % len(words.ASCII_DOMAINS)]
        faults = (
            f"{local}@@{domain}",
            f"{local}.{domain}",
            f"{local}@",
            f"{first}..{last}{number}@{domain}",
            f"{local}@-{domain}",
            f"{first} {last}{number}@{domain}",
        )
        return faults[dice[4] % len(faults)], None
    if dice[2] % 100 < INVALID_PERCENT + IDN_PERCENT:
        idn = words.IDN_DOMAINS[dice[3] % len(words.IDN_DOMAINS)]
        spelled = idn.ascii if style % 2 else idn.shown
        return f"{_mixed_case(local, style)}@{spelled}", f"{local}@{idn.shown}"
    domain = words.ASCII_DOMAINS[dice[3] % len(words.ASCII_DOMAINS)]
    canonical = f"{local}@{domain}"
    spelled = _mixed_case(local, style) + "@" + _mixed_case(domain, style >> 8)
    return spelled, canonical


def _phone(number: int, dice: tuple[int, ...], style: int) -> tuple[str, str | None]:
    """Returns one spelling of the member's phone and its canonical form."""
    scattered = number * _SCATTER
    region = dice[6] % 100
    if dice[5] % 100 < INVALID_PERCENT:
        faults = (f"8 (912) {number % 1000}", f"+7 000 {number % 10**7:07}", f"12-{number % 100}")
        return faults[dice[7] % len(faults)], None
    plan = next(plan for plan in words.PHONE_PLANS if region < plan.percent_below)
    lead = plan.leads[dice[7] % len(plan.leads)]
    national = lead + str(plan.first + scattered % plan.numbers).zfill(7)
    return plan.styles[style % len(plan.styles)](national), f"+{plan.code}{national}"


def _cells(number: int, dice: tuple[int, ...], change: tuple[int, ...] | None) -> tuple[str, ...]:
    """Returns the values of DATAKEYS; `change` gives city, tags, stats and consents anew."""
    fresh = change or dice
    tags = [words.TAGS[die % len(words.TAGS)] for die in fresh[9:11]]
    street = words.STREETS[dice[11] % len(words.STREETS)]
    place = f"{dice[14] % 90}.{dice[13] % 10**4:04}", f"{dice[15] % 180}.{number % 10**4:04}"
    geo = f'{{"lat":{place[0]},"lon":{place[1]}}}'
    address = f'"street":"{street}","house":{dice[12] % 200},"zip":"{dice[13] % 10**5:05}"'
    spent = f"{fresh[13] % 10**5}.{fresh[14] % 100:02}"
    stats = f'"orders":{fresh[12] % 50},"spent":{spent},"score":0.{fresh[15] % 1000:03}'
    date = f"2026-{1 + fresh[14] % 12:02}-{1 + fresh[15] % 28:02}T09:00:00Z"
    return (
        words.SHOWN_FIRST_NAMES[dice[0] % len(words.SHOWN_FIRST_NAMES)],
        words.LAST_NAMES[dice[1] % len(words.LAST_NAMES)].title(),
        f"{1940 + dice[8] % 66}-{1 + dice[9] % 12:02}-{1 + dice[10] % 28:02}",
        words.CITIES[fresh[8] % len(words.CITIES)],
        f'["{tags[0]}","{tags[1]}","id-{fresh[11] % 1000}"]',
        f'{{{address},"geo":{geo}}}',
        f'{{{stats},"currency":"EUR"}}',
        f'{{"email":{_boolean(fresh[12])},"sms":{_boolean(fresh[13])},"at":"{date}"}}',
    )


def _boolean(dice: int) -> str:
    return "true" if dice & 64 else "false"


def first_row(number: int) -> Row:
    """Returns the row with which a member comes first: all three identifiers."""
    dice = _dice(number, 0)
    email, canonical_email = _email(number, dice, dice[14])
    phone, canonical_phone = _phone(number, dice, dice[15])
    external_id = f"C-{number:08}"
    identity = Identity(external_id, canonical_email, canonical_phone)
    return Row(external_id, email, phone, _cells(number, dice, None), identity)


def second_row(number: int) -> Row:
    """Returns a row of a known member: one identifier in another spelling, changed datakeys."""
    dice, change = _dice(number, 0), _dice(number, 1)
    # The spelling after the first one: never the same style twice.
    email, canonical_email = _email(number, dice, dice[14] + 1)
    phone, canonical_phone = _phone(number, dice, dice[15] + 1)
    cells = _cells(number, dice, change)
    key = change[0] % 3
    if key == 1 and canonical_email:
        return Row("", email, "", cells, Identity("", canonical_email, None))
    if key == 2 and canonical_phone:
        return Row("", "", phone, cells, Identity("", None, canonical_phone))
    external_id = f"C-{number:08}"
    identity = Identity(external_id, canonical_email, canonical_phone)
    return Row(external_id, email, phone, cells, identity)


@functools.lru_cache(maxsize=1)
def second_pass(members: int) -> list[int]:
    """Returns the members of the second pass in its order: half known, half new, shuffled.

    Numbers from `members` on are new.
    """
    shuffler = random.Random(SEED)
    known = shuffler.sample(range(members), members // 2)
    numbers = known + list(range(members, members + members // 2))
    shuffler.shuffle(numbers)
    return numbers


def rows(numbers: Iterable[int], known: int) -> Iterator[Row]:
    """Yields the row of each number: members below `known` come for the second time."""
    for number in numbers:
        yield second_row(number) if number < known else first_row(number)


def main() -> None:
    """Prints some rows and the speed of the generator."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--members", type=int, default=10, help="how many members to show")
    parser.add_argument("--time", type=int, default=20_000, help="how many members to time")
    arguments = parser.parse_args()
    for row in rows(range(arguments.members), 0):
        print(row.external_id, row.email, row.phone, row.body(), sep="\t")
    started = time.perf_counter()
    sizes = [len(row.body().encode()) for row in rows(range(arguments.time), 0)]
    seconds = time.perf_counter() - started
    print(f"{arguments.time / seconds:,.0f} members/s, {sum(sizes) / len(sizes):.0f} bytes of JSON")


if __name__ == "__main__":
    main()
