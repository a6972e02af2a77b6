"""Joining a plan and paying from a page: the same use cases as the API's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from ledger.application import Quote
from ledger.billing.outcomes import Collected
from ledger.errors import NotFound
from ledger.facts import Cause
from ledger.money import Money
from ledger.plan import Plan
from ledger.terms import charge_date
from web.identity.principals import Person
from web.pages.paying import MethodForm, token_of
from web.parts import Parts
from web.payments.bank import answer_for_setup
from web.sessions.limits import JOIN_BY


class JoinForm(MethodForm):
    """What a person sends to join a plan."""

    discount_code: str | None = None
    early_access_password: str | None = None


def visible_plan(parts: Parts, plan_id: UUID) -> Plan:
    """A plan that people may see: any but a draft. NotFound."""
    plan = parts.ledger.plan(plan_id)
    if plan.state == "draft":
        raise NotFound(what="plan", id=plan_id)
    return plan


@dataclass(frozen=True)
class Outlook:
    """What a person who joins now pays later: `later` each time, from `next_on` on.

    `payments` are those still to come, None for as long as they stay; `in_all` is what all
    instalments come to, with the first.
    """

    later: Money
    next_on: datetime
    payments: int | None
    in_all: Money | None


def outlook(quote: Quote, now: datetime, zone: ZoneInfo) -> Outlook | None:
    """What follows the first payment; None where nothing does."""
    terms = quote.price.terms
    if not terms.repeats:
        return None
    listed, discount = quote.list_price, quote.discount
    later = discount.cut(listed, 1) if discount else listed
    payments = terms.payments - 1 if terms.payments else None
    in_all = None
    if payments is not None:
        in_all = Money(quote.first_charge.minor + later.minor * payments, listed.currency)
    return Outlook(later, charge_date(terms, now, 1, zone), payments, in_all)


def asks_card(quote: Quote, *, has_method: bool) -> bool:
    """Whether joining needs a card: to be charged now, or to be saved for later (PL1)."""
    return not quote.first_charge.is_zero or (quote.saves_method and not has_method)


def join(parts: Parts, person: Person, plan_id: UUID, form: JoinForm, cause: Cause) -> Collected:
    """Join and pay the first charge. Raises what the books refuse, and refusals of the card.

    The same command again, with the bank's answer, goes on from where the bank asked.
    """
    parts.desk.limits.spend(JOIN_BY, person.member_id)
    if form.answers_bank:
        answer_for_setup(parts, person.member_id, cause, approved=bool(form.approve))
    has_method = parts.ledger.member(person.member_id).method is not None
    quote = parts.ledger.quote(
        plan_id, discount_code=form.discount_code, member_id=person.member_id
    )
    return parts.collection.join(
        person.member_id,
        plan_id,
        method_token=token_of(parts, form) if asks_card(quote, has_method=has_method) else None,
        discount_code=form.discount_code,
        password_matches=parts.desk.plan_passwords.matches(plan_id, form.early_access_password),
        by=person.actor,
        cause=cause,
    )
