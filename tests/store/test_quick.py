"""Facts read for a fold: what is asked for, as exactly and safely as when they are read whole."""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.facts import ERASED, Fact
from ledger.ids import SITE
from ledger.money import Money
from ledger.store.mapper import FactMapper, FactUnreadable, SealBroken
from ledger.store.quick import FactReader, QuickKind
from ledger.store.records import FactRecord, StoredFact
from ledger.store.vault import KeyMissing, Vault
from tests.store.memory_keys import MemoryKeys
from tests.store.sealed_facts import (
    ANNA,
    BRUNO,
    GREETED,
    MASTER_KEY,
    OTHER_STREAM,
    PAID,
    Address,
    Greeted,
    Moved,
    MovedAtFirst,
    Paid,
    as_record,
    fact,
    with_state,
)

ALL = frozenset({"actor", "cause", "email", "name", "address", "town"})


@pytest.fixture
def reader(mapper: FactMapper) -> FactReader:
    """Reads e-mail and address of greetings, towns of moves, and plain fields."""
    needs = {"email", "address"}
    return mapper.reader({Greeted: frozenset(needs), Moved: ALL, Paid: frozenset()})


def opened(reader: FactReader, stored: StoredFact | FactRecord) -> Any:
    """One fact as the reader reads it."""
    record = as_record(stored) if isinstance(stored, StoredFact) else stored
    return reader.open([record])[0]


def fields(one: Fact, *left_out: str) -> dict[str, Any]:
    """A fact's fields, but for some."""
    return {name: value for name, value in vars(one).items() if name not in left_out}


