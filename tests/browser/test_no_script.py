"""In a real browser whose scripts are off: pages read whole, and forms do what they say."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.scene import ENGLISH, FRENCH, Scene, View, opened
from tests.conftest import FreshDatabases


@pytest.fixture(scope="module")
def stage(
    started: str,
    fresh_databases: FreshDatabases,
    tmp_path_factory: pytest.TempPathFactory,
    launched: Browser,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("still")
    with fresh_databases.copy_of(started) as database, opened(database, folder, launched) as one:
        one.join(one.account("Ada Lovelace", "en"), one.plan("Circle"))
        yield one


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    yield stage
    stage.leave()


@ENGLISH
def test_a_member_reads_their_pages_and_sends_forms_without_scripts(
    scene: Scene, view: View
) -> None:
    member_id = scene.parts.ledger.member_by_email("ada.en@example.org")
    assert member_id is not None
    ada = scene.member(view, member_id, scripts=False)
    ada.open("/")
    ada.click(".plan .button")
    ada.sees("Circle", "h1")
    ada.open("/account")
    ada.click("a[href^='/account/orders/']")
    ada.click("a[href^='/account/receipts/']")
    ada.sees("Receipt T")
    assert ada.page.locator("[data-print]").is_hidden()
    ada.open("/account/details")
    ada.fill(name="Somebody Else")
    ada.click("form[action='/account/name'] button")
    ada.sees("Your name is changed.")
    assert scene.known(member_id).name == "Somebody Else"


@FRENCH
def test_staff_read_the_panel_and_send_forms_without_scripts(scene: Scene, view: View) -> None:
    member_id = scene.account(f"Kim Still {view.lang}", view.lang)
    order_id = scene.join(member_id, scene.plan(f"Still {view.lang}"))
    staff = scene.staff(view, scripts=False)
    staff.open("/panel/overview")
    assert staff.page.locator("main table td").count() > 5
    staff.page.fill("#find", "nobody at all")
    staff.page.press("#find", "Enter")
    staff.sees("Personne ne correspond")
    staff.open("/panel/members")
    staff.page.locator(".filters summary").first.click()
    staff.page.check("input[name=status][value=member]")
    staff.page.select_option("#plan", label=f"Still {view.lang}")
    staff.click(".filters .filter-form button")
    assert staff.page.locator("a[data-row]").count() == 1
    staff.page.check("input.tick")
    staff.page.check("input[name=who][value=ticked]")
    staff.page.fill("#bulk-tag", "quiet")
    staff.click(".bulk .inline-form button")
    staff.open(f"/panel/members/{member_id}")
    staff.page.fill("#note", "By a form alone.")
    staff.click("form[action$='/notes'] button")
    staff.sees("By a form alone.", ".note")
    staff.open(f"/panel/orders/{order_id}/refund")
    staff.fill(amount="5")
    staff.click("main form button")
    staff.sees("7,00\u00a0€")
    staff.open(f"/panel/members/{member_id}/spending/why")
    staff.sees("Concorde")
    staff.open("/panel/audit")
    staff.click("main tbody th a")
    staff.sees("Fait", "h1")
    scene.settle()
    known = scene.known(member_id)
    assert known.tags == {"quiet"}
    assert list(known.notes.values()) == ["By a form alone."]
    assert scene.parts.ledger.order(order_id).refundable.minor == 700
