"""Normalises phones and e-mails: the core on one thread beside the Python packages."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import phonenumbers
from email_validator import EmailNotValidError, validate_email

import generate
import local_core
import probes
import processes
from figures import Board
from scale import REGION, WORK_DIRECTORY, Scale, current
from zmey._native import Core
from zmey.v1 import address_pb2, match_service_pb2
from zmey_server import SPACE

PHONES, EMAILS = "zmey, phones", "zmey, e-mails"
PHONENUMBERS, EMAIL_VALIDATOR = "phonenumbers", "email-validator"
UNIT = "values/s"
_BATCH = 10_000

Value = tuple[str, str | None]
Normalizer = Callable[[str], str | None]


def main() -> None:
    """Runs everything as often as the scale says and prints the table."""
    processes.stop_cleanly()
    run(current()).show()


def run(scale: Scale) -> Board:
    """Measures each kind of address side by side in each run, all on one processor."""
    board = Board("normalize")
    processors = os.sched_getaffinity(0)
    # One processor for everybody: the core could otherwise normalise on several.
    os.sched_setaffinity(0, {min(processors)})
    try:
        with (
            tempfile.TemporaryDirectory(prefix="zmey-bench-", dir=WORK_DIRECTORY) as directory,
            local_core.opened(Path(directory) / "store") as core,
        ):
            for number in range(1, scale.runs + 1):
                print(f"normalize, run {number} of {scale.runs}", flush=True)
                _measure(board, scale, core)
                board.save()
    finally:
        os.sched_setaffinity(0, processors)
    return board


def _measure(board: Board, scale: Scale, core: Core) -> None:
    rows = [generate.first_row(number) for number in range(scale.normalize_values)]
    phones: list[Value] = [(row.phone, row.identity.phone) for row in rows]
    emails: list[Value] = [(row.email, row.identity.email) for row in rows]
    note = "parse, is_valid_number, E.164"
    kinds: tuple[tuple[str, str, str, int, list[Value], Normalizer], ...] = (
        (PHONES, PHONENUMBERS, note, address_pb2.ADDRESS_TYPE_MSISDN, phones, normalize_phone),
        (
            EMAILS,
            EMAIL_VALIDATOR,
            "no DNS",
            address_pb2.ADDRESS_TYPE_EMAIL,
            emails,
            normalize_email,
        ),
    )
    for ours, theirs, their_note, kind, values, normalize in kinds:
        board.add(ours, _core(core, kind, values, scale.loop_seconds), UNIT, "batches of 10,000")
        started = time.perf_counter()
        results = [normalize(value) for value, _ in values]
        board.add(theirs, len(values) / (time.perf_counter() - started), UNIT, their_note)
        _agree(theirs, results, values)


def normalize_phone(value: str) -> str | None:
    """Returns E.164 as `phonenumbers` sees it, None for an invalid number."""
    try:
        number = phonenumbers.parse(value, REGION)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


def normalize_email(value: str) -> str | None:
    """Returns the address as `email-validator` sees it, None for an invalid one."""
    try:
        return validate_email(value, check_deliverability=False).normalized.lower()
    except EmailNotValidError:
        return None


def _core(core: Core, kind: int, values: list[Value], seconds: float) -> float:
    requests = [
        _request(kind, values[start : start + _BATCH]) for start in range(0, len(values), _BATCH)
    ]
    results = [
        result.address.value or None
        for request in requests
        for result in match_service_pb2.NormalizeResponse.FromString(
            core.call(probes.NORMALIZE, request)
        ).results
    ]
    _agree("zmey", results, values)
    return local_core.call_all(core, probes.NORMALIZE, requests, seconds) * _BATCH


def _request(kind: int, values: list[Value]) -> bytes:
    request = match_service_pb2.NormalizeRequest(space=SPACE)
    for value, _ in values:
        request.addresses.add(type=address_pb2.AddressType.ValueType(kind), value=value)
    return request.SerializeToString()


def _agree(who: str, results: list[str | None], values: list[Value]) -> None:
    """Says where a canonical form is not the one that the generator started from."""
    differ = sum(result != expected for result, (_, expected) in zip(results, values, strict=True))
    if differ:
        print(f"    {who}: {differ:,} of {len(values):,} differ from the generator", flush=True)


if __name__ == "__main__":
    main()
