"""Every read as of a moment: what was true then, and what was known then (AU3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger import ids
from ledger.facts import Actor, Cause, Stamp
from tests.web.api.conftest import CARD, Client, House
from tests.web.api.endpoints import nowhere
from tests.web.asking import told
from tests.web.conftest import NOON
from web.api.catalogue import all_routes
from web.api.framework import PATH_PARAMETER
from web.identity.permissions import Permission
from web.reading.past import Scope

DAY = timedelta(days=1)
FIRST, SECOND = NOON + DAY, NOON + 20 * DAY
"""Before anybody paid, and after."""


@dataclass
class Scene:
    """Ada joined and paid on the tenth day; today, the fiftieth, is when all this is asked."""

    house: House
    owner: Client
    person: Client
    member_id: str
    plan_id: str
    order_id: str
    membership_id: str

    def ask(self, path: str, **query: Any) -> Any:
        """The owner's answer, as soon as the moment is ready."""
        answer = self.owner.ask("GET", path, query_string=query)
        if answer.status_code == 202:
            self.house.parts.past.worker.build()
            answer = self.owner.ask("GET", path, query_string=query)
        assert answer.status_code == 200, answer.text
        return answer.json


@pytest.fixture
def scene(house: House) -> Scene:
    plan_id, person = house.plan(), house.sign_up()
    house.clock.advance_to(NOON + 10 * DAY)
    joined = person.post("/account/memberships", {"plan_id": str(plan_id), **CARD})
    member_id = person.get("/account")["member_id"]
    house.clock.advance_to(NOON + 50 * DAY)
    owner = house.as_staff("owner")
    owner.position = person.position
    return Scene(
        house,
        owner,
        person,
        member_id,
        str(plan_id),
        joined["order_id"],
        joined["membership_id"],
    )


def at(instant: datetime) -> dict[str, str]:
    return {"as_of": instant.isoformat()}


def pay_late(scene: Scene, occurred_at: datetime) -> None:
    """The ledger learns today of a second payment of long ago."""
    ledger = scene.house.parts.ledger
    order = ledger.order(UUID(scene.order_id))
    stamp = Stamp(
        actor=Actor(kind="gateway"),
        cause=Cause(kind="notice", id=ids.new()),
        occurred_at=occurred_at,
        recorded_at=scene.house.clock.now(),
    )
    attempt_id = next(iter(order.attempts))
    order.pay(attempt_id, reference="py_late", amount=order.placed.amount, stamp=stamp)
    scene.owner.position = ledger.append(order)


def gross(page: Any) -> int:
    return sum(int(total["gross"]["minor"]) for total in page["items"])


def test_a_list_of_the_past_is_made_first_and_then_answered(scene: Scene) -> None:  # part of AU3
    query = at(SECOND)
    first = scene.owner.ask("GET", "/members", query_string=query)
    assert first.status_code == 202
    assert first.headers["Retry-After"] == "1"
    assert first.headers["Location"].startswith("/api/v1/members?as_of=")
    said = told(first)
    assert (said["state"], said["per_cent"], said["done"]) == ("planned", 0, 0)
    scene.house.parts.past.worker.build()
    [line] = scene.owner.get("/members", **query)["items"]
    assert (line["name"], line["status"]) == ("Ada Lovelace", "member")


def test_a_list_says_what_was_true_then(scene: Scene) -> None:  # part of AU3
    [before] = scene.ask("/members", **at(FIRST))["items"]
    [after] = scene.ask("/members", **at(SECOND))["items"]
    assert [one["status"] for one in (before, after)] == ["contact", "member"]
    assert [one["net"]["minor"] for one in (before, after)] == [0, 1200]
    assert scene.ask("/members", **at(NOON - DAY))["items"] == []


def test_an_answer_names_its_moment(scene: Scene) -> None:
    scene.ask("/members", **at(SECOND))
    answer = scene.owner.ask("GET", "/members", query_string=at(SECOND))
    assert answer.headers["Ledger-As-Of"] == SECOND.isoformat()
    assert int(answer.headers["Ledger-Known-Position"]) >= scene.owner.position
    assert "Ledger-Known-At" not in answer.headers
    assert "Ledger-Lag" not in answer.headers
    asked = {"as_of": FIRST.isoformat(), "known_at": SECOND.isoformat()}
    one = scene.owner.ask("GET", f"/members/{scene.member_id}", query_string=asked)
    assert one.headers["Ledger-Known-At"] == SECOND.isoformat()


