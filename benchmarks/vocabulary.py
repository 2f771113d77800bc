"""The words of the generated people: names, places, domains and how humans write phones.

Nothing here is personal data: names are combined at random and every address carries the number
of its generated member.
"""

from collections.abc import Callable
from dataclasses import dataclass

import idna

FIRST_NAMES = (
    "anna", "boris", "chloe", "daan", "elena", "femke", "gabriel", "hanna", "ivan", "julia",
    "kirill", "lucas", "maria", "nina", "oleh", "pierre", "quinn", "roman", "sofia", "timur",
    "ulyana", "vera", "william", "xenia", "yuri", "zoe",
)  # fmt: skip
LAST_NAMES = (
    "andersen", "bakker", "chernov", "dubois", "evans", "fedorenko", "garcia", "hoekstra",
    "ivanova", "jansen", "kovalenko", "lefebvre", "moreau", "novak", "orlov", "petrenko",
    "quist", "romanov", "smirnova", "taylor", "ustinov", "visser", "walker", "yakovlev",
)  # fmt: skip
SHOWN_FIRST_NAMES = (
    "Анна", "Борис", "Chloé", "Daan", "Елена", "Femke", "Gabriel", "Ганна", "Иван", "Julia",
    "Кирилл", "Lucas", "Maria", "Ніна", "Олег", "Pierre", "Quinn", "Роман", "София", "Тимур",
    "Ульяна", "Василиса", "William", "Ксения", "Юрий", "Zoé",
)  # fmt: skip
CITIES = (
    "Amsterdam", "Boston", "Chicago", "Dnipro", "Екатеринбург", "Fryslân", "Grenoble", "Харків",
    "Иваново", "Київ", "Lyon", "Москва", "Nantes", "Одеса", "Paris", "Rotterdam", "Seattle",
    "Тверь", "Utrecht", "Вологда",
)  # fmt: skip
STREETS = ("Main Street", "Rue du Bac", "Lange Dijk", "Lesnaya", "Sadova", "Harbour Road")
TAGS = ("vip", "newsletter", "web", "shop-17", "club", "b2b", "mobile", "returned", "student")

ASCII_DOMAINS = (
    "gmail.com", "mail.ru", "yandex.ru", "ukr.net", "i.ua", "ziggo.nl", "kpnmail.nl", "orange.fr",
    "laposte.net", "outlook.com", "yahoo.com", "proton.me", "bk.ru", "icloud.com",
)  # fmt: skip

# Labels by script, each with top-level domains of the same script that exist in the root zone.
_IDN_LABELS: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (("почта", "пример", "магазин", "клуб", "школа"), ("рф", "com", "ru")),
    (("пошта", "приклад", "крамниця", "книгарня"), ("укр", "com")),
    (("пошта-бел", "кнігі", "крама"), ("бел", "com")),
    (("müller", "bücher", "straße-nord", "käse"), ("de", "com", "nl")),
    (("école", "hôtel", "crème"), ("fr", "com", "net")),
    (("παράδειγμα", "βιβλία"), ("ελ", "gr")),
    (("例え", "書店"), ("jp", "com")),
    (("公司邮件", "例子"), ("中国", "cn")),
)


@dataclass(frozen=True, slots=True)
class IdnDomain:
    """One internationalised domain in its two spellings."""

    shown: str
    ascii: str


def _idn_domains() -> tuple[IdnDomain, ...]:
    # Numbered labels make some thousands of distinct domains: a cache must not know them all.
    domains = []
    for number in range(100):
        for labels, tops in _IDN_LABELS:
            for label in labels:
                for top in tops:
                    shown = f"{label}{number or ''}.{top}"
                    domains.append(IdnDomain(shown, idna.encode(shown, uts46=True).decode()))
    return tuple(domains)


IDN_DOMAINS = _idn_domains()

RU_STYLES: tuple[Callable[[str], str], ...] = (
    lambda n: f"8 ({n[:3]}) {n[3:6]}-{n[6:8]}-{n[8:]}",
    lambda n: f"8{n}",
    lambda n: f"+7 {n[:3]} {n[3:6]} {n[6:8]} {n[8:]}",
    lambda n: f"+7({n[:3]}){n[3:]}",
    lambda n: f"8-{n[:3]}-{n[3:6]}-{n[6:]}",
    lambda n: f"+7{n}",
)
US_STYLES: tuple[Callable[[str], str], ...] = (
    lambda n: f"+1 ({n[:3]}) {n[3:6]}-{n[6:]}",
    lambda n: f"+1-{n[:3]}-{n[3:6]}-{n[6:]}",
    lambda n: f"+1 {n[:3]}.{n[3:6]}.{n[6:]}",
    lambda n: f"+1{n}",
)
UA_STYLES: tuple[Callable[[str], str], ...] = (
    lambda n: f"+380 {n[:2]} {n[2:5]} {n[5:7]} {n[7:]}",
    lambda n: f"+380({n[:2]}){n[2:5]}-{n[5:7]}-{n[7:]}",
    lambda n: f"+38 0{n[:2]} {n[2:5]}-{n[5:]}",
    lambda n: f"+380{n}",
)
NL_STYLES: tuple[Callable[[str], str], ...] = (
    lambda n: f"+31 {n[0]} {n[1:5]} {n[5:]}",
    lambda n: f"+31 (0){n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:]}",
    lambda n: f"+31-{n[0]}-{n[1:]}",
    lambda n: f"+31{n}",
)
FR_STYLES: tuple[Callable[[str], str], ...] = (
    lambda n: f"+33 {n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:]}",
    lambda n: f"+33 (0){n[0]} {n[1:3]} {n[3:5]} {n[5:7]} {n[7:]}",
    lambda n: f"+33.{n[0]}.{n[1:3]}.{n[3:5]}.{n[5:7]}.{n[7:]}",
    lambda n: f"+33{n}",
)


@dataclass(frozen=True, slots=True)
class PhonePlan:
    """Mobile numbers of one region, as they are numbered and as people write them."""

    # Members whose percentile is below this, and not below the plan before, have such a phone.
    percent_below: int
    code: str
    # What may stand in front of the last seven digits.
    leads: tuple[str, ...]
    # The least value of the last seven digits, and how many there are.
    first: int
    numbers: int
    styles: tuple[Callable[[str], str], ...]


PHONE_PLANS = (
    PhonePlan(
        50, "7", ("903", "905", "910", "912", "916", "921", "926", "950", "961", "981"),
        0, 10_000_000, RU_STYLES,
    ),
    # The second part of an American number begins with 2 to 9.
    PhonePlan(
        65, "1", ("206", "212", "213", "214", "303", "305", "310", "312", "404", "415", "503"),
        2_000_000, 8_000_000, US_STYLES,
    ),
    PhonePlan(
        80, "380", ("50", "63", "66", "67", "68", "73", "93", "95", "96", "97", "98", "99"),
        0, 10_000_000, UA_STYLES,
    ),
    PhonePlan(90, "31", ("61", "62", "63", "64", "65", "68"), 0, 10_000_000, NL_STYLES),
    PhonePlan(100, "33", ("60", "61", "62"), 0, 10_000_000, FR_STYLES),
)  # fmt: skip
