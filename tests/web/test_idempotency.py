"""A command that is sent again is answered again, and carried out once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import ids
from ledger.clock import VirtualClock
from tests.web.asking import ORDER, REFUND, REFUNDS, program, told
from tests.web.sample import CARRIED_OUT
from web.api import idempotency
from web.identity.permissions import Role
from web.parts import Parts
from web.sessions.pool import Pool
from web.sessions.replays import HOLD, KEPT, Mine


@pytest.fixture
def headers(parts: Parts) -> dict[str, str]:
    return program(parts)


def post(
    client: FlaskClient, headers: dict[str, str], key: str | None = "k1", **change: Any
) -> TestResponse:
    extra = {} if key is None else {"Idempotency-Key": key}
    return client.post(REFUNDS, json=REFUND | change, headers=headers | extra)


def test_the_same_request_is_answered_as_the_first_time(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    first, second = post(client, headers), post(client, headers)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.data == second.data
    assert first.headers["Ledger-Position"] == second.headers["Ledger-Position"] == "42"
    assert "Idempotency-Replayed" not in first.headers
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(CARRIED_OUT) == 1


def test_a_refusal_is_answered_again_too(client: FlaskClient, headers: dict[str, str]) -> None:
    first = post(client, headers, reason="too much")
    second = post(client, headers, reason="too much")
    assert (first.status_code, first.data) == (422, second.data)
    assert second.content_type == "application/problem+json"
    assert len(CARRIED_OUT) == 1


@pytest.mark.parametrize("reason", ["at the same time", "broken"])
def test_what_was_not_decided_is_carried_out_when_sent_again(
    client: FlaskClient, headers: dict[str, str], reason: str
) -> None:
    post(client, headers, reason=reason)
    again = post(client, headers, reason=reason)
    assert "Idempotency-Replayed" not in again.headers
    assert len(CARRIED_OUT) == 2
    assert len(set(CARRIED_OUT)) == 1


def test_a_key_belongs_to_one_request(client: FlaskClient, headers: dict[str, str]) -> None:
    post(client, headers)
    other = post(client, headers, reason="another")
    assert (other.status_code, told(other)["code"]) == (
        422,
        "idempotency_key_reused",
    )
    elsewhere = client.post(
        REFUNDS.replace(str(ORDER), str(ids.new())),
        json=REFUND,
        headers=headers | {"Idempotency-Key": "k1"},
    )
    assert elsewhere.status_code == 422
    assert len(CARRIED_OUT) == 1


def test_a_request_that_was_malformed_may_be_mended(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert post(client, headers, reason="").status_code == 422
    assert post(client, headers).status_code == 201


def test_two_senders_may_choose_the_same_key(
    client: FlaskClient, parts: Parts, headers: dict[str, str]
) -> None:
    post(client, headers)
    post(client, program(parts, Role.STORE_MANAGER))
    assert len(set(CARRIED_OUT)) == 2


@pytest.mark.parametrize("key", [None, "", " ", "a b", "é", "k" * 201])
def test_every_post_carries_a_key(
    client: FlaskClient, headers: dict[str, str], key: str | None
) -> None:
    answer = post(client, headers, key)
    assert answer.status_code == 400
    assert told(answer)["errors"][0]["header"] == "Idempotency-Key"
    assert CARRIED_OUT == []


def test_of_many_at_the_same_time_one_is_carried_out(app: Flask, headers: dict[str, str]) -> None:
    start = Barrier(6)

    def send(_: int) -> TestResponse:
        start.wait()
        return post(app.test_client(), headers)

    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(send, range(6)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.data for answer in answers}) == 1
    assert len(CARRIED_OUT) == 1


def test_whoever_waits_too_long_is_told_to_come_back(
    client: FlaskClient, pool: Pool, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    post(client, headers)
    monkeypatch.setattr(idempotency, "WAIT_SECONDS", 0)
    with pool.connection() as connection:  # as while somebody is at it
        connection.execute("UPDATE web.replays SET sealed = NULL")
    answer = post(client, headers)
    assert (answer.status_code, answer.headers["Retry-After"]) == (409, "1")
    assert len(CARRIED_OUT) == 1


def test_a_holder_that_died_is_replaced_and_keeps_nothing(
    parts: Parts, clock: VirtualClock
) -> None:
    replays, command = parts.desk.replays, ids.new()
    dead = replays.take(command, "a")
    clock.advance(HOLD)
    alive = replays.take(command, "a")
    assert isinstance(dead, Mine)
    assert isinstance(alive, Mine)
    replays.drop(command, dead)
    assert not isinstance(replays.take(command, "a"), Mine)


def test_answers_are_sealed_and_forgotten_after_a_while(
    client: FlaskClient, headers: dict[str, str], pool: Pool, parts: Parts, clock: VirtualClock
) -> None:
    post(client, headers, reason="told in confidence")
    with pool.connection() as connection:
        kept = connection.execute("SELECT sealed FROM web.replays").fetchone()
    assert kept
    assert b"confidence" not in kept[0]
    clock.advance(KEPT + timedelta(seconds=1))
    assert parts.desk.purge() == 1
