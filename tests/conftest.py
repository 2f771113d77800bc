"""Makes the shared fixtures known to pytest."""

from support.fixtures import api, core_for_region

__all__ = ["api", "core_for_region"]
