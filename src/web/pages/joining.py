"""Joining a plan and paying from a page: the same use cases as the API's."""

from __future__ import annotations

from uuid import UUID

from ledger.application import Quote
from ledger.billing.outcomes import Collected
from ledger.errors import NotFound
from ledger.facts import Cause
from ledger.plan import Plan
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
