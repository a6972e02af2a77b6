"""The judge: totals, standings and access, from exported facts alone.

Plain Python over dictionaries as NDJSON has them. Nothing of the product is imported here: a fold
that is compared with itself would not notice a fact that is applied twice.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

Fact = dict[str, Any]
OPEN_END = datetime.max.replace(tzinfo=UTC)
PAID_FOR = {"one_time", "instalments", "recurring"}


def instant(text: str | None) -> datetime | None:
    """A stored instant."""
    return None if text is None else datetime.fromisoformat(text)


class Oracle:
    """What a list of exported facts, in order of position, adds up to."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        self.accounts: dict[str, Fact] = {}
        self.names: dict[str, str] = {}
        self.tags: dict[str, set[str]] = defaultdict(set)
        self.closed: set[str] = set()
        self.stays: dict[str, dict[str, Any]] = {}
        self.placed: dict[str, Fact] = {}
        self.money: Counter[tuple[str, str, str, str]] = Counter()
        self.moves: list[tuple[int, str, int]] = []
        self.settled_orders: dict[str, set[str]] = defaultdict(set)
        for fact in facts:
            self.hear(fact)

    def hear(self, fact: Fact) -> None:
        """One more fact."""
        read = getattr(self, fact["topic"].replace(".", "_"), None)
        if read is not None:
            read(fact)

    # --- people -----------------------------------------------------------------------

    def member_account_opened(self, fact: Fact) -> None:
        self.accounts[fact["originator_id"]] = fact
        self.names[fact["originator_id"]] = fact["name"]

    def member_renamed(self, fact: Fact) -> None:
        self.names[fact["originator_id"]] = fact["name"]

    def member_account_closed(self, fact: Fact) -> None:
        self.closed.add(fact["originator_id"])

    def member_tagged(self, fact: Fact) -> None:
        self.tags[fact["originator_id"]].add(fact["tag"])

    def member_untagged(self, fact: Fact) -> None:
        self.tags[fact["originator_id"]].remove(fact["tag"])

    # --- stays ------------------------------------------------------------------------

    def member_joined(self, fact: Fact) -> None:
        self.stays[fact["membership_id"]] = {
            "member": fact["member_id"],
            "plan": fact["plan_id"],
            "model": fact["terms"]["model"],
            "given": [(instant(fact["occurred_at"]), instant(fact["access_until"]))],
            "trouble": None,
            "tried_again": False,
            "cancelled": False,
            "over": None,
        }

    def _given(self, fact: Fact, until: str | None, **changes: Any) -> None:
        """Access until then from now on; nothing is given for the time before."""
        stay, at = self.stays[fact["membership_id"]], instant(fact["occurred_at"])
        start, end = stay["given"][-1]
        still_open = end is None or end > at
        if still_open:
            stay["given"][-1] = (start, at)
        stay["given"].append((at, instant(until)))
        stay.update(changes)

    def member_renewed(self, fact: Fact) -> None:
        self._given(fact, fact["access_until"], trouble=None)

    def member_past_due(self, fact: Fact) -> None:
        again = fact["retry_at"] is not None
        self._given(fact, fact["grace_until"], trouble="past_due", tried_again=again)

    def member_action_required(self, fact: Fact) -> None:
        self._given(fact, fact["grace_until"], trouble="action_required", tried_again=False)

    def member_self_cancelled(self, fact: Fact) -> None:
        self._given(fact, fact["access_until"], cancelled=True)

    def member_cancellation_withdrawn(self, fact: Fact) -> None:
        self._given(fact, fact["access_until"], cancelled=False, trouble=None)

    def member_instalments_completed(self, fact: Fact) -> None:
        self._given(fact, None, trouble=None)

    def _over(self, fact: Fact) -> None:
        self.stays[fact["membership_id"]].update(
            over=instant(fact["occurred_at"]), tried_again=False
        )

    member_left = member_removed = member_lapsed = _over

    # --- money ------------------------------------------------------------------------

    def order_placed(self, fact: Fact) -> None:
        self.placed[fact["originator_id"]] = fact
        if fact["amount"]["minor"] == 0:
            self.settled_orders[fact["member_id"]].add(fact["originator_id"])

    def _move(self, fact: Fact, kind: str, sign: int) -> None:
        amount = fact["amount"]
        key = (fact["member_id"], amount["currency"], fact["mode"], kind)
        self.money[key] += sign * amount["minor"]
        net = 1 if kind == "gross" else -1
        self.moves.append((fact["position"], amount["currency"], net * sign * amount["minor"]))

    def order_paid(self, fact: Fact) -> None:
        self._move(fact, "gross", 1)
        self.settled_orders[fact["member_id"]].add(fact["originator_id"])

    def order_refunded(self, fact: Fact) -> None:
        self._move(fact, "refunded", 1)

    def order_refund_failed(self, fact: Fact) -> None:
        if fact["was_settled"]:
            self._move(fact, "refunded", -1)

    def order_dispute_closed(self, fact: Fact) -> None:
        if fact["outcome"] == "lost":
            self._move(fact, "disputed", 1)

    # --- answers ----------------------------------------------------------------------

    def total(self, member: str, currency: str, mode: str) -> tuple[int, int, int]:
        """Gross, refunded and disputed of one person."""
        gross, refunded, disputed = (
            self.money[member, currency, mode, kind] for kind in ("gross", "refunded", "disputed")
        )
        return gross, refunded, disputed

    def opens(self, stay: dict[str, Any], now: datetime) -> bool:
        """Whether a stay opens its plan at an instant."""
        if stay["over"] is not None and stay["over"] <= now:
            return False
        return any(start <= now < (end or OPEN_END) for start, end in stay["given"])

    def runs(self, stay: dict[str, Any], now: datetime) -> bool:
        """Whether a stay still stands: a charge or a retry that is late does not end it."""
        if stay["over"] is not None and stay["over"] <= now:
            return False
        end = stay["given"][-1][1]
        if end is None or now < end:
            return True
        return not stay["cancelled"] and (not stay["trouble"] or stay["tried_again"])

    def access(self, member: str, plan: str, now: datetime) -> bool:
        """Whether a plan is open to a person at an instant."""
        return any(self.opens(stay, now) for stay in self._of(member) if stay["plan"] == plan)

    def status(self, member: str, now: datetime) -> str:
        """The worst thing that can be said of a person at an instant."""
        standing = [stay for stay in self._of(member) if self.runs(stay, now)]
        said = {"cancelled" if stay["cancelled"] else stay["trouble"] for stay in standing}
        for trouble in ("action_required", "past_due"):
            if trouble in said:
                return trouble
        if "cancelled" in said:
            return "cancelling"
        if standing:
            return "member"
        if self._of(member):
            return "former"
        return "closed" if member in self.closed else "contact"

    def is_customer(self, member: str) -> bool:
        """Whether a person is, or was, in a plan that takes money."""
        return any(stay["model"] in PAID_FOR for stay in self._of(member))

    def _of(self, member: str) -> list[dict[str, Any]]:
        return [stay for stay in self.stays.values() if stay["member"] == member]
