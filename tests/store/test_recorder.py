"""Saves are whole or not at all, and are read back as they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError, Notification, OperationalError, StoredEvent

from ledger.store.recorder import FactRecorder
from ledger.store.records import Claim, Expectation, FactRecord, StoredFact, SubjectKey
from ledger.store.refusals import ClaimTaken, CommandRepeated, StreamMoved
from tests.store.books import MEMBER, NOON, facts, opened

E_MAIL = Claim("email", b"hash of an address", MEMBER)


@pytest.fixture
def recorder(database: str) -> Iterator[FactRecorder]:
    """A recorder on the test's own database."""
    with opened(database, max_size=4) as recorder:
        yield recorder


def rows(dsn: str) -> tuple[int, ...]:
    """How many facts, claims, commands and keys there are."""
    counted = """
        select (select count(*) from ledger.facts), (select count(*) from ledger.claims),
               (select count(*) from ledger.commands), (select count(*) from vault.keys)
    """
    with psycopg.connect(dsn) as connection:
        return connection.execute(counted).fetchone() or ()


def test_facts_are_read_back_as_they_were_saved(recorder: FactRecorder) -> None:
    stream, other = uuid4(), uuid4()
    first, second = facts(2, stream_id=stream)
    [apart] = facts(stream_id=other, subject_id=None)
    recorder.insert_events([first, second, apart])
    mine = [
        FactRecord(place, stream, place, "member.noted", MEMBER, NOON, fact.state)
        for place, fact in enumerate((first, second), 1)
    ]
    theirs = FactRecord(3, other, 1, "member.noted", None, NOON, apart.state)
    assert recorder.read(0, 100) == [*mine, theirs]
    assert recorder.of_stream(stream) == recorder.of_subject(MEMBER) == mine
    assert recorder.position_time(3) == NOON
    assert recorder.position_time(3).tzinfo == UTC  # type: ignore[union-attr]
    assert recorder.position_time(4) is None


def test_what_was_recorded_lately_is_found_though_clocks_went_back(recorder: FactRecorder) -> None:
    def recorded(topic: str, hours: int) -> int:
        at = NOON + timedelta(hours=hours)
        [position] = recorder.insert_events([StoredFact(uuid4(), 1, topic, b"", None, at)])
        return position

    hours = (0, 5, 2, 7, 1, 3)
    paid = {hour: recorded("order.paid", hour) for hour in hours}
    recorded("member.noted", 6)
    found = recorder.recorded_since(NOON + timedelta(hours=2), ["order.paid", "order.refunded"])
    assert [record.position for record in found] == [paid[hour] for hour in (5, 2, 7, 3)]


def test_the_library_reads_plain_events(recorder: FactRecorder) -> None:
    [fact] = facts()
    recorder.insert_events([fact])
    plain = (fact.originator_id, 1, fact.topic, fact.state)
    assert recorder.select_events(fact.originator_id) == [StoredEvent(*plain)]
    assert recorder.select_notifications(None, 10) == [Notification(*plain, id=1)]


def test_text_and_bytes_of_any_kind_survive(recorder: FactRecorder) -> None:
    odd = StoredFact(uuid4(), 1, "member.é%s\N{SNOWMAN}", bytes(range(256)), None, NOON)
    early = StoredFact(uuid4(), 1, "", b"", None, datetime(1969, 7, 20, 20, 17, 40, 1, tzinfo=UTC))
    recorder.insert_events([odd, early])
    [read_odd, read_early] = recorder.read(0, 10)
    assert (read_odd.topic, read_odd.state) == (odd.topic, odd.state)
    assert (read_early.state, read_early.recorded_at) == (b"", early.recorded_at)


def test_an_instant_of_another_zone_is_the_same_instant(recorder: FactRecorder) -> None:
    there = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
    recorder.insert_events([StoredFact(uuid4(), 1, "member.noted", b"", None, there)])
    assert recorder.position_time(1) == NOON


def test_nothing_to_save_needs_no_database(recorder: FactRecorder) -> None:
    assert recorder.insert_events([], command=uuid4()) == []
    with pytest.raises(ValueError, match="saved with the facts"):
        recorder.insert_events([], claims=[E_MAIL])


