"""The books as lines: canonical, unchanged, whole up to the horizon, and in clear on request."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from uuid import UUID

import pytest

from ledger.audit.export import (
    LineUnwritable,
    canonical_line,
    opened_lines,
    sealed_lines,
)
from ledger.facts import personal_fields
from ledger.member.facts import AccountOpened
from ledger.store.key_rows import KeyTable
from ledger.store.mapper import FactMapper, SealBroken, canonical
from ledger.store.recorder import FactRecorder
from ledger.store.vault import Vault
from tests.projections.books import Books, opened
from tests.store.books import append_in, facts, open_transaction
from tests.store.memory_keys import MemoryKeys
from tests.store.sealed_facts import MASTER_KEY, Moved, MovedAtFirst, as_record, fact


@pytest.fixture
def books(database: str) -> Iterator[Books]:
    with opened(database) as books:
        books.tell(3, 80)
        yield books


def test_each_line_is_canonical_json_and_the_state_unchanged(books: Books) -> None:
    records = books.recorder.read(0, 10_000)
    lines = list(sealed_lines(books.recorder))
    assert lines == [canonical_line(record) for record in records]
    for line, record in zip(lines, records, strict=True):
        said = json.loads(line)
        assert line == canonical(said)
        assert canonical(said["state"]) == record.state
        assert record.state in line
        assert (said["position"], said["version"]) == (record.position, record.version)
        assert (said["topic"], said["schema"]) == (record.topic, 1)
        assert said["stream_id"] == str(record.stream_id)
        assert said["subject_id"] == (record.subject_id and str(record.subject_id))
        assert said["recorded_at"] == said["state"]["timestamp"]


def test_the_line_of_a_fact_is_pinned() -> None:
    (stored,) = facts(stream_id=UUID(int=1))
    record = as_record(stored, position=7)
    assert canonical_line(record) == (
        b'{"position":7,"recorded_at":"2026-11-02T12:00:00.123456Z","schema":1,'
        b'"state":{"text":"00000000-0000-0000-0000-000000000001/1"},'
        b'"stream_id":"00000000-0000-0000-0000-000000000001",'
        b'"subject_id":"7d1f0f6e-0000-4000-8000-000000000001","topic":"member.noted","version":1}'
    )
    assert b'"subject_id":null,' in canonical_line(record._replace(subject_id=None))


def test_a_line_says_the_schema_of_its_state() -> None:
    mapper = FactMapper(Vault(MASTER_KEY, MemoryKeys()))
    stored = mapper.prepare([fact(Moved, town="Lyon", currency="EUR")]).facts[0]
    assert json.loads(canonical_line(as_record(stored)))["schema"] == 3
    told = as_record(stored)._replace(state=b'{"text":"\\"schema\\":9"}')
    assert json.loads(canonical_line(told))["schema"] == 1


@pytest.mark.parametrize("state", [b'{"a":1}\n{"b":2}', b'{"schema":', b'["schema":1]'])
def test_a_state_that_is_no_line_is_refused(state: bytes) -> None:
    record = as_record(facts()[0], position=5)._replace(state=state)
    with pytest.raises(LineUnwritable, match="position 5"):
        canonical_line(record)


def test_an_export_stops_at_the_horizon_of_when_it_began(books: Books, database: str) -> None:
    before = list(sealed_lines(books.recorder))
    with open_transaction(database) as slow:
        append_in(slow, facts())
        books.tell(4, 20)
        assert list(sealed_lines(books.recorder)) == before
        slow.commit()
    lines = sealed_lines(books.recorder)
    first = next(lines)
    books.tell(5, 20)
    whole = [first, *lines]
    assert len(before) < len(whole) < len(list(sealed_lines(books.recorder)))


def test_an_export_goes_on_from_a_position(books: Books) -> None:
    lines = list(sealed_lines(books.recorder))
    assert list(sealed_lines(books.recorder, first=6)) == lines[5:]
    assert list(sealed_lines(books.recorder, first=len(lines) + 1)) == []
    assert next(opened_lines(books.recorder, books.mapper, first=6))[:13] == lines[5][:13]


def test_few_facts_are_held_at_a_time(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, asked = list(sealed_lines(books.recorder)), []
    read = FactRecorder.read

    def noted(recorder: FactRecorder, after: int, limit: int) -> list[object]:
        asked.append(after)
        return list(read(recorder, after, limit))

    monkeypatch.setattr("ledger.audit.export.AT_ONCE", 10)
    monkeypatch.setattr(FactRecorder, "read", noted)
    lines = sealed_lines(books.recorder)
    assert list(islice(lines, 3)) == whole[:3]
    assert len(asked) == 1
    assert list(lines) == whole[3:]
    assert len(asked) > 5


def test_opened_lines_differ_in_what_is_personal_and_nothing_else(books: Books) -> None:
    sealed = [json.loads(line) for line in sealed_lines(books.recorder)]
    clear = [json.loads(line) for line in opened_lines(books.recorder, books.mapper)]
    kinds = {one.fact.TOPIC: type(one.fact) for one in books.facts()}
    hidden = 0
    for line, said in zip(sealed, clear, strict=True):
        personal = personal_fields(kinds[line["topic"]])
        for name in personal:
            assert line["state"][name].keys() == {"sealed"}
            line["state"][name] = said["state"][name]
            hidden += 1
        assert said == line
    first = next(line for line in clear if line["topic"] == AccountOpened.TOPIC)
    assert (first["state"]["email"], hidden > 20) == ("P0@Example.org", True)


def test_who_was_erased_is_erased_in_opened_lines_too(books: Books) -> None:  # part of AU5
    before = list(sealed_lines(books.recorder))
    victim = next(one.fact for one in books.facts() if one.fact.TOPIC == AccountOpened.TOPIC)
    assert victim.member_id
    Vault(MASTER_KEY, KeyTable(books.pool)).destroy(victim.member_id)
    mapper = FactMapper(Vault(MASTER_KEY, KeyTable(books.pool)))
    lines = [json.loads(line) for line in opened_lines(books.recorder, mapper)]
    own = [line for line in lines if line["subject_id"] == str(victim.member_id)]
    assert {own[0]["state"]["name"], own[0]["state"]["email"]} == {"erased"}
    assert list(sealed_lines(books.recorder)) == before


def test_old_shapes_are_opened_as_they_are() -> None:
    rows = MemoryKeys()
    mapper = FactMapper(Vault(MASTER_KEY, rows))
    prepared = mapper.prepare([fact(MovedAtFirst, where="Lyon")])
    rows.save(prepared.keys)
    record = as_record(prepared.facts[0])._replace(topic=Moved.TOPIC)
    (state,) = mapper.open_states([record])
    assert json.loads(state)["where"] == "Lyon"
    assert "currency" not in json.loads(state)
    with pytest.raises(SealBroken):
        mapper.open_states([record._replace(version=2)])
