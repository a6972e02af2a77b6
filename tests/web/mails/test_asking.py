"""What staff and programs see of the post, and what they may do about it."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from ledger import ids
from tests.web.asking import program, sign_in
from tests.web.mails.office import ADA, campaign, did, facts, mail, posts, put, state, told
from tests.web.mails.servers import CLOSES, OK, Post
from tests.web.schedule.sites import Site
from web.identity.permissions import Role
from web.sessions.sessions import Kind
from web.site import create_site


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_site(site.parts).test_client()


def asked(site: Site, role: Role = Role.STORE_MANAGER) -> dict[str, str]:
    """The headers of a program."""
    return {**program(site.parts, role), "Idempotency-Key": str(ids.new())}


def test_where_mails_are_sent_nobody_reads_them_and_their_links(
    site: Site, client: FlaskClient
) -> None:
    mail_id = put(site)
    for path in ("/mailbox", f"/mailbox/{mail_id}", f"/api/v1/mailbox?to={ADA}"):
        assert client.get(path).status_code == 404
        assert client.get(path, headers=program(site.parts)).status_code == 404
    assert "/mailbox" not in client.get("/").text


def test_staff_see_how_each_mail_is_on_its_way_and_not_what_it_says(
    site: Site, client: FlaskClient, post: Post
) -> None:
    post.to_recipient = ["450 4.2.0 Later"]
    mail_id = put(site)
    did(site)
    answer = client.get("/api/v1/mails", query_string={"to": ADA}, headers=asked(site))
    (item,) = answer.json["items"]  # type: ignore[index]
    assert (item["mail_id"], item["state"], item["why"]) == (str(mail_id), "failed", "450-4.2.0")
    assert not {"text", "html", "links"} & set(item)
    sign_in(client, site.parts, Kind.CONTRIBUTOR, site.found())
    page = client.get("/panel/mails")
    assert page.status_code == 200
    assert ADA in page.text
    assert "450-4.2.0" in page.text
    assert "failed, to be tried again" in page.text
    french = client.get("/panel/mails", headers={"Accept-Language": "fr"})
    assert french.status_code == 200


def test_a_mail_that_came_back_is_noted_by_a_program(
    site: Site, client: FlaskClient, post: Post
) -> None:  # part of NO2
    stay, notice_id = told(site)
    did(site)
    path = f"/api/v1/mails/{notice_id}/bounces"
    for _ in range(2):
        answer = client.post(path, json={"why": "5.1.1"}, headers=asked(site))
        assert answer.status_code == 204
    assert facts(site, notice_id) == ["queued", "sent", "bounced"]
    site.catch_up()
    sign_in(client, site.parts, Kind.CONTRIBUTOR, site.found())
    profile = client.get(f"/panel/members/{stay.member_id}").text
    assert "the last mail came back on" in profile


def test_what_was_not_sent_cant_come_back(site: Site, client: FlaskClient) -> None:
    path = f"/api/v1/mails/{put(site)}/bounces"
    answer = client.post(path, json={"why": "5.1.1"}, headers=asked(site))
    assert (answer.status_code, answer.json["code"]) == (409, "mail_not_sent")  # type: ignore[index]
    nowhere = f"/api/v1/mails/{ids.new()}/bounces"
    assert client.post(nowhere, json={"why": "x"}, headers=asked(site)).status_code == 404
    quoted = client.post(path, json={"why": "550 <ada@example.test>"}, headers=asked(site))
    assert quoted.status_code == 422


def test_staff_let_a_mail_go_again_that_was_perhaps_sent(
    site: Site, client: FlaskClient, post: Post
) -> None:
    post.to_mail = [CLOSES, OK]
    mail_id = put(site, campaign())
    posts(site)
    path = f"/api/v1/mails/{mail_id}/retry"
    assert client.post(path, headers=asked(site, Role.AUDITOR)).status_code == 403
    assert client.post(path, headers=asked(site)).status_code == 204
    assert did(site) == {"sent": 1}
    assert state(site, mail_id).perhaps_twice
    again = client.post(path, headers=asked(site))
    assert (again.status_code, again.json["code"]) == (409, "mail_on_its_way")  # type: ignore[index]


def test_metrics_tell_how_the_post_stands(site: Site, client: FlaskClient, post: Post) -> None:
    post.to_recipient = ["450 4.2.0 Later"]
    put(site)
    did(site)
    put(site, mail("bob@example.test"))
    text = client.get("/metrics").text
    assert "ledger_mails_waiting 2.0" in text
    assert "ledger_mails_failed 1.0" in text
    assert "ledger_mail_server_up 1.0" in text
