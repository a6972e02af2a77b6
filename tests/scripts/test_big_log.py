"""A big log is made in a hurry, and is as good as one that people made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from psycopg.conninfo import conninfo_to_dict

from ledger import ids
from ledger.application import Ledger, SiteRules
from ledger.clock import VirtualClock
from ledger.errors import EmailTaken
from ledger.facts import Actor, Cause, Fact
from ledger.member.facts import AccountOpened, Joined
from ledger.order.facts import OrderPlaced, Paid
from ledger.store.key_rows import KeyTable
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from projections.catalogue import all_views
from projections.view import fold
from scripts.benches import big_log
from scripts.benches.big_log import LogReport, make_log
from scripts.benches.big_patterns import PATTERNS
from scripts.benches.big_people import person
from scripts.benches.big_site import FOUNDED, SITE, UNTIL, WELCOME
from tests.conftest import FreshDatabases
from tests.projections.books import MASTER_KEY, Books, opened

FACTS = 2_000
SEED = 7
KINDS = 45
"""Kinds of facts that lives are made of."""


@pytest.fixture(scope="module")
def logged(template: str, fresh_databases: FreshDatabases) -> Iterator[tuple[str, LogReport]]:
    """The name of a database with a log that nobody touches, and what is said of it."""
    with fresh_databases.copy_of(template) as dsn:
        report = make_log(dsn, MASTER_KEY, FACTS, SEED, workers=1)
        yield str(conninfo_to_dict(dsn)["dbname"]), report


@pytest.fixture
def report(logged: tuple[str, LogReport]) -> LogReport:
    return logged[1]


@pytest.fixture
def books(logged: tuple[str, LogReport], fresh_databases: FreshDatabases) -> Iterator[Books]:
    """Books with that log, of the test's own."""
    with fresh_databases.copy_of(logged[0]) as dsn, opened(dsn, now=UNTIL) as books:
        yield books


def _ledger(books: Books, clock: VirtualClock) -> Ledger:
    rules = SiteRules(currency=SITE.currency, zone=ZoneInfo(SITE.zone), mode=SITE.mode)
    vault = Vault(MASTER_KEY, KeyTable(books.pool))
    return Ledger(FactRecorder(books.pool), vault, clock=clock, rules=rules)


def _of(facts: list[Fact], kind: type[Fact]) -> list[Fact]:
    return [fact for fact in facts if isinstance(fact, kind)]


def test_every_fact_of_a_big_log_opens_and_folds(books: Books, report: LogReport) -> None:
    facts = [one.fact for one in books.facts()]
    assert len(facts) == report.facts
    assert FACTS - 3 < report.facts <= FACTS
    assert len({fact.TOPIC for fact in facts}) >= KINDS
    assert len(_of(facts, AccountOpened)) == report.members
    rows = {view.name: fold(view, {}, books.facts()) for view in all_views(SITE)}
    # Nobody is asked, or writes, for messages to lists.
    assert {name for name, own in rows.items() if not own} == {"list_messages", "consents"}


def test_a_big_log_is_in_the_order_in_which_things_happened(
    books: Books, report: LogReport
) -> None:
    facts = books.facts()
    assert [one.position for one in facts] == list(range(1, report.facts + 1))
    recorded = [one.fact.recorded_at for one in facts]
    assert recorded == sorted(recorded)
    assert recorded[0] >= FOUNDED
    assert recorded[-1] < UNTIL
    versions: Counter[object] = Counter()
    for _, fact in facts:
        versions[fact.originator_id] += 1
        assert fact.originator_version == versions[fact.originator_id]


def test_saves_of_a_big_log_are_whole(books: Books, report: LogReport) -> None:
    with books.pool.connection() as connection:
        rows = connection.execute(
            "SELECT following, state FROM ledger.facts ORDER BY position"
        ).fetchall()
    left = 0
    for following, _ in rows:
        assert following == (left - 1 if left else following)
        left = following
    assert left == 0
    assert max(following for following, _ in rows) >= 2


