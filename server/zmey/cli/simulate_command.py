"""`zmey spaces simulate`: what a policy would do to the members that are there."""

import sys
from dataclasses import dataclass
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from zmey.cli.exits import FINDINGS
from zmey.cli.grouped import grouped
from zmey.cli.json_text import message_json
from zmey.cli.options import DeadlineOption, JsonOption, SpaceOptions
from zmey.cli.policies import read_policy
from zmey.cli.spaces_commands import ChangesArgument, FileOption
from zmey.reasons import reason_name
from zmey.v1.admin_service_pb2 import (
    FindingKind,
    GetPolicyRequest,
    PolicyFinding,
    SimulatePolicyRequest,
    SimulatePolicyResponse,
)

# All members are read, about half a million a second.
SIMULATION_DEADLINE_SECONDS = 600.0
FINDINGS_DEFAULT = 20

_PREFIX = "FINDING_KIND_"
_WORDS = {
    FindingKind.FINDING_KIND_INVALID: "address would be refused",
    FindingKind.FINDING_KIND_BLOCKED: "address would be blocked",
    FindingKind.FINDING_KIND_MERGE: "members would be one",
    FindingKind.FINDING_KIND_JOIN: "heads of a member would be one",
    FindingKind.FINDING_KIND_VALUE_SHARED: "unique value is shared",
    FindingKind.FINDING_KIND_OVER_LIMIT: "more heads than allowed",
    FindingKind.FINDING_KIND_SPELLING: "spelling would change",
}

FindingsOption = Annotated[
    int,
    typer.Option("--findings", min=1, max=1_000, help="Findings to list; counts are of all."),
]
PageOption = Annotated[
    str, typer.Option("--page", metavar="TOKEN", help="Go on with the list behind this page.")
]


@dataclass(frozen=True)
class SimulationOptions(SpaceOptions):
    """Which space of which server is simulated, and how long that may take."""

    deadline: DeadlineOption = SIMULATION_DEADLINE_SECONDS


@grouped
def simulate(
    *,
    changes: ChangesArgument = None,
    file: FileOption = None,
    findings: FindingsOption = FINDINGS_DEFAULT,
    page: PageOption = "",
    as_json: JsonOption = False,
    server: SimulationOptions,
) -> None:
    """Tell what a policy would do to the members that are there; nothing is written.

    The policy is given as for [bold]zmey spaces set[/]. Exits with 0 where every member would stay
    as it is, spelling aside, and with 4 where one would not.

    [bold]Examples[/]

      zmey spaces simulate phone_rule=valid heads_per_type_max.email=3

      zmey spaces simulate --file policy.toml --json && zmey spaces set --file policy.toml
    """
    space = server.space
    with server.connect() as client:
        state = client.admin.GetPolicy(GetPolicyRequest(space=space), timeout=server.deadline).state
        request = SimulatePolicyRequest(
            space=space,
            policy=read_policy(file, changes, state.policy),
            findings_max=findings,
            page_token=page,
        )
        response = client.admin.SimulatePolicy(request, timeout=server.deadline)
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
    else:
        _print_simulation(response)
    harmless = FindingKind.FINDING_KIND_SPELLING
    if any(count.kind != harmless for count in response.counts):
        raise typer.Exit(FINDINGS)


def _print_simulation(response: SimulatePolicyResponse) -> None:
    console = Console(highlight=False)
    console.print(f"{response.members:,} members with {response.heads:,} heads were read")
    if not response.counts:
        console.print("[bold green]nothing would change[/]")
        return
    table = _table("what", "findings", "members", right=("findings", "members"))
    for count in response.counts:
        table.add_row(_WORDS[count.kind], f"{count.findings:,}", f"{count.members:,}")
    console.print(table)
    if response.findings:
        console.print()
        listed = _table("member", "head", "what", "why", right=("member", "head"))
        for finding in response.findings:
            listed.add_row(
                str(finding.contact_id),
                str(finding.head_id or ""),
                FindingKind.Name(finding.kind).removeprefix(_PREFIX).lower(),
                escape(_why(finding)),
            )
        console.print(listed)
    if response.next_page_token:
        console.print(f"… more with --page {response.next_page_token}")


def _why(finding: PolicyFinding) -> str:
    words = []
    if finding.HasField("reason"):
        given = sorted(finding.reason.details.items())
        details = ", ".join(f"{key}={value}" for key, value in given)
        words.append(f"{reason_name(finding.reason.reason)} ({details})")
    elif finding.other_contact_id:
        words.append(f"like head {finding.other_head_id} of member {finding.other_contact_id}")
    elif finding.other_head_id:
        words.append(f"like its head {finding.other_head_id}")
    if finding.HasField("address"):
        words.append(finding.address.value)
    return ": ".join(words)


def _table(*titles: str, right: tuple[str, ...]) -> Table:
    table = Table(box=None, padding=(0, 3, 0, 0), header_style="dim")
    for title in titles:
        table.add_column(title, justify="right" if title in right else "left")
    return table
