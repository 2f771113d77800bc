"""Policies of tests in short, and waiting for indexes that are built in the background."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from support.core import Api
from support.requests import address_type, change, keys, sets
from zmey.v1 import admin_service_pb2 as admin
from zmey.v1.policy_pb2 import (
    BlockedValues,
    CustomField,
    HeadTypeLimit,
    PolicyLimits,
    SpacePolicy,
)

__all__ = [
    "blocked",
    "custom_field",
    "fields_being_built",
    "heads_limit",
    "policy",
    "settled",
]

SETTLED_SECONDS_MAX = 20.0
# An index of so many is seldom built before anybody can ask.
MEMBERS = 3_000
FIELDS_MAX = 200


def policy(*fields: CustomField, **described: Any) -> SpacePolicy:
    """Builds a policy: Russian phones unless changed; limits by their names among the rest."""
    limits = {
        name: described.pop(name)
        for name in (
            "heads_per_member_max",
            "heads_per_type",
            "merge_heads_max",
            "merge_bytes_max",
        )
        if name in described
    }
    filled: dict[str, Any] = {"default_region": "RU", **described}
    return SpacePolicy(fields=fields, limits=PolicyLimits(**limits), **filled)


def blocked(kind: str, *values: str) -> BlockedValues:
    """Builds a list of blocked values; the type "" is every type."""
    return BlockedValues(type=address_type(kind), values=values)


def heads_limit(kind: str, heads_max: int) -> HeadTypeLimit:
    """Builds the limit of one type."""
    return HeadTypeLimit(type=address_type(kind), heads_max=heads_max)


def custom_field(path: str, kind: str = "string", *, unique: bool = False) -> CustomField:
    """Builds a field."""
    return CustomField(path=path, kind=f"FIELD_KIND_{kind.upper()}", unique=unique)


def fields_being_built(api: Api) -> Iterator[str]:
    """Declares fields by which ann@example.com is found as "7", until an index is slow enough."""
    # With Ann alone it would be there before anybody can ask.
    api.set_members([change(keys(f"email=m{n}@example.com")) for n in range(MEMBERS)])
    for number in range(FIELDS_MAX):
        path = f"card{number}"
        api.set_member(change(keys("email=ann@example.com"), sets(**{path: '"7"'})))
        api.update_policy(policy(custom_field(path)))
        yield path
    pytest.fail("every index was built at once")


def settled(api: Api) -> dict[str, str]:
    """Waits until no index is on its way; returns the states of all fields by path."""
    until = time.monotonic() + SETTLED_SECONDS_MAX
    moving = (admin.FIELD_STATE_BUILDING, admin.FIELD_STATE_DROPPING)
    while time.monotonic() < until:
        fields = api.get_policy().fields
        if not any(field.state in moving for field in fields):
            name = admin.FieldState.Name
            return {
                field.field.path: name(field.state).removeprefix("FIELD_STATE_").lower()
                for field in fields
            }
        time.sleep(0.01)
    message = "indexes are still on their way"
    raise AssertionError(message)
