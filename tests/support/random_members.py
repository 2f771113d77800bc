"""Random keys over a small pool of identifiers, each in several human spellings."""

from random import Random

from reference.datakeys import Change
from reference.members import Ask, Step
from support.requests import address, change, datakey_change, keys, order
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member

__all__ = ["BLOCKED", "random_ask", "random_step", "spelled_change", "spelled_keys"]

Canonical = tuple[str, str]

# canonical address -> how people write it
POOL: dict[Canonical, tuple[str, ...]] = {
    ("email", "ann@example.com"): ("ann@example.com", " Ann@Example.COM", "ANN@EXAMPLE.COM\t"),
    ("email", "bob@example.com"): ("bob@example.com", "Bob@example.Com"),
    ("email", "почта@пример.рф"): (
        "почта@пример.рф",
        "ПОЧТА@Пример.РФ",
        "почта@xn--e1afmkfd.xn--p1ai",
    ),
    ("email", "eve@bücher.de"): ("eve@bücher.de", "eve@xn--bcher-kva.de", "Eve@BU\u0308CHER.de"),
    ("msisdn", "+79121234567"): ("+79121234567", "8 (912) 123-45-67", "+7 912 123 45 67"),
    ("msisdn", "+79161234567"): ("8 916 123 45 67", "+7(916)1234567"),
    ("viber", "+79121234567"): ("+79121234567", "8-912-123-45-67"),
    ("tg", "-100123"): ("-100123", " -100123 "),
    ("vk", "777"): ("777",),
    ("push", "Token-1"): ("Token-1", " Token-1\n"),
}
BLOCKED: Canonical = ("email", "test@test.com")
BLOCKED_SPELLINGS = ("test@test.com", "Test@TEST.com")
CSIDS = {
    "Client-1": ("Client-1", " Client-1\u00a0"),
    "client-1": ("client-1",),
    "Ж-3": ("\u2003Ж-3",),
}
UNSPELLED = ("email", "msisdn")


def random_ask(random: Random, members: int, heads: int) -> Ask:
    """Draws keys: at least one of them usable."""
    locators = tuple(random.choice(tuple(POOL)) for _ in range(random.choice((0, 1, 1, 2, 3))))
    blocked: frozenset[int] = frozenset()
    if random.random() < 0.1:
        locators = (BLOCKED, *locators)
        blocked = frozenset({0})
    ask = Ask(
        contact_id=random.randint(1, members + 2) if random.random() < 0.2 else None,
        csid=random.choice(tuple(CSIDS)) if random.random() < 0.4 else None,
        locators=locators,
        head_id=random.randint(1, heads + 2) if random.random() < 0.1 else None,
        dataset_id=random.randint(1, members + 2) if random.random() < 0.1 else None,
        blocked=blocked,
    )
    usable = len(locators) > len(blocked) or ask.csid or ask.contact_id
    return ask if usable else random_ask(random, members, heads)


def random_step(random: Random, members: int, heads: int) -> Step:
    """Draws a write."""
    ask = random_ask(random, members, heads)
    # This order leaves numbers of heads and bodies untried.
    plain = ask.head_id is None and ask.dataset_id is None
    return Step(
        ask=ask,
        order=random.choice(("external_id_first", "prepared_message"))
        if plain
        else "external_id_first",
        strict=random.random() < 0.15,
        if_exists=random.choice(("unspecified",) * 6 + ("error", "must", "ignore")),
        changes=_changes(random),
        heads=tuple(random.choice(tuple(POOL)) for _ in range(random.choice((0, 0, 0, 0, 1, 2)))),
    )


def spelled_keys(random: Random, ask: Ask) -> matching.MatchKeys:
    """Writes keys as people do."""
    built = keys(
        csid=None if ask.csid is None else random.choice(CSIDS[ask.csid]),
        contact_id=ask.contact_id,
        head_id=ask.head_id,
        dataset_id=ask.dataset_id,
    )
    built.locators.extend(address(_spelled(random, locator)) for locator in ask.locators)
    return built


def spelled_change(random: Random, step: Step) -> member.MemberChange:
    """Writes a step as people do."""
    return change(
        spelled_keys(random, step.ask),
        [datakey_change(one) for one in step.changes],
        policy=order(step.order, strict=step.strict),
        if_exists=f"IF_EXISTS_{step.if_exists.upper()}",
        heads=[_spelled(random, head) for head in step.heads],
        expected_version=step.expected_version,
        return_fresh=True,
    )


def _spelled(random: Random, canonical: Canonical) -> str:
    kind, _ = canonical
    spellings = BLOCKED_SPELLINGS if canonical == BLOCKED else POOL[canonical]
    # The server recognises e-mails and phones by itself.
    name = "" if kind in UNSPELLED and random.random() < 0.3 else kind
    return f"{name}={random.choice(spellings)}"


def _changes(random: Random) -> tuple[Change, ...]:
    chance = random.random()
    if chance < 0.4:
        return ()
    if chance < 0.5:
        return (Change("seen", "set", "1"), Change("seen.x", "set", "1"))
    return (
        Change("count", "push", str(random.randrange(3))),
        Change("last", "set", random.choice(("1", "1.0", '"x"'))),
    )[: random.choice((1, 2))]
