"""Every option of the server, once: its name, type, default, bounds and description.

An option has the same name everywhere: `drain_seconds` in the file, `--drain-seconds` as a flag,
`ZMEY_DRAIN_SECONDS` in the environment.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from zmey.config.bridge import BridgeOptions, altcraft_environment
from zmey.config.core import CoreConfig
from zmey.config.sources import Networks, ReadableFile, SecretName, SecretSettings
from zmey.config.spaces import SpaceSettings, numbered_as_list

ENVIRONMENT_PREFIX = "ZMEY_"
IN_MEMORY = ":memory:"
OFF = "off"

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB


class ServerSettings(BaseSettings):
    """The options of the server itself; flags win over the environment, that over the file."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )
    # What a main.json of Altcraft says, where that is the file.
    altcraft_file: ClassVar[Mapping[str, Any]] = {}

    store_path: str = Field(
        default="./zmey-store",
        min_length=1,
        description=f"Directory of the store; {IN_MEMORY} keeps nothing and is for tests.",
    )
    map_bytes_initial: int = Field(
        default=GIB, ge=MIB, description="Bytes of address space mapped for a new store."
    )
    map_bytes_max: int = Field(
        default=TIB,
        ge=MIB,
        description="Bytes to which the store may grow; a full store refuses writes.",
    )
    readers_max: int = Field(
        default=512, ge=1, le=65_536, description="Snapshots of the store open at once."
    )
    listen_address: str = Field(
        default="127.0.0.1:50051",
        description="HOST:PORT for gRPC; port 0 takes a free one. There is no TLS and no "
        "authentication yet: keep it on loopback or behind a proxy that has both.",
    )
    workers: int = Field(
        default=64,
        ge=2,
        le=4096,
        description="Threads that answer calls; waiting writes share commits, so more than cores.",
    )
    concurrent_calls_max: int = Field(
        default=256,
        ge=1,
        le=100_000,
        description="Calls under way at once; more are refused at once with RESOURCE_EXHAUSTED.",
    )
    concurrent_imports_max: int = Field(
        default=4,
        ge=1,
        le=1024,
        description="Import streams, uploads and reports open at once; each takes a worker.",
    )
    message_bytes_max: int = Field(
        default=16 * MIB, ge=KIB, lt=2**31, description="Bytes of one request message."
    )
    metadata_bytes_max: int = Field(
        default=16 * KIB, ge=KIB, lt=2**31, description="Bytes of the metadata of one call."
    )
    drain_seconds: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="Seconds that calls under way may still take after SIGTERM.",
    )
    metrics_address: str = Field(
        default="127.0.0.1:9464",
        description=f"HOST:PORT for Prometheus at /metrics, or {OFF}; port 0 takes a free one.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info",
        description="Least level written to stderr: debug, info, warning or error. debug has a "
        "line for each call.",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        default="auto", description="json, console, or auto: console on a terminal, else json."
    )
    reflection: bool = Field(
        default=True, description="Serve the schema, so that grpcurl needs no proto files."
    )
    commit_rows_max: int = Field(
        default=40_000, ge=1, le=1_000_000, description="Rows that share one commit."
    )
    commit_bytes_max: int = Field(
        default=32 * MIB, ge=KIB, lt=2**31, description="Bytes of requests that share one commit."
    )
    import_window_bytes: int = Field(
        default=30 * MIB,
        ge=KIB,
        lt=2**31,
        description="Bytes of one import that may wait for their commit.",
    )
    import_jobs_max: int = Field(
        default=2,
        ge=1,
        le=64,
        description="Imports of files that run at once; the others wait in turn.",
    )
    import_folder: str = Field(
        default="",
        description="Directory for the files of imports while they are read and for reports; none "
        f"is `imports` in the directory of the store, or a temporary one with {IN_MEMORY}.",
    )
    import_file_bytes_max: int = Field(
        default=GIB,
        ge=KIB,
        le=TIB,
        description="Bytes of the file of one import, as it comes and as it is unpacked.",
    )
    upload_folder: str = Field(
        default="", description="Directory that rfs://upload/ is for imports; none refuses it."
    )
    fetch_timeout_seconds: float = Field(
        default=3600.0,
        gt=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds that one attempt to fetch a file may take in all.",
    )
    allowed_networks: Networks = Field(
        default=(),
        description="Networks that files may be fetched from although they are private, loopback "
        "or special, such as 10.0.0.0/8; a list, with commas as a flag or variable.",
    )
    known_hosts_file: ReadableFile = Field(
        default="", description="Keys of sftp servers in OpenSSH's form; others are refused."
    )
    unpack_memory_bytes_max: int = Field(
        default=512 * MIB,
        ge=128 * MIB,
        le=TIB,
        description="Bytes of memory of the process that unpacks an archive or spreadsheet.",
    )
    unpack_seconds_max: float = Field(
        default=30.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="Seconds that it may take to unpack an archive or spreadsheet.",
    )
    secrets: dict[SecretName, SecretSettings] = Field(
        default={},
        description="Credentials that imports may name, a [secrets.NAME] table each; as a flag or "
        "variable a JSON object, but flags are seen by other users of the machine.",
    )
    spaces: tuple[SpaceSettings, ...] = Field(
        default=(SpaceSettings(account_id=1, db_id=1),),
        description="Databases that are served, a [[spaces]] table each; as a flag or variable "
        "a JSON list.",
    )
    benchmark_echo: bool = Field(
        default=False,
        description="Serve a method that answers with its request.",
        json_schema_extra={"hidden": True},
    )

    @field_validator("listen_address")
    @classmethod
    def _listen_address(cls, value: str) -> str:
        split_address(value)
        return value

    @field_validator("metrics_address", "bridge_metrics_address", check_fields=False)
    @classmethod
    def _metrics_address(cls, value: str) -> str:
        if value != OFF:
            split_address(value)
        return value

    @field_validator("spaces", mode="before")
    @classmethod
    def _spaces_by_number(cls, value: Any) -> Any:
        return numbered_as_list(value)

    @model_validator(mode="after")
    def _options_fit(self) -> "ServerSettings":
        problem = _misfit(self)
        if problem:
            raise ValueError(problem)
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - pydantic passes it by name
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - likewise
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Orders the sources: flags, environment, file; defaults come last by themselves.

        Our names win over Altcraft's, those in the file too: whoever writes bridge_vhost means this
        bridge, but RABBITMQ_VHOST may be there for another program.
        """
        return (
            init_settings,
            env_settings,
            TomlConfigSettingsSource(settings_cls),
            InitSettingsSource(settings_cls, altcraft_environment()),
            InitSettingsSource(settings_cls, dict(cls.altcraft_file)),
        )

    def to_core(self) -> CoreConfig:
        """Returns the twin that crosses to the core."""
        return CoreConfig(
            store_path=None if self.store_path == IN_MEMORY else self.store_path,
            map_bytes_initial=self.map_bytes_initial,
            map_bytes_max=self.map_bytes_max,
            readers_max=self.readers_max,
            commit_rows_max=self.commit_rows_max,
            commit_bytes_max=self.commit_bytes_max,
            import_window_bytes=self.import_window_bytes,
            spaces=tuple(space.to_core() for space in self.spaces),
        )


class Settings(BridgeOptions, ServerSettings):
    """Every option, those of the bridge last; a command uses those that concern it."""


def split_address(address: str) -> tuple[str, int]:
    """Splits HOST:PORT; an IPv6 host is in brackets.

    Raises:
        ValueError: it is not of that form.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 - TCP
        message = "must be HOST:PORT, such as 127.0.0.1:50051"
        raise ValueError(message)
    return host.removeprefix("[").removesuffix("]"), int(port)


def _misfit(settings: ServerSettings) -> str | None:
    """Says which two options contradict each other, in a sentence that names the fix."""
    if settings.map_bytes_initial > settings.map_bytes_max:
        return "map_bytes_initial is over map_bytes_max; lower the first or raise the second"
    if settings.workers <= settings.concurrent_imports_max:
        return (
            "workers must be more than concurrent_imports_max, or imports leave no thread for "
            "other calls; raise the first or lower the second"
        )
    if settings.readers_max < settings.workers:
        return "readers_max must be at least workers, since each may read; raise the first"
    if not settings.spaces:
        return "spaces is empty; declare one at least, or leave it out for account 1, db 1"
    names = [(space.account_id, space.db_id) for space in settings.spaces]
    if len(set(names)) != len(names):
        return "spaces has the same account_id and db_id twice; keep one of them"
    return None
