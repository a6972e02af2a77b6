"""Books with a past, and moments that are kept of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random

from ledger import ids
from ledger.facts import Actor, Cause, Stamp
from projections.catalogue import all_views
from projections.moment_building import Builder
from projections.moments import (
    Moment,
    Moments,
    MomentSource,
)
from projections.view import fold
from tests.projections.books import EUROS, Books
from tests.projections.stories import START, Story
from tests.projections.tables import Tables, plain, stored

ROOMY = 1 << 40
HOUR = timedelta(hours=1)
FOLD_PART = "projections.moment_building.fold_part"


class Kept:
    """Books with a past, and what is kept of it."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.story = Story(Random(1))  # noqa: S311 -- a story, not a secret
        for save in self.story.found():
            books.save(*save)
        self.live(120)
        books.follower().catch_up()
        self.moments = Moments(books.pool, books.recorder, all_views(EUROS), books.clock)
        self.moments.lay_out()
        self.builder = self.built_by()

    def live(self, commands: int) -> None:
        """More happens; the clock stands at its end."""
        until = self.story.commands + commands
        while self.story.commands < until:
            self.books.save(*self.story.step())
        self.books.clock.advance_to(self.story.now)

    def built_by(self, most_bytes: int = ROOMY) -> Builder:
        """Somebody who builds."""
        return Builder(self.books.dsn, self.moments, self.books.mapper, most_bytes)

    def at(self, share: float) -> datetime:
        """An instant of the past: 0 is its beginning, 1 its end."""
        return START + (self.books.clock.now() - START) * share

    def planned(self, as_of: datetime, position: int | None = None) -> Moment:
        """A moment, ready or not."""
        known = self.books.recorder.horizon() if position is None else position
        return self.moments.at(as_of, known)

    def ready(self, as_of: datetime, position: int | None = None) -> Moment:
        """A moment that is ready."""
        if self.planned(as_of, position).state != "ready":
            self.builder.build_waiting()
        moment = self.planned(as_of, position)
        assert moment.state == "ready", moment
        return moment

    def rows(self, moment: Moment) -> Tables:
        """All that a moment holds, in an order of its own."""
        rows = stored(MomentSource(self.books.pool, moment), EUROS)
        return {name: sorted(own, key=repr) for name, own in rows.items()}

    def folded(self, as_of: datetime, position: int) -> Tables:
        """The same by a plain fold over the facts that count."""
        facts = [
            one
            for one in self.books.facts()
            if one.position <= position and one.fact.occurred_at <= as_of
        ]
        rows = {view.name: plain(fold(view, {}, facts).values()) for view in all_views(EUROS)}
        return {name: sorted(own, key=repr) for name, own in rows.items()}

    def pay_late(self, occurred_at: datetime) -> int:
        """A second payment of an order is learned now; its position."""
        order = next(one for one in self.story.orders.values() if not one.paid.is_zero)
        order.pay(
            next(iter(order.attempts)),
            reference=f"py_late_{occurred_at}",
            amount=order.placed.amount,
            stamp=Stamp(
                actor=Actor(kind="gateway"),
                cause=Cause(kind="notice", id=ids.new()),
                occurred_at=occurred_at,
                recorded_at=self.books.clock.now(),
            ),
        )
        return self.books.save(order)

    def schemas(self) -> set[str]:
        """The schemas of all moments."""
        with self.books.pool.connection() as connection:
            rows = connection.execute(
                "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'moment%'"
            )
            return {name for (name,) in rows}