def test_a_payment_learned_late_is_true_before_it_was_known(scene: Scene) -> None:  # AU3
    assert gross(scene.ask("/figures/spending", **at(SECOND))) == 1200
    pay_late(scene, NOON + 15 * DAY)
    assert gross(scene.ask("/figures/spending", **at(SECOND))) == 2400
    assert gross(scene.ask("/figures/spending", known_at=SECOND.isoformat())) == 1200
    assert gross(scene.ask("/figures/spending", known_at=SECOND.isoformat(), **at(SECOND))) == 1200
    [live] = scene.owner.get("/figures/spending")["items"]
    assert live["gross"]["minor"] == 2400
    member = f"/members/{scene.member_id}"
    assert scene.ask(member, **at(SECOND))["gross"]["minor"] == 2400
    assert scene.ask(member, known_at=SECOND.isoformat())["gross"]["minor"] == 1200
    order = f"/orders/{scene.order_id}"
    assert scene.ask(order, **at(SECOND))["paid"]["minor"] == 2400
    assert scene.ask(order, known_at=SECOND.isoformat())["paid"]["minor"] == 1200


def test_the_moment_that_stands_is_used_until_a_late_fact_comes(scene: Scene) -> None:
    scene.ask("/members", **at(SECOND))
    scene.owner.put(f"/members/{scene.member_id}/tags", {"tag": "today"})
    assert len(scene.ask("/members", **at(SECOND))["items"]) == 1
    assert len(scene.owner.get("/moments")["items"]) == 1
    pay_late(scene, FIRST)
    scene.ask("/members", **at(SECOND))
    scene.ask("/members", **at(SECOND))
    assert len(scene.owner.get("/moments")["items"]) == 2


def test_one_member_is_answered_at_once(scene: Scene) -> None:  # part of AU3
    member = f"/members/{scene.member_id}"
    before = scene.owner.get(member, **at(FIRST))
    after = scene.owner.get(member, **at(SECOND))
    assert [one["status"] for one in (before, after)] == ["contact", "member"]
    assert [one["order_count"] for one in (before, after)] == [0, 1]
    assert (before["method"], after["method"]["last_four"]) == (None, "4242")
    assert scene.owner.get(f"{member}/memberships", **at(FIRST))["items"] == []
    [stay] = scene.owner.get(f"{member}/memberships", **at(SECOND))["items"]
    assert stay["standing"] == "running"
    assert scene.owner.get("/moments")["items"] == []


def test_what_one_member_can_not_tell_is_null(scene: Scene) -> None:
    scene.house.sign_up("twin@example.org", "Ada Lovelace")
    scene.owner.position = scene.house.facts()
    member = f"/members/{scene.member_id}"
    assert len(scene.owner.get(member)["duplicates"]) == 1
    shown = scene.owner.get(member, **at(SECOND))
    assert [shown[name] for name in ("duplicates", "last_sign_in_at", "content_opened_at")] == [
        None,
        None,
        None,
    ]


def test_nobody_is_found_before_they_were_there(scene: Scene) -> None:
    paths = (
        f"/members/{scene.member_id}",
        f"/members/{scene.member_id}/memberships",
        f"/members/{scene.member_id}/history",
        f"/orders/{scene.order_id}",
        f"/orders/{scene.order_id}/receipts",
    )
    for path in paths:
        answer = scene.owner.ask("GET", path, query_string=at(NOON - DAY))
        assert (answer.status_code, told(answer)["code"]) == (404, "not_found"), path
        assert scene.owner.ask("GET", path, query_string=at(SECOND)).status_code == 200, path


