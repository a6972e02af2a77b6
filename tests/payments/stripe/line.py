"""The line between the official SDK and the emulated Stripe: no request leaves the process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import requests
import stripe
from requests.adapters import BaseAdapter

from ledger.clock import VirtualClock
from ledger.money import Money
from ledger.payments.stripe_gateway import StripeGateway
from tests.payments.stripe.emulator import Answer, Emulator, LineBroke
from tests.payments.stripe.forms import Form, decoded

ADDRESS = "https://api.stripe.com"
KEY = "sk_test_emulated"
SECRET = "whsec_emulated"
LEDGER = "books-under-test"

Watcher = Callable[[str, str, Form, Answer], None]
"""Sees every request with its answer."""


class Line(BaseAdapter):
    """Carries requests to an emulator."""

    def __init__(self, emulator: Emulator, watchers: list[Watcher]) -> None:
        super().__init__()
        self._emulator, self._watchers = emulator, watchers

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        """The emulator's answer, or a lost connection."""
        assert request.url is not None
        assert request.method is not None
        parts = urlsplit(request.url)
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        form = decoded(str(body or "") if request.method == "POST" else parts.query)
        headers = {name.lower(): str(value) for name, value in request.headers.items()}
        assert headers["stripe-version"] == stripe.api_version
        try:
            answer = self._emulator.answer(request.method, parts.path, form, headers)
        except LineBroke as broken:
            raise requests.ConnectionError("the line broke") from broken
        for watcher in self._watchers:
            watcher(request.method, parts.path, form, answer)
        return _response(request, answer.status, answer.body, answer.headers)

    def close(self) -> None:
        """Nothing is open."""


class Impatient(stripe.RequestsClient):
    """The SDK's own client, but for its pauses between tries."""

    def _sleep_time_seconds(self, *_: Any, **__: Any) -> float:
        return 0


def client_of(emulator: Emulator, watchers: list[Watcher] | None = None) -> stripe.HTTPClient:
    """The SDK's client with a line to the emulator and to nowhere else."""
    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    session.mount(ADDRESS, Line(emulator, watchers or []))
    return Impatient(session=session)


def gateway_over(
    emulator: Emulator,
    clock: VirtualClock,
    *,
    watchers: list[Watcher] | None = None,
    ledger: str = LEDGER,
    webhook_secrets: tuple[str, ...] = (SECRET,),
) -> StripeGateway:
    """The adapter, over the SDK, over the emulator."""
    return StripeGateway(
        key=KEY,
        account=emulator.company.account,
        webhook_secrets=webhook_secrets,
        ledger=ledger,
        clock=clock,
        mandate_cap=Money(50_000, "EUR"),
        http_client=client_of(emulator, watchers),
    )


def _response(
    request: requests.PreparedRequest, status: int, body: bytes, headers: Mapping[str, str]
) -> requests.Response:
    response = requests.Response()
    response.status_code = status
    response._content = body
    response.headers.update(headers)
    response.request = request
    response.url = str(request.url)
    return response
