"""Texts: what people may call themselves, and what would deceive a reader."""

from __future__ import annotations

import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import texts
from ledger.errors import (
    EmailMalformed,
    NameMissing,
    NoteMalformed,
    ReasonMalformed,
    TagMalformed,
    TextMalformed,
)

NAMES = [
    "Anne",
    "Zoë Müller-Łukaszewicz",
    "Ng",
    "李小龙",
    "महेंद्र",
    "علی\u200cرضا",  # Persian, with a non-joiner
    "ක්\u200dරිෂ්",  # Sinhala, with a joiner
    "The 👨\u200d👩\u200d👧 family",
    "Team 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "O'Neill, 3rd",
    "Robert'); DROP TABLE members;--",
    "<b>Anne</b>",
    "💛",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_stay_as_people_write_them(name: str) -> None:  # AC1
    assert texts.person_name(name) == unicodedata.normalize("NFC", name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "   ",
        "\u200b",
        "\u3164",  # a letter that shows nothing
        "\u2800\u2800",
        "\u0301",  # a mark on nothing
        "An\0ne",
        "Anne\u202eenaj",  # read from right to left from here on
        "\u2066Anne",
        "Anne\u200f",
        "\u200dAnne",
        "Anne\u200c",
        "An\u200d\u200dne",
        "An\u200bne",
        "Anne\x1b[31m",
        "Anne\ud800",
        "Anne\ue000",
        "Anne\uffff",
        "Anne\U000e0067",
        "x" * 201,
    ],
)
def test_a_name_can_be_seen_and_does_not_deceive(name: str) -> None:  # AC1
    with pytest.raises(NameMissing):
        texts.person_name(name)


def test_a_name_is_on_one_line() -> None:
    assert texts.person_name("  Anne \n\t de\u2028Bourgh\u00a0 ") == "Anne de Bourgh"


def test_two_spellings_of_a_letter_are_one() -> None:
    assert texts.person_name("Zoe\u0308") == texts.person_name("Zoë")


@pytest.mark.parametrize("length", [200, 201])
def test_a_name_is_measured_in_characters_as_composed(length: int) -> None:
    decomposed = "e\u0301" * length
    if length == 200:
        assert len(texts.person_name(decomposed)) == 200
    else:
        with pytest.raises(NameMissing):
            texts.person_name(decomposed)


def test_a_huge_text_is_refused_at_once() -> None:
    marks = "\u0315\u0300" * 40_000  # composing sorts these
    before = time.monotonic()
    with pytest.raises(NameMissing):
        texts.person_name("a" + marks)
    assert time.monotonic() - before < 1


@pytest.mark.parametrize(
    "address",
    [
        "anne@example.org",
        "a.b+c@sub.example.co",
        "jürgen@straße.example",
        "用户@例子.广告",
        "a'b@x.fr",
    ],
)
def test_addresses_are_kept_as_typed(address: str) -> None:
    assert texts.email(f" {address}\n") == address


@pytest.mark.parametrize(
    "address",
    [
        "",
        "anne",
        "anne@",
        "@example.org",
        "anne@localhost",
        "anne@example..org",
        "anne@.org",
        "anne@example.o",
        "anne@@example.org",
        "anne@example.org, eve@example.org",
        "anne@example.org\nBcc: eve@example.org",
        "Anne <anne@example.org>",
        "an ne@example.org",
        "an\0ne@example.org",
        "an\u200dne@example.org",
        "an\u202ene@example.org",
        "an\u00adne@example.org",
        f"{'a' * 250}@example.org",
    ],
)
def test_what_is_no_address_is_refused(address: str) -> None:  # AC1
    with pytest.raises(EmailMalformed):
        texts.email(address)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anne@Example.ORG", "anne@example.org"),
        ("ANNE@STRASSE.DE", "anne@straße.de"),
        ("zoe\u0308@x.org", "zoë@x.org"),
        ("ａｎｎｅ@x.org", "anne@x.org"),
        ("ΣΊΣΥΦΟΣ@x.gr", "σίσυφος@x.gr"),
        ("ﬁne@x.org", "fine@x.org"),
    ],
)
def test_spellings_of_one_address_are_one(one: str, other: str) -> None:  # part of AC5
    assert texts.comparable_email(one) == texts.comparable_email(other)


@given(st.text(max_size=30))
def test_comparing_twice_changes_nothing(address: str) -> None:  # part of AC5
    once = texts.comparable_email(address)
    assert texts.comparable_email(once) == once
    assert texts.comparable_email(address.casefold()) == once


def test_a_note_keeps_its_lines() -> None:  # part of AC9
    assert texts.note(" Called.\r\n\tWill pay on Monday.\rBye ") == (
        "Called.\n\tWill pay on Monday.\nBye"
    )


@pytest.mark.parametrize("text", ["", " \n ", "x" * 10_001, "a\0b", "a\u202eb"])
def test_a_note_says_something(text: str) -> None:
    with pytest.raises(NoteMalformed):
        texts.note(text)


@pytest.mark.parametrize("text", ["", " \n ", "x" * 501, "a\0b", "a\u202eb"])
def test_a_reason_says_something(text: str) -> None:
    with pytest.raises(ReasonMalformed):
        texts.reason(text)


@pytest.mark.parametrize("text", ["", " ", "x" * 51, "a\0b", "\u3164"])
def test_a_tag_says_something(text: str) -> None:
    with pytest.raises(TagMalformed):
        texts.tag(text)


@pytest.mark.parametrize("text", ["", "x" * 201, "a\u2067b"])
def test_a_title_says_something(text: str) -> None:
    with pytest.raises(TextMalformed, match="The name has 1 to 200 visible characters"):
        texts.one_line(text=text, field="name")


def test_a_description_may_be_empty() -> None:
    assert texts.description("  ") == ""


@pytest.mark.parametrize("text", ["x" * 10_001, "a\u202eb", "\u3164"])
def test_a_description_does_not_deceive(text: str) -> None:
    with pytest.raises(TextMalformed):
        texts.description(text)


@given(st.text(max_size=300))
def test_any_text_is_a_name_or_refused(text: str) -> None:
    try:
        name = texts.person_name(text)
    except NameMissing:
        return
    assert texts.person_name(name) == name
    assert "\n" not in name
