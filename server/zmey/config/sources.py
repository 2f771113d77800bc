"""The options of where files of imports come from: credentials and networks."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    model_validator,
)
from pydantic_settings import NoDecode

Network = IPv4Network | IPv6Network


def _readable(path: str) -> str:
    """Refuses at the start of the server what would fail in the middle of an import."""
    try:
        if path:
            Path(path).read_text(encoding="utf-8")
    except OSError as error:
        message = f"cannot be read: {error.strerror}"
        raise ValueError(message) from error
    except UnicodeDecodeError as error:
        message = "is no text in UTF-8"
        raise ValueError(message) from error
    return path


ReadableFile = Annotated[str, AfterValidator(_readable)]


class SecretSettings(BaseModel):
    """Credentials for the sources of imports, which requests name and never contain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hosts: tuple[str, ...] = Field(
        min_length=1,
        description="Hosts that may be sent it: callers choose the URL, so it must not go anywhere "
        "else.",
    )
    user: str = Field(default="", description="Name to log in with.")
    password: SecretStr = Field(
        default=SecretStr(""), description="Password for HTTP Basic, ftp, ftps and sftp."
    )
    password_file: ReadableFile = Field(
        default="", description="File whose first line is the password, instead of `password`."
    )
    bearer: SecretStr = Field(
        default=SecretStr(""), description="Token for HTTP, instead of user and password."
    )
    bearer_file: ReadableFile = Field(
        default="", description="File whose first line is the token, instead of `bearer`."
    )
    private_key_file: ReadableFile = Field(
        default="", description="File with a private key for sftp, in OpenSSH's or PEM form."
    )
    passphrase: SecretStr = Field(default=SecretStr(""), description="Opens the private key.")
    fingerprints: tuple[str, ...] = Field(
        default=(),
        description="Fingerprints of the keys of sftp servers, SHA256:…, instead of "
        "`known_hosts_file`.",
    )
    ca_file: ReadableFile = Field(
        default="",
        description="PEM file with authorities to trust for https and ftps besides known ones.",
    )

    @model_validator(mode="after")
    def _one_of_each(self) -> "SecretSettings":
        for name in ("password", "bearer"):
            if getattr(self, name).get_secret_value() and getattr(self, f"{name}_file"):
                message = f"has {name} and {name}_file; keep one of them"
                raise ValueError(message)
        return self

    def first_line(self, name: str) -> str:
        """Returns `password` or `bearer`, wherever it is."""
        path = getattr(self, f"{name}_file")
        if path:
            return _read(Path(path)).partition("\n")[0].removesuffix("\r")
        value: SecretStr = getattr(self, name)
        return value.get_secret_value()

    def private_key(self) -> str:
        """Returns the private key; empty where there is none."""
        return _read(Path(self.private_key_file)) if self.private_key_file else ""


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _listed(value: Any) -> Any:
    """Takes `10.0.0.0/8, fd00::/8` from flags and variables."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


# NoDecode: a variable is a list with commas, not JSON.
Networks = Annotated[Sequence[Network], NoDecode, BeforeValidator(_listed)]
SecretName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
