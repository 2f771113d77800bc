"""What the configuration says about sources, in their own words."""

from pathlib import Path

from zmey.config import SecretSettings, Settings
from zmey.sources.settings import Secret, SourceSettings


def source_settings(settings: Settings) -> SourceSettings:
    """Returns what an operator decided; files with secrets are read now.

    Raises:
        OSError: such a file cannot be read any more.
    """
    return SourceSettings(
        upload_folder=Path(settings.upload_folder) if settings.upload_folder else None,
        file_bytes_max=settings.import_file_bytes_max,
        timeout_seconds=settings.fetch_timeout_seconds,
        secrets={name: _secret(secret) for name, secret in settings.secrets.items()},
        allowed_networks=tuple(settings.allowed_networks),
        known_hosts=_text(settings.known_hosts_file),
        unpack_memory_bytes_max=settings.unpack_memory_bytes_max,
        unpack_seconds_max=settings.unpack_seconds_max,
    )


def _text(file: str) -> str:
    return Path(file).read_text(encoding="utf-8") if file else ""


def _secret(secret: SecretSettings) -> Secret:
    return Secret(
        hosts=secret.hosts,
        user=secret.user,
        password=secret.first_line("password"),
        bearer=secret.first_line("bearer"),
        private_key=secret.private_key(),
        passphrase=secret.passphrase.get_secret_value(),
        fingerprints=secret.fingerprints,
        ca_file=secret.ca_file,
    )
