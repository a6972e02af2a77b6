"""Carrying out commands through Ledger, beside saving one fact through the recorder alone.

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
from scripts.benches import contenders
from scripts.benches.append import ROUNDS, WRITERS, server
from scripts.benches.rows import Row
from scripts.benches.writers import Writers

COMMANDS, RECORDER = "commands", "recorder"
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


CONTENDERS: dict[str, contenders.Contender] = {COMMANDS: commands, RECORDER: contenders.ledger}


def measure(seconds: float) -> Iterator[Row]:
    """Commands a second at several numbers of writers; the ratio is what deciding costs."""
    with server() as dsn, Writers(max(WRITERS), dsn, CONTENDERS) as writers:
        for count in WRITERS:
            rates = [
                [writers.rate(name, count, seconds) for name in CONTENDERS] for _ in range(ROUNDS)
            ]
            ours, peer = sorted(rates, key=lambda each: each[0] / each[1])[len(rates) // 2]
            of = "1 writer" if count == 1 else f"{count} writers"
            case = f"commands, {of}, beside recorder"
            yield Row(case, "saves/s", round(ours, 1), round(peer, 1))
