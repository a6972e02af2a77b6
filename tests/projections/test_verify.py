"""Proof before the swap: whatever is planted is caught, refused and shown row by row."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any, ClassVar, NamedTuple
from uuid import UUID

import pytest
from psycopg import Connection
from psycopg.pq import TransactionStatus

from ledger.order.facts import Paid, Refunded
from projections import chosen, verify
from projections.catalogue import all_views
from projections.check import Checker, ViewOutdated
from projections.chosen import Chosen
from projections.freshness import Views
from projections.members import MemberRow, Members
from projections.movements import MovementRow, Movements
from projections.rebuild import RebuildFailed
from projections.rebuild_rows import Mismatch
from projections.spending import Spending, SpendingRow
from projections.verify import Verifier
from projections.view import View, first, on
from tests.projections.books import EUROS, Books
from tests.projections.rebuilds import asked, at, digest_of, done, rebuilder, shadow, views_with
from tests.projections.stories import told
from tests.projections.test_engine import assert_true

EDIT_ONE = """
UPDATE members SET locale = 'xx'
 WHERE member_id::text = (SELECT max(member_id::text) FROM members)
"""
COUNT_TOUCHED = """
SELECT count(DISTINCT subject_id) FROM ledger.facts
 WHERE position > (SELECT max(target) FROM views.rebuilds)
"""
EDIT_UNTOUCHED = """
UPDATE members SET locale = 'xx'
 WHERE member_id = (SELECT member_id FROM members
                     WHERE NOT EXISTS (SELECT FROM ledger.facts
                                        WHERE position > (SELECT max(target) FROM views.rebuilds)
                                          AND subject_id = member_id)
                     ORDER BY member_id DESC LIMIT 1)
"""
ONE_TOO_MANY = """
INSERT INTO notes
SELECT member_id, member_id, 'x', 'member', NULL, opened_at, NULL, 0 FROM members LIMIT 1
"""
LEAVE_OUT = """
UPDATE views.rebuilds SET aside = (
    SELECT ARRAY[max(position)] FROM ledger.facts WHERE topic = 'order.paid')
"""


class Case(NamedTuple):
    """What is planted, and which check must see it."""

    view: View[Any]
    check: str


class Forgets(Spending):
    """Refunds are not counted."""

    version = 2
    changes: ClassVar[frozenset[str]] = frozenset({"refunded", "net", "position"})

    @on(Refunded)
    def settled(self, row: SpendingRow, fact: Any) -> SpendingRow:
        """Nothing happens."""
        return row


class CountsTwice(Spending):
    """Payments are counted twice."""

    version = 2
    changes: ClassVar[frozenset[str]] = frozenset({"gross", "net", "payments"})

    @on(Paid)
    def settled(self, row: SpendingRow, fact: Any) -> SpendingRow:
        """Once, and again."""
        again = super().settled
        return again(again(row, fact), fact)


class Miscalculates(Spending):
    """Net is off by one, where much was spent."""

    version = 2
    changes: ClassVar[frozenset[str]] = frozenset({"net"})

    @on(Paid)
    def settled(self, row: SpendingRow, fact: Any) -> SpendingRow:
        """One cent too many."""
        row = super().settled(row, fact)
        return row._replace(net=row.net + 1)


class Drops(Movements):
    """Payments of a certain kind make no row."""

    version = 2

    @first(Paid)
    def paid(self, fact: Paid) -> MovementRow | None:  # type: ignore[override]
        """Lost if the cents are odd."""
        return None if fact.amount.minor % 2 == 0 else super().paid(fact)


def refused(books: Books, *views: View[Any], **changes: Any) -> tuple[Mismatch, ...]:
    """What verification found; the rows that served still do."""
    names = [view.name for view in views] or ["members"]
    before = {name: digest_of(books, view) for name, view in named(names).items()}
    own = rebuilder(books, views_with(*views), **changes)
    with pytest.raises(RebuildFailed, match="the old rows go on serving"):
        own.run(names)
    assert {name: digest_of(books, view) for name, view in named(names).items()} == before
    found = own.latest()[0].rebuild.differences
    assert found
    return found


def named(names: list[str]) -> dict[str, View[Any]]:
    """The site's views of these names."""
    return {view.name: view for view in all_views(EUROS) if view.name in names}


@pytest.fixture
def served(books: Books) -> Books:
    """Books whose views serve."""
    books.tell(1, 250)
    books.follower().catch_up()
    return books


@pytest.mark.parametrize(
    "view",
    [Forgets(), CountsTwice(), Miscalculates(), Drops(EUROS)],
    ids=lambda v: type(v).__name__,
)
def test_a_fold_that_drops_or_miscounts_money_breaks_a_law(served: Books, view: View[Any]) -> None:
    found = [one for one in refused(served, view) if one.check == "law"]
    assert found
    assert all(one.expected != one.found for one in found)


