"""Carrying out commands through Ledger, as a contender of the append bench.

Half of the commands sign a person up (a new stream, a claim and a key); half rename them (load,
ask, save). Each writer is a process with a ledger and a connection of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import cycle
from zoneinfo import ZoneInfo

from ledger import ids
from ledger.application import Ledger, SiteRules
from ledger.clock import SystemClock
from ledger.facts import Actor, Cause
from ledger.store.key_rows import KeyTable
from ledger.store.pool import open_pool
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault

MASTER_KEY = bytes(32)


@contextmanager
def commands(dsn: str) -> Iterator[Callable[[], object]]:
    """Use cases, by turns a sign-up and a change of name."""
    with open_pool(dsn, max_size=1) as pool:
        vault = Vault(MASTER_KEY, KeyTable(pool))
        rules = SiteRules(currency="EUR", zone=ZoneInfo("Europe/Paris"), mode="test")
        ledger = Ledger(FactRecorder(pool), vault, clock=SystemClock(), rules=rules)
        member_id = ids.new()

        def sign_up() -> int:
            nonlocal member_id
            member_id = ids.new()
            return ledger.open_account(
                member_id,
                email=f"{member_id}@example.org",
                name="Someone",
                locale="en",
                by=Actor(kind="member", id=member_id),
                cause=Cause(kind="request", id=ids.new()),
            )

        def rename() -> int:
            return ledger.rename(
                member_id,
                "Someone Else",
                by=Actor(kind="member", id=member_id),
                cause=Cause(kind="request", id=ids.new()),
            )

        turns = cycle([sign_up, rename])

        def carry_out() -> object:
            return next(turns)()

        yield carry_out
