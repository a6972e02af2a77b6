"""What disputes move, as programs and tables read it: the word fits the sign."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ledger import ids
from ledger.facts import Actor, Cause
from ledger.money import Money
from tests.web.api.conftest import CARD, Client, House

GATEWAY = Actor(kind="gateway")


def contested(house: House) -> None:
    """A payment of 12 € was lost to a dispute, and won after all."""
    joined = house.sign_up().post("/account/memberships", {"plan_id": str(house.plan()), **CARD})
    order = house.parts.ledger.order(UUID(joined["order_id"]))
    [reference] = order.references
    about: dict[str, Any] = {
        "payment_reference": reference,
        "amount": Money(1200, "EUR"),
        "reason": "fraudulent",
        "refundable": False,
        "moved": (),
        "opened_at": house.clock.now(),
        "closed_at": house.clock.now(),
        "by": GATEWAY,
    }
    for outcome in ("lost", "won"):
        cause = Cause(kind="notice", id=ids.new())
        position = house.parts.ledger.observe_dispute(
            order.id, "dp_1", outcome=outcome, cause=cause, **about
        )
    assert house.parts.views.wait_for(position, wait_seconds=30).position >= position


def minors(owner: Client, **query: str) -> dict[str, int]:
    """Amounts by kind."""
    items = owner.get("/figures/movements", **query)["items"]
    return {item["kind"]: item["amount"]["minor"] for item in items if item["kind"] != "fee"}


def test_money_won_back_is_called_so(house: House) -> None:  # part of OR8
    contested(house)
    owner = house.as_staff("owner")
    assert minors(owner) == {"payment": 1200, "dispute_lost": -1200, "dispute_won": 1200}
    assert minors(owner, kind="dispute_lost") == {"dispute_lost": -1200}
    assert minors(owner, kind="dispute_won") == {"dispute_won": 1200}
    table = owner.ask("GET", "/figures/movements.csv").get_data(as_text=True)
    assert "dispute_won" in table
    [total] = owner.get("/figures/spending")["items"]
    assert (total["disputed"]["minor"], total["net"]["minor"]) == (0, 1200)
