"""What the parts of a rebuild wrote, by person or stream: digests that outlive what comes after.

Somebody to whom something came after the parts were folded has other rows by the time that is
proved. Kept one by one, the digests of all others still add up, and nobody is folded again for it.
"""

from __future__ import annotations

import hashlib
from typing import Any, LiteralString

from psycopg import Connection, sql
from psycopg.rows import tuple_row

from projections.compare import without
from projections.digest import BUCKET_OF_UUID, FIX_TEXTS, ROW_HASH, Buckets, Digest, row_hash
from projections.view import View

CREATE = """
CREATE TABLE {written} (
    view text COLLATE "C" NOT NULL, partition uuid NOT NULL,
    rows bigint NOT NULL, hash numeric NOT NULL
)
"""
ADD = """
WITH added AS (
    INSERT INTO {written} (view, partition, rows, hash)
    SELECT {view}, {partition}, count(*), sum({hash}) FROM {rows} GROUP BY {partition}
    RETURNING partition, rows, hash
)
SELECT {bucket}, sum(rows)::bigint, sum(hash) FROM added GROUP BY 1
"""
STILL = """
SELECT {bucket}, sum(rows)::bigint, sum(hash) FROM {written}
 WHERE view = {view} AND {condition} GROUP BY 1
"""
PARTITION = "partition"
MANNER = hashlib.sha256(
    repr((CREATE, ADD, STILL, BUCKET_OF_UUID, ROW_HASH, FIX_TEXTS)).encode()
).hexdigest()
"""How this program keeps the digests of what it folds: it proves what was kept so, nothing else."""


class Written:
    """The table of these digests, which stands beside a rebuild's tables and goes with them."""

    def __init__(self, schema: str) -> None:
        self._table = sql.Identifier(schema, "written")

    def create(self, connection: Connection[Any]) -> None:
        """Make it, empty."""
        connection.execute(sql.SQL(CREATE).format(written=self._table))

    def add(self, connection: Connection[Any], view: View[Any], rows: sql.Composable) -> Buckets:
        """Write down the digests of rows, which are all that these persons or streams have.

        Answers those of all together. Leaves the session's ways to write texts fixed.
        """
        connection.execute(FIX_TEXTS)
        return self._asked(
            connection,
            ADD,
            view,
            rows=rows,
            partition=sql.Identifier(view.key[0]),
            hash=row_hash(view),
        )

    def untouched(
        self, connection: Connection[Any], view: View[Any], touched: LiteralString
    ) -> Buckets:
        """The digest of what was written of those whom a temporary table (see `listed`) leaves."""
        return self._asked(connection, STILL, view, condition=without(PARTITION, touched))

    def _asked(
        self,
        connection: Connection[Any],
        query: LiteralString,
        view: View[Any],
        **parts: sql.Composable,
    ) -> Buckets:
        statement = sql.SQL(query).format(
            written=self._table,
            view=sql.Literal(view.name),
            bucket=sql.SQL(BUCKET_OF_UUID).format(key=sql.Identifier(PARTITION)),
            **parts,
        )
        found = connection.cursor(row_factory=tuple_row).execute(statement)
        return {bucket: Digest(rows, int(total)) for bucket, rows, total in found}
