"""The rows of the benchmarks are what they claim: valid, spelled anew, encoded as the contract."""

import sys
from pathlib import Path

import phonenumbers
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import chunks
import generate
from zmey.v1 import import_service_pb2

MEMBERS = 2_000


def parsed(phone: str) -> str | None:
    try:
        number = phonenumbers.parse(phone, "RU")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


@pytest.mark.parametrize("first", [0, 4_999_000, generate.MEMBERS_MAX - MEMBERS])
def test_phones_are_what_phonenumbers_says(first: int) -> None:
    for number in range(first, first + MEMBERS):
        for row in (generate.first_row(number), generate.second_row(number)):
            if row.phone:
                assert parsed(row.phone) == row.identity.phone, row.phone


def test_shares_of_invalid_and_international_addresses() -> None:
    rows = [generate.first_row(number) for number in range(MEMBERS)]
    emails = [row.identity.email for row in rows]
    international = sum(email is not None and not email.isascii() for email in emails)
    assert emails.count(None) / MEMBERS == pytest.approx(0.03, abs=0.01)
    assert [row.identity.phone for row in rows].count(None) / MEMBERS == pytest.approx(
        0.03, abs=0.01
    )
    assert international / MEMBERS == pytest.approx(0.05, abs=0.01)
    sizes = [len(row.body().encode()) for row in rows]
    assert sum(sizes) / MEMBERS == pytest.approx(360, abs=5)


def test_no_two_members_share_an_address() -> None:
    rows = [generate.first_row(number) for number in range(50_000)]
    for addresses in (
        [row.identity.email for row in rows if row.identity.email],
        [row.identity.phone for row in rows if row.identity.phone],
    ):
        assert len(set(addresses)) == len(addresses)


def test_second_pass_is_half_known_and_spelled_differently() -> None:
    numbers = generate.second_pass(MEMBERS)
    known = [number for number in numbers if number < MEMBERS]
    assert len(numbers) == MEMBERS
    assert len(set(known)) == len(known) == MEMBERS // 2
    for number in known:
        first, second = generate.first_row(number), generate.second_row(number)
        # A number has one spelling only where it is invalid.
        if second.identity.email:
            assert second.email != first.email
        if second.identity.phone:
            assert second.phone != first.phone
        assert second.cells != first.cells


def test_framed_chunks_parse() -> None:
    content, lines = chunks.encode_group(list(range(300)), known=0)
    for number in (1, 127, 128, 100_000):
        request = import_service_pb2.StreamImportRequest.FromString(chunks.frame(number, content))
        assert request.chunk.number == number
        assert len(request.chunk.rows) == lines.count(b"\n") == 300
        assert len(request.chunk.rows[0].cells) == 3 + len(generate.DATAKEYS)
