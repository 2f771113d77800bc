"""PostgreSQL as the store of members: the schema and three ways to import."""

import itertools
import time
from collections.abc import Iterator

import psycopg

from chunks import Pass, PeerRow, copy_text, peer_rows

BATCH_ROWS = 1_000

# Types of heads as in zmey.v1.AddressType.
_EMAIL, _PHONE, _EXTERNAL_ID = 1, 2, 4

_SCHEMA = """
DROP TABLE IF EXISTS members, heads;
DROP SEQUENCE IF EXISTS member_ids;
CREATE SEQUENCE member_ids CACHE 1000;
CREATE TABLE members (id bigint PRIMARY KEY, body jsonb NOT NULL);
ALTER TABLE members ALTER body SET COMPRESSION lz4;
CREATE TABLE heads (
    type smallint, value text COLLATE "C", member_id bigint NOT NULL, PRIMARY KEY (type, value)
);
"""

_STAGING = """
CREATE TEMP TABLE staging (
    external_id text COLLATE "C", email text COLLATE "C", phone text COLLATE "C", body jsonb
) ON COMMIT DROP
"""

# Matches every row by external id, then e-mail, then phone. A found head needs no insert.
_MATCH = f"""
SELECT s.*, coalesce(e.member_id, m.member_id, p.member_id, nextval('member_ids')) AS member_id,
    coalesce(e.member_id, m.member_id, p.member_id) IS NULL AS newbie,
    e.member_id IS NULL AND s.external_id IS NOT NULL AS lacks_external_id,
    m.member_id IS NULL AND s.email IS NOT NULL AS lacks_email,
    p.member_id IS NULL AND s.phone IS NOT NULL AS lacks_phone
FROM {{source}} s
LEFT JOIN heads e ON e.type = {_EXTERNAL_ID} AND e.value = s.external_id
LEFT JOIN heads m ON m.type = {_EMAIL} AND m.value = s.email
LEFT JOIN heads p ON p.type = {_PHONE} AND p.value = s.phone
"""

_INSERT_MEMBERS = "INSERT INTO members SELECT member_id, body FROM matched WHERE newbie"
_UPDATE_MEMBERS = """
UPDATE members SET body = members.body || matched.body
FROM matched WHERE members.id = matched.member_id AND NOT matched.newbie
"""
_INSERT_HEADS = f"""
INSERT INTO heads
SELECT {_EXTERNAL_ID}, external_id, member_id FROM matched WHERE lacks_external_id
UNION ALL SELECT {_EMAIL}, email, member_id FROM matched WHERE lacks_email
UNION ALL SELECT {_PHONE}, phone, member_id FROM matched WHERE lacks_phone
ORDER BY 1, 2
ON CONFLICT DO NOTHING
"""

# Binary parameters: psycopg takes 50 ms to write 1,000 rows as text arrays, 2 ms as binary ones.
_BATCH = f"""
WITH staging AS (
    SELECT external_id, email, phone, body::jsonb
    FROM unnest(%b::text[], %b::text[], %b::text[], %b::text[])
        AS rows(external_id, email, phone, body)
), matched AS MATERIALIZED ({_MATCH.format(source="staging")}),
inserted AS ({_INSERT_MEMBERS}), updated AS ({_UPDATE_MEMBERS})
{_INSERT_HEADS}
"""

# A batch is small and the table grows faster than its statistics: left alone, the planner reads
# the whole table for every batch instead of looking its rows up in the index.
INDEX_PLANS = """
SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_seqscan = off;
SET enable_bitmapscan = off; SET enable_material = off
"""


def create(conninfo: str) -> None:
    """Makes the empty tables."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(_SCHEMA.encode())
        connection.execute("CHECKPOINT")


def vacuum(conninfo: str) -> None:
    """Vacuums and analyses between passes, outside of any timing."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE members")
        connection.execute("VACUUM ANALYZE heads")
        connection.execute("CHECKPOINT")


def import_copy(conninfo: str, rows: Pass) -> float:
    """Imports with COPY and set-based SQL in one transaction; returns rows a second."""
    started = time.perf_counter()
    with psycopg.connect(conninfo) as connection, connection.cursor() as cursor:
        cursor.execute(_STAGING)
        with cursor.copy("COPY staging FROM STDIN") as copy:
            for block in copy_text(rows):
                copy.write(block)
        cursor.execute("ANALYZE staging")
        match = _MATCH.format(source="staging")
        cursor.execute(f"CREATE TEMP TABLE matched ON COMMIT DROP AS {match}".encode())
        cursor.execute("ANALYZE matched")
        cursor.execute(_INSERT_MEMBERS)
        cursor.execute(_UPDATE_MEMBERS)
        cursor.execute(_INSERT_HEADS.encode())
        connection.commit()
        return rows.rows / (time.perf_counter() - started)


def import_batches(conninfo: str, rows: Pass, batch_rows: int = BATCH_ROWS) -> float:
    """Imports with one set-based statement and one commit a batch; returns rows a second.

    Only the time of the calls counts, not that of reading the rows.
    """
    seconds = 0.0
    with psycopg.connect(conninfo, autocommit=True, prepare_threshold=1) as connection:
        connection.execute(INDEX_PLANS)
        for batch in _batches(rows, batch_rows):
            columns = (
                [row.external_id for row in batch],
                [row.email for row in batch],
                [row.phone for row in batch],
                [row.body for row in batch],
            )
            started = time.perf_counter()
            connection.execute(_BATCH.encode(), columns)
            seconds += time.perf_counter() - started
    return rows.rows / seconds


def import_row_by_row(conninfo: str, rows: Pass) -> float:
    """Imports with one statement, one round trip and one commit a row; returns rows a second."""
    return import_batches(conninfo, rows, batch_rows=1)


def count(conninfo: str) -> tuple[int, int]:
    """Returns the number of members and of heads."""
    with psycopg.connect(conninfo) as connection:
        row = connection.execute(
            "SELECT (SELECT count(*) FROM members), (SELECT count(*) FROM heads)"
        ).fetchone()
        assert row is not None
        return row[0], row[1]


def _batches(rows: Pass, batch_rows: int) -> Iterator[list[PeerRow]]:
    source = peer_rows(rows)
    while batch := list(itertools.islice(source, batch_rows)):
        yield batch
