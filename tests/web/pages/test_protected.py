"""The demonstration page opens and shuts with access."""

from __future__ import annotations

from tests.web.pages.conftest import Place


def test_the_protected_page_opens_with_access_and_shuts_at_once(place: Place) -> None:  # AX9
    gold = place.plan()
    member_id = place.account()
    browser, path = place.as_member(member_id), f"/plans/{gold}/content"
    assert "never joined" in browser.get(path, status=403).words
    place.join(member_id, gold)
    opened = browser.get(path)
    assert opened.headings == ["Inside Gold"]
    assert "within the paid period" in opened.words
    staff = place.staff()
    page = staff.get(f"/panel/members/{member_id}/remove")
    staff.send(page, "", reason="asked us to")
    shut = browser.get(path, status=403)
    assert "removed by staff" in shut.words
    assert browser.answer is not None
    assert browser.answer.headers["Cache-Control"] == "no-store"


def test_strangers_are_asked_who_they_are(place: Place) -> None:
    gold = place.plan()
    assert place.stranger().get(f"/plans/{gold}/content").headings == ["Sign in"]
