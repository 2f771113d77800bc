"""Who has which identifiers, in a notation that a table of tests can hold."""

from support.core import Api
from support.requests import keys
from zmey.v1 import address_pb2 as addresses

__all__ = ["heads_of", "people"]


def heads_of(api: Api, contact_id: int) -> list[str]:
    """Returns the heads of a living member as "type=value", in their order."""
    answer = api.list_heads(keys(contact_id=contact_id))
    return [_text(state.head.address) for state in answer.heads]


def people(api: Api, *contact_ids: int) -> dict[int, list[str]]:
    """Returns the heads of those of the members that live and are not merged into others."""
    living = (number for number in contact_ids if _contact(api, number) == number)
    return {number: heads_of(api, number) for number in living}


def _contact(api: Api, number: int) -> int:
    return api.resolve(keys(contact_id=number)).contact_id


def _text(address: addresses.CanonicalAddress) -> str:
    name = addresses.AddressType.Name(address.type).removeprefix("ADDRESS_TYPE_").lower()
    return f"{name}={address.value}"
