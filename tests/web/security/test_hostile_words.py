"""Script that is stored or sent along: it is text wherever it is shown, and nothing else."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from ledger import ids
from tests.web.pages.conftest import CARD
from tests.web.security.conftest import Site, form_token
from tests.web.security.corpora import FORMULAS, HOSTILE, MARK
from tests.web.security.things import doors, furnish, path_of

ROUNDS = 2
UNSEEN = 10
"""From here on are characters that turn the writing around, which long texts may not hold."""

BY_SCRIPT = re.compile(r"^\s*(javascript|vbscript|data)\s*:", re.IGNORECASE)


class Elements(HTMLParser):
    """What a page is made of; remembers what no page of ours has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.strange: list[str] = []
        self.words = ""
        self._within = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._within = tag
        named = {name: value or "" for name, value in attrs}
        if MARK in tag or tag in {"svg", "math", "object", "embed", "base", "iframe"} - DRAWN:
            self.strange.append(tag)
        for name, value in named.items():
            active = name in {"style", "srcdoc"} and MARK in value
            leads = name in {"href", "src", "action", "formaction"} and BY_SCRIPT.match(value)
            if MARK in name or name.startswith("on") or active or leads:
                self.strange.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._within in {"script", "style"} and MARK in data:
            self.strange.append(f"{self._within}: {data}")

    def handle_comment(self, data: str) -> None:
        if MARK in data:
            self.strange.append(f"comment: {data}")


DRAWN = {"svg"}
"""Charts and a QR code are drawn by us."""


@dataclass
class Sender:
    """Somebody who fills in forms with hostile words."""

    site: Site
    client: FlaskClient
    taken: int = 0

    def __post_init__(self) -> None:
        self.token = form_token(self.client)

    def send(self, path: str, **form: str | list[str]) -> None:
        """Send a form; whatever comes of it, the answer holds no more elements than ours."""
        sent = {**form, "csrf_token": self.token, "command": self.site.command()}
        answer = self.client.post(path, data=sent)
        assert answer.status_code in {200, 303, 422}, answer.text
        assert Elements(answer.text).strange == [], (path, form)
        self.taken += answer.status_code != 422


def ask(site: Site, client: FlaskClient, method: str, path: str, body: Any) -> TestResponse:
    headers = {"Sec-Fetch-Site": "same-origin", "Idempotency-Key": site.command()}
    return client.open(f"/api/v1{path}", method=method, json=body, headers=headers)


@pytest.fixture(scope="module")
def poisoned(site: Site) -> Site:
    """Hostile words in every field that takes words."""
    furnish(site)
    ada = Sender(site, site.as_member(site.known["member_id"]).client)
    owner = Sender(site, site.staff("owner").client)
    for turn in range(ROUNDS):
        by_forms(ada, owner, HOSTILE[5 * turn :] + HOSTILE[: 5 * turn])
    ada.send("/account/name", name=FORMULAS[0])
    assert ada.taken > ROUNDS // 2
    assert owner.taken > ROUNDS * 4
    by_interface(site)
    site.settle()
    return site


def by_forms(ada: Sender, owner: Sender, hostile: tuple[str, ...]) -> None:
    known, everything = ada.site.known, "\n\n".join(HOSTILE[:UNSEEN])
    member, plan = f"/panel/members/{known['member_id']}", f"/panel/plans/{known['plan_id']}"
    news, order = f"/panel/lists/{known['list_id']}", f"/panel/orders/{known['order_id']}"
    letter = {"subject": hostile[0], "text": everything, "locale": "en"}
    somebody = f"{ids.new()}@example.org"
    ada.send("/account/name", name=hostile[1])
    ada.send(f"/plans/{known['plan_id']}/join", discount_code=hostile[2], **CARD)
    owner.send(f"{plan}/words", name=hostile[3], description=everything)
    owner.send(f"{member}/notes", text=everything)
    owner.send(f"{member}/tags", tag=hostile[4])
    owner.send("/panel/lists", name=hostile[5])
    owner.send(f"{news}/messages/preview", **letter)
    owner.send(f"{news}/messages/test", **letter)
    owner.send("/panel/segments", name=hostile[6], asked=f"q={hostile[7]}")
    owner.send(f"{order}/refund", amount="0.01", reason="other", note=hostile[8])
    owner.send("/panel/discounts/new", discount_code=hostile[9], kind="percent", percent="5")
    owner.send("/panel/team", email=somebody, name=hostile[10], roles=["auditor"], locale="en")
    owner.send(f"{news}/addresses", addresses=hostile[11])


