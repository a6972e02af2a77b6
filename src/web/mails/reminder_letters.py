"""The letter before a charge: what, when, how much, from which card, and how to stop it (DU8)."""

from __future__ import annotations

from typing import Literal, cast

from ledger import ids
from ledger.facts import Fact
from ledger.member.facts import Locale, MethodFact
from projections.notices import NoticeRow
from web.mails.coming import CANCELLED, Coming, coming, said_of, to_member
from web.mails.writing import Answer, NotTold, NotYet
from web.parts import Parts
from web.sessions.mailbox import Mail
from web.wording.words import BRAND

Happening = Literal["renewal", "free_start", "instalment"]
"""What falls due: another period, the first payment after a free period, one payment of several."""

SUBJECT = {
    "renewal": {
        "en": "{site}: {plan} renews on {day}",
        "fr": "{site}\u00a0: {plan} se renouvelle le {day}",
    },
    "free_start": {
        "en": "{site}: your free period of {plan} ends on {day}",
        "fr": "{site}\u00a0: votre période gratuite du forfait {plan} prend fin le {day}",
    },
    "instalment": {
        "en": "{site}: a payment for {plan} falls due on {day}",
        "fr": "{site}\u00a0: un versement pour {plan} arrive à échéance le {day}",
    },
}
HAPPENS = {
    "renewal": {
        "en": "your membership in {plan} renews on {day}.",
        "fr": "votre adhésion à {plan} se renouvelle le {day}.",
    },
    "free_start": {
        "en": "your free period of {plan} ends on {day}. Then the first payment falls due.",
        "fr": "votre période gratuite du forfait {plan} prend fin le {day}. Le premier paiement"
        " arrive alors à échéance.",
    },
    "instalment": {
        "en": "the next payment for {plan} falls due on {day}.",
        "fr": "le prochain versement pour {plan} arrive à échéance le {day}.",
    },
}
CHARGED = {
    "en": "We charge {amount} to your {brand} ending in {last_four}.",
    "fr": "Nous prélèverons {amount} sur votre {brand} se terminant par {last_four}.",
}
NO_METHOD = {
    "en": "The amount is {amount}, and no card is saved: save one on your account before that day,"
    " or the payment waits for you.",
    "fr": "Le montant est de {amount}, et aucune carte n’est enregistrée\u00a0: enregistrez-en une"
    " depuis votre compte avant cette date, sinon le paiement vous attendra.",
}
NOTHING = {
    "en": "Nothing is charged: your code {code} covers the price of {price}.",
    "fr": "Rien n’est prélevé\u00a0: votre code {code} couvre le prix de {price}.",
}
LOWERED = {
    "en": "That is the price of {price} less your code {code}.",
    "fr": "C’est le prix de {price} moins votre code {code}.",
}


def renewal_reminder(parts: Parts, notice: NoticeRow, fact: Fact) -> Answer:
    """The letter to a member whose long, or free, period is about to end in a charge.

    The fact is of the order that bought the period.
    """
    order_id = fact.originator_id
    member = parts.ledger.member(notice.recipient_id)
    membership = member.membership(parts.ledger.order(order_id).placed.membership_id)
    told = coming(parts, member, membership)
    if isinstance(told, NotTold):
        return NotYet() if told == CANCELLED else told  # it may be withdrawn
    if ids.order(membership.membership_id, membership.charge_index) != order_id:
        return NotTold("already_charged")
    return _letter(parts, cast("Locale", notice.locale), told)


def _letter(parts: Parts, locale: Locale, told: Coming) -> Mail:
    said, happening = said_of(parts, locale, told), _happening(told)
    method = told.member.method
    if method is not None:
        said |= {"brand": BRAND.get(method.brand, method.brand), "last_four": method.last_four}
    sentences = (HAPPENS[happening][locale], *_payment(locale, told, method))
    return to_member(
        parts,
        locale,
        told,
        subject=SUBJECT[happening][locale].format(**said),
        sentences=tuple(sentence.format(**said) for sentence in sentences),
    )


def _happening(told: Coming) -> Happening:
    first = told.membership.began_free and told.membership.charge_index == 0
    if first and not told.charge.amount.is_zero:
        return "free_start"
    return "instalment" if told.membership.terms.model == "instalments" else "renewal"


def _payment(locale: Locale, told: Coming, method: MethodFact | None) -> tuple[str, ...]:
    if told.charge.amount.is_zero:
        return (NOTHING[locale],)
    paid = CHARGED[locale] if method is not None else NO_METHOD[locale]
    return (paid, LOWERED[locale]) if told.discount else (paid,)
