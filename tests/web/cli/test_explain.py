"""`ledger explain`, as typed at a terminal."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner, Result

from ledger.clock import SystemClock
from projections.site import Site
from tests.projections.books import MASTER_KEY, Books, opened
from tests.projections.oracle import Oracle
from tests.projections.oracle.figures import by_currency
from tests.projections.oracle.lines import instant
from tests.projections.stories import told as told_story
from web.cli.main import main
from web.settings import load


@pytest.fixture
def books(database: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Books]:
    monkeypatch.setenv("LEDGER_DATABASE_URL", database)
    monkeypatch.setenv("LEDGER_MASTER_KEY", base64.b64encode(MASTER_KEY).decode())
    with opened(database) as books:
        for save in told_story(5, 250, "test"):
            books.save(*save)
        settings = load()
        site = Site(settings.currency, settings.mode, settings.time_zone)
        books.follower(site).catch_up()
        yield books


@pytest.fixture
def oracle(books: Books) -> Oracle:
    return Oracle(books.exported(), mode="test")


def typed(*words: object, ends_with: int = 0) -> Result:
    """What a command answers."""
    result = CliRunner().invoke(main, ["explain", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == ends_with, result.output
    return result


def told(*words: object) -> Any:
    """Its JSON."""
    return json.loads(typed(*words, "--json").stdout)


def spender(oracle: Oracle) -> tuple[str, int]:
    """Somebody who had money back, and what is left of what they spent in euros."""
    for member in oracle.accounts:
        gross, refunded, disputed = oracle.total(member, "EUR", "test")
        if refunded:
            return member, gross - refunded - disputed
    raise AssertionError


def test_a_members_total(books: Books, oracle: Oracle) -> None:
    member, net = spender(oracle)
    found = told("member-total", member)
    said = {(one["view"], one["stated"]["currency"]): one for one in found["figures"][3::4]}
    assert said["spending", "EUR"]["readded"]["minor"] == net
    text = typed("member-total", member).stdout
    assert "total-spent 1: Payments less refunds" in text
    assert f"{found['facts'][0]['fact']}  gross +" in text
    assert text.endswith("Agrees.\n")
    french = typed("member-total", member, "--lang", "fr").stdout
    assert "Les paiements moins" in french
    unknown = typed("member-total", "nobody@example.org", ends_with=1).output
    assert "There is no member nobody@example.org" in unknown


def test_a_stored_figure_that_is_wrong_ends_with_one(books: Books, oracle: Oracle) -> None:
    member, _ = spender(oracle)
    with books.pool.connection() as connection:
        connection.execute("UPDATE spending SET net = net + 1 WHERE currency = 'EUR'")
    text = typed("member-total", member, ends_with=1).stdout
    assert "differs by 0.01 EUR" in text
    assert text.endswith("Differs: what is stored is not what they make.\n")
    row = typed("row", "spending", member, "EUR", "test", ends_with=1).stdout
    assert "differs: the facts make" in row


def test_a_row_by_its_key(books: Books, oracle: Oracle) -> None:
    member = next(iter(oracle.accounts))
    found = told("row", "members", member)
    assert found["rows"][0]["key"] == {"member_id": member}
    text = typed("row", "members", member).stdout
    assert oracle.name(member) in text
    assert "sets member_id, name, email" in text
    stays = oracle.stays_of(next(stay["member"] for stay in oracle.stays.values()))
    assert len(told("row", "memberships", stays[0]["member"])["rows"]) == len(stays)
    typed("row", "nothing", member, ends_with=1)
    typed("row", "members", "x", ends_with=1)


def test_a_segment_access_and_an_order(books: Books, oracle: Oracle) -> None:
    now = SystemClock().now()
    stay = next(iter(oracle.stays.values()))
    member, plan = stay["member"], stay["plan"]
    entry = told("segment", "former_members", member)
    assert entry["is_in"] == (oracle.status(member, now) == "former")
    assert "former_members, at" in typed("segment", "former_members", member).stdout
    answer = told("access", member, plan)
    assert answer["access"] == oracle.access(member, plan, now)
    began = next(fact for fact in oracle.facts if fact["topic"] == "member.joined")
    member, plan = began["member_id"], began["plan_id"]
    joined = told("access", member, plan, "--at", began["occurred_at"])
    assert joined["access"] is True
    assert "yes, " in typed("access", member, plan, "--at", joined["at"]).stdout
    order = next(iter(oracle.orders))
    assert told("order", order)["definition"]["name"] == "order-figures"
    assert "refundable" in typed("order", order).stdout
    assert "There is no order" in typed("order", member, ends_with=1).output


def test_a_figure_of_the_site(books: Books, oracle: Oracle) -> None:
    found = told("figure", "--currency", "EUR")
    net = next(one for one in found["figures"] if one["name"] == "net")
    moves = [m for m in oracle.moves if m["currency"] == "EUR" and m["kind"] != "fee"]
    assert net["readded"]["minor"] == sum(move["minor"] for move in moves)
    assert "the first 3 shown" in typed("figure", "--limit", "3").stdout
    before = told("figure", "--before", "2024-01-01T00:00:00Z")
    assert (before["figures"], before["fact_count"]) == ([], 0)
    typed("figure", "--since", "2024-01-01", ends_with=2)


def test_a_moment_of_the_past(books: Books, oracle: Oracle) -> None:
    member, _ = spender(oracle)
    own = [fact for fact in oracle.facts if fact.get("member_id") == member]
    paid = next(fact for fact in own if fact["topic"] == "order.paid")
    found = told("member-total", member, "--as-of", paid["occurred_at"])
    gross = [
        one for one in found["figures"] if one["name"] == "gross" and one["view"] == "spending"
    ]
    assert [one["readded"]["minor"] for one in gross] == [paid["amount"]["minor"]]
    assert found["agrees"] is True


def test_mrr_and_how_it_moved(books: Books, oracle: Oracle) -> None:
    joined = [f for f in oracle.facts if f["topic"] == "member.joined"]
    at = [fact["occurred_at"] for fact in joined if fact["occurred_at"] < "2026-06"][-1]
    found = told("mrr", "--at", at)
    expected = {
        name: value
        for name, value in by_currency(oracle, instant(at) or SystemClock().now()).items()
        if value
    }
    assert {one["currency"]: one["readded"]["exact"] for one in found["figures"]} == {
        name: str(value) for name, value in expected.items()
    }
    text = typed("mrr", "--at", at, "--currency", "EUR").stdout
    assert f"{found['memberships'][0]['membership_id']}" in typed("mrr", "--at", at).stdout
    assert "mrr 1: Monthly recurring revenue" in text
    assert "Revenu mensuel" in typed("mrr", "--lang", "fr").stdout
    moved = told("movement", at[:7], "EUR", "new")
    assert moved["agrees"] is True
    assert "ending" in typed("movement", at[:7], "EUR", "new").stdout
    typed("movement", "x", "EUR", "new", ends_with=2)
    for later in (("mrr", "--at", "2999-01-01T00:00:00Z"), ("movement", "2999-01", "EUR", "new")):
        assert "Nobody knows yet" in typed(*later, ends_with=1).output
