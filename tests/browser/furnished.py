"""A site on which a bit of everything happened, and where each of its pages is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import pyotp
from flask.testing import FlaskClient

from ledger import ids
from ledger.discount import DiscountRules
from ledger.money import Money
from ledger.terms import Terms
from tests.web.pages.conftest import FREE, MACHINE, PASSWORD, Browser, Place, cause
from tests.web.pages.owing import ASKS, Owing, owing
from tests.web.pages.test_mailed_links import mailed
from tests.web.pages.test_panel_lists import path_in, sent, with_addresses, write
from tests.web.pages.test_panel_notices import told

Viewer = Literal["nobody", "half", "member", "owner"]
"""Who looks: `half` has shown the password of a sign-in and owes the code."""

APART: Mapping[str, str] = {
    "docs.openapi": "a document for programs",
    "health.livez": "a line for programs",
    "health.readyz": "a line for programs",
    "metrics.read_metrics": "numbers for programs",
    "members.export": "a file",
    "operations.progress": "a part of operations.page",
    "segments.tabs": "a part of members.listing",
    "bulk.progress": "a part of members.listing",
    "panel.home": "leads to another page",
    "panel.search": "leads to another page",
    "unsubscribing.go": "leads to another page",
    "static": "files",
}
"""Routes that answer no page of their own, and what they answer instead."""

GONE = "/nowhere"
"""The page of an address that does not exist; it has no route."""
INSTALMENTS = Terms(
    model="instalments", amount=Money(4500, "EUR"), unit="month", every=1, payments=4
)
ONCE = Terms(model="one_time", amount=Money(19900, "EUR"))


@dataclass
class Furnished:
    """Where the pages are, and the cookies of whoever looks at them."""

    place: Place
    paths: dict[str, list[tuple[Viewer, str]]] = field(default_factory=dict)
    cookies: dict[Viewer, dict[str, str]] = field(default_factory=dict)

    def at(self, viewer: Viewer, endpoint: str, *paths: str) -> None:
        """Pages of an endpoint, and who looks at them."""
        self.paths.setdefault(endpoint, []).extend((viewer, path) for path in paths)

    def looks(self, viewer: Viewer, client: FlaskClient, *names: str) -> None:
        """What the browser of a viewer keeps."""
        found = {name: client.get_cookie(name) for name in names}
        self.cookies[viewer] = {name: kept.value for name, kept in found.items() if kept}
        assert set(self.cookies[viewer]) == set(names)


def furnish(place: Place, owner: tuple[str, str]) -> Furnished:
    """Let things happen on an empty site whose owner signs in so."""
    made = Furnished(place)
    made.cookies["nobody"] = {}
    ada = owing(place, ASKS, plans=("Gold", "Letter of the house"))
    ada.tell()
    staff = _staff(made, owner)
    _members(made, ada)
    _plans_and_codes(made, ada)
    _lists(made, staff)
    _mailed_links(made, ada, staff)
    _rest_of_the_panel(made)
    place.settle()
    return made


def _staff(made: Furnished, owner: tuple[str, str]) -> Browser:
    """The owner with a second step, and an administrator."""
    place, (email, password) = made.place, owner
    made.place.staff("administrator")
    contributor = ids.derived(ids.SITE, "administrator")
    browser = _second_step(place, email, password)
    made.looks("owner", browser.client, "team")
    half = place.stranger()
    sign_in = {"email": email, "password": password}
    half.send(half.get("/team/sign-in"), "/team/sign-in", sign_in)
    made.looks("half", half.client, "step")
    made.at("half", "second_step.form", "/team/sign-in/code")
    made.at("nobody", "team.form", "/team/sign-in")
    made.at("owner", "colleagues.listing", "/panel/team")
    made.at("owner", "colleagues.one", f"/panel/team/{contributor}")
    made.at("owner", "colleagues.ask_to_hand_on", f"/panel/team/{contributor}/ownership")
    tokens = "/panel/team/tokens"
    browser.send(browser.get(f"{tokens}/new"), f"{tokens}/new", name="Site", scopes="plans:read")
    [token] = place.parts.desk.tokens.page()
    made.at("owner", "tokens.listing", tokens)
    made.at("owner", "tokens.new", f"{tokens}/new")
    made.at("owner", "tokens.ask_revoke", f"{tokens}/{token.token_id}/revoke")
    made.at("owner", "security.page", "/panel/security")
    made.at("owner", "security.ask_codes", "/panel/security/second-step/codes")
    made.at("owner", "security.ask_off", "/panel/security/second-step/off")
    return browser


def _second_step(place: Place, email: str, password: str) -> Browser:
    """The browser in which the owner has set up the second step."""
    browser = place.stranger()
    sign_in = {"email": email, "password": password}
    browser.send(browser.get("/team/sign-in"), "/team/sign-in", sign_in)
    page = browser.send(browser.get("/panel/security"), "/panel/security/second-step")
    [address] = [link for link in page.links if link.startswith("otpauth:")]
    code = pyotp.TOTP(pyotp.parse_uri(address).secret).at(place.clock.now())
    confirm = "/panel/security/second-step/confirm"
    browser.send(page, confirm, {"password": password, "code": code})
    return browser


def _members(made: Furnished, ada: Owing) -> None:
    """Members who owe, had money back, or only looked; and Ada's own side."""
    place, ledger, ada_id = made.place, made.place.parts.ledger, ada.member_id
    free = place.plan("The Letter", FREE)
    place.join(ada_id, free)
    stays = ledger.member(ada_id).memberships
    letter = next(stay for stay, one in stays.items() if one.plan_id == free)
    place.account("zoe@example.org", "Zoë Lemaître")
    ledger.tag(ada_id, "press", by=MACHINE, cause=cause())
    ledger.write_note(ada_id, ids.new(), "Met at the fair.", by=MACHINE, cause=cause())
    label = place.parts.queries.receipts.of_member(ada_id)[0].label
    first = ids.order(ada.membership_id, 0)
    made.looks("member", place.as_member(ada_id).client, "session")
    own = f"/account/memberships/{ada.membership_id}"
    made.at("member", "account.overview", "/account")
    made.at("member", "own_data.page", "/account/data")
    made.at("member", "account.details", "/account/details")
    made.at("member", "account.ask", f"{own}/cancel", f"/account/memberships/{letter}/leave")
    made.at("member", "account.password", "/account/password")
    made.at("member", "own_money.method", "/account/method")
    made.at("member", "own_money.returned", "/account/method/checkout?session=cs_none")
    made.at("member", "own_money.pay", f"{own}/pay", f"{own}/pay?another=1")
    made.at("member", "account.order", f"/account/orders/{first}")
    made.at("member", "receipts.own", f"/account/receipts/{label}")
    made.at("member", "public.confirm", f"/orders/{ada.order_id}/confirm")
    made.at("owner", "receipts.of_staff", f"/panel/receipts/{label}")
    _seen_by_staff(made, ada, first)


