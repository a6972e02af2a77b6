"""Hostile words in a real browser, under the policy that the site sends: nothing of them runs."""

from __future__ import annotations

from playwright.sync_api import Browser, Dialog

from ledger import ids
from ledger.facts import Actor, Cause
from ledger.money import Money
from ledger.terms import Terms
from tests.browser.conftest import PATIENCE_MILLISECONDS, Eyes, Listening
from tests.browser.test_members import signed_in as sign_in
from tests.web.security.corpora import HOSTILE, MARK

MACHINE = Actor(kind="machine")
RUN = f"() => [typeof window.{MARK}, document.querySelectorAll('{MARK}, [{MARK}]').length]"


def cause() -> Cause:
    return Cause(kind="command_line", id=ids.new())


def poison(site: Listening) -> list[str]:
    """A plan and a member with hostile words; answers where they are shown."""
    ledger, plan_id, member_id = site.parts.ledger, ids.new(), ids.new()
    words, terms = "\n\n".join(HOSTILE[:10]), Terms(model="free", amount=Money(0, "EUR"))
    ledger.draft_plan(plan_id, name=HOSTILE[2], description=words, by=MACHINE, cause=cause())
    ledger.set_price(plan_id, terms, by=MACHINE, cause=cause())
    ledger.open_plan(plan_id, by=MACHINE, cause=cause())
    by = Actor(kind="member", id=member_id)
    ledger.open_account(
        member_id, email="eve@example.org", name=HOSTILE[0], locale="en", by=by, cause=cause()
    )
    position = ledger.write_note(member_id, ids.new(), words, by=MACHINE, cause=cause())
    assert site.parts.views.wait_for(position, wait_seconds=30).position >= position
    member = f"/panel/members/{member_id}"
    return ["/", f"/plans/{plan_id}", f"/panel/plans/{plan_id}", "/panel/members", member]


def test_nothing_of_what_attackers_type_runs(listening: Listening, chromium: Browser) -> None:
    paths, dialogs = poison(listening), list[str]()
    page = sign_in(chromium, listening, "en", "desktop", Eyes("en", ""))

    def opened(dialog: Dialog) -> None:
        dialogs.append(dialog.message)
        dialog.dismiss()

    page.on("dialog", opened)
    for path in paths:
        answer = page.goto(f"{listening.address}{path}", timeout=PATIENCE_MILLISECONDS)
        assert answer is not None
        assert answer.status == 200, path
        assert MARK in page.inner_text("body"), path
        assert page.evaluate(RUN) == ["undefined", 0], path
    script = f"const s = document.createElement('script'); s.text = 'window.{MARK} = 1';"
    page.evaluate(f"() => {{ {script} document.body.append(s); }}")
    assert page.evaluate(RUN)[0] == "undefined"  # the policy stops what would get in after all
    assert dialogs == []
