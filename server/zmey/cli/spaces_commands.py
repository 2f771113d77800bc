"""`zmey spaces`: the spaces of a server or of a closed store, and their policies."""

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zmey import _native
from zmey.cli.exits import FAILURE, stderr
from zmey.cli.grouped import grouped
from zmey.cli.options import (
    UINT64_MAX,
    JsonOption,
    ServerOptions,
    SpaceOptions,
    ValidateOnlyOption,
)
from zmey.cli.policies import field_options, options_of, read_policy
from zmey.client import Client
from zmey.v1.admin_service_pb2 import (
    FieldState,
    FieldStatus,
    GetPolicyRequest,
    ListSpacesRequest,
    PolicyOutcome,
    PolicySource,
    ResetPolicyRequest,
    SpaceState,
    UpdatePolicyRequest,
)
from zmey.v1.member_pb2 import WriteOptions
from zmey.v1.space_pb2 import Space

POLL_SECONDS = 0.2

StoreArgument = Annotated[
    Path | None,
    typer.Argument(metavar="[STORE]", help="Directory of a closed store; else ask the server."),
]
ChangesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[KEY=VALUE]...", help="Options, as a configuration has them."),
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="POLICY.toml", help="The whole policy, as shown by show."),
]
VersionOption = Annotated[
    int | None,
    typer.Option(
        "--expected-version",
        min=0,
        max=UINT64_MAX,
        help="Only if the policy has this policy_version.",
    ),
]
WaitOption = Annotated[bool, typer.Option("--wait", help="Wait until no index is being built.")]


@grouped
def list_spaces(
    *,
    store: StoreArgument = None,
    as_json: JsonOption = False,
    server: ServerOptions,
) -> None:
    """List the spaces of a server, or of a closed store with how much is in them.

    [bold]Examples[/]

      zmey spaces list

      zmey spaces list /var/lib/zmey --json
    """
    if store is not None:
        _list_store(store, as_json)
        return
    with server.connect() as client:
        states = client.admin.ListSpaces(ListSpacesRequest(), timeout=server.deadline).spaces
    if as_json:
        _write_json([_state_json(state) for state in states])
        return
    table = _table("account", "db", "policy", "from", "fields")
    for state in states:
        table.add_row(
            str(state.space.account_id),
            str(state.space.db_id),
            str(state.policy_version),
            _source(state),
            ", ".join(_field_words(field) for field in state.fields),
        )
    Console(highlight=False).print(table)


@grouped
def show(*, as_json: JsonOption = False, server: SpaceOptions) -> None:
    """Show the policy of a space, its version and where it comes from.

    What is shown is TOML: kept in a file, it can be given to [bold]zmey spaces set --file[/].

    [bold]Examples[/]

      zmey spaces show

      zmey spaces show --db 2 > policy.toml
    """
    with server.connect() as client:
        state = _state(client, server.space, server.deadline)
    if as_json:
        _write_json(_state_json(state))
    else:
        _print_policy(state)


