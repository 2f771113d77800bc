"""The reference model of one space: members, their heads, and who a set of keys means.

Addresses come in canonical form; how they are spelled is the test's affair. Numbers of heads and
members count from 1 in order of creation, and a refused write uses none.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from reference.datakeys import Change, apply
from reference.json_tree import Value, dump, refuse

__all__ = ["Ask", "Decision", "Member", "Model", "Outcome", "Step"]

Canonical = tuple[str, str]
Slot = tuple[str, int]

# The orders that the tests use; each names every kind of key that the asks have.
ORDERS: dict[str, tuple[str, ...]] = {
    "external_id_first": ("csid", "contact_id", "dataset_id", "head_id", "locator"),
    "prepared_message": ("contact_id", "csid", "locator"),
}


@dataclass(frozen=True)
class Ask:
    """The keys of a request; `blocked` locators are those that the space never matches."""

    contact_id: int | None = None
    csid: str | None = None
    locators: tuple[Canonical, ...] = ()
    head_id: int | None = None
    dataset_id: int | None = None
    blocked: frozenset[int] = frozenset()

    def addresses(self) -> Iterator[Canonical]:
        """Yields the addresses that may become heads, in the order of numbering."""
        if self.csid is not None:
            yield ("csid", self.csid)
        for index, locator in enumerate(self.locators):
            if index not in self.blocked:
                yield locator


@dataclass(frozen=True)
class Decision:
    """Who was found, and (state, contact id) of every key in the order of trying."""

    contact_id: int
    states: dict[Slot, tuple[str, int]]

    def unknown_above(self) -> bool:
        """Whether an unknown key ranks above the one that matched."""
        names = [state for state, _ in self.states.values()]
        return self.contact_id != 0 and "NOT_FOUND" in names[: names.index("MATCHED")]

    def conflicts(self) -> bool:
        """Whether some key points at another member."""
        return any(state == "CONFLICT" for state, _ in self.states.values())


@dataclass
class Member:
    """One body with the numbers of its heads."""

    document: dict[str, Value] = field(default_factory=dict)
    head_ids: list[int] = field(default_factory=list)
    version: int = 0


@dataclass(frozen=True)
class Step:
    """One write."""

    ask: Ask
    order: str = "external_id_first"
    strict: bool = False
    if_exists: str = "unspecified"
    changes: tuple[Change, ...] = ()
    heads: tuple[Canonical, ...] = ()
    expected_version: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What a write did; `warnings` are (reason, index of the locator or -1)."""

    status: str
    contact_id: int
    version: int
    warnings: tuple[tuple[str, int], ...] = ()


