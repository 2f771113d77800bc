"""Whole documents of members: written through the API, read back as canonical text."""

from collections.abc import Sequence

from reference.datakeys import Change
from reference.json_tree import dump, parse
from support.core import Api
from support.requests import change, datakey_change, keys
from zmey.v1 import datakey_pb2 as datakey
from zmey.v1 import matching_pb2 as matching
from zmey.v1 import member_pb2 as member

__all__ = ["create", "document", "escape", "write"]


def escape(name: str) -> str:
    """Writes a name as one element of a path."""
    return "".join(f"\\{character}" if character in ".[]\\" else character for character in name)


def create(api: Api, email: str, text: str) -> int:
    """Creates a member with a document; returns its contact id."""
    tree = parse(text)
    assert isinstance(tree, dict)
    changes = [Change(escape(name), "set", dump(value)) for name, value in tree.items()]
    return write(api, email, changes).contact_id


def write(
    api: Api, email: str, changes: Sequence[Change], copy: datakey.CopySource | None = None
) -> member.MemberOutcome:
    """Applies changes to the member with an e-mail and asks for the fresh document."""
    described = [datakey_change(one) for one in changes]
    return api.set_member(change(keys(f"email={email}"), described, copy=copy, return_fresh=True))


def document(api: Api, who: matching.MatchKeys | str) -> str:
    """Reads a whole document, by keys or by e-mail."""
    answer = api.get_member(keys(f"email={who}") if isinstance(who, str) else who, "*")
    (value,) = answer.member.values
    assert value.path == "*"
    return dump(parse(value.value))
