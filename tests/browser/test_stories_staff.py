"""In a real browser: what staff do with members, lists, notices and each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from ledger.discount import DiscountRules
from ledger.ids import new, notice
from tests.browser.scene import BOTH, FREE, MACHINE, TURNED, Scene, View, cause, opened
from tests.browser.test_story import PASSWORD
from tests.conftest import FreshDatabases
from web.identity.permissions import Role

SAID = {
    "en": {
        "segment": "Friends en",
        "reached": "1 of 2 on the list agreed to messages",
        "left": "You are unsubscribed.",
        "code": "Type the code COMEBACK-EN when you join",
        "muted": "muted",
        "set": "Your password is set.",
        "again": "It is sent again within a minute.",
        "why not": "joined a plan",
        "closed": "Closed on",
        "twins": "Possible duplicates",
        "forbidden": "You may not do this",
    },
    "fr": {
        "segment": "Friends fr",
        "reached": "1 sur 2",
        "left": "Vous êtes désabonné",
        "code": "Saisissez le code COMEBACK-FR",
        "muted": "coupé",
        "set": "Votre mot de passe est choisi.",
        "again": "dans la minute",
        "why not": "souscrit",
        "closed": "Fermé le",
        "twins": "Doublons possibles",
        "forbidden": "Vous ne pouvez pas faire cela",
    },
}


@pytest.fixture(scope="module")
def stage(
    started: str,
    fresh_databases: FreshDatabases,
    tmp_path_factory: pytest.TempPathFactory,
    launched: Browser,
) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("staff")
    with fresh_databases.copy_of(started) as database, opened(database, folder, launched) as one:
        yield one


@pytest.fixture
def scene(stage: Scene) -> Iterator[Scene]:
    yield stage
    stage.leave()


@BOTH
def test_what_staff_tag_and_note_becomes_a_saved_segment_and_no_member_sees_it(
    scene: Scene, view: View
) -> None:  # part of AC9, part of SE2
    said = SAID[view.lang]
    member_id = scene.account(f"Ann {view.lang}", view.lang)
    staff = scene.staff(view, Role.STORE_MANAGER)
    staff.open(f"/panel/members/{member_id}")
    staff.fill(tag=f"fair-{view.lang}")
    staff.click("form[action$='/tags'] button")
    staff.fill(note="Wants an invoice by post.")
    staff.click("form[action$='/notes'] button")
    staff.sees(f"store_manager {view.lang}", ".note")
    staff.open(f"/panel/members?tag=fair-{view.lang}")
    staff.page.locator("details.save summary").click()
    staff.page.fill("#segment-name", said["segment"])
    staff.click("details.save form button")
    staff.open("/panel/segments")
    staff.sees("1", f"main tbody tr:has-text('{said['segment']}') .amount")
    with staff.page.expect_download() as waiting:
        staff.page.goto(f"{staff.address}/panel/members?tag=fair-{view.lang}")
        staff.page.locator("button[form=export]").click()
    assert f"ann.{view.lang}@example.org" in waiting.value.path().read_text()
    ann = scene.member(view, member_id)
    ann.open("/account")
    for secret in ("fair", "invoice"):
        assert secret not in ann.page.content()
    assert scene.known(member_id).tags == {f"fair-{view.lang}"}
    assert scene.facts(member_id)[-2:] == ["member.tagged", "member.noted"]


@TURNED
def test_a_message_reaches_who_agreed_and_its_link_leaves_the_list(
    scene: Scene, view: View
) -> None:  # part of NO4
    said, who = SAID[view.lang], f"old.{view.lang}@example.org"
    scene.parts.ledger.make_discount(
        new(),
        code=f"COMEBACK-{view.lang.upper()}",
        rules=DiscountRules(percent=50),
        by=MACHINE,
        cause=cause(),
    )
    member_id = scene.account(f"Nay {view.lang}", view.lang)
    staff = scene.staff(view)
    staff.open("/panel/lists")
    staff.fill(name=f"Before {view.lang}")
    staff.click("main form.stack button")
    staff.fill(addresses=f"{who}\nnay.{view.lang}@example.org")
    staff.page.check("input[name=consented]")
    staff.click("aside form button")
    staff.click("a[href$='/messages/new']")
    staff.page.select_option("#code", label=f"COMEBACK-{view.lang.upper()}")
    staff.click("aside form button")
    assert said["code"] in staff.page.input_value("#text")
    staff.click("form[action$='/preview'] button")
    staff.sees(said["reached"])
    staff.click("form[action$='/preview'] button[formaction$='/messages']")
    scene.pass_by("messages")
    assert scene.parts.desk.mailbox.recent(to=f"nay.{view.lang}@example.org") == []
    [kept] = scene.parts.desk.mailbox.recent(to=who)
    reader = scene.stranger(view)
    reader.open("/" + str(kept.mail.unsubscribe).split("/", 3)[3])
    reader.click("main form button")
    reader.sees(said["left"])
    staff.page.reload()
    staff.sees("1", "aside dl")
    assert "member.consented" not in scene.facts(member_id)


@BOTH
def test_somebody_joins_the_team_mutes_a_kind_and_is_not_told_of_it(
    scene: Scene, view: View
) -> None:  # part of NO1, part of NO5
    said, email = SAID[view.lang], f"new.{view.lang}@example.org"
    owner = scene.staff(view)
    owner.open("/panel/team")
    owner.fill(name=f"New {view.lang}", email=email)
    owner.page.check("input[name=roles][value=store_manager]")
    owner.page.select_option("#locale", view.lang)
    owner.click("main form.stack button")
    someone = scene.stranger(view)
    someone.open(scene.link(email))
    someone.fill(password=PASSWORD)
    someone.click("main form button")
    someone.sees(said["set"])
    someone.open("/panel/notices/mine")
    someone.click("form:has(input[value=member_joined]) button")
    someone.sees(said["muted"], "tr:has(input[value=member_joined]) td")
    member_id = scene.account(f"Joy {view.lang}", view.lang)
    scene.join(member_id, scene.plan(f"Told {view.lang}", FREE), None)
    scene.pass_by("news", "letters")
    subjects = [kept.mail.subject for kept in scene.parts.desk.mailbox.recent(to=email)]
    assert [one for one in subjects if "Told" in one] == []
    told = scene.parts.desk.mailbox.recent(to=scene.site.owner[0])
    assert [kept for kept in told if "Told" in kept.mail.subject]
    assert someone.page.goto(f"{someone.address}/panel/operations").status == 403  # type: ignore[union-attr]
    someone.sees(said["forbidden"], "h1")


@TURNED
def test_a_notice_that_was_given_up_is_sent_again(scene: Scene, view: View) -> None:  # part of NO2
    said = SAID[view.lang]
    member_id = scene.account(f"Lou {view.lang}", view.lang)
    scene.join(member_id, scene.plan(f"Lost {view.lang}", FREE), None)
    scene.pass_by("news")
    joined = next(
        fact for fact in scene.parts.ledger.facts_of(member_id) if fact.TOPIC == "member.joined"
    )
    notice_id = notice(joined.fact_id, member_id, "welcome")
    scene.parts.ledger.give_up_notice(notice_id, "timeout", by=MACHINE, cause=cause())
    scene.settle()
    staff = scene.staff(view)
    staff.open(f"/panel/notices?person={member_id}")
    staff.click("form[action*='/resend'] button")
    staff.sees(said["again"])
    scene.pass_by("letters")
    assert len(scene.parts.desk.mailbox.recent(to=f"lou.{view.lang}@example.org")) == 1


@BOTH
def test_twins_are_shown_and_an_account_is_closed_only_where_nothing_happened(
    scene: Scene, view: View
) -> None:  # part of AC4, part of SE1
    said = SAID[view.lang]
    first = scene.account(f"Twin {view.lang}", view.lang)
    second = scene.account(f"twin {view.lang}", view.lang, f"twin2.{view.lang}@example.org")
    scene.join(second, scene.plan(f"Twins {view.lang}", FREE), None)
    staff = scene.staff(view)
    staff.open(f"/panel/members/{second}")
    staff.sees(said["twins"], "#duplicates")
    assert staff.page.locator("a[href$='/close']").count() == 0
    staff.open(f"/panel/members/{second}/close")
    staff.fill(reason="asked us to")
    staff.click("main form button.danger")
    staff.sees(said["why not"], "[role=alert]")
    staff.click(".trail a:last-of-type")
    staff.click(f"a[href='/panel/members/{first}']")
    staff.click("a[href$='/close']")
    staff.fill(reason="asked us to")
    staff.click("main form button.danger")
    staff.sees(said["closed"])
    assert "member.account_closed" in scene.facts(first)
    assert "member.account_closed" not in scene.facts(second)
