"""PostgreSQL answering who somebody is: pgbench with a prepared statement, psycopg in batches.

pgbench can only compute its keys from a number. It therefore asks a table of its own with as many
heads, equally long, whose values are made from the number of the member.
"""

import os
import re
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import psycopg

from generate import Row
from peers import postgres
from peers.postgres_cluster import program

CLIENTS = 8
_THREADS = 2

_EXTERNAL_ID = "'C-' || lpad({id}::text, 8, '0')"
_EMAIL = "'firstname.lastname' || {id} || '@example.org'"
_PHONE = "'+79' || lpad({id}::text, 9, '0')"

_PROBES = f"""
DROP TABLE IF EXISTS probe_heads;
CREATE TABLE probe_heads (LIKE heads INCLUDING ALL);
INSERT INTO probe_heads
SELECT 4, {_EXTERNAL_ID.format(id="id")}, id FROM generate_series(1, {{members}}) AS id
UNION ALL SELECT 1, {_EMAIL.format(id="id")}, id FROM generate_series(1, {{members}}) AS id
UNION ALL SELECT 2, {_PHONE.format(id="id")}, id FROM generate_series(1, {{members}}) AS id
ORDER BY 1, 2;
"""

# All three keys are looked up, as zmey does to report conflicts; the first in order wins.
_LOOKUPS = f"""
SELECT 1 AS rank, member_id FROM probe_heads
    WHERE type = 4 AND value = {_EXTERNAL_ID.format(id=":id")}
UNION ALL SELECT 2, member_id FROM probe_heads
    WHERE type = 1 AND value = {_EMAIL.format(id=":id")}
UNION ALL SELECT 3, member_id FROM probe_heads
    WHERE type = 2 AND value = {_PHONE.format(id=":id")}
"""
PRIORITY_QUERY = f"SELECT member_id FROM ({_LOOKUPS}) AS found ORDER BY rank LIMIT 1;"
# Stops at the first key that finds somebody: less work, and no conflict is ever seen.
FIRST_FOUND_QUERY = f"{_LOOKUPS} LIMIT 1;"

PRIORITY_BATCH = """
SELECT coalesce(e.member_id, m.member_id, p.member_id), e.member_id, m.member_id, p.member_id
FROM unnest(%b::text[], %b::text[], %b::text[]) AS s(external_id, email, phone)
LEFT JOIN heads e ON e.type = 4 AND e.value = s.external_id
LEFT JOIN heads m ON m.type = 1 AND m.value = s.email
LEFT JOIN heads p ON p.type = 2 AND p.value = s.phone
"""

FIRST_FOUND_BATCH = """
SELECT coalesce(
    (SELECT member_id FROM heads WHERE type = 4 AND value = s.external_id),
    (SELECT member_id FROM heads WHERE type = 1 AND value = s.email),
    (SELECT member_id FROM heads WHERE type = 2 AND value = s.phone))
FROM unnest(%b::text[], %b::text[], %b::text[]) AS s(external_id, email, phone)
"""


def create_probes(conninfo: str, members: int) -> None:
    """Makes the table that pgbench asks."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(_PROBES.format(members=members).encode())
        connection.execute("VACUUM ANALYZE probe_heads")
        connection.execute("CHECKPOINT")


def pgbench(conninfo: str, query: str, members: int, seconds: float) -> float:
    """Runs pgbench with 8 clients and prepared statements; returns look-ups a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
        file.write(f"\\set id random(1, :members)\n{query}\n")
        file.flush()
        return _pgbench(conninfo, Path(file.name), members, seconds)


def _pgbench(conninfo: str, script: Path, members: int, seconds: float) -> float:
    command = [
        program("pgbench"), "--no-vacuum", "--protocol", "prepared",
        "--client", str(CLIENTS), "--jobs", str(_THREADS),
        "--time", str(max(1, round(seconds))),
        "--define", f"members={members}", "--file", str(script),
    ]  # fmt: skip
    environment = {**os.environ, **_variables(conninfo)}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found = re.search(r"tps = ([0-9.]+)", done.stdout)
    if not found:
        message = f"pgbench printed no rate: {done.stdout}"
        raise RuntimeError(message)
    return float(found[1])


def _variables(conninfo: str) -> dict[str, str]:
    names = {"host": "PGHOST", "port": "PGPORT", "user": "PGUSER", "dbname": "PGDATABASE"}
    parts = psycopg.conninfo.conninfo_to_dict(conninfo)
    return {names[key]: str(value) for key, value in parts.items() if key in names}


def resolve_batches(
    conninfo: str, query: str, batches: Sequence[list[Row]], seconds: float
) -> float:
    """Looks members up in batches over one connection; returns look-ups a second."""
    columns = [
        [
            [row.identity.external_id for row in batch],
            [row.identity.email for row in batch],
            [row.identity.phone for row in batch],
        ]
        for batch in batches
    ]
    with psycopg.connect(conninfo, autocommit=True, prepare_threshold=1) as connection:
        connection.execute(postgres.INDEX_PLANS)
        cursor = connection.cursor(binary=True)
        found = 0
        started = time.perf_counter()
        while True:
            for batch in columns:
                found += len(cursor.execute(query.encode(), batch).fetchall())
                elapsed = time.perf_counter() - started
                if elapsed > seconds:
                    return found / elapsed