def test_identifiers_in_a_big_log_are_those_that_the_ledger_derives(
    books: Books, report: LogReport
) -> None:
    facts = [one.fact for one in books.facts()]
    orders = [fact for fact in facts if isinstance(fact, OrderPlaced)]
    assert orders
    for order in orders:
        assert order.originator_id == ids.order(order.membership_id, order.charge_index)
    attempts = {ids.attempt(order.originator_id, n) for order in orders for n in (1, 2, 3)}
    assert {fact.attempt_id for fact in facts if isinstance(fact, Paid)} <= attempts


def test_people_of_a_big_log_differ_and_seeds_make_others() -> None:
    some = [person(SEED, number) for number in range(200)]
    assert len({one.member_id for one in some}) == len({one.email for one in some}) == 200
    assert len({one.key for one in some}) == 200
    assert {one.pattern for one in some[: len(PATTERNS)]} == set(range(len(PATTERNS)))
    assert person(SEED, 3) == some[3]
    assert person(SEED + 1, 3).member_id != some[3].member_id


def test_the_ledger_goes_on_with_a_big_log(books: Books, report: LogReport) -> None:
    clock = VirtualClock(UNTIL)
    ledger = _ledger(books, clock)
    facts = [one.fact for one in books.facts()]
    members = [ledger.member(fact.originator_id) for fact in _of(facts, AccountOpened)]
    member, membership = next(
        (member, membership)
        for member in members
        for membership in member.memberships.values()
        if membership.billing == "current" and membership.is_running(UNTIL)
        if membership.terms.model == "recurring" and membership.cancelled_at is None
    )
    assert membership.period_end is not None
    clock.advance_to(membership.period_end + timedelta(minutes=1))
    by, cause = Actor(kind="scheduler"), Cause(kind="job", id=ids.new())
    index = membership.charge_index + 1
    ledger.begin_charge(member.id, membership.membership_id, charge_index=index, by=by, cause=cause)
    order = ledger.order(ids.order(membership.membership_id, index))
    assert order.open_attempt is not None
    position = ledger.settle_charge(
        order.id,
        order.open_attempt.attempt_id,
        reference="py_next",
        amount=order.placed.amount,
        by=by,
        cause=cause,
    )
    assert position == report.facts + 4
    assert ledger.member(member.id).membership(membership.membership_id).charge_index == index


def test_what_is_unique_is_claimed_in_a_big_log(books: Books, report: LogReport) -> None:
    ledger = _ledger(books, VirtualClock(UNTIL))
    facts = [one.fact for one in books.facts()]
    someone = next(fact for fact in facts if isinstance(fact, AccountOpened))
    assert ledger.member_by_email(someone.email.upper()) == someone.originator_id
    stranger = ids.new()
    with pytest.raises(EmailTaken):
        ledger.open_account(
            stranger,
            email=someone.email,
            name="Someone Else",
            locale="en",
            by=Actor(kind="member", id=stranger),
            cause=Cause(kind="request", id=ids.new()),
        )
    paid = next(fact for fact in facts if isinstance(fact, Paid))
    assert ledger.owner_of("payment", paid.reference.encode()) == paid.originator_id
    joined = next(fact for fact in facts if isinstance(fact, Joined))
    assert ledger.owner_of("account_used", joined.originator_id.bytes) == joined.originator_id
    uses = ledger.discount_by_code(WELCOME.text).redemptions
    assert 0 < len(uses) < len(facts)


def test_several_processes_make_the_log_that_one_makes(
    books: Books, report: LogReport, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(big_log, "FACTS_AT_ONCE", 100)
    again = make_log(database, MASTER_KEY, FACTS, SEED, workers=2)
    assert again.facts == report.facts
    with opened(database) as others:
        made = [one.fact for one in others.facts()]
        assert [fact for fact in made if fact.member_id] == [
            one.fact for one in books.facts() if one.fact.member_id
        ]