def test_access_is_answered_from_what_was_true_and_known(scene: Scene) -> None:  # part of AU3, AX7
    removal = {"membership_ids": [scene.membership_id], "reason": "asked by post"}
    asked = {"member_id": scene.member_id, "plan_id": scene.plan_id}
    in_time = at(NOON + 20 * DAY)
    assert scene.owner.get("/access", **asked, **in_time)["access"] is True
    assert scene.owner.get("/access", **asked, **at(FIRST))["access"] is False
    path = f"/members/{scene.member_id}/access"
    answer = scene.owner.get(path, plan_id=scene.plan_id, **in_time)
    assert (answer["access"], answer["rule"]) == (True, "within_paid_period")
    assert datetime.fromisoformat(answer["at"]) == NOON + 20 * DAY
    then = {**in_time, "at": (NOON + 60 * DAY).isoformat()}
    assert scene.owner.get(path, plan_id=scene.plan_id, **then)["access"] is False
    scene.owner.ask("POST", f"/members/{scene.member_id}/removals", json=removal)
    assert scene.owner.get("/access", **asked, **in_time)["access"] is True


def test_an_address_or_a_plan_of_the_past_is_not_guessed(scene: Scene) -> None:
    by_email = {"email": "ada@example.org", "plan_id": scene.plan_id, **at(SECOND)}
    assert scene.owner.ask("GET", "/access", query_string=by_email).status_code == 422
    late = scene.house.plan("Silver")
    asked = {"member_id": scene.member_id, "plan_id": str(late), **at(SECOND)}
    assert scene.owner.ask("GET", "/access", query_string=asked).status_code == 404


def test_a_history_ends_where_its_moment_does(scene: Scene) -> None:  # part of AU3
    path = f"/members/{scene.member_id}/history"
    pay_late(scene, NOON + 15 * DAY)
    whole = scene.owner.get(path, limit=100)["items"]
    true_then = scene.owner.get(path, limit=100, **at(SECOND))["items"]
    known_then = scene.owner.get(path, limit=100, known_at=SECOND.isoformat())["items"]
    assert true_then[-1]["topic"] == "order.paid"
    assert true_then[:-1] == known_then == whole[: len(known_then)]
    first = scene.owner.get(path, limit=3, **at(SECOND))
    rest = scene.owner.get(path, limit=100, cursor=first["next"], **at(SECOND))
    assert first["items"] + rest["items"] == true_then
    other = {"cursor": first["next"], **at(FIRST)}
    assert scene.owner.ask("GET", path, query_string=other).status_code == 422


def test_a_receipt_keeps_its_number(scene: Scene) -> None:  # part of OR10
    other = scene.house.sign_up("bob@example.org", "Bob")
    other.post("/account/memberships", {"plan_id": scene.plan_id, **CARD})
    pay_late(scene, NOON + 15 * DAY)
    path = f"/orders/{scene.order_id}/receipts"
    live = {one["number"] for one in scene.owner.get(path)["items"]}
    then = {one["number"] for one in scene.owner.get(path, **at(SECOND))["items"]}
    known = {one["number"] for one in scene.owner.get(path, known_at=SECOND.isoformat())["items"]}
    assert then == live
    assert len(then) == 2
    assert known < then


def test_people_read_their_own_past(scene: Scene) -> None:
    person = scene.house.stranger()
    person.flask.set_cookie("session", scene.house.member_cookies(scene.member_id)["session"])
    assert person.get("/account/orders", **at(FIRST))["items"] == []
    [order] = person.get("/account/orders", **at(SECOND))["items"]
    assert person.get(f"/account/orders/{order['order_id']}", **at(SECOND)) == order
    assert len(person.get("/account/receipts", **at(SECOND))["items"]) == 1
    assert person.get("/account/memberships", **at(FIRST))["items"] == []
    [stay] = person.get("/account/memberships", **at(SECOND))["items"]
    assert stay["has_access"] is True
    other = scene.house.sign_up("bob@example.org", "Bob")
    path = f"/account/orders/{order['order_id']}"
    assert other.ask("GET", path, query_string=at(SECOND)).status_code == 404


@pytest.mark.parametrize("name", ["as_of", "known_at"])
def test_the_future_is_refused(scene: Scene, name: str) -> None:  # part of AU3
    later = (scene.house.clock.now() + timedelta(microseconds=1)).isoformat()
    for path in ("/members", f"/members/{scene.member_id}", "/access"):
        query = {name: later}
        if path == "/access":
            query |= {"member_id": scene.member_id, "plan_id": scene.plan_id}
        answer = scene.owner.ask("GET", path, query_string=query)
        assert (answer.status_code, told(answer)["code"]) == (422, "moment_in_future"), path


