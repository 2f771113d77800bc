"""What an operator decides about sources, and the credentials that are configured."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from zmey.sources.addresses import Resolve, system_resolve

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Secret:
    """Credentials; everything that is secret stays out of its repr.

    Attributes:
        hosts: the hosts that may be sent it: callers choose the URL, and must not be able to have
            it sent to a host of theirs.
        user: the name to log in with.
        password: for HTTP Basic, ftp, ftps and sftp.
        bearer: a token for HTTP, instead of user and password.
        private_key: for sftp, the text of a key in OpenSSH's or PEM form.
        passphrase: opens private_key.
        fingerprints: of the keys that an sftp server may show, "SHA256:…".
        ca_file: certificates that https and ftps servers may be signed with besides known ones.
    """

    hosts: tuple[str, ...] = ()
    user: str = ""
    password: str = field(default="", repr=False)
    bearer: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)
    fingerprints: tuple[str, ...] = ()
    ca_file: str = ""


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What bounds sources.

    Attributes:
        upload_folder: what `rfs://upload/` is; None where there is none.
        file_bytes_max: bytes of a file, as fetched and as unpacked.
        timeout_seconds: how long one attempt may take in all.
        silence_seconds: how long another server may say nothing.
        secrets: credentials by name.
        allowed_networks: networks to visit although they are private or special.
        known_hosts: the keys of sftp servers, the text of a file of OpenSSH's; empty for none.
        unpack_memory_bytes_max: memory of the process that unpacks.
        unpack_seconds_max: how long it may take.
        resolve: looks names up.
    """

    upload_folder: Path | None = None
    file_bytes_max: int = 1024 * MIB
    timeout_seconds: float = 3600.0
    silence_seconds: float = 60.0
    secrets: Mapping[str, Secret] = field(default_factory=dict)
    allowed_networks: Sequence[IPv4Network | IPv6Network] = ()
    known_hosts: str = ""
    unpack_memory_bytes_max: int = 512 * MIB
    unpack_seconds_max: float = 30.0
    resolve: Resolve = system_resolve