@pytest.fixture
def no_fallback(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is usual is read quickly: nothing is left to the mapper."""

    def refuse(_: FactMapper, record: FactRecord) -> Fact:
        pytest.fail(f"{record.topic} was read whole")

    monkeypatch.setattr(FactMapper, "open_record", refuse)


@pytest.mark.usefixtures("no_fallback")
def test_plain_fields_are_read_and_what_was_asked_for(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    reader = mapper.reader({Greeted: frozenset({"email", "address"}), Paid: frozenset()})
    found = opened(reader, saved(GREETED))
    assert type(found) is Greeted
    assert fields(found) == fields(GREETED, "actor", "cause", "name")
    assert fields(opened(reader, saved(PAID))) == fields(PAID, "actor", "cause")


@pytest.mark.usefixtures("no_fallback")
def test_whatever_is_asked_for_is_as_when_it_is_read_whole(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    reader = mapper.reader({Greeted: ALL, Paid: ALL, Moved: ALL})
    for one in (GREETED, PAID, fact(Moved, town="Lyon", currency="CHF")):
        assert fields(opened(reader, saved(one))) == fields(one)
        assert opened(reader, saved(one)) == one


@given(email=st.text(min_size=3), name=st.none() | st.text(), town=st.text())
def test_any_text_comes_back_as_it_was(email: str, name: str | None, town: str) -> None:
    rows = MemoryKeys()
    mapper = FactMapper(Vault(MASTER_KEY, rows))
    address = Address(street='"\\', town=town)
    greeted = fact(Greeted, email=email, name=name, address=address)
    prepared = mapper.prepare([greeted])
    rows.save(prepared.keys)
    assert opened(mapper.reader({Greeted: ALL}), prepared.facts[0]) == greeted


def test_what_was_not_asked_for_is_missed_at_once(
    saved: Callable[..., StoredFact], reader: FactReader
) -> None:
    found = opened(reader, saved(GREETED))
    for name in ("name", "actor", "cause"):
        with pytest.raises(AttributeError, match=name):
            getattr(found, name)


def test_everything_is_read_where_that_is_asked_for(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    reader = mapper.reader({Greeted: None, Paid: None})
    assert [opened(reader, saved(one)) for one in (GREETED, PAID)] == [GREETED, PAID]


def test_a_batch_is_opened_with_one_question_for_those_who_are_read(
    mapper: FactMapper, rows: MemoryKeys
) -> None:
    people = [uuid5(SITE, str(number)) for number in range(5)]
    greeted = [fact(Greeted, email=f"{who}@example.org", member_id=who) for who in people]
    moved = fact(Moved, town="Lyon", currency="EUR", member_id=BRUNO)
    prepared = mapper.prepare([*greeted, moved, PAID])
    rows.save(prepared.keys)
    rows.questions.clear()
    records = [as_record(stored, place) for place, stored in enumerate(prepared.facts)]
    reader = mapper.reader({Greeted: frozenset({"email"}), Moved: frozenset(), Paid: frozenset()})
    found = reader.open(records)
    assert [one.email for one in found[:5]] == [one.email for one in greeted]  # type: ignore[attr-defined]
    assert rows.questions == [set(people)]


# --- erased -------------------------------------------------------------------------------


def test_an_erased_person_is_unreadable_and_the_money_exact(  # part of AU5
    saved: Callable[..., StoredFact], reader: FactReader, vault: Vault
) -> None:
    stored = saved(GREETED.model_copy(update={"address": Address(street="Rue 1", town="Lyon")}))
    vault.destroy(ANNA)
    found = opened(reader, stored)
    assert (found.email, found.address, found.paid) == (ERASED, ERASED, Money(1200, "EUR"))


def test_what_was_not_said_is_not_erased(
    saved: Callable[..., StoredFact], reader: FactReader, vault: Vault
) -> None:
    stored = saved(GREETED)
    vault.destroy(ANNA)
    assert opened(reader, stored).address is None


def test_a_lost_key_is_not_taken_for_an_erasure(
    saved: Callable[..., StoredFact], rows: MemoryKeys
) -> None:
    stored = saved(GREETED)
    del rows.kept[ANNA]
    reader = FactMapper(Vault(MASTER_KEY, rows)).reader({Greeted: ALL})
    with pytest.raises(KeyMissing, match=str(ANNA)):
        opened(reader, stored)


# --- altered ------------------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 11, 12, -17, -16, -1])
def test_one_altered_bit_of_what_is_read_breaks_the_seal(
    saved: Callable[..., StoredFact], reader: FactReader, place: int
) -> None:
    stored = saved(GREETED)
    altered = bytearray(b64decode(json.loads(stored.state)["email"]["sealed"]))
    altered[place] ^= 1
    email = {"sealed": b64encode(altered).decode()}
    with pytest.raises(SealBroken, match=r"Fact 1 .*greeted.* seal of email"):
        opened(reader, with_state(stored, email=email))


@pytest.mark.parametrize(
    "email",
    [
        "forged@example.org",
        {"sealed": ""},
        {"sealed": "é"},
        {"sealed": None},
        {"sealed": "AAAA", "more": 1},
        {"more": 1},
        7,
    ],
)
def test_what_is_no_seal_is_refused_where_it_is_read(
    saved: Callable[..., StoredFact], reader: FactReader, email: object
) -> None:
    with pytest.raises((SealBroken, FactUnreadable)) as refusal:
        opened(reader, with_state(saved(GREETED), email=email))
    assert "forged" not in str(refusal.value)
    assert refusal.value.__cause__ is None


def test_a_field_that_must_be_said_is_missed(
    saved: Callable[..., StoredFact], reader: FactReader
) -> None:
    with pytest.raises(FactUnreadable, match="email is string_type"):
        opened(reader, with_state(saved(GREETED), email=None))


def test_fields_of_a_fact_cant_change_places(
    saved: Callable[..., StoredFact], reader: FactReader
) -> None:
    stored = saved(GREETED)
    state = json.loads(stored.state)
    with pytest.raises(SealBroken):
        opened(reader, with_state(stored, email=state["name"]))


@pytest.mark.parametrize(
    "elsewhere",
    [{"originator_version": 2}, {"originator_id": OTHER_STREAM}, {"subject_id": None}],
)
def test_a_sealed_fact_stays_in_its_place(
    saved: Callable[..., StoredFact], reader: FactReader, elsewhere: dict[str, Any]
) -> None:
    with pytest.raises(SealBroken):
        opened(reader, replace(saved(GREETED), **elsewhere))


def test_a_person_isnt_erased_by_another_name_in_the_column(
    saved: Callable[..., StoredFact], reader: FactReader, vault: Vault
) -> None:
    stored = saved(GREETED)
    vault.destroy(BRUNO)
    with pytest.raises(SealBroken):
        opened(reader, replace(stored, subject_id=BRUNO))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"amount": {"minor": "1200", "currency": "EUR"}}, "amount.minor is int_type"),
        ({"amount": {"minor": 1, "currency": "DOUBLOON"}}, "unknown_currency"),
        ({"amount": {"minor": 1.5, "currency": "EUR"}}, "amount.minor is int_type"),
        ({"occurred_at": "2024-05-01T12:00:00+02:00"}, "occurred_at is timezone_offset"),
        ({"schema": 2}, "schema is extra_forbidden"),
    ],
)
def test_plain_fields_are_validated(
    saved: Callable[..., StoredFact], reader: FactReader, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(FactUnreadable, match=why):
        opened(reader, with_state(saved(PAID), **changes))


def test_the_address_is_that_of_the_columns(
    saved: Callable[..., StoredFact], reader: FactReader
) -> None:
    stored = with_state(saved(PAID), originator_id=str(OTHER_STREAM), originator_version=9)
    assert fields(opened(reader, stored)) == fields(PAID, "actor", "cause")


@pytest.mark.parametrize("state", [b"", b"{}", b"null", b"[1]", b"\xff}", b'{"sealed":"'])
def test_a_malformed_state_says_which_fact_it_is(
    saved: Callable[..., StoredFact], reader: FactReader, state: bytes
) -> None:
    with pytest.raises(FactUnreadable, match=r"Fact 1 of stream .*greeted"):
        opened(reader, replace(saved(GREETED), state=state))


# --- older shapes -------------------------------------------------------------------------


@pytest.mark.usefixtures("no_fallback")
def test_the_present_shape_of_a_kind_that_had_others_is_read_quickly(
    saved: Callable[..., StoredFact], reader: FactReader
) -> None:
    moved = fact(Moved, town="Lyon", currency="CHF")
    assert opened(reader, saved(moved)) == moved


@pytest.mark.parametrize("town", ["Lyon", None])
def test_an_old_shape_is_brought_up_to_date(
    saved: Callable[..., StoredFact], reader: FactReader, town: str | None
) -> None:
    stored = replace(saved(fact(MovedAtFirst, where=town)), topic=Moved.TOPIC)
    assert opened(reader, stored) == fact(Moved, town=town, currency="EUR")


def test_a_shape_of_the_future_is_refused(
    saved: Callable[..., StoredFact], reader: FactReader
) -> None:
    stored = saved(fact(Moved, town=None, currency="CHF"))
    with pytest.raises(FactUnreadable, match="its schema 4 is not one this ledger knows"):
        opened(reader, with_state(stored, schema=4))


@pytest.mark.parametrize("kind", [Greeted, Paid, Moved])
def test_every_kind_can_be_read_quickly(kind: type[Fact]) -> None:
    for wanted in (frozenset[str](), ALL):
        assert QuickKind(kind, wanted).may_open == (bool(wanted) and kind is not Paid)
