"""Two who decide at once: what one relied on, the other may not change unseen."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Barrier
from uuid import UUID, uuid4

import psycopg
import pytest
from eventsourcing.persistence import IntegrityError

from ledger.store.recorder import FactRecorder
from ledger.store.records import Claim, Expectation
from ledger.store.refusals import ClaimTaken, CommandRepeated, StreamMoved
from tests.store.books import append_in, facts, open_transaction, opened, waits_for_lock

ROUNDS = 60


@pytest.fixture
def recorder(database: str) -> Iterator[FactRecorder]:
    """A recorder on the test's own database."""
    with opened(database) as recorder:
        yield recorder


@pytest.fixture
def aside() -> Iterator[ThreadPoolExecutor]:
    """Someone else, at the same time."""
    with ThreadPoolExecutor(8) as executor:
        yield executor


def together(aside: ThreadPoolExecutor, *acts: Callable[[], object]) -> list[object]:
    """What each answered or raised, when all began at once."""
    barrier = Barrier(len(acts))

    def begin(act: Callable[[], object]) -> object:
        barrier.wait()
        return act()

    futures: list[Future[object]] = [aside.submit(begin, act) for act in acts]
    return [future.exception() or future.result() for future in futures]


def test_a_join_waits_for_a_closing_plan_and_is_refused(
    recorder: FactRecorder, database: str, aside: ThreadPoolExecutor
) -> None:
    plan = uuid4()
    recorder.insert_events(facts(stream_id=plan))
    with open_transaction(database) as closing:
        append_in(closing, facts(stream_id=plan, version=2))
        join = aside.submit(recorder.insert_events, facts(), expects=[Expectation(plan, 1)])
        waits_for_lock(database)
        closing.commit()
    assert isinstance(join.exception(), StreamMoved)
    assert recorder.horizon() == 2


def test_a_join_goes_through_when_the_closing_fails(
    recorder: FactRecorder, database: str, aside: ThreadPoolExecutor
) -> None:
    plan = uuid4()
    recorder.insert_events(facts(stream_id=plan))
    with open_transaction(database) as closing:
        append_in(closing, facts(stream_id=plan, version=2))
        join = aside.submit(recorder.insert_events, facts(), expects=[Expectation(plan, 1)])
        waits_for_lock(database)
        closing.rollback()
    assert join.result() == [3]


def test_a_closing_plan_waits_for_a_join_and_comes_after_it(
    recorder: FactRecorder, database: str, aside: ThreadPoolExecutor
) -> None:
    plan = uuid4()
    recorder.insert_events(facts(stream_id=plan))
    with open_transaction(database) as join:
        joined = append_in(join, facts(), expects=[Expectation(plan, 1)])
        closing = aside.submit(recorder.insert_events, facts(stream_id=plan, version=2))
        waits_for_lock(database)
        assert recorder.of_stream(plan)[-1].version == 1
        join.commit()
    assert closing.result()[0] > joined


def test_joins_do_not_wait_for_each_other(recorder: FactRecorder, database: str) -> None:
    plan = uuid4()
    recorder.insert_events(facts(stream_id=plan))
    with open_transaction(database) as join:
        append_in(join, facts(), expects=[Expectation(plan, 1)])
        assert recorder.insert_events(facts(), expects=[Expectation(plan, 1)]) == [3]
        join.commit()


def test_nobody_joins_after_the_plan_has_closed(
    recorder: FactRecorder, aside: ThreadPoolExecutor
) -> None:
    outcomes = set()
    for _ in range(ROUNDS):
        plan = uuid4()
        recorder.insert_events(facts(stream_id=plan))
        relied = [Expectation(plan, 1)]
        join, closing = together(
            aside,
            lambda relied=relied: recorder.insert_events(facts(), expects=relied),  # type: ignore[misc]
            lambda plan=plan: recorder.insert_events(facts(stream_id=plan, version=2)),  # type: ignore[misc]
        )
        assert isinstance(closing, list)
        assert isinstance(join, StreamMoved) or (isinstance(join, list) and join < closing)
        outcomes.add(type(join))
    assert outcomes <= {list, StreamMoved}


def test_two_that_rely_on_each_other_never_both_succeed(
    recorder: FactRecorder, aside: ThreadPoolExecutor
) -> None:
    for _ in range(ROUNDS):
        charge, removal = uuid4(), uuid4()
        outcomes = together(aside, *(each(recorder, charge, removal) for each in (_this, _that)))
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["StreamMoved", "list"]


def _this(recorder: FactRecorder, charge: UUID, removal: UUID) -> Callable[[], object]:
    relied = [Expectation(removal, 0)]
    return lambda: recorder.insert_events(facts(stream_id=charge), expects=relied)