def _seen_by_staff(made: Furnished, ada: Owing, order_id: UUID) -> None:
    """The list, Ada, and Bob, who had money back."""
    member, order = f"/panel/members/{ada.member_id}", f"/panel/orders/{order_id}"
    plan_id = ada.stay.plan_id
    made.at("owner", "members.listing", "/panel/members", "/panel/members?status=former&q=nobody")
    made.at("owner", "member.profile", member, f"/panel/members/{_refunded(made.place)}")
    made.at("owner", "explain.access", f"{member}/access/{plan_id}/why")
    made.at("owner", "member.ask_close", f"{member}/close")
    made.at("owner", "removal.ask", f"{member}/remove")
    made.at("owner", "explain.entry", f"{member}/segments/customers/why")
    made.at("owner", "explain.total", f"{member}/spending/why")
    made.at("owner", "explain.status", f"{member}/status/why")
    made.at("owner", "orders.listing", "/panel/orders")
    made.at("owner", "orders.one", order, f"/panel/orders/{ada.order_id}")
    made.at("owner", "refunds.ask", f"{order}/refund")
    made.at("owner", "explain.order", f"{order}/why")


def _refunded(place: Place) -> UUID:
    """Bob, who joined, had half of it back, and was removed."""
    bob = place.account("bob@example.org", "Bob Long-Surname of the Northern Bookbinders")
    order_id = place.join(bob, place.plan("Silver"))
    half = place.parts.ledger.order(order_id).refundable.split(2)[0]
    place.parts.collection.refund(order_id, half, "Moved away.", by=MACHINE, cause=cause())
    stays = list(place.parts.ledger.member(bob).memberships)
    place.parts.ledger.remove_memberships(bob, stays, "Asked.", by=MACHINE, cause=cause())
    return bob


def _running(place: Place) -> UUID:
    """Cleo, who has paid and stays."""
    return place.member(place.plan("Bronze"), "cleo@example.org")


