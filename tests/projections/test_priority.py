"""What nobody waits for goes last: in a thread, in the server, and without helpers."""

from __future__ import annotations

import os
from threading import get_native_id

import pytest

from ledger.store.pool import connect
from projections.priority import LOWEST, quietly, step_back
from tests.projections.books import Books
from tests.projections.rebuilds import rebuilder


def _own() -> int:
    return os.getpriority(os.PRIO_PROCESS, get_native_id())


def test_quiet_work_has_the_lowest_priority_and_its_caller_keeps_its_own() -> None:
    before = _own()
    assert quietly(_own) == LOWEST
    assert _own() == before


def test_quiet_work_raises_where_it_is_waited_for() -> None:
    def fail() -> None:
        raise LookupError("so it is")

    with pytest.raises(LookupError, match="so it is"):
        quietly(fail)


def test_a_connection_that_steps_back_has_the_lowest_priority_and_no_helpers(
    database: str,
) -> None:
    with connect(database) as connection:
        step_back(connection)
        assert os.getpriority(os.PRIO_PROCESS, connection.info.backend_pid) == LOWEST
        for setting in ("max_parallel_workers_per_gather", "max_parallel_maintenance_workers"):
            assert connection.execute("SELECT current_setting(%s)", [setting]).fetchone() == ("0",)


def test_a_rebuild_is_verified_at_the_lowest_priority_and_swapped_at_its_own(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    from projections.last_stretch import LastStretch
    from projections.verify import Verifier

    seen: dict[str, int] = {}
    verified, swapped = Verifier.rebuilt, LastStretch.swap

    def verify(*arguments: object, **named: object) -> object:
        seen["verify"] = _own()
        return verified(*arguments, **named)  # type: ignore[arg-type]

    def swap(*arguments: object) -> object:
        seen["swap"] = _own()
        return swapped(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Verifier, "rebuilt", verify)
    monkeypatch.setattr(LastStretch, "swap", swap)
    rebuilder(books).run(["members"])
    assert seen == {"verify": LOWEST, "swap": _own()}