def test_a_fact_that_is_applied_twice_is_caught(served: Books) -> None:
    def again() -> None:
        twice = "UPDATE members SET gross = gross + 500, spent = spent + 500 WHERE gross > 0"
        done(served, twice, shadow(served))

    found = refused(served, Members(EUROS), tell=at("verifying", again))
    assert {"refold", "digest", "live", "law"} <= {one.check for one in found}
    assert ("gross", "spent") in {one.columns for one in found}


def test_a_row_edited_by_hand_before_the_swap_is_caught_without_a_sample(served: Books) -> None:
    def edit() -> None:
        done(served, EDIT_ONE, shadow(served))

    view = Relocated(EUROS)
    found = refused(served, view, tell=at("verifying", edit), sample=0)
    assert {one.check for one in found} == {"digest"}
    assert len({one.key for one in found}) == 1


class Relocated(Members):
    """Means to change a column, so that what serves says nothing about it."""

    version = Members.version + 1
    changes: ClassVar[frozenset[str]] = frozenset({"locale"})


def test_the_others_are_proved_however_many_got_something_since(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit of somebody to whom nothing came is seen, and nobody is folded again to see it."""
    saves, people = told(1, 290), list[UUID]()
    for changed in islice(saves, 140):
        books.save(*changed)
    books.follower().catch_up()
    monkeypatch.setattr(verify, "PROVED_AGAIN", 0)
    of_subject = books.recorder.of_subject

    def go_on() -> None:
        for changed in saves:
            books.save(*changed)

    def edit() -> None:
        done(books, EDIT_UNTOUCHED, shadow(books))
        monkeypatch.setattr(books.recorder, "of_subject", read)

    def read(person: UUID) -> Any:
        people.append(person)
        return of_subject(person)

    acts = [at("building", go_on), at("verifying", edit)]
    found = refused(books, Relocated(EUROS), tell=lambda how: [act(how) for act in acts], sample=0)
    assert [one.check for one in found] == ["digest"]
    assert len(people) == 1, "the least sample is of one"
    [(touched,)] = asked(books, COUNT_TOUCHED)
    assert touched > 5


def test_a_row_edited_by_hand_where_it_serves_is_caught_and_shown(served: Books) -> None:
    done(served, EDIT_ONE)
    found = refused(served, Members(EUROS))
    assert {(one.check, one.columns) for one in found} == {("live", ("locale",))}
    assert all(len(one.expected) <= 16 for one in found)
    assert "xx" not in repr(found)


def test_rows_known_to_be_wrong_are_replaced_when_that_is_asked(served: Books) -> None:
    done(served, "UPDATE views.members SET locale = 'xx'")
    rebuilder(served).run(["members"], replaces_damaged=True)
    assert_true(served)


def test_a_dropped_fact_is_caught(served: Books) -> None:
    own = rebuilder(served)
    crew = own.crew

    class Careless:
        def fold(self, rebuild_id: Any, numbers: Any) -> Any:
            done(served, LEAVE_OUT)
            yield from crew.fold(rebuild_id, numbers)
            done(served, "UPDATE views.rebuilds SET aside = '{}'")

    found = refused(served, Spending(), crew=Careless())
    assert {"law", "refold", "live"} <= {one.check for one in found}


def test_what_a_version_changes_must_be_declared(served: Books) -> None:
    class Louder(Members):
        version = Members.version + 1

        @first(*(fact for fact in Members.handlers if fact.TOPIC == "member.account_opened"))
        def account_opened(self, fact: Any) -> MemberRow:
            return super().account_opened(fact)._replace(locale="en_GB")

    found = refused(served, Louder(EUROS))
    assert {(one.check, one.columns) for one in found} == {("live", ("locale",))}
    Louder.changes = frozenset({"locale"})
    assert rebuilder(served, views_with(Louder(EUROS))).run(["members"]).state == "live"


def test_a_new_column_is_no_difference(served: Books) -> None:
    done(served, "ALTER TABLE views.members DROP COLUMN locale CASCADE")
    assert rebuilder(served).run(["members"]).state == "live"
    assert_true(served)


# --- what serves --------------------------------------------------------------------------


def checker(books: Books) -> Checker:
    """The check of the site's views."""
    return Checker(books.dsn, books.recorder, books.mapper, all_views(EUROS), books.clock)


def test_rows_that_are_right_are_found_right(served: Books) -> None:
    assert checker(served).check(everybody=True) == []


@pytest.mark.parametrize("look", [lambda c: c.check(["members"]), lambda c: c.turn()])
def test_an_edited_row_is_found_and_answers_carry_a_warning(
    served: Books, look: Callable[[Checker], list[Mismatch]]
) -> None:
    done(served, "UPDATE views.members SET locale = 'xx'")
    found = look(checker(served))
    assert {(one.check, one.view, one.columns) for one in found} == {
        ("refold", "members", ("locale",))
    }
    views = Views(served.pool, served.clock, all_views(EUROS))
    assert views.freshness().damaged == ("members",)
    rebuilder(served).run(["members"], replaces_damaged=True)
    assert views.freshness().damaged == ()


def test_a_row_that_is_missing_and_one_too_many_are_found(served: Books) -> None:
    done(served, "DELETE FROM views.spending WHERE net = (SELECT max(net) FROM views.spending)")
    done(served, ONE_TOO_MANY)
    found = checker(served).check(everybody=True)
    missing = [one for one in found if one.view == "spending" and one.check == "refold"]
    extra = [one for one in found if one.view == "notes" and one.check == "refold"]
    assert all(one.found == "" for one in missing)
    assert [one.expected for one in extra] == [""]
    assert {one.view for one in found if one.check == "law"} == {"spending", "notes"}


def test_a_view_of_another_version_is_not_called_right(served: Books) -> None:
    done(served, "UPDATE views.positions SET shape = 'another' WHERE name = 'members'")
    with pytest.raises(ViewOutdated, match="members"):
        checker(served).check(["members"])


def test_the_check_goes_round(served: Books) -> None:
    own = checker(served)
    assert own.turn() == []
    with served.pool.connection() as connection:
        rotation = own.rotation(connection)
    (people,) = asked(served, "SELECT count(DISTINCT subject_id) FROM ledger.facts")[0]
    assert (rotation.rounds, rotation.people) == (1, people)


def test_what_stands_still_is_verified_without_a_lasting_snapshot(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    within, isolated = list[TransactionStatus](), list[str]()
    again, live = Verifier.again, Verifier.live

    def folded(self: Verifier, connection: Connection[Any], *rest: Any, **named: Any) -> Any:
        within.append(connection.info.transaction_status)
        return again(self, connection, *rest, **named)

    def beside(self: Verifier, connection: Connection[Any], *rest: Any, **named: Any) -> Any:
        row = connection.execute("SELECT current_setting('transaction_isolation')").fetchone()
        isolated.append(row[0] if row else "")
        return live(self, connection, *rest, **named)

    monkeypatch.setattr(Verifier, "again", folded)
    monkeypatch.setattr(Verifier, "live", beside)
    rebuilder(books).run(["members", "spending"])
    assert set(within) == {TransactionStatus.IDLE}
    assert isolated == ["repeatable read"] * 2


def test_those_who_were_touched_meanwhile_are_folded_again_once_for_all_views(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    books.tell(1, 120)
    books.follower().catch_up()
    read: dict[Any, int] = {}
    of_subject = type(books.recorder).of_subject

    def count(recorder: Any, subject_id: Any) -> Any:
        read[subject_id] = read.get(subject_id, 0) + 1
        return of_subject(recorder, subject_id)

    def meanwhile() -> None:
        books.tell(2, 30)
        with books.follower().leading() as leader:
            while leader.step():
                pass
        monkeypatch.setattr(type(books.recorder), "of_subject", count)

    own = rebuilder(books, tell=at("building", meanwhile))
    assert own.run([view.name for view in own.views]).state == "live"
    # In the sample; and as they are, if something came to them.
    assert set(read.values()) == {1, 2}


def test_everybody_is_verified_in_parts_each_in_a_snapshot_of_its_own(
    served: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots, most = list[tuple[str, str]](), list[int]()
    people, sums = Verifier.people, Verifier.sums

    def noted(connection: Connection[Any], what: str) -> None:
        query = "SELECT now()::text || current_setting('transaction_isolation')"
        row = connection.execute(query).fetchone()
        snapshots.append((what, row[0] if row else ""))

    def folded(self: Verifier, connection: Connection[Any], tables: Any, own: Chosen) -> Any:
        noted(connection, "people")
        most.append(len([*own.people, *own.streams]))
        return people(self, connection, tables, own)

    def added(self: Verifier, connection: Connection[Any], *rest: Any, **named: Any) -> Any:
        noted(connection, "sums")
        return sums(self, connection, *rest, **named)

    monkeypatch.setattr(chosen, "CHUNK", 4)
    monkeypatch.setattr(Verifier, "people", folded)
    monkeypatch.setattr(Verifier, "sums", added)
    assert checker(served).check(everybody=True) == []
    (persons,) = asked(served, "SELECT count(DISTINCT subject_id) FROM ledger.facts")[0]
    assert max(most) <= 4
    assert sum(most) >= persons > 4
    assert len({began for _, began in snapshots}) == len(snapshots)
    assert all(began.endswith("repeatable read") for _, began in snapshots)
    assert [what for what, _ in snapshots].count("sums") == len(all_views(EUROS))


def test_what_is_wrong_in_a_later_part_is_found_too(
    served: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chosen, "CHUNK", 4)
    (last,) = asked(served, "SELECT member_id FROM members ORDER BY member_id DESC LIMIT 1")[0]
    with served.pool.connection() as connection:
        connection.execute("UPDATE members SET spent = spent + 1 WHERE member_id = %s", (last,))
    found = [one for one in checker(served).check(everybody=True) if one.check == "refold"]
    assert [(one.view, one.key, one.columns) for one in found] == [
        ("members", str(last), ("spent",))
    ]