@grouped
def set_policy(
    *,
    changes: ChangesArgument = None,
    file: FileOption = None,
    expected_version: VersionOption = None,
    validate_only: ValidateOnlyOption = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    r"""Change the policy of a space while the server runs.

    KEY=VALUE changes single options of the present policy; --file replaces it as a whole. Values
    are TOML or bare words. From then on the policy of the store counts, not that of the
    configuration. Try a change with [bold]zmey spaces simulate[/] first.

    [bold]Examples[/]

      zmey spaces set default_region=RU retention_days=90 heads_per_type_max.email=5

      zmey spaces set 'fields=\[{path = "crm.id", unique = true}]'

      zmey spaces set --file policy.toml --expected-version 3
    """
    space = server.space
    with server.connect() as client:
        state = _state(client, space, server.deadline)
        request = UpdatePolicyRequest(
            space=space,
            policy=read_policy(file, changes, state.policy),
            # What was read is what is changed: nobody else's change is overwritten.
            expected_policy_version=(
                state.policy_version if expected_version is None else expected_version
            ),
            options=WriteOptions(validate_only=validate_only),
        )
        outcome = client.admin.UpdatePolicy(request, timeout=server.deadline).outcome
    _print_outcome(outcome, as_json=as_json, validated=validate_only)


@grouped
def reset(
    *,
    expected_version: VersionOption = None,
    validate_only: ValidateOnlyOption = False,
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Go back to the policy of the configuration.

    [bold]Examples[/]

      zmey spaces reset

      zmey spaces reset --db 2 --validate-only
    """
    request = ResetPolicyRequest(
        space=server.space,
        expected_policy_version=expected_version,
        options=WriteOptions(validate_only=validate_only),
    )
    with server.connect() as client:
        outcome = client.admin.ResetPolicy(request, timeout=server.deadline).outcome
    _print_outcome(outcome, as_json=as_json, validated=validate_only)


@grouped
def fields(*, wait: WaitOption = False, as_json: JsonOption = False, server: SpaceOptions) -> None:
    """Show the custom fields of a space and how far their indexes are.

    Exits with 1 where a unique field has values that two members share.

    [bold]Examples[/]

      zmey spaces fields

      zmey spaces fields --wait --json
    """
    space = server.space
    with server.connect() as client, stderr.status("reading") as status:
        state = _state(client, space, server.deadline)
        while wait and any(_is_moving(field) for field in state.fields):
            status.update(", ".join(_field_words(field) for field in state.fields))
            time.sleep(POLL_SECONDS)
            state = _state(client, space, server.deadline)
    if as_json:
        _write_json([_field_json(field) for field in state.fields])
    else:
        _print_fields(state)
    if any(field.state == FieldState.FIELD_STATE_FAILED for field in state.fields):
        raise typer.Exit(FAILURE)


def _state(client: Client, space: Space, deadline: float) -> SpaceState:
    return client.admin.GetPolicy(GetPolicyRequest(space=space), timeout=deadline).state


def _source(state: SpaceState) -> str:
    return PolicySource.Name(state.source).removeprefix("POLICY_SOURCE_").lower()


def _field_state(field: FieldStatus) -> str:
    return FieldState.Name(field.state).removeprefix("FIELD_STATE_").lower()


def _is_moving(field: FieldStatus) -> bool:
    return field.state in (FieldState.FIELD_STATE_BUILDING, FieldState.FIELD_STATE_DROPPING)


def _field_words(field: FieldStatus) -> str:
    described = field_options(field.field)
    words = [described["kind"], *(["unique"] if described["unique"] else [])]
    if field.state == FieldState.FIELD_STATE_BUILDING:
        words.append(f"building {field.done:,} of {field.total:,}")
    elif field.state != FieldState.FIELD_STATE_READY:
        words.append(_field_state(field))
    return f"{described['path']} ({', '.join(words)})"


def _field_json(field: FieldStatus) -> dict[str, Any]:
    return {
        **field_options(field.field),
        "state": _field_state(field),
        "done": field.done,
        "total": field.total,
        "conflicts": [[pair.contact_id, pair.other_contact_id] for pair in field.conflicts],
        "conflicts_total": field.conflicts_total,
    }


def _state_json(state: SpaceState) -> dict[str, Any]:
    return {
        "account_id": state.space.account_id,
        "db_id": state.space.db_id,
        "policy_version": state.policy_version,
        "source": _source(state),
        "changed_seconds": state.changed.time_seconds,
        "policy": options_of(state.policy),
        "fields": [_field_json(field) for field in state.fields],
    }


def _print_policy(state: SpaceState) -> None:
    name_of = f"account {state.space.account_id}, db {state.space.db_id}"
    version = f"policy version {state.policy_version}, from the {_source_words(state)}"
    lines = [f"# {name_of}: {version}"]
    lines += [
        f"{name} = {_toml(value)}"
        for name, value in options_of(state.policy).items()
        if value is not None
    ]
    sys.stdout.write("\n".join(lines) + "\n")


def _source_words(state: SpaceState) -> str:
    if state.source == PolicySource.POLICY_SOURCE_STORED:
        return "store (zmey spaces reset goes back to the configuration)"
    return "configuration"


def _toml(value: Any) -> str:
    """Writes a value as TOML; JSON differs in objects only."""
    if isinstance(value, dict):
        pairs = [f"{_toml(str(name))} = {_toml(inner)}" for name, inner in value.items()]
        return "{ " + ", ".join(pairs) + " }" if pairs else "{}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(inner) for inner in value) + "]"
    return orjson.dumps(value).decode()


def _print_outcome(outcome: PolicyOutcome, *, as_json: bool, validated: bool) -> None:
    if as_json:
        _write_json({"changed": outcome.changed, **_state_json(outcome.state)})
        return
    done = "would be" if validated else "is"
    version = outcome.state.policy_version
    console = Console(highlight=False)
    if outcome.changed:
        console.print(f"changed: the policy {done} version {version}", markup=False)
    else:
        console.print(f"unchanged: the policy is version {version}", markup=False)
    for field in outcome.state.fields:
        if _is_moving(field):
            console.print(f"  {escape(_field_words(field))}")


def _print_fields(state: SpaceState) -> None:
    table = _table("field", "kind", "unique", "state", "done", "of", right=("done", "of"))
    for field in state.fields:
        described = field_options(field.field)
        table.add_row(
            escape(described["path"]),
            described["kind"],
            "yes" if described["unique"] else "",
            _field_state(field),
            f"{field.done:,}",
            f"{field.total:,}",
        )
    console = Console(highlight=False)
    console.print(table)
    for field in state.fields:
        for pair in field.conflicts:
            console.print(
                f"{escape(field.field.path)}: members {pair.contact_id} and "
                f"{pair.other_contact_id} share a value"
            )
        hidden = field.conflicts_total - len(field.conflicts)
        if hidden:
            console.print(f"… and {hidden:,} more")


def _list_store(store: Path, as_json: bool) -> None:
    found = _native.spaces(str(store))
    if as_json:
        _write_json(found)
        return
    titles = ("account", "db", "members", "addresses", "fields")
    table = _table(*titles, right=titles[:-1])
    for space in found:
        fields_of = [
            f"{field['path']} ({field['kind']}{', unique' if field['unique'] else ''})"
            for field in space["fields"]
        ]
        table.add_row(
            str(space["account_id"]),
            str(space["db_id"]),
            f"{space['members']:,}",
            f"{space['addresses']:,}",
            escape(", ".join(fields_of)),
        )
    Console(highlight=False).print(table)


def _table(*titles: str, right: tuple[str, ...] = ("account", "db", "policy")) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left")
    return table


def _write_json(value: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
