"""Compares phone numbers with their oracle, the Python package `phonenumbers`, over all regions.

The core must answer as `parse`, `is_valid_number` or `is_possible_number`, and the format E.164 of
the package do. One deviation is deliberate: a number with an extension is refused, because E.164
drops the extension and everybody behind a switchboard would become one person.
"""

from __future__ import annotations

import random
import re
from collections import defaultdict
from typing import TYPE_CHECKING

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Normalize = Callable[[list[str]], list[str | None]]
    CoreForRegion = Callable[[str, bool], Normalize]
    # A default region, whether a possible number is enough, and what somebody wrote.
    Case = tuple[str, bool, str]

SEED = 20_261_122
# What one call of the core takes at most.
BATCH_MAX = 10_000
# Enough for seconds of the oracle, which does some ten thousand numbers in a second.
RANDOM_DIGIT_STRINGS = 100_000
MUTATED_TEXTS = 60_000

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
COUNTRY_CODES = sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE)
# Regions that share their country code, rewrite numbers, or dial with carriers.
DIFFICULT_REGIONS = [
    *(
        region
        for regions in phonenumbers.COUNTRY_CODE_TO_REGION_CODE.values()
        if len(regions) > 1
        for region in regions
    ),
    *("AR", "BR", "BY", "CN", "CO", "GA", "HU", "JP", "KR", "LT", "MG", "MX", "SM", "TW", "UZ"),
]
INTERNATIONAL_PREFIXES = ("", "+", "++", "00", "+00", "011", "0011", "810", "8~10", "001", "009")
NATIONAL_PREFIXES = ("", "", "0", "1", "8", "06", "80", "90", "01", "015", "021", "0800", "180020")
# What a mutation writes anywhere into a number.
MUTATIONS = (
    *"0123456789",
    *"+-.()/ []~*x#,;:ABC",
    "\u00a0",
    "\u2013",
    "\uff0b",
    "\uff11",
    "\u0661",
)
ENDINGS = (
    "{label}{digits}",
    " {label}{digits}",
    ", {label} {digits}",
    "{label}. {digits}#",
    " - {digits}#",
    " / x{digits}",
    ";isub={digits}",
    ";phone-context=+{digits}",
    ";phone-context=example.com",
    " ({label})",
)
LABELS = ("ext", "доб", "ДОБ", "x", "#", ";ext=", ";", ",,", ",", "~", "int", "anexo", "extensión")


def oracle(case: Case) -> str | None:
    """What the core must answer."""
    region, possible, text = case
    try:
        # zmey trims every address before it reads it.
        number = phonenumbers.parse(text.strip(), region)
    except phonenumbers.NumberParseException:
        return None
    accept = phonenumbers.is_possible_number if possible else phonenumbers.is_valid_number
    if number.extension or not accept(number):
        return None
    canonical = str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    # A canonical form is its own: what is only possible may read as another number.
    again = phonenumbers.parse(canonical, None)
    if possible and phonenumbers.format_number(again, PhoneNumberFormat.E164) != canonical:
        return oracle((region, possible, canonical))
    return canonical


def check(core_for_region: CoreForRegion, cases: Iterable[Case]) -> None:
    """Compares the core with the oracle, case by case."""
    texts = defaultdict(list)
    for region, possible, text in cases:
        texts[region, possible].append(text)
    accepted = 0
    differences = []
    for (region, possible), of_region in sorted(texts.items()):
        normalize = core_for_region(region, possible)
        for start in range(0, len(of_region), BATCH_MAX):
            batch = of_region[start : start + BATCH_MAX]
            for text, answer in zip(batch, normalize(batch), strict=True):
                expected = oracle((region, possible, text))
                accepted += expected is not None
                if answer != expected:
                    differences.append((region, possible, text, expected, answer))
    assert differences[:20] == [], f"{len(differences)} differences; seed {SEED}"
    # A comparison of refusals alone would prove nothing.
    assert accepted > 0


