"""Sources: how the server gets the file of an import that names an URL."""

from zmey.sources.configured import source_settings
from zmey.sources.errors import SourceCancelledError, SourceError
from zmey.sources.fetching import Fetched, fetch
from zmey.sources.settings import Secret, SourceSettings

__all__ = [
    "Fetched",
    "Secret",
    "SourceCancelledError",
    "SourceError",
    "SourceSettings",
    "fetch",
    "source_settings",
]
