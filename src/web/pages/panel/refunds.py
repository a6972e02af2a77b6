"""Money back, from the order (OR2, OR3). Access stays (OR4)."""

from __future__ import annotations

from uuid import UUID

from flask import render_template
from pydantic import Field
from werkzeug.wrappers import Response

from ledger.errors import LedgerError
from ledger.money import Money
from ledger.order import Order
from ledger.texts import LONGEST_REASON
from web.api.models import Query
from web.identity.auth import parts, requires
from web.identity.permissions import Permission
from web.pages.filling import blame, signed
from web.pages.forms import Filled, principal, read_form
from web.pages.frame import UNPROCESSABLE, group, onward, settled
from web.problems import FieldFault, Problem
from web.sessions.limits import REFUND_BY
from web.wording.languages import gettext, message, money, parse_amount, plain_amount, say

pages = group("refunds", url_prefix="/panel/orders/<uuid:order_id>/refund")

OTHER = "other"
REASONS = {
    "asked": message("The member asked for it"),
    "mistake": message("Charged by mistake"),
    "unhappy": message("Not satisfied"),
    "goodwill": message("Goodwill"),
    OTHER: message("Other"),
}


class RefundForm(Query):
    """How much, why, and a note where the reason is another."""

    amount: str = Field(max_length=40)
    reason: str
    note: str | None = Field(default=None, max_length=4 * LONGEST_REASON)


@pages.get("")
@requires(Permission.REFUND_ORDERS)
def ask(order_id: UUID) -> str:
    """The full refundable amount is proposed, and the page says that access stays."""
    return _page(parts().ledger.order(order_id))


@pages.post("")
@requires(Permission.REFUND_ORDERS)
def refund(order_id: UUID) -> Response | tuple[str, int]:
    """Give back part or all of what was paid."""
    order = parts().ledger.order(order_id)
    filled, wrong = read_form(RefundForm), ""
    amount = _amount(filled, order)
    if filled.value is not None and amount is None:
        filled = _with_fault(filled, "amount", "amount_malformed")
    elif filled.value is not None and filled.value.reason == OTHER and not filled.value.note:
        filled = _with_fault(filled, "note", "missing")
    if filled.value is not None and amount is not None:
        try:
            _give_back(order, amount, filled.value)
        except (LedgerError, Problem) as refused:
            filled, wrong = blame(filled, refused)
        else:
            notice = say("{amount} goes back. Access stays as it was.", amount=money(amount))
            return onward("orders.one", notice, order_id=order_id)
    return _page(order, filled, wrong), UNPROCESSABLE


def _give_back(order: Order, amount: Money, asked: RefundForm) -> None:
    parts().desk.limits.spend(REFUND_BY, principal().key)
    chosen = gettext(REASONS.get(asked.reason, REASONS[OTHER]))
    why = asked.note if asked.reason == OTHER else ": ".join(filter(None, (chosen, asked.note)))
    parts().collection.refund(order.id, amount, why or chosen, **signed())
    settled()


def _amount(filled: Filled[RefundForm], order: Order) -> Money | None:
    if filled.value is None:
        return None
    return parse_amount(filled.value.amount, order.placed.amount.currency)


def _with_fault(filled: Filled[RefundForm], name: str, code: str) -> Filled[RefundForm]:
    fault = FieldFault(pointer=f"/{name}", code=code, detail=code)
    return Filled(filled.given, faults={name: fault})


def _page(order: Order, filled: Filled[RefundForm] | None = None, wrong: str = "") -> str:
    return render_template(
        "panel/refund.html",
        order=order,
        member=parts().ledger.member(order.member_id),
        proposed=plain_amount(order.refundable),
        reasons=REASONS,
        form=filled,
        wrong=wrong,
    )
