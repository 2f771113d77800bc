"""`zmey serve`: every option of the settings as a flag, made from the settings themselves."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo

from zmey.cli.exits import CommandError, UsageError
from zmey.cli.grouped import keyword, with_parameters
from zmey.config import (
    CONFIG_VARIABLE,
    JSON_FLAGS,
    ConfigError,
    Settings,
    describe_default,
    is_hidden,
    load_settings,
)

_METAVARS: dict[object, str] = {int: "NUMBER", float: "SECONDS", str: "TEXT"}


def run_server(config: Path | None = None, **flags: Any) -> None:
    r"""Serve until SIGTERM or Ctrl-C, then let calls under way end.

    Every option has the same name in a TOML file, in the environment and as a flag:
    [bold]drain_seconds = 5[/], [bold]ZMEY_DRAIN_SECONDS=5[/], [bold]--drain-seconds 5[/].
    Flags win over the environment, the environment over the file.

    [bold]Examples[/]

      zmey serve

      zmey serve --config zmey.toml --listen-address 127.0.0.1:7000

      zmey serve --spaces '\[{"account_id": 1, "db_id": 1, "default_region": "RU"}]'
    """
    # Here, because a server takes as long to import as everything else: no other command needs one.
    from zmey.bridge import BridgeError, BridgeThread  # noqa: PLC0415
    from zmey.server import StartError, serve  # noqa: PLC0415

    try:
        settings = load_settings(config, flags)
    except ConfigError as error:
        raise UsageError("\n  ".join(error.problems)) from error
    try:
        serve(settings, BridgeThread if settings.bridge else None)
    except (StartError, BridgeError) as error:
        raise CommandError(str(error)) from error


def serve_command() -> Callable[..., None]:
    """Returns `run_server` with a parameter for each option, as typer reads them."""

    def command(**values: Any) -> None:
        run_server(values.pop("config"), **values)

    parameters = [config_parameter()]
    parameters += [option_parameter(name, field) for name, field in Settings.model_fields.items()]
    return with_parameters(command, parameters, run_server.__doc__)


def config_parameter() -> inspect.Parameter:
    """Makes the flag of the file."""
    option = typer.Option(
        "--config",
        envvar=CONFIG_VARIABLE,
        metavar="FILE",
        help="TOML file with any of the options below.",
    )
    return keyword("config", Annotated[Path | None, option])


def option_parameter(name: str, field: FieldInfo, *more_flags: str) -> inspect.Parameter:
    """Makes the flag of one option; values stay text, so that only the settings check them."""
    flag = "--" + name.replace("_", "-")
    # Defaults and descriptions are shown to people: brackets are no markup.
    description = (field.description or "").replace("[", "\\[")
    if field.annotation is bool:
        option = typer.Option(
            f"{flag}/--no-{flag.removeprefix('--')}",
            help=description,
            show_default=describe_default(name, field),
            hidden=is_hidden(field),
        )
        return keyword(name, Annotated[bool | None, option])
    option = typer.Option(
        *more_flags,
        flag,
        metavar=_metavar(name, field),
        help=description,
        show_default=describe_default(name, field),
        hidden=is_hidden(field),
    )
    return keyword(name, Annotated[str | None, option])


def _metavar(name: str, field: FieldInfo) -> str:
    if name in JSON_FLAGS:
        return "JSON"
    if name.endswith("_address"):
        return "HOST:PORT"
    if name.endswith(("_path", "_folder")):
        return "DIRECTORY"
    if name.endswith("_file"):
        return "FILE"
    return _METAVARS.get(field.annotation, "TEXT")