def examples() -> list[tuple[str, PhoneNumber]]:
    """Every example number that the package knows, with its region."""
    found: list[tuple[str, PhoneNumber]] = []
    for region in REGIONS:
        numbers = [
            phonenumbers.example_number_for_type(region, type_)
            for type_ in PhoneNumberType.values()
        ]
        numbers.append(phonenumbers.invalid_example_number(region))
        found.extend((region, number) for number in numbers if number is not None)
    for code in sorted(phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS):
        number = phonenumbers.example_number_for_non_geo_entity(code)
        if number is not None:
            found.append(("US", number))
    return found


EXAMPLES = examples()


def styles(number: PhoneNumber, source: random.Random) -> list[str]:
    """A number as five people write it."""
    formats = (
        PhoneNumberFormat.E164,
        PhoneNumberFormat.INTERNATIONAL,
        PhoneNumberFormat.NATIONAL,
        PhoneNumberFormat.RFC3966,
    )
    written = [str(phonenumbers.format_number(number, format_)) for format_ in formats]
    separators = ("", " ", "-", ".", "/", "\u00a0", " - ")
    national = re.sub(r"[^0-9]+", lambda _: source.choice(separators), written[2])
    return [*written, national]


def digits(source: random.Random, count: int) -> str:
    """Random digits."""
    return "".join(source.choices("0123456789", k=count))


def random_region(source: random.Random) -> str:
    """A region, every other time a difficult one."""
    return source.choice(source.choice((REGIONS, DIFFICULT_REGIONS)))


def random_digit_string(source: random.Random) -> Case:
    """Digits as they might be dialled somewhere, of every length."""
    region = random_region(source)
    prefix = source.choice(INTERNATIONAL_PREFIXES)
    code = source.choice(
        (source.choice(COUNTRY_CODES), phonenumbers.country_code_for_region(region))
    )
    national = source.choice(NATIONAL_PREFIXES) + digits(source, source.randint(1, 20))
    text = source.choice(
        (national, prefix + national, f"{prefix}{code}{national}", f"{code}{national}")
    )
    return region, source.random() < 0.2, text


def mutated_number(source: random.Random) -> Case:
    """A real number with some digits changed, as dialled at home."""
    region, number = source.choice(EXAMPLES)
    national = list(phonenumbers.national_significant_number(number))
    for _ in range(source.randint(0, 4)):
        national[source.randrange(len(national))] = source.choice("0123456789")
    code = number.country_code
    prefix = source.choice((*NATIONAL_PREFIXES, f"+{code}", f"00{code}", f"{code}", f"+{code}0"))
    return region, source.random() < 0.2, prefix + "".join(national)


def mutated_text(source: random.Random) -> Case:
    """A real number with characters changed, or with something behind it."""
    region, number = source.choice(EXAMPLES)
    text = source.choice(styles(number, source))
    if source.random() < 0.5:
        ending = source.choice(ENDINGS)
        count = source.choice((1, 3, 6, 7, 9, 10, 15, 16, 20, 21))
        text += ending.format(label=source.choice(LABELS), digits=digits(source, count))
    for _ in range(source.randint(0, 3)):
        start = source.randrange(len(text))
        end = start + source.randint(0, 1)
        text = text[:start] + source.choice(MUTATIONS) + text[end:]
    return region, source.random() < 0.2, text


@pytest.mark.parametrize("possible", [False, True])
def test_examples_in_five_styles_at_home_and_abroad(
    core_for_region: CoreForRegion, *, possible: bool
) -> None:
    source = random.Random(SEED)
    cases = [
        (region, possible, text)
        for home, number in EXAMPLES
        for text in styles(number, source)
        for region in (home, source.choice(REGIONS))
    ]
    check(core_for_region, cases)


@pytest.mark.parametrize("generate", [random_digit_string, mutated_number])
def test_random_digit_strings(
    core_for_region: CoreForRegion, generate: Callable[[random.Random], Case]
) -> None:
    source = random.Random(SEED)
    check(core_for_region, [generate(source) for _ in range(RANDOM_DIGIT_STRINGS)])


def test_mutated_texts(core_for_region: CoreForRegion) -> None:
    source = random.Random(SEED)
    check(core_for_region, [mutated_text(source) for _ in range(MUTATED_TEXTS)])
