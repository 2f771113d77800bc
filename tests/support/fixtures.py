"""Fixtures that several test files share; tests/conftest.py makes them known to pytest."""

from collections.abc import Callable, Iterator

import pytest

from support.core import Api, open_api
from support.requests import address

__all__ = ["api", "core_for_region"]

BATCH_ITEMS_MAX = 10_000


@pytest.fixture
def api() -> Iterator[Api]:
    """An empty core on the memory engine."""
    opened = open_api()
    yield opened
    opened.core.close()


@pytest.fixture(scope="session")
def core_for_region() -> Callable[[str, bool], Callable[[list[str]], list[str | None]]]:
    """Returns a maker of normalisers of phones for a region, strict or only possible."""

    def make(region: str, possible: bool) -> Callable[[list[str]], list[str | None]]:
        rule = "possible" if possible else "valid"
        opened = open_api(default_region=region, phone_rule=rule)

        def normalise(numbers: list[str]) -> list[str | None]:
            found: list[str | None] = []
            for start in range(0, len(numbers), BATCH_ITEMS_MAX):
                batch = [address(f"msisdn={n}") for n in numbers[start : start + BATCH_ITEMS_MAX]]
                found += (
                    result.address.value if result.HasField("address") else None
                    for result in opened.normalize(batch).results
                )
            return found

        return normalise

    return make
