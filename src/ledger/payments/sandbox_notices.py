"""The sandbox's notices: what it tells of, to whom it posts, and what it answers when asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

from ledger import ids
from ledger.payments.balance import Movement
from ledger.payments.gateway import Delivery, Notice, Observation, Rejected, Resolved
from ledger.payments.sandbox_desk import Desk, answered
from ledger.payments.sandbox_disputes import dispute_of
from ledger.payments.sandbox_happenings import (
    Happening,
    happenings_of,
    is_told_twice,
    movements_of,
)
from ledger.payments.sandbox_signing import read, require_signed, signed, written
from ledger.payments.sandbox_states import (
    DISPUTE,
    MANDATE,
    METHOD,
    PAYMENT,
    REFUND,
    SETUP,
    fee_of,
    is_ours,
    key_in,
    mandate_of,
    method_change_of,
    payment_of,
    refund_of,
    setup_of,
    state_of,
)
from ledger.store.sandbox_sheets import Sheet

FIRST_POST_REACHES_BACK = timedelta(days=1)
"""What happened before that is asked for with `list_notices`, like all that never arrived."""


class Post(Desk):
    """The sandbox as it tells what happened. `_secrets`: the first signs, any is believed."""

    _secrets: Sequence[bytes]

    def verify_notice(self, raw: bytes, headers: Mapping[str, str]) -> Notice:
        """The notice that was sent to us. Raises NoticeRejected."""
        now = self._clock.now()
        require_signed(raw, headers, self._secrets, now)
        return read(raw, self.identify()).require_sound(now)

    @answered
    def resolve(self, notice: Notice) -> Resolved:
        """What the notice is about, as it stands now."""
        id_ = notice.object_id
        asked: dict[str, Callable[[str], Resolved]] = {
            PAYMENT: self._about_payment,
            REFUND: self._about_refund,
            DISPUTE: self._about_dispute,
            SETUP: lambda id_: Resolved([setup_of(self._made("setup", SETUP, id_))]),
            METHOD: lambda id_: Resolved([method_change_of(self._saved_sheet(id_))]),
            MANDATE: lambda id_: Resolved([mandate_of(self._saved_sheet(id_, MANDATE))]),
        }
        for prefix, answer in asked.items():
            if id_.startswith(prefix):
                return answer(id_)
        return Resolved(foreign=True)

    @answered
    def list_notices(self, *, since: datetime) -> Sequence[Notice]:
        """Every notice made at or after `since`, oldest first, also those that never arrived."""
        told = self._told(since, datetime.max.replace(tzinfo=UTC))
        return [read(body, self.identify()) for body in told]

    @answered
    def list_movements(self, *, since: datetime, until: datetime) -> Sequence[Movement]:
        """What moved the sandbox's balance at or after `since` and before `until`."""
        now = self._clock.now()
        moved = (
            movement
            for sheet in self._books.between(since, until)
            for movement in movements_of(sheet)
            if since <= movement.at < until and movement.at <= now
        )
        return sorted(moved, key=lambda movement: (movement.at, movement.id))

    @answered
    def deliveries(self, *, since: datetime, until: datetime) -> Sequence[Delivery]:
        """What a real company would post of all that happened from `since` to before `until`.

        Signed now. Nothing is kept: whoever posts them may drop, repeat and shuffle them.
        """
        now, told = self._clock.now(), self._told(since, until, stutters=True)
        return [signed(body, self._secrets[0], now) for body in told]

    @answered
    def post(self, deliver: Callable[[Delivery], bool]) -> int:
        """Deliver all that happened since the last post until one is not taken; how many were.

        `deliver` says whether it was taken. How far it got is kept in the sandbox's books. What
        happens at this very instant waits for the next post.
        """
        key, now = ids.derived(ids.SITE, "sandbox post", self._account), self._clock.now()
        begun = {"kind": "post", "until": (now - FIRST_POST_REACHES_BACK).isoformat()}
        sheet = Sheet(key, begun)
        sheet = self._books.add(sheet) or sheet

        since, taken = datetime.fromisoformat(sheet.state["until"]), 0
        for delivery in self.deliveries(since=since, until=now):
            if not deliver(delivery):
                now = read(delivery.raw, self.identify()).made_at
                break
            taken += 1
        state = {**sheet.state, "until": now.isoformat()}
        self._books.change(key, lambda sheet: sheet.changed(state, None))
        return taken

    def _about_payment(self, payment_id: str) -> Resolved:
        key, now = key_in(PAYMENT, payment_id), self._clock.now()
        sheet = self._books.sheet(key) if key else None
        if sheet is None or sheet.state["kind"] != "payment":
            raise Rejected(why="there is no such payment")
        return _about(sheet, now, fee_of(sheet, now))

    def _about_refund(self, gateway_refund_id: str) -> Resolved:
        (sheet, key), now = self._refunded(gateway_refund_id), self._clock.now()
        return _about(sheet, now, refund_of(sheet, key, now))

    def _about_dispute(self, dispute_id: str) -> Resolved:
        (sheet, key), now = self._disputed(dispute_id), self._clock.now()
        dispute = dispute_of(sheet, key, now)
        return _about(sheet, now, dispute)

    def _told(self, since: datetime, until: datetime, *, stutters: bool = False) -> list[bytes]:
        """The bodies of all notices between, oldest first; some twice if the company stutters."""
        now, told = self._clock.now(), []
        for sheet in self._books.between(since, until):
            copies = (0, 1) if is_told_twice(sheet) else (0,)
            for happening in happenings_of(sheet):
                if since <= happening.at < until and happening.at <= now:
                    bodies = [written(happening, self.identify(), copy) for copy in copies]
                    repeats = 2 if stutters and len(copies) > 1 else 1
                    told.append((_when(happening), bodies * repeats))
        return list(chain.from_iterable(bodies for _, bodies in sorted(told)))


def _when(happening: Happening) -> tuple[datetime, str, str]:
    return happening.at, happening.object_id, happening.kind


def _about(sheet: Sheet, now: datetime, *more: Observation | None) -> Resolved:
    """The payment, and what else is there of it."""
    if not is_ours(state_of(sheet)):
        return Resolved(foreign=True)
    return Resolved([payment_of(sheet, now), *(one for one in more if one is not None)])