def test_followers_are_woken_after_a_save_and_not_after_a_refusal(recorder: FactRecorder) -> None:
    seen: list[int] = []
    recorder.on_append.append(lambda: seen.append(recorder.horizon()))
    [fact] = facts()
    recorder.insert_events([fact])
    with pytest.raises(IntegrityError):
        recorder.insert_events([fact])
    assert seen == [1]


def test_a_claim_is_someones_until_it_is_released(recorder: FactRecorder) -> None:
    rival = Claim("email", E_MAIL.key, uuid4())
    recorder.insert_events(facts(), claims=[E_MAIL])
    with pytest.raises(ClaimTaken) as refusal:
        recorder.insert_events(facts(), claims=[rival])
    assert (refusal.value.kind, refusal.value.owner) == ("email", MEMBER)
    assert recorder.claim_owner("email", E_MAIL.key) == MEMBER
    recorder.insert_events(facts(), releases=[E_MAIL])
    assert recorder.claim_owner("email", E_MAIL.key) is None
    recorder.insert_events(facts(), claims=[rival])
    assert recorder.claim_owner("email", E_MAIL.key) == rival.owner


def test_another_kind_is_another_claim(recorder: FactRecorder) -> None:
    recorder.insert_events(facts(), claims=[E_MAIL])
    recorder.insert_events(facts(), claims=[Claim("code", E_MAIL.key, uuid4())])
    assert recorder.claim_owner("email", E_MAIL.key) == MEMBER


def test_nobody_releases_what_is_someone_elses(recorder: FactRecorder) -> None:
    recorder.insert_events(facts(), claims=[E_MAIL])
    recorder.insert_events(facts(), releases=[Claim("email", E_MAIL.key, uuid4())])
    assert recorder.claim_owner("email", E_MAIL.key) == MEMBER


def test_one_save_passes_a_claim_on(recorder: FactRecorder) -> None:
    heir = Claim("email", E_MAIL.key, uuid4())
    recorder.insert_events(facts(), claims=[E_MAIL])
    recorder.insert_events(facts(), releases=[E_MAIL], claims=[heir])
    assert recorder.claim_owner("email", E_MAIL.key) == heir.owner


def test_a_command_is_carried_out_once(recorder: FactRecorder) -> None:
    command = uuid4()
    recorder.insert_events(facts())
    assert recorder.command_position(command) is None
    assert recorder.insert_events(facts(3), command=command) == [2, 3, 4]
    assert recorder.command_position(command) == 2
    with pytest.raises(CommandRepeated) as refusal:
        recorder.insert_events(facts(), command=command)
    assert refusal.value.position == 2
    assert len(recorder.read(0, 100)) == 4


def test_a_decision_stands_only_on_what_it_saw(recorder: FactRecorder) -> None:
    plan = uuid4()
    recorder.insert_events(facts(2, stream_id=plan))
    recorder.insert_events(facts(), expects=[Expectation(plan, 2), Expectation(uuid4(), 0)])
    with pytest.raises(StreamMoved) as refusal:
        recorder.insert_events(facts(), expects=[Expectation(plan, 1)])
    assert refusal.value.stream_id == plan
    with pytest.raises(StreamMoved):
        recorder.insert_events(facts(), expects=[Expectation(plan, 3)])


