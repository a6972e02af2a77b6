"""What nobody waits for goes last: in a thread, in the server, and without helpers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from threading import get_native_id

import pytest

from ledger.store.pool import connect
from projections.priority import GOES_LAST, LOWEST, paced, quietly, step_back
from tests.projections.books import Books
from tests.projections.rebuilds import rebuilder

needs_sessions = pytest.mark.skipif(
    not Path("/proc/self/autogroup").exists(), reason="this Linux does not group by session"
)


def _own() -> int:
    return os.getpriority(os.PRIO_PROCESS, get_native_id())


def test_quiet_work_has_the_lowest_priority_and_its_caller_keeps_its_own() -> None:
    before = _own()
    assert quietly(_own) == LOWEST
    assert _own() == before


def session_of(process_id: int | str) -> int:
    """The priority of the session that a process is in."""
    return int(Path(f"/proc/{process_id}/autogroup").read_text(encoding="ascii").split()[-1])


OWN_SESSION = """
from pathlib import Path
from projections.priority import begin_lowest, quietly
own = Path("/proc/self/autogroup")
print(quietly(own.read_text).split()[-1], own.read_text().split()[-1])
begin_lowest()
print(own.read_text().split()[-1])
"""
IN_ANOTHER_S = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
"""


@needs_sessions
@pytest.mark.parametrize(("leads", "quiet"), [(True, "19"), (False, "0")])
def test_a_session_is_lowered_where_it_is_one_s_own(leads: bool, quiet: str) -> None:
    # Either way the session is new: the one that the tests run in may have another priority.
    program = [OWN_SESSION] if leads else [IN_ANOTHER_S, OWN_SESSION]
    told = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", *program],
        start_new_session=True,
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.split() == [quiet, "0", "19"]


@pytest.mark.skipif(sys.platform != "linux", reason="such a policy is known to Linux alone")
def test_quiet_work_stands_aside_and_its_caller_does_not() -> None:
    before = os.sched_getscheduler(0)
    assert quietly(lambda: os.sched_getscheduler(0)) == os.SCHED_IDLE
    assert os.sched_getscheduler(0) == before


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
        assert session_of(connection.info.backend_pid) == LOWEST
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


@pytest.mark.skipif(sys.platform != "linux", reason="threads share one priority")
def test_beside_several_workers_work_goes_like_all_other() -> None:
    assert paced(_own, GOES_LAST) == LOWEST
    assert paced(_own, GOES_LAST + 1) == os.getpriority(os.PRIO_PROCESS, 0)
