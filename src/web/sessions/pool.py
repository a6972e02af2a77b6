"""The pool that the edge shares with the books."""

from __future__ import annotations

from psycopg_pool import ConnectionPool

from ledger.store.pool import PooledConnection

Pool = ConnectionPool[PooledConnection]
"""Connections in autocommit mode: here each statement is a transaction of its own."""
