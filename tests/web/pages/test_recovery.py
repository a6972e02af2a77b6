"""The mailed link after a failed payment: what it shows, what it pays, when it is used up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger import ids
from ledger.billing.news import Colleague
from ledger.facts import Actor
from ledger.notification import Locale, Recipient
from ledger.payments.gateway import OutcomeUnknown, Payment
from ledger.told import ToldRole
from tests.web.pages.conftest import CARD, MACHINE, Place, cause
from tests.web.pages.owing import DECLINED_LATER, Owing, owing

FIVES = {**CARD, "card_number": "5555 5555 5555 4444"}


def test_the_letter_says_why_when_and_how_in_the_members_language(place: Place) -> None:  # DU2
    ada = owing(place)
    assert ada.tell() == 1
    letter = ada.letter()
    assert letter.subject == "Membership ledger: your payment for Gold needs you"
    for said in (
        "€12.00 for Gold, due on 22 December 2026",
        "Your bank wants you to confirm this payment yourself.",
        "You have access until 1 January 2027.",
    ):
        assert said in letter.text
        assert said in letter.html
    assert ada.link().startswith("/pay?token=")


def test_a_french_member_is_told_in_french_and_when_it_is_tried_again(place: Place) -> None:
    ada = owing(place, DECLINED_LATER, lang="fr")
    ada.tell()
    letter = ada.letter()
    plain = letter.text.replace("\u202f", " ").replace("\xa0", " ")
    assert (letter.locale, letter.subject) == (
        "fr",
        "Membership ledger\u00a0: le paiement du forfait Gold a échoué",
    )
    assert "12,00 € pour Gold, dus le 22 décembre 2026" in plain
    assert "Nous réessaierons le 27 décembre 2026." in plain


@pytest.mark.parametrize(
    ("locale", "subject", "said"),
    [
        (
            "en",
            "Membership ledger: a payment of Ada Lovelace failed",
            "€12.00 for Gold, due on 22 December 2026, could not be charged to Ada Lovelace:"
            " their bank wants them to confirm it.",
        ),
        (
            "fr",
            "Membership ledger\u00a0: un paiement a échoué (Ada Lovelace)",
            "12,00 € pour Gold, dus le 22 décembre 2026, n’ont pas pu être prélevés auprès du"
            " membre Ada Lovelace : sa banque souhaite une confirmation.",
        ),
    ],
    ids=["en", "fr"],
)
def test_those_who_run_the_site_are_told_in_their_language(  # DU2
    place: Place, locale: Locale, subject: str, said: str
) -> None:
    ada = owing(place)
    place.staff("store_manager")
    staff = staff_of(place, "store_manager", locale)
    assert ada.tell([staff]) == 2
    [kept] = place.parts.desk.mailbox.recent(to="store_manager@example.org")
    assert kept.mail.subject == subject
    assert said in kept.mail.text.replace("\u202f", " ").replace("\xa0", " ")
    [link] = kept.mail.links.values()
    assert link.endswith(f"/panel/members/{ada.member_id}")


def test_whoever_left_the_staff_is_not_told(place: Place) -> None:
    ada = owing(place)
    place.staff("store_manager")
    staff = staff_of(place, "store_manager", "en")
    place.parts.ledger.remove_contributor(staff.recipient.id, by=MACHINE, cause=cause())
    assert ada.tell([staff]) == 1


def test_a_notice_that_breaks_keeps_no_other_waiting(place: Place) -> None:
    ada = owing(place)
    nobody = Recipient(kind="contributor", id=ids.new(), role="owner")
    sent = ada.send([Colleague(nobody, "en")])
    assert (sent.letters, [one.code for one in sent.broken]) == (1, ["not_found"])


def test_one_failure_is_told_once_whatever_breaks_in_between(  # part of NO2
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = owing(place)
    with monkeypatch.context() as broken:
        broken.setattr(place.parts.ledger, "record_notice_sent", lambda *_, **__: 1 // 0)
        assert [one.code for one in ada.send().broken] == ["ZeroDivisionError"]
    link = ada.link()
    assert [ada.tell(), ada.tell()] == [1, 0]
    assert (
        len([kept for kept in place.parts.desk.mailbox.recent() if "Gold" in kept.mail.subject])
        == 1
    )
    assert ada.link() == link
    place.stranger().get(link)


def test_a_failure_that_the_member_saw_is_not_told_again(place: Place) -> None:  # DU2
    ada = owing(place)
    assert ada.tell() == 1
    browser = place.stranger()
    poor = {**CARD, "card_number": "4000 0000 0000 9995"}
    browser.send(browser.get(ada.link()), ada.link(), poor, status=422)
    assert ada.tell() == 0


def test_a_charge_that_finds_no_card_is_told_too(place: Place) -> None:  # DU3
    member_id = place.member(place.plan())
    by = Actor(kind="member", id=member_id)
    place.parts.collection.methods.remove(member_id, by=by, cause=cause())
    place.clock.advance(timedelta(days=30))
    [membership_id] = place.parts.ledger.member(member_id).memberships
    place.parts.collection.charge_due(member_id, membership_id, cause=cause())
    ada = Owing(place, member_id, membership_id)
    assert [ada.tell(), ada.tell()] == [1, 0]
    assert "No card is saved." in ada.letter().text
    browser = place.stranger()
    paid = browser.send(browser.get(ada.link()), ada.link(), CARD)
    assert paid.headings == ["This is paid"]


def test_a_card_that_the_company_no_longer_keeps_is_told_to_member_and_staff(  # DU3
    place: Place,
) -> None:
    member_id = place.member(place.plan())
    method = place.parts.ledger.member(member_id).method
    assert method is not None
    place.parts.sandbox.detach_method(method_id=method.method_id)
    place.clock.advance(timedelta(days=30))
    [membership_id] = place.parts.ledger.member(member_id).memberships
    place.parts.collection.charge_due(member_id, membership_id, cause=cause())
    place.staff("store_manager")
    ada = Owing(place, member_id, membership_id)
    ada.tell([staff_of(place, "store_manager", "en")])
    [told] = place.parts.desk.mailbox.recent(to="store_manager@example.org")
    assert "the payment company no longer keeps the card" in told.mail.text
    assert "The payment company no longer keeps the saved card." in ada.letter().text
    browser = place.stranger()
    paid = browser.send(browser.get(ada.link()), ada.link(), CARD)
    assert paid.headings == ["This is paid"]


def test_what_was_paid_meanwhile_is_not_told(place: Place) -> None:
    ada = owing(place, DECLINED_LATER)
    browser = place.as_member(ada.member_id)
    browser.send(browser.get(f"/account/memberships/{ada.membership_id}/pay"), "", CARD)
    assert ada.tell() == 0


def test_the_link_pays_with_the_saved_card_once_the_bank_approves(place: Place) -> None:  # DU3
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    page = browser.get(ada.link())
    assert page.headings == ["Pay what is due"]
    assert "Pay €12.00 with Visa ending in 3184" in page.words
    bank = browser.send(page, ada.link(), saved="yes")
    assert bank.headings == ["Confirm the payment"]
    paid = browser.send(bank, ada.bank, approve="yes")
    assert paid.headings == ["This is paid"]
    assert "The next payment, €12.00, is on 22 Jan 2027." in paid.words
    assert ada.stay.billing == "current"


def test_a_refusal_of_the_bank_leaves_it_due_and_may_be_tried_again(place: Place) -> None:
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    bank = browser.send(browser.get(ada.link()), ada.link(), saved="yes")
    refused = browser.send(bank, ada.bank, status=422, refuse="yes")
    assert "The payment was not confirmed with the bank." in refused.words
    assert "€12.00 for Gold is still due; you have access until 1 Jan 2027." in refused.words
    again = browser.send(browser.get(ada.link()), ada.link(), saved="yes")
    assert browser.send(again, ada.bank, approve="yes").headings == ["This is paid"]


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_whoever_is_asked_by_their_bank_may_use_another_card_instead(  # DU3
    place: Place, lang: Locale
) -> None:
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    bank = browser.send(browser.get(ada.link(), lang), ada.link(), saved="yes")
    assert {"en": "Use another card", "fr": "Utiliser une autre carte"}[lang] in bank.words
    [way_out] = [link for link in bank.links if "another" in link]
    page = browser.get(way_out, lang)
    assert {"en": "It is called off before", "fr": "Il est annulé avant"}[lang] in page.words
    paid = browser.send(page, ada.link(), FIVES)
    assert paid.headings == [{"en": "This is paid", "fr": "C’est payé"}[lang]]
    ada.banks_approve()
    assert ada.taken() == [1200, 1200]


def test_the_payment_that_comes_through_while_another_card_is_typed_counts_alone(  # part of OR1
    place: Place,
) -> None:
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    browser.send(browser.get(ada.link()), ada.link(), saved="yes")
    page = browser.get(f"{ada.link()}&another=yes")
    ada.banks_approve()
    assert browser.send(page, ada.link(), FIVES).headings == ["This is paid"]
    ada.banks_approve()
    assert ada.taken() == [1200, 1200]
    method = place.parts.ledger.member(ada.member_id).method
    assert method is not None
    assert method.last_four == "3184"


def test_a_company_that_does_not_confirm_the_end_of_the_first_payment_takes_no_second(  # OR1
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    browser.send(browser.get(ada.link()), ada.link(), saved="yes")
    page = browser.get(f"{ada.link()}&another=yes")
    with monkeypatch.context() as silent:
        silent.setattr(place.parts.sandbox, "close_onsession", unanswered)
        refused = browser.send(page, ada.link(), FIVES, status=422)
    assert "The payment company doesn't answer just now" in refused.words
    assert ada.taken() == [1200]
    assert browser.send(refused, ada.link(), FIVES).headings == ["This is paid"]
    assert ada.taken() == [1200, 1200]


def unanswered(**_: str) -> Payment:
    """A call that the payment company does not answer."""
    raise OutcomeUnknown(key="closing")


def test_the_link_pays_with_another_card_which_is_saved(place: Place) -> None:  # DU3
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    paid = browser.send(browser.get(ada.link()), ada.link(), FIVES)
    assert paid.headings == ["This is paid"]
    method = place.parts.ledger.member(ada.member_id).method
    assert method is not None
    assert method.last_four == "4444"


def test_a_new_card_pays_all_else_that_is_due_too(place: Place) -> None:  # DU3
    ada = owing(place, DECLINED_LATER, plans=("Gold", "Silver"))
    ada.tell()
    browser = place.stranger()
    browser.send(browser.get(ada.link()), ada.link(), CARD)
    stays = place.parts.ledger.member(ada.member_id).memberships.values()
    assert [stay.billing for stay in stays] == ["current", "current"]


def test_a_declined_card_says_so_beside_what_is_still_due(place: Place) -> None:
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    poor = {**CARD, "card_number": "4000 0000 0000 9995"}
    declined = browser.send(browser.get(ada.link()), ada.link(), poor, status=422)
    assert "not enough money" in declined.words
    assert "is still due" in declined.words
    empty = browser.send(declined, ada.link(), status=422)
    assert "Please fill this in." in empty.words


def test_the_page_shows_the_least_that_is_needed_and_is_kept_nowhere(place: Place) -> None:
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    page = browser.get(ada.link())
    for hidden in ("Ada", "Lovelace", "ada@example.org"):
        assert hidden not in page.words
    assert browser.answer is not None
    assert browser.answer.headers["Cache-Control"] == "no-store"
    assert browser.get("/account").headings == ["Sign in"]


@pytest.mark.parametrize("lang", ["en", "fr"])
def test_a_link_that_is_too_old_or_wrong_says_what_to_do(place: Place, lang: str) -> None:
    ada = owing(place)
    ada.tell()
    place.clock.advance(timedelta(days=21))
    for path in (ada.link(), "/pay?token=nothing", "/pay", "/pay/confirm?token=x"):
        page = place.stranger().get(path, lang, status=410)
        assert "/account" in page.links
        said = {"en": "sign in, and pay", "fr": "connectez-vous et payez"}[lang]
        assert said in page.words


def test_a_newer_letter_ends_the_link_of_the_older(place: Place) -> None:
    ada = owing(place, DECLINED_LATER)
    ada.tell()
    older = ada.link()
    place.clock.advance(timedelta(days=5))
    place.parts.collection.charge_due(ada.member_id, ada.membership_id, cause=cause())
    ada.tell()
    assert ada.link() != older
    place.stranger().get(older, status=410)
    place.stranger().get(ada.link())


def test_a_used_link_pays_nothing_more(place: Place) -> None:
    ada = owing(place)
    ada.tell()
    browser = place.stranger()
    page, slow = browser.get(ada.link()), browser.get(ada.link())
    browser.send(page, ada.link(), CARD)
    moved = place.parts.ledger.order(ada.order_id).paid
    late = browser.send(slow, ada.link(), CARD)
    assert late.headings == ["This is paid"]
    assert place.parts.ledger.order(ada.order_id).paid == moved


def test_after_a_removal_the_link_takes_no_money(place: Place) -> None:  # part of AX2
    ada = owing(place)
    ada.tell()
    page = (browser := place.stranger()).get(ada.link())
    place.parts.ledger.remove_memberships(
        ada.member_id, [ada.membership_id], "rude", by=MACHINE, cause=cause()
    )
    over = browser.send(page, ada.link(), CARD)
    assert over.headings == ["There is nothing to pay"]
    assert "ended on" in over.words


def test_a_link_for_one_thing_does_no_other(place: Place) -> None:
    ada = owing(place)
    ada.tell()
    token = ada.link().partition("token=")[2]
    place.stranger().get(f"/password/reset?token={token}", status=410)


def staff_of(place: Place, role: ToldRole, locale: Locale) -> Colleague:
    """One of the staff, and the language in which they are told."""
    contributor_id = place.parts.ledger.contributor_by_email(f"{role}@example.org")
    assert contributor_id is not None
    return Colleague(Recipient(kind="contributor", id=contributor_id, role=role), locale)
