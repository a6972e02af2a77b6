"""The payments drill in small: promises kept through bad luck, and broken by what is careless."""

from __future__ import annotations

import base64
from collections import Counter

import pytest

from ledger.payments.sandbox_books import MemoryBooks
from scripts.drills.payments import Size, play
from scripts.drills.payments_ablations import new_key_per_try
from scripts.drills.payments_luck import Crash, Luck, Post, Rates
from scripts.drills.payments_site import NOON
from scripts.drills.payments_verdict import Verdict
from tests.payments.sandbox_stage import sandbox_stage
from web.settings import Settings

SMALL = Size(members=3, periods=2)


def played(database: str, luck: Luck) -> Verdict:
    key = base64.b64encode(bytes(range(32))).decode()
    settings = Settings.model_validate({"database_url": database, "master_key": key})
    return play(settings, database, luck, SMALL, sandbox_stage(MemoryBooks(), NOON))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_promise_is_kept_through_bad_luck(database: str, seed: int) -> None:
    luck = Luck(seed)
    verdict = played(database, luck)
    assert verdict.is_kept, verdict
    troubles = {"calls lost", "answers lost", "crashes", "notices late"}
    assert troubles <= luck.counts.keys()


def test_a_new_key_per_try_breaks_a_promise(database: str) -> None:
    with new_key_per_try():
        assert not played(database, Luck(1)).is_kept


@pytest.mark.parametrize(
    "broken",
    [
        Verdict(charges=1, drift=1),
        Verdict(charges=1, double_charges=1),
        Verdict(charges=1, open_attempts=1),
        Verdict(charges=1, open_refunds=1),
        Verdict(charges=1, notices_left=1),
        Verdict(charges=1, broken=["charge: not_due"]),
        Verdict(),
    ],
)
def test_one_broken_promise_is_enough(broken: Verdict) -> None:
    assert Verdict(charges=1).is_kept
    assert not broken.is_kept


def test_the_same_seed_is_the_same_luck() -> None:
    def fallen(seed: int) -> list[object]:
        luck = Luck(seed)
        return [luck.strikes("trouble", 50) for _ in range(40)] + [luck.id()]

    assert fallen(1) == fallen(1)
    assert fallen(1) != fallen(2)


def test_nothing_goes_wrong_in_the_calm() -> None:
    luck = Luck(1, Rates(crash=100))
    with pytest.raises(Crash):
        luck.may_crash(100)
    with luck.calmed():
        luck.may_crash(100)
    assert luck.counts["crashes"] == 1


def test_a_bad_post_brings_the_rest_shuffled_and_some_twice() -> None:
    post, sent = Post(Luck(1)), [bytes([number]) for number in range(200)]
    for raw in sent:
        post.take(raw)
    brought = Counter(post.brought())
    while post.under_way:
        brought.update(post.brought())
    counts = post.luck.counts
    assert len(brought) == 200 - counts["notices lost"]
    assert brought.total() - len(brought) == counts["notices repeated"]
    assert list(brought) != sorted(brought)
