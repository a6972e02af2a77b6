"""A life told once through the real aggregates, so that it can be told again of other people.

Every instant of it is a moment: so long after the nth charge of one of its calendars falls due.
Every identifier of it derives from the person's. So with another person and another day of
sign-up, all else follows (big_templates.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple, cast
from uuid import UUID

from ledger import ids
from ledger.facts import Actor, Aggregate, Cause, Fact, Stamp
from ledger.member import Member
from ledger.member.facts import Locale
from ledger.terms import charge_date
from scripts.benches.big_site import FREE, STAFF, ZONE, Offer

SIGNED_UP = datetime(2024, 1, 5, 9, 30, tzinfo=UTC)
"""When the person of whom a life is told first signs up."""
EMAIL, NAME = "somebody@example.org", "Some Body"
RENAMED = "Body Some"
LAST_FOUR, FINGERPRINT = "LAST", "fp_print"

BRANDS = ("visa", "mastercard")
DAY = timedelta(days=1)


class Moment(NamedTuple):
    """An instant of a life: so long after the nth charge of a calendar falls due."""

    calendar: int
    charge: int = 0
    after: timedelta = timedelta()


class Calendar(NamedTuple):
    """When a plan's charges fall due, from joining on; the first one begins with signing up."""

    offer: Offer
    anchor: Moment | None


class Calendars:
    """The calendars of one person, who signed up at an instant."""

    def __init__(self, calendars: Sequence[Calendar], signed_up: datetime) -> None:
        self._calendars = calendars
        self._due: dict[tuple[int, int], datetime] = {(0, 0): signed_up}

    def instant(self, moment: Moment) -> datetime:
        """When a moment was."""
        return self.due(moment.calendar, moment.charge) + moment.after

    def due(self, calendar: int, charge: int) -> datetime:
        """When the nth charge of a calendar falls due."""
        found = self._due.get((calendar, charge))
        if found is None:
            found = self._due[calendar, charge] = self._reckoned(calendar, charge)
        return found

    def _reckoned(self, number: int, charge: int) -> datetime:
        calendar = self._calendars[number]
        if charge == 0:
            return self.instant(cast("Moment", calendar.anchor))
        return charge_date(calendar.offer.terms, self.due(number, 0), charge, ZONE)

    def moment(self, number: int, instant: datetime) -> Moment:
        """The moment of a calendar that an instant is: after the last charge before it."""
        charge = 0
        if self._calendars[number].offer.terms.repeats:
            while self.due(number, charge + 1) <= instant:
                charge += 1
        return Moment(number, charge, instant - self.due(number, charge))


class Told(NamedTuple):
    """One save: when it was recorded, and its facts."""

    recorded: Moment
    facts: list[Fact]


class Life:
    """One person, and all that is recorded of them, save by save."""

    def __init__(self, locale: Locale, country: str) -> None:
        self.ids: dict[UUID, tuple[UUID, tuple[object, ...]]] = {}
        self.calendars = [Calendar(FREE, None)]
        self.when = Calendars(self.calendars, SIGNED_UP)
        self.saves: list[Told] = []
        self.country = country
        self.member_id = ids.derived(ids.SITE, "big", "somebody")
        self._methods = 0
        stamp = self.stamp(Moment(0), self.by_themself)
        self.member = Member.open_account(
            self.member_id, email=EMAIL, name=NAME, locale=locale, stamp=stamp
        )
        self.keep(Moment(0), self.member)

    # --- what every act needs ---------------------------------------------------------

    @property
    def by_themself(self) -> Actor:
        """The person."""
        return Actor(kind="member", id=self.member_id)

    def id(self, parent: UUID, *words: object) -> UUID:
        """An identifier that another person's life has too, derived from theirs."""
        made = ids.derived(parent, *words)
        self.ids[made] = (parent, words)
        return made

    def stamp(self, moment: Moment, by: Actor, *, late: timedelta = timedelta()) -> Stamp:
        """By whom and when; `late` says how long before it is recorded it was true."""
        kind: Literal["job", "notice", "request"] = "request"
        if by.kind in {"scheduler", "gateway"}:
            kind = "job" if by.kind == "scheduler" else "notice"
        cause = Cause(kind=kind, id=self.id(self.member_id, "cause", len(self.saves)))
        instant = self.when.instant(moment)
        return Stamp(by, cause, instant - late, instant)

    def keep(self, moment: Moment, *changed: Aggregate) -> None:
        """One save of what is pending."""
        facts = [cast("Fact", fact) for one in changed for fact in one.collect_events()]
        if facts:
            self.saves.append(Told(moment, facts))

    # --- account ----------------------------------------------------------------------

    def verify(self, *, minutes: int = 4) -> None:
        """Follows the link."""
        moment = Moment(0, after=timedelta(minutes=minutes))
        self.member.verify_email(stamp=self.stamp(moment, self.by_themself))
        self.keep(moment, self.member)

    def rename(self, moment: Moment) -> None:
        """Turns the name around."""
        stamp = self.stamp(moment, self.by_themself)
        self.member.rename(" ".join(reversed(self.member.name.split())), stamp=stamp)
        self.keep(moment, self.member)

    @property
    def method_id(self) -> str:
        """The gateway's name of the present payment method, saved or about to be."""
        return f"pm_{self.id(self.member_id, 'method', self._methods)}"

    def save_method(self, stamp: Stamp) -> None:
        """The gateway tells of a card."""
        number = self._methods
        self.member.save_method(
            stamp=stamp,
            method_id=self.method_id,
            customer_id=f"cus_{self.member_id}",
            brand=BRANDS[number % len(BRANDS)],
            last_four=LAST_FOUR,
            fingerprint=FINGERPRINT,
            expires=f"20{30 + number}-0{1 + number}",
            country=self.country,
        )

    def replace_method(self, moment: Moment) -> None:
        """Another card."""
        self._methods += 1
        self.save_method(self.stamp(moment, self.by_themself))
        self.keep(moment, self.member)

    def write(self, moment: Moment, *, tag: str, note: str) -> None:
        """Staff tag the person and write a note, which is corrected a day later."""
        note_id = self.id(self.member_id, "note", len(self.saves))
        self.member.tag(tag, stamp=self.stamp(moment, STAFF))
        self.keep(moment, self.member)
        self.member.write_note(note_id, note, stamp=self.stamp(moment, STAFF))
        self.keep(moment, self.member)
        later = moment._replace(after=moment.after + DAY)
        self.member.correct_note(note_id, f"{note} Settled.", stamp=self.stamp(later, STAFF))
        self.keep(later, self.member)
