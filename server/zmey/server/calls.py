"""Unary calls: request bytes go into the core, answer bytes come out, nothing is decoded here."""

import logging
from collections.abc import Callable
from time import perf_counter
from typing import Any, NoReturn, Protocol

import grpc

from zmey.logs import get_logger
from zmey.server.failures import Failure, abort, failure_of
from zmey.server.metrics import Metrics

# grpcio says 9e18 seconds where a client set no deadline; no real one is over ten years.
DEADLINE_SECONDS_MAX = 3.2e8

UnaryBehavior = Callable[[Any, grpc.ServicerContext], Any]


class CallingCore(Protocol):
    """What answers unary calls: the core."""

    def methods(self) -> list[str]:
        """Returns the full names of the unary methods."""

    def call(self, method: str, request: bytes, deadline_seconds: float | None = None) -> bytes:
        """Answers one unary call."""


def unary_behavior(core: CallingCore, method: str, metrics: Metrics) -> UnaryBehavior:
    """Returns the function that answers one method.

    This is the hot path: a small call costs about 200 µs in grpcio, so everything that can be
    looked up beforehand is.
    """
    call = core.call
    succeeded = metrics.success(method)
    logger = get_logger()
    debug = logger.debug if logger.is_enabled_for(logging.DEBUG) else None

    def behavior(request: bytes, context: grpc.ServicerContext) -> bytes:
        started = perf_counter()
        try:
            response = call(method, request, deadline_seconds(context))
        except Exception as error:  # Nothing may reach grpcio, which tells clients its text.
            end_failed(method, error, perf_counter() - started, context, metrics)
        seconds = perf_counter() - started
        succeeded(seconds)
        if debug:
            debug("call", method=method, duration_ms=round(seconds * 1000, 3))
        return response

    return behavior


def deadline_seconds(context: grpc.ServicerContext) -> float | None:
    """Returns the time that the client still waits, or None where it waits for ever."""
    remaining = context.time_remaining()
    return None if remaining is None or remaining > DEADLINE_SECONDS_MAX else remaining


def end_failed(
    method: str,
    error: Exception | Failure,
    seconds: float,
    context: grpc.ServicerContext,
    metrics: Metrics,
) -> NoReturn:
    """Counts, logs and ends a failed call."""
    failed = error if isinstance(error, Failure) else failure_of(error)
    metrics.failed(method, failed.code.name, seconds)
    line = {
        "method": method,
        "code": failed.code.name,
        "reason": failed.reason,
        "request_id": failed.request_id,
        "duration_ms": round(seconds * 1000, 3),
    }
    if failed.code is grpc.StatusCode.INTERNAL and isinstance(error, Exception):
        get_logger().error("call failed", **line, exc_info=error)
    else:
        get_logger().warning("call failed", **line)
    abort(context, failed)
