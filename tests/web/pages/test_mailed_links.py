"""Where the links of mails lead: stopping a renewal, and the first password of a contributor."""

from __future__ import annotations

from tests.web.pages.conftest import FREE, MACHINE, PASSWORD, Place, cause


def mailed(place: Place, email: str) -> str:
    """The path of the link in the latest mail to an address."""
    [url] = place.parts.desk.mailbox.recent(to=email)[0].mail.links.values()
    return "/" + url.split("/", 3)[3]


def test_the_removal_page_mails_a_link_by_which_the_member_stops_the_renewal(
    place: Place,
) -> None:  # AX2
    gold, letter = place.plan(), place.plan("Letter", FREE)
    member_id = place.member(gold)
    place.join(member_id, letter)
    staff, path = place.staff(), f"/panel/members/{member_id}/remove"
    page = staff.get(path)
    assert "Mail the link for Gold: access until 22 Dec 2026" in page.words
    assert "Mail the link for Letter" not in page.words
    sent = staff.send(page, f"{path}/link")
    assert "The link is on its way to ada@example.org." in sent.words
    link, person = mailed(place, "ada@example.org"), place.stranger()
    page = person.get(link)
    assert "You keep access until 22 Dec 2026." in page.words
    stays = place.parts.ledger.member(member_id).memberships.values()
    assert [stay.cancelled_at for stay in stays] == [None, None]  # opened, not pressed
    done = person.send(person.get(link, "fr"), page.path)
    assert done.headings == ["Le renouvellement du forfait Gold est arrêté"]
    stays = place.parts.ledger.member(member_id).memberships.values()
    gone = next(stay for stay in stays if stay.plan_id == gold)
    assert gone.cancelled_at
    assert gone.covers(place.clock.now())
    assert "no longer works" in person.get(link, status=410).words
    assert "Mail the link" not in staff.get(path).words


def test_a_link_for_what_has_ended_says_why_it_stops_nothing(place: Place) -> None:
    member_id = place.member(place.plan())
    staff, path = place.staff(), f"/panel/members/{member_id}/remove"
    staff.send(staff.get(path), f"{path}/link")
    link, person = mailed(place, "ada@example.org"), place.stranger()
    page = person.get(link)
    [stay] = place.parts.ledger.member(member_id).memberships.values()
    place.parts.ledger.remove_memberships(
        member_id, [stay.membership_id], "asked us to", by=MACHINE, cause=cause()
    )
    refused = person.send(page, page.path, status=422)
    assert refused.headings == ["That did not work"]


def test_who_is_invited_chooses_a_password_and_is_in(place: Place) -> None:
    owner = place.staff()
    owner.send(
        owner.get("/panel/team"),
        "",
        email="zoe@example.org",
        name="Zoë",
        roles=["store_manager"],
        locale="fr",
    )
    link, zoe = mailed(place, "zoe@example.org"), place.stranger()
    page = zoe.get(link, "fr")
    assert "Nom Zoë E-mail zoe@example.org" in page.words
    short = zoe.send(page, page.path, password="short", status=422)
    assert "Un mot de passe compte de 10 à 200 caractères." in short.words
    home = zoe.send(short, page.path, password=PASSWORD)
    assert home.lang == "fr"
    assert "Votre mot de passe est choisi." in home.words
    assert "/panel/members" in home.links
    assert "no longer works" in place.stranger().get(link, status=410).words
    again = place.stranger()
    form = again.get("/team/sign-in")
    inside = again.send(form, "/team/sign-in", email="zoe@example.org", password=PASSWORD)
    assert "/panel/members" in inside.links
