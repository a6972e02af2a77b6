"""Both languages are complete; amounts and facts have words."""

from __future__ import annotations

import re
from datetime import date

import pytest
from babel.messages import Catalog
from flask import Flask

import ledger.application
from ledger.facts import fact_classes
from ledger.money import Money
from tests.web.pages.messages import faults, french, texts
from web.pages.panel.timeline import SENTENCES
from web.parts import Parts
from web.wording import languages

FRENCH = {"Cookie": "lang=fr"}
ELSEWHERE = ("contributor.", "plan.", "discount.created", "discount.changed", "discount.ended")
"""Facts that concern no member."""


def test_every_text_of_the_pages_is_said_in_french() -> None:
    assert faults(texts(), french()) == []


def test_a_text_that_lacks_french_is_found() -> None:
    wanted, given = Catalog(locale="fr"), Catalog(locale="fr")
    wanted.add("Hello")
    wanted.add("Bye")
    given.add("Hello", "Bonjour", flags=["fuzzy"])
    given.add("Gone", "Parti")
    assert faults(wanted, given) == [
        "not in French: 'Hello'",
        "not in French: 'Bye'",
        "only guessed in French: 'Hello'",
        "said nowhere: 'Gone'",
    ]


def test_french_keeps_what_is_filled_in() -> None:
    names = re.compile(r"%\(\w+\)s|\{\w+\}")
    for message in french():
        if message.id:
            both = zip(_all(message.id), _all(message.string), strict=True)
            for english, translated in both:
                assert sorted(names.findall(english)) == sorted(names.findall(translated)), english


def test_french_has_no_break_before_its_punctuation() -> None:
    loose = [m.string for m in french() if m.id and re.search(r" [;:?!»]|« ", str(m.string))]
    assert loose == []


def test_every_fact_about_a_member_is_told_in_words() -> None:
    assert ledger.application  # every fact is imported with it
    topics = {fact.TOPIC for fact in fact_classes() if not fact.TOPIC.startswith(ELSEWHERE)}
    of_members = {
        topic
        for topic in topics
        if topic.split(".")[0] in {"member", "order", "discount", "notice"}
    }
    of_entries = {topic for topic in topics if topic in {"list.added", "list.taken_off"}}
    assert of_members | of_entries | {"list.message_sent"} == set(SENTENCES)


@pytest.mark.parametrize(
    ("minor", "currency", "english", "french_text"),
    [
        (1200, "EUR", "€12.00", "12,00 €"),
        (123456789, "EUR", "€1,234,567.89", "1 234 567,89 €"),
        (-5, "EUR", "-€0.05", "-0,05 €"),
        (1200, "JPY", "JP¥1,200", "1 200 JPY"),
        (1500, "KWD", "KWD 1.500", "1,500 KWD"),
    ],
)
def test_amounts_follow_the_reader_and_the_currency(
    app: Flask, minor: int, currency: str, english: str, french_text: str
) -> None:
    with app.test_request_context():
        assert _plain(languages.money(Money(minor, currency))) == english
    with app.test_request_context(headers=FRENCH):
        assert _plain(languages.money(Money(minor, currency))) == french_text


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("12", "EUR", 1200),
        ("12.5", "EUR", 1250),
        ("1 234,56", "EUR", 123456),
        ("1\u202f234,56", "EUR", 123456),
        ("1200", "JPY", 1200),
        ("1.500", "KWD", 1500),
        ("12.345", "EUR", None),
        ("1,200.00", "EUR", None),
        ("12.0", "JPY", None),
        ("-1", "EUR", None),
        (".5", "EUR", None),
        ("5.", "EUR", None),
        ("1e3", "EUR", None),
        ("²", "EUR", None),
    ],
)
def test_typed_amounts_are_read_exactly_or_not_at_all(
    text: str, currency: str, minor: int | None
) -> None:
    read = languages.parse_amount(text, currency)
    assert (read.minor if read else None) == minor


def test_a_typed_amount_is_what_was_proposed(app: Flask, parts: Parts) -> None:
    for headers in ({}, FRENCH):
        with app.test_request_context(headers=headers):
            for amount in (Money(5, "EUR"), Money(120050, "EUR"), Money(7, "JPY")):
                assert (
                    languages.parse_amount(languages.plain_amount(amount), amount.currency)
                    == amount
                )


def _all(text: object) -> list[str]:
    return [str(one) for one in text] if isinstance(text, tuple | list) else [str(text)]


def _plain(text: str) -> str:
    return text.replace("\u202f", " ").replace("\xa0", " ")


def test_none_is_one_in_french_and_many_in_english(app: Flask) -> None:
    counted = {}
    for lang in ("en", "fr"):
        with app.test_request_context(headers={"Cookie": f"lang={lang}"}):
            counted[lang] = [languages.ngettext("%(num)s day", "%(num)s days", n) for n in range(3)]
    assert counted == {
        "en": ["%(num)s days", "%(num)s day", "%(num)s days"],
        "fr": ["%(num)s jour", "%(num)s jour", "%(num)s jours"],
    }


def test_the_first_of_a_month_is_counted_in_order_in_french() -> None:
    first, eleventh = date(2026, 12, 1), date(2026, 12, 11)
    assert languages.day_for("fr", first) == "1er décembre 2026"
    assert languages.day_for("fr", eleventh) == "11 décembre 2026"
    assert languages.day_for("en", first) == "1 December 2026"
