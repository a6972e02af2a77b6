"""Whatever the order, repetition, delay and loss of notices, the same set gives the same state."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.member import Member, Membership
from ledger.order import Order
from ledger.terms import Terms
from tests.application.sites import SENDS_LATER_BACK, STAFF, cause, eur
from tests.billing.offices import Office, opened
from tests.conftest import FreshDatabases

WEEKLY = Terms(model="recurring", amount=eur(500), unit="week", every=1)
LOST = "pm_card_outcomeLost"


@dataclass
class World:
    """What happens at a site and at its payment company, step by step."""

    office: Office
    orders: dict[str, UUID] = field(default_factory=dict)
    members: dict[str, UUID] = field(default_factory=dict)
    disputes: dict[str, str] = field(default_factory=dict)

    def steps(self) -> list[Callable[[], None]]:
        """What happens, and the time that passes between."""
        return [
            self.buy,
            self.join,
            self.give_back_there,
            self.contest,
            lambda: self.office.site.later(8),
            self.renew,
            self.mend,
            self.decide,
            lambda: self.office.site.later(hours=30),
        ]

    def buy(self) -> None:
        """People buy; of one payment the answer is lost."""
        cards = {
            "lost": LOST,
            "refunded": "pm_card_visa",
            "comes back": "pm_card_refundFail",
            "pends": "pm_card_pendingRefund",
            "dispute lost": "pm_card_noticeTwice",
            "dispute won": "pm_card_visa",
        }
        self.orders = {name: self.office.order(card).id for name, card in cards.items()}

    def join(self) -> None:
        """People join by the week."""
        cards = {"owes": SENDS_LATER_BACK, "expires": "pm_card_visa:2025-01", "from": "pm_card_in"}
        for name, card in cards.items():
            self.members[name], *_ = self.office.site.joined(WEEKLY, card)

    def give_back_there(self) -> None:
        """Money goes back, by us and behind our back."""
        sandbox, collection = self.office.site.sandbox, self.office.site.collection
        for minor in (2_000, 1_000, 1_000):
            sandbox.refund_at_gateway(payment_id=self.payment("refunded"), amount=eur(minor))
        for name in ("pends", "comes back"):
            sandbox.refund_at_gateway(payment_id=self.payment(name), amount=eur(700))
            collection.refund(self.orders[name], eur(300), "asked", by=STAFF, cause=cause())

    def contest(self) -> None:
        """Banks contest payments."""
        contest = self.office.site.sandbox.dispute_at_gateway
        for name in ("dispute lost", "dispute won"):
            self.disputes[name] = contest(payment_id=self.payment(name)).id

    def renew(self) -> None:
        """A week later nothing can be charged."""
        for name in ("owes", "expires"):
            stay = self.office.site.stay(self.members[name])
            self.office.site.charge(self.members[name], stay.membership_id)

    def mend(self) -> None:
        """Staff take money there; a network renews a card; a person ends a mandate."""
        site = self.office.site
        owing = site.sandbox.ensure_customer(member_id=self.members["owes"]).id
        site.sandbox.pay_at_gateway(customer_id=owing, method="pm_card_visa", amount=eur(500))
        card, mandated = self.method("expires"), self.method("from")
        site.sandbox.renew_at_gateway(method_id=card, exp_year=2030, exp_month=3)
        site.sandbox.end_mandate_at_gateway(method_id=mandated)

    def decide(self) -> None:
        """Banks decide."""
        decide = self.office.site.sandbox.decide_at_gateway
        decide(dispute_id=self.disputes["dispute lost"], outcome="lost")
        decide(dispute_id=self.disputes["dispute won"], outcome="won")

    def payment(self, name: str) -> str:
        """The company's id of the payment of an order."""
        return self.office.reference(self.orders[name])

    def method(self, name: str) -> str:
        """The company's id of somebody's card."""
        saved = self.office.site.ledger.member(self.members[name]).method
        assert saved is not None
        return saved.method_id

    def state(self) -> dict[str, Any]:
        """All that the books say of it in the end."""
        ledger, site = self.office.site.ledger, self.office.site
        orders = {name: money_of(ledger.order(one)) for name, one in self.orders.items()}
        return orders | {
            name: (rights_of(ledger.member(one)), stay_of(site.stay(one)))
            for name, one in self.members.items()
        }


def money_of(order: Order) -> Any:
    """An order's money, whatever its ids."""
    return (
        (order.paid, order.refunded, order.lost, order.refundable),
        sorted(one.minor for one in order.payments.values()),
        sorted((one.amount.minor, one.state, one.reason) for one in order.refunds.values()),
        [(one.amount, one.state, one.funds, one.refundable) for one in order.disputes.values()],
        (len(order.movements), len(order.reversed)),
        [attempt.state for attempt in order.attempts.values()],
    )


def rights_of(member: Member) -> Any:
    """What of somebody is saved, and whether it may be charged."""
    kept = member.method and (member.method.last_four, member.method.expires)
    return kept, member.mandate and member.mandate.status


def stay_of(stay: Membership) -> Any:
    """Where a membership stands: all but when we learned it."""
    return stay.billing, stay.charge_index, stay.period_end, stay.failures, stay.access_until


PLANS = st.lists(
    st.tuples(st.lists(st.integers(0, 200), max_size=12), st.booleans()), min_size=9, max_size=9
)
"""After each step: which of the notices told by then arrive, in which order, how often; and whether
somebody works them off."""


def lived(world: World, plan: list[tuple[list[int], bool]]) -> dict[str, Any]:
    """Live through the world with notices as planned; what was lost is fetched in the end."""
    office = world.office
    for step, (arrive, works) in zip(world.steps(), plan, strict=True):
        step()
        told = office.told()
        office.post(told[number % len(told)] for number in arrive if told)
        if works:
            office.work()
    office.inbox.catch_up()
    office.work()
    office.site.later(hours=3)
    office.work()
    assert set(office.states()) == {"processed"}
    return world.state()


@pytest.fixture(scope="module")
def expected(template: str, fresh_databases: FreshDatabases) -> dict[str, Any]:
    """The state where everything was lost, and fetched in the end."""
    with fresh_databases.copy_of(template) as database, opened(database) as office:
        return lived(World(office), [([], False)] * 9)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(plan=PLANS)
def test_the_same_notices_give_the_same_state(
    plan: list[tuple[list[int], bool]],
    template: str,
    fresh_databases: FreshDatabases,
    expected: dict[str, Any],
) -> None:  # DU9
    with fresh_databases.copy_of(template) as database, opened(database) as office:
        assert lived(World(office), plan) == expected


def test_the_state_that_is_compared_is_the_right_one(expected: dict[str, Any]) -> None:
    sums = {name: found[0] for name, found in expected.items()}
    assert sums["lost"] == (eur(9_900), eur(0), eur(0), eur(9_900))
    assert sums["refunded"] == (eur(9_900), eur(4_000), eur(0), eur(5_900))
    assert sums["comes back"] == (eur(9_900), eur(0), eur(0), eur(9_900))
    assert sums["pends"] == (eur(9_900), eur(1_000), eur(0), eur(8_900))
    assert sums["dispute lost"] == (eur(9_900), eur(0), eur(9_900), eur(0))
    assert sums["dispute won"] == (eur(9_900), eur(0), eur(0), eur(9_900))
    assert expected["owes"][1][:2] == ("current", 1)
    assert expected["expires"][0] == (("4242", "2030-03"), None)
    assert expected["from"][0][1] == "inactive"
