"""What a message looks like in the dead queue: as it came, with the reason among its headers.

The client library reads more than it writes, and the broker acts on some headers. A message that is
set aside must arrive whatever it carries, or it would come again for ever.
"""

import contextlib
import struct
from datetime import UTC, datetime

from aio_pika import DeliveryMode
from pamqp import common, encode
from pamqp.commands import Basic

from zmey.bridge.answers import LATER, Verdict
from zmey.bridge.preparing import Prepared

SHORT_BYTES_MAX = 255
# Far below what the recursion of the library can write.
HEADER_DEPTH_MAX = 32
# By these the broker routes a message to more queues, such as the one that it was taken from.
RENAMED = {"CC": "x-zmey-cc", "BCC": "x-zmey-bcc"}
UNWRITABLE = (TypeError, ValueError, ArithmeticError, struct.error)


def parked_properties(prepared: Prepared, queue: str, bytes_max: int) -> Basic.Properties:
    """Returns the properties that came, with why the message is set aside.

    Args:
        prepared: the message.
        queue: where it was taken from.
        bytes_max: what the properties may have; those that need more lose their headers.
    """
    reason = _reason(prepared, queue)
    # What took the process down may be among the headers: then they are left out.
    if not prepared.is_unread:
        with contextlib.suppress(*UNWRITABLE):
            headers = _writable_table(prepared.delivery.properties.headers or {}, 0) | reason
            properties = _properties(prepared, headers)
            if len(properties.marshal()) <= bytes_max:
                return properties
    return _properties(prepared, reason)


def short(text: str | None) -> str | None:
    """Cuts a string to what a property holds: what was no UTF-8 has become longer."""
    return text and text.encode()[:SHORT_BYTES_MAX].decode(errors="ignore")


def _reason(prepared: Prepared, queue: str) -> common.FieldTable:
    verdict = prepared.verdict or Verdict(LATER)
    return {
        "x-zmey-error": verdict.code,
        "x-zmey-reason": verdict.text,
        "x-zmey-queue": queue,
        "x-zmey-time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _properties(prepared: Prepared, headers: common.FieldTable) -> Basic.Properties:
    came = prepared.delivery.properties
    return Basic.Properties(
        headers=headers,
        content_type=short(came.content_type),
        content_encoding=short(came.content_encoding),
        correlation_id=short(came.correlation_id),
        reply_to=short(came.reply_to),
        message_id=short(came.message_id),
        timestamp=came.timestamp,
        message_type=short(came.message_type),
        app_id=short(came.app_id),
        priority=came.priority,
        delivery_mode=DeliveryMode.PERSISTENT,
    )


def _writable_table(table: common.FieldTable, depth: int) -> common.FieldTable:
    return {RENAMED.get(name, name): _writable(value, depth) for name, value in table.items()}


def _writable(value: common.FieldValue, depth: int) -> common.FieldValue:
    """Bends a value into one that the library can write."""
    if depth >= HEADER_DEPTH_MAX:
        message = "headers are nested too deeply"
        raise ValueError(message)
    if isinstance(value, dict):
        return _writable_table(value, depth + 1)
    if isinstance(value, list):
        return [_writable(item, depth + 1) for item in value]
    if isinstance(value, bytes):
        # A string that is no UTF-8; as an array of bytes it keeps them.
        return bytearray(value)
    try:
        encode.encode_table_value(value)
    except UNWRITABLE:
        return str(value)
    return value
