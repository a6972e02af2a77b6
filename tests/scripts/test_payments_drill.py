"""The payments drill in small: promises kept through bad luck, and broken by what is careless."""

from __future__ import annotations

import base64
from collections import Counter
from uuid import UUID

import pytest

from ledger.clock import VirtualClock
from ledger.payments.gateway import Delivery
from ledger.payments.sandbox_books import MemoryBooks
from ledger.store.pool import open_pool
from scripts.drills.payments import Size, play
from scripts.drills.payments_ablations import ABLATIONS, no_catch_up
from scripts.drills.payments_luck import Crash, Luck, MortalReplays, Post, Rates
from scripts.drills.payments_site import NOON
from scripts.drills.payments_verdict import Verdict
from tests.payments.sandbox_stage import SandboxStage, sandbox_stage
from web.sessions.desk import Desk
from web.sessions.replays import Busy, Mine
from web.settings import Settings

SMALL = Size(members=3, periods=2)
SECRET = bytes(range(32))


def played(database: str, luck: Luck, size: Size = SMALL) -> Verdict:
    key = base64.b64encode(SECRET).decode()
    settings = Settings.model_validate({"database_url": database, "master_key": key})
    return play(settings, database, luck, size, sandbox_stage(MemoryBooks(), NOON))


@pytest.mark.parametrize("seed", [1, 2])
def test_every_promise_is_kept_through_bad_luck(database: str, seed: int) -> None:
    luck = Luck(seed)
    verdict = played(database, luck)
    assert verdict.is_kept, verdict
    troubles = {"calls lost", "answers lost", "crashes", "notices late"}
    assert troubles <= luck.counts.keys()


def test_without_one_key_an_attempt_somebody_pays_twice(database: str) -> None:
    ablation = ABLATIONS["a new key per try"]
    with ablation.without():
        verdict = played(database, Luck(1))
    assert ablation.breaks & verdict.wrong.keys(), verdict.why


def test_notices_come_over_http_and_one_that_is_refused_breaks_a_promise(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forged(_: SandboxStage, body: bytes) -> Delivery:
        return Delivery(body, {"Sandbox-Signature": "t=1,v1=00"})

    monkeypatch.setattr(SandboxStage, "signed", forged)
    luck = Luck(1)
    verdict = played(database, luck, Size(members=2, periods=1))
    assert luck.counts["notices received"] > 0
    assert verdict.broken == ["a notice: 400 notice_rejected"] * luck.counts["notices received"]


def test_what_the_reconciler_has_to_mend_was_a_broken_promise_before(database: str) -> None:
    with no_catch_up():
        verdict = played(database, Luck(1), Size(members=4, periods=3))
    assert verdict.drift > 0
    assert verdict.mended > 0
    assert "drift" in verdict.why


def test_who_is_dead_lets_go_of_no_command(database: str) -> None:
    luck, command, clock = Luck(1, Rates(crash=200)), UUID(int=5), VirtualClock(NOON)
    with open_pool(database, max_size=2) as pool:
        desk = Desk.over(pool, clock, SECRET, shows_mails=False)
        _assert_held_when_dead(MortalReplays(desk, pool, clock, luck), luck, command)


def _assert_held_when_dead(replays: MortalReplays, luck: Luck, command: UUID) -> None:
    mine = replays.take(command, "a wish")
    assert isinstance(mine, Mine)
    with pytest.raises(Crash):
        luck.may_crash()
    replays.drop(command, mine)
    assert isinstance(replays.take(command, "a wish"), Busy)
    luck.is_dead = False
    replays.drop(command, mine)
    assert isinstance(replays.take(command, "a wish"), Mine)


@pytest.mark.parametrize(
    "broken",
    [
        Verdict(charges=1, drift=1),
        Verdict(charges=1, double_charges=1),
        Verdict(charges=1, open_attempts=1),
        Verdict(charges=1, open_refunds=1),
        Verdict(charges=1, notices_left=1),
        Verdict(charges=1, broken=["charge: not_due"]),
        Verdict(charges=1, found=["missing_in_ledger"]),
        Verdict(charges=1, mended=1),
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
    luck = Luck(1, Rates(crash=200))
    with pytest.raises(Crash):
        luck.may_crash()
    with luck.calmed():
        luck.may_crash()
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
