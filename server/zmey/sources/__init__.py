"""Sources: how the server gets the file of an import that names an URL."""

from zmey.sources.configured import source_settings
from zmey.sources.errors import SourceCancelledError, SourceError
from zmey.sources.fetching import Fetched, fetch
from zmey.sources.settings import Secret, SourceSettings
from zmey.sources.unpacking import Unpacked, unpack

__all__ = [
    "Fetched",
    "Secret",
    "SourceCancelledError",
    "SourceError",
    "SourceSettings",
    "Unpacked",
    "fetch",
    "source_settings",
    "unpack",
]
