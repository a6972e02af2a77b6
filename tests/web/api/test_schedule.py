"""Operators see what the jobs did, and never about whom."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from flask.testing import FlaskClient
from pydantic import AnyHttpUrl

from tests.web.api.conftest import House
from web.app import create_app
from web.jobs.every import JOBS
from web.jobs.job import AlwaysLeads
from web.jobs.runner import Runner


@pytest.fixture
def swept(house: House) -> House:
    """A site whose jobs ran once."""
    house.sign_up()
    runner = Runner(house.parts, AlwaysLeads())
    for job in JOBS:
        assert runner.tick(job)
        assert not runner.tick(job)
    return house


def test_an_operator_sees_what_each_job_did_and_no_name(swept: House) -> None:
    found = swept.as_staff("operator").get("/schedule")
    assert not found["is_led"]
    assert [job["name"] for job in found["jobs"]] == [job.name for job in JOBS]
    assert {job["runs"] for job in found["jobs"]} == {1}
    assert {job["failures"] for job in found["jobs"]} == {0}
    assert all(job["ended_at"] for job in found["jobs"])
    assert "Lovelace" not in json.dumps(found)


def test_a_job_that_never_ran_says_so(house: House) -> None:
    found = house.as_staff("operator").get("/schedule")["jobs"][0]
    assert (found["runs"], found["began_at"], found["outcomes"]) == (0, None, {})


def test_metrics_are_told_on_this_machine(swept: House) -> None:
    told = _anybody(swept).get("/metrics")
    assert told.status_code == 200
    assert 'ledger_job_runs_total{job="charges"} 1.0' in told.text
    assert "ledger_schedule_led 0.0" in told.text
    assert "ledger_views_lag" in told.text
    assert 'ledger_job_left{job="charges"} 0.0' in told.text
    assert "ledger_inbox_dead 0.0" in told.text
    assert "ledger_inbox_unanswered 0.0" in told.text


def test_elsewhere_metrics_need_the_permission_of_an_operator(swept: House) -> None:
    strangers = _anybody(swept).get("/metrics", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert strangers.status_code == 401
    proxied = _anybody(swept).get("/metrics", headers={"X-Forwarded-For": "192.0.2.7"})
    assert proxied.status_code == 401
    operator = swept.as_staff("operator")
    allowed = operator.flask.get("/metrics", environ_overrides={"REMOTE_ADDR": "192.0.2.7"})
    assert allowed.status_code == 200


def test_a_site_behind_an_address_of_its_own_asks_for_the_permission(swept: House) -> None:
    settings = swept.parts.settings.model_copy(update={"base_url": AnyHttpUrl("http://127.0.0.1")})
    app = create_app(replace(swept.parts, settings=settings))
    assert app.test_client().get("/metrics").status_code == 401


def test_nothing_was_passed_over_yet(house: House) -> None:
    assert house.as_staff("auditor").get("/orders/missed")["items"] == []


def _anybody(house: House) -> FlaskClient:
    return create_app(house.parts).test_client()
