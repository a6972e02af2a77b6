"""The inbox: notices are kept at once, worked off later, and never lost.

A notice is a hint; the object that it is about is fetched, and that is believed. What is ours but
unknown is tried again with growing pauses, for a day and some times at least, and then left to a
person, with an alarm. Where the company does not answer there is an alarm after as long, and the
notice is tried on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Literal

from ledger import ids
from ledger.billing.observing import MandateNotKnown, NotOurs, Observing
from ledger.clock import Clock
from ledger.errors import LedgerError
from ledger.facts import Cause
from ledger.payments.gateway import Gateway, Notice, NoticeRejected, OutcomeUnknown
from ledger.store.inbox import Arrival, Came, InboxTable, Listed, State, Taken
from ledger.store.refusals import AWAY
from ledger.traces import trace

AT_ONCE = 100
"""How many notices one run takes."""
HELD_FOR = timedelta(minutes=15)
"""How long a run may take for what it took; after it others do it again."""
FIRST_PAUSE, LONGEST_PAUSE = timedelta(seconds=30), timedelta(hours=2)
PATIENCE, FEWEST_TRIES = timedelta(hours=24), 8
"""How long, and how often at least, a notice is tried before it is left to a person: a day in
which no worker ran is no patience.
"""
OVERLAP = timedelta(hours=2)
"""How much of what was fetched before is fetched again: notices may show up late."""
REACHES_BACK = timedelta(days=30)
"""How far companies remember what they told."""
BODIES_KEPT = timedelta(days=90)
UNANSWERED = "unanswered"
EVIDENCE = frozenset({"content-type", "date", "user-agent"})
"""Headers that are kept beside those that sign."""

log = logging.getLogger(__name__)


@dataclass
class InboxReport:
    """How many notices came to what: processed, ignored_foreign, retrying, unanswered, dead.

    unanswered: tried again though the company has been silent about it for a day.
    `is_silent`: the company did not answer about the last of them, so that no other was tried.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    is_silent: bool = False

    @property
    def is_well(self) -> bool:
        """Whether nothing needs a person."""
        return not self.outcomes["dead"] and not self.outcomes[UNANSWERED]


