"""A member whose renewal failed, and the letter that tells them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from ledger import ids
from ledger.billing.news import Colleague, News
from ledger.facts import Actor, Cause
from ledger.member import Membership
from ledger.member.facts import ActionRequired, Locale
from ledger.order.facts import PaymentFailed
from ledger.payments.gateway import Rejected
from ledger.payments.sandbox_states import ACTION, sandbox_id
from tests.web.pages.conftest import Place
from web.mails.notice_letters import Sent, send_waiting
from web.sessions.mailbox import Mail

ASKS = "pm_card_authenticationRequired"
DECLINED_LATER = "pm_card_chargeCustomerFail"
EMAIL = "ada@example.org"


@dataclass(frozen=True)
class Owing:
    """Somebody who owes a renewal."""

    place: Place
    member_id: UUID
    membership_id: UUID

    @property
    def stay(self) -> Membership:
        """The membership, as the books have it now."""
        return self.place.parts.ledger.member(self.member_id).membership(self.membership_id)

    @property
    def order_id(self) -> UUID:
        """The renewal that failed."""
        return ids.order(self.membership_id, 1)

    def letter(self) -> Mail:
        """The latest mail to the member."""
        return self.place.parts.desk.mailbox.recent(to=EMAIL)[0].mail

    def link(self) -> str:
        """The path of the letter's link."""
        [url] = self.letter().links.values()
        return url.removeprefix(self.place.parts.settings.address)

    @property
    def bank(self) -> str:
        """Where the page that plays the bank is, for the link."""
        return self.link().replace("/pay?", "/pay/confirm?")

    def banks_approve(self) -> None:
        """Every bank that was asked about the renewal says yes, wanted or not."""
        for attempt_id in self.place.parts.ledger.order(self.order_id).attempts:
            with suppress(Rejected):
                action = sandbox_id(ACTION, attempt_id)
                self.place.parts.sandbox.authenticate(action=action, approved=True)

    def taken(self) -> list[int]:
        """What the company took of everybody, in cents, each payment."""
        now = self.place.clock.now()
        moved = self.place.parts.sandbox.list_movements(
            since=now - timedelta(days=100), until=now + timedelta(days=1)
        )
        return [each.amount.minor for each in moved if each.kind == "payment"]

    def tell(self, staff: Sequence[Colleague] = ()) -> int:
        """What the jobs do: queue what is to be told, and send it; how many letters."""
        sent = self.send(staff)
        assert sent.broken == []
        return sent.letters

    def send(self, staff: Sequence[Colleague] = ()) -> Sent:
        """The same, with what broke."""
        ledger = self.place.parts.ledger
        for order_id in (ids.order(self.membership_id, index) for index in (1, 2)):
            for fact in ledger.facts_of(order_id):
                if isinstance(fact, PaymentFailed):
                    News(ledger).tell(fact, staff, cause=job())
        for fact in ledger.facts_of(self.member_id):
            if isinstance(fact, ActionRequired):
                News(ledger).tell(fact, staff, cause=job())
        self.place.settle()
        sent = send_waiting(self.place.parts, cause=job())
        self.place.settle()
        return sent


def owing(
    place: Place, card: str = ASKS, *, lang: Locale = "en", plans: Sequence[str] = ("Gold",)
) -> Owing:
    """A member who joined with a card that fails when they are away, a month later.

    What they owe is for the first of the plans.
    """
    member_id = place.account(EMAIL)
    by = Actor(kind="member", id=member_id)
    if lang != "en":
        place.parts.ledger.choose_locale(member_id, lang, by=by, cause=job())
    for name in plans:
        joined = place.parts.collection.join(
            member_id, place.plan(name), method_token=card, by=by, cause=job()
        )
        attempt = place.parts.ledger.order(joined.order_id).open_attempt
        if attempt is not None:
            action = sandbox_id(ACTION, attempt.attempt_id)
            place.parts.sandbox.authenticate(action=action, approved=True)
            place.parts.collection.resume(joined.order_id, cause=job())
    place.clock.advance(timedelta(days=30))
    stays = list(place.parts.ledger.member(member_id).memberships)
    for membership_id in stays:
        charged = place.parts.collection.charge_due(member_id, membership_id, cause=job())
        assert charged.outcome == "declined"
    place.settle()
    return Owing(place, member_id, stays[0])


def job() -> Cause:
    """A run of a job."""
    return Cause(kind="job", id=ids.new())
