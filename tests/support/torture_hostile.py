"""Hostile strings, and requests with one of them in any string or bytes field of the contract.

Fields are found by walking the descriptors, so that a new one is tested without anybody thinking
of it. What makes a field count, such as the type of an address, is in `VARIANTS`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from support.core import SPACE
from zmey.v1 import address_pb2 as address
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import head_event_pb2 as head_events
from zmey.v1 import head_service_pb2 as head_service
from zmey.v1 import import_rows_pb2 as rows_pb2
from zmey.v1 import import_service_pb2 as imports
from zmey.v1 import match_service_pb2 as match_service
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member
from zmey.v1 import member_service_pb2 as member_service
from zmey.v1 import origin_service_pb2 as origin_service

__all__ = [
    "CSID",
    "FAMILIES",
    "FIELD_PATH",
    "OTHER_VK",
    "REQUESTS",
    "Field",
    "Settings",
    "build",
    "fields",
    "variants",
]

REQUESTS: tuple[type[Message], ...] = (
    match_service.ResolveRequest,
    match_service.ResolveBatchRequest,
    match_service.NormalizeRequest,
    member_service.SetMemberRequest,
    member_service.SetMemberBatchRequest,
    member_service.GetMemberRequest,
    member_service.GetDatasetRequest,
    member_service.MembersExistRequest,
    member_service.FindMembersRequest,
    member_service.MergeMembersRequest,
    member_service.UnmergeMembersRequest,
    member_service.DeleteMembersRequest,
    member_service.RestoreMemberRequest,
    head_service.ListHeadsRequest,
    head_service.AttachHeadRequest,
    head_service.DetachHeadRequest,
    head_service.ReplaceHeadRequest,
    head_service.RecordHeadEventsRequest,
    origin_service.DefineOriginRequest,
    imports.StreamImportRequest,
)
FIELD_PATH = "crm.id"
CSID = "client-1"
# The member that is merged into the one with the customer id.
OTHER_VK = "77"


def repeated(unit: str) -> Callable[[int], str]:
    """Repeats a text up to a length."""
    return lambda length: (unit * (length // len(unit.encode()) + 1))[: length // _width(unit)]


def _width(unit: str) -> int:
    return len(unit.encode()) // len(unit)


def framed(start: str, unit: str, end: str) -> Callable[[int], str]:
    """Repeats a text between two others."""
    return lambda length: start + unit * (length // len(unit.encode())) + end


def numbered(start: str, unit: str, separator: str, end: str) -> Callable[[int], str]:
    """Repeats a text with a number in the place of `#`."""

    def make(length: int) -> str:
        units = length // (len(unit) + len(separator) + 3)
        return start + separator.join(unit.replace("#", str(n)) for n in range(units)) + end

    return make


FAMILIES: Mapping[str, Callable[[int], str]] = {
    "letters": repeated("a"),
    "dots": repeated("."),
    "at signs": repeated("@"),
    "quotes": repeated('"'),
    "backslashes": repeated("\\"),
    "spaces": repeated(" "),
    "spaces within": framed("a", " ", "a"),
    "controls": repeated("\x01"),
    "digits": repeated("9"),
    "plus signs": repeated("+"),
    "phones": repeated("+79121234567 "),
    "brackets of phones": repeated("(9) "),
    "extensions": repeated("9 ext 1 "),
    "extensions in front": framed("+7912123456", "x", "7"),
    "dashes": framed("8", "-", "9121234567"),
    "wide digits": repeated("\uff19"),
    "labels": framed("a@", "a.", "com"),
    "long label": framed("a@", "a", ".com"),
    "locals": framed("a", ".a", "@example.com"),
    "quoted local": framed('"', "\\a", '"@example.com'),
    "many addresses": repeated("a@b.com,"),
    "punycode": framed("a@xn--", "a", ".com"),
    "punycode of far letters": framed("a@xn--", "9", "a.com"),
    "punycode labels": framed("a@", "xn--a.", "com"),
    "combining marks": framed("e", "\u0301", ""),
    "marks out of order": framed("e", "\u0301\u0323", "@example.com"),
    "marks in the domain": framed("a@e", "\u0301\u0323", ".com"),
    "jamo": repeated("\u1100\u1161\u11a8"),
    "sharp s": repeated("\u1e9e"),
    "right to left": framed("a@", "\u05d0", ".com"),
    "joiners": framed("a@", "\u200d", ".com"),
    "emoji": repeated("\U0001f600"),
    "path elements": framed("a", ".a", ""),
    "path indexes": framed("a", "[1]", ""),
    "path index of many digits": framed("a[", "9", "]"),
    "path escapes": framed("a", "\\.", ""),
    "wildcards": framed("a", "[*].*", ""),
    "opened brackets": repeated("["),
    "opened objects": repeated('{"a":'),
    "array": framed("[0", ",0", "]"),
    "array of arrays": framed("[[]", ",[[]]", "]"),
    "text": framed('"', "a", '"'),
    "escapes": framed('"', "\\n", '"'),
    "unicode escapes": framed('"', "\\u00e9", '"'),
    "surrogate escapes": framed('"', "\\ud83d\\ude00", '"'),
    "unclosed text": framed('"', "a", ""),
    "number": framed("1", "0", ""),
    "fraction": framed("1.", "0", "1"),
    "exponent": framed("1e", "9", ""),
    "white space": framed("[", " \n", "]"),
    "members": numbered("{", '"key#":#', ",", "}"),
    "members of one hash prefix": numbered("{", '"aaaaaaaaaaaaaaaaaaaaaaaa#":0', ",", "}"),
    "nested members": numbered('{"o":{"o":{', '"key#":{"a":[#]}', ",", "}}}"),
    "equal names at the end": framed('{"a":0,"b":"', "x", '","a":1}'),
    "shifts": framed('"current', " + 1 day", '"'),
    "shift of many digits": framed('"current + ', "9", ' day"'),
    "date": framed('"2026-01-01', "0", '"'),
    "bare shifts": framed("current", " - 1 month", ""),
    "type": framed("dt:", "Y", "s"),
    "tags": repeated("a,"),
    "many tags": numbered("", "tag#", ", ", ""),
}


@dataclass(frozen=True)
class Field:
    """One string or bytes field of a request.

    Attributes:
        request: the message that a call takes.
        path: the fields that lead to it.
    """

    request: type[Message]
    path: tuple[FieldDescriptor, ...]

    @property
    def leaf(self) -> tuple[str, str]:
        """The message and the name of the field, whatever request it is part of."""
        last: Any = self.path[-1]
        return last.containing_type.name, last.name

    def __str__(self) -> str:
        names = ".".join(step.name for step in self.path)
        return f"{self.request.DESCRIPTOR.name}.{names}"


def fields() -> list[Field]:
    """Lists every string and bytes field of every request."""
    return [
        Field(request, path) for request in REQUESTS for path in _leaves(request.DESCRIPTOR, ())
    ]


def _leaves(
    message: Any, path: tuple[FieldDescriptor, ...]
) -> Iterator[tuple[FieldDescriptor, ...]]:
    for step in message.fields:
        if step.message_type is not None:
            yield from _leaves(step.message_type, (*path, step))
        elif step.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
            yield (*path, step)


Settings = Mapping[str, Any]

# message -> what its fields are where nothing else is asked
DEFAULTS: Mapping[str, Settings] = {
    "Address": {"type": address.ADDRESS_TYPE_EMAIL, "value": "ann@example.com"},
    "FieldValue": {"path": FIELD_PATH, "value": "7"},
    "OrderedKey": {"kind": matching.KEY_KIND_FIELD, "field_path": FIELD_PATH},
    "DatakeyChange": {"path": "a", "mode": datakey.DATAKEY_MODE_SET, "value": b"1"},
    "DatakeyColumn": {"path": "a"},
    "AddressColumn": {"type": address.ADDRESS_TYPE_EMAIL},
    "DatakeyRule": {"path": "a"},
}

# message and field -> what else the message has for the field to count, one row each
VARIANTS: Mapping[tuple[str, str], Sequence[Settings]] = {
    ("Address", "value"): [{"type": kind} for kind in address.AddressType.values()],
    ("DatakeyChange", "path"): [
        {"mode": datakey.DATAKEY_MODE_SET},
        {"mode": datakey.DATAKEY_MODE_PUSH},
        {"mode": datakey.DATAKEY_MODE_DELETE, "value": b""},
    ],
    ("DatakeyChange", "value"): [
        {"mode": datakey.DATAKEY_MODE_SET},
        {"mode": datakey.DATAKEY_MODE_MERGE, "path": "large"},
        {"mode": datakey.DATAKEY_MODE_PUSH, "path": "long"},
        {"mode": datakey.DATAKEY_MODE_UNSHIFT, "path": "long"},
        {"mode": datakey.DATAKEY_MODE_SET, "path": FIELD_PATH},
        {"mode": datakey.DATAKEY_MODE_SET, "path": "labels"},
        {"mode": datakey.DATAKEY_MODE_SET, "type": "dt:Ys"},
    ],
    ("DatakeyChange", "copy_path"): [{"mode": datakey.DATAKEY_MODE_SET_COPY, "value": b""}],
    ("FieldValue", "value"): [{"path": FIELD_PATH}, {"path": "labels"}],
}


def variants(field: Field) -> Sequence[Settings]:
    """Returns the settings under which a field counts."""
    return VARIANTS.get(field.leaf, ({},))


def build(field: Field, settings: Settings, text: str) -> Any:
    """Builds a request with a text in one field."""
    request: Any = field.request()
    _fill(request)
    target = request
    for step in field.path[:-1]:
        child = getattr(target, step.name)
        if step.is_repeated:
            target = child.add()
        else:
            target = child
            target.SetInParent()
        _fill(target)
    for name, value in settings.items():
        setattr(target, name, value)
    leaf = field.path[-1]
    value = text.encode() if leaf.type == FieldDescriptor.TYPE_BYTES else text
    if leaf.is_repeated:
        getattr(target, leaf.name).append(value)
    else:
        setattr(target, leaf.name, value)
    return request


KEYS = matching.MatchKeys(external_customer_id=CSID)
HEAD = address.Address(type=address.ADDRESS_TYPE_TG, value="7")
OTHER = address.Address(type=address.ADDRESS_TYPE_VK, value=OTHER_VK)
MEMBER = member_service.MemberKey(head_id=1)
CSID_COLUMN = rows_pb2.AddressColumn(type=address.ADDRESS_TYPE_CSID)
DELIVERED = head_events.HeadEvent(
    head=member.HeadKey(head_id=1), delivered=head_events.HeadDelivered()
)
# Reads what is copied, be it there or not.
COPIED = datakey.DatakeyChange(path="a", mode=datakey.DATAKEY_MODE_SET_COPY, copy_path="a")

# message -> what it needs to be taken at all
FILLINGS: Mapping[str, Message] = {
    filling.DESCRIPTOR.name: filling
    for filling in (
        match_service.ResolveRequest(keys=KEYS),
        match_service.ResolveBatchRequest(items=[KEYS]),
        member.MemberChange(keys=KEYS, datakeys=[COPIED]),
        member.HeadAttach(head=HEAD),
        member_service.SetMemberRequest(change=member.MemberChange(keys=KEYS)),
        member_service.GetMemberRequest(keys=KEYS),
        member_service.GetDatasetRequest(dataset_id=1),
        member_service.MergeMembersRequest(
            receiver=KEYS, source=matching.MatchKeys(locators=[OTHER])
        ),
        member_service.UnmergeMembersRequest(merge_id=1),
        member_service.DeleteMembersRequest(members=[MEMBER]),
        member_service.RestoreMemberRequest(member=MEMBER),
        head_service.ListHeadsRequest(keys=KEYS),
        head_service.AttachHeadRequest(keys=KEYS, head=HEAD),
        head_service.DetachHeadRequest(head=member.HeadKey(head_id=1)),
        head_service.ReplaceHeadRequest(current=member.HeadKey(head_id=1), head=HEAD),
        head_service.RecordHeadEventsRequest(events=[DELIVERED]),
        DELIVERED,
        origin_service.DefineOriginRequest(label="a"),
        rows_pb2.ImportOptions(columns=[rows_pb2.ImportColumn(address=CSID_COLUMN)]),
        rows_pb2.ImportColumn(ignored=rows_pb2.IgnoredColumn()),
    )
}


def _fill(message: Message) -> None:
    """Gives a message what it needs to be taken at all."""
    name = message.DESCRIPTOR.name
    built: Any = message
    if "space" in message.DESCRIPTOR.fields_by_name:
        built.space.CopyFrom(SPACE)
    if name in FILLINGS:
        built.MergeFrom(FILLINGS[name])
    for field_name, value in DEFAULTS.get(name, {}).items():
        setattr(built, field_name, value)
