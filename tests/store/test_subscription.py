"""Following the books: settled facts only, from anybody, until it is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from time import monotonic

import pytest
from eventsourcing.persistence import ProgrammingError

from ledger.store.recorder import FactRecorder
from tests.store.books import append_in, facts, open_transaction, opened


@pytest.fixture
def recorder(database: str) -> Iterator[FactRecorder]:
    """A recorder on the test's own database."""
    with opened(database, max_size=4) as recorder:
        yield recorder


def test_a_follower_is_given_what_is_settled_and_in_order(
    recorder: FactRecorder, database: str
) -> None:
    with open_transaction(database) as slow, recorder.subscribe() as subscription:
        append_in(slow, facts())
        recorder.insert_events(facts())
        with ThreadPoolExecutor(1) as aside:
            first = aside.submit(next, subscription)
            assert not first.done()
            slow.commit()
            assert first.result().id == 1
        assert next(subscription).id == 2


def test_a_save_of_another_process_is_seen_soon(recorder: FactRecorder, database: str) -> None:
    with recorder.subscribe() as subscription, ThreadPoolExecutor(1) as aside:
        waiting = aside.submit(next, subscription)
        with opened(database) as elsewhere:
            elsewhere.insert_events(facts())
        assert waiting.result(timeout=5).id == 1


def test_a_follower_may_ask_for_some_topics_only(recorder: FactRecorder) -> None:
    recorder.insert_events(facts(topic="order.paid"))
    recorder.insert_events(facts())
    with recorder.subscribe(topics=["member.noted"]) as subscription:
        assert next(subscription).id == 2


def test_who_waits_is_released_when_it_is_stopped(recorder: FactRecorder) -> None:
    with recorder.subscribe() as subscription, ThreadPoolExecutor(1) as aside:
        waiting = aside.submit(list, subscription)
        began = monotonic()
        subscription.stop()
        assert waiting.result(timeout=5) == []
        assert monotonic() - began < 5


def test_who_has_left_is_woken_no_more(recorder: FactRecorder) -> None:
    with recorder.subscribe():
        assert len(recorder.on_append) == 1
    assert recorder.on_append == []
    with pytest.raises(ProgrammingError):
        recorder.subscribe().__exit__(None, None, None)
