"""A member's own side: receipts to print, all their data as a file, another password."""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from ledger import ids
from ledger.discount import DiscountRules
from ledger.facts import Actor
from ledger.money import Money
from tests.web.conftest import NOON
from tests.web.pages.conftest import MACHINE, MONTHLY, PASSWORD, Browser, Place, cause
from web.app import create_app
from web.identity import accounts
from web.pages import all_pages
from web.sessions.limits import DATA_BY
from web.sessions.sessions import Kind


def taxed_plan(place: Place) -> UUID:
    """An open plan at 12.00 a month, a fifth of tax inside."""
    plan_id, ledger = ids.new(), place.parts.ledger
    ledger.draft_plan(
        plan_id, name="Gold", description="", tax_basis_points=2000, by=MACHINE, cause=cause()
    )
    ledger.set_price(plan_id, MONTHLY, by=MACHINE, cause=cause())
    ledger.open_plan(plan_id, by=MACHINE, cause=cause())
    place.settle()
    return plan_id


def receipt_of(browser: Browser, lang: str = "en") -> str:
    """The address of a member's only receipt."""
    order = next(link for link in browser.get("/account").links if "/account/orders/" in link)
    return next(link for link in browser.get(order).links if "/receipts/" in link)


def data_of(browser: Browser) -> tuple[dict[str, Any], str]:
    """What is in somebody's file: the JSON and the page."""
    [form] = [one for one in browser.get("/account/data").forms if one.action == "/account/data"]
    answer = browser.client.post("/account/data", data=dict(form.fields))
    assert answer.mimetype == "application/zip"
    assert answer.headers["Content-Disposition"] == 'attachment; filename="my-data.zip"'
    assert answer.headers["Cache-Control"] == "no-store"
    with zipfile.ZipFile(io.BytesIO(answer.data)) as packed:
        assert sorted(packed.namelist()) == ["my-data.html", "my-data.json"]
        return json.loads(packed.read("my-data.json")), packed.read("my-data.html").decode()


def test_a_receipt_says_its_number_who_sells_and_the_tax(place: Place) -> None:  # OR10
    member_id = place.member(taxed_plan(place))
    seller = "The Circle Ltd; 1 Long Street; 75001 Paris; FR 12 345"
    settings = place.parts.settings.model_copy(update={"seller": seller})
    place.app = create_app(replace(place.parts, settings=settings), pages=all_pages())
    browser = place.as_member(member_id)
    address = receipt_of(browser)
    page = browser.get(address)
    assert page.headings == ["Receipt T2026-000001"]
    for said in ("The Circle Ltd", "75001 Paris", "FR 12 345", "Ada Lovelace", "€12.00", "€2.00"):
        assert said in page.words
    assert "Including tax at 20%" in page.words
    assert "no money was paid" in page.words
    french = browser.get(address, "fr")
    assert "Dont taxe à 20 %" in french.words


def test_a_receipt_says_its_day_its_period_its_code_and_the_card_that_paid(  # OR10
    place: Place,
) -> None:
    half_past_eleven_in_utc = NOON + timedelta(hours=11, minutes=30)
    place.clock.advance_to(half_past_eleven_in_utc)
    member_id = place.account()
    place.parts.ledger.make_discount(
        ids.new(), code="WELCOME", rules=DiscountRules(percent=50), by=MACHINE, cause=cause()
    )
    themself = Actor(kind="member", id=member_id)
    place.parts.collection.join(
        member_id,
        place.plan(),
        discount_code="WELCOME",
        method_token="pm_card_visa",
        by=themself,
        cause=cause(),
    )
    place.parts.collection.save_method(
        member_id, method_token="pm_card_mastercard", by=themself, cause=cause()
    )
    place.settle()
    browser = place.as_member(member_id)
    said = browser.get(receipt_of(browser)).words
    assert "Paid on 23 November 2026" in said  # in Paris
    assert "Period 23 November 2026 to 23 December 2026" in said
    assert "Discount code WELCOME" in said
    assert "Visa ending in 4242" in said
    assert "Mastercard" not in said


def test_staff_print_the_same_receipt_from_the_order(place: Place) -> None:
    order_id = place.join(place.account(), place.plan())
    staff = place.staff("auditor")
    order = staff.get(f"/panel/orders/{order_id}")
    [address] = [link for link in order.links if "/panel/receipts/" in link]
    assert staff.get(address).headings == ["Receipt T2026-000001"]


def test_somebody_elses_receipt_is_not_there(place: Place) -> None:
    gold = place.plan()
    address = receipt_of(place.as_member(place.member(gold)))
    eve = place.as_member(place.member(gold, "eve@example.org"))
    eve.get(address, status=404)
    for label in ("T2026-000000", "T2026-000009", "2026-000001", "T2026-0000001", "x"):
        eve.get(f"/account/receipts/{label}", status=404)


def test_a_receipt_shows_what_was_given_back(place: Place) -> None:
    member_id = place.account()
    order_id = place.join(member_id, place.plan())
    place.parts.collection.refund(
        order_id, Money(500, "EUR"), "moved away", by=MACHINE, cause=cause()
    )
    place.settle()
    browser = place.as_member(member_id)
    said = browser.get(receipt_of(browser)).words
    assert "−€5.00" in said
    assert "moved away" not in said


