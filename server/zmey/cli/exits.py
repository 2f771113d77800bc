"""How a command fails: one or two lines on stderr that name the fix, and an exit code."""

from collections.abc import Mapping
from typing import Any

import grpc
from rich.console import Console
from typer import Exit
from typer.core import TyperGroup

from zmey._native import CoreError
from zmey.client import CallFault, NotationError, fault_of

FAILURE = 1
USAGE = 2
UNAVAILABLE = 3
FINDINGS = 4

NO_SERVER = (
    "No server answers. Start one with `zmey serve`, or name another with --address HOST:PORT."
)

stderr = Console(stderr=True, highlight=False, soft_wrap=True)


class CommandError(Exception):
    """A command that cannot go on.

    Attributes:
        message: what is wrong and what to do.
        exit_code: one of FAILURE, USAGE, UNAVAILABLE.
    """

    def __init__(self, message: str, exit_code: int = FAILURE) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code


class UsageError(CommandError):
    """Arguments that make no sense."""

    def __init__(self, message: str) -> None:
        super().__init__(message, USAGE)


class GuardedGroup(TyperGroup):
    """Turns what a command raises into lines on stderr and an exit code, never a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Runs a command."""
        try:
            return super().invoke(ctx)
        except CommandError as error:
            message, code = error.message, error.exit_code
        except NotationError as error:
            message, code = str(error), USAGE
        except CoreError as error:
            message, code = error.message, FAILURE
        except grpc.RpcError as error:
            message, code = describe_fault(fault_of(error))
        stderr.print(f"[bold red]zmey:[/] {_escape(message)}")
        raise Exit(code)


def describe_fault(fault: CallFault) -> tuple[str, int]:
    """Says in words what a failed call means, and the exit code for it."""
    if fault.reason:
        code = UNAVAILABLE if fault.code is grpc.StatusCode.UNAVAILABLE else FAILURE
        reason = fault.reason.removeprefix("ERROR_REASON_")
        return f"{fault.message}\n  {reason_text(reason, fault.details)}", code
    if fault.code is grpc.StatusCode.UNAVAILABLE:
        return NO_SERVER, UNAVAILABLE
    if fault.code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return "No answer in time. Give it longer with --deadline SECONDS.", FAILURE
    if fault.code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return f"The server has too much to do ({fault.message}). Try again in a moment.", FAILURE
    return f"{fault.code.name}: {fault.message}", FAILURE


def reason_text(reason: str, details: Mapping[str, str]) -> str:
    """Returns a reason with its details, for people."""
    shown = ", ".join(f"{name}={value}" for name, value in sorted(details.items()))
    return f"{reason} ({shown})" if shown else reason


def _escape(text: str) -> str:
    return text.replace("[", "\\[")
