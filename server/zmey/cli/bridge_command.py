"""`zmey bridge`: its flags are the options that concern a bridge."""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from zmey.cli.exits import CommandError, UsageError
from zmey.cli.grouped import keyword, with_parameters
from zmey.cli.options import ADDRESS_DEFAULT, AddressOption
from zmey.cli.serve_command import config_parameter, option_parameter
from zmey.config import ConfigError, Settings, load_settings

# Options of the server that a process of any kind has.
SHARED = ("log_level", "log_format")


def bridge_to_server(config: Path | None, address: str, **flags: str | bool | None) -> None:
    """Import messages of RabbitMQ: database_import in, database_import_result out.

    A client of a running server; [bold]zmey serve --bridge[/] does it within one.
    Queues that are missing are made. Messages are those of Altcraft:

      {"account_id": 1, "db_id": 1, "email": "ann@example.org",
       "data": {"_fname": "Ann"}, "feedback_id": "order-17"}

    Each is answered with error 0 and a profile_id, or with why not:

      400 malformed, and set aside in database_import_dead

      403 no such database; 404 nobody, and update_only

      409 conflict; 422 an invalid value; 503 no server for a minute

    Errors go to job_server.log, too. A message is acknowledged when its result
    is confirmed. Give messages a message_id or a feedback_id: one that comes
    twice within 24 hours has one effect then, and the same answer.

    Metrics are at --bridge-metrics-address: depth, rate, lag, messages set aside.

    Options are flags, ZMEY_ variables or a TOML file, as for [bold]zmey serve[/];
    --config takes Altcraft's main.json, too, and the environment its names
    RABBITMQ_HOST, _VHOST, _USER, _PASS and _X_MESSAGE_TTL.

    [bold]Examples[/]

      zmey bridge

      zmey bridge --address 10.0.0.5:50051 --bridge-host rabbit --bridge-vhost crm

      RABBITMQ_X_MESSAGE_TTL=3600 zmey bridge --config main.json
    """
    # Here for the reason that `run_server` gives.
    from zmey.bridge import BridgeError, run_bridge  # noqa: PLC0415

    try:
        settings = load_settings(config, flags)
    except ConfigError as error:
        raise UsageError("\n  ".join(error.problems)) from error
    try:
        run_bridge(settings, address)
    except BridgeError as error:
        raise CommandError(str(error)) from error


def bridge_command() -> Callable[..., None]:
    """Returns `bridge_to_server` with a parameter for each option, as typer reads them."""

    def command(**values: Any) -> None:
        bridge_to_server(values.pop("config"), values.pop("address"), **values)

    names = [name for name in Settings.model_fields if name.startswith("bridge_")]
    parameters = [config_parameter(), _address_parameter()]
    for name in (*names, *SHARED):
        more = ("--metrics-address",) if name == "bridge_metrics_address" else ()
        parameters.append(option_parameter(name, Settings.model_fields[name], *more))
    return with_parameters(command, parameters, bridge_to_server.__doc__)


def _address_parameter() -> inspect.Parameter:
    return keyword("address", AddressOption, ADDRESS_DEFAULT)
