"""What crosses the border: the dataclass twins which the Rust core reads by attribute name.

They hold checked, plain values and know nothing of files, environment or flags.
"""

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class FieldConfig:
    """A custom field by which members can be matched.

    Attributes:
        path: the datakey path, such as "crm.id".
        kind: how values compare.
        unique: whether two members may not have the same value.
    """

    path: str
    kind: Literal["string", "int", "tags"]
    unique: bool


@dataclass(frozen=True, slots=True)
class SpaceConfig:
    """One tenant's database.

    Attributes:
        account_id: the number of the account.
        db_id: the number of the database within the account.
        default_region: the region of phone numbers without a country code, such as "RU".
        phone_rule: which phone numbers of a known country are taken.
        email_national_domains: whether domains may have letters outside ASCII.
        email_national_local_parts: whether local parts may have letters outside ASCII.
        blocked: address type or "*" -> values that never match and never attach.
        time_zone: the IANA name of the zone in which `current` is evaluated.
        fields: the declared custom fields.
        email_substitutes: whether e-mails are opaque stand-ins for addresses.
        heads_per_member_max: how many heads a member may have.
        heads_per_type_max: address type -> how many heads of it a member may have.
        merge_heads_max: how many heads one merge may move.
        merge_bytes_max: how many bytes of data both members of a merge may have together.
        retention_days: how long deleted members are kept.
        versioning: whether a SetMember is refused whose member has changed since it arrived.
        confirm_free_per_month_max: e-mails that come in without confirmation in a month; 0 is no
            limit.
        members_max: members with whom e-mails come in without confirmation; 0 is no limit.
    """

    account_id: int
    db_id: int
    default_region: str | None
    phone_rule: Literal["valid", "possible"]
    email_national_domains: bool
    email_national_local_parts: bool
    blocked: dict[str, tuple[str, ...]]
    time_zone: str
    fields: tuple[FieldConfig, ...]
    email_substitutes: bool = False
    heads_per_member_max: int = 1_000
    heads_per_type_max: dict[str, int] = field(default_factory=dict)
    merge_heads_max: int = 1_000
    merge_bytes_max: int = 2 * 1024 * 1024
    retention_days: int = 30
    versioning: bool = False
    confirm_free_per_month_max: int = 0
    members_max: int = 0


@dataclass(frozen=True, slots=True)
class CoreConfig:
    """Everything that the core needs to open a store and work on it.

    Attributes:
        store_path: the directory of the store, or None for one in memory.
        map_bytes_initial: the size of the LMDB map of a new store.
        map_bytes_max: the size to which the map may grow.
        readers_max: how many snapshots may be open at once.
        commit_rows_max: how many rows share a commit at most.
        commit_bytes_max: how many bytes of requests share a commit at most.
        import_window_bytes: how many bytes of one import wait for their commit at most.
        spaces: the spaces that are served.
    """

    store_path: str | None
    map_bytes_initial: int
    map_bytes_max: int
    readers_max: int
    commit_rows_max: int
    commit_bytes_max: int
    import_window_bytes: int
    spaces: tuple[SpaceConfig, ...]
