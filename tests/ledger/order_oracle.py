"""What RULES say of one order's money, told a second time with lists of amounts.

Each act answers with the name of the refusal, or nothing. Amounts are cents.
"""

from __future__ import annotations

UNDECIDED = {"open", "pending", "unknown"}


class PurseOracle:
    """An order: its tries, the payments that came in, and what went back of each."""

    def __init__(self, price: int) -> None:
        self.price = price
        self.attempts: list[str] = []
        self.payments: list[tuple[str, int]] = []
        self.refunds: dict[str, list[object]] = {}  # payment, amount, state
        self.disputes: dict[str, list[object]] = {}  # payment, amount, state, refundable
        self.taken_back: dict[str, int] = {}
        self.withdrawn = False

    # --- sums ---------------------------------------------------------------------------

    def paid(self) -> int:
        """All that came in."""
        return sum(amount for _, amount in self.payments) - sum(self.taken_back.values())

    def left_of(self, payment: str) -> int:
        """What may still go back of one payment."""
        if payment in self.taken_back or self.is_blocked(payment):
            return 0
        held = [
            int(str(amount))
            for of, amount, state, refundable in self.disputes.values()
            if of == payment and (state == "lost" or (state == "open" and refundable is not True))
        ]
        return max(self.kept_of(payment) - sum(held), 0)

    def kept_of(self, payment: str) -> int:
        """What has not gone back of one payment, and is not about to."""
        return max(0, dict(self.payments)[payment] - _sum(self.refunds, payment, but="failed"))

    def is_blocked(self, payment: str) -> bool:
        """Whether a bank contests it and takes no refund."""
        known = self.disputes.values()
        return any(of == payment and told is False and s != "won" for of, _, s, told in known)

    def totals(self) -> list[int]:
        """Paid, refunded, lost, refundable."""
        made = sum(int(str(a)) for _, a, state in self.refunds.values() if state == "made")
        lost = sum(int(str(a)) for _, a, state, _told in self.disputes.values() if state == "lost")
        left = sum(self.left_of(payment) for payment, _ in self.payments)
        return [self.paid(), made, lost, left]

    # --- trying -------------------------------------------------------------------------

    def start(self) -> str | None:
        """A new try."""
        if self.withdrawn:
            return "OrderWithdrawn"
        if self.paid() >= self.price:
            return "OrderSettled"
        if UNDECIDED & set(self.attempts):
            return "AttemptOpen"
        self.attempts.append("open")
        return None

    def hear(self, number: int, what: str) -> str | None:
        """The gateway tells of a try."""
        if number > len(self.attempts):
            return "NotFound"
        before = {
            "pending": {"open", "unknown"},
            "unknown": {"open"},
            "abandoned": {"open", "unknown"},
            "failed": UNDECIDED,
        }
        if self.attempts[number - 1] in before[what]:
            self.attempts[number - 1] = what
        return None

    def pay(self, number: int, reference: str, amount: int) -> str | None:
        """Money came in."""
        if amount <= 0:
            return "AmountNotPositive"
        if reference in dict(self.payments):
            return None
        self.payments.append((reference, amount))
        if number <= len(self.attempts):
            self.attempts[number - 1] = "paid"
        return None

    def withdraw(self) -> str | None:
        """The money is not wanted any more."""
        if UNDECIDED & set(self.attempts):
            return "AttemptOpen"
        if self.paid() or self.price == 0:
            return "OrderSettled"
        self.withdrawn = True
        return None

    # --- giving back --------------------------------------------------------------------

    def request(self, refund: str, amount: int, payment: str | None) -> str | None:
        """Staff give money back."""
        if refund in self.refunds:
            return None
        if not self.paid():
            return "OrderNotPaid"
        if amount <= 0:
            return "AmountNotPositive"
        named = [p for p, _ in self.payments if payment in {None, p}]
        if not named:
            return "NotFound"
        enough = [p for p in named if self.left_of(p) >= amount]
        if enough:
            self.refunds[refund] = [enough[-1], amount, "requested"]
        asked = payment or max(reversed(named), key=self.left_of)
        if not enough and self.is_blocked(asked):
            return "RefundBlocked"
        return None if enough else "RefundTooLarge"

    def hear_of_refund(self, refund: str, what: str) -> str | None:
        """The gateway tells of a refund."""
        if refund not in self.refunds:
            return "NotFound"
        before = {
            "pending": {"requested"},
            "made": {"requested", "pending"},
            "failed": {"requested", "pending", "made"},
        }
        if self.refunds[refund][2] in before[what]:
            self.refunds[refund][2] = what
        return None

    # --- disputes -----------------------------------------------------------------------

    def contest(
        self, dispute: str, payment: str, amount: int, refundable: bool | None
    ) -> str | None:
        """The bank contests a payment."""
        if amount <= 0:
            return "AmountNotPositive"
        if payment not in dict(self.payments):
            return "NotFound"
        self.disputes.setdefault(dispute, [payment, amount, "open", refundable])
        return None

    def contest_again(self, dispute: str, amount: int, refundable: bool | None) -> str | None:
        """The bank says something else."""
        if dispute not in self.disputes:
            return "NotFound"
        known = self.disputes[dispute]
        if known[2] == "open" and amount <= 0:
            return "AmountNotPositive"
        known[1:] = [amount if known[2] == "open" else known[1], known[2], refundable]
        return None

    def take_back(self, payment: str) -> str | None:
        """The gateway takes what is left of a payment."""
        if payment not in dict(self.payments):
            return "NotFound"
        self.taken_back.setdefault(payment, self.kept_of(payment))
        return None

    def decide(self, dispute: str, outcome: str) -> str | None:
        """The bank decides."""
        if dispute not in self.disputes:
            return "NotFound"
        if self.disputes[dispute][2] != "won":  # what was lost may be won after all
            self.disputes[dispute][2] = outcome
        return None


def _sum(entries: dict[str, list[object]], payment: str, *, but: str) -> int:
    return sum(int(str(a)) for of, a, state in entries.values() if of == payment and state != but)