def _plans_and_codes(made: Furnished, ada: Owing) -> None:
    """Plans of every model, one still a draft; a code."""
    place, ledger, gold = made.place, made.place.parts.ledger, ada.stay.plan_id
    course, founder = place.plan("Bookbinding course", INSTALMENTS), place.plan("Founder", ONCE)
    ledger.draft_plan(draft := ids.new(), name="Draft", description="", by=MACHINE, cause=cause())
    code = ids.new()
    rules = DiscountRules(percent=50, plan_ids=(gold,), total_uses=20)
    ledger.make_discount(code, code="BACK24", rules=rules, by=MACHINE, cause=cause())
    price = "model=recurring&amount=15.00&currency=EUR&unit=month&every=1"
    made.at("owner", "plans.listing", "/panel/plans")
    made.at("owner", "plans.one", *(f"/panel/plans/{one}" for one in (gold, course, draft)))
    made.at("owner", "plans.coming", f"/panel/plans/{gold}/coming")
    made.at("owner", "plan_prices.ask", f"/panel/plans/{gold}/price")
    made.at("owner", "plan_prices.preview", f"/panel/plans/{gold}/price/preview?{price}")
    made.at("owner", "plan_changes.ask_retire", f"/panel/plans/{gold}/retire")
    made.at("owner", "plan_changes.words", f"/panel/plans/{gold}/words")
    made.at("owner", "plan_changes.new", "/panel/plans/new")
    made.at("owner", "discounts.listing", "/panel/discounts")
    made.at("owner", "discounts.one", f"/panel/discounts/{code}")
    made.at("owner", "discount_changes.ask", f"/panel/discounts/{code}/change")
    made.at("owner", "discount_changes.ask_end", f"/panel/discounts/{code}/end")
    made.at("owner", "discount_changes.new", "/panel/discounts/new")
    made.at("nobody", "public.plans", "/", GONE)
    made.at("member", "public.plans", "/")
    made.at("nobody", "public.plan", *(f"/plans/{one}" for one in (founder, gold)))
    made.at("member", "public.plan", f"/plans/{course}?code=BACK24")
    made.at("member", "protected.content", f"/plans/{gold}/content")
    made.at("nobody", "public.embedded_plans", "/embed/plans")
    made.at("nobody", "public.embedded_plan", f"/embed/plans/{gold}")


def _lists(made: Furnished, staff: Browser) -> None:
    """A list with a member and a bare address, and a message that was sent."""
    page = with_addresses(staff, "zoe@example.org", "max@example.org")
    message = write(staff, page)
    [mail, *_] = sent(made.place)
    made.at("owner", "lists.listing", "/panel/lists")
    made.at("owner", "lists.one", page.path)
    made.at("owner", "lists.ask_erase", "/panel/lists/erase")
    made.at("owner", "lists.ask_end", f"{page.path}/end")
    made.at("owner", "list_messages.one", message.path)
    made.at("owner", "list_messages.new", f"{page.path}/messages/new?template=en")
    made.at("nobody", "unsubscribing.ask", path_in(mail.unsubscribe or ""))


def _mailed_links(made: Furnished, ada: Owing, staff: Browser) -> None:
    """Pages to which letters lead, and the box in which they are."""
    place, guest = made.place, made.place.stranger()
    pay = ada.link()
    removal = f"/panel/members/{_running(place)}/remove"
    staff.send(staff.get(removal), f"{removal}/link")
    made.at("nobody", "self_cancelling.ask", mailed(place, "cleo@example.org"))
    colleague = ids.derived(ids.SITE, "administrator")
    staff.send(staff.get(f"/panel/team/{colleague}"), f"/panel/team/{colleague}/invite")
    made.at("nobody", "team.welcome", mailed(place, "administrator@example.org"))
    made.at("nobody", "recovery.show", pay, "/pay?token=nothing")
    made.at("nobody", "recovery.confirm", ada.bank)
    email = "new@example.org"
    guest.send(guest.get("/sign-up"), "/sign-up", name="Nell New", email=email)
    made.at("nobody", "sign_up.form", "/sign-up")
    made.at("nobody", "sign_up.verify", f"/sign-up/verify?token={place.token(email)}")
    guest.send(guest.get("/password/forgotten"), "", email="zoe@example.org")
    made.at("nobody", "sign_in.forgotten", "/password/forgotten")
    made.at("nobody", "sign_in.reset", f"/password/reset?token={place.token('zoe@example.org')}")
    made.at("nobody", "sign_in.form", "/sign-in")
    own = place.as_member(ada.member_id)
    action = "/account/email"
    own.send(own.get("/account/details"), action, email="ada@example.com", password=PASSWORD)
    token = place.token("ada@example.com")
    made.at("nobody", "account.confirm_email", f"/account/email/confirm?token={token}")
    [kept, *_] = place.parts.desk.mailbox.recent(limit=1)
    made.at("nobody", "mailbox.latest", "/mailbox")
    made.at("nobody", "mailbox.one", f"/mailbox/{kept.mail_id}")


def _rest_of_the_panel(made: Furnished) -> None:
    """Notices, facts, figures, jobs, and what programs are told."""
    told(made.place)
    made.at("owner", "notices.listing", "/panel/notices")
    made.at("owner", "own_notices.page", "/panel/notices/mine")
    made.at("owner", "mails.on_their_way", "/panel/mails")
    made.at("owner", "audit.listing", "/panel/audit")
    made.at("owner", "audit.one", "/panel/audit/1")
    made.at("owner", "explain_figures.recurring", "/panel/figures/mrr/why")
    made.at("owner", "explain_figures.spending", "/panel/figures/spending/why")
    made.at("owner", "operations.page", "/panel/operations")
    made.at("owner", "overview.page", "/panel/overview")
    made.at("owner", "payments.page", "/panel/payments")
    made.at("owner", "payments.missed", "/panel/payments/missed")
    made.at("owner", "segments.listing", "/panel/segments")
    made.at("nobody", "docs.page", "/api/v1/docs")
