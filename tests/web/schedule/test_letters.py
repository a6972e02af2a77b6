"""What the letters before a charge say, in both languages; the whole way on the virtual clock."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ledger.member.facts import Locale
from ledger.terms import Terms
from tests.web.schedule.post import (
    DAY,
    dearer,
    due,
    facts_of_notices,
    letter,
    letters,
    reads,
    said,
)
from tests.web.schedule.sites import MACHINE, MASTERCARD, VISA, Site, Stay, cause, eur, every

YEARLY = every("year")


def reminded(stay: Stay) -> None:
    """Seven days before they are charged the jobs let them know."""
    stay.site.clock.advance_to(due(stay) - 7 * DAY)
    stay.site.run("reminders")
    assert stay.site.run("letters") == {"sent": 1}


def told_of_price(stay: Stay) -> None:
    """Thirty days before they are charged another price the jobs let them know."""
    stay.site.clock.advance_to(due(stay) - 30 * DAY)
    stay.site.run("prices")
    assert stay.site.run("letters") == {"sent": 1}


@pytest.mark.parametrize(
    ("locale", "subject", "tells", "stops"),
    [
        (
            "en",
            "Gold renews on 31 January 2027",
            "your membership in Gold renews on 31 January 2027."
            " We charge €12.00 to your Visa ending in 4242.",
            "Would you rather not go on? Then cancel on your account before 31 January 2027:"
            " nothing is charged then, and you keep access until that day.",
        ),
        (
            "fr",
            "Gold se renouvelle le 31 janvier 2027",
            "votre adhésion à Gold se renouvelle le 31 janvier 2027."
            " Nous prélèverons 12,00\u00a0€ sur votre Visa se terminant par 4242.",
            "Vous préférez arrêter\u202f? Annulez depuis votre compte avant le 31 janvier"
            " 2027\u00a0: rien n’est alors prélevé, et vous gardez l’accès jusqu’à cette date.",
        ),
    ],
)
def test_a_reminder_says_what_is_charged_when_from_which_card_and_how_to_stop(
    site: Site, locale: Locale, subject: str, tells: str, stops: str
) -> None:  # DU8
    stay = site.join(terms=YEARLY)
    reads(stay, locale)
    reminded(stay)
    assert letter(stay).subject.endswith(subject)
    assert said(stay) == [tells, stops]
    assert list(letter(stay).links.values()) == [f"{site.parts.settings.address}/account"]
    assert letter(stay).locale == locale


@pytest.mark.parametrize(
    ("locale", "subject", "tells"),
    [
        (
            "en",
            "your free period of Gold ends on 28 February 2026",
            "your free period of Gold ends on 28 February 2026. Then the first payment falls due."
            " We charge €12.00 to your Mastercard ending in 4444.",
        ),
        (
            "fr",
            "votre période gratuite du forfait Gold prend fin le 28 février 2026",
            "votre période gratuite du forfait Gold prend fin le 28 février 2026. Le premier"
            " paiement arrive alors à échéance. Nous prélèverons 12,00\u00a0€ sur votre Mastercard"
            " se terminant par 4444.",
        ),
    ],
)
def test_who_began_free_reads_that_it_ends_and_what_is_charged_first(
    site: Site, locale: Locale, subject: str, tells: str
) -> None:  # DU8
    site.code("FREE", percent=100)
    stay = site.join(MASTERCARD, code="FREE")
    reads(stay, locale)
    reminded(stay)
    assert letter(stay).subject.endswith(subject)
    assert said(stay)[0] == tells


def test_every_long_period_has_one_letter_and_a_short_one_has_none(site: Site) -> None:  # DU8
    stay, monthly = site.join(terms=every("month", 6)), site.join()
    site.live(370, step_hours=48)
    assert [mail.subject.partition(": ")[2] for mail in letters(stay)] == [
        "Gold renews on 31 July 2026",
        "Gold renews on 31 January 2027",
    ]
    assert facts_of_notices(stay, "renewal_reminder") == [["notice.queued", "notice.sent"]] * 2
    assert letters(monthly) == []
    assert stay.now.charge_index == 2


@pytest.mark.parametrize(
    ("locale", "pays"),
    [
        ("en", ["We charge €9.00 to your Visa", "That is the price of €12.00 less your code TEN."]),
        (
            "fr",
            ["9,00\u00a0€ sur votre Visa", "C’est le prix de 12,00\u00a0€ moins votre code TEN."],
        ),
    ],
)
def test_a_reminder_counts_a_code_that_still_applies(
    site: Site, locale: Locale, pays: list[str]
) -> None:  # part of DU8
    site.code("TEN", percent=25, every_payment=True)
    stay = site.join(terms=YEARLY, code="TEN")
    reads(stay, locale)
    reminded(stay)
    assert all(words in said(stay)[0] for words in pays)


def test_a_reminder_leaves_out_a_code_of_the_first_payment(site: Site) -> None:  # part of DU8
    site.code("ONCE", percent=25)
    stay = site.join(terms=YEARLY, code="ONCE")
    reminded(stay)
    assert "We charge €12.00 to" in said(stay)[0]
    assert "ONCE" not in letter(stay).text


@pytest.mark.parametrize(
    ("locale", "nothing"),
    [
        ("en", "Nothing is charged: your code ALL covers the price of €12.00."),
        ("fr", "Rien n’est prélevé\u00a0: votre code ALL couvre le prix de 12,00\u00a0€."),
    ],
)
def test_who_pays_nothing_is_told_so(
    site: Site, locale: Locale, nothing: str
) -> None:  # part of DU8
    site.code("ALL", percent=100, every_payment=True)
    stay = site.join(terms=YEARLY, code="ALL")
    reads(stay, locale)
    reminded(stay)
    assert said(stay)[0].endswith(nothing)
    assert "4242" not in letter(stay).text


@pytest.mark.parametrize(
    ("locale", "asked"),
    [
        ("en", "The amount is €12.00, and no card is saved: save one on your account"),
        ("fr", "Le montant est de 12,00\u00a0€, et aucune carte n’est enregistrée"),
    ],
)
def test_a_reminder_without_a_card_asks_for_one(
    site: Site, locale: Locale, asked: str
) -> None:  # part of DU8
    stay = site.join(terms=YEARLY)
    reads(stay, locale)
    site.parts.ledger.remove_method(stay.member_id, by=stay.person, cause=cause())
    reminded(stay)
    assert asked in said(stay)[0]


@pytest.mark.parametrize(
    ("locale", "tells"),
    [
        ("en", "the next payment for Gold falls due on 31 July 2026. We charge €12.00"),
        ("fr", "le prochain versement pour Gold arrive à échéance le 31 juillet 2026. Nous"),
    ],
)
def test_an_instalment_is_no_renewal_and_can_not_be_cancelled(
    site: Site, locale: Locale, tells: str
) -> None:  # part of DU8
    halves = Terms(model="instalments", amount=eur(1_200), unit="month", every=6, payments=2)
    stay = site.join(terms=halves)
    reads(stay, locale)
    reminded(stay)
    (only,) = said(stay)
    assert only.startswith(tells)


@pytest.mark.parametrize(
    ("locale", "subject", "tells", "stops"),
    [
        (
            "en",
            "the price of Gold changes on 31 January 2027",
            "from your renewal on 31 January 2027, Gold costs €15.00 instead of €12.00."
            " Until then nothing changes.",
            "Then cancel on your account before 31 January 2027: nothing is charged then",
        ),
        (
            "fr",
            "le prix du forfait Gold change le 31 janvier 2027",
            "à partir de votre renouvellement du 31 janvier 2027, Gold coûte 15,00\u00a0€ au lieu"
            " de 12,00\u00a0€. D’ici là, rien ne change.",
            "Annulez depuis votre compte avant le 31 janvier 2027\u00a0: rien n’est alors prélevé",
        ),
    ],
)
def test_a_price_letter_says_the_old_and_the_new_price_from_when_and_how_to_stop(
    site: Site, locale: Locale, subject: str, tells: str, stops: str
) -> None:  # PL4
    stay = site.join(terms=YEARLY)
    reads(stay, locale)
    dearer(stay, site.clock.now() + 100 * DAY, every("year", amount=1_500))
    told_of_price(stay)
    assert letter(stay).subject.endswith(subject)
    assert said(stay)[0] == tells
    assert stops in said(stay)[1]
    assert list(letter(stay).links.values()) == [f"{site.parts.settings.address}/account"]


@pytest.mark.parametrize(
    ("locale", "pays"),
    [
        ("en", "With your code HALF you then pay €7.50."),
        ("fr", "Avec votre code HALF, vous payez alors 7,50\u00a0€."),
    ],
)
def test_a_price_letter_says_what_is_left_to_pay_with_a_code(
    site: Site, locale: Locale, pays: str
) -> None:  # part of PL4
    site.code("HALF", percent=50, every_payment=True)
    stay = site.join(terms=YEARLY, code="HALF")
    reads(stay, locale)
    dearer(stay, site.clock.now() + 100 * DAY, every("year", amount=1_500))
    told_of_price(stay)
    assert said(stay)[0].endswith(pays)


def test_a_member_reads_of_the_price_before_they_are_charged_it_and_once(
    site: Site,
) -> None:  # PL4
    stay = site.join()
    dearer(stay, site.clock.now() + 40 * DAY, every("month", amount=1_500))
    site.live(55, step_hours=24)
    assert "from your renewal on 31 March 2026, Gold costs €15.00" in said(stay)[0]
    assert stay.now.charge_index == 1
    site.live(60, step_hours=24)
    assert facts_of_notices(stay, "price_change") == [["notice.queued", "notice.sent"]]
    assert len(letters(stay)) == 1
    charged = [site.parts.ledger.order(stay.order(index)).placed.amount for index in (1, 2, 3)]
    assert charged == [eur(1_200), eur(1_500), eur(1_500)]


def test_a_reminder_gives_the_price_that_will_be_charged(site: Site) -> None:  # DU8, PL4
    stay = site.join(VISA, terms=YEARLY)
    dearer(stay, site.clock.now() + 100 * DAY, every("year", amount=1_500))
    site.live(364, step_hours=24)
    price, reminder = letters(stay)
    assert "costs €15.00 instead of €12.00" in price.text
    assert "We charge €15.00 to your Visa" in reminder.text


def test_who_began_free_without_a_card_is_asked_for_one(site: Site) -> None:  # DU8
    terms = Terms(
        model="recurring", amount=eur(900), unit="month", every=1, free_start_without_method=True
    )
    plan_id, member_id = site.plan(terms), site.person()
    site.parts.ledger.set_early_access(
        plan_id,
        password_until=None,
        free_until=site.clock.now() + timedelta(days=3),
        by=MACHINE,
        cause=cause(),
    )
    site.try_to_join(member_id, plan_id, None)
    (membership_id,) = site.parts.ledger.member(member_id).memberships
    stay = Stay(member_id, membership_id, plan_id, site)
    reminded(stay)
    assert "The amount is €9.00, and no card is saved" in said(stay)[0]
