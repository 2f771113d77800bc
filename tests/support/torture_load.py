"""A load whose state says by itself which of its writes are there, each exactly once or not.

Each writer has members of its own and applies numbered steps one after the other; a step pushes
its number onto a log and writes it twice more. So the state of a writer is one number: how many
steps are there, in every member alike. An importer does the same with chunks, each of which
touches all of its rows. Everything follows from the seed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

import orjson

from support.requests import address, change, keys, sets
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as service
from zmey.v1.address_pb2 import ADDRESS_TYPE_EMAIL
from zmey.v1.space_pb2 import Space

__all__ = ["GET_MEMBER", "SET_MEMBER", "Call", "Load", "next_chunk_of"]

Call = Callable[[str, bytes], bytes]
"""Calls a method with an encoded request. Answers nothing where the member is missing."""

SET_MEMBER = "/zmey.v1.MemberService/SetMember"
GET_MEMBER = "/zmey.v1.MemberService/GetMember"
SPACE = Space(account_id=1, db_id=1)
MEMBERS_PER_WRITER = 5
ROWS_PER_CHUNK = 20
# Long enough to leave the page of a leaf, so that pages are freed and taken up again.
TEXT_CHARACTERS_MAX = 6_000
STEPS_MAX = 100_000


@dataclass(frozen=True)
class Load:
    """The load of one seed.

    Attributes:
        seed: decides which member each step changes and how much it writes.
    """

    seed: int

    def member_of(self, writer: int, step: int) -> int:
        """Which member of its writer a step changes."""
        return Random(f"{self.seed} {writer} {step}").randrange(MEMBERS_PER_WRITER)

    def set_request(self, writer: int, step: int) -> service.SetMemberRequest:
        """One step of a writer; sent twice it has one effect."""
        email = self._member(writer, self.member_of(writer, step))
        changes = [
            *sets(first=str(step)),
            _push("log", step),
            *sets(text=f'"{self._text(writer, step)}"', second=str(step)),
        ]
        one = change(
            keys(f"email={email}"),
            changes,
            heads=[f"csid={email}"],
            request_id=f"{self.seed}-{writer}-{step}",
        )
        return service.SetMemberRequest(space=SPACE, change=one)

    def import_options(self, importer: int) -> imports.StreamImportRequest:
        """The first message of an importer's stream."""
        columns = [
            rows_pb2.ImportColumn(address=rows_pb2.AddressColumn(type=ADDRESS_TYPE_EMAIL)),
            rows_pb2.ImportColumn(
                datakey=rows_pb2.DatakeyColumn(
                    path="log",
                    mode=datakey.DATAKEY_MODE_PUSH,
                    format=rows_pb2.CELL_FORMAT_JSON,
                )
            ),
        ]
        options = rows_pb2.ImportOptions(
            space=SPACE, import_id=f"{self.seed}-{importer}", columns=columns
        )
        return imports.StreamImportRequest(options=options)

    def import_chunk(self, importer: int, number: int) -> imports.StreamImportRequest:
        """One chunk: its number is pushed onto the log of every row's member."""
        rows = [
            imports.ImportRow(cells=[self._row(importer, row).encode(), str(number).encode()])
            for row in range(ROWS_PER_CHUNK)
        ]
        return imports.StreamImportRequest(chunk=imports.ImportChunk(number=number, rows=rows))

    def steps_there(self, call: Call, writer: int, acknowledged: int) -> tuple[int, list[str]]:
        """Reads how many steps of a writer are there.

        Args:
            call: calls the server or the core.
            writer: whose members to read.
            acknowledged: the last step whose answer came.

        Returns:
            The number of steps and what is wrong.
        """
        seen = [
            _read(call, self._member(writer, one), "first", "second", "text", "log")
            for one in range(MEMBERS_PER_WRITER)
        ]
        there = max((int(str(values.get("first", 0))) for values in seen), default=0)
        problems = []
        if not acknowledged <= there <= acknowledged + 1:
            problems.append(f"writer {writer}: {acknowledged} acknowledged, {there} there")
        for one, values in enumerate(seen):
            if values != self._expected(writer, one, there):
                problems.append(f"writer {writer}, member {one}: not as after {there} steps")
        return there, problems

    def check_chunks(self, call: Call, importer: int, next_chunk: int) -> list[str]:
        """Checks that exactly the chunks before `next_chunk` are there, in every row."""
        log = list(range(1, next_chunk))
        expected = {"log": log} if log else {}
        return [
            f"importer {importer}, row {row}: not as after {next_chunk - 1} chunks"
            for row in range(ROWS_PER_CHUNK)
            if _read(call, self._row(importer, row), "log") != expected
        ]

    def check_repeat(self, call: Call, writer: int, step: int, revision: int) -> list[str]:
        """Sends an acknowledged step again: the first answer must come, nothing else happen."""
        request = self.set_request(writer, step).SerializeToString()
        outcome = service.SetMemberResponse.FromString(call(SET_MEMBER, request)).outcome
        if outcome.replayed and outcome.revision == revision:
            return []
        return [f"writer {writer}: step {step} was forgotten and happened again"]

    def _expected(self, writer: int, one: int, there: int) -> Mapping[str, object]:
        steps = [step for step in range(1, there + 1) if self.member_of(writer, step) == one]
        if not steps:
            return {}
        last = steps[-1]
        text = self._text(writer, last)
        return {"first": last, "second": last, "text": text, "log": steps}

    def _text(self, writer: int, step: int) -> str:
        random = Random(f"{self.seed} {writer} {step} text")
        return chr(ord("a") + step % 26) * random.randrange(TEXT_CHARACTERS_MAX)

    def _member(self, writer: int, one: int) -> str:
        return f"w{self.seed}-{writer}-{one}@example.com"

    def _row(self, importer: int, row: int) -> str:
        return f"i{self.seed}-{importer}-{row}@example.com"


def next_chunk_of(opened: bytes) -> int:
    """Reads where an import that was opened goes on."""
    return imports.StreamImportResponse.FromString(opened).opened.next_chunk


def _push(path: str, number: int) -> datakey.DatakeyChange:
    return datakey.DatakeyChange(
        path=path, mode=datakey.DATAKEY_MODE_PUSH, value=str(number).encode()
    )


def _read(call: Call, email: str, *datakeys: str) -> Mapping[str, object]:
    """Reads datakeys of a member; nothing where there is no member."""
    located = keys()
    located.locators.append(address(f"email={email}"))
    request = service.GetMemberRequest(space=SPACE, keys=located, datakeys=datakeys)
    answer = call(GET_MEMBER, request.SerializeToString())
    found: member.Member = service.GetMemberResponse.FromString(answer).member
    return {value.path: orjson.loads(value.value) for value in found.values if value.value}
