"""The operators' page: how views and jobs are, a rebuild, what is left; nobody's name (NO5)."""

from __future__ import annotations

from datetime import timedelta

from psycopg.types.json import Jsonb

from tests.web.conftest import NOON
from tests.web.pages.conftest import Place
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner
from web.pages.panel import operations_jobs
from web.running.rebuilding import Hands, rebuilder

PATH = "/panel/operations"


def test_an_operator_sees_views_and_nobody(place: Place) -> None:  # part of NO5
    place.member(place.plan())
    operator = place.staff("operator")
    page = operator.get(PATH)
    assert "members" in page.words
    assert "Lovelace" not in page.words
    assert "ada@" not in page.words
    assert operator.get("/panel").headings[0] == "Operations"


def test_digests_are_shown_to_whoever_asks(place: Place) -> None:
    operator = place.staff("operator")
    assert "Digest of all rows" not in operator.get(PATH).words
    assert "Digest of all rows" in operator.get(f"{PATH}?digests=true").words


def test_a_rebuild_is_asked_for_and_shown_while_it_runs(place: Place) -> None:
    operator = place.staff("operator")
    operator.send(operator.get(PATH), f"{PATH}/rebuild")
    shown = operator.client.get(PATH).text
    assert f'hx-get="{PATH}/progress"' in shown
    assert '<noscript><meta http-equiv="refresh" content="1"></noscript>' in shown
    assert "Planned" in shown
    told = operator.client.get(f"{PATH}/progress")
    assert "Planned" in told.text
    assert "<html" not in told.text
    assert "HX-Refresh" not in told.headers
    rebuilder(place.parts, hands=Hands(workers=0)).carry_on()
    ended = operator.client.get(f"{PATH}/progress")
    assert (ended.headers["HX-Refresh"], ended.text.strip()) == ("true", "")
    settled = operator.client.get(PATH).text
    assert 'http-equiv="refresh"' not in settled
    assert "Serving" in settled


def test_a_rebuild_is_given_up_and_one_that_serves_is_rolled_back(place: Place) -> None:
    operator = place.staff("operator")
    operator.send(operator.get(PATH), f"{PATH}/rebuild")
    page = operator.send(operator.get(PATH), f"{PATH}/cancel")
    assert "The rebuild is given up" in page.words
    operator.send(page, f"{PATH}/rebuild")
    rebuilder(place.parts, hands=Hands(workers=0)).carry_on()
    page = operator.send(operator.get(PATH), f"{PATH}/rollback")
    assert "The rows before serve again." in page.words
    assert "Rolled back" in page.words


def test_a_second_rebuild_is_refused_in_words(place: Place) -> None:
    operator = place.staff("operator")
    page = operator.get(PATH)
    operator.send(page, f"{PATH}/rebuild")
    again = operator.send(page, f"{PATH}/rebuild", status=422)
    assert "under way" in again.words


def test_what_was_set_aside_is_tried_again_or_left_out_with_a_reason(place: Place) -> None:
    member_id = place.account()
    position = place.parts.recorder.horizon()
    with place.parts.pool.connection() as connection:
        connection.execute(
            "INSERT INTO views.parked (position, subject_id, topic, why, parked_at)"
            " VALUES (%s, %s, 'member.renamed', 'KeyError', %s)",
            (position, member_id, NOON),
        )
    operator = place.staff("operator")
    page = operator.get(PATH)
    assert "member.renamed" in page.words
    assert str(member_id) in page.words
    assert "Lovelace" not in page.words
    operator.send(page, f"{PATH}/skip", reason="It can't be folded.")
    assert position in place.parts.ledger.site().skipped


def test_the_schedule_tells_what_each_job_did_and_left(place: Place) -> None:
    operator = place.staff("operator")
    assert "never" in operator.get(PATH).words
    runner = Runner(place.parts, AlwaysLeads())
    for job in JOBS:
        runner.tick(job)
    left = {"17": [3, (NOON + timedelta(hours=1)).isoformat(), "key_destroyed"]}
    with place.parts.pool.connection() as connection:
        connection.execute(
            "UPDATE web.jobs SET left_facts = %s, error = 'ValueError', error_at = %s"
            " WHERE name = 'charges'",
            (Jsonb(left), NOON),
        )
    page = operator.get(PATH)
    assert "never" not in page.words
    assert "No worker leads: nothing runs." in page.words
    assert "fact 17 · tried 3 times · key_destroyed" in page.words
    assert "ValueError" in page.words
    french = operator.get(PATH, "fr").words
    assert "Prélèvements chaque minute" in french


def test_every_job_has_a_name_in_words() -> None:
    assert {job.name for job in JOBS} <= set(operations_jobs.JOBS)


def test_an_auditor_reads_and_changes_nothing(place: Place) -> None:  # part of NO5
    page = place.staff("auditor").get(PATH)
    assert {form.action for form in page.forms if form.method == "post"} == {"/team/sign-out"}
