"""Facts as they are stored: canonical, sealed, and back again."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable
from uuid import uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.facts import ERASED
from ledger.ids import SITE
from ledger.money import Money
from ledger.store.mapper import FactMapper, FactUnwritable, SealBroken
from ledger.store.records import StoredFact
from ledger.store.shapes import PersonalHidden
from ledger.store.vault import KeyDestroyed, KeyMissing, Vault
from tests.store.memory_keys import MemoryKeys
from tests.store.sealed_facts import (
    ANNA,
    BRUNO,
    GREETED,
    MASTER_KEY,
    NOON,
    PAID,
    STREAM,
    Address,
    Careless,
    Greeted,
    Moved,
    Paid,
    as_record,
    fact,
)

# --- what is stored -----------------------------------------------------------------------


def test_the_stored_state_is_canonical(saved: Callable[..., StoredFact]) -> None:
    stored = saved(fact(Paid, amount=Money(1200, "EUR"), words={"ä": "é", "a": [1, None]}))
    assert (
        stored.state
        == (
            f'{{"actor":{{"id":"{ANNA}","kind":"member"}},'
            '"amount":{"currency":"EUR","minor":1200},'
            f'"cause":{{"id":"{SITE}","kind":"request"}},"lines":[],"member_id":"{ANNA}",'
            '"occurred_at":"2024-05-01T12:00:00Z","timestamp":"2024-05-01T12:00:00Z",'
            '"words":{"a":[1,null],"ä":"é"}}'
        ).encode()
    )


def test_the_columns_say_whose_fact_it_is_and_when_it_was_recorded(
    saved: Callable[..., StoredFact],
) -> None:
    stored = saved(GREETED)
    assert (stored.originator_id, stored.originator_version) == (STREAM, 1)
    assert (stored.topic, stored.subject_id) == ("mapper_test.greeted", ANNA)
    assert stored.recorded_at == NOON


def test_a_floating_point_number_is_never_stored(mapper: FactMapper) -> None:
    with pytest.raises(FactUnwritable, match="floating point"):
        mapper.to_stored_event(fact(Paid, amount=Money(1, "EUR"), words={"rates": [1, 0.5]}))


def test_personal_data_of_nobody_is_never_stored(mapper: FactMapper) -> None:
    with pytest.raises(FactUnwritable, match="names no person"):
        mapper.to_stored_event(fact(Greeted, email="anna@example.org", member_id=None))


def test_a_mark_within_a_type_is_refused_instead_of_overlooked(mapper: FactMapper) -> None:
    with pytest.raises(PersonalHidden, match="its field email"):
        mapper.to_stored_event(fact(Careless, email="anna@example.org"))


def test_nothing_is_sealed_where_nothing_is_said(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    moved = fact(Moved, town=None, currency="EUR")
    stored = saved(moved)
    assert b"sealed" not in stored.state
    assert mapper.to_domain_event(stored) == moved


def test_the_same_words_are_never_sealed_to_the_same_bytes(mapper: FactMapper) -> None:
    once, twice = mapper.prepare([GREETED, GREETED]).facts
    assert once.state != twice.state


# --- there and back -----------------------------------------------------------------------


@given(email=st.text(min_size=3), name=st.none() | st.text(), town=st.text())
def test_any_text_comes_back_as_it_was(email: str, name: str | None, town: str) -> None:
    rows = MemoryKeys()
    mapper = FactMapper(Vault(MASTER_KEY, rows))
    address = Address(street="\0", town=town)
    greeted = fact(Greeted, email=email, name=name, address=address)
    prepared = mapper.prepare([greeted])
    rows.save(prepared.keys)
    assert mapper.to_domain_event(prepared.facts[0]) == greeted


@given(secret=st.text(min_size=1, max_size=60))
def test_what_is_personal_never_stands_in_the_stored_bytes(secret: str) -> None:
    secret = f"<{secret}>"  # neither character occurs in a stored state or in base64
    mapper = FactMapper(Vault(MASTER_KEY, MemoryKeys()))
    address = Address(street=secret, town=secret)
    greeted = fact(Greeted, email=secret, name=secret, address=address)
    state = mapper.prepare([greeted]).facts[0].state
    assert secret.encode() not in state
    assert json.dumps(secret).encode()[1:-1] not in state
    assert b64encode(secret.encode()).rstrip(b"=")[:-1] not in state


@given(text=st.text())
def test_a_text_that_looks_sealed_is_a_text(text: str) -> None:
    mapper = FactMapper(Vault(MASTER_KEY, MemoryKeys()))
    paid = fact(Paid, amount=Money(1, "EUR"), words={"a": '{"sealed":"x"}' + text, "b": {text: 1}})
    assert mapper.to_domain_event(mapper.to_stored_event(paid)) == paid


def test_a_record_of_the_books_opens_as_the_stored_fact_does(
    saved: Callable[..., StoredFact], mapper: FactMapper
) -> None:
    assert mapper.open_record(as_record(saved(GREETED))) == GREETED


def test_a_batch_is_opened_with_one_question_for_all_its_persons(
    mapper: FactMapper, rows: MemoryKeys
) -> None:
    people = [uuid5(SITE, str(number)) for number in range(50)]
    facts = [fact(Greeted, email=f"{who}@example.org", member_id=who) for who in people]
    prepared = mapper.prepare([*facts, PAID])
    rows.save(prepared.keys)
    rows.questions.clear()
    records = [as_record(stored, place) for place, stored in enumerate(prepared.facts)]
    assert mapper.open_records(records) == [*facts, PAID]
    assert rows.questions == [set(people)]


def test_facts_without_anything_personal_ask_for_no_key(
    saved: Callable[..., StoredFact], mapper: FactMapper, rows: MemoryKeys
) -> None:
    stored = saved(PAID)
    assert mapper.to_domain_event(stored) == PAID
    assert rows.questions == []


# --- new keys -----------------------------------------------------------------------------


def test_a_save_brings_the_keys_that_it_made(mapper: FactMapper, rows: MemoryKeys) -> None:
    other = fact(Greeted, email="bruno@example.org", member_id=BRUNO)
    prepared = mapper.prepare([GREETED, other, GREETED])
    assert [key.subject_id for key in prepared.keys] == [ANNA, BRUNO]
    rows.save(prepared.keys)
    assert mapper.prepare([GREETED]).keys == []


def test_a_save_that_failed_is_prepared_anew_with_another_key(
    mapper: FactMapper, rows: MemoryKeys
) -> None:
    lost = mapper.prepare([GREETED])
    again = mapper.prepare([GREETED])
    rows.save(again.keys)
    assert mapper.to_domain_event(again.facts[0]) == GREETED
    with pytest.raises(SealBroken):
        mapper.to_domain_event(lost.facts[0])


def test_a_save_that_another_process_overtook_seals_with_the_others_key(
    mapper: FactMapper, rows: MemoryKeys
) -> None:
    mapper.to_stored_event(GREETED)
    rows.save(FactMapper(Vault(MASTER_KEY, rows)).prepare([GREETED]).keys)
    again = mapper.prepare([GREETED])
    assert again.keys == []
    assert mapper.to_domain_event(again.facts[0]) == GREETED


# --- erased -------------------------------------------------------------------------------


def test_an_erased_person_is_unreadable_and_the_money_exact(  # part of AU5
    saved: Callable[..., StoredFact], mapper: FactMapper, vault: Vault
) -> None:
    address = Address(street="Rue 1", town="Lyon")
    stored = saved(GREETED.model_copy(update={"address": address}))
    vault.destroy(ANNA)
    opened = mapper.to_domain_event(stored)
    gone = {"email": ERASED, "name": ERASED, "address": ERASED}
    assert type(opened) is Greeted
    assert opened == GREETED.model_copy(update=gone)


def test_what_was_not_said_is_not_erased(
    saved: Callable[..., StoredFact], mapper: FactMapper, vault: Vault
) -> None:
    stored = saved(fact(Greeted, email="anna@example.org"))
    vault.destroy(ANNA)
    assert mapper.open_record(as_record(stored)) == fact(Greeted, email=ERASED)


def test_nothing_personal_is_recorded_of_an_erased_person(mapper: FactMapper, vault: Vault) -> None:
    vault.destroy(ANNA)
    with pytest.raises(KeyDestroyed, match=str(ANNA)):
        mapper.prepare([GREETED])


def test_a_lost_key_is_not_taken_for_an_erasure(
    saved: Callable[..., StoredFact], rows: MemoryKeys
) -> None:
    stored = saved(GREETED)
    del rows.kept[ANNA]
    with pytest.raises(KeyMissing, match=str(ANNA)):
        FactMapper(Vault(MASTER_KEY, rows)).to_domain_event(stored)
