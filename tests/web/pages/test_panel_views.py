"""The operators' page: how views are, rebuilding one, and nobody's name on it (NO5)."""

from __future__ import annotations

from tests.web.pages.conftest import Place
from web.running.rebuilding import Hands, rebuilder


def test_an_operator_sees_views_and_nobody(place: Place) -> None:  # part of NO5
    place.account()
    page = place.staff("operator").get("/panel/views")
    assert "members" in page.words
    assert "Lovelace" not in page.words


def test_a_rebuild_is_asked_for_and_shown_while_it_runs(place: Place) -> None:
    operator = place.staff("operator")
    operator.send(operator.get("/panel/views"), "/panel/views/rebuild")
    shown = operator.client.get("/panel/views")
    assert shown.headers["Refresh"] == "1"
    assert "Planned" in shown.text
    rebuilder(place.parts, hands=Hands(workers=0)).carry_on()
    settled = operator.client.get("/panel/views")
    assert "Refresh" not in settled.headers
    assert "Serving" in settled.text


def test_an_auditor_reads_and_changes_nothing(place: Place) -> None:  # part of NO5
    page = place.staff("auditor").get("/panel/views")
    assert {form.action for form in page.forms if form.method == "post"} == {"/team/sign-out"}
