"""Properties of messages as lenient as brokers take them, so that no message closes the connection.

RabbitMQ passes on whatever fits the frame: ids and names in any encoding, times beyond the year
9999, tables in tables without end. The client library reads properties while it reads frames, and
ends the connection where it cannot: the message is delivered again, and ends it again, for ever. It
reads each type by a function of two tables, `METHODS` and `TABLE_MAPPING`; `read_leniently` puts
functions there that take every value.
"""

import struct
from datetime import datetime

from pamqp import common, decode

# What a short string and the byte of its length have at most.
SHORT_BYTES = 256
LENGTH_BYTES = 4
TIMESTAMP_BYTES = 8


def read_leniently() -> None:
    """Makes the client library take properties of any content, in the whole process."""
    decode.METHODS |= {"shortstr": _short_string, "timestamp": _timestamp, "table": _headers}
    decode.TABLE_MAPPING |= {b"T": _timestamp, b"F": _table}


def _short_string(value: bytes) -> tuple[int, str]:
    end = 1 + value[0]
    return end, _text(value[1:end])


def _text(value: bytes) -> str:
    """Reads what is not UTF-8 byte by byte, so that two different ids stay different."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _timestamp(value: bytes) -> tuple[int, datetime | None]:
    """Reads a time; one in microseconds, or of the age of the universe, is none."""
    try:
        return decode.timestamp(value)
    except (ValueError, OverflowError, OSError):
        return TIMESTAMP_BYTES, None


def _table(value: bytes) -> tuple[int, common.FieldTable]:
    end = LENGTH_BYTES + _length(value)
    offset = LENGTH_BYTES
    table: common.FieldTable = {}
    while offset < end:
        used, name = _short_string(value[offset : offset + SHORT_BYTES])
        offset += used
        used, table[name] = decode.embedded_value(value[offset:end])
        offset += used
    return end, table


def _headers(value: bytes) -> tuple[int, common.FieldTable]:
    """Reads the table of headers; one that cannot be read is empty."""
    try:
        return _table(value)
    except (ValueError, IndexError, ArithmeticError, RecursionError, struct.error):
        return LENGTH_BYTES + _length(value), {}


def _length(value: bytes) -> int:
    return int.from_bytes(value[:LENGTH_BYTES])
