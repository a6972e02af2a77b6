"""The staff's second step: set up, asked after the password, used once, lost, taken away."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

import pyotp
import pytest

from ledger import ids
from tests.web.pages.conftest import Browser, Place
from tests.web.pages.reading import Page
from web.api.catalogue import all_routes
from web.app import create_app
from web.cli import team as team_commands
from web.pages import all_pages
from web.running.first_start import make_owner
from web.sessions.limits import SECOND_STEP
from web.sessions.sessions import Kind

CONFIRM = "/panel/security/second-step/confirm"
CODE = "/team/sign-in/code"
ON_PAPER = re.compile(r"\b[2-9a-z]{5}-[2-9a-z]{5}-[2-9a-z]{5}\b")


@dataclass
class Owner:
    """The owner, their password and their telephone."""

    place: Place
    email: str
    password: str
    browser: Browser
    secret: str = ""

    def code(self, steps: int = 0) -> str:
        """What the telephone shows, or showed."""
        at = self.place.clock.now() + timedelta(seconds=30 * steps)
        return pyotp.TOTP(self.secret).at(at)

    def page(self, lang: str = "en") -> Page:
        return self.browser.get("/panel/security", lang)

    def begin(self, lang: str = "en") -> Page:
        page = self.browser.send(self.page(lang), "/panel/security/second-step")
        [address] = [link for link in page.links if link.startswith("otpauth:")]
        self.secret = pyotp.parse_uri(address).secret
        return page

    def enrol(self) -> list[str]:
        """Set the second step up; answers the codes on paper."""
        sent = {"code": self.code() if self.secret else "", "password": self.password}
        page = self.begin()
        codes = self.browser.send(page, CONFIRM, {**sent, "code": self.code()})
        self.place.clock.advance(timedelta(minutes=2))
        return ON_PAPER.findall(codes.words)

    def asked(self, browser: Browser, path: str = "/team/sign-in") -> Page:
        """What a browser is shown after the right password."""
        given = {"email": self.email, "password": self.password}
        return browser.send(browser.get(path), "/team/sign-in", given)


@pytest.fixture
def owner(place: Place) -> Owner:
    made = make_owner(place.parts)
    assert made is not None
    place.settle()
    browser = place.stranger()
    given = {"email": made.email, "password": made.password}
    browser.send(browser.get("/team/sign-in"), "/team/sign-in", given)
    return Owner(place, made.email, made.password, browser)


def signed_in(browser: Browser) -> bool:
    return browser.client.get("/panel/security").status_code == 200


def test_a_code_is_asked_after_the_password(place: Place, owner: Owner) -> None:
    assert len(owner.enrol()) == 10
    stranger = place.stranger()
    page = owner.asked(stranger, "/team/sign-in?next=/panel/orders")
    assert page.headings == ["Your code"]
    assert not signed_in(stranger)
    inside = stranger.send(page, CODE, code=owner.code())
    assert inside.path == "/panel/orders"
    assert signed_in(stranger)


def test_nothing_is_asked_before_a_first_code_came_back(place: Place, owner: Owner) -> None:
    page = owner.begin()
    wrong = {"password": owner.password, "code": "000000"}
    refused = owner.browser.send(page, CONFIRM, wrong, status=422)
    assert "This code is not good" in refused.words
    unknown = {"password": "not the password", "code": owner.code()}
    assert "not your password" in owner.browser.send(page, CONFIRM, unknown, status=422).words
    assert owner.asked(place.stranger()).path.startswith("/panel")


def test_a_code_is_good_once(place: Place, owner: Owner) -> None:
    owner.enrol()
    first, second = place.stranger(), place.stranger()
    page = owner.asked(first)
    first.send(page, CODE, code=owner.code())
    again = second.send(owner.asked(second), CODE, code=owner.code(), status=401)
    assert "one is used once only" in again.words
    assert not signed_in(second)
    second.send(again, CODE, code=owner.code(+1))
    assert signed_in(second)


@pytest.mark.parametrize(("steps", "status"), [(-2, 401), (-1, 200), (0, 200), (1, 200), (2, 401)])
def test_a_telephones_clock_may_be_wrong_by_one_step(
    place: Place, owner: Owner, steps: int, status: int
) -> None:
    owner.enrol()
    browser = place.stranger()
    browser.send(owner.asked(browser), CODE, code=owner.code(steps), status=status)
    assert signed_in(browser) == (status == 200)


def test_a_code_on_paper_lets_in_once(place: Place, owner: Owner) -> None:
    code, *_ = owner.enrol()
    first, second = place.stranger(), place.stranger()
    first.send(owner.asked(first), CODE, code=f" {code.upper()} ".replace("-", " "))
    assert signed_in(first)
    second.send(owner.asked(second), CODE, code=code, status=401)
    assert not signed_in(second)
    assert "9 codes on paper are left." in first.get("/panel/security").words


def test_other_codes_on_paper_end_the_older(place: Place, owner: Owner) -> None:
    older, *_ = owner.enrol()
    ask = owner.browser.get("/panel/security/second-step/codes")
    given = {"password": owner.password, "code": owner.code()}
    page = owner.browser.send(ask, "/panel/security/second-step/codes", given)
    newer = ON_PAPER.findall(page.words)
    assert len(newer) == 10
    browser = place.stranger()
    page = browser.send(owner.asked(browser), CODE, code=older, status=401)
    browser.send(page, CODE, code=newer[0])
    assert signed_in(browser)


def test_who_guesses_codes_is_slowed_down(place: Place, owner: Owner) -> None:
    owner.enrol()
    browser = place.stranger()
    page = owner.asked(browser)
    for _ in range(SECOND_STEP.uses - 1):  # one was the code that set it up
        browser.send(page, CODE, code="000000", status=401)
    browser.send(page, CODE, code=owner.code(), status=429)
    assert not signed_in(browser)


def test_a_code_waits_for_the_browser_that_knew_the_password(place: Place, owner: Owner) -> None:
    owner.enrol()
    asked, other = place.stranger(), place.stranger()
    page = owner.asked(asked)
    assert other.get(CODE).headings == ["Team sign-in"]
    place.clock.advance(timedelta(minutes=11))
    late = asked.send(page, CODE, code=owner.code())
    assert "That took too long" in late.words
    assert not signed_in(asked)


def test_turning_it_off_takes_the_password_and_a_code(place: Place, owner: Owner) -> None:
    owner.enrol()
    off = "/panel/security/second-step/off"
    page = owner.browser.get(off)
    wrong = {"password": "not the password", "code": owner.code()}
    page = owner.browser.send(page, off, wrong, status=422)
    wrong = {"password": owner.password, "code": "000000"}
    page = owner.browser.send(page, off, wrong, status=422)
    given = {"password": owner.password, "code": owner.code()}
    assert "No code is asked any more." in owner.browser.send(page, off, given).words
    assert owner.asked(place.stranger()).path.startswith("/panel")


def test_an_owner_who_lost_everything_is_let_in_from_the_machine(  # NO5
    place: Place, owner: Owner, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from contextlib import contextmanager

    owner.enrol()
    waiting = place.stranger()
    page = owner.asked(waiting)

    @contextmanager
    def opened():  # type: ignore[no-untyped-def]
        yield None, None, place.parts

    monkeypatch.setattr(team_commands, "opened", opened)
    assert team_commands.team_reset.callback is not None
    team_commands.team_reset.callback(None)
    owner.password = capsys.readouterr().out.split()[-1]
    assert not signed_in(owner.browser)
    waiting.send(page, CODE, code=owner.code())
    assert not signed_in(waiting)
    assert owner.asked(place.stranger()).path.startswith("/panel")


@pytest.mark.parametrize("way", ["panel", "interface"])
def test_somebody_who_lost_their_telephone_is_let_in_by_others_and_told(  # part of NO5
    place: Place, owner: Owner, way: str
) -> None:
    manager, codes = enrolled(place, "store_manager")
    end = f"/panel/team/{manager}/second-step/end"
    page = owner.browser.get(f"/panel/team/{manager}")
    lost = Browser(place.app.test_client())
    session = place.parts.desk.sessions.open(Kind.CONTRIBUTOR, manager)
    lost.client.set_cookie("team", session.token)
    assert signed_in(lost)
    if way == "panel":
        said = owner.browser.send(page, end)
        assert "They sign in without a code, and are told." in said.words
    else:
        client = create_app(place.parts, routes=all_routes()).test_client()
        cookie = owner.browser.client.get_cookie("team")
        assert cookie is not None
        client.set_cookie("team", cookie.value)
        path, own = f"/api/v1/team/{manager}/second-step", {"Sec-Fetch-Site": "same-origin"}
        assert client.delete(path, headers=own).status_code == 204
        again = client.delete(path, headers=own)
        assert (again.status_code, again.get_json()["code"]) == (409, "second_step_off")
    assert not place.parts.desk.second_factors.is_on(manager)
    assert not place.parts.desk.second_factors.take(manager, codes[0])
    assert not signed_in(lost)
    *_, fact = place.parts.ledger.facts_of(manager)
    assert fact.TOPIC == "contributor.second_step_ended"
    assert fact.actor.id == ids.derived(ids.SITE, "owner")
    [told] = place.parts.desk.mailbox.recent(to="store_manager@example.org")
    assert "asks for no code" in told.mail.subject
    assert end not in {f.action for f in owner.browser.get(f"/panel/team/{manager}").forms}


def test_nobody_ends_the_second_step_of_the_owner_or_of_themself(  # part of NO5
    place: Place, owner: Owner
) -> None:
    owner.enrol()
    administrator, _ = enrolled(place, "administrator")
    browser = place.staff("administrator")
    me = ids.derived(ids.SITE, "owner")
    token = dict(browser.get("/panel/team").form("").fields)["csrf_token"]
    for who, why in ((me, "at the machine alone"), (administrator, "your password and a code")):
        sent = {"csrf_token": token, "command": str(ids.new())}
        answer = browser.client.post(f"/panel/team/{who}/second-step/end", data=sent)
        assert answer.status_code == 422
        assert why in answer.text
        assert place.parts.desk.second_factors.is_on(who)


def enrolled(place: Place, role: str) -> tuple[UUID, list[str]]:
    """One of the staff who signs in with a code, and their codes on paper."""
    place.staff(role)
    one, factors = ids.derived(ids.SITE, role), place.parts.desk.second_factors
    assert factors.confirm(one, pyotp.TOTP(factors.begin(one)).at(place.clock.now()))
    return one, factors.renew_codes(one)


def test_the_secret_and_the_codes_are_not_readable_in_the_tables(
    place: Place, owner: Owner
) -> None:
    codes = owner.enrol()
    with place.parts.pool.connection() as connection:
        kept = connection.execute("SELECT s::text FROM web.second_factors AS s").fetchall()
        kept += connection.execute("SELECT c::text FROM web.recovery_codes AS c").fetchall()
    text = str(kept)
    assert len(kept) == 11
    for secret in (owner.secret, *codes):
        assert secret not in text
        assert secret.encode().hex() not in text


def test_another_password_ends_the_other_browsers(place: Place, owner: Owner) -> None:
    other = place.stranger()
    owner.asked(other)
    given = {"current_password": "not the password", "password": "correct horse battery"}
    target = "/panel/security/password"
    assert "not your password" in owner.browser.send(owner.page(), target, given, status=422).words
    given["current_password"] = owner.password
    assert "Your password is changed." in owner.browser.send(owner.page(), target, given).words
    assert signed_in(owner.browser)
    assert not signed_in(other)


def test_the_other_browsers_are_signed_out_at_a_press(place: Place, owner: Owner) -> None:
    other = place.stranger()
    owner.asked(other)
    owner.browser.send(owner.page(), "/panel/security/sessions/end")
    assert signed_in(owner.browser)
    assert not signed_in(other)


def test_a_new_session_stands_in_for_whatever_a_browser_brought_along(
    place: Place, owner: Owner
) -> None:  # session fixation
    owner.enrol()
    browser = place.stranger()
    browser.client.set_cookie("team", "chosen-by-somebody-else")
    page = owner.asked(browser)
    browser.send(page, CODE, code=owner.code())
    cookie = browser.client.get_cookie("team")
    assert cookie is not None
    assert cookie.value != "chosen-by-somebody-else"
    assert place.parts.desk.sessions.find(Kind.CONTRIBUTOR, "chosen-by-somebody-else") is None


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example/", "/\\evil.example"])
def test_a_code_leads_to_no_other_site(place: Place, owner: Owner, to: str) -> None:
    owner.enrol()
    browser = place.stranger()
    page = owner.asked(browser)
    browser.client.get(f"{CODE}?next={to}")
    sent = dict(page.form(CODE).filled({"code": owner.code(), "next": to}))
    answer = browser.client.post(CODE, data=sent)
    assert answer.location == "/panel"


def test_a_role_that_asks_for_a_second_step_lets_nothing_be_done_before(
    place: Place, owner: Owner
) -> None:
    asking = replace(
        place.parts,
        settings=place.parts.settings.model_copy(update={"second_step_for": "owner auditor"}),
    )
    app = create_app(asking, pages=all_pages(), routes=all_routes())
    browser, manager = Browser(app.test_client()), Browser(app.test_client())
    cookie = owner.browser.client.get_cookie("team")
    other = place.staff("store_manager").client.get_cookie("team")
    assert cookie is not None
    assert other is not None
    browser.client.set_cookie("team", cookie.value)
    manager.client.set_cookie("team", other.value)
    assert "asks for a second step" in browser.get("/panel/members").words
    told = browser.client.get("/api/v1/members")
    assert (told.status_code, told.get_json()["code"]) == (403, "second_step_missing")
    assert manager.get("/panel/members").headings[0].startswith("Members")
    owner.browser = browser
    owner.enrol()
    assert browser.get("/panel/members").headings[0].startswith("Members")


def test_a_program_that_signs_in_as_staff_sends_the_code_too(place: Place, owner: Owner) -> None:
    owner.enrol()
    app = create_app(place.parts, routes=all_routes())

    def answer(**more: str) -> tuple[int, str]:
        sent = {"email": owner.email, "password": owner.password, **more}
        key = {"Idempotency-Key": str(ids.new())}
        told = app.test_client().post("/api/v1/team/sessions", json=sent, headers=key)
        return told.status_code, told.get_json().get("code", "")

    assert answer() == (401, "code_needed")
    assert answer(code="000000") == (401, "code_wrong")
    assert answer(password="wrong password", code=owner.code()) == (401, "sign_in_refused")
    assert answer(code=owner.code()) == (201, "")
    assert answer(code=owner.code()) == (401, "code_wrong")