class Model:
    """One space in plain dictionaries."""

    def __init__(self) -> None:
        self.members: dict[int, Member] = {}
        self.heads: dict[Canonical, int] = {}
        self.owners: dict[int, int] = {}

    def owner(self, address: Canonical) -> int:
        """Returns the member that has an address; 0 for nobody."""
        return self.owners.get(self.heads.get(address, 0), 0)

    def heads_of(self, contact_id: int) -> list[tuple[int, Canonical]]:
        """Returns the heads of a member as (number, address), ascending."""
        mine = set(self.members[contact_id].head_ids)
        return sorted((number, address) for address, number in self.heads.items() if number in mine)

    def resolve(self, ask: Ask, order: str, *, writing: bool = False) -> Decision:
        """Decides who is meant; only a write has the bulk rule of seed 004."""
        csid_unknown = writing and ask.csid is not None and not self.owner(("csid", ask.csid))
        states: dict[Slot, tuple[str, int]] = {}
        winner = 0
        for slot, target in self._targets(ask, ORDERS[order]):
            if slot[0] == "locator" and slot[1] in ask.blocked:
                states[slot] = ("BLOCKED", 0)
            elif target == 0:
                states[slot] = ("NOT_FOUND", 0)
            elif winner == 0 and slot[0] == "locator" and csid_unknown and self._has_csid(target):
                states[slot] = ("PASSED_OVER", target)
            elif winner == 0:
                winner = target
                states[slot] = ("MATCHED", target)
            else:
                states[slot] = ("AGREES" if target == winner else "CONFLICT", target)
        return Decision(winner, states)

    def write(self, step: Step, now: datetime) -> Outcome:
        """Applies a step whole or not at all.

        Raises:
            RefusalError: the step is an error; the model is as before.
        """
        decision = self.resolve(step.ask, step.order, writing=True)
        self._check_keys(step, decision)
        found = decision.contact_id
        if found and step.if_exists == "error":
            refuse("MEMBER_EXISTS")
        if not found and step.if_exists == "must":
            refuse("MEMBER_MISSING")
        member = self.members.get(found, Member())
        if step.expected_version not in {None, member.version}:
            refuse("VERSIONING")
        if found and step.if_exists == "ignore":
            return Outcome("IGNORED", found, member.version)
        for head in step.heads:
            if self.owner(head) not in {0, found}:
                refuse("HEAD_TAKEN")
        document = apply(member.document, step.changes, now)
        wanted = [*step.ask.addresses(), *step.heads]
        new = [address for address in dict.fromkeys(wanted) if address not in self.heads]
        if not found and not new:
            refuse("MEMBER_NEEDS_ADDRESS")
        warnings = self._warnings(step.ask, decision)
        if found and not new and dump(document) == dump(member.document):
            return Outcome("UNCHANGED", found, member.version, warnings)
        contact_id = found or len(self.members) + 1
        self._commit(contact_id, document, new)
        version = self.members[contact_id].version
        return Outcome("UPDATED" if found else "CREATED", contact_id, version, warnings)

    def _commit(
        self, contact_id: int, document: dict[str, Value], new: Sequence[Canonical]
    ) -> None:
        member = self.members.setdefault(contact_id, Member())
        member.document = document
        member.version += 1
        for address in new:
            number = len(self.heads) + 1
            self.heads[address] = number
            self.owners[number] = contact_id
            member.head_ids.append(number)

    def _check_keys(self, step: Step, decision: Decision) -> None:
        given = step.ask.contact_id if step.ask.contact_id in self.members else 0
        csid_owner = 0 if step.ask.csid is None else self.owner(("csid", step.ask.csid))
        if given and csid_owner and csid_owner != given:
            refuse("EXTERNAL_ID_TAKEN")
        if step.strict and decision.conflicts():
            refuse("MATCH_CONFLICT")
        if step.strict and decision.unknown_above():
            refuse("MATCH_KEY_UNKNOWN")

    def _warnings(self, ask: Ask, decision: Decision) -> tuple[tuple[str, int], ...]:
        warnings = [
            ("LOCATOR_STAYED", index)
            for (kind, index), (state, _) in decision.states.items()
            if kind == "locator" and state in {"CONFLICT", "PASSED_OVER"}
        ]
        csid_new = ask.csid is not None and ("csid", ask.csid) not in self.heads
        if csid_new and decision.contact_id and self._has_csid(decision.contact_id):
            warnings.append(("CSID_SECOND", -1))
        return tuple(sorted(warnings))

    def _targets(self, ask: Ask, kinds: Sequence[str]) -> Iterator[tuple[Slot, int]]:
        for kind in kinds:
            if kind == "csid" and ask.csid is not None:
                yield ("csid", 0), self.owner(("csid", ask.csid))
            elif kind == "contact_id" and ask.contact_id is not None:
                yield ("contact_id", 0), self._living(ask.contact_id)
            elif kind == "dataset_id" and ask.dataset_id is not None:
                yield ("dataset_id", 0), self._living(ask.dataset_id)
            elif kind == "head_id" and ask.head_id is not None:
                yield ("head_id", 0), self.owners.get(ask.head_id, 0)
            elif kind == "locator":
                for index, locator in enumerate(ask.locators):
                    yield ("locator", index), self.owner(locator)

    def _living(self, number: int) -> int:
        return number if number in self.members else 0

    def _has_csid(self, contact_id: int) -> bool:
        return any(address[0] == "csid" for _, address in self.heads_of(contact_id))
