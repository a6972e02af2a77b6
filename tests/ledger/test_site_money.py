"""The site's money as a whole: the account it is pinned to, its settings, where books differ."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.errors import GatewayChanged, NotFound, RealMoneyStays, ReasonMalformed
from ledger.facts import Stamp
from ledger.money import Mode
from ledger.site import Site
from ledger.site_money import (
    MOST_DETECTED,
    Drift,
    DriftCount,
    MoneySum,
    Pin,
    ReconciliationReceipt,
)
from tests.ledger.stories import (
    by_scheduler,
    by_staff,
    day,
    eur,
    names,
    recorded,
    replayed,
    state,
    uid,
)


def founded() -> Site:
    return Site.found(stamp=by_staff())


def happened(site: Site) -> list[Any]:
    """Its facts, but the first; fields of a kind of fact are asked without naming the kind."""
    return list(recorded(site))[1:]


def told(site: Site) -> list[str]:
    return names(site)[1:]


def drift(word: str = "lost", account: str = "acct_1") -> Drift:
    return Drift(
        drift_id=uid(word),
        account=account,
        drift="missing_at_gateway",
        kind="payment",
        source=word,
        payment_id=word,
        order_id=uid("order"),
        fact_id="order/3",
        at=day(1),
        ours=eur(1_200),
        theirs=None,
        our_mode="live",
        their_mode=None,
        said=None,
    )


def receipt(*found: Drift, account: str = "acct_1") -> ReconciliationReceipt:
    return ReconciliationReceipt(
        account=account,
        mode="live",
        since=day(0),
        until=day(3),
        sums=(MoneySum(currency="EUR", mode="live", movements=1, theirs=1, facts=2, ours=2),),
        found=(DriftCount(drift="missing_at_gateway", found=len(found)),),
        mended=0,
        left_out=0,
    )


def reconcile(site: Site, *found: Drift, at: Stamp | None = None, account: str = "acct_1") -> None:
    site.reconcile(receipt(*found, account=account), found, stamp=at or by_scheduler(day(3)))


# --- the account ------------------------------------------------------------------------


def test_the_first_account_is_pinned_once() -> None:
    site = founded()
    for _ in range(2):
        site.pin_gateway("acct_1", "live", stamp=by_staff())
    (fact,) = happened(site)
    assert (fact.account, fact.mode, fact.reason) == ("acct_1", "live", None)
    assert replayed(site).gateway == Pin("acct_1", "live", None)


@pytest.mark.parametrize(("account", "mode"), [("acct_2", "test"), ("acct_1", "live")])
def test_another_account_or_mode_is_refused(account: str, mode: Mode) -> None:
    site = founded()
    site.pin_gateway("acct_1", "test", stamp=by_staff())
    with pytest.raises(GatewayChanged) as refused:
        site.pin_gateway(account, mode, stamp=by_staff())
    assert "belong to acct_1 (test mode)" in str(refused.value)
    assert f"to {account} ({mode} mode)" in str(refused.value)


def test_an_account_is_left_on_purpose_and_with_a_reason() -> None:
    site = founded()
    site.pin_gateway("sandbox", "test", stamp=by_staff())
    with pytest.raises(ReasonMalformed):
        site.repin_gateway("acct_1", "live", " ", stamp=by_staff(day(1)))
    for _ in range(2):
        site.repin_gateway("acct_1", "live", "we open today", stamp=by_staff(day(1)))
    assert told(site) == ["site.gateway_pinned"] * 2
    assert replayed(site).gateway == Pin("acct_1", "live", day(1))
    site.pin_gateway("acct_1", "live", stamp=by_staff(day(2)))
    assert len(told(site)) == 2


def test_real_money_never_becomes_play_money() -> None:  # part of OR9
    site = founded()
    site.pin_gateway("acct_1", "live", stamp=by_staff())
    with pytest.raises(RealMoneyStays):
        site.repin_gateway("sandbox", "test", "to try things", stamp=by_staff())
    site.repin_gateway("acct_2", "live", "another bank", stamp=by_staff(day(1)))
    assert site.gateway == Pin("acct_2", "live", day(1))


def test_a_setting_that_changes_is_a_fact_with_what_it_was() -> None:
    site = founded()
    for value in ("Europe/Paris", "Europe/Paris", "Europe/Lisbon"):
        site.change_setting("time_zone", value, stamp=by_staff())
    assert [(fact.before, fact.after) for fact in happened(site)] == [
        (None, "Europe/Paris"),
        ("Europe/Paris", "Europe/Lisbon"),
    ]
    assert replayed(site).settings == {"time_zone": "Europe/Lisbon"}


# --- drifts -----------------------------------------------------------------------------


def test_a_drift_is_detected_once_and_resolved_when_it_is_gone() -> None:
    site = founded()
    reconcile(site, drift())
    reconcile(site, drift())
    reconcile(site)
    reconcile(site)
    assert told(site) == [
        "site.reconciled",
        "site.drift_detected",
        "site.reconciled",
        "site.reconciled",
        "site.drift_resolved",
        "site.reconciled",
    ]
    assert state(replayed(site)) == state(site)
    assert site.drifts[uid("lost")].ending == "gone"


def test_a_drift_that_comes_back_is_detected_again() -> None:
    site = founded()
    for found in ([drift()], [], [drift()]):
        reconcile(site, *found)
    assert told(site).count("site.drift_detected") == 2
    assert [one.drift for one in site.open_drifts] == [drift()]


def test_a_drift_that_a_person_accepts_stays_accepted() -> None:
    site = founded()
    reconcile(site, drift())
    for _ in range(2):
        site.accept_drift(uid("lost"), "our other shop", stamp=by_staff(day(4)))
    reconcile(site, drift())
    assert not site.open_drifts
    assert told(site)[-2:] == ["site.drift_resolved", "site.reconciled"]
    assert site.drifts[uid("lost")].reason == "our other shop"
    with pytest.raises(NotFound):
        site.accept_drift(uid("never seen"), "why", stamp=by_staff())


def test_what_another_account_left_open_is_not_resolved_by_looking_elsewhere() -> None:
    site = founded()
    reconcile(site, drift())
    reconcile(site, account="acct_2")
    assert [one.drift for one in site.open_drifts] == [drift()]


def test_when_everything_differs_not_each_is_written_down() -> None:
    site = founded()
    reconcile(site, *(drift(f"lost {number}") for number in range(MOST_DETECTED + 5)))
    assert len(site.open_drifts) == MOST_DETECTED
    assert site.reconciliation is not None
    assert site.reconciliation.receipt.left_out == 5
