"""The letter before a renewal at another price: old, new, from when, and how to stop it (PL4)."""

from __future__ import annotations

from typing import cast

from ledger.facts import Fact
from ledger.member.facts import Locale
from projections.notices import NoticeRow
from web.mails.coming import ALREADY_DUE, CANCELLED, Coming, coming, said_of, to_member
from web.mails.writing import Answer, NotTold, NotYet
from web.parts import Parts
from web.sessions.mailbox import Mail
from web.wording.languages import money_for

SUBJECT = {
    "en": "{site}: the price of {plan} changes on {day}",
    "fr": "{site}\u00a0: le prix du forfait {plan} change le {day}",
}
CHANGES = {
    "en": "from your renewal on {day}, {plan} costs {price} instead of {before}. Until then nothing"
    " changes.",
    "fr": "à partir de votre renouvellement du {day}, {plan} coûte {price} au lieu de {before}."
    " D’ici là, rien ne change.",
}
LOWERED = {
    "en": "With your code {code} you then pay {amount}.",
    "fr": "Avec votre code {code}, vous payez alors {amount}.",
}


def price_change(parts: Parts, notice: NoticeRow, fact: Fact) -> Answer:
    """The letter to a member whose next renewal costs another price.

    The fact set the price. Once it is too late for a renewal that one
    costs what they knew, and the letter waits to tell of the next; as it does while they may
    withdraw a cancellation.
    """
    plan_id = fact.originator_id
    member = parts.ledger.member(notice.recipient_id)
    membership = member.running_in(plan_id, parts.clock.now())
    if membership is None:
        return NotTold("membership_over")
    told = coming(parts, member, membership)
    if isinstance(told, NotTold):
        return NotYet() if told in {ALREADY_DUE, CANCELLED} else told
    plan = parts.ledger.plan(plan_id)
    price = plan.price_for_renewal(membership.price_version, told.charge.at)
    if price.terms.amount == membership.terms.amount:
        return NotTold("price_unchanged")
    if price.fact_id != fact.fact_id:
        return NotTold("price_set_again")
    return _letter(parts, cast("Locale", notice.locale), told) if told.price == price else NotYet()


def _letter(parts: Parts, locale: Locale, told: Coming) -> Mail:
    said = said_of(parts, locale, told)
    said["before"] = money_for(locale, told.membership.terms.amount)
    sentences = (CHANGES[locale], *([LOWERED[locale]] if told.discount else []))
    return to_member(
        parts,
        locale,
        told,
        subject=SUBJECT[locale].format(**said),
        sentences=tuple(sentence.format(**said) for sentence in sentences),
    )
