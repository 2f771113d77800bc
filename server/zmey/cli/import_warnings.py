"""Shows what an import or a probe warns of as a whole: guesses, columns that nobody reads."""

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.text import Text

from zmey.cli.exits import reason_text
from zmey.reasons import reason_name
from zmey.v1.member_pb2 import Warning as FileWarning


def print_warnings(console: Console, warnings: Iterable[FileWarning]) -> None:
    """Prints warnings, each with its reason for programs below it."""
    for warning in warnings:
        console.print(Text.assemble(("warning", "yellow"), " ", warning.message))
        reason = reason_text(reason_name(warning.reason), details_of(warning.details))
        console.print(Text.assemble("  ", (reason, "dim")))


def warnings_json(warnings: Iterable[FileWarning]) -> list[dict[str, Any]]:
    """Returns warnings for programs."""
    return [
        {
            "reason": reason_name(warning.reason),
            "message": warning.message,
            "details": details_of(warning.details),
        }
        for warning in warnings
    ]


def details_of(details: Mapping[str, str]) -> dict[str, str]:
    """Returns the details of a fault or warning in an order that stays."""
    return dict(sorted(details.items()))
