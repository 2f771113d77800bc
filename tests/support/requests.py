"""Short spellings of the messages that tests build by the hundred."""

from collections.abc import Sequence
from typing import Any

from reference.datakeys import Change
from zmey.v1 import data_rule_pb2 as data_rules
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import head_event_pb2 as head_events
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service
from zmey.v1.address_pb2 import Address

__all__ = [
    "address",
    "address_type",
    "change",
    "data_rule",
    "datakey_change",
    "event",
    "head_key",
    "keys",
    "member_key",
    "order",
    "ruled",
    "sets",
]

KEY_KINDS = {
    "contact_id": matching.KEY_KIND_CONTACT_ID,
    "csid": matching.KEY_KIND_EXTERNAL_CUSTOMER_ID,
    "locator": matching.KEY_KIND_LOCATOR,
    "field": matching.KEY_KIND_FIELD,
    "head_id": matching.KEY_KIND_HEAD_ID,
    "dataset_id": matching.KEY_KIND_DATASET_ID,
}
NAMED_ORDERS = {
    "external_id_first": matching.NAMED_ORDER_EXTERNAL_ID_FIRST,
    "prepared_message": matching.NAMED_ORDER_PREPARED_MESSAGE,
    "subscribe": matching.NAMED_ORDER_SUBSCRIBE,
    "email_or_sms": matching.NAMED_ORDER_EMAIL_OR_SMS,
}


def address_type(name: str) -> str:
    """Returns the type with a name such as "email"; "" asks the server to recognise it."""
    return f"ADDRESS_TYPE_{name.upper() or 'UNSPECIFIED'}"


def address(text: str) -> Address:
    """Reads "type=value"; "=value" leaves the type to the server."""
    name, _, value = text.partition("=")
    return Address(type=address_type(name), value=value)


def keys(*locators: str, **others: Any) -> matching.MatchKeys:
    """Builds keys: locators as "type=value", `csid`, `fields` as pairs, others by their names."""
    csid = others.pop("csid", None)
    fields = [
        matching.FieldValue(path=path, value=value) for path, value in others.pop("fields", ())
    ]
    return matching.MatchKeys(
        external_customer_id=csid,
        locators=[address(locator) for locator in locators],
        fields=fields,
        **others,
    )


def order(name: str = "", *, strict: bool = False) -> matching.MatchPolicy:
    """Builds a policy: the name of an order, or steps such as "csid>locator:email>field:crm.id"."""
    if name in NAMED_ORDERS or name == "":
        named = NAMED_ORDERS.get(name, matching.NAMED_ORDER_UNSPECIFIED)
        return matching.MatchPolicy(order=named, strict=strict)
    steps = []
    for text in name.split(">"):
        kind, _, narrowed = text.partition(":")
        step = matching.OrderedKey(
            kind=KEY_KINDS[kind],
            locator_type=address_type(narrowed) if kind == "locator" else None,
            field_path=narrowed if kind == "field" else None,
        )
        steps.append(step)
    return matching.MatchPolicy(explicit_order=steps, strict=strict)


def datakey_change(described: Change) -> datakey.DatakeyChange:
    """Turns a change of the reference model into one of the wire."""
    value = described.value
    return datakey.DatakeyChange(
        path=described.path,
        mode=f"DATAKEY_MODE_{described.mode.upper()}",
        value=value.encode() if isinstance(value, str) else value,
        type=described.type,
        copy_path=described.copy_path,
    )


def sets(**values: str) -> list[datakey.DatakeyChange]:
    """Builds changes that set top-level datakeys to JSON texts."""
    return [datakey_change(Change(path, "set", value)) for path, value in values.items()]


def head_key(text: str) -> member.HeadKey:
    """Names a head by "type=value", or by its number as "id=7"."""
    if text.startswith("id="):
        return member.HeadKey(head_id=int(text.removeprefix("id=")))
    return member.HeadKey(address=address(text))


def event(
    head: str, time_seconds: int = 0, source: str = "", **happened: Any
) -> head_events.HeadEvent:
    """Builds an event such as unsubscribed={"sender": ""}; names of enums are short."""
    for what, value in happened.items():
        for prefix, name in ((f"{what.upper()}_KIND", "kind"), ("MOBILE_OS", "os")):
            if isinstance(value.get(name), str):
                value[name] = f"{prefix}_{value[name]}"
    return head_events.HeadEvent(
        head=head_key(head), time_seconds=time_seconds, source=source, **happened
    )


def member_key(text: str) -> member_service.MemberKey:
    """Names a member by "type=value", by a head as "id=7", or by its number as "contact=7"."""
    kind, _, value = text.partition("=")
    if kind == "contact":
        return member_service.MemberKey(contact_id=int(value))
    if kind == "id":
        return member_service.MemberKey(head_id=int(value))
    return member_service.MemberKey(address=address(text))


def data_rule(**fields: Any) -> data_rules.DataRule:
    """Builds a data rule of short names: level, has_miss="MOVE", keys={"a.b": "SET"}."""
    modes: dict[str, Any] = {
        name: f"{name.upper()}_MODE_{fields.pop(name)}"
        for name in ("has_miss", "has_has", "miss_has")
        if name in fields
    }
    keys_of_rule = [
        data_rules.DatakeyRule(path=path, mode=f"HAS_HAS_MODE_{mode}")
        for path, mode in fields.pop("keys", {}).items()
    ]
    return data_rules.DataRule(keys=keys_of_rule, **modes, **fields)


def ruled(head: str, rule: data_rules.DataRule | None = None, **modes: Any) -> member.HeadAttach:
    """Builds a head to attach by rules such as single="TRANSPLANT", newbie="NONE"."""
    newbie = modes.pop("newbie", "UNSPECIFIED")
    owned: dict[str, Any] = {name: f"OWNED_MODE_{mode}" for name, mode in modes.items()}
    head_rule = member.HeadRule(newbie=f"NEWBIE_MODE_{newbie}", **owned)
    return member.HeadAttach(head=address(head), head_rule=head_rule, data_rule=rule)


def change(
    who: matching.MatchKeys, datakeys: Sequence[datakey.DatakeyChange] = (), **others: Any
) -> member.MemberChange:
    """Builds one step; `heads` as "type=value" or with rules, others by their names."""
    heads = [
        member.HeadAttach(head=address(head)) if isinstance(head, str) else head
        for head in others.pop("heads", ())
    ]
    return member.MemberChange(keys=who, datakeys=datakeys, heads=heads, **others)
