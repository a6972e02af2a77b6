"""Accounts by HTTP: what is asked is answered alike, links work once, mails land (AC10)."""

from __future__ import annotations

from uuid import UUID

from werkzeug.test import TestResponse

from ledger.facts import Actor
from tests.web.api.conftest import PASSWORD, House

ADA = {"email": "ada@example.org", "name": "Ada Lovelace"}


def refused(answer: TestResponse) -> str:
    """The code of a refusal."""
    assert answer.json
    return str(answer.json["code"])


def test_signing_up_answers_alike_whoever_has_an_account(house: House) -> None:  # AC10, AC2
    house.sign_up()
    before = house.facts()
    known = house.stranger().ask("POST", "/sign-ups", json=ADA)
    unknown = house.stranger().ask("POST", "/sign-ups", json={**ADA, "email": "grace@example.org"})
    assert (known.status_code, known.json) == (unknown.status_code, unknown.json)
    assert known.status_code == 202
    assert {*known.headers} == {*unknown.headers}
    assert house.facts() == before
    assert (
        "already have an account"
        in house.parts.desk.mailbox.recent(to=ADA["email"])[0].mail.subject
    )


def test_asking_for_a_password_answers_alike(house: House) -> None:  # part of AC10
    house.sign_up()
    asked = [
        house.stranger().ask("POST", "/password-resets", json={"email": email})
        for email in ("ada@example.org", "nobody@example.org")
    ]
    assert asked[0].json == asked[1].json
    assert [answer.status_code for answer in asked] == [202, 202]


def test_whoever_reads_the_mail_chooses_the_password(house: House) -> None:  # part of AC10
    attacker, victim = house.stranger(), house.stranger()
    attacker.post("/sign-ups", ADA)
    token = house.token_for("ada@example.org")
    made = victim.ask("POST", "/sign-ups/finish", json={"token": token, "password": PASSWORD})
    assert made.status_code == 201
    topics = [fact.TOPIC for fact in house.parts.ledger.facts_of(victim_id(house))]
    assert topics == ["member.account_opened", "member.email_verified"]
    signed = house.stranger().ask(
        "POST", "/sessions", json={"email": "ADA@example.org", "password": PASSWORD}
    )
    assert signed.status_code == 201
    assert "HttpOnly" in signed.headers["Set-Cookie"]


def victim_id(house: House) -> UUID:
    """Ada's account."""
    found = house.parts.ledger.member_by_email("ada@example.org")
    assert found is not None
    return found


def test_a_link_works_once(house: House) -> None:  # part of AC10
    house.stranger().post("/sign-ups", ADA)
    body = {"token": house.token_for("ada@example.org"), "password": PASSWORD}
    assert house.stranger().ask("POST", "/sign-ups/finish", json=body).status_code == 201
    again = house.stranger().ask("POST", "/sign-ups/finish", json=body)
    assert (again.status_code, refused(again)) == (410, "link_unusable")


def test_an_unfit_password_spends_no_link(house: House) -> None:
    house.stranger().post("/sign-ups", ADA)
    token = house.token_for("ada@example.org")
    short = house.stranger().ask(
        "POST", "/sign-ups/finish", json={"token": token, "password": "short"}
    )
    assert (short.status_code, refused(short)) == (422, "password_unfit")
    body = {"token": token, "password": PASSWORD}
    assert house.stranger().ask("POST", "/sign-ups/finish", json=body).status_code == 201


def test_a_changed_address_waits_for_its_link_and_the_old_one_is_told(  # AC10, AC8
    house: House,
) -> None:
    person = house.sign_up()
    person.post("/account/email-changes", {"email": "new@example.org", "password": PASSWORD})
    assert person.get("/account")["email"] == "ada@example.org"
    told = house.parts.desk.mailbox.recent(to="ada@example.org")[0].mail
    assert "about to change" in told.subject
    person.post("/email-changes/finish", {"token": house.token_for("new@example.org")})
    account = person.get("/account")
    assert (account["email"], account["verified"]) == ("new@example.org", True)
    for email, status in (("ada@example.org", 401), ("new@example.org", 201)):
        said = {"email": email, "password": PASSWORD}
        assert house.stranger().ask("POST", "/sessions", json=said).status_code == status


def test_mails_are_in_the_person_s_language(house: House) -> None:
    house.stranger().post("/sign-ups", {**ADA, "locale": "fr"})
    mail = house.parts.desk.mailbox.recent(to="ada@example.org")[0].mail
    assert "confirmez votre adresse" in mail.subject
    assert "<p>" in mail.html


def test_signing_out_ends_the_session_here(house: House) -> None:
    person = house.sign_up()
    cookie = person.flask.get_cookie("session")
    assert cookie is not None
    person.delete("/session")
    thief = house.stranger()
    thief.flask.set_cookie("session", cookie.value)
    assert thief.ask("GET", "/account").status_code == 401


def test_a_new_password_ends_the_other_sessions(house: House) -> None:
    person, other = house.sign_up(), house.stranger()
    other.post("/sessions", {"email": "ada@example.org", "password": PASSWORD})
    change = {"current_password": PASSWORD, "password": "another horse battery"}
    person.put("/account/password", change)
    assert person.ask("GET", "/account").status_code == 200
    assert other.ask("GET", "/account").status_code == 401
    wrong = person.ask("PUT", "/account/password", json=change)
    assert refused(wrong) == "password_wrong"


def test_a_forgotten_password_is_replaced_by_a_link(house: House) -> None:  # part of AC10
    house.sign_up()
    house.stranger().post("/password-resets", {"email": "ada@example.org"})
    body = {"token": house.token_for("ada@example.org"), "password": "a third horse battery"}
    house.stranger().post("/password-resets/finish", body)
    said = {"email": "ada@example.org", "password": "a third horse battery"}
    house.stranger().post("/sessions", said)
    old = {**said, "password": PASSWORD}
    assert house.stranger().ask("POST", "/sessions", json=old).status_code == 401


def test_a_person_changes_their_name_and_language(house: House) -> None:  # part of AC8
    person = house.sign_up()
    person.put("/account/name", {"name": "Ada King"})
    person.put("/account/locale", {"locale": "fr"})
    account = person.get("/account")
    assert (account["name"], account["locale"]) == ("Ada King", "fr")


def test_staff_close_only_an_account_without_history(house: House) -> None:  # AC4, AC3
    person, owner = house.sign_up(), house.as_staff("owner")
    member_id = person.get("/account")["member_id"]
    owner.post(f"/members/{member_id}/close", {"reason": "a second account"})
    assert person.ask("GET", "/account").status_code == 401
    again = house.sign_up().get("/account")["member_id"]
    assert again != member_id


def test_the_facts_say_that_the_person_did_it(house: House) -> None:  # part of AC1
    member_id = UUID(house.sign_up().get("/account")["member_id"])
    history = house.parts.queries.history.of_subject(member_id)
    assert {entry.actor for entry in history} == {Actor(kind="member", id=member_id)}