class Inbox:
    """Notices of one payment company, from the first byte to the facts.

    `company` is how the address names it that notices are posted to.
    """

    def __init__(
        self,
        table: InboxTable,
        gateway: Gateway,
        observing: Observing,
        clock: Clock,
        *,
        company: str = "sandbox",
    ) -> None:
        self.table, self.gateway, self.company = table, gateway, company
        self.observing, self.clock = observing, clock

    # --- taking in --------------------------------------------------------------------

    def receive(self, raw: bytes, headers: Mapping[str, str]) -> Literal["new", "known"]:
        """Keep what was posted to us, if it can be believed; nothing else is done with it now.

        Raises NoticeRejected, before anything is asked of the database.
        """
        notice = self.gateway.verify_notice(raw, headers)
        if notice.mode != self.observing.ledger.rules.mode:
            raise NoticeRejected(why=f"it is about {notice.mode} money")
        kept = {name.lower(): said for name, said in headers.items() if _is_evidence(name)}
        new = self._keep([notice], "posted", kept)
        return "new" if new else "known"

    def catch_up(self) -> int:
        """Fetch what was not posted to us, or got lost; how many notices were new."""
        account, now = self._account, self.clock.now()
        before = self.table.caught_up_at(account) or now - REACHES_BACK
        notices = self.gateway.list_notices(since=before - OVERLAP)
        new = self._keep(notices, "fetched", {})
        self.table.catch_up(account, now)
        return new

    def heard_until(self) -> datetime | None:
        """Up to when all that the company told is worked off; None before the first time."""
        caught_up_at, waiting = self.table.caught_up_at(self._account), self.table.waiting_from()
        return caught_up_at and min(caught_up_at, waiting or caught_up_at)

    # --- working off ------------------------------------------------------------------

    def work(self, limit: int = AT_ONCE) -> InboxReport:
        """Make facts of what waits, at most so many notices; any number of workers may.

        It stops where the company does not answer; what was not tried by then waits as it did.
        Raises what the database raises: what was taken and not done is taken up again.
        """
        report, now = InboxReport(), self.clock.now()
        taken = self.table.take(limit, now=now, until=now + HELD_FOR)
        for done, one in enumerate(taken, start=1):
            report.outcomes[self._work_on(one, report)] += 1
            if report.is_silent:
                self.table.let_go(taken[done:])
                break
        return report

    def retry(self, number: int | None = None) -> int:
        """Try again what was left to a person: one notice, or all; how many."""
        return self.table.retry(number, now=self.clock.now())

    def left_to_people(self, limit: int = AT_ONCE) -> list[Listed]:
        """What was given up, oldest first."""
        return self.table.listed(["dead"], limit=limit)

    def given_up(self) -> int:
        """How many notices are left to a person."""
        return self.table.dead()

    def unanswered(self) -> int:
        """About how many notices the company has been silent for a day, and still is."""
        since = self.clock.now() - PATIENCE
        return self.table.unsettled(OutcomeUnknown.code, since=since, tries=FEWEST_TRIES)

    def forget_bodies(self) -> int:
        """Let go of what was sent long ago and is done: it names people; how many."""
        return self.table.forget(self.clock.now() - BODIES_KEPT)

    # --- within -----------------------------------------------------------------------

    @cached_property
    def _account(self) -> str:
        return self.gateway.identify().account

    def _keep(self, notices: Sequence[Notice], came: Came, headers: Mapping[str, str]) -> int:
        arrivals = [
            Arrival(
                account=notice.account,
                notice_id=notice.id,
                mode=notice.mode,
                kind=notice.kind,
                object_id=notice.object_id,
                made_at=notice.made_at,
                body=notice.body,
                came=came,
                headers=headers,
            )
            for notice in notices
        ]
        return self.table.add(arrivals, now=self.clock.now())

    def _work_on(self, taken: Taken, report: InboxReport) -> str:
        state: State
        why = None
        try:
            state = self._facts_of(taken)
        except AWAY:
            raise  # nothing is wrong with the notice
        except NotOurs as others:
            state, why = "ignored_foreign", others.code
        except LedgerError as refusal:
            state, why = self._later(taken, refusal), refusal.code
            report.is_silent = isinstance(refusal, OutcomeUnknown)
        except Exception as error:  # noqa: BLE001 -- the other notices must not wait for our mistake
            state, why = self._later(taken, error), type(error).__name__
            log.error("notice %s: %s", taken.number, "\n".join(trace(error)))  # noqa: TRY400
        now = self.clock.now()
        if state == "dead":
            log.error("notice %s (%s) is left to a person: %s", taken.number, taken.kind, why)
        self.table.settle(taken, state, next_at=now + _pause(taken.tries), why=why, now=now)
        if report.is_silent and self._is_out_of_patience(taken):
            log.error("notice %s (%s) has had no answer for a day", taken.number, taken.kind)
            return UNANSWERED
        return state

    def _facts_of(self, taken: Taken) -> State:
        resolved = self.gateway.resolve(_notice(taken))
        if resolved.foreign:
            return "ignored_foreign"
        cause = Cause(kind="notice", id=ids.derived(ids.SITE, taken.account, taken.notice_id))
        for seen in resolved.observations:
            self.observing.take_in(seen, cause=cause)
        return "processed"

    def _later(self, taken: Taken, error: Exception) -> State:
        # Silence is no answer: only an answer uses patience up.
        if isinstance(error, OutcomeUnknown) or not self._is_out_of_patience(taken):
            return "retrying"
        return "ignored_foreign" if isinstance(error, MandateNotKnown) else "dead"

    def _is_out_of_patience(self, taken: Taken) -> bool:
        waited = self.clock.now() - taken.tried_from
        return waited >= PATIENCE and taken.tries >= FEWEST_TRIES


def _pause(tries: int) -> timedelta:
    """Twice as long each time: 30 seconds, a minute, up to two hours."""
    doubled: timedelta = FIRST_PAUSE * 2 ** min(tries - 1, 20)
    return min(doubled, LONGEST_PAUSE)


def _notice(taken: Taken) -> Notice:
    return Notice(
        id=taken.notice_id,
        kind=taken.kind,
        object_id=taken.object_id,
        account=taken.account,
        mode=taken.mode,
        made_at=taken.made_at,
        body=taken.body,
    )


def _is_evidence(name: str) -> bool:
    return name.lower().endswith("-signature") or name.lower() in EVIDENCE
