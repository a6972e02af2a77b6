"""A member's customer at Stripe: the one the books know, else found, else made."""

from __future__ import annotations

from uuid import UUID

from ledger.payments.gateway import Customer, Rejected
from ledger.payments.stripe_api import Json, NotLetIn, StripeApi, answered
from ledger.payments.stripe_reading import LEDGER, MEMBER, customer_of

REMEMBERED = 10_000


class StripeCustomers:
    """Asks for each member's customer once, and remembers it. `ledger` marks what is ours."""

    def __init__(self, api: StripeApi, ledger: str) -> None:
        self._api, self._ledger = api, ledger
        self._remembered: dict[tuple[UUID, str | None], Customer] = {}

    def ensure(self, member_id: UUID, known: str | None) -> Customer:
        """The member's one customer: `known`, unless it is gone; else found, or made."""
        asked = (member_id, known)
        remembered = self._remembered.get(asked)
        if remembered:
            return remembered
        with answered(member_id):
            customer = customer_of(
                self._standing(known) or self._found(member_id) or self._made(member_id, known),
                member_id,
            )
        if len(self._remembered) >= REMEMBERED:
            self._remembered.clear()
        return self._remembered.setdefault(asked, customer)

    def is_gone(self, customer_id: str) -> bool:
        """Whether a customer was deleted, or never was; whatever was saved with it is gone too."""
        return self._standing(customer_id) is None

    def forget(self) -> None:
        """Ask again: one of them may be gone."""
        self._remembered.clear()

    def _standing(self, customer_id: str | None) -> Json | None:
        """A customer that the books know, unless it was deleted or is another account's."""
        if customer_id is None:
            return None
        try:
            found = self._api.customer(customer_id)
        except Rejected:
            return None
        return None if found.get("deleted") else found

    def _found(self, member_id: UUID) -> Json | None:
        """The first customer that was made for the member; Stripe finds it only after an hour.

        None where the account may not search, as in India. There only the key finds a customer
        again, and Stripe forgets it after a day: a member who has saved nothing by then is given
        a second customer, and a payment of the first is not found under it. Only the notice of
        such a payment still tells of it, which is why nothing is given up before those are read.
        """
        query = f"metadata['{LEDGER}']:'{self._ledger}' AND metadata['{MEMBER}']:'{member_id}'"
        try:
            found = list(self._api.find_customers(query))
        except (Rejected, NotLetIn):  # a key that is no good makes none either, and says so
            return None
        return min(found, key=lambda each: (each["created"], each["id"]), default=None)

    def _made(self, member_id: UUID, gone: str | None) -> Json:
        """A new customer, or the one that was made within the last day in place of one gone."""
        marks = {LEDGER: self._ledger, MEMBER: str(member_id)}
        key = f"{member_id} after {gone}" if gone else str(member_id)
        made = self._api.create_customer({"metadata": marks}, key)
        return self._made(member_id, made["id"]) if made.get("deleted") else made
