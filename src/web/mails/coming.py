"""The charge that is still to come for a membership, as letters tell of it beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.billing.dues import NextCharge, next_charge
from ledger.member import Member, Membership
from ledger.member.facts import Locale
from ledger.plan import PriceVersion
from ledger.terms import Discount
from web.mails.letter import HELLO, Letter
from web.mails.writing import NotTold
from web.parts import Parts
from web.sessions.mailbox import Mail
from web.wording.languages import day_for, money_for

STOP = {
    "en": "Would you rather not go on? Then cancel on your account before {day}: nothing is charged"
    " then, and you keep access until that day.",
    "fr": "Vous préférez arrêter\u202f? Annulez depuis votre compte avant le {day}\u00a0: rien"
    " n’est alors prélevé, et vous gardez l’accès jusqu’à cette date.",
}
CANCELLED = NotTold("cancelled")
"""They may still withdraw it."""
OVER = NotTold("membership_over")
ALREADY_DUE = NotTold("already_due")
LABEL = {"en": "Go to your account", "fr": "Aller à votre compte"}
ACCOUNT = "/account"


@dataclass(frozen=True, kw_only=True)
class Coming:
    """What a member is charged next if nothing changes, at which price of the plan."""

    member: Member
    membership: Membership
    charge: NextCharge
    price: PriceVersion

    @property
    def discount(self) -> Discount | None:
        """The code that lowers this charge, if one does."""
        return self.membership.discount if self.charge.amount != self.price.terms.amount else None


def coming(parts: Parts, member: Member, membership: Membership) -> Coming | NotTold:
    """The next charge, while it lies ahead and is wanted; else why there is none to tell of."""
    now = parts.clock.now()
    if not membership.is_running(now):
        return OVER
    if membership.cancelled_at is not None:
        return CANCELLED
    charge = next_charge(parts.ledger, membership)
    if charge is None:
        return OVER
    if charge.at <= now or membership.is_unpaid:
        return ALREADY_DUE
    price = parts.ledger.foreseen_price(membership, charge.at)
    return Coming(member=member, membership=membership, charge=charge, price=price)


def said_of(parts: Parts, locale: Locale, told: Coming) -> dict[str, str]:
    """The names, amounts and dates that sentences are filled with, as the reader writes them."""
    day = told.charge.at.astimezone(parts.settings.zone).date()
    return {
        "site": parts.settings.site_name,
        "plan": told.membership.plan_name,
        "day": day_for(locale, day),
        "amount": money_for(locale, told.charge.amount),
        "price": money_for(locale, told.price.terms.amount),
        "code": told.discount.code if told.discount else "",
    }


def to_member(
    parts: Parts, locale: Locale, told: Coming, *, subject: str, sentences: tuple[str, ...]
) -> Mail:
    """The letter to the member, with the way to their account; they may stop what renews (AX3)."""
    said, renews = said_of(parts, locale, told), told.membership.terms.model == "recurring"
    letter = Letter(
        subject=subject,
        paragraphs=(
            HELLO[locale].format(name=told.member.name),
            " ".join(sentences),
            *([STOP[locale].format(**said)] if renews else []),
        ),
        label=LABEL[locale],
        url=parts.settings.address + ACCOUNT,
    )
    return letter.to(told.member.email, locale=locale, signature=parts.settings.site_name)
