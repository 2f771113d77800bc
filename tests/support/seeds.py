"""The seeds of random tests: fixed ones by default, chosen ones through the environment."""

import os

__all__ = ["seeds"]


def seeds(count: int) -> list[int]:
    """Returns the seeds to run.

    Args:
        count: how many, unless ZMEY_TEST_SEEDS gives another number or ZMEY_TEST_SEED one seed.
    """
    if "ZMEY_TEST_SEED" in os.environ:
        return [int(os.environ["ZMEY_TEST_SEED"])]
    return list(range(1, int(os.environ.get("ZMEY_TEST_SEEDS", count)) + 1))