def test_a_file_holds_all_that_is_known_of_a_person(place: Place) -> None:  # part of AC8
    gold = place.plan()
    member_id = place.member(gold)
    browser = place.as_member(member_id)
    known, page = data_of(browser)
    assert known["account"]["email"] == "ada@example.org"
    assert [one["number"] for one in known["receipts"]] == ["T2026-000001"]
    facts = {one["fact"]: one for one in known["facts"]}
    assert {"member.account_opened", "member.joined", "order.placed", "order.paid"} <= {*facts}
    assert facts["member.account_opened"]["name"] == "Ada Lovelace"
    assert facts["member.method_saved"]["last_four"] == "4242"
    assert facts["member.account_opened"]["by"] == "you"
    written = {entry.topic for entry in place.parts.queries.history.of_subject(member_id)}
    assert {*facts} == {topic for topic in written if not topic.startswith("notice.")}
    assert "Ada Lovelace" in page
    assert "member.joined" in page


def test_a_file_holds_nothing_of_the_staff_nor_of_anybody_else(place: Place) -> None:  # AC9
    gold = place.plan()
    member_id, staff_id = place.account(), ids.derived(ids.SITE, "administrator")
    order_id = place.join(member_id, gold)
    place.member(gold, "bob@example.org")
    place.staff()
    by, ledger = Actor(kind="contributor", id=staff_id), place.parts.ledger
    ledger.tag(member_id, "grumbler", by=by, cause=cause())
    ledger.write_note(member_id, ids.new(), "Pays late.", by=by, cause=cause())
    place.parts.collection.refund(
        order_id, Money(500, "EUR"), "a difficult one", by=by, cause=cause()
    )
    place.settle()
    known, page = data_of(place.as_member(member_id))
    text = json.dumps(known) + page
    for secret in ("grumbler", "Pays late", "difficult", str(staff_id), "bob@example.org"):
        assert secret not in text
    assert "order.refund_requested" in text
    assert {one["by"] for one in known["facts"]} >= {"you", "staff"}


def test_a_text_of_a_person_does_no_harm_in_their_page(place: Place) -> None:
    member_id = place.account(name="<script>alert(1)</script>")
    _, page = data_of(place.as_member(member_id))
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_files_are_not_made_without_end(place: Place) -> None:
    browser = place.person()
    [form] = [one for one in browser.get("/account/data").forms if one.action == "/account/data"]
    sent = dict(form.fields)
    for _ in range(DATA_BY.uses):
        assert browser.client.post("/account/data", data=sent).status_code == 200
    assert browser.client.post("/account/data", data=sent).status_code == 429


def test_another_password_ends_the_other_browsers_and_what_they_began(place: Place) -> None:
    member_id = place.account()
    thief, browser = place.as_member(member_id), place.as_member(member_id)
    thief.send(
        thief.get("/account/details"), "/account/email", email="eve@example.org", password=PASSWORD
    )
    link = place.token("eve@example.org")
    page = browser.get("/account/password")
    wrong = {"current_password": "not the password", "password": "another password"}
    assert "not your password" in browser.send(page, "", wrong, status=422).words
    short = {"current_password": PASSWORD, "password": "short"}
    assert "10 to 200 characters" in browser.send(page, "", short, status=422).words
    right = {"current_password": PASSWORD, "password": "another password"}
    assert "Your password is changed." in browser.send(page, "", right).words
    assert place.parts.desk.credentials.confirm(Kind.MEMBER, member_id, "another password")
    assert thief.client.get("/account").status_code == 302
    thief.get(f"/account/email/confirm?token={link}", status=410)


def test_a_reset_password_ends_every_session_and_each_link_works_once(place: Place) -> None:  # AC10
    member_id = place.account()
    thief, browser = place.as_member(member_id), place.stranger()
    thief.send(
        thief.get("/account/details"), "/account/email", email="eve@example.org", password=PASSWORD
    )
    stolen = place.token("eve@example.org")
    browser.send(browser.get("/password/forgotten"), "", email="ada@example.org")
    link = f"/password/reset?token={place.token('ada@example.org')}"
    page = browser.get(link)
    done = browser.send(page, "/password/reset", password="another password")
    assert "Your password is changed." in done.words
    assert thief.client.get("/account").status_code == 302
    place.stranger().get(link, status=410)
    thief.get(f"/account/email/confirm?token={stolen}", status=410)


def test_a_forgotten_password_is_answered_alike_and_after_the_same_work(  # AC10
    place: Place, monkeypatch: Any
) -> None:
    place.account()
    held: list[float] = []
    monkeypatch.setattr(accounts, "HOLD_SECONDS", 0.25)
    monkeypatch.setattr("web.identity.accounts.time.sleep", held.append)
    said = []
    for email in ("ada@example.org", "nobody@example.org"):
        browser = place.stranger()
        page = browser.send(browser.get("/password/forgotten"), "", email=email)
        said.append(page.words.replace(email, "X"))
        assert place.parts.desk.mailbox.recent(to=email)
    assert said[0] == said[1]
    assert len(held) == 2  # both wait until the same time is over


def test_signing_in_gives_a_session_that_nobody_knew_before(place: Place) -> None:
    place.account()
    browser = place.stranger()
    browser.client.set_cookie("session", "chosen-by-somebody-else")
    page = browser.get("/sign-in?next=//evil.example/")
    given = {"email": "ada@example.org", "password": PASSWORD, "next": "//evil.example/"}
    sent = dict(page.form("/sign-in").filled(given))
    answer = browser.client.post("/sign-in", data=sent)
    assert urlsplit(answer.location).path == "/account"
    cookie = browser.client.get_cookie("session")
    assert cookie is not None
    assert cookie.value != "chosen-by-somebody-else"
    assert place.parts.desk.sessions.find(Kind.MEMBER, "chosen-by-somebody-else") is None
    assert isinstance(place.parts.ledger.member_by_email("ada@example.org"), UUID)
