"""Mailing lists in the panel, and what the readers of their messages see."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest

from ledger import ids
from ledger.discount import DiscountRules
from ledger.facts import Actor
from tests.web.pages.conftest import MACHINE, Browser, Place, cause
from tests.web.pages.reading import Page
from web.jobs.campaigns import send_messages
from web.jobs.job import AlwaysLeads, Run
from web.mails.campaign_links import Reader
from web.sessions.mailbox import Mail

TEXT = "We open on Monday.\n\n- one\n- two\n\nSee {address}/plans and https://example.org/x."
SAID = {"subject": "News", "text": TEXT, "locale": "en"}


def new_list(browser: Browser, name: str = "Friends") -> Page:
    """Staff create a list; its page."""
    return browser.send(browser.get("/panel/lists"), "/panel/lists", name=name)


def with_addresses(browser: Browser, *addresses: str, agreed: bool = True) -> Page:
    """A list with addresses of people who are no members."""
    page, ready = new_list(browser), {"consented": "yes"} if agreed else {}
    return browser.send(page, page.path + "/addresses", ready, addresses="\n".join(addresses))


def write(browser: Browser, page: Page, act: str = "", text: str = TEXT) -> Page:
    """Staff write to a list, and let it be seen, tried or sent."""
    path = page.path + "/messages"
    fields = dict(browser.get(path + "/new").form(path + "/preview").fields)
    data = fields | SAID | {"text": text}
    browser.answer = browser.client.post(path + act, data=data, follow_redirects=True)
    assert browser.answer.status_code == 200, browser.answer.text
    return Page(browser.answer.text, browser.answer.request.path)


def sent(place: Place) -> list[Mail]:
    """The job sends what waits; the messages in the box, the oldest first."""
    send_messages(Run(parts=place.parts, cause=cause(), lead=AlwaysLeads()))
    kept = list(place.parts.desk.mailbox.recent(limit=200))[::-1]
    return [one.mail for one in kept if one.mail.unsubscribe]


def path_in(address: str) -> str:
    """The path of an address of the site."""
    return "/" + address.split("/", 3)[3]


def consents_of(place: Place, member_id: UUID) -> list[str]:
    """What a member said of messages, in the books."""
    facts = place.parts.ledger.facts_of(member_id)
    return [f.TOPIC for f in facts if f.TOPIC in {"member.consented", "member.unsubscribed"}]


def test_addresses_are_pasted_and_each_line_that_is_none_is_told(
    place: Place,
) -> None:  # part of SE2
    browser = place.staff()
    page = new_list(browser)
    action = page.path + "/addresses"
    typed = "zoe@example.org\n\nnobody\nmax@example.org,\n@"
    refused = browser.send(page, action, addresses=typed, status=422)
    assert "Line 3 is not an e-mail address: nobody" in refused.words
    assert "Line 5 is not an e-mail address: @" in refused.words
    assert "Nobody is on this list." in browser.get(page.path).words
    added = browser.send(page, action, addresses="zoe@example.org\nmax@example.org,\n")
    assert "2 addresses read" in added.words
    assert added.words.count("address alone, no account") == 2
    assert "not agreed" in added.words


def test_staff_state_that_the_owners_of_addresses_agreed(place: Place) -> None:  # NO4
    browser = place.staff()
    page = with_addresses(browser, "zoe@example.org", agreed=False)
    assert "0 agreed to messages" in page.words
    page = browser.send(
        page, page.path + "/addresses", addresses="zoe@example.org", consented="yes"
    )
    assert "1 agreed to messages" in page.words
    assert page.words.count("zoe@example.org") == 1


def test_who_is_taken_off_gets_nothing_and_a_list_that_is_over_is_not_written_to(
    place: Place,
) -> None:  # part of SE2
    browser = place.staff()
    page = with_addresses(browser, "zoe@example.org")
    after = browser.send(page, page.path + "/take-off")
    assert "Nobody is on this list." in after.words
    over = browser.send(browser.get(page.path + "/end"), "")
    assert "over since" in over.words
    assert page.path + "/messages/new" not in over.links
    browser.get(page.path + "/messages/new", status=422)


def test_an_address_is_erased_everywhere_and_nothing_shows_it_any_more(
    place: Place,
) -> None:  # part of SE2
    browser = place.staff()
    page = with_addresses(browser, "zoe@example.org", "max@example.org")
    other = with_addresses(browser, "ZOE@example.org")
    write(browser, page)
    assert [mail.to for mail in sent(place)] == ["zoe@example.org", "max@example.org"]
    ways = [browser.get(link) for link in page.links if "/erase?" in link]
    field = ("address", "zoe@example.org")
    [asked] = [way for way in ways if field in way.form("/panel/lists/erase").fields]
    assert "unreadable for ever" in asked.words
    done = browser.send(asked, "/panel/lists/erase")
    assert "The address is erased, on 2 lists." in done.words
    for path in (page.path, other.path):
        assert "zoe@" not in browser.get(path).words.lower()
    assert "max@example.org" in browser.get(page.path).words
    assert place.parts.desk.mailbox.recent(to="zoe@example.org") == []
    with place.parts.pool.connection() as connection:
        rows = connection.execute("SELECT email FROM views.list_entries").fetchall()
    assert {email for (email,) in rows} == {"erased", "max@example.org"}
    again = browser.send(asked, "/panel/lists/erase", address="zoe@example.org")
    assert "No list holds this address by itself." in again.words
    wrong = browser.send(asked, "/panel/lists/erase", address="zoe", status=422)
    assert "an e-mail address" in wrong.words


def test_a_message_is_looked_at_tried_on_oneself_and_sent(place: Place) -> None:  # NO4
    browser = place.staff()
    page = with_addresses(browser, "zoe@example.org")
    with_addresses(browser, "max@example.org")
    seen = write(browser, page, "/preview")
    assert "1 of 1 on the list agreed to messages" in seen.words
    assert sent(place) == []
    assert "A test mail is on its way to administrator@example.org" in (
        write(browser, page, "/test").words
    )
    [test] = sent(place)
    assert (test.to, test.subject) == ("administrator@example.org", "News")
    stranger = place.stranger()
    assert "to try it out" in stranger.get(path_in(test.unsubscribe or "")).words
    told = write(browser, page)
    assert told.headings == ["News"]
    assert [mail.to for mail in sent(place)] == ["administrator@example.org", "zoe@example.org"]
    row = browser.get(page.path)
    assert "News" in row.words
    assert browser.get(told.path, "fr").lang == "fr"


def test_a_form_that_is_sent_twice_sends_one_message(place: Place) -> None:
    browser = place.staff()
    page = with_addresses(browser, "zoe@example.org")
    path = page.path + "/messages"
    data = dict(browser.get(path + "/new").form(path + "/preview").fields) | SAID
    for _ in range(2):
        assert browser.client.post(path, data=data).status_code == 303
    assert len(sent(place)) == 1


def test_what_is_typed_is_text_and_never_markup(place: Place) -> None:
    browser = place.staff()
    page = with_addresses(browser, "zoe@example.org")
    evil = '<script>alert(1)</script>\n\n- <b>x</b>\n\nhttps://example.org/"onclick=x'
    write(browser, page, "", evil)
    [mail] = sent(place)
    assert "<script" not in mail.html
    assert "<li>&lt;b&gt;x&lt;/b&gt;</li>" in mail.html
    assert 'href="https://example.org/"&#34;onclick' not in mail.html
    assert '<a href="https://example.org/">https://example.org/</a>&#34;onclick=x' in mail.html


def test_a_reader_leaves_by_one_press_without_signing_in(place: Place) -> None:  # NO4
    browser, ada = place.staff(), place.account()
    place.parts.ledger.agree(
        ada, wording="w", where="account", by=Actor(kind="member", id=ada), cause=cause()
    )
    page = with_addresses(browser, "zoe@example.org", "ada@example.org")
    write(browser, page)
    mails = {mail.to: path_in(mail.unsubscribe or "") for mail in sent(place)}
    assert set(mails) == {"zoe@example.org", "ada@example.org"}
    for path in mails.values():
        stranger = place.stranger()
        assert "Do you want no more of them?" in stranger.get(path).words
        assert "Unsubscribe" in stranger.get(path).words
        assert stranger.get(path, "fr").lang == "fr"
        one_press = stranger.client.post(path, data={"List-Unsubscribe": "One-Click"})
        assert one_press.status_code == 200
        assert "You are unsubscribed." in stranger.get(path).words
        assert stranger.client.post(path).status_code == 200
    assert consents_of(place, ada) == ["member.consented", "member.unsubscribed"]
    write(browser, page)
    assert len(sent(place)) == 2


def test_a_link_that_we_did_not_sign_leaves_nothing(place: Place) -> None:
    browser = place.staff()
    page = with_addresses(browser, "zoe@example.org", "max@example.org")
    write(browser, page)
    [first, second] = [path_in(mail.unsubscribe or "") for mail in sent(place)]
    token = first.rpartition("/")[2]
    mixed = second[: len(second) - 22] + first[len(first) - 22 :]
    forged = [first[:-1], first[:-2] + "AA", mixed, "/unsubscribe/x", "/unsubscribe/" + "A" * 86]
    for path in [*forged, first + "=", "/to/" + token]:
        for answer in (place.stranger().client.get(path), place.stranger().client.post(path)):
            assert answer.status_code in {405, 410}, path
    assert "2 on the list" in browser.get(page.path).words


def test_a_link_in_a_mail_leads_to_our_own_pages_alone(place: Place) -> None:  # AC11
    browser = place.staff()
    home = place.parts.settings.address
    page = with_addresses(browser, "zoe@example.org")
    told = write(browser, page, "", f"See {home}/plans?x=1. And {home}.evil.example/ here.")
    [mail] = sent(place)
    assert f"{home}/plans?x=1" in mail.text
    assert f'href="{home}.evil.example/"' in mail.html
    way = mail.html.partition(f'href="{home}/to/')[2].partition('"')[0]
    answer = place.stranger().client.get(f"/to/{way}")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/plans?x=1")
    assert "Opened a link 1" in browser.get(told.path).words
    reader = Reader(ids.new(), ids.new(), ids.new())
    for path in ("//evil.example/", "https://evil.example/", "/\\evil.example"):
        answer = place.stranger().client.get(f"/to/{reader.going(place.parts, path)}")
        assert answer.headers["Location"] == "/"


@pytest.mark.parametrize(
    ("locale", "says"),
    [
        ("en", ("Type the code BACK24 when you join", "works until 24 December 2026")),
        ("fr", ("Saisissez le code BACK24", "valable jusqu’au 24 décembre 2026 inclus")),
    ],
)
def test_a_ready_message_invites_former_members_of_another_system(
    place: Place, locale: str, says: tuple[str, str]
) -> None:  # NO4
    code_id, ends = ids.new(), datetime(2026, 12, 24, 23, tzinfo=UTC)
    rules = DiscountRules(percent=50, ends_at=ends, plan_ids=(plan := place.plan(),))
    place.parts.ledger.make_discount(code_id, code="BACK24", rules=rules, by=MACHINE, cause=cause())
    place.settle()
    browser = place.staff()
    page = new_list(browser)
    form = browser.get(f"{page.path}/messages/new?template={locale}&code={code_id}")
    assert all(said in form.words for said in says), form.words
    assert f"/plans/{plan}?code=BACK24" in form.words


def test_people_agree_by_a_box_that_nobody_ticked_for_them(place: Place) -> None:  # NO4
    joining = f"/plans/{place.plan()}"
    for email, ticked, where in (
        ("ada@example.org", True, joining),
        ("zoe@example.org", False, joining),
        ("ben@example.org", False, "/sign-up"),
    ):
        browser = place.stranger()
        page = browser.get(where)
        assert "Send me news and offers from" in page.words
        assert "agrees" not in dict(page.form("/sign-up").fields)
        ready = {"agrees": "yes"} if ticked else {}
        browser.send(page, "/sign-up", ready, name="Ada", email=email)
        verify = browser.get(f"/sign-up/verify?token={place.token(email)}")
        browser.send(verify, "/sign-up/verify", password="correct horse battery")
        member_id = place.parts.ledger.member_by_email(email)
        assert member_id is not None
        assert consents_of(place, member_id) == ["member.consented"] * ticked


def test_a_member_changes_their_mind_on_their_page(place: Place) -> None:  # NO4
    ada = place.account()
    browser = place.as_member(ada)
    details = browser.get("/account/details")
    details = browser.send(details, "/account/messages", agrees="yes")
    assert dict(details.form("/account/messages").fields)["agrees"] == "yes"
    details = browser.send(details, "/account/messages", {"agrees": []})  # type: ignore[dict-item]
    assert "We send you no news and offers any more." in details.words
    assert consents_of(place, ada) == ["member.consented", "member.unsubscribed"]


def test_the_profile_shows_what_a_member_was_sent_and_opened(place: Place) -> None:  # AC11
    ada, browser = place.account(), place.staff()
    assert "not agreed" in browser.get(f"/panel/members/{ada}").words
    person = place.as_member(ada)
    person.send(person.get("/account/details"), "/account/messages", agrees="yes")
    page = with_addresses(browser, "ada@example.org", agreed=False)
    write(browser, page, "", f"See {place.parts.settings.address}/plans")
    [mail] = sent(place)
    way = mail.html.partition("/to/")[2].partition('"')[0]
    place.stranger().client.get(f"/to/{way}")
    profile = browser.get(f"/panel/members/{ada}")
    for said in (
        "agreed on",
        "Messages sent 1",
        "Links opened 1",
        "Lists Friends",
        "Last sign-in",
    ):
        assert said in profile.words
    assert "Agreed to messages" in profile.words


def test_who_only_reads_is_offered_no_change_of_a_list(place: Place) -> None:
    page = with_addresses(place.staff(), "zoe@example.org")
    auditor = place.staff("auditor")
    seen = auditor.get(page.path)
    assert {form.action for form in seen.forms if form.method == "post"} == {"/team/sign-out"}
    auditor.get(page.path + "/messages/new", status=403)
