"""In a real browser: the whole panel worked by the keyboard, which always shows where it is."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import PATIENCE_MILLISECONDS
from tests.browser.scene import BOTH, ENGLISH, FRENCH, TURNED, Scene, View, opened
from tests.browser.test_story import Person
from tests.conftest import FreshDatabases
from web.pages.panel import members

NAMES = ("Ada Lovelace", "Zoë Lemaître", "Émile Zola")
WAYS = {
    "en": ("overview", "members", "segments", "orders", "payments", "plans", "discounts"),
    "fr": ("members", "lists", "notices", "team", "audit", "operations"),
}
"""Which ways a browser of each language goes: the order of the keyboard is the same in both."""

MOST_STEPS = 90

# Notes each place that the keyboard comes to, and whether somebody who looks can tell; answers how
# many times Tab may be pressed before the page is through: a date has fields of its own.
NOTES = """() => {
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.blur();
    document.body.removeAttribute('tabindex');
    window.stops = [];
    const all = [...document.all];
    document.addEventListener('focusin', ({ target: one }) => {
        const how = getComputedStyle(one), box = one.getBoundingClientRect();
        const ringed = how.outlineStyle !== 'none' && parseFloat(how.outlineWidth) >= 2;
        const shown = box.right > 0 && box.left < innerWidth && box.width > 0 && box.height > 0;
        const what = one.id || one.getAttribute('href') || one.textContent.trim() || one.name;
        window.stops.push({
            place: all.indexOf(one), what, seen: ringed && shown, index: one.tabIndex,
        });
    });
    const most = document.querySelectorAll('a[href], button, input, select, textarea, summary');
    return most.length + 8 * document.querySelectorAll('[type^=date]').length + 2;
}"""


@pytest.fixture(scope="module")
def stage(
    started: str,
    fresh_databases: FreshDatabases,
    tmp_path_factory: pytest.TempPathFactory,
    launched: Browser,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("keyboard")
    with fresh_databases.copy_of(started) as database, opened(database, folder, launched) as one:
        plan_id = one.plan("Circle")
        for name in NAMES:
            one.join(one.account(name, "en"), plan_id)
        yield one


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    yield stage
    stage.leave()


def tab_to(page: Page, what: str, key: str = "Tab") -> None:
    """Step until the keyboard is on something."""
    for _ in range(MOST_STEPS):
        page.keyboard.press(key)
        if page.evaluate("what => document.activeElement.matches(what)", what):
            return
    raise AssertionError(f"not reached by {key}: {what}")


def press(page: Page, key: str = "Enter") -> None:
    """Press a key that leads to another page."""
    with page.expect_navigation():
        page.keyboard.press(key)
    page.wait_for_load_state()


def stops(page: Page) -> list[str]:
    """Every place at which the keyboard stops, once through the page: in order, each to be seen."""
    for _ in range(page.evaluate(NOTES)):
        page.keyboard.press("Tab")
    found = page.evaluate("() => window.stops")
    places = [one["place"] for one in found]
    once = found[: places.index(places[0], 1)]  # it went through, and began again: no trap
    assert [one["place"] for one in once] == sorted(one["place"] for one in once)
    assert [one["what"] for one in once if not one["seen"] or one["index"] > 0] == []
    return [str(one["what"]) for one in once]


def signs_in(staff: Person, owner: tuple[str, str]) -> None:
    """By the keyboard."""
    staff.open("/team/sign-in")
    tab_to(staff.page, "#email")
    staff.page.keyboard.type(owner[0])
    staff.page.keyboard.press("Tab")
    staff.page.keyboard.type(owner[1])
    press(staff.page)


def refunds_and_removes(page: Page, order_id: UUID) -> None:
    """From a member's page, by the keyboard; too much at first."""
    tab_to(page, f"a[href='/panel/orders/{order_id}']")
    press(page)
    tab_to(page, "a[href$='/refund']")
    press(page)
    tab_to(page, "#amount")
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("999")
    press(page)
    expect(page.locator("#amount")).to_be_focused()  # refused, and the keyboard is on it
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.type("5")
    press(page)
    tab_to(page, ".trail a:last-of-type")
    press(page)
    tab_to(page, "a[href$='/remove']")
    press(page)
    tab_to(page, "#reason")
    page.keyboard.type("asked us to")
    press(page)


