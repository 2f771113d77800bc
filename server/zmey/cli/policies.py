"""Policies as people write them: the options of a [[spaces]] table, in TOML or as KEY=VALUE."""

import tomllib
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from zmey.cli.exits import UsageError
from zmey.client.notation import type_name
from zmey.config import ANY_TYPE, PolicySettings
from zmey.v1.address_pb2 import AddressType
from zmey.v1.policy_pb2 import (
    BlockedValues,
    CustomField,
    FieldKind,
    HeadTypeLimit,
    PhoneRule,
    PolicyLimits,
    SpacePolicy,
)

_RULE_PREFIX = "PHONE_RULE_"
_KIND_PREFIX = "FIELD_KIND_"
_TYPE_PREFIX = "ADDRESS_TYPE_"


def read_policy(file: Path | None, changes: list[str] | None, current: SpacePolicy) -> SpacePolicy:
    """Reads a policy from a TOML file, or else takes the current one, and changes single options.

    Args:
        file: a TOML file with the options of a [[spaces]] table; others have their defaults.
        changes: options as KEY=VALUE, with the value in TOML or a bare word.
        current: the policy of the space.

    Raises:
        UsageError: the file or an option cannot be read.
    """
    if file is None and not changes:
        message = "Say what to change: KEY=VALUE such as retention_days=90, or --file POLICY.toml."
        raise UsageError(message)
    options = options_of(current) if file is None else _read_file(file)
    for change in changes or ():
        _change(options, change)
    try:
        settings = PolicySettings(**options)
    except ValidationError as error:
        raise UsageError(_problems(error)) from error
    return policy_of(settings)


def policy_of(settings: PolicySettings) -> SpacePolicy:
    """Writes options as a policy of the contract."""
    return SpacePolicy(
        default_region=settings.default_region or "",
        phone_rule=_number(PhoneRule, _RULE_PREFIX, settings.phone_rule),
        email_national_domains=settings.email_national_domains,
        email_national_local_parts=settings.email_national_local_parts,
        email_substitutes=settings.email_substitutes,
        blocked=[
            BlockedValues(type=_type_number(name), values=values)
            for name, values in settings.blocked.items()
        ],
        time_zone=settings.time_zone,
        fields=[
            CustomField(
                path=field.path,
                kind=_number(FieldKind, _KIND_PREFIX, field.kind),
                unique=field.unique,
            )
            for field in settings.fields
        ],
        limits=PolicyLimits(
            heads_per_member_max=settings.heads_per_member_max,
            heads_per_type=[
                HeadTypeLimit(type=_type_number(name), heads_max=heads)
                for name, heads in settings.heads_per_type_max.items()
            ],
            merge_heads_max=settings.merge_heads_max,
            merge_bytes_max=settings.merge_bytes_max,
        ),
        retention_days=settings.retention_days,
        versioning=settings.versioning,
        confirm_free_per_month_max=settings.confirm_free_per_month_max,
        members_max=settings.members_max,
    )


def options_of(policy: SpacePolicy) -> dict[str, Any]:
    """Writes a policy of the contract as options, in the order in which they are documented."""
    limits = policy.limits
    return {
        "default_region": policy.default_region or None,
        "phone_rule": PhoneRule.Name(policy.phone_rule).removeprefix(_RULE_PREFIX).lower(),
        "email_national_domains": policy.email_national_domains,
        "email_national_local_parts": policy.email_national_local_parts,
        "email_substitutes": policy.email_substitutes,
        "blocked": {
            type_name(blocked.type) if blocked.type else ANY_TYPE: list(blocked.values)
            for blocked in policy.blocked
        },
        "time_zone": policy.time_zone,
        "fields": [field_options(field) for field in policy.fields],
        "heads_per_member_max": limits.heads_per_member_max,
        "heads_per_type_max": {
            type_name(limit.type): limit.heads_max for limit in limits.heads_per_type
        },
        "merge_heads_max": limits.merge_heads_max,
        "merge_bytes_max": limits.merge_bytes_max,
        "retention_days": policy.retention_days,
        "versioning": policy.versioning,
        "confirm_free_per_month_max": policy.confirm_free_per_month_max,
        "members_max": policy.members_max,
    }


def field_options(field: CustomField) -> dict[str, Any]:
    """Writes a custom field as options."""
    kind = FieldKind.Name(field.kind).removeprefix(_KIND_PREFIX).lower()
    return {"path": field.path, "kind": kind, "unique": field.unique}


def _read_file(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}."
        raise UsageError(message) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        message = f"{file} is no TOML: {error}."
        raise UsageError(message) from error


def _change(options: dict[str, Any], change: str) -> None:
    key, equals, value = change.partition("=")
    if not equals or not key.strip():
        message = f"{change!r} is no KEY=VALUE, such as retention_days=90."
        raise UsageError(message)
    try:
        given = tomllib.loads(f"{key} = {value}")
    except tomllib.TOMLDecodeError:
        # A bare word, such as RU or Europe/Moscow.
        given = _nested(key.strip().split("."), value)
    for name, new in given.items():
        old = options.get(name)
        options[name] = {**old, **new} if isinstance(old, dict) and isinstance(new, dict) else new
    if options.get("default_region") in ("", "none"):
        options["default_region"] = None


def _nested(path: list[str], value: str) -> dict[str, Any]:
    inner: Any = value
    for part in reversed(path):
        inner = {part: inner}
    return cast("dict[str, Any]", inner)


def _problems(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_url=False, include_input=False):
        place = ".".join(str(part) for part in problem["loc"])
        lines.append(f"{place}: {problem['msg']}" if place else problem["msg"])
    return "\n  ".join(["The policy cannot be read:", *lines])


def _type_number(name: str) -> AddressType:
    if name == ANY_TYPE:
        return AddressType.ADDRESS_TYPE_UNSPECIFIED
    return cast("AddressType", _number(AddressType, _TYPE_PREFIX, name))


def _number(enum: Any, prefix: str, name: str) -> Any:
    return enum.Value(prefix + name.upper())
