"""The options of one space: a tenant's database and its policy, how identifiers are read."""

from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from zmey.config.core import FieldConfig, SpaceConfig

ADDRESS_TYPES = (
    "email",
    "msisdn",
    "viber",
    "csid",
    "push",
    "vk",
    "tg",
    "vknotify",
    "pushapp",
    "max",
    "umid",
)
ANY_TYPE = "*"

# The bounds of the core, which refuses what is over them.
FIELDS_MAX = 100
HEADS_MAX = 1_000
MERGE_BYTES_MAX = 2 * 1024 * 1024
RETENTION_DAYS_MAX = 3_650

# What forms, spreadsheets and programs write where they know nothing.
BLOCKED_DEFAULT: dict[str, tuple[str, ...]] = {
    ANY_TYPE: ("null", "nil", "none", "nan", "n/a", "na", "unknown", "undefined", "empty", "-"),
    "email": ("test@test.com", "test@test.ru", "test@example.com", "no@email.com", "none@none.com"),
    "csid": ("0",),
}


class FieldSettings(BaseModel):
    """One custom field by which members can be matched."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(min_length=1, description="Datakey path of the field, e.g. crm.id.")
    kind: Literal["string", "int", "tags"] = Field(
        default="string", description="How values compare: string, int or tags."
    )
    unique: bool = Field(
        default=False, description="Refuse a value that another member already has."
    )

    def to_core(self) -> FieldConfig:
        """Returns the twin that crosses to the core."""
        return FieldConfig(path=self.path, kind=self.kind, unique=self.unique)


class SpaceName(BaseModel):
    """The numbers of one tenant's database."""

    account_id: int = Field(ge=1, lt=2**32, description="Number of the account.")
    db_id: int = Field(ge=1, lt=2**32, description="Number of the database within the account.")


class PolicySettings(BaseModel):
    """What a space decides about identifiers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    default_region: str | None = Field(
        default=None,
        pattern="^[A-Z]{2}$",
        description="Region of phone numbers without a country code, e.g. RU; none refuses them.",
    )
    phone_rule: Literal["valid", "possible"] = Field(
        default="valid",
        description="valid takes assigned numbers only, possible every number of a right length.",
    )
    email_national_domains: bool = Field(
        default=True, description="Take e-mail domains outside ASCII."
    )
    email_national_local_parts: bool = Field(
        default=True, description="Take e-mail local parts outside ASCII."
    )
    email_substitutes: bool = Field(
        default=False,
        description="E-mails are opaque stand-ins: trimmed only, case-sensitive, no syntax.",
    )
    blocked: dict[str, tuple[str, ...]] = Field(
        default=BLOCKED_DEFAULT,
        description="Values that never match and never attach, by address type or * for all.",
    )
    time_zone: str = Field(
        default="UTC", min_length=1, description="IANA zone in which `current` is evaluated."
    )
    fields: tuple[FieldSettings, ...] = Field(
        default=(),
        max_length=FIELDS_MAX,
        description="Custom fields by which members can be matched.",
    )
    heads_per_member_max: int = Field(
        default=HEADS_MAX, ge=1, le=HEADS_MAX, description="Heads that a member may have."
    )
    heads_per_type_max: dict[str, Annotated[int, Field(ge=0, le=HEADS_MAX)]] = Field(
        default={}, description="Heads of single address types that a member may have."
    )
    merge_heads_max: int = Field(
        default=HEADS_MAX, ge=1, le=HEADS_MAX, description="Heads that one merge may move."
    )
    merge_bytes_max: int = Field(
        default=MERGE_BYTES_MAX,
        ge=1,
        le=MERGE_BYTES_MAX,
        description="Bytes of data that both members of a merge may have together.",
    )
    retention_days: int = Field(
        default=30, ge=1, le=RETENTION_DAYS_MAX, description="Days to keep deleted members."
    )
    versioning: bool = Field(
        default=False,
        description="Refuse a SetMember whose member was changed since the call arrived.",
    )
    confirm_free_per_month_max: int = Field(
        default=0,
        ge=0,
        lt=2**32,
        description="E-mails a month that come in without waiting for confirmation; 0 is all.",
    )
    members_max: int = Field(
        default=0,
        ge=0,
        lt=2**32,
        description="With more members every e-mail waits for confirmation; 0 is no limit.",
    )

    @field_validator("fields", mode="before")
    @classmethod
    def _fields_by_number(cls, value: Any) -> Any:
        return numbered_as_list(value)

    @field_validator("blocked")
    @classmethod
    def _blocked_types(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        _refuse_unknown_types(value, (ANY_TYPE, *ADDRESS_TYPES))
        return value

    @field_validator("heads_per_type_max")
    @classmethod
    def _limited_types(cls, value: dict[str, int]) -> dict[str, int]:
        _refuse_unknown_types(value, ADDRESS_TYPES)
        return value

    @model_validator(mode="after")
    def _fields_once(self) -> "PolicySettings":
        paths = [field.path for field in self.fields]
        if len(set(paths)) != len(paths):
            message = "declares a field twice; keep one of them"
            raise ValueError(message)
        return self


class SpaceSettings(PolicySettings, SpaceName):
    """One tenant's database."""

    def to_core(self) -> SpaceConfig:
        """Returns the twin that crosses to the core."""
        return SpaceConfig(
            account_id=self.account_id,
            db_id=self.db_id,
            default_region=self.default_region,
            phone_rule=self.phone_rule,
            email_national_domains=self.email_national_domains,
            email_national_local_parts=self.email_national_local_parts,
            blocked=dict(self.blocked),
            time_zone=self.time_zone,
            fields=tuple(field.to_core() for field in self.fields),
            email_substitutes=self.email_substitutes,
            heads_per_member_max=self.heads_per_member_max,
            heads_per_type_max=dict(self.heads_per_type_max),
            merge_heads_max=self.merge_heads_max,
            merge_bytes_max=self.merge_bytes_max,
            retention_days=self.retention_days,
            versioning=self.versioning,
            confirm_free_per_month_max=self.confirm_free_per_month_max,
            members_max=self.members_max,
        )


def _refuse_unknown_types(given: Iterable[str], known: tuple[str, ...]) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        message = f"has no address type {', '.join(unknown)}; known are {', '.join(known)}"
        raise ValueError(message)


def numbered_as_list(value: Any) -> Any:
    """Turns {"0": first, "1": second}, as nested variables give it, into a list."""
    if isinstance(value, dict) and value and all(str(key).isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value
