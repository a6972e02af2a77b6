"""Killing whoever takes part in a rebuild, in the state that is aimed at."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import NamedTuple

from ledger.store.cluster import Cluster
from scripts.drills.logged import LoggedSite
from scripts.drills.watching import Seen, Watch

STAGES = ("planned", "building", "catching_up", "verifying", "swapping", "receipt")
LONGEST_DELAYS = (0.03, 1.5, 0.04, 0.4, 0.01, 0.02)
"""How long after a stage began it is struck at most, in seconds: well within it, as a rule."""
NAP_SECONDS, SHORT_NAP_SECONDS = 0.01, 0.002
"""Between two looks: while the stage is far off, and while it is next."""
LONGEST_SECONDS = 180


class Aim(NamedTuple):
    """Who is to be killed, and when."""

    victim: str
    stage: str


AIMS = (
    Aim("worker", "building"),
    *(Aim(*one) for one in product(("coordinator", "database"), STAGES)),
)
"""Everybody in every state in which they live."""


class Strike(NamedTuple):
    """What was hit: the stage as it was seen just before, and the parts that were done by then."""

    hit: Aim
    number: int
    done: dict[int, str]
    position: int
    at: float
    delay: float


def strike(
    site: LoggedSite,
    watch: Watch,
    run: subprocess.Popen[str],
    *,
    before: int,
    aim: Aim,
    dice: random.Random,
) -> Strike | None:
    """Wait until the rebuild after number `before` is where it is aimed at, and kill.

    One that has hurried past is struck where it is. None where it ended first.
    """
    delay = dice.uniform(0, LONGEST_DELAYS[STAGES.index(aim.stage)])
    if not _has_come(watch, run, before, aim):
        return None
    time.sleep(delay)
    seen = watch.seen()
    if seen is None or seen.stage not in STAGES:
        return None
    done = watch.done(seen.number)
    victim = _victim(site, run, aim, dice)
    if victim is None:
        return None
    at = time.monotonic()
    with suppress(ProcessLookupError):
        os.kill(victim, signal.SIGKILL)
    hit = Aim(aim.victim, seen.stage)
    return Strike(hit, seen.number, done, seen.position, at, delay)


def _has_come(watch: Watch, run: subprocess.Popen[str], before: int, aim: Aim) -> bool:
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until and run.poll() is None:
        seen, nap = watch.seen(), NAP_SECONDS
        if seen is not None and seen.number > before:
            if seen.stage not in STAGES:
                return False
            if _is_there(seen, aim) and (aim.victim != "worker" or workers(run.pid)):
                return True
            if STAGES.index(seen.stage) + 1 == STAGES.index(aim.stage):
                nap = SHORT_NAP_SECONDS
        time.sleep(nap)
    return False


def _is_there(seen: Seen, aim: Aim) -> bool:
    return STAGES.index(seen.stage) >= STAGES.index(aim.stage)


def _victim(
    site: LoggedSite, run: subprocess.Popen[str], aim: Aim, dice: random.Random
) -> int | None:
    if aim.victim == "database":
        return Cluster(site.data.resolve()).server()
    if aim.victim == "coordinator":
        return run.pid
    found = workers(run.pid)
    return dice.choice(found) if found else None


def workers(coordinator: int) -> list[int]:
    """The processes that fold for a coordinator."""
    found = []
    with suppress(OSError):
        for children in Path(f"/proc/{coordinator}/task").glob("*/children"):
            for child in children.read_text().split():
                if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                    found.append(int(child))
    return sorted(found)


def is_gone(group: int, *, wait_seconds: float = 10) -> bool:
    """Whether nobody of a process group lives on."""
    until = time.monotonic() + wait_seconds
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False
