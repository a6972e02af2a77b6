"""A process that tells saves of a big log and copies them into the tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from struct import Struct
from typing import Any, NamedTuple, Self
from uuid import UUID

from ledger import texts
from ledger.application.batch import PAYMENT
from ledger.application.books import ACCOUNT_USED
from ledger.application.members import EMAIL
from ledger.order.facts import Paid
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper
from ledger.store.master_key import MasterKey
from ledger.store.pool import connect, open_pool
from ledger.store.vault import Vault
from scripts.benches.big_patterns import PATTERNS, told
from scripts.benches.big_people import Person, person
from scripts.benches.big_site import SINCE
from scripts.benches.big_templates import LifeTemplate, Teller, ToldFact, template

COPY_FACTS = """
COPY ledger.facts (position, stream_id, version, topic, subject_id, recorded_at, state, following)
FROM STDIN (FORMAT BINARY)
"""
COPY_BEGINS = b"PGCOPY\n\xff\r\n\0" + bytes(8)
FIRST_FIELDS, MIDDLE_FIELDS, LAST_FIELDS = Struct("!hiqi16siii"), Struct("!i16siqi"), Struct("!ii")
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
COPY_KEYS = "COPY vault.keys (subject_id, wrapped) FROM STDIN (FORMAT BINARY)"
KEY_TYPES = ("uuid", "bytea")
COPY_CLAIMS = "COPY ledger.claims (kind, key, owner) FROM STDIN (FORMAT BINARY)"
CLAIM_TYPES = ("text", "bytea", "uuid")
BE_QUICK = "SET synchronous_commit = off"

MICROSECOND = timedelta(microseconds=1)
PERSON_BITS, SAVE_BITS = 24, 10
TELLERS = 5_000
"""How many people are remembered from one save to the next."""


class PlannedSave(NamedTuple):
    """When it is recorded, whose it is, and which of theirs."""

    recorded: datetime
    person: int
    save: int

    @property
    def number(self) -> int:
        """The three as one number, so that many can be kept and sorted."""
        since = (self.recorded - SINCE) // MICROSECOND
        return (since << PERSON_BITS | self.person) << SAVE_BITS | self.save

    @classmethod
    def of(cls, number: int) -> PlannedSave:
        """The three again."""
        save = number & (1 << SAVE_BITS) - 1
        who = number >> SAVE_BITS & (1 << PERSON_BITS) - 1
        return cls(SINCE + (number >> PERSON_BITS + SAVE_BITS) * MICROSECOND, who, save)


class Chunk(NamedTuple):
    """Saves in a row: the position of the first fact, the saves, versions in shared streams."""

    position: int
    saves: list[int]
    shared: dict[int, int]


class Written(NamedTuple):
    """How much of a chunk there was."""

    facts: int
    members: int


def lives(dsn: str, master_key: bytes) -> list[LifeTemplate]:
    """The life of every pattern, ready to be told of anybody."""
    with open_pool(dsn, max_size=1) as pool:
        mapper = FactMapper(Vault(master_key, KeyTable(pool)))
        return [template(told(pattern), mapper) for pattern in PATTERNS]


class Writer:
    """Writes chunks over a connection of its own."""

    def __init__(self, dsn: str, master_key: bytes, seed: int) -> None:
        self._lives = lives(dsn, master_key)
        self._first_orders = [life.first_order for life in self._lives]
        self._tellers: dict[int, Teller] = {}
        self._seed = seed
        self._master = MasterKey(master_key)
        with open_pool(dsn, max_size=1) as pool:
            self._vault = Vault(master_key, KeyTable(pool))
        self._connection = connect(dsn)
        self._connection.execute(BE_QUICK)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._connection.close()

    def write(self, chunk: Chunk) -> Written:
        """One transaction: facts, keys of new people, and what they claim."""
        facts, position = [COPY_BEGINS], chunk.position
        keys: list[tuple[UUID, bytes]] = []
        claims: list[tuple[str, bytes, UUID]] = []
        for number in chunk.saves:
            planned = PlannedSave.of(number)
            teller = self._teller(planned.person)
            save = teller.life.saves[planned.save]
            saved = teller.tell(save, planned.recorded, chunk.shared.get(number, 0))
            facts += _rows(saved, position, teller.who.member_id.bytes, planned.recorded)
            position += len(saved)
            claims += self._claims(planned.save, teller.who, saved)
            if planned.save == 0:
                keys.append(self._key(teller.who))
        with self._connection.transaction():
            with self._connection.cursor().copy(COPY_FACTS) as copy:
                copy.write(b"".join(facts))
            self._copy(COPY_KEYS, KEY_TYPES, keys)
            self._copy(COPY_CLAIMS, CLAIM_TYPES, claims)
        return Written(position - chunk.position, len(keys))

    def _teller(self, number: int) -> Teller:
        """Who tells of a person; kept for a while, for a payment is several saves in a row."""
        found = self._tellers.pop(number, None)
        if found is None:
            who = person(self._seed, number)
            found = Teller(self._lives[who.pattern], who)
            if len(self._tellers) >= TELLERS:
                del self._tellers[next(iter(self._tellers))]
        self._tellers[number] = found
        return found

    def _key(self, who: Person) -> tuple[UUID, bytes]:
        return who.member_id, self._master.wrap(who.key, who.member_id.bytes)

    def _claims(
        self, save: int, who: Person, saved: list[ToldFact]
    ) -> Iterator[tuple[str, bytes, UUID]]:
        if save == 0:
            address = texts.comparable_email(who.email)
            yield EMAIL, self._vault.email_hash(address), who.member_id
        if save == self._first_orders[who.pattern]:
            yield ACCOUNT_USED, who.member_id.bytes, who.member_id
        for fact in saved:
            if fact.topic == Paid.TOPIC:
                reference: str = json.loads(fact.state)["reference"]
                yield PAYMENT, reference.encode(), UUID(bytes=fact.stream_id)

    def _copy(self, statement: str, types: tuple[str, ...], rows: list[Any]) -> None:
        with self._connection.cursor().copy(statement.encode()) as copy:
            copy.set_types(types)
            for row in rows:
                copy.write_row(row)


def _rows(
    saved: list[ToldFact], position: int, subject: bytes, recorded: datetime
) -> Iterator[bytes]:
    """Facts as COPY has them, each field after its length."""
    following = len(saved)
    instant = (recorded - POSTGRES_EPOCH) // MICROSECOND
    for stream_id, version, topic, state in saved:
        following -= 1
        name = topic.encode()
        yield FIRST_FIELDS.pack(8, 8, position, 16, stream_id, 4, version, len(name))
        yield name
        yield MIDDLE_FIELDS.pack(16, subject, 8, instant, len(state))
        yield state
        yield LAST_FIELDS.pack(4, following)
        position += 1