def by_interface(site: Site) -> None:
    owner, eve = site.staff("owner").client, site.account("eve@example.org", HOSTILE[0])
    ada = site.as_member(eve).client
    plan_id = site.plan(HOSTILE[2])
    asked = [
        (ada, "PUT", "/account/name", {"name": FORMULAS[0]}),
        (owner, "POST", f"/members/{eve}/notes", {"text": HOSTILE[1]}),
        (owner, "PUT", f"/members/{eve}/tags", {"tag": HOSTILE[3]}),
        (owner, "POST", "/lists", {"name": HOSTILE[5]}),
        (owner, "PUT", f"/plans/{plan_id}", {"name": FORMULAS[3], "description": HOSTILE[6]}),
        (owner, "POST", "/segments/saved", {"name": f"By API {HOSTILE[2]}", "text": HOSTILE[2]}),
    ]
    for client, method, path, body in asked:
        answer = ask(site, client, method, path, body)
        assert answer.status_code < 300, (path, answer.text)
    site.join(eve, plan_id)


def readers(site: Site) -> Iterator[tuple[FlaskClient, str]]:
    both, staff = site.as_member(site.known["member_id"]).client, site.staff("owner").client
    cookie = staff.get_cookie("team")
    assert cookie is not None
    both.set_cookie("team", cookie.value)
    for door, rule in doors(site):
        if door.method == "GET":
            yield both, path_of(site, rule)


def test_what_was_stored_is_shown_as_text_on_every_page(poisoned: Site) -> None:
    seen = 0
    for client, path in readers(poisoned):
        answer = client.get(path)
        assert answer.status_code < 500, path
        if answer.mimetype == "text/html":
            page = Elements(answer.text)
            assert page.strange == [], path
            assert "49" not in re.findall(r"\b49\b(?=\$)", page.words), path
            seen += MARK in page.words
    assert seen > 15


def test_a_mail_and_its_page_hold_no_more_elements_than_were_written(poisoned: Site) -> None:
    mails = poisoned.parts.desk.mailbox.recent()
    assert sum(MARK in kept.mail.html for kept in mails) > 2
    client = poisoned.staff("owner").client
    for kept in mails:
        assert Elements(kept.mail.html).strange == [], kept.mail.subject
        assert "\n" not in kept.mail.subject
        assert "\r" not in kept.mail.subject
    for kept in mails[:6]:
        assert Elements(client.get(f"/mailbox/{kept.mail_id}").text).strange == []


def test_what_an_address_says_comes_back_as_text(poisoned: Site) -> None:
    client = poisoned.staff("owner").client
    for hostile in (*HOSTILE[::3], "x" * 3_000):
        for path, name in (
            ("/panel/members", "q"),
            ("/panel/members", "tag"),
            ("/panel/search", "q"),
            ("/panel/orders", "discount_code"),
            ("/panel/mails", "to"),
            ("/mailbox", "to"),
            ("/sign-in", "next"),
            (f"/plans/{poisoned.known['plan_id']}", "code"),
            (f"/panel/{hostile.replace('/', '')}", "x"),
            ("/panel/members", hostile),
        ):
            answer = client.get(path, query_string={name: hostile})
            assert answer.status_code < 500, (path, name, hostile)
            assert Elements(answer.text).strange == [], (path, name, hostile)


def test_no_cell_of_a_list_is_a_formula(poisoned: Site) -> None:
    owner = poisoned.staff("owner").client
    paths = [
        "/panel/members/export.csv",
        *(f"/api/v1/{name}.csv" for name in ("members", "plans", "orders", "lists", "tags")),
    ]
    hostile = 0
    for path in paths:
        answer = owner.get(path)
        assert (answer.status_code, answer.mimetype) == (200, "text/csv"), path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        for row in csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))):
            for cell in row:
                is_number = re.fullmatch(r"-?\d+", cell) is not None
                assert is_number or not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
                hostile += cell.startswith(("'=", "'@"))
    assert hostile > 1


def test_the_interface_says_that_it_tells_json_and_nothing_else(poisoned: Site) -> None:
    owner = poisoned.staff("owner").client
    for path in ("/members", f"/members/{poisoned.known['member_id']}", "/plans", "/lists"):
        answer = owner.get(f"/api/v1{path}")
        assert answer.mimetype == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert MARK in answer.text
    wrong = owner.get("/api/v1/members", query_string={"cursor": HOSTILE[0]})
    assert wrong.status_code >= 400
    assert wrong.mimetype == "application/problem+json"


def test_a_text_that_is_too_long_is_refused(poisoned: Site) -> None:
    owner, member = poisoned.staff("owner").client, poisoned.known["member_id"]
    token, before = form_token(owner), poisoned.position()
    for size in (100_000, 2_000_000):
        sent = {"text": "<b>" * (size // 3), "csrf_token": token, "command": poisoned.command()}
        answer = owner.post(f"/panel/members/{member}/notes", data=sent)
        assert answer.status_code in {413, 422}, size
        assert "<b>" not in answer.text
    assert poisoned.position() == before
