"""What the books say of the site's money as a whole, and what was found about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from ledger.application.books import Position
from ledger.application.operating import OperatingUseCases
from ledger.application.use_case import use_case
from ledger.errors import Forbidden, GatewayModeDiffers
from ledger.facts import Actor, Cause, Fact, Stamp
from ledger.money import Mode
from ledger.order import Order
from ledger.site_money import Drift, ReconciliationReceipt

MONEY_FACTS: tuple[type[Fact], ...] = (
    Order.Paid,
    Order.PaymentReversed,
    Order.FeeRecorded,
    Order.Refunded,
    Order.RefundFailed,
    Order.DisputeFundsMoved,
)
"""Facts that speak of a change of the balance at the payment company."""

RUNNERS = frozenset({"contributor", "program", "machine", "scheduler"})
"""Actors who may hold the books against the payment company."""


class ReconcilingUseCases(OperatingUseCases):
    """The account that the books belong to, and whether both say the same."""

    # --- reading ----------------------------------------------------------------------

    def money_facts(self, since: datetime) -> list[Fact]:
        """The money facts that were recorded at an instant or later."""
        topics = [kind.TOPIC for kind in MONEY_FACTS]
        return list(
            self._fact_mapper.open_records(self._fact_recorder.recorded_since(since, topics))
        )

    def money_facts_of(self, order_id: UUID) -> list[Fact]:
        """The money facts of an order."""
        return [fact for fact in self.facts_of(order_id) if isinstance(fact, MONEY_FACTS)]

    # --- the account ------------------------------------------------------------------

    @use_case
    def pin_gateway(self, account: str, mode: Mode, *, by: Actor, cause: Cause) -> Position:
        """Belong to this account from now on, if to none before.

        Raises GatewayChanged where it is another, GatewayModeDiffers where the site's money is of
        another kind.
        """
        stamp = self._our_stamp(by, cause)
        self._require_mode(mode)
        site = self.site_or_new(stamp)
        site.pin_gateway(account, mode, stamp=stamp)
        return self.append(site)

    @use_case
    def repin_gateway(
        self, account: str, mode: Mode, reason: str, *, by: Actor, cause: Cause
    ) -> Position:
        """Move to another account on purpose; what is under way is asked before. See site_money.

        Raises RealMoneyStays, GatewayModeDiffers.
        """
        stamp = self.staff_stamp(by, cause)
        self._require_mode(mode)
        site = self.site_or_new(stamp)
        site.repin_gateway(account, mode, reason, stamp=stamp)
        return self.append(site)

    @use_case
    def note_settings(self, settings: Mapping[str, str], *, by: Actor, cause: Cause) -> Position:
        """Keep the settings that decide what figures mean; those that are as before are no news."""
        stamp = self._our_stamp(by, cause)
        site = self.site_or_new(stamp)
        for name, value in settings.items():
            site.change_setting(name, value, stamp=stamp)
        return self.append(site)

    # --- what was found ---------------------------------------------------------------

    @use_case
    def record_reconciliation(
        self,
        receipt: ReconciliationReceipt,
        found: Sequence[Drift],
        *,
        by: Actor,
        cause: Cause,
    ) -> Position:
        """Keep what a reconciliation found. Changes no money."""
        stamp = self._our_stamp(by, cause)
        site = self.site_or_new(stamp)
        site.reconcile(receipt, found, stamp=stamp)
        return self.append(site, command=cause.id)

    @use_case
    def accept_drift(self, drift_id: UUID, reason: str, *, by: Actor, cause: Cause) -> Position:
        """Let a difference stay, which a person has looked at; NotFound."""
        stamp = self.staff_stamp(by, cause)
        site = self.site_or_new(stamp)
        site.accept_drift(drift_id, reason, stamp=stamp)
        return self.append(site, command=cause.id)

    # --- within -----------------------------------------------------------------------

    def _our_stamp(self, by: Actor, cause: Cause) -> Stamp:
        if by.kind not in RUNNERS:
            raise Forbidden(role=by.kind)
        return self.stamp(by, cause)

    def _require_mode(self, mode: Mode) -> None:
        if mode != self.rules.mode:
            raise GatewayModeDiffers(ours=self.rules.mode, theirs=mode)
