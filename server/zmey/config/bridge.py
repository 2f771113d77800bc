"""The options of the bridge between a RabbitMQ queue and the core, and their names elsewhere."""

import os
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

# What Altcraft's main.json calls them (seed 000); they are taken from the environment, too.
ALTCRAFT_NAMES = {
    "RABBITMQ_HOST": "bridge_host",
    "RABBITMQ_VHOST": "bridge_vhost",
    "RABBITMQ_USER": "bridge_user",
    "RABBITMQ_PASS": "bridge_password",
    "RABBITMQ_X_MESSAGE_TTL": "bridge_result_ttl_seconds",
}
# The broker counts milliseconds in 32 bits.
TTL_SECONDS_MAX = (2**32 - 1) // 1000


class BridgeOptions(BaseModel):
    """The options of `zmey bridge` and `zmey serve --bridge`."""

    bridge: bool = Field(
        default=False,
        description="Consume database_import from RabbitMQ in this process; `zmey bridge` does so "
        "in a process of its own.",
    )
    bridge_host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="Host of RabbitMQ; RABBITMQ_HOST in the environment too.",
    )
    bridge_port: int = Field(default=5672, ge=1, le=65_535, description="Port of RabbitMQ.")
    bridge_vhost: str = Field(
        default="/",
        min_length=1,
        description="Virtual host of both queues; RABBITMQ_VHOST in the environment too.",
    )
    bridge_user: str = Field(
        default="guest", description="User at RabbitMQ; RABBITMQ_USER in the environment too."
    )
    bridge_password: str = Field(
        default="guest",
        repr=False,
        description="Password of that user; RABBITMQ_PASS in the environment too. A flag is seen "
        "by other users of the machine.",
    )
    bridge_tls: bool = Field(default=False, description="Connect to RabbitMQ by TLS.")
    bridge_queue: str = Field(
        default="database_import", min_length=1, max_length=255, description="Queue to consume."
    )
    bridge_result_queue: str = Field(
        default="database_import_result",
        min_length=1,
        max_length=255,
        description="Queue for the results.",
    )
    bridge_dead_queue: str = Field(
        default="database_import_dead",
        min_length=1,
        max_length=255,
        description="Queue for messages that are malformed or take a process down.",
    )
    bridge_result_ttl_seconds: int = Field(
        default=86_400,
        ge=1,
        le=TTL_SECONDS_MAX,
        description="Seconds that results are kept, the argument x-message-ttl of their queue; "
        "RABBITMQ_X_MESSAGE_TTL in the environment too.",
    )
    bridge_batch_max: int = Field(
        default=1_000, ge=1, le=10_000, description="Messages that are applied together."
    )
    bridge_batch_wait_ms: float = Field(
        default=5.0,
        ge=0,
        le=1_000,
        allow_inf_nan=False,
        description="Milliseconds to wait for more messages while fewer come than before.",
    )
    bridge_retry_seconds: float = Field(
        default=60.0,
        ge=0,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds to try again where the server is away or overloaded, before messages "
        "are answered with 503.",
    )
    bridge_log_path: str = Field(
        default="./job_server.log",
        min_length=1,
        description="File with a line for each message that was answered with an error.",
    )
    bridge_deliveries_path: str = Field(
        default="./zmey-bridge-deliveries.json",
        min_length=1,
        description="File that counts messages which never got an answer, so that one that takes "
        "the process down is set aside; a bridge needs one of its own.",
    )
    bridge_metrics_address: str = Field(
        default="127.0.0.1:9465",
        description="HOST:PORT for the metrics of `zmey bridge`, or off; `zmey serve --bridge` "
        "shows them among its own.",
    )


def altcraft_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns our options out of those of Altcraft's main.json; it has many others."""
    return {ours: values[theirs] for theirs, ours in ALTCRAFT_NAMES.items() if theirs in values}


def altcraft_environment() -> dict[str, Any]:
    """Returns our options out of Altcraft's names in the environment."""
    return altcraft_options(os.environ)
