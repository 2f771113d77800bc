"""Structured logs on stderr: one JSON object or one console line for each event.

No line above DEBUG holds personal data: requests and answers are never logged, only the names of
methods, codes, reasons, counts and durations.
"""

import logging
import sys

import structlog
from structlog.typing import FilteringBoundLogger, Processor

from zmey.config import Settings

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


def configure_logs(settings: Settings) -> None:
    """Sends our events, and those of libraries from WARNING on, to stderr in one form."""
    shared: list[Processor] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: list[Processor] = (
        [structlog.processors.dict_tracebacks, structlog.processors.JSONRenderer()]
        if _as_json(settings)
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    structlog.configure(
        processors=[*shared, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[settings.log_level]),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    _take_over_stdlib(shared, renderer)


def get_logger() -> FilteringBoundLogger:
    """Returns the logger as configured now; bound, because the lazy one is slow on hot paths."""
    logger: FilteringBoundLogger = structlog.get_logger().bind()
    return logger


def _take_over_stdlib(shared: list[Processor], renderer: list[Processor]) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)


def _as_json(settings: Settings) -> bool:
    if settings.log_format == "auto":
        return not sys.stderr.isatty()
    return settings.log_format == "json"