def test_the_first_refusal_in_a_fixed_order_is_the_one_that_is_told(
    recorder: FactRecorder,
) -> None:
    stream, command = uuid4(), uuid4()
    recorder.insert_events(facts(stream_id=stream), claims=[E_MAIL], command=command)
    wrong: dict[str, Any] = {
        "claims": [Claim("email", E_MAIL.key, uuid4())],
        "expects": [Expectation(uuid4(), 7)],
    }
    again = facts(stream_id=stream)
    with pytest.raises(CommandRepeated):
        recorder.insert_events(again, command=command, **wrong)
    with pytest.raises(StreamMoved):
        recorder.insert_events(again, **wrong)
    with pytest.raises(IntegrityError):
        recorder.insert_events(again, claims=wrong["claims"])
    with pytest.raises(ClaimTaken):
        recorder.insert_events(facts(), claims=wrong["claims"])


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("fault", ["version", "claim", "stream", "command", "key"])
def test_nothing_is_saved_when_anything_fails(
    recorder: FactRecorder, database: str, fault: str, size: int
) -> None:
    stream, command, key = uuid4(), uuid4(), SubjectKey(uuid4(), b"wrapped")
    recorder.insert_events(facts(stream_id=stream), claims=[E_MAIL], keys=[key], command=command)
    before = rows(database)
    rival = Claim("email", b"another address", uuid4())
    beside: dict[str, Any] = {
        "claims": [rival, Claim("email", E_MAIL.key, uuid4())] if fault == "claim" else [rival],
        "releases": [E_MAIL] if fault != "claim" else [],
        "expects": [Expectation(stream, 0 if fault == "stream" else 1)],
        "keys": [key if fault == "key" else SubjectKey(uuid4(), b"wrapped")],
        "command": command if fault == "command" else uuid4(),
    }
    asked = facts(size, stream_id=stream if fault == "version" else None)
    if fault == "version":
        beside["expects"] = []
    with pytest.raises((IntegrityError, ClaimTaken, StreamMoved, CommandRepeated)):
        recorder.insert_events(asked, **beside)
    assert rows(database) == before
    assert recorder.claim_owner("email", E_MAIL.key) == MEMBER


def test_keys_are_kept_with_the_first_facts_of_a_person(
    recorder: FactRecorder, database: str
) -> None:
    keys = [SubjectKey(uuid4(), b"one"), SubjectKey(uuid4(), b"two")]
    recorder.insert_events(facts(), keys=keys)
    with psycopg.connect(database) as connection:
        found = connection.execute("select subject_id, wrapped from vault.keys").fetchall()
    assert set(found) == {(key.subject_id, key.wrapped) for key in keys}


def test_positions_go_on_after_a_refusal(recorder: FactRecorder) -> None:
    [fact] = facts()
    recorder.insert_events([fact])
    with pytest.raises(IntegrityError):
        recorder.insert_events([fact, *facts(2)])
    positions = recorder.insert_events(facts(3))
    assert positions == list(range(positions[0], positions[0] + 3))
    assert positions[0] > 1
    assert [row.position for row in recorder.read(0, 10)] == [1, *positions]


def test_one_stream_may_not_skip_into_anothers_version(recorder: FactRecorder) -> None:
    stream = uuid4()
    with pytest.raises(IntegrityError):
        recorder.insert_events([*facts(stream_id=stream), *facts(stream_id=stream)])
    assert recorder.of_stream(stream) == []


@pytest.mark.parametrize(
    "statement",
    [
        "update ledger.facts set state = ''",
        "delete from ledger.facts",
        "truncate ledger.facts",
    ],
)
def test_nothing_recorded_is_ever_changed_or_removed(  # AU1
    recorder: FactRecorder, database: str, statement: str
) -> None:
    recorder.insert_events(facts())
    with (
        psycopg.connect(database) as connection,
        pytest.raises(psycopg.errors.RestrictViolation, match="nothing recorded"),
    ):
        connection.execute(statement.encode())
    assert len(recorder.read(0, 10)) == 1


def test_a_save_is_one_statement(recorder: FactRecorder, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder.insert_events(facts())
    sent: list[object] = []
    execute = psycopg.Cursor.execute

    def counted(self: Any, query: Any, *given: Any, **options: Any) -> Any:
        sent.append(query)
        return execute(self, query, *given, **options)

    monkeypatch.setattr(psycopg.Cursor, "execute", counted)
    beside = {"command": uuid4(), "keys": [SubjectKey(uuid4(), b"w")], "claims": [E_MAIL]}
    recorder.insert_events(facts(3), expects=[Expectation(uuid4(), 0)], **beside)  # type: ignore[arg-type]
    assert len(sent) == 1


def test_a_closed_pool_is_the_librarys_error(database: str) -> None:
    with opened(database) as recorder:
        pass
    with pytest.raises(OperationalError):
        recorder.insert_events(facts())
    with pytest.raises(OperationalError):
        recorder.select_events(UUID(int=0))
