"""The options of one space: a tenant's database and how its identifiers are read."""

from typing import Any, Literal

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


class SpaceSettings(BaseModel):
    """One tenant's database."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    account_id: int = Field(ge=1, lt=2**32, description="Number of the account.")
    db_id: int = Field(ge=1, lt=2**32, description="Number of the database within the account.")
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
    blocked: dict[str, tuple[str, ...]] = Field(
        default=BLOCKED_DEFAULT,
        description="Values that never match and never attach, by address type or * for all.",
    )
    time_zone: str = Field(
        default="UTC", min_length=1, description="IANA zone in which `current` is evaluated."
    )
    fields: tuple[FieldSettings, ...] = Field(
        default=(), description="Custom fields by which members can be matched."
    )

    @field_validator("fields", mode="before")
    @classmethod
    def _fields_by_number(cls, value: Any) -> Any:
        return numbered_as_list(value)

    @field_validator("blocked")
    @classmethod
    def _blocked_types(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        unknown = sorted(set(value) - {*ADDRESS_TYPES, ANY_TYPE})
        if unknown:
            known = ", ".join((ANY_TYPE, *ADDRESS_TYPES))
            message = f"has no address type {', '.join(unknown)}; known are {known}"
            raise ValueError(message)
        return value

    @model_validator(mode="after")
    def _fields_once(self) -> "SpaceSettings":
        paths = [field.path for field in self.fields]
        if len(set(paths)) != len(paths):
            message = "declares a field twice; keep one of them"
            raise ValueError(message)
        return self

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
        )


def numbered_as_list(value: Any) -> Any:
    """Turns {"0": first, "1": second}, as nested variables give it, into a list."""
    if isinstance(value, dict) and value and all(str(key).isdecimal() for key in value):
        return [value[key] for key in sorted(value, key=int)]
    return value
