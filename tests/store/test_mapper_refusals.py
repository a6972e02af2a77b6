"""Stored facts that were altered, are malformed or have an older shape."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ledger.facts import ERASED
from ledger.store.mapper import FactMapper, FactUnreadable, SealBroken
from ledger.store.records import StoredFact
from ledger.store.vault import Vault
from tests.store.sealed_facts import (
    ANNA,
    BRUNO,
    GREETED,
    NOON,
    OTHER_STREAM,
    PAID,
    STREAM,
    Greeted,
    Moved,
    MovedAtFirst,
    fact,
    with_state,
)

# --- altered ------------------------------------------------------------------------------


def flipped(sealed: dict[str, str], place: int) -> dict[str, str]:
    altered = bytearray(b64decode(sealed["sealed"]))
    altered[place] ^= 1
    return {"sealed": b64encode(altered).decode()}


@pytest.mark.parametrize("place", [0, 11, 12, -17, -16, -1])
def test_one_altered_bit_breaks_the_seal(
    saved: Callable[..., StoredFact], mapper: FactMapper, place: int
) -> None:
    stored = saved(GREETED)
    sealed = json.loads(stored.state)["email"]
    with pytest.raises(SealBroken, match=r"Fact 1 .*greeted.* seal of email"):
        mapper.to_domain_event(with_state(stored, email=flipped(sealed, place)))


@pytest.mark.parametrize("words", ["", "AAAA", "?", "é", None, 7])
def test_what_is_no_ciphertext_breaks_the_seal(
    saved: Callable[..., StoredFact], mapper: FactMapper, words: object
) -> None:
    with pytest.raises(SealBroken):
        mapper.to_domain_event(with_state(saved(GREETED), email={"sealed": words}))


def test_fields_of_a_fact_cant_change_places(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    stored = saved(GREETED)
    state = json.loads(stored.state)
    with pytest.raises(SealBroken):
        mapper.to_domain_event(with_state(stored, email=state["name"], name=state["email"]))


@pytest.mark.parametrize(
    "elsewhere",
    [{"originator_version": 2}, {"originator_id": OTHER_STREAM}, {"subject_id": None}],
)
def test_a_sealed_fact_stays_in_its_place(
    saved: Callable[..., StoredFact], mapper: FactMapper, elsewhere: dict[str, Any]
) -> None:
    with pytest.raises(SealBroken):
        mapper.to_domain_event(replace(saved(GREETED), **elsewhere))


def test_a_person_isnt_erased_by_another_name_in_the_column(
    saved: Callable[..., StoredFact], mapper: FactMapper, vault: Vault
) -> None:
    stored = saved(GREETED)
    vault.destroy(BRUNO)
    with pytest.raises(SealBroken):
        mapper.to_domain_event(replace(stored, subject_id=BRUNO))


def test_plain_words_are_no_substitute_for_sealed_ones(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    stored = saved(GREETED)
    with pytest.raises(SealBroken):
        mapper.to_domain_event(with_state(stored, email="forged@example.org"))
    with pytest.raises(SealBroken):
        mapper.to_domain_event(
            with_state(stored, email="forged@example.org", name=None, address=None)
        )


# --- malformed ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "state",
    [b"", b"{}", b"null", b"[1]", b"\xff}", b'{"a":1}', b'{"sealed":"', b'[{"sealed":""}]'],
)
def test_a_malformed_state_says_which_fact_it_is(mapper: FactMapper, state: bytes) -> None:
    stored = StoredFact(STREAM, 7, Greeted.TOPIC, state, ANNA, NOON)
    with pytest.raises(FactUnreadable, match=rf"Fact 7 of stream {STREAM} \({Greeted.TOPIC}\)"):
        mapper.to_domain_event(stored)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": {"minor": "1200", "currency": "EUR"}}, "amount.minor is int_type"),
        ({"amount": {"minor": 1, "currency": "DOUBLOON"}}, "unknown_currency"),
        ({"surplus": 1}, "surplus is extra_forbidden"),
        ({"occurred_at": "2024-05-01T12:00:00+02:00"}, "occurred_at is timezone_offset"),
        ({"schema": 2}, "schema is extra_forbidden"),
    ],
)
def test_what_is_read_is_validated(
    saved: Callable[..., StoredFact], mapper: FactMapper, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(FactUnreadable, match=why):
        mapper.to_domain_event(with_state(saved(PAID), **changes))


def test_a_complaint_doesnt_quote_what_is_personal(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    stored = with_state(saved(GREETED), email={"secret": "anna@example.org"})
    with pytest.raises(FactUnreadable) as refusal:
        mapper.to_domain_event(stored)
    assert "anna" not in str(refusal.value)
    assert refusal.value.__suppress_context__


def test_the_address_is_that_of_the_columns(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    stored = with_state(saved(PAID), originator_id=str(OTHER_STREAM), originator_version=9)
    assert mapper.to_domain_event(stored) == PAID


def test_an_unknown_kind_of_fact_is_named(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    with pytest.raises(FactUnreadable, match=r"os:system.*no such kind"):
        mapper.to_domain_event(replace(saved(PAID), topic="os:system"))


# --- older shapes -------------------------------------------------------------------------


def test_the_version_of_a_shape_stands_in_the_state(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    moved = fact(Moved, town="Lyon", currency="CHF")
    stored = saved(moved)
    assert json.loads(stored.state)["schema"] == 3
    assert mapper.to_domain_event(stored) == moved


@pytest.mark.parametrize("town", ["Lyon", None])
def test_an_old_shape_is_brought_up_to_date(
    saved: Callable[..., StoredFact], mapper: FactMapper, town: str | None
) -> None:
    stored = replace(saved(fact(MovedAtFirst, where=town)), topic=Moved.TOPIC)
    assert mapper.to_domain_event(stored) == fact(Moved, town=town, currency="EUR")


def test_an_old_shape_of_an_erased_person_is_brought_up_to_date(
    saved: Callable[..., StoredFact], mapper: FactMapper, vault: Vault
) -> None:
    stored = replace(saved(fact(MovedAtFirst, where="Lyon")), topic=Moved.TOPIC)
    vault.destroy(ANNA)
    assert mapper.to_domain_event(stored) == fact(Moved, town=ERASED, currency="EUR")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"schema": 4}, "its schema 4 is not one this ledger knows"),
        ({"schema": "3"}, "its schema '3' is not"),
        ({"schema": 1}, "its schema 1 is not as it was"),
        ({"currency": 7}, "currency is string_type"),
    ],
)
def test_a_shape_that_cant_be_understood_is_refused(
    saved: Callable[..., StoredFact], mapper: FactMapper, changes: dict[str, Any], why: str
) -> None:
    stored = saved(fact(Moved, town=None, currency="CHF"))
    with pytest.raises(FactUnreadable, match=why):
        mapper.to_domain_event(with_state(stored, **changes))
