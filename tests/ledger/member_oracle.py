"""What RULES say of one person's memberships, told a second time in lists of plain words.

Nothing of the product is used but the arithmetic of instants. Instants are whole days.
"""

from __future__ import annotations

from dataclasses import dataclass, field

NEVER = 10**9
"""A day that does not come."""

RETRIES = {"standard": [5, 10], "gentle": [2, 7, 14, 21], "strict": []}
GRACE = {"standard": 10, "gentle": 21, "strict": 0}


@dataclass
class Stay:
    """One membership: the days on which it is open, and what is known of its money."""

    plan: str
    model: str
    begun: int
    paid_to: int
    payments: int = 1
    open_days: list[tuple[int, int]] = field(default_factory=list)
    over: str | None = None
    cancelling: bool = False
    owed: int | None = None
    tries: int = 0
    retry: int | None = None

    @property
    def closes(self) -> int:
        """The day on which access stops if nothing happens."""
        return self.open_days[-1][1]

    def is_open(self, day: int) -> bool:
        """Whether the door is open on a day."""
        return any(first <= day < last for first, last in self.open_days)

    def stands(self, day: int) -> bool:
        """Whether it has not ended, by an act or by the passing of days."""
        if self.over:
            return False
        if day < self.closes:
            return True
        return not self.cancelling and (self.owed is None or self.retry is not None)

    def open_from(self, day: int, last: int) -> None:
        """Open the door until another day, from now on only."""
        first, closes = self.open_days[-1]
        if day < closes:
            self.open_days[-1] = (first, last)
        else:
            self.open_days.append((day, last))

    def shut(self, day: int, how: str) -> None:
        """End it by an act."""
        self.over, self.retry = how, None
        self.open_days = [(first, min(last, day)) for first, last in self.open_days]


class PersonOracle:
    """One person, all their stays, under one dunning policy."""

    def __init__(self, policy: str) -> None:
        self.policy = policy
        self.stays: dict[str, Stay] = {}

    def is_open(self, plan: str, day: int) -> bool:
        """Whether some membership covers the day."""
        return any(stay.is_open(day) for stay in self.stays.values() if stay.plan == plan)

    def running(self, plan: str, day: int) -> list[str]:
        """The names of the memberships that stand in a plan."""
        return [n for n, s in self.stays.items() if s.plan == plan and s.stands(day)]

    # Each act answers with the name of the refusal, or nothing.

    def join(self, name: str, plan: str, model: str, day: int) -> str | None:
        """Begin a stay; the first period is 30 days."""
        if name in self.stays:
            return None
        if self.running(plan, day):
            return "AlreadyMember"
        repeats = model in {"recurring", "instalments"}
        paid_to = day + 30 if repeats else NEVER
        closes = paid_to + GRACE[self.policy] if repeats else NEVER
        stay = Stay(plan, model, day, paid_to, open_days=[(day, closes)])
        self.stays[name] = stay
        return None

    def renew(self, name: str, index: int, day: int) -> str | None:
        """The payment of a later period came in; three instalments are all."""
        stay = self.stays[name]
        if index < stay.payments:
            return None
        refusal = self._going_on(stay, day)
        if refusal:
            return refusal
        stay.payments = index + 1
        stay.owed, stay.tries, stay.retry = None, 0, None
        if stay.model == "instalments" and stay.payments >= 3:
            stay.paid_to = NEVER
            stay.open_from(day, NEVER)
        else:
            stay.paid_to = stay.begun + 30 * stay.payments
            stay.open_from(day, stay.paid_to + GRACE[self.policy])
        return None

    def fail(self, name: str, index: int, day: int, *, hopeless: bool) -> str | None:
        """The charge of a later period failed; hopeless if only the member can mend it."""
        stay = self.stays[name]
        if not stay.stands(day):
            return "MembershipEnded"
        due = stay.begun + 30 * index
        if stay.cancelling or due < stay.paid_to:
            return None
        if not hopeless:
            stay.tries = stay.tries + 1 if stay.owed == index else 1
        stay.owed = index
        left = [] if hopeless else RETRIES[self.policy][stay.tries - 1 :]
        stay.retry = due + left[0] if left else None
        grace = due + GRACE[self.policy]
        stay.open_from(day, max(grace, day) if stay.is_open(day) else grace)
        return None

    def cancel(self, name: str, day: int) -> str | None:
        """The member stops renewal."""
        stay = self.stays[name]
        if not stay.stands(day):
            return "MembershipEnded"
        if stay.model != "recurring":
            return "NotSelfCancellable"
        if stay.cancelling:
            return "AlreadyCancelling"
        stay.cancelling, stay.retry = True, None
        stay.open_from(day, max(day, stay.paid_to))
        return None

    def withdraw(self, name: str, day: int) -> str | None:
        """The member wants renewal after all."""
        stay = self.stays[name]
        if not stay.stands(day):
            return "MembershipEnded"
        if not stay.cancelling:
            return "NotCancelling"
        stay.cancelling = False
        stay.owed, stay.tries, stay.retry = None, 0, None
        stay.open_from(day, stay.paid_to + GRACE[self.policy])
        return None

    def leave(self, name: str, day: int) -> str | None:
        """The member leaves a free plan."""
        stay = self.stays[name]
        if not stay.stands(day):
            return "MembershipEnded"
        if stay.model != "free":
            return "NotLeavable"
        stay.shut(day, "left")
        return None

    def remove(self, name: str, day: int) -> str | None:
        """Staff end it."""
        stay = self.stays[name]
        if not stay.stands(day):
            return "MembershipEnded"
        stay.shut(day, "removed")
        return None

    def lapse(self, name: str, day: int) -> str | None:
        """A job notes that nobody paid."""
        stay = self.stays[name]
        if not stay.over and not stay.cancelling and not stay.stands(day):
            stay.shut(min(day, stay.closes), "lapsed")
        return None

    def due(self, name: str, day: int) -> str | None:
        """Whether the next charge may be made."""
        stay = self.stays[name]
        refusal = self._going_on(stay, day)
        if refusal:
            return refusal
        return "NotDue" if day < stay.paid_to else None

    def _going_on(self, stay: Stay, day: int) -> str | None:
        if not stay.stands(day):
            return "MembershipEnded"
        return "AlreadyCancelling" if stay.cancelling else None
