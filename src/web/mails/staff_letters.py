"""Letters to those who run the site: who joined, paid, cancelled, or paid twice (NO1, OR6)."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from ledger.contributor import Contributor
from ledger.member.facts import Joined, Left, Locale, SelfCancelled
from ledger.money import Money
from ledger.order.facts import Paid
from ledger.told import StaffKind
from projections.notices import NoticeRow
from web.mails.letter import HELLO, Letter
from web.mails.writing import Answer, NotTold
from web.parts import Parts
from web.wording.languages import day_for, money_for

NO_ROLE = NotTold("no_role")
"""Who ran the site does so no more."""
MUTED = NotTold("muted")
"""They asked not to be told of this, while the notice waited."""

Words = dict[str, dict[Locale, tuple[str, str]]]
"""The subject and the sentence, by what is told and by language."""

WORDS: Words = {
    "joined": {
        "en": ("{site}: {member} joined {plan}", "{member} has joined {plan} and paid {amount}."),
        "fr": (
            "{site}\u00a0: {member} a rejoint {plan}",
            "{member} a rejoint {plan} et payé {amount}.",
        ),
    },
    "joined_free": {
        "en": ("{site}: {member} joined {plan}", "{member} has joined {plan}; nothing was to pay."),
        "fr": (
            "{site}\u00a0: {member} a rejoint {plan}",
            "{member} a rejoint {plan}\u202f; il n’y avait rien à payer.",
        ),
    },
    "renewed": {
        "en": (
            "{site}: {member} paid {amount} for {plan}",
            "{member} has paid {amount} for {plan}, due on {due}.",
        ),
        "fr": (
            "{site}\u00a0: {member} a payé {amount} pour {plan}",
            "{member} a payé {amount} pour {plan}, dus le {due}.",
        ),
    },
    "cancelled": {
        "en": (
            "{site}: {member} cancelled {plan}",
            "{member} has cancelled {plan} and keeps access until {until}.",
        ),
        "fr": (
            "{site}\u00a0: {member} a annulé {plan}",
            "{member} a annulé {plan} et garde l’accès jusqu’au {until}.",
        ),
    },
    "left": {
        "en": ("{site}: {member} left {plan}", "{member} has left {plan}."),
        "fr": ("{site}\u00a0: {member} a quitté {plan}", "{member} a quitté {plan}."),
    },
    "twice": {
        "en": (
            "{site}: {member} paid for {plan} twice",
            "{amount} of {member} came in for {plan}, which was paid already. Nothing is given back"
            " by itself: look at the order, and refund what was not meant.",
        ),
        "fr": (
            "{site}\u00a0: {member} a payé {plan} deux fois",
            "{member} a payé {amount} pour {plan}, qui était déjà payé. Rien n’est remboursé"
            " tout seul\u00a0: voyez la commande, et remboursez ce qui n’était pas voulu.",
        ),
    },
}
MUTE = {
    "en": "You can mute these letters on the team page of the panel.",
    "fr": "Vous pouvez couper ces messages sur la page Équipe du panneau.",
}
SEE_MEMBER = {"en": "See the member", "fr": "Voir le membre"}
SEE_ORDER = {"en": "See the order", "fr": "Voir la commande"}


def told(parts: Parts, notice: NoticeRow) -> Contributor | NotTold:
    """Who is told, unless they have lost their role or muted the kind since it was queued."""
    colleague = parts.ledger.contributor(notice.recipient_id)
    if colleague.told_as is None:
        return NO_ROLE
    return MUTED if cast("StaffKind", notice.kind) in colleague.muted else colleague


def member_joined(parts: Parts, notice: NoticeRow, fact: Joined) -> Answer:
    """Who joined or bought what, and for how much."""
    order = parts.ledger.order(fact.order_id)
    said = {"plan": fact.plan_name, "amount": _money(notice, order.placed.amount)}
    words = "joined_free" if order.placed.amount.is_zero else "joined"
    return _letter(parts, notice, words, said)


def renewal_paid(parts: Parts, notice: NoticeRow, fact: Paid) -> Answer:
    """Who paid for another period, or another instalment; not what was taken back since."""
    order = parts.ledger.order(fact.originator_id)
    if fact.reference in order.reversed:
        return NotTold("payment_reversed")
    due = order.placed.due_at.astimezone(parts.settings.zone).date()
    said = {
        "plan": order.placed.plan_name,
        "amount": _money(notice, fact.amount),
        "due": day_for(_locale(notice), due),
    }
    return _letter(parts, notice, "renewed", said)


def member_cancelled(parts: Parts, notice: NoticeRow, fact: SelfCancelled | Left) -> Answer:
    """Who cancelled or left; not who changed their mind since."""
    stay = parts.ledger.member(_member_id(notice)).membership(fact.membership_id)
    if isinstance(fact, SelfCancelled) and stay.cancelled_at is None:
        return NotTold("cancellation_withdrawn")
    said = {"plan": stay.plan_name}
    if isinstance(fact, Left):
        return _letter(parts, notice, "left", said)
    until = fact.access_until.astimezone(parts.settings.zone).date()
    return _letter(parts, notice, "cancelled", {**said, "until": day_for(_locale(notice), until)})


def paid_twice(parts: Parts, notice: NoticeRow, fact: Paid) -> Answer:
    """Who paid twice for one charge; not where one of the payments went back since."""
    order = parts.ledger.order(fact.originator_id)
    if order.paid - order.refunded <= order.placed.amount:
        return NotTold("given_back")
    said = {"plan": order.placed.plan_name, "amount": _money(notice, fact.amount)}
    return _letter(parts, notice, "twice", said, order_id=order.id)


def _letter(
    parts: Parts,
    notice: NoticeRow,
    words: str,
    said: dict[str, str],
    *,
    order_id: UUID | None = None,
) -> Answer:
    colleague, locale = told(parts, notice), _locale(notice)
    if isinstance(colleague, NotTold):
        return colleague
    member = parts.ledger.member(_member_id(notice))
    subject, sentence = WORDS[words][locale]
    said = {**said, "site": parts.settings.site_name, "member": member.name}
    path = f"/panel/orders/{order_id}" if order_id else f"/panel/members/{member.id}"
    letter = Letter(
        subject=subject.format(**said),
        paragraphs=(
            HELLO[locale].format(name=colleague.name),
            sentence.format(**said),
            MUTE[locale],
        ),
        label=(SEE_ORDER if order_id else SEE_MEMBER)[locale],
        url=parts.settings.address + path,
    )
    return letter.to(colleague.email, locale=locale, signature=parts.settings.site_name)


def _money(notice: NoticeRow, amount: Money) -> str:
    return money_for(_locale(notice), amount)


def _member_id(notice: NoticeRow) -> UUID:
    return cast("UUID", notice.member_id)


def _locale(notice: NoticeRow) -> Locale:
    return cast("Locale", notice.locale)