def _that(recorder: FactRecorder, charge: UUID, removal: UUID) -> Callable[[], object]:
    return _this(recorder, removal, charge)


def test_saves_over_many_streams_never_block_each_other_in_a_ring(
    recorder: FactRecorder, aside: ThreadPoolExecutor
) -> None:
    streams = [uuid4() for _ in range(6)]

    def save_at_random(seed: int) -> int:
        dice = random.Random(seed)  # noqa: S311 - the same story in every run
        saved = 0
        for _ in range(25):
            dice.shuffle(streams_of_mine := list(streams))
            written, relied = streams_of_mine[:3], streams_of_mine[3:5]
            versions = {each: len(recorder.of_stream(each)) for each in streams_of_mine}
            asked = [facts(stream_id=each, version=versions[each] + 1)[0] for each in written]
            expects = [Expectation(each, versions[each]) for each in relied]
            try:
                recorder.insert_events(asked, expects=expects)
                saved += 1
            except (StreamMoved, IntegrityError):
                continue  # someone was first; a deadlock would be another error
        return saved

    saved = sum(aside.map(save_at_random, range(4)))
    assert saved > 0
    assert recorder.horizon() >= 3 * saved
    assert len(recorder.read(0, 10_000)) == 3 * saved


def test_the_last_claim_goes_to_exactly_one(
    recorder: FactRecorder, aside: ThreadPoolExecutor
) -> None:
    def ask(owner: UUID, key: bytes) -> Callable[[], object]:
        return lambda: recorder.insert_events(facts(), claims=[Claim("use", key, owner)])

    for number in range(20):
        key, owners = str(number).encode(), [uuid4() for _ in range(4)]
        outcomes = together(aside, *(ask(owner, key) for owner in owners))
        [winner] = [o for o, outcome in zip(owners, outcomes, strict=True) if type(outcome) is list]
        losers = [outcome for outcome in outcomes if isinstance(outcome, ClaimTaken)]
        assert [loser.owner for loser in losers] == [winner] * 3
    assert len(recorder.read(0, 10_000)) == 20


def test_a_claim_waits_for_who_is_letting_go(
    recorder: FactRecorder, database: str, aside: ThreadPoolExecutor
) -> None:
    old, new = Claim("email", b"address", uuid4()), Claim("email", b"address", uuid4())
    recorder.insert_events(facts(), claims=[old])
    with open_transaction(database) as closing:
        append_in(closing, facts(), releases=[old])
        opening = aside.submit(recorder.insert_events, facts(), claims=[new])
        waits_for_lock(database)
        closing.commit()
    assert opening.result() == [3]
    assert recorder.claim_owner("email", b"address") == new.owner


def test_two_who_swap_claims_wait_in_turn_and_not_in_a_ring(
    recorder: FactRecorder, database: str, aside: ThreadPoolExecutor
) -> None:
    first, last = Claim("email", b"a", uuid4()), Claim("email", b"z", uuid4())
    recorder.insert_events(facts(), claims=[first, last])

    def move(old: Claim, *wanted: bytes) -> Future[object]:
        asked = [Claim("email", key, old.owner) for key in wanted]
        return aside.submit(recorder.insert_events, facts(), releases=[old], claims=asked)

    with open_transaction(database) as between:
        append_in(between, facts(), claims=[Claim("email", b"m", uuid4())])
        forth = move(first, b"m", b"z")
        waits_for_lock(database)
        back = move(last, b"a")
        waits_for_lock(database, sessions=2)
        between.rollback()
    assert isinstance(forth.exception(), ClaimTaken)
    assert isinstance(back.exception(), ClaimTaken)
    assert recorder.claim_owner("email", b"z") == last.owner


def test_one_command_sent_twice_at_once_is_carried_out_once(
    recorder: FactRecorder, aside: ThreadPoolExecutor
) -> None:
    for _ in range(20):
        command = uuid4()
        outcomes = together(
            aside,
            *[lambda c=command: recorder.insert_events(facts(2), command=c)] * 3,
        )
        [positions] = [outcome for outcome in outcomes if isinstance(outcome, list)]
        repeated = [each for each in outcomes if isinstance(each, CommandRepeated)]
        assert [each.position for each in repeated] == [positions[0]] * 2


def test_a_save_that_waits_too_long_saves_nothing_and_holds_nothing(
    recorder: FactRecorder, database: str
) -> None:
    stream = uuid4()
    with open_transaction(database) as busy, open_transaction(database) as hurried:
        append_in(busy, facts(stream_id=stream))
        hurried.execute("set statement_timeout = 100")
        with pytest.raises(psycopg.errors.QueryCanceled):
            append_in(hurried, facts(stream_id=stream))
        hurried.rollback()
        busy.rollback()
        assert recorder.insert_events(facts(stream_id=stream))
