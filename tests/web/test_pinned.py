"""Nothing is asked of a payment company before it is seen to be the site's own."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

import pytest

from ledger import ids
from ledger.errors import GatewayChanged
from ledger.payments.gateway import Gateway, Identity, OutcomeUnknown
from web.parts import Parts
from web.payments.pinned import OwnAccount, own_account, require_own_gateway


class Company:
    """A company that is silent for a while, and writes down what it is asked."""

    def __init__(self, account: str, silent: int = 0) -> None:
        self.account, self.silent = account, silent
        self.asked: list[UUID] = []

    def identify(self) -> Identity:
        """Whose account it is, once it speaks."""
        if self.silent:
            self.silent -= 1
            raise OutcomeUnknown(key="identify")
        return Identity(self.account, "test")

    def ensure_customer(self, *, member_id: UUID) -> str:
        """Stands for every call that leaves something behind."""
        self.asked.append(member_id)
        return "customer"

    def verify_notice(self, raw: bytes, headers: object) -> tuple[bytes, object]:
        """Asks nobody."""
        return raw, headers


@pytest.fixture
def pinned(parts: Parts) -> Parts:
    require_own_gateway(parts)
    return parts


def guarded(parts: Parts, company: Company) -> Any:
    return own_account(cast("Gateway", company), parts.ledger, parts.settings)


def test_another_account_is_charged_nothing_even_if_it_was_silent_at_the_start(
    pinned: Parts,
) -> None:
    company = Company("another", silent=1)
    gateway = guarded(pinned, company)
    with pytest.raises(OutcomeUnknown):
        gateway.ensure_customer(member_id=ids.new())
    for _ in range(2):
        with pytest.raises(GatewayChanged):
            gateway.ensure_customer(member_id=ids.new())
    assert company.asked == []


def test_its_own_account_is_asked_once_whose_it_is(pinned: Parts) -> None:
    own = pinned.collection.gateway.identify().account
    company = Company(own, silent=1)
    gateway = guarded(pinned, company)
    with pytest.raises(OutcomeUnknown):
        gateway.require()
    assert gateway.ensure_customer(member_id=ids.new()) == "customer"
    company.silent = 1_000
    assert gateway.ensure_customer(member_id=ids.new()) == "customer"
    assert len(company.asked) == 2


def test_what_asks_nobody_needs_no_answer(pinned: Parts) -> None:
    gateway = guarded(pinned, Company("another", silent=1))
    assert isinstance(gateway, OwnAccount)
    assert gateway.verify_notice(b"{}", {}) == (b"{}", {})
