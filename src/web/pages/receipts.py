"""Receipts to print: one a payment, by its gapless number (OR10), for its member and for staff."""

from __future__ import annotations

import re
from typing import cast

from flask import render_template
from werkzeug.wrappers import Response

from ledger.errors import NotFound
from ledger.order.facts import Paid
from projections.queries.receipts import Receipt
from web.identity.auth import caller, parts, requires
from web.identity.permissions import Permission
from web.mails.receipt_lines import lines_of
from web.pages.frame import group
from web.wording.languages import locale

pages = group("receipts")
LABEL = re.compile(r"(?P<test>T?)(?P<year>[0-9]{4})-(?P<number>[0-9]{6,9})", re.ASCII)


@pages.get("/account/receipts/<label>")
@requires(Permission.OWN_ACCOUNT)
def own(label: str) -> Response | str:
    """The person's own; somebody else's is not found."""
    person, receipt = caller().person, _numbered(label)
    if person is None or receipt.member_id != person.member_id:
        raise NotFound(what="receipt", id=label)
    return _page(receipt, frame="public.html")


@pages.get("/panel/receipts/<label>")
@requires(Permission.READ_ORDERS)
def of_staff(label: str) -> Response | str:
    """Anybody's, as its member sees it."""
    return _page(_numbered(label), frame="panel.html")


def _numbered(label: str) -> Receipt:
    named = LABEL.fullmatch(label)
    if named is None:
        raise NotFound(what="receipt", id=label)
    mode = "test" if named["test"] else "live"
    year, number = int(named["year"]), int(named["number"])
    found = parts().queries.receipts.numbered(year, number, mode=mode) if number else None
    if found is None or found.label != label:
        raise NotFound(what="receipt", id=label)
    return found


def _page(receipt: Receipt, *, frame: str) -> str:
    order = parts().queries.orders.one(receipt.order_id)
    paid = parts().ledger.fact(f"{receipt.order_id}/{receipt.fact_version}")
    member = parts().ledger.member(receipt.member_id)
    return render_template(
        "account/receipt.html",
        frame=frame,
        receipt=receipt,
        seller=parts().settings.seller_lines,
        member=member,
        lines=lines_of(parts(), locale(), receipt, cast("Paid", paid), member=member),
        refunds=[one for one in order.refunds if one.state != "failed"] if order else [],
    )
