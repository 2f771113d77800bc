"""Writes the phone tables of the core from the metadata of the Python package `phonenumbers`.

Called by `native/build.rs` as `phone_tables.py VERSION OUTPUT`: checks the version of the package,
turns every pattern of every region into states of one pool, and writes Rust source. What the rows
mean is documented where the core declares them, in `native/src/phone/tables.rs`.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import automata
import prefixes
from patterns import PatternError, parse

try:
    import phonenumbers
    from phonenumbers.phonemetadata import PhoneMetadata
except ImportError:
    sys.exit("the package phonenumbers is not installed")

if TYPE_CHECKING:
    from collections.abc import Iterable

    from phonenumbers.phonemetadata import PhoneNumberDesc

# The types by which libphonenumber recognises a valid number; the order does not matter.
NUMBER_TYPES = (
    "fixed_line",
    "mobile",
    "pager",
    "personal_number",
    "premium_rate",
    "shared_cost",
    "toll_free",
    "uan",
    "voicemail",
    "voip",
)
# Lengths are bits of 32-bit words in the core.
LENGTH_MAX = 31
# What fills the place of an index where there is none.
NONE = "NONE"


class Plan(NamedTuple):
    """The rules of one region; the patterns are first states in the pool."""

    region: str
    country_code: int
    general: int
    international_prefix: int
    national_prefix: int
    replacement: str
    lengths: int
    lengths_local: int

    @property
    def roots(self) -> tuple[int, ...]:
        """Every state at which a walk for this plan begins."""
        return self.general, self.international_prefix, self.national_prefix


class Country(NamedTuple):
    """A country calling code: its regions, the main one first, and its valid numbers."""

    code: int
    plans: list[Plan]
    valid: int


def numbers_of(description: PhoneNumberDesc | None, *, of_lengths: bool) -> int:
    """The numbers that a description describes, or those among them of its possible lengths."""
    if description is None or not description.national_number_pattern:
        return automata.DEAD
    pattern, _ = parse(description.national_number_pattern)
    numbers = automata.numbers_of(pattern)
    lengths = tuple(length for length in description.possible_length if length >= 0)
    if not of_lengths or not description.possible_length:
        return numbers
    return automata.of_lengths(numbers, lengths)


def valid_of_region(metadata: PhoneMetadata) -> int:
    """The numbers whose type is known in one region."""
    typed = automata.DEAD
    for name in NUMBER_TYPES:
        # libphonenumber asks fixed lines alone where both types have one pattern.
        if name != "mobile" or not metadata.same_mobile_and_fixed_line_pattern:
            typed = automata.union(typed, numbers_of(getattr(metadata, name), of_lengths=True))
    return automata.intersection(typed, numbers_of(metadata.general_desc, of_lengths=True))


def valid_of_country(regions: list[PhoneMetadata]) -> int:
    """The valid numbers of a calling code: those valid in the region that claims them first."""
    if len(regions) == 1:
        return valid_of_region(regions[0])
    valid = claimed = automata.DEAD
    for metadata in regions:
        of_region = claim = valid_of_region(metadata)
        if metadata.leading_digits is not None:
            claim = automata.starting_with(parse(metadata.leading_digits)[0])
        unclaimed = automata.difference(claim, claimed)
        valid = automata.union(valid, automata.intersection(unclaimed, of_region))
        claimed = automata.union(claimed, claim)
    return valid


def national_prefix_of(metadata: PhoneMetadata) -> tuple[int, str]:
    """The first state for the national prefix, and what replaces it before its last group."""
    if not metadata.national_prefix_for_parsing:
        return automata.DEAD, ""
    pattern, groups = parse(metadata.national_prefix_for_parsing)
    rule = metadata.national_prefix_transform_rule
    if not rule:
        return prefixes.prefix_state(pattern, 0), ""
    parts = re.fullmatch(r"([0-9]*)\\([0-9])", rule)
    if parts is None or int(parts[2]) != groups:
        message = f"transform rule {rule!r} of {metadata.id} does not end with the last group"
        raise PatternError(message)
    return prefixes.prefix_state(pattern, groups), parts[1]


def bits(lengths: Iterable[int], region: str) -> int:
    """Lengths as bits."""
    if not all(0 < length <= LENGTH_MAX for length in lengths):
        message = f"lengths {lengths} of {region} are out of range"
        raise PatternError(message)
    return sum(1 << length for length in lengths)


def plan_of(metadata: PhoneMetadata) -> Plan:
    """The plan of one region or non-geographic entity."""
    international_prefix = automata.DEAD
    if metadata.international_prefix is not None:
        pattern, _ = parse(metadata.international_prefix)
        international_prefix = prefixes.prefix_state(pattern, 0)
    national_prefix, replacement = national_prefix_of(metadata)
    general = metadata.general_desc
    if metadata.country_code is None or general is None:
        message = f"the metadata of {metadata.id} is incomplete"
        raise PatternError(message)
    return Plan(
        region=metadata.id,
        country_code=metadata.country_code,
        general=numbers_of(general, of_lengths=False),
        international_prefix=international_prefix,
        national_prefix=national_prefix,
        replacement=replacement,
        lengths=bits(general.possible_length, metadata.id),
        lengths_local=bits(general.possible_length_local_only, metadata.id),
    )


def countries() -> list[Country]:
    """Every calling code of the metadata, in ascending order."""
    PhoneMetadata.load_all()
    result = []
    for code, regions in sorted(phonenumbers.COUNTRY_CODE_TO_REGION_CODE.items()):
        found = [PhoneMetadata.metadata_for_region_or_calling_code(code, id_) for id_ in regions]
        metadata = [one for one in found if one is not None]
        result.append(Country(code, [plan_of(one) for one in metadata], valid_of_country(metadata)))
    return result


def rust_array(name: str, type_: str, rows: Iterable[str]) -> str:
    """An array as Rust source."""
    lines = [f"    {row},\n" for row in rows]
    return f"pub static {name}: [{type_}; {len(lines)}] = [\n{''.join(lines)}];\n\n"


def rust_match(match: prefixes.Match | None) -> str:
    """A match of a prefix as Rust source."""
    if match is None:
        return "Match::None"
    return "Match::Whole" if match.group is None else "Match::Group({}, {})".format(*match.group)


def rust_index(length: int, places: dict[int, int]) -> list[str]:
    """A sparse index as rows of Rust source: the place, or none."""
    return [str(places.get(key, NONE)) for key in range(length)]


def rust_source(all_countries: list[Country]) -> str:
    """The tables as Rust source."""
    plans = [plan for country in all_countries for plan in country.plans]
    roots = [root for plan in plans for root in plan.roots]
    rows, numbers = automata.packed(roots + [country.valid for country in all_countries])
    by_region = {
        (ord(plan.region[0]) - ord("A")) * 26 + ord(plan.region[1]) - ord("A"): place
        for place, plan in enumerate(plans)
        if plan.region.isalpha()
    }
    by_code = {country.code: place for place, country in enumerate(all_countries)}
    states = [f"State {{ next: {list(next_)}, label: {label} }}" for label, next_ in rows]
    labels = [
        f"Label {{ inside: {rust_match(label.inside)}, at_end: {rust_match(label.at_end)} }}"
        for label in prefixes.LABELS
    ]
    plan_rows = [
        f"Plan {{ country_code: {plan.country_code}, general: {numbers[plan.general]}, "
        f"international_prefix: {numbers[plan.international_prefix]}, "
        f"national_prefix: {numbers[plan.national_prefix]}, "
        f"replacement: &{[int(digit) for digit in plan.replacement]}, "
        f"lengths: Lengths {{ national: {plan.lengths}, local: {plan.lengths_local} }} }}"
        for plan in plans
    ]
    country_rows = [
        f"Country {{ code: {country.code}, main: {plans.index(country.plans[0])}, "
        f"valid: {numbers[country.valid]} }}"
        for country in all_countries
    ]
    replacement_max = max(len(plan.replacement) for plan in plans)
    return (
        f"pub const REPLACEMENT_DIGITS_MAX: usize = {replacement_max};\n\n"
        + rust_array("STATES", "State", states)
        + rust_array("LABELS", "Label", labels)
        + rust_array("PLANS", "Plan", plan_rows)
        + rust_array("COUNTRIES", "Country", country_rows)
        + rust_array("PLAN_BY_REGION", "u16", rust_index(26 * 26, by_region))
        + rust_array("COUNTRY_BY_CODE", "u16", rust_index(1000, by_code))
    )


def main(version: str, output: str) -> None:
    """Writes the tables if the package has the version that the project pins."""
    if phonenumbers.__version__ != version:
        sys.exit(f"phonenumbers {phonenumbers.__version__} is installed, not {version}")
    Path(output).write_text(rust_source(countries()), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
