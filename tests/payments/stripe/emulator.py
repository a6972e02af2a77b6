"""An emulated Stripe: its API in process, as far as the ledger calls it.

Models idempotency keys (replayed, refused where the call differs, forgotten after a day), pages,
searches that lag, declines, authentication, pending debits, refunds, disputes, the balance, events
and mandates. Cards behave like the sandbox's of the same name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, Literal

from ledger.clock import VirtualClock
from tests.payments.stripe import objects
from tests.payments.stripe.company import DAY, HOUR, Company, Json, Refusal, invalid
from tests.payments.stripe.forms import Form
from tests.payments.stripe.giving_back import GivingBack
from tests.payments.stripe.intents import Intents

KEY_KEPT = DAY
CHECKOUT = "checkout.session"
SEARCH_LAGS = HOUR

Fate = Literal["call lost", "answer lost", "busy", "conflict", "broken", "garbage"]
"""What may go wrong with one request.

broken: the work was done, then something failed, and Stripe keeps the failure under the key.
"""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Stripe answers."""

    status: int
    body: bytes
    headers: dict[str, str]


@dataclass
class Kept:
    """What was answered to an idempotency key."""

    call: tuple[str, str]
    answer: Answer
    at: int


class LineBroke(Exception):
    """The connection was lost, before or after the work was done."""