@BOTH
def test_every_way_through_the_panel_is_gone_by_the_keyboard(scene: Scene, view: View) -> None:
    staff = scene.stranger(view)
    page = staff.page
    signs_in(staff, scene.site.owner)
    for way in WAYS[view.lang]:
        tab_to(page, f".side nav a[href='/panel/{way}']")
        press(page)
        staff.eyes.look(page)
        here = stops(page)
        assert here[0] == "#content"  # the way past the navigation comes first
        assert f"/panel/{way}" in here
    page.evaluate(NOTES)
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_in_viewport()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.closest('main') !== null")


@FRENCH
def test_a_member_is_found_tagged_noted_refunded_and_removed_by_the_keyboard(
    scene: Scene, view: View
) -> None:
    member_id = scene.account(f"Kim {view.lang}", view.lang)
    plan_id = scene.plan(f"Keys {view.lang}")
    order_id = scene.join(member_id, plan_id)
    staff = scene.staff(view)
    staff.open("/panel")
    page = staff.page
    page.keyboard.press("/")
    page.keyboard.type(f"kim {view.lang}")
    press(page)
    tab_to(page, "a[data-row]")
    press(page)
    assert len(stops(page)) > 20
    tab_to(page, "#tag")
    page.keyboard.type("press")
    press(page)
    tab_to(page, "#note")
    page.keyboard.type("Met at the fair.")
    page.keyboard.press("Tab")
    press(page)
    refunds_and_removes(page, order_id)
    staff.eyes.look(page)
    scene.settle()
    known = scene.known(member_id)
    assert known.tags == {"press"}
    assert list(known.notes.values()) == ["Met at the fair."]
    assert scene.parts.ledger.order(order_id).refundable.minor == 700
    assert not scene.stay(member_id, plan_id).covers(scene.clock.now())


@ENGLISH
def test_the_lists_parts_unfold_fold_and_filter_by_the_keyboard(scene: Scene, view: View) -> None:
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    staff = scene.staff(view)
    staff.open("/panel/members?sort=name")
    page = staff.page
    filters, columns = page.locator(".filters details").all()
    tab_to(page, ".filters summary")
    page.keyboard.press("Enter")
    expect(filters).to_have_attribute("open", "")
    tab_to(page, "#plan")
    page.keyboard.press("Escape")
    expect(filters).not_to_have_attribute("open", "")
    expect(filters.locator("summary")).to_be_focused()
    page.keyboard.press("Enter")
    tab_to(page, "input[name=status][value=member]")
    page.keyboard.press("Space")
    press(page)
    expect(page.locator(".chips .chip")).to_have_count(1)
    tab_to(page, ".chips .chip")
    press(page)
    expect(page.locator(".chips .chip")).to_have_count(0)
    tab_to(page, ".filters details:nth-of-type(2) summary")
    page.keyboard.press("Space")
    tab_to(page, "input[name=columns][value=country]")
    page.keyboard.press("Space")
    press(page)
    expect(page.locator("thead")).to_contain_text("Country")
    page.keyboard.press("j")
    page.keyboard.press("x")
    expect(page.locator("[data-many]").first).to_have_text("(1)")
    tab_to(page, "input[name=who]", "Shift+Tab")
    page.keyboard.press("ArrowUp")
    expect(page.locator("input[name=who][value=all]")).to_be_checked()
    tab_to(page, ".moment-form summary", "Shift+Tab")
    page.keyboard.press("Enter")
    tab_to(page, "#as_of")
    assert len(stops(page)) > 30
    staff.eyes.look(page)
    assert columns.is_visible()


@TURNED
def test_pages_are_turned_there_and_back_by_the_keyboard(
    scene: Scene, view: View, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(members, "PAGE", 2)
    staff = scene.staff(view)
    staff.open("/panel/members?sort=name")
    page, rows = staff.page, staff.page.locator("a[data-row]")
    first = rows.all_inner_texts()
    tab_to(page, ".turns a[rel=next]")
    press(page)
    assert not set(rows.all_inner_texts()) & set(first)
    tab_to(page, ".turns a[rel=prev]")
    press(page)
    assert rows.all_inner_texts() == first
