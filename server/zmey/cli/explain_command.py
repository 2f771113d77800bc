"""`zmey explain`: tells why something was done, or would be."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console
from rich.markup import escape

from zmey.cli.exits import UsageError, reason_text
from zmey.cli.explain import key_table
from zmey.cli.grouped import grouped
from zmey.cli.json_text import message_json
from zmey.cli.options import UINT64_MAX, JsonOption, SpaceOptions
from zmey.reasons import reason_name
from zmey.v1.explanation_pb2 import (
    CHANGE_ORIGIN_IMPORT,
    AppliedRule,
    Change,
    DecisionRole,
    ExplainedDecision,
    HeadDifference,
)
from zmey.v1.match_service_pb2 import ExplainDecisionRequest, ExplainDecisionResponse
from zmey.v1.matching_pb2 import MatchKeys

if TYPE_CHECKING:
    from zmey.v1.member_pb2 import Warning as MemberWarning


@grouped
def explain(
    *,
    revision: Annotated[
        int | None,
        typer.Argument(
            metavar="[REVISION]",
            min=1,
            max=UINT64_MAX,
            help="The revision of a change.",
            show_default=False,
        ),
    ] = None,
    request_id: Annotated[
        str, typer.Option("--request-id", help="The id of a request of the last 24 hours.")
    ] = "",
    as_json: JsonOption = False,
    server: SpaceOptions,
) -> None:
    """Tell why something was done: which key won, which lost, which rules applied.

    Every change has a revision, and every answer to a write names it. What a change would do is
    told by [bold]zmey set … --explain[/].

    [bold]Examples[/]

      zmey explain 1042

      zmey explain --request-id order-17
    """
    if (revision is None) == (not request_id):
        message = "Give the revision of a change or --request-id, one of them."
        raise UsageError(message)
    request = ExplainDecisionRequest(
        space=server.space,
        revision=revision,
        request_id=request_id or None,
    )
    with server.connect() as client:
        response = client.matches.ExplainDecision(request, timeout=server.deadline)
    print_explanation(response, None, as_json=as_json)


def print_explanation(
    response: ExplainDecisionResponse, planned: MatchKeys | None, *, as_json: bool
) -> None:
    """Prints why something was done; with `planned` keys why something would be."""
    if as_json:
        sys.stdout.buffer.write(message_json(response) + b"\n")
        return
    console = Console(highlight=False)
    explanation = response.explanation
    if response.HasField("fault"):
        fault = response.fault
        why = f"{fault.message} {reason_text(reason_name(fault.reason), fault.details)}"
        console.print(f"[bold red]would be refused[/]: {escape(why)}")
    for decision in explanation.decisions:
        console.print(_decision_line(decision))
        console.print(key_table(planned or MatchKeys(), decision.keys))
    for rule in explanation.rules:
        console.print(_rule_line(rule))
    # The generated types take the message Warning for the built-in exception.
    for warning in cast("list[MemberWarning]", explanation.warnings):
        reason = reason_name(warning.reason)
        console.print(f"[yellow]warning[/]: {escape(warning.message)} ({reason})")
    for change in response.changes:
        console.print(_change_line(change, explanation.operation, planned=planned is not None))
        for head in change.heads:
            console.print(_head_line(head))
        for datakey in change.datakeys:
            before, after = (text.decode() or "-" for text in (datakey.before, datakey.after))
            console.print(f"  {escape(datakey.key)}: {escape(before)} → {escape(after)}")
    if not response.changes and not response.HasField("fault"):
        would_be = "would be" if planned else "was"
        console.print(f"Nothing {would_be} changed: all was as it should be.")


def _decision_line(decision: ExplainedDecision) -> str:
    role = DecisionRole.Name(decision.role).removeprefix("DECISION_ROLE_").lower()
    who = "" if role == "unspecified" else f"{role}: "
    if not decision.contact_id:
        return f"[bold yellow]{who}nobody found[/]"
    via = "".join(
        f" [cyan]({one.from_contact_id} was merged into {one.to_contact_id})[/]"
        for one in decision.redirects
    )
    return f"[bold green]{who}member {decision.contact_id}[/]{via}"


def _rule_line(rule: AppliedRule) -> str:
    value = f" {rule.value}" if rule.value else ""
    place = f" (head {rule.index} of the request)" if rule.rule.startswith("head_rule") else ""
    return f"[bold]{rule.rule}[/]{value}{place}: {escape(rule.message)}"


def _change_line(change: Change, operation: str, *, planned: bool) -> str:
    who = f"member {change.contact_id}" if change.contact_id else "an identifier of nobody"
    if change.erased:
        gone = "was erased; nothing is left of what the change did"
        return f"[bold]revision {change.revision:,}[/]: {who} {gone}"
    what = "created" if change.created else "ended" if change.ended else "changed"
    by = "an import" if change.origin == CHANGE_ORIGIN_IMPORT else operation or "SetMember"
    if planned:
        return f"[bold]as revision {change.revision:,}[/]: {who} would be {what} by {by}"
    when = datetime.fromtimestamp(change.time_seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    leads = (
        f"; its number leads to {change.successor_contact_id}"
        if change.successor_contact_id
        else ""
    )
    return (
        f"[bold]revision {change.revision:,}[/]: {who} {what} by {by}, "
        f"version {change.version}, {when}{leads}"
    )


def _head_line(difference: HeadDifference) -> str:
    signs = {(False, True): "+", (True, False): "-"}
    sign = signs.get((difference.HasField("before"), difference.HasField("after")), "~")
    shown = difference.head.address.value or f"head {difference.head.id}"
    return f"  {sign} {escape(shown)}"
