"""One process that does one operation on a store: `python torture_operations.py STORE NAME`.

The store was made by `prepare`, so that opening it writes nothing: everything that is written is of
the operation. Killed anywhere, it must have done all of it or nothing.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.core import Api, open_core, space_config
from support.imports import datakey_column, email_column, run_import
from support.people import heads_of
from support.requests import (
    address,
    change,
    data_rule,
    event,
    head_key,
    keys,
    member_key,
    ruled,
    sets,
)
from zmey._native import CoreError
from zmey.config import FieldConfig

__all__ = ["OPERATIONS", "open_store", "prepare", "state"]

MEMBERS = 9
LARGE = '"' + "x" * 200_000 + '"'
MOVED = data_rule(level=1, has_has="MOVE", has_miss="MOVE")
TRANSPLANT = "MERGE_HEAD_RULE_TRANSPLANT"


def email(number: int) -> str:
    """The e-mail of a member that `prepare` makes."""
    return f"email=p{number}@example.com"


def open_store(store: Path) -> Api:
    """Opens the store with a unique field, whose index is one more thing that must agree."""
    fields = (FieldConfig("crm.id", "string", unique=True),)
    return Api(open_core([space_config(1, fields=fields), space_config(2)], store))


def prepare(store: Path) -> None:
    """Makes members 1 to 6, merges 6 into 5, deletes 4, and closes the store."""
    api = open_store(store)
    for number in range(1, 7):
        data = sets(**{"crm.id": f'"c{number}"', "n": str(number), "large": LARGE})
        heads = [f"csid=c{number}", f"msisdn=+7912123450{number}"]
        api.set_member(change(keys(email(number)), data, heads=heads))
    api.merge_members(keys(email(5)), keys(contact_id=6), head_rule=TRANSPLANT, data_rule=MOVED)
    api.delete_members(member_key("contact=4"))
    api.core.close()


def _merge_id(api: Api) -> int:
    return api.list_merges(5).merges[0].merge_id


OPERATIONS: dict[str, Callable[[Api], Any]] = {
    "create": lambda api: api.set_member(
        change(keys("email=new@example.com"), sets(large=LARGE), heads=["tg=5", "vk=5"])
    ),
    "update": lambda api: api.set_member(
        change(keys(email(1)), sets(**{"crm.id": '"other"', "-group.news": '"1"'}), heads=["tg=5"])
    ),
    "heads by rules": lambda api: api.set_member(
        change(
            keys(email(1)),
            sets(n="9"),
            heads=[
                ruled(email(2), multi="REPLACE", rule=MOVED),
                ruled("csid=c3", multi="TRANSPLANT"),
                ruled("tg=5", newbie="REPLACE_SAME_TYPE"),
            ],
        )
    ),
    "restore by external id": lambda api: api.set_member(change(keys(csid="c4"), sets(n="9"))),
    "a batch": lambda api: api.set_members(
        [change(keys(email(number)), sets(n="9")) for number in range(1, 40)]
    ),
    "import": lambda api: run_import(
        api,
        [email_column(), datakey_column("n")],
        [[[f"p{number}@example.com", "9"] for number in range(1, 400)]],
        import_id="i-1",
    ),
    "attach": lambda api: api.attach_head(keys(email(1)), address("tg=5")),
    "detach": lambda api: api.detach_head(head_key(email(1))),
    "split": lambda api: api.detach_head(head_key(email(1)), split=True),
    "replace": lambda api: api.replace_head(head_key(email(1)), address("tg=5")),
    "merge": lambda api: api.merge_members(
        keys(email(1)), keys(contact_id=2), head_rule=TRANSPLANT, data_rule=MOVED
    ),
    "unmerge": lambda api: api.unmerge_members(_merge_id(api)),
    "delete": lambda api: api.delete_members(
        *(member_key(email(number)) for number in (1, 2, 3)), wipe=True
    ),
    "events": lambda api: api.record_head_events(
        *(
            event(who, 1_700_000_000, unsubscribed={})
            for who in (email(1), email(4), "email=unseen@example.com")
        )
    ),
    "erase": lambda api: api.erase_member(member_key(email(5))),
    "origin": lambda api: api.define_origin("web form"),
    "restore": lambda api: api.restore_member(member_key("contact=4")),
}


def state(store: Path) -> list[Any]:
    """Returns what a reader sees of all members, without times."""
    api = open_store(store)
    seen: list[Any] = [_member(api, number) for number in range(1, MEMBERS)]
    seen += [api.resolve(keys(fields=[("crm.id", f"c{number}")])).contact_id for number in range(7)]
    seen.append([(one.number, one.label) for one in api.list_origins().origins])
    seen.append([(one.merge_id, one.HasField("undone")) for one in api.list_merges(5).merges])
    api.core.close()
    return seen


def _member(api: Api, number: int) -> Any:
    try:
        found = api.get_member(
            keys(contact_id=number),
            "*",
            "-group",
            "member.stoplist",
            missing_too=True,
            with_stoplist="STOPLIST_FORM_ALL",
        )
    except CoreError:
        return None
    values = [value.value for value in found.member.values]
    heads = None if found.missing else heads_of(api, number)
    return found.member.contact_id, found.missing, found.member.version, heads, values


def main() -> None:
    """Does the operation and ends without closing anything."""
    store, name = sys.argv[1:]
    OPERATIONS[name](open_store(Path(store)))
    os._exit(0)


if __name__ == "__main__":
    main()
