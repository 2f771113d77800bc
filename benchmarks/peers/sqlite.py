"""SQLite as the store of members: set-based statements over a staging table, WAL, fsync."""

import itertools
import sqlite3
import time
from pathlib import Path

from chunks import Pass, peer_rows

NOTE = "WAL, synchronous FULL, 100,000 rows a commit"
# Larger commits are faster up to here.
COMMIT_ROWS = 100_000

_EMAIL, _PHONE, _EXTERNAL_ID = 1, 2, 4

_SCHEMA = """
PRAGMA page_size = 8192;
PRAGMA journal_mode = WAL;
CREATE TABLE members (id INTEGER PRIMARY KEY, body TEXT NOT NULL);
CREATE TABLE heads (
    type INTEGER, value TEXT, member_id INTEGER NOT NULL, PRIMARY KEY (type, value)
) WITHOUT ROWID;
"""

_SESSION = """
PRAGMA synchronous = FULL;
PRAGMA cache_size = -2000000;
PRAGMA temp_store = MEMORY;
PRAGMA wal_autocheckpoint = 100000;
CREATE TEMP TABLE staging (external_id TEXT, email TEXT, phone TEXT, body TEXT);
CREATE TEMP TABLE matched (
    row INTEGER PRIMARY KEY, external_id TEXT, email TEXT, phone TEXT, body TEXT,
    found INTEGER, member_id INTEGER
);
"""

_MATCH = f"""
INSERT INTO matched
SELECT s.rowid, s.external_id, s.email, s.phone, s.body, NULL, coalesce(
    (SELECT member_id FROM heads WHERE type = {_EXTERNAL_ID} AND value = s.external_id),
    (SELECT member_id FROM heads WHERE type = {_EMAIL} AND value = s.email),
    (SELECT member_id FROM heads WHERE type = {_PHONE} AND value = s.phone))
FROM staging s
"""
_NUMBER = """
UPDATE matched SET found = member_id IS NOT NULL,
    member_id = coalesce(member_id, (SELECT coalesce(max(id), 0) FROM members) + row)
"""
_INSERT_MEMBERS = "INSERT INTO members SELECT member_id, body FROM matched WHERE NOT found"
_UPDATE_MEMBERS = """
UPDATE members SET body = json_patch(members.body, matched.body)
FROM matched WHERE members.id = matched.member_id AND matched.found
"""
_INSERT_HEADS = f"""
INSERT OR IGNORE INTO heads
SELECT {_EXTERNAL_ID}, external_id, member_id FROM matched WHERE external_id IS NOT NULL
UNION ALL SELECT {_EMAIL}, email, member_id FROM matched WHERE email IS NOT NULL
UNION ALL SELECT {_PHONE}, phone, member_id FROM matched WHERE phone IS NOT NULL
ORDER BY 1, 2
"""


def create(directory: Path) -> Path:
    """Makes an empty database and returns its file."""
    path = directory / "members.sqlite"
    with sqlite3.connect(path) as connection:
        connection.executescript(_SCHEMA)
    connection.close()
    return path


def import_rows(path: Path, rows: Pass) -> float:
    """Imports every row; returns rows a second, not counting the reading of rows."""
    seconds = 0.0
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(_SESSION)
    source = peer_rows(rows)
    while batch := list(itertools.islice(source, COMMIT_ROWS)):
        values = [(row.external_id, row.email, row.phone, row.body) for row in batch]
        started = time.perf_counter()
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO staging VALUES (?, ?, ?, ?)", values)
        for statement in (_MATCH, _NUMBER, _INSERT_MEMBERS, _UPDATE_MEMBERS, _INSERT_HEADS):
            connection.execute(statement)
        connection.execute("DELETE FROM staging")
        connection.execute("DELETE FROM matched")
        connection.execute("COMMIT")
        seconds += time.perf_counter() - started
    connection.close()
    return rows.rows / seconds


def count(path: Path) -> tuple[int, int]:
    """Returns the number of members and of heads."""
    with sqlite3.connect(path) as connection:
        members, heads = connection.execute(
            "SELECT (SELECT count(*) FROM members), (SELECT count(*) FROM heads)"
        ).fetchone()
    connection.close()
    return members, heads
