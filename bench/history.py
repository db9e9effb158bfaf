"""A history of ended deployments: copies by SQL of one that really ran.

The copies are made of whole rows, whatever columns those have; only the ids are new.
"""

import asyncpg

COPIES = 10_000
FILL_SECONDS = 600
COPIED_ID = "left({0}, 4) || lpad(n::text, 10, '0') || substr({0}, 15)"
"""An id of the same length and kind; it sorts before every id that Boreas makes, as an id from long ago would."""
OF_DEPLOYMENT = "row.deployment_id = $1"
OF_TASK = "row.task_id IN (SELECT id FROM tasks WHERE deployment_id = $1)"
TABLES = (
    ("deployments", "row.id = $1", ("id",), False),
    ("deployment_applications", OF_DEPLOYMENT, ("deployment_id",), True),
    ("tasks", OF_DEPLOYMENT, ("id", "deployment_id"), False),
    ("task_attempts", OF_TASK, ("task_id",), True),
    ("deployment_events", OF_DEPLOYMENT, ("deployment_id",), True),
)
"""Table, which of its rows are copied, which columns get an id of the copy, and whether the row has a serial number."""


async def fill(database: asyncpg.Connection, deployment_id: str, copies: int = COPIES) -> None:
    """Copy a deployment with all that belongs to it."""
    for table, wanted, ids, numbered in TABLES:
        changed = [f"'{column}', {COPIED_ID.format(f'row.{column}')}" for column in ids]
        if numbered:
            changed.append(f"'id', nextval(pg_get_serial_sequence('{table}', 'id'))")
        await database.execute(
            f"INSERT INTO {table} SELECT copy.* FROM {table} AS row CROSS JOIN generate_series(1, {copies}) AS n"
            f" CROSS JOIN LATERAL jsonb_populate_record(row, jsonb_build_object({', '.join(changed)})) AS copy"
            f" WHERE {wanted}",
            deployment_id,
            timeout=FILL_SECONDS,
        )


async def settle(database: asyncpg.Connection) -> None:
    """Leave the database as after a quiet night, so that nothing of that falls into a measurement."""
    await database.execute("VACUUM (ANALYZE)", timeout=FILL_SECONDS)
    await database.execute("CHECKPOINT", timeout=FILL_SECONDS)
