"""In a real browser: a renewal that needs its member fails, and the mailed link mends it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

from ledger import ids
from ledger.clock import SystemClock, VirtualClock
from ledger.facts import Actor, Cause
from ledger.member.facts import Locale
from tests.browser.conftest import PATIENCE_MILLISECONDS, Eyes, Listening, serving
from tests.browser.test_story import DESKTOP, PHONE, Person
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner

EMAIL = "ada@example.org"
ASKS = "pm_card_authenticationRequired"
A_NIGHT = ("charges", "news", "letters")
SAID = {
    "en": {
        "subject": "your payment for Circle needs you",
        "letter": "Your bank wants you to confirm this payment yourself.",
        "due": "€12.00",
        "bank": "Confirm the payment",
        "paid": "Paid: €12.00 for Circle. The next payment, €12.00, is on",
    },
    "fr": {
        "subject": "votre paiement pour Circle a besoin de vous",
        "letter": "Votre banque souhaite que vous confirmiez vous-même ce paiement.",
        "due": "12,00\u00a0€",
        "bank": "Confirmez le paiement",
        "paid": "Payé\u00a0: 12,00\u00a0€ pour Circle. Le prochain paiement, 12,00\u00a0€,",
    },
}
STRIPE = """
window.Stripe = (key, options) => ({
  elements: (asked) => ({
    create: (_, { wallets }) => ({
      mount: (place) => { place.textContent = JSON.stringify({ ...asked, wallets }); },
    }),
    submit: async () => ({}),
  }),
  createConfirmationToken: async () => ({ confirmationToken: { id: "%s" } }),
  handleNextAction: async ({ clientSecret }) => window.bankApproves(clientSecret),
});
"""
"""What stands in for Stripe's script; the real one is never loaded by tests."""


class Months:
    """A site whose clock is ours to move."""

    def __init__(self, site: Listening, clock: VirtualClock) -> None:
        self.site, self.clock = site, clock
        self.runner = Runner(site.parts, AlwaysLeads())

    def member(self, lang: Locale) -> None:
        """Somebody who joined with a card whose bank asks each time."""
        self.site.plan()
        parts, member_id = self.site.parts, ids.new()
        by = Actor(kind="member", id=member_id)
        parts.ledger.open_account(
            member_id, email=EMAIL, name="Ada", locale=lang, by=by, cause=cause()
        )
        [plan] = parts.queries.plans.all()
        joined = parts.collection.join(
            member_id, plan.plan_id, method_token=ASKS, by=by, cause=cause()
        )
        assert joined.action
        parts.sandbox.authenticate(action=joined.action, approved=True)
        parts.collection.resume(joined.order_id, cause=cause())

    def pass_by(self) -> None:
        """A month and an hour, and the jobs that come then."""
        self.clock.advance(timedelta(days=31, hours=1))
        for name in A_NIGHT:
            last = self.site.parts.recorder.max_notification_id() or 0
            assert self.site.parts.views.wait_for(last, wait_seconds=30).position >= last
            assert self.runner.tick(next(job for job in JOBS if job.name == name))

    def billing(self) -> str:
        """How the only membership is paid for, by the books."""
        member_id = self.site.parts.ledger.member_by_email(EMAIL)
        assert member_id is not None
        [stay] = self.site.parts.ledger.member(member_id).memberships.values()
        return stay.billing

    def link(self) -> str:
        """The path of the link in the latest mail."""
        [url] = self.site.parts.desk.mailbox.recent(to=EMAIL)[0].mail.links.values()
        return url.removeprefix(self.site.address)


@pytest.fixture
def months(site_database: str, tmp_path: Path) -> Iterator[Months]:
    clock = VirtualClock(SystemClock().now())
    with serving(site_database, tmp_path, clock=clock) as site:
        yield Months(site, clock)


@pytest.fixture
def stripes(site_database: str, tmp_path: Path) -> Iterator[Months]:
    clock = VirtualClock(SystemClock().now())
    with serving(site_database, tmp_path, clock=clock, stripe_publishable_key="pk_test_1") as site:
        yield Months(site, clock)


@pytest.mark.parametrize(("lang", "size"), [("en", DESKTOP), ("fr", PHONE)])
def test_a_renewal_that_needs_its_member_is_mended_by_the_mailed_link(  # DU3
    months: Months, chromium: Browser, lang: Locale, size: tuple[int, int]
) -> None:
    said, eyes = SAID[lang], Eyes(lang, urlsplit(months.site.address).netloc)
    width, height = size
    context = chromium.new_context(locale=lang, viewport={"width": width, "height": height})
    months.member(lang)
    months.pass_by()
    assert months.billing() == "action_required"
    ada = Person(context, eyes, months.site.address)
    ada.open("/mailbox")
    ada.click(f"main tbody a:has-text('{said['subject']}')")
    ada.sees(said["letter"])
    ada.click("main .button")
    ada.sees(said["due"])
    ada.click("button[name=saved]")
    ada.sees(said["bank"])
    ada.click("button[name=approve]")
    ada.sees(said["paid"])
    assert months.billing() == "current"
    context.close()
    assert eyes.faults == []


def test_stripes_script_makes_the_token_and_asks_the_bank(
    stripes: Months, chromium: Browser
) -> None:
    stripes.member("en")
    stripes.pass_by()
    context = chromium.new_context(locale="en")
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    faults: list[str] = []
    page.on("console", lambda one: faults.append(one.text) if one.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    script = STRIPE % ASKS
    page.route(
        "https://js.stripe.com/**",
        lambda route: route.fulfill(body=script, content_type="text/javascript"),
    )
    page.expose_function("bankApproves", approving(stripes))
    page.goto(stripes.site.address + stripes.link())
    expect(page.locator("[data-payment-fields]")).to_contain_text('"mode":"payment"')
    expect(page.locator("[data-payment-fields]")).to_contain_text('"link":"never"')
    page.locator("main form.stack button").click()
    expect(page.locator("main h1")).to_have_text("This is paid")
    context.close()
    assert stripes.billing() == "current"
    assert faults == []


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_each_label_of_a_test_card_stands_on_one_line_of_a_phone(
    months: Months, chromium: Browser, lang: Locale
) -> None:
    months.member(lang)
    months.pass_by()
    width, height = PHONE
    context = chromium.new_context(locale=lang, viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(PATIENCE_MILLISECONDS)
    page.goto(months.site.address + months.link())
    heights = page.locator(".row label").evaluate_all("labels => labels.map(l => l.clientHeight)")
    context.close()
    assert len(heights) == 3
    assert len(set(heights)) == 1


def approving(stripes: Months) -> Callable[[str], dict[str, object]]:
    """The person's bank, which says yes to whatever the script asks it."""

    def approve(action: str) -> dict[str, object]:
        stripes.site.parts.sandbox.authenticate(action=action, approved=True)
        return {}

    return approve


def cause() -> Cause:
    """A command of its own."""
    return Cause(kind="command_line", id=ids.new())
