"""A resolution in a form that a person enjoys reading."""

from collections.abc import Iterable

from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from zmey.client.notation import type_name
from zmey.reasons import reason_name
from zmey.v1.matching_pb2 import (
    KEY_KIND_CONTACT_ID,
    KEY_KIND_DATASET_ID,
    KEY_KIND_EXTERNAL_CUSTOMER_ID,
    KEY_KIND_FIELD,
    KEY_KIND_HEAD_ID,
    KEY_KIND_LOCATOR,
    KEY_STATE_AGREES,
    KEY_STATE_BLOCKED,
    KEY_STATE_CONFLICT,
    KEY_STATE_INVALID,
    KEY_STATE_MATCHED,
    KEY_STATE_NOT_FOUND,
    KEY_STATE_NOT_IN_ORDER,
    KEY_STATE_PASSED_OVER,
    KeyKind,
    KeyReport,
    KeyState,
    MatchKeys,
    Resolution,
)

_STYLES: dict[KeyState, tuple[str, str, str]] = {
    KEY_STATE_MATCHED: ("✔", "bold green", "decided"),
    KEY_STATE_AGREES: ("✔", "green", "agrees"),
    KEY_STATE_NOT_FOUND: ("·", "dim", "nobody has it"),
    KEY_STATE_CONFLICT: ("✘", "bold red", "points at another member"),
    KEY_STATE_NOT_IN_ORDER: ("·", "dim", "not in the order"),
    KEY_STATE_INVALID: ("!", "yellow", "invalid"),
    KEY_STATE_BLOCKED: ("!", "yellow", "blocked, never matches"),
    KEY_STATE_PASSED_OVER: ("~", "yellow", "passed over"),
}
_UNKNOWN_STYLE = ("?", "yellow", "unknown to this version of zmey")

_KIND_NAMES: dict[KeyKind, str] = {
    KEY_KIND_CONTACT_ID: "contact id",
    KEY_KIND_EXTERNAL_CUSTOMER_ID: "external id",
    KEY_KIND_HEAD_ID: "head id",
    KEY_KIND_DATASET_ID: "dataset id",
}


def print_resolution(
    console: Console, keys: MatchKeys, resolution: Resolution, revision: int
) -> None:
    """Prints who was found and why."""
    console.print(resolution_view(keys, resolution))
    console.print(Text(f"at revision {revision:,}", style="dim"))


def resolution_view(keys: MatchKeys, resolution: Resolution) -> RenderableType:
    """Returns the headline, every key that was tried or matters, and redirects."""
    reports = resolution.explanation or (
        *([resolution.matched] if resolution.HasField("matched") else []),
        *resolution.conflicts,
        *resolution.unresolved,
    )
    parts: list[RenderableType] = [_headline(keys, resolution)]
    if reports:
        parts.append(key_table(keys, reports))
    parts += [
        Text(f"↪ {one.from_contact_id} was merged into {one.to_contact_id}", style="cyan")
        for one in resolution.redirects
    ]
    return Group(*parts)


def _headline(keys: MatchKeys, resolution: Resolution) -> Text:
    if not resolution.contact_id:
        return Text("Nobody found", style="bold yellow")
    text = Text(f"Member {resolution.contact_id}", style="bold green")
    if resolution.HasField("matched"):
        text.append(f", found by {_name(keys, resolution.matched)}", style="not bold default")
    if resolution.conflicts:
        others = sorted({report.contact_id for report in resolution.conflicts})
        names = ", ".join(map(str, others))
        text.append(f"; other keys point at {names}", style="not bold red")
    return text


def key_table(keys: MatchKeys, reports: Iterable[KeyReport]) -> Table:
    """Returns a row for each key: what was given, how it was read and what became of it."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("", "key", "given", "read as", "member", "verdict"):
        table.add_column(title, justify="right" if title == "member" else "left")
    for report in reports:
        sign, style, verdict = _STYLES.get(report.state, _UNKNOWN_STYLE)
        given = _given(keys, report)
        canonical = report.address.value
        table.add_row(
            Text(sign, style=style),
            Text(_name(keys, report)),
            Text(given),
            Text("=" if canonical == given else canonical, style="cyan"),
            Text(str(report.contact_id) if report.contact_id else "-"),
            Text(_verdict(report, verdict), style=style),
        )
    return table


def _verdict(report: KeyReport, verdict: str) -> str:
    if report.message:
        return f"{verdict}: {report.message}"
    if report.reason:
        return f"{verdict}: {reason_name(report.reason).lower().replace('_', ' ')}"
    if report.state == KEY_STATE_NOT_FOUND and report.head_id:
        return f"{verdict} now (head {report.head_id})"
    return verdict


def _name(keys: MatchKeys, report: KeyReport) -> str:
    if report.kind == KEY_KIND_LOCATOR:
        if report.address.type:
            return type_name(report.address.type)
        if report.index < len(keys.locators) and keys.locators[report.index].type:
            return type_name(keys.locators[report.index].type)
        return "locator"
    if report.kind == KEY_KIND_FIELD and report.index < len(keys.fields):
        return keys.fields[report.index].path
    return _KIND_NAMES.get(report.kind, "key")


def _given(keys: MatchKeys, report: KeyReport) -> str:
    """Returns what the caller sent: the answer names keys by position."""
    if report.kind == KEY_KIND_LOCATOR and report.index < len(keys.locators):
        return keys.locators[report.index].value
    if report.kind == KEY_KIND_FIELD and report.index < len(keys.fields):
        return keys.fields[report.index].value
    values = {
        KEY_KIND_CONTACT_ID: str(keys.contact_id),
        KEY_KIND_EXTERNAL_CUSTOMER_ID: keys.external_customer_id,
        KEY_KIND_HEAD_ID: str(keys.head_id),
        KEY_KIND_DATASET_ID: str(keys.dataset_id),
    }
    return values.get(report.kind, "")