@pytest.mark.parametrize("wrong", ["yesterday", "2026-11-22", "2026-11-22T12:00:00", "1", ""])
def test_an_instant_has_its_offset(scene: Scene, wrong: str) -> None:
    answer = scene.owner.ask("GET", "/members", query_string={"as_of": wrong})
    assert answer.status_code == 422
    assert told(answer)["errors"][0]["parameter"] == "as_of"


def test_every_read_honours_the_past_or_refuses_to_be_asked(house: House) -> None:  # AU3
    house.clock.advance_to(NOON + DAY)
    unknown = {"unknown_parameter", "invalid_request"}
    for route in (one for one in all_routes() if one.is_read):
        member = route.permission.value in {"account:own", "method:own"}
        client = house.signed_in() if member else house.as_staff("owner")
        answer = client.ask("GET", nowhere(route), query_string={**at(NOON), "nonsense": "1"})
        alone = client.ask("GET", nowhere(route), query_string=at(NOON))
        parameters = [one["parameter"] for one in told(answer)["errors"]]
        assert parameters == (["nonsense"] if route.past else ["as_of"]), route.name
        refused = (alone.json or {}).get("code") in unknown and "as_of" in alone.text
        assert refused == (route.past is None), (route.name, alone.text)


def test_nothing_public_reads_the_past() -> None:
    public = [one.name for one in all_routes() if one.permission is Permission.PUBLIC and one.past]
    assert public == []


def test_reads_of_the_views_all_know_the_past() -> None:  # part of AU3
    reads = [one for one in all_routes() if one.is_read and one.media_type is None]
    present_alone = {one.name for one in reads if one.past is None}
    assert present_alone == {
        "access.forward",
        "accounts.show_account",
        "accounts.show_session",
        "agenda.list_unpaid",
        "agenda.show_agenda",
        "coming.preview_price",
        "joining.show_quote",
        "list_messages.show_engagement",
        "mailbox.list_mails",
        "mailbox.list_mails_on_their_way",
        "mailbox.show_mail_figures",
        "moments.list_moments",
        "own_data.download_own_data",
        "own_money.list_dues",
        "own_money.show_method",
        "payment_notices.list_payment_notices",
        "plans.list_open_plans",
        "plans.show_open_plan",
        "reconciliation.show_reconciliation",
        "schedule.list_missed",
        "schedule.read_schedule",
        "team.list_tokens",
        "team_notices.list_own_notices",
        "team_notices.show_second_step",
        "views.list_parked",
        "views.list_rebuilds",
        "views.list_views",
    }


@pytest.fixture
def ready(scene: Scene) -> Scene:
    """A scene with a moment that is ready."""
    scene.ask("/members", **at(SECOND))
    return scene


def test_moments_are_listed_and_dropped(ready: Scene) -> None:
    [moment] = ready.owner.get("/moments")["items"]
    assert (moment["state"], moment["per_cent"]) == ("ready", 100)
    assert moment["bytes"] > 0
    operator = ready.house.as_staff("operator")
    operator.delete(f"/moments/{moment['id']}")
    assert ready.owner.get("/moments")["items"] == []
    assert operator.ask("DELETE", f"/moments/{moment['id']}").status_code == 404
    assert ready.house.as_staff("auditor").ask("DELETE", "/moments/1").status_code == 403
    assert ready.owner.ask("GET", "/members", query_string=at(SECOND)).status_code == 202


def test_a_command_has_no_past(scene: Scene) -> None:
    path = f"/members/{scene.member_id}/tags"
    answer = scene.owner.ask("PUT", path, json={"tag": "x"}, query_string=at(SECOND))
    assert answer.status_code == 422
    assert str(uuid4()) not in answer.text


def test_the_document_says_which_reads_know_the_past(house: House) -> None:
    document = house.stranger().get("/openapi.json")
    for route in all_routes():
        path = PATH_PARAMETER.sub(r"{\g<name>}", f"/api/v1{route.path}")
        operation = document["paths"][path][route.method.lower()]
        named = {one["name"] for one in operation["parameters"]}
        assert {"as_of", "known_at"} <= named if route.past else not {"as_of", "known_at"} & named
        builds = route.past is Scope.LISTS
        assert ("202" in operation["responses"]) == (builds or route.status == 202), route.name
