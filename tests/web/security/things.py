"""What stands on the site under attack, the addresses of its pages, and its forms filled in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from werkzeug.routing import Rule

from ledger import ids
from ledger.discount import DiscountRules
from ledger.segment import SegmentFilter
from tests.web.pages.conftest import CARD, FREE, MACHINE, cause
from tests.web.security.conftest import Site

PAGES = Path(__file__).with_name("pages.txt")
NOT_PAGES = ("/api/", "/static/", "/notices/", "/healthz", "/livez", "/readyz", "/metrics")
STAFF = ("owner", "administrator", "store_manager", "auditor", "operator")
STRANGE = UUID(int=7)
Form = dict[str, str | list[str]]


class Door(NamedTuple):
    """A page with a method: something that one may be let through, or not."""

    method: str
    rule: str


def doors(site: Site) -> Iterator[tuple[Door, Rule]]:
    """Every page that the site has, by method; the API has its own tests."""
    for rule in site.app.url_map.iter_rules():
        if not rule.rule.startswith(NOT_PAGES):
            for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
                yield Door(method, rule.rule), rule


def table() -> dict[Door, frozenset[str]]:
    """Who may go through each door, as written down."""
    found: dict[Door, frozenset[str]] = {}
    who: frozenset[str] = frozenset()
    for line in PAGES.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            method, rule = line.split(maxsplit=1)
            assert Door(method, rule) not in found, line
            found[Door(method, rule)] = who
        elif line and not line.startswith("#"):
            who = frozenset(line.removesuffix(":").split())
            assert who <= {"everybody", "member", "themselves", *STAFF}, line
    return found


def furnish(site: Site) -> None:
    """Ada with memberships and orders, Bob with one, and one of everything that staff make."""
    ledger, known = site.parts.ledger, site.known
    known["plan_id"], free = site.plan(), site.plan("Letter", FREE)
    known["member_id"] = site.account()
    known["order_id"] = site.join(known["member_id"], known["plan_id"])
    site.join(known["member_id"], free)
    known["bob"] = site.member(known["plan_id"], "bob@example.org")
    stays = ledger.member(known["member_id"]).memberships.values()
    named = {known["plan_id"]: "membership_id", free: "free"}
    known.update({named[stay.plan_id]: stay.membership_id for stay in stays})
    known.update({name: ids.new() for name in ("note_id", "list_id", "discount_id", "segment_id")})
    member_id, rules = known["member_id"], DiscountRules(percent=10)
    ledger.write_note(member_id, known["note_id"], "A note.", by=MACHINE, cause=cause())
    ledger.tag(member_id, "press", by=MACHINE, cause=cause())
    ledger.create_list(known["list_id"], name="News", by=MACHINE, cause=cause())
    ledger.add_to_list(known["list_id"], member_ids=[member_id], by=MACHINE, cause=cause())
    ledger.make_discount(
        known["discount_id"], code="WELCOME", rules=rules, by=MACHINE, cause=cause()
    )
    ledger.save_segment(
        known["segment_id"], name="Press", asked=SegmentFilter(), by=MACHINE, cause=cause()
    )
    owner_id = ids.derived(ids.SITE, "owner")
    ledger.found_site(
        owner_id, email="owner@example.org", name="Olga", locale="en", by=MACHINE, cause=cause()
    )
    for role in STAFF:
        site.staff(role)
    known["contributor_id"] = ids.derived(ids.SITE, "administrator")
    site.settle()


def filled(site: Site) -> dict[str, Form]:
    """Each form as somebody who may send it would fill it in, by the rule of its address."""
    return {**_of_members(), **_of_sellers(str(site.known["membership_id"])), **_of_owners()}


def _of_members() -> dict[str, Form]:
    stay = "/account/memberships/<uuid:membership_id>"
    return {
        "/account/locale": {"locale": "fr"},
        "/account/messages": {"agrees": "yes"},
        "/account/method": dict(CARD),
        "/account/method/remove": {},
        "/account/name": {"name": "Ada King"},
        f"{stay}/cancel": {},
        f"{stay}/withdraw": {},
        "/plans/<uuid:plan_id>/join": dict(CARD),
    }


def _of_sellers(membership_id: str) -> dict[str, Form]:
    member, news = "/panel/members/<uuid:member_id>", "/panel/lists/<uuid:list_id>"
    return {
        "/panel/lists": {"name": "Old members"},
        f"{news}/addresses": {"addresses": "eve@example.org"},
        f"{news}/messages": {"subject": "Hello", "text": "Hello.", "locale": "en"},
        f"{news}/end": {},
        f"{member}/notes": {"text": "Another note."},
        f"{member}/notes/<uuid:note_id>": {"text": "Corrected."},
        f"{member}/remove": {"membership": [membership_id], "reason": "asked"},
        f"{member}/tags": {"tag": "guest"},
        f"{member}/untag": {"tag": "press"},
        "/panel/notices/mine/mute": {"kind": "member_joined"},
        "/panel/notices/mine/unmute": {"kind": "member_joined"},
        "/panel/orders/<uuid:order_id>/refund": {"amount": "1.00", "reason": "requested"},
        "/panel/segments": {"name": "Guests"},
        "/panel/segments/<uuid:segment_id>": {"name": "Journalists"},
        "/panel/segments/<uuid:segment_id>/end": {},
    }


def _of_owners() -> dict[str, Form]:
    plan, code = "/panel/plans/<uuid:plan_id>", "/panel/discounts/<uuid:discount_id>"
    one = "/panel/team/<uuid:contributor_id>"
    rules, words = {"kind": "percent", "percent": "20"}, {"name": "Silver", "description": "More."}
    eve: Form = {"email": "eve@example.org", "name": "Eve", "roles": ["auditor"], "locale": "en"}
    return {
        f"{code}/change": dict(rules),
        f"{code}/end": {},
        "/panel/discounts/new": {"discount_code": "SPRING", **rules},
        f"{plan}/close": {},
        f"{plan}/early-access": {"free_until": "2027-01-01T12:00"},
        f"{plan}/open": {},
        f"{plan}/price": {"model": "recurring", "amount": "15.00"},
        f"{plan}/words": dict(words),
        "/panel/plans/new": {**words, "model": "free"},
        f"{plan}/retire": {},
        "/panel/team": eve,
        f"{one}/roles": {"roles": ["administrator", "auditor"]},
        f"{one}/second-step/end": {},
        f"{one}/ownership": {"sure": "true"},
        f"{one}/remove": {},
    }


def path_of(site: Site, rule: Rule) -> str:
    """The address of a page about the things that there are."""
    usual = {"act": "cancel", "position": 1, "segment": "members", "token": "x", "label": "x"}
    values = {name: site.known.get(name, usual.get(name, STRANGE)) for name in rule.arguments}
    built = rule.build(values)
    assert built is not None, rule
    return built[1]
