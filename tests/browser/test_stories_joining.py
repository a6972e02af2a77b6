"""In a real browser: a plan of each price model is joined, early and by code; left; data taken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from zipfile import ZipFile

import pytest
from playwright.sync_api import Browser

from ledger.discount import DiscountRules
from ledger.ids import new
from ledger.money import Money
from ledger.terms import Terms
from tests.browser.scene import BOTH, FREE, MACHINE, MONTHLY, TURNED, Scene, View, cause, opened
from tests.browser.test_story import Person
from tests.conftest import FreshDatabases

ONCE = Terms(model="one_time", amount=Money(19900, "EUR"))
COURSE = Terms(model="instalments", amount=Money(4500, "EUR"), unit="month", every=1, payments=4)
SAID = {
    "en": {
        "course": "Next payment",
        "once": "without end",
        "inside": "Inside Founder",
        "letter": "You have left Letter: access has ended",
        "password": "password",
        "free": "The first payment is on",
        "gift": "GIFT is applied.",
        "welcome": "Welcome to Preview.",
        "cancelled": "Cancelled: nothing more is charged",
        "goes on": "Your membership goes on: €12.00 is charged on",
        "link": "The link is on its way to maud.en@example.org.",
        "stopped": "The renewal of Links is stopped",
        "former": "Left",
    },
    "fr": {
        "course": "Prochain versement",
        "once": "sans fin",
        "inside": "Dans Founder",
        "letter": "Vous avez quitté Letter",
        "password": "mot de passe",
        "free": "Le premier paiement",
        "gift": "Le code GIFT est appliqué.",
        "welcome": "Bienvenue dans Preview.",
        "cancelled": "plus rien n’est prélevé",
        "goes on": "Votre adhésion continue",
        "link": "Le lien est en route vers maud.fr@example.org.",
        "stopped": "Le renouvellement du forfait Links est arrêté",
        "former": "Quittée",
    },
}


@pytest.fixture(scope="module")
def stage(
    started: str,
    fresh_databases: FreshDatabases,
    tmp_path_factory: pytest.TempPathFactory,
    launched: Browser,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("joining")
    with fresh_databases.copy_of(started) as database, opened(database, folder, launched) as one:
        yield one


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    yield stage
    stage.leave()


def pays(person: Person) -> None:
    """Type a card, and join."""
    person.fill(card_number="4242 4242 4242 4242", exp_month="12", exp_year="2031", cvc="123")
    person.click("form[action$='/join'] button")


@BOTH
def test_a_plan_of_each_price_model_is_joined_and_the_account_says_what_comes(
    scene: Scene, view: View
) -> None:  # part of PL1, part of AX5, part of AC8
    said = SAID[view.lang]
    letter, once, course = (
        scene.plan("Letter", FREE),
        scene.plan("Founder", ONCE),
        scene.plan("Course", COURSE),
    )
    member_id = scene.account("Ada Lovelace", view.lang)
    ada = scene.member(view, member_id)
    ada.open(f"/plans/{letter}")
    ada.click("form[action$='/join'] button")
    for plan_id in (course, once):
        ada.open(f"/plans/{plan_id}")
        pays(ada)
    ada.open("/account")
    ada.sees(said["course"], ".membership:has-text('Course')")
    ada.sees(said["once"], ".membership:has-text('Founder')")
    ada.click(".membership:has-text('Founder') .button")
    ada.sees(said["inside"])
    ada.open("/account")
    ada.click(".membership:has-text('Letter') a[href$='/leave']")
    ada.click("main form button.danger")
    ada.sees(said["letter"])
    ada.sees(said["former"], ".membership:has-text('Letter')")
    assert scene.stay(member_id, course).terms.payments == 4
    assert scene.stay(member_id, once).covers(scene.clock.now() + timedelta(days=9999))
    assert not scene.stay(member_id, letter).is_running(scene.clock.now())
    assert scene.facts(member_id).count("member.joined") == 3


@TURNED
def test_early_access_asks_for_its_password_and_begins_free(
    scene: Scene, view: View
) -> None:  # part of PL6, part of DI1
    said, ledger, until = SAID[view.lang], scene.parts.ledger, scene.clock.now()
    plan_id = scene.plan("Preview", MONTHLY)
    scene.parts.desk.plan_passwords.put(plan_id, "first of all")
    ledger.set_early_access(
        plan_id,
        password_until=until + timedelta(days=9),
        free_until=until + timedelta(days=9),
        by=MACHINE,
        cause=cause(),
    )
    member_id = scene.account("Bea Early", view.lang)
    bea = scene.member(view, member_id)
    bea.open(f"/plans/{plan_id}")
    bea.sees(said["free"])
    bea.fill(early_access_password="guessed all")
    pays(bea)
    bea.sees(said["password"], ".fault")
    assert scene.facts(member_id).count("member.joined") == 0
    bea.fill(early_access_password="first of all")
    pays(bea)
    bea.sees(said["welcome"])
    assert scene.facts(member_id).count("member.joined") == 1
    assert "order.paid" not in scene.facts(member_id)
    assert scene.known(member_id).method is not None


@BOTH
def test_a_gift_code_joins_without_a_payment_and_each_refused_code_says_why(
    scene: Scene, view: View
) -> None:  # part of DI5, part of OR5
    said = SAID[view.lang]
    plan_id = scene.plan("Presents", ONCE)
    code = f"GIFT-{view.lang.upper()}"
    scene.parts.ledger.make_discount(
        new(), code=code, rules=DiscountRules(percent=100, total_uses=1), by=MACHINE, cause=cause()
    )
    member_id = scene.account("Gil Given", view.lang)
    gil = scene.member(view, member_id)
    gil.open(f"/plans/{plan_id}?code={code.lower()}")
    gil.sees(said["gift"].replace("GIFT", code))
    gil.click("form[action$='/join'] button")
    assert scene.stay(member_id, plan_id).covers(scene.clock.now())
    late = scene.member(view, scene.account("Lia Late", view.lang))
    late.open(f"/plans/{plan_id}?code={code}")
    late.sees(code, "#code-fault")


@TURNED
def test_a_member_cancels_thinks_again_and_is_mailed_a_link(
    scene: Scene, view: View
) -> None:  # part of AX2, part of AX3, part of AX4
    said = SAID[view.lang]
    plan_id = scene.plan("Links", MONTHLY)
    member_id = scene.account("Maud Links", view.lang)
    scene.join(member_id, plan_id)
    maud, owner = scene.member(view, member_id), scene.staff(view)
    maud.open("/account")
    maud.click("a[href$='/cancel']")
    maud.click("main form button.danger")
    maud.sees(said["cancelled"])
    assert scene.stay(member_id, plan_id).covers(scene.clock.now())
    maud.click("form[action$='/withdraw'] button")
    maud.sees(said["goes on"])
    owner.open(f"/panel/members/{member_id}/remove")
    owner.click("form[action$='/remove/link'] button")
    owner.sees(said["link"])
    stranger = scene.stranger(view)
    stranger.open(scene.link(f"maud.{view.lang}@example.org"))
    assert scene.stay(member_id, plan_id).cancelled_at is None
    stranger.click("main form button.danger")
    stranger.sees(said["stopped"])
    stay = scene.stay(member_id, plan_id)
    assert stay.cancelled_at is not None
    assert not stay.covers(scene.clock.now() + timedelta(days=40))


@BOTH
def test_a_member_takes_all_their_data_away(scene: Scene, view: View, tmp_path: Path) -> None:
    member_id = scene.account("Dan Data", view.lang)
    scene.join(member_id, scene.plan("Archive", ONCE))
    dan = scene.member(view, member_id)
    dan.open("/account/data")
    with dan.page.expect_download() as waiting:
        dan.page.locator("main form button").click()
    waiting.value.save_as(tmp_path / "data.zip")
    with ZipFile(tmp_path / "data.zip") as archive:
        [name] = [one for one in archive.namelist() if one.endswith(".json")]
        told = json.loads(archive.read(name))
    assert told["account"]["email"] == f"dan.{view.lang}@example.org"
    assert "order.paid" in json.dumps(told)
