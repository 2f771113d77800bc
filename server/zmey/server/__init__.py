"""The gRPC transport: handlers, health, metrics, logs and the life of the process.

There are no domain rules here; those are in the core.
"""

from zmey.server.calls import unary_behavior
from zmey.server.failures import Failure, failure_of
from zmey.server.imports import Imports
from zmey.server.metrics import Metrics
from zmey.server.process import StartError, serve
from zmey.server.transport import ECHO_METHOD, Transport, core_handlers

__all__ = [
    "ECHO_METHOD",
    "Failure",
    "Imports",
    "Metrics",
    "StartError",
    "Transport",
    "core_handlers",
    "failure_of",
    "serve",
    "unary_behavior",
]
