"""Configuration: one typed place for every option, checked when the server starts."""

from zmey.config.core import CoreConfig, FieldConfig, SpaceConfig
from zmey.config.loading import CONFIG_VARIABLE, JSON_FLAGS, ConfigError, load_settings
from zmey.config.settings import IN_MEMORY, OFF, Settings, split_address
from zmey.config.sources import Network, SecretSettings
from zmey.config.spaces import (
    ADDRESS_TYPES,
    ANY_TYPE,
    FieldSettings,
    PolicySettings,
    SpaceSettings,
)
from zmey.config.table import (
    README_END,
    README_START,
    describe_default,
    is_hidden,
    options_markdown,
)

__all__ = [
    "ADDRESS_TYPES",
    "ANY_TYPE",
    "CONFIG_VARIABLE",
    "IN_MEMORY",
    "JSON_FLAGS",
    "OFF",
    "README_END",
    "README_START",
    "ConfigError",
    "CoreConfig",
    "FieldConfig",
    "FieldSettings",
    "Network",
    "PolicySettings",
    "SecretSettings",
    "Settings",
    "SpaceConfig",
    "SpaceSettings",
    "describe_default",
    "is_hidden",
    "load_settings",
    "options_markdown",
    "split_address",
]