class Emulator:
    """One Stripe account in test mode."""

    def __init__(self, clock: VirtualClock, *, api_version: str) -> None:
        self.company = Company(clock, api_version)
        self.company.keep(objects.account(self.company.account))
        self.back = GivingBack(self.company)
        self.intents = Intents(self.company, self.back.contest_by_card)
        self.fate: Callable[[str, str], Fate | None] = lambda _method, _path: None
        """Asked before each request what becomes of it."""
        self.refuses_key: Literal[401, 403] | None = None
        self.may_search = True
        """Else no search, as for an account in India."""
        self.requests: list[tuple[str, str]] = []
        self.keys: dict[str, Kept] = {}
        self._lost: dict[str, int] = {}

    # --- requests ---------------------------------------------------------------------

    def answer(self, method: str, path: str, form: Form, headers: dict[str, str]) -> Answer:
        """The answer to one request. Raises LineBroke."""
        self.requests.append((method, path))
        self.company.tick()
        fate = self.fate(method, path)
        key = headers.get("idempotency-key")
        if "stripe-version" not in headers:  # the account's own version, which is older
            form = {name: value for name, value in form.items() if name != "payment_method_types"}
        if fate == "call lost":
            raise LineBroke
        if self.refuses_key:
            return _answer(self.refuses_key, _error("invalid_request_error", "api_key_expired"))
        if fate in {"busy", "conflict"}:
            code = "rate_limit" if fate == "busy" else "idempotency_key_in_use"
            return _answer(429 if fate == "busy" else 409, _error("invalid_request_error", code))
        answer = self._once(key, method, path, form, fate) if key else self._do(method, path, form)
        if fate == "answer lost" or (key and self._loses(key, form)):
            raise LineBroke
        return Answer(200, b"<html>", {}) if fate == "garbage" else answer

    def _once(self, key: str, method: str, path: str, form: Form, fate: Fate | None) -> Answer:
        call = (f"{method} {path}", json.dumps(form, sort_keys=True))
        kept = self.keys.get(key)
        if kept and self.company.now - kept.at < KEY_KEPT:
            if kept.call != call:
                return _answer(400, _error("idempotency_error", None))
            again = {**kept.answer.headers, "Idempotent-Replayed": "true"}
            if kept.answer.status >= 500:
                again["Stripe-Should-Retry"] = "false"
            return Answer(kept.answer.status, kept.answer.body, again)
        answer = self._do(method, path, form)
        if fate == "broken":
            answer = _answer(500, _error("api_error", None))
        if answer.status not in {400, 404} or b'"payment_intent": {' in answer.body:
            self.keys[key] = Kept(call, answer, self.company.now)
        return answer

    def _do(self, method: str, path: str, form: Form) -> Answer:
        try:
            found = self._routed(method, path, form)
        except Refusal as refusal:
            return _answer(refusal.status, {"error": refusal.error})
        return _answer(200, self._expanded(deepcopy(found), form.get("expand", [])))

    def _loses(self, key: str, form: Form) -> bool:
        """Cards whose answers are lost: as often as the SDK tries by itself."""
        shown = self.company.cards.get(form.get("payment_method", ""))
        if shown is None or shown.card.present.answer != "lost" or "amount" not in form:
            return False
        self._lost[key] = self._lost.get(key, 0) + 1
        return self._lost[key] <= 3

    # --- what is asked for ------------------------------------------------------------

    def _routed(self, method: str, path: str, form: Form) -> Json:
        for verb, pattern, act in self._routes():
            found = re.fullmatch(pattern, path)
            if verb == method and found:
                return act(form, *found.groups())
        raise invalid("url_invalid", status=404)

    def _routes(self) -> Iterator[tuple[str, str, Callable[..., Json]]]:
        company = self.company
        yield "GET", "/v1/account", lambda _: company.get(company.account, "account")
        yield "POST", "/v1/customers", self._create_customer
        yield "GET", "/v1/customers/search", self._search
        yield "POST", "/v1/payment_intents", self._create_payment
        yield "POST", "/v1/payment_intents/(.+)/cancel", lambda _, id_: self.intents.cancel(id_)
        yield "POST", "/v1/setup_intents", self.intents.create_setup
        yield "POST", "/v1/refunds", lambda form: self.back.create_refund(_whole(form, "amount"))
        yield "DELETE", "/v1/customers/(.+)", lambda _, id_: self.delete_customer(id_)
        yield "POST", "/v1/payment_methods/(.+)/attach", self._attach
        yield "POST", "/v1/payment_methods/(.+)/detach", lambda _, id_: self.detach(id_)
        yield "GET", "/v1/events", self._events
        yield "POST", "/v1/checkout/sessions", self._create_checkout
        yield "GET", "/v1/checkout/sessions/(.+)", lambda _, id_: company.get(id_, CHECKOUT)
        for name in (
            "customer",
            "payment_intent",
            "setup_intent",
            "payment_method",
            "confirmation_token",
            "refund",
            "charge",
            "dispute",
            "mandate",
            "balance_transaction",
            "webhook_endpoint",
        ):
            yield "GET", f"/v1/{name}s/([^/]+)", lambda _, id_, name=name: company.get(id_, name)
            yield "GET", f"/v1/{name}s", lambda form, name=name: self._list(name, form)

    def _create_customer(self, form: Form) -> Json:
        made = objects.customer(
            self.company.new_id("cus"), self.company.now, form.get("metadata", {})
        )
        return self.company.keep(made)

    def _create_checkout(self, form: Form) -> Json:
        company = self.company
        company.get(form["customer"], "customer", "customer")
        return company.keep(objects.checkout_session(company.new_id("cs_test"), company.now, form))

    def give_on_page(self, session_id: str, card: str) -> str:
        """The member gives a card on a page of Stripe's; where it sends them then."""
        session = self.company.get(session_id, CHECKOUT)
        asked = {name: session[name] for name in ("customer", "metadata")}
        setup = self.intents.create_setup({**asked, "payment_method": card})
        session.update(status="complete", setup_intent=setup["id"], url=None)
        self.company.tell("checkout.session.completed", session)
        return str(session["success_url"]).replace("{CHECKOUT_SESSION_ID}", session_id)

    def _create_payment(self, form: Form) -> Json:
        shown = self.company.cards.get(form.get("payment_method", ""))
        if shown and shown.card.present.answer == "never":
            raise LineBroke
        return self.intents.create_payment(_whole(form, "amount"))

    def _attach(self, form: Form, id_: str) -> Json:
        method = self.company.method_in({"payment_method": id_})
        method["customer"] = self.company.get(form["customer"], "customer", "customer")["id"]
        return method

    def delete_customer(self, id_: str) -> Json:
        """In Stripe's Dashboard, or by a call."""
        gone = self.company.get(id_, "customer")
        for method in self.company.all("payment_method"):
            if method["customer"] == id_:
                method["customer"] = None
        self.company.tell("customer.deleted", gone)
        deleted = {"id": id_, "object": "customer", "deleted": True}
        self.company.kept[id_] = deleted
        return deleted

    def detach(self, id_: str) -> Json:
        """Take a payment method from its customer."""
        method = self.company.get(id_, "payment_method")
        customer = method["customer"]
        if customer is None:
            raise invalid("payment_method_unexpected_state")
        method["customer"] = None
        self.company.tell("payment_method.detached", method, customer=customer)
        return method

    # --- lists ------------------------------------------------------------------------

    def _list(self, kind: str, form: Form) -> Json:
        filters = ("customer", "payment_intent", "payment_method")
        if "customer" in form:
            self.company.get(form["customer"], "customer")
        found = [
            made
            for made in self.company.all(kind)
            if all(made.get(name) == form[name] for name in filters if name in form)
            and _is_within(made, form)
        ]
        return _page(found, form, f"/v1/{kind}s")

    def _events(self, form: Form) -> Json:
        types = form.get("types")
        if types and len(types) > 20:
            raise invalid("parameter_invalid", "types")
        oldest = self.company.now - 30 * DAY
        found = [
            event
            for event in reversed(self.company.events)
            if event["created"] >= oldest
            and _is_within(event, form)
            and (not types or event["type"] in types)
        ]
        return _page(found, form, "/v1/events")

    def _search(self, form: Form) -> Json:
        if not self.may_search:
            raise invalid(None)
        wanted = dict(re.findall(r"metadata\['(\w+)'\]:'([^']*)'", form["query"]))
        found = [
            made
            for made in self.company.all("customer")
            if "deleted" not in made
            and made["created"] <= self.company.now - SEARCH_LAGS
            and all(made["metadata"].get(name) == value for name, value in wanted.items())
        ]
        listed = {"object": "search_result", "url": "/v1/customers/search", "next_page": None}
        return {**listed, "data": found, "has_more": False}

    def _expanded(self, found: Json, paths: list[str]) -> Json:
        for path in paths:
            self._expand(found, path.split("."))
        return found

    def _expand(self, found: Json, path: list[str]) -> None:
        first, rest = path[0], path[1:]
        if first == "data":
            for each in found["data"]:
                self._expand(each, rest)
            return
        value = found.get(first)
        if isinstance(value, str):
            found[first] = value = deepcopy(self.company.kept[value])
        if rest and value:
            self._expand(value, rest)


def _answer(status: int, body: Json) -> Answer:
    return Answer(status, json.dumps(body).encode(), {"Request-Id": "req_emulated"})


def _error(kind: str, code: str | None) -> Json:
    return {"error": Refusal(0, kind, code).error}


def _whole(form: Form, name: str) -> Form:
    return {**form, name: int(form[name])} if name in form else form


def _is_within(made: Json, form: Form) -> bool:
    bounds = form.get("created") or {}
    early = made["created"] < int(bounds.get("gte", 0))
    return not early and made["created"] < int(bounds.get("lt", 2**40))


def _page(found: list[Json], form: Form, url: str) -> Json:
    after, limit = form.get("starting_after"), int(form.get("limit", 10))
    ids: list[Any] = [made["id"] for made in found]
    start = ids.index(after) + 1 if after else 0
    data = found[start : start + limit]
    return {"object": "list", "data": data, "has_more": start + limit < len(found), "url": url}
