"""The letter before a renewal at another price: old, new, from when, and how to stop it (PL4)."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from ledger.billing.reminders import Reminders
from ledger.member.facts import Locale
from projections.notices import NoticeRow
from web.mails.coming import Coming, coming, said_of, to_member
from web.mails.writing import NotTold
from web.parts import Parts
from web.sessions.mailbox import Mail
from web.wording.languages import money_for

SUBJECT = {
    "en": "{site}: the price of {plan} changes on {day}",
    "fr": "{site} : le prix de {plan} change le {day}",
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


def price_change(parts: Parts, notice: NoticeRow) -> Mail | NotTold:
    """The letter to a member whose next renewal costs another price.

    The notice's cause is the fact that set the price.
    """
    plan_id = UUID(notice.because_of.partition("/")[0])
    member = parts.ledger.member(notice.recipient_id)
    membership = member.running_in(plan_id, parts.clock.now())
    told = coming(parts, member, membership) if membership else NotTold("membership_over")
    if isinstance(told, NotTold):
        return told
    if told.price.terms.amount == told.membership.terms.amount:
        return NotTold("price_unchanged")
    if Reminders(parts.ledger).price_facts(plan_id)[told.price.number] != notice.because_of:
        return NotTold("price_set_again")
    return _letter(parts, cast("Locale", notice.locale), told)


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
