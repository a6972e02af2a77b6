"""Kill every part of a running site, again and again, under a stream of commands.

Clients send commands over HTTP and repeat each, with its key, until it is acknowledged. In the end
every acknowledged command is in the books, and none is there twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import time
import urllib.error
import urllib.request
from collections import Counter
from dataclasses import dataclass, field
from threading import Event, Thread
from uuid import UUID

from ledger import ids
from ledger.clock import SystemClock
from ledger.facts import Actor, Cause
from ledger.member.facts import Noted
from ledger.money import Money
from ledger.order.facts import RefundRequested
from ledger.store.mapper import FactMapper
from ledger.terms import Terms
from scripts.drills.grounds import Served, data_folder, free_port
from web.identity.permissions import Permission, Role
from web.parts import Parts
from web.running.database import database
from web.settings import Settings
from web.wiring import wire

CLIENTS = 6
REFUND_EVERY = 15
"""Refunds are limited by the hour: most commands are notes."""
CARD = "pm_card_visa"
LONGEST_TRY_SECONDS = 150
"""A key whose first holder was killed is given to the next one after a minute."""


@dataclass
class Sent:
    """What clients asked for, and what was acknowledged."""

    acknowledged: list[str] = field(default_factory=list)
    tries: int = 0
    given_up: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Site:
    """Where commands go, and by what right."""

    address: str
    token: str


@dataclass(frozen=True)
class Target:
    """Someone to write notes about, and an order to refund cents of."""

    member_id: UUID
    order_id: UUID


def declare(parser: argparse.ArgumentParser) -> None:
    """The drill's options."""
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Kill for so many seconds, then count."""
    dice = random.Random(given.seed)  # noqa: S311 -- repeatable bad luck, no secret
    with data_folder() as data:
        settings = Settings(data=data)
        served = Served(data, free_port())
        served.start()
        try:
            token, targets = _prepare(settings)
            site = Site(served.address, token)
            sent = [Sent() for _ in range(CLIENTS)]
            ending = Event()
            clients = [
                Thread(target=_send, args=(site, targets[i], sent[i], i, ending))
                for i in range(CLIENTS)
            ]
            for client in clients:
                client.start()
            kills = _kill(served, dice, given.seconds)
            ending.set()
            for client in clients:
                client.join()
        finally:
            served.stop()
        if any(one.given_up for one in sent):
            print(served.said())
        return _verdict(settings, targets, sent, kills)


def _prepare(settings: Settings) -> tuple[str, list[Target]]:
    machine = Actor(kind="machine")
    with database(settings) as dsn, wire(settings, dsn) as parts:
        ledger, plan_id = parts.ledger, ids.new()
        ledger.draft_plan(plan_id, name="Drill", description="", by=machine, cause=_cause())
        terms = Terms(model="one_time", amount=Money(50_000_00, settings.currency))
        ledger.set_price(plan_id, terms, by=machine, cause=_cause())
        ledger.open_plan(plan_id, by=machine, cause=_cause())
        targets = [_member(parts, number, plan_id) for number in range(CLIENTS)]
        token = parts.desk.tokens.create(
            ids.new(),
            "drill",
            role=Role.ADMINISTRATOR,
            scopes=frozenset({Permission.CHANGE_NOTES, Permission.REFUND_ORDERS}),
            by=ledger.owner_id() or ids.SITE,
        )
        return token, targets


def _cause() -> Cause:
    return Cause(kind="command_line", id=ids.new())


def _member(parts: Parts, number: int, plan_id: UUID) -> Target:
    member_id = ids.new()
    person = Actor(kind="member", id=member_id)
    parts.ledger.open_account(
        member_id,
        email=f"drill{number}@example.org",
        name="Drill",
        locale="en",
        by=person,
        cause=_cause(),
    )
    joined = parts.collection.join(member_id, plan_id, method_token=CARD, by=person, cause=_cause())
    return Target(member_id, joined.order_id)


def _send(site: Site, target: Target, sent: Sent, client: int, ending: Event) -> None:
    number = 0
    while not ending.is_set():
        number += 1
        text = f"client {client} command {number}"
        if number % REFUND_EVERY:
            path, body = f"members/{target.member_id}/notes", {"text": text}
        else:
            amount = {"minor": 1, "currency": "EUR"}
            path = f"orders/{target.order_id}/refunds"
            body = {"amount": amount, "reason": text}  # type: ignore[dict-item]
        began = time.monotonic()
        while time.monotonic() - began < LONGEST_TRY_SECONDS:
            sent.tries += 1
            trouble = _post(f"{site.address}/api/v1/{path}", site.token, text, body)
            if trouble is None:
                sent.acknowledged.append(text)
                break
            time.sleep(0.1)
        else:
            sent.given_up.append(f"{text}: {trouble}")


def _post(url: str, token: str, key: str, body: dict[str, str]) -> str | None:
    """What kept the command from being acknowledged; None if it was."""
    request = urllib.request.Request(  # noqa: S310 -- our own server
        url,
        data=json.dumps(body).encode(),
        headers={
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key.replace(" ", "-"),
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 -- as above
            return None if answer.status in {200, 201, 204} else str(answer.status)
    except urllib.error.HTTPError as refusal:
        if refusal.code in {409, 429, 500, 502, 503}:
            return f"{refusal.code} {refusal.read()!r}"
        raise RuntimeError(f"{url}: {refusal.code} {refusal.read()!r}") from refusal
    except OSError as error:
        return str(error)


def _kill(served: Served, dice: random.Random, seconds: int) -> Counter[str]:
    """Kill one part after another, seeded; who was killed how often."""
    kills: Counter[str] = Counter()
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        time.sleep(dice.uniform(0.5, 4))
        part = dice.choice(["web", "worker", "database", "serve"])
        victims = served.parts()[part]
        if not victims:
            continue
        victim = dice.choice(sorted(victims))
        kills[part] += 1
        try:
            os.kill(victim, signal.SIGKILL)
        except ProcessLookupError:
            continue
        if part == "serve" and served.process is not None:
            served.process.wait()
            served.start()
    return kills


def _verdict(
    settings: Settings, targets: list[Target], sent: list[Sent], kills: Counter[str]
) -> int:
    with database(settings) as dsn, wire(settings, dsn, clock=SystemClock()) as parts:
        mapper, found = FactMapper(parts.ledger.vault), Counter[str]()
        for target in targets:
            for fact in mapper.open_records(parts.recorder.of_subject(target.member_id)):
                if isinstance(fact, Noted):
                    found[fact.text] += 1
                elif isinstance(fact, RefundRequested):
                    found[fact.reason] += 1
    acknowledged = [text for one in sent for text in one.acknowledged]
    lost = [text for text in acknowledged if text not in found]
    twice = [text for text, times in found.items() if times > 1]
    tries = sum(one.tries for one in sent)
    print(f"kills: {dict(kills)}; {tries} requests, {len(acknowledged)} acknowledged")
    print(f"in the books: {sum(found.values())}; lost {len(lost)}, twice {len(twice)}")
    given_up = [text for one in sent for text in one.given_up]
    if given_up:
        print(f"never acknowledged within {LONGEST_TRY_SECONDS} s: {given_up}")
    return 1 if lost or twice or given_up or not acknowledged else 0
