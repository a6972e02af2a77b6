"""In a real browser: money that fails, moves and is contested; the past; views built again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import PATIENCE_MILLISECONDS
from tests.browser.scene import BOTH, TURNED, Scene, View, opened
from tests.conftest import FreshDatabases
from web.identity.permissions import Role
from web.running.rebuilding import Hands, rebuilder

LATER_DECLINED = "pm_card_chargeCustomerFail"
SAID = {
    "en": {
        "due": "We try again on",
        "paid": "Paid: €12.00",
        "contested": "Contested",
        "lost": "Lost to disputes",
        "moves": "moves to it",
        "price": "€15.00",
        "then": "yes",
        "gone": "Former member",
        "serving": "Serving",
    },
    "fr": {
        "due": "Nous réessaierons le",
        "paid": "Payé\u00a0: 12,00\u00a0€",
        "contested": "Contesté",
        "lost": "Perdu",
        "moves": "passe",
        "price": "15,00\u00a0€",
        "then": "oui",
        "gone": "Ancien membre",
        "serving": "En service",
    },
}


@pytest.fixture(scope="module")
def stage(
    started: str,
    fresh_databases: FreshDatabases,
    tmp_path_factory: pytest.TempPathFactory,
    launched: Browser,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("money")
    with fresh_databases.copy_of(started) as database, opened(database, folder, launched) as one:
        yield one


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    yield stage
    stage.leave()


@TURNED
def test_who_is_past_due_pays_from_their_account_and_stays(
    scene: Scene, view: View
) -> None:  # part of DU1, part of DU2
    said = SAID[view.lang]
    plan_id = scene.plan(f"Due {view.lang}")
    member_id = scene.account(f"Pat {view.lang}", view.lang)
    scene.join(member_id, plan_id, LATER_DECLINED)
    scene.pass_by("charges", "news", "letters", days=31)
    assert scene.stay(member_id, plan_id).billing == "past_due"
    pat = scene.member(view, member_id)
    pat.open("/account")
    pat.sees(said["due"], ".membership .notice")
    pat.click("a[href$='/pay']")
    pat.fill(card_number="4242 4242 4242 4242", exp_month="12", exp_year="2031", cvc="123")
    pat.click("main form.stack button")
    pat.sees(said["paid"])
    assert scene.stay(member_id, plan_id).billing == "current"
    assert scene.stay(member_id, plan_id).covers(scene.clock.now() + timedelta(days=20))


@BOTH
def test_a_price_that_moves_is_told_before_it_is_charged(
    scene: Scene, view: View
) -> None:  # part of PL4
    said, email = SAID[view.lang], f"max.{view.lang}@example.org"
    plan_id = scene.plan(f"Moving {view.lang}")
    member_id = scene.account(f"Max {view.lang}", view.lang)
    scene.join(member_id, plan_id)
    staff = scene.staff(view)
    staff.open(f"/panel/plans/{plan_id}/price")
    since = scene.clock.now().date() + timedelta(days=1)
    staff.fill(amount="15", since=since.isoformat())
    staff.click("main form.terms button")
    staff.sees(said["moves"])
    staff.click("main .panel-box button")
    scene.pass_by("prices", "news", "letters", days=2)
    mails = [kept.mail.text for kept in scene.parts.desk.mailbox.recent(to=email)]
    assert [text for text in mails if said["price"] in text]
    scene.pass_by("charges", days=30)
    max_ = scene.member(view, member_id)
    max_.open("/account")
    max_.sees(said["price"], ".membership")
    max_.sees(said["price"], "#orders ~ .table-box tbody")
    assert scene.stay(member_id, plan_id).terms.amount.minor == 1500


@TURNED
def test_a_contested_payment_stands_on_its_order_until_it_is_lost(
    scene: Scene, view: View
) -> None:  # part of OR7, part of OR8
    said = SAID[view.lang]
    plan_id = scene.plan(f"Contested {view.lang}")
    member_id = scene.account(f"Eve {view.lang}", view.lang)
    order_id = scene.join(member_id, plan_id)
    [payment_id] = scene.parts.ledger.order(order_id).payments
    dispute = scene.parts.sandbox.dispute_at_gateway(payment_id=payment_id)
    scene.pass_by("missed notices", "inbox", days=0.1)
    staff = scene.staff(view)
    staff.open(f"/panel/orders/{order_id}")
    staff.sees(said["contested"])
    scene.parts.sandbox.decide_at_gateway(dispute_id=dispute.id, outcome="lost")
    scene.pass_by("missed notices", "inbox", days=0.1)
    staff.page.reload()
    staff.sees(said["lost"])
    assert scene.stay(member_id, plan_id).covers(scene.clock.now())


@BOTH
def test_the_panel_shows_a_member_as_they_were_before_the_removal(
    scene: Scene, view: View
) -> None:  # part of AU3
    said = SAID[view.lang]
    plan_id = scene.plan(f"Past {view.lang}")
    member_id = scene.account(f"Ida {view.lang}", view.lang)
    scene.join(member_id, plan_id)
    scene.clock.advance(timedelta(days=1))
    before = scene.clock.now()
    scene.clock.advance(timedelta(days=1))
    staff = scene.staff(view)
    staff.open(f"/panel/members/{member_id}/remove")
    staff.fill(reason="asked us to")
    staff.click("form:has(#reason) button.danger")
    staff.sees(said["gone"], "h1")
    staff.open(f"/panel/members/{member_id}?as_of={quote(before.isoformat())}")
    staff.sees(said["then"], "strong.yes")
    assert staff.page.locator("main form[method=post]").count() == 0
    staff.click(".moment a")
    staff.sees(said["gone"], "h1")
    assert scene.facts(member_id)[-1] == "member.removed"


@TURNED
def test_an_operator_builds_a_view_again_and_sees_nobody(
    scene: Scene, view: View
) -> None:  # part of NO5
    said = SAID[view.lang]
    scene.account(f"Una Unseen {view.lang}", view.lang)
    operator = scene.staff(view, Role.OPERATOR)
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    operator.open("/panel/operations")
    operator.click("form:has(input[value=contributors]) button")
    expect(operator.page.locator("#progress")).to_be_visible()
    rebuilder(scene.parts, hands=Hands(workers=0)).carry_on()
    expect(operator.page.locator("#progress")).to_have_count(0)  # it looks again by itself
    operator.sees(said["serving"], "section[aria-labelledby=rebuilds]")
    assert "Unseen" not in operator.page.content()
    assert "@example.org" not in operator.page.content()
