"""Any sequence of acts on a member's memberships, against a plain oracle."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
)

from ledger import ids
from ledger.dunning import POLICIES
from ledger.errors import LedgerError
from ledger.member import Member
from ledger.terms import Terms
from tests.ledger.member_oracle import NEVER, PersonOracle
from tests.ledger.stories import (
    ANNE,
    FREE,
    MONTHLY,
    ONE_TIME,
    THREE_PAYMENTS,
    by_anne,
    by_gateway,
    by_scheduler,
    by_staff,
    day,
    replayed,
    state,
    uid,
)

TERMS: dict[str, Terms] = {
    "free": FREE,
    "one_time": ONE_TIME,
    "recurring": MONTHLY,
    "instalments": THREE_PAYMENTS,
}
PLANS = ["gold", "silver"]


class MemberMachine(RuleBasedStateMachine):
    """Acts on a virtual time line of whole days; the oracle says what each must do."""

    stays = Bundle("stays")

    @initialize(policy=st.sampled_from(sorted(POLICIES)))
    def sign_up(self, policy: str) -> None:
        self.policy, self.oracle = POLICIES[policy], PersonOracle(policy)
        self.today, self.joins = 0, 0
        self.answers: dict[tuple[str, int], bool] = {}
        self.member = Member.open_account(
            ANNE, email="anne@example.org", name="Anne", locale="en", stamp=by_anne(day(0))
        )

    def agree(
        self, expected: str | None, act: Callable[..., Any], *args: Any, **fields: Any
    ) -> None:
        """The product refuses with the class that the oracle names, or does it."""
        before, refusal = self.member.version, None
        try:
            act(*args, **fields)
        except LedgerError as error:
            refusal = type(error).__name__
        assert refusal == expected
        assert refusal is None or self.member.version == before

    # --- time ---------------------------------------------------------------------------

    @rule(days=st.sampled_from([1, 2, 5, 10, 29, 30, 31]))
    def wait(self, days: int) -> None:
        for passed in range(days):
            self.remember(self.today + passed)
        self.today += days

    def remember(self, today: int) -> None:
        """Yesterday's answers may not change: a job that is late changes none (AX8)."""
        for plan in PLANS:
            allowed = self.member.access(uid(plan), day(today)).allowed
            assert self.answers.setdefault((plan, today), allowed) == allowed

    # --- acts ---------------------------------------------------------------------------

    @rule(target=stays, plan=st.sampled_from(PLANS), model=st.sampled_from(sorted(TERMS)))
    def join(self, plan: str, model: str) -> Any:
        self.joins += 1
        name = f"stay {self.joins}"
        self.begin(name, plan, model)
        return name if name in self.oracle.stays else multiple()

    @rule(name=stays, plan=st.sampled_from(PLANS), model=st.sampled_from(sorted(TERMS)))
    def join_again(self, name: str, plan: str, model: str) -> None:
        self.begin(name, plan, model)

    def begin(self, name: str, plan: str, model: str) -> None:
        self.agree(
            self.oracle.join(name, plan, model, self.today),
            self.member.join,
            uid(name),
            plan_id=uid(plan),
            plan_name=plan,
            terms=TERMS[model],
            price_version=1,
            order_id=ids.order(uid(name), 0),
            discount=None,
            began_free=False,
            period_end=day(self.today + 30) if TERMS[model].repeats else None,
            policy=self.policy,
            stamp=by_anne(day(self.today)),
        )

    @rule(name=stays, ahead=st.integers(-1, 2))
    def renew(self, name: str, ahead: int) -> None:
        stay = self.oracle.stays[name]
        assume(TERMS[stay.model].repeats)
        index = stay.payments + ahead
        assume(stay.model == "recurring" or index < 3)
        last = stay.model == "instalments" and index == 2
        self.agree(
            self.oracle.renew(name, index, self.today),
            self.member.renew,
            uid(name),
            order_id=ids.order(uid(name), index),
            charge_index=index,
            period_start=day(stay.begun + 30 * index),
            period_end=None if last else day(stay.begun + 30 * (index + 1)),
            policy=self.policy,
            stamp=by_gateway(day(self.today)),
        )

    @rule(name=stays, behind=st.sampled_from([0, 0, 0, 1, 2]), hopeless=st.booleans())
    def fail(self, name: str, behind: int, hopeless: bool) -> None:
        stay = self.oracle.stays[name]
        index = (self.today - stay.begun) // 30 - behind
        assume(TERMS[stay.model].repeats and index >= 1)
        due = stay.begun + 30 * index
        fields = {
            "order_id": ids.order(uid(name), index),
            "due_at": day(due),
            "policy": self.policy,
            "stamp": by_gateway(day(self.today)),
        }
        expected = self.oracle.fail(name, index, self.today, hopeless=hopeless)
        if hopeless:
            self.agree(expected, self.member.require_action, uid(name), why="expired", **fields)
        else:
            self.agree(expected, self.member.fall_past_due, uid(name), **fields)

    @rule(name=stays)
    def cancel(self, name: str) -> None:
        expected = self.oracle.cancel(name, self.today)
        self.agree(expected, self.member.self_cancel, uid(name), stamp=by_anne(day(self.today)))

    @rule(name=stays)
    def withdraw(self, name: str) -> None:
        self.agree(
            self.oracle.withdraw(name, self.today),
            self.member.withdraw_cancellation,
            uid(name),
            policy=self.policy,
            stamp=by_anne(day(self.today)),
        )

    @rule(name=stays)
    def leave(self, name: str) -> None:
        expected = self.oracle.leave(name, self.today)
        self.agree(expected, self.member.leave, uid(name), stamp=by_anne(day(self.today)))

    @rule(name=stays)
    def remove(self, name: str) -> None:
        expected = self.oracle.remove(name, self.today)
        self.agree(
            expected, self.member.remove, uid(name), "asked", stamp=by_staff(day(self.today))
        )

    @rule(name=stays)
    def lapse(self, name: str) -> None:
        closes = self.oracle.stays[name].closes
        at = min(self.today, closes) if closes < NEVER else self.today
        expected = self.oracle.lapse(name, at)
        self.agree(expected, self.member.lapse, uid(name), stamp=by_scheduler(day(at)))

    @rule(name=stays)
    def ask_whether_due(self, name: str) -> None:
        membership = self.member.membership(uid(name))
        expected = self.oracle.due(name, self.today)
        self.agree(expected, membership.require_charge_due, day(self.today))

    # --- what always holds --------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "member"))
    @rule(plan=st.sampled_from(PLANS), asked=st.integers(-5, 400))
    def access_at_any_day_is_as_the_oracle_says(self, plan: str, asked: int) -> None:
        answer = self.member.access(uid(plan), day(asked))
        assert answer.allowed == self.oracle.is_open(plan, asked)
        assert answer.rule
        assert bool(answer.fact_ids) == any(s.plan == plan for s in self.oracle.stays.values())

    @invariant()
    def at_most_one_membership_runs_in_a_plan(self) -> None:
        for plan in PLANS:
            found = [
                m.membership_id
                for m in self.member.memberships.values()
                if m.plan_id == uid(plan) and m.is_running(day(self.today))
            ]
            assert found == [uid(name) for name in self.oracle.running(plan, self.today)]
            assert len(found) <= 1

    @invariant()
    def every_membership_has_ended_as_the_oracle_says(self) -> None:
        for name, stay in self.oracle.stays.items():
            ending = self.member.membership(uid(name)).ending_at(day(self.today))
            by_time = "self_cancelled" if stay.cancelling else "lapsed"
            expected = None if stay.stands(self.today) else stay.over or by_time
            assert ending == expected

    def teardown(self) -> None:
        """The same facts, read back, make the same member; and answer as they answered then."""
        if not hasattr(self, "member"):
            return
        again = replayed(self.member)
        assert state(again) == state(self.member)
        for (plan, asked), allowed in self.answers.items():
            assert again.access(uid(plan), day(asked)).allowed == allowed


TestMember = MemberMachine.TestCase
