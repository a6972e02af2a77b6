"""Letters to members about money: welcome with receipt, receipt, money given back (NO3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from ledger.billing.dues import next_charge
from ledger.billing.news import is_second_payment
from ledger.member import Membership
from ledger.member.facts import Joined, Locale
from ledger.order.facts import Paid, Refunded
from projections.notices import NoticeRow
from projections.queries.receipts import Receipt
from web.mails.coming import ACCOUNT, LABEL
from web.mails.letter import HELLO, Letter
from web.mails.receipt_lines import Lines, lines_of
from web.mails.writing import Answer, NotTold, NotYet
from web.parts import Parts
from web.wording.languages import day_for, money_for

WELCOME_SUBJECT = {"en": "{site}: welcome to {plan}", "fr": "{site}\u00a0: bienvenue dans {plan}"}
WELCOME = {
    "en": "welcome: you have joined {plan}. It is open to you from now on.",
    "fr": "bienvenue\u00a0: vous avez rejoint {plan}. L’accès vous est ouvert dès maintenant.",
}
NEXT = {
    "en": "It renews on {day} for {amount}, unless you cancel on your account before.",
    "fr": "Le renouvellement aura lieu le {day} pour {amount}, sauf si vous annulez avant depuis"
    " votre compte.",
}
NEXT_PART = {
    "en": "The next payment, {amount}, falls due on {day}.",
    "fr": "Le prochain versement, de {amount}, arrive à échéance le {day}.",
}
RECEIPT_SUBJECT = {
    "en": "{site}: your receipt {number}",
    "fr": "{site}\u00a0: votre reçu {number}",
}
RECEIVED = {
    "en": "thank you: your payment of {amount} for {plan} has arrived. This is your receipt.",
    "fr": "merci\u00a0: votre paiement de {amount} pour {plan} est arrivé. Voici votre reçu.",
}
PAID_AGAIN = {
    "en": "This was paid before: we were told of it, and look into it.",
    "fr": "Ceci avait déjà été payé\u00a0: nous en avons été informés et nous nous en occupons.",
}
REFUND_SUBJECT = {
    "en": "{site}: {amount} is given back to you",
    "fr": "{site}\u00a0: {amount} vous sont remboursés",
}
REFUNDED = {
    "en": "we have given back {amount} of your payment for {plan}. It goes to the card or account"
    " that paid; banks take a few days to show it.",
    "fr": "nous avons remboursé {amount} de votre paiement pour {plan}. La somme revient sur la"
    " carte ou le compte qui a payé\u202f; les banques mettent quelques jours à l’afficher.",
}
ACCESS_STAYS = {
    "en": "Your membership itself has not changed.",
    "fr": "Votre adhésion elle-même n’a pas changé.",
}


def welcome(parts: Parts, notice: NoticeRow, fact: Joined) -> Answer:
    """To who has joined for the first time, with the receipt of what they paid, if they did."""
    stay = parts.ledger.member(notice.recipient_id).membership(fact.membership_id)
    receipt_seen = _first_receipt(parts, fact.order_id)
    if isinstance(receipt_seen, NotYet):
        return receipt_seen
    if not stay.is_running(parts.clock.now()):
        over = NotTold("membership_over")
        return over if receipt_seen is None else _receipt_letter(parts, notice, *receipt_seen)
    locale = _locale(notice)
    said = {"site": parts.settings.site_name, "plan": stay.plan_name}
    sentences = " ".join([WELCOME[locale].format(**said), *_next_payment(parts, locale, stay)])
    lines = lines_of(parts, locale, *receipt_seen) if receipt_seen else ()
    subject = WELCOME_SUBJECT[locale].format(**said)
    return _letter(parts, notice, subject, (sentences,), lines=lines)


def receipt(parts: Parts, notice: NoticeRow, paid: Paid) -> Answer:
    """To who has paid: the receipt of this payment, unless the money was taken back since."""
    if paid.reference in parts.ledger.order(paid.originator_id).reversed:
        return NotTold("payment_reversed")
    found = parts.queries.receipts.of_order(paid.originator_id)
    own = next((one for one in found if one.fact_version == paid.originator_version), None)
    return NotYet() if own is None else _receipt_letter(parts, notice, own, paid)


def refund_issued(parts: Parts, notice: NoticeRow, fact: Refunded) -> Answer:
    """To who has money back, unless the payment company could not pay it out after all."""
    order, locale = parts.ledger.order(fact.originator_id), _locale(notice)
    if order.refunds[fact.refund_id].state == "failed":
        return NotTold("refund_failed")
    said = {
        "site": parts.settings.site_name,
        "amount": money_for(locale, fact.amount),
        "plan": order.placed.plan_name,
    }
    subject = REFUND_SUBJECT[locale].format(**said)
    told = (REFUNDED[locale].format(**said), ACCESS_STAYS[locale])
    return _letter(parts, notice, subject, told)


def _first_receipt(parts: Parts, order_id: UUID) -> tuple[Receipt, Paid] | NotYet | None:
    """That of the payment with which somebody joined; None where there was nothing to pay."""
    if parts.ledger.order(order_id).placed.amount.is_zero:
        return None
    found = parts.queries.receipts.of_order(order_id)
    if not found:
        return NotYet()
    paid = parts.ledger.fact(f"{order_id}/{found[0].fact_version}")
    return found[0], cast("Paid", paid)


def _receipt_letter(parts: Parts, notice: NoticeRow, own: Receipt, paid: Paid) -> Answer:
    locale, order = _locale(notice), parts.ledger.order(own.order_id)
    said = {
        "site": parts.settings.site_name,
        "number": own.label,
        "amount": money_for(locale, own.amount),
        "plan": own.plan_name,
    }
    is_again = is_second_payment(order, paid.reference)
    told = [RECEIVED[locale].format(**said), *([PAID_AGAIN[locale]] if is_again else [])]
    subject = RECEIPT_SUBJECT[locale].format(**said)
    return _letter(parts, notice, subject, told, lines=lines_of(parts, locale, own, paid))


def _next_payment(parts: Parts, locale: Locale, stay: Membership) -> list[str]:
    ahead = None if stay.cancelled_at else next_charge(parts.ledger, stay)
    if ahead is None or ahead.amount.is_zero:
        return []
    words = NEXT if stay.terms.model == "recurring" else NEXT_PART
    day = day_for(locale, ahead.at.astimezone(parts.settings.zone).date())
    return [words[locale].format(day=day, amount=money_for(locale, ahead.amount))]


def _letter(
    parts: Parts,
    notice: NoticeRow,
    subject: str,
    paragraphs: Sequence[str],
    *,
    lines: Lines = (),
) -> Answer:
    member, locale = parts.ledger.member(notice.recipient_id), _locale(notice)
    if member.closed_at is not None:
        return NotTold("account_closed")
    letter = Letter(
        subject=subject,
        paragraphs=(HELLO[locale].format(name=member.name), *paragraphs),
        lines=lines,
        label=LABEL[locale],
        url=parts.settings.address + ACCOUNT,
    )
    return letter.to(member.email, locale=locale, signature=parts.settings.site_name)


def _locale(notice: NoticeRow) -> Locale:
    return cast("Locale", notice.locale)
