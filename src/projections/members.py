"""Members: one wide row a contact, so that every sort and filter of the list is one table."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from operator import itemgetter
from typing import Any, ClassVar, NamedTuple, cast
from uuid import UUID

from ledger.facts import Fact
from ledger.member import facts
from ledger.member.consent import Consented, Unsubscribed
from ledger.member.facts import Joined, MembershipFact
from ledger.order.facts import OrderPlaced, Paid
from ledger.texts import comparable_email
from projections.instants import NEVER
from projections.laws import MONEY_OF_MEMBERS, Law, one_row_a_fact
from projections.rows import quick
from projections.search import readable, search_key
from projections.site import Site
from projections.spending import SETTLED, effect_of
from projections.stays import CHANGING, UNPAID, Stay, begun, changed
from projections.traits import Kind, bits, trait, when
from projections.view import Index, Key, Needs, View, first, on

METHOD = frozenset({"brand", "last_four", "fingerprint"})
"""What is shown, or compared, of a payment method."""

CARRIED = (
    "name_key",
    "email_key",
    "joined_at",
    "last_order_at",
    "spent",
    "member_until",
    "trait_bits",
)
"""What every sorted index carries beside its key, so that a list is narrowed within it."""

NEVER_JOINED = "member_until IS NULL"
JOINED_WITHOUT_ORDER = f"last_order_at = '{NEVER.isoformat()}' AND member_until IS NOT NULL"
SEARCHED = (
    "(replace(replace(replace(replace(' ' || name_key || ' ' || email_key,"
    " '@', 'A'), '.', 'B'), '-', 'C'), '_', 'D'))"
)
"""Where words are looked for, each after a space; signs are spelled as search.py has them.

To translate all at once takes five times as long.
"""
WITHOUT_DELAY = "WITH (gin_pending_list_limit = 256)"
"""What waits to be sorted into an index is looked through by every query: at most 256 kB."""

IN_TROUBLE = ("action_required", "past_due", "cancelling")
"""Who is found before others: few at a time, so that their index can hold all that sorts them."""


def _in_trouble(name: str) -> Index:
    column = f"{name}_until"
    beside = ", ".join(
        (*(f"{other}_until" for other in IN_TROUBLE if other != name), "plan_key", *CARRIED)
    )
    return Index(name, f"({column}, member_id) INCLUDE ({beside}) WHERE {column} IS NOT NULL")


def _sorted(name: str, column: str, within: str | None = None) -> Index:
    beside = ", ".join(one for one in CARRIED if one != column)
    where = f" WHERE {within}" if within else ""
    return Index(name, f"({column}, member_id) INCLUDE ({beside}){where}")


@quick
class MemberRow(NamedTuple):
    """One contact. Instants only: who is a member *at* an instant is asked with the instant (AX8).

    `plan_ids` are the plans that somebody ever joined, `plan_untils` until when memberships in them
    stand; `plan_key` sorts by the plan that lasts longest.
    `..._until` say until when somebody is a member, past due and so on if nothing else happens;
    None where they never were. Money in minor units of the site's currency and mode.
    `agrees`: to messages that are no part of what they bought.
    `traits` and `trait_bits` are what indexes narrow the list by (see traits.py).
    """

    member_id: UUID
    name: str
    email: str
    name_key: str
    email_key: str
    same_name: str | None
    same_email: str | None
    locale: str
    opened_at: datetime
    verified: bool = False
    closed_at: datetime | None = None
    joined_at: datetime = NEVER
    last_joined_at: datetime = NEVER
    is_customer: bool = False
    stays: tuple[Stay, ...] = ()
    plan_ids: tuple[UUID, ...] = ()
    plan_untils: tuple[datetime, ...] = ()
    plan_key: str = ""
    member_until: datetime | None = None
    access_until: datetime | None = None
    past_due_until: datetime | None = None
    action_required_until: datetime | None = None
    cancelling_until: datetime | None = None
    tags: tuple[str, ...] = ()
    agrees: bool = False
    method_brand: str | None = None
    method_last_four: str | None = None
    method_expires: str | None = None
    method_country: str | None = None
    same_method: str | None = None
    unsettled: tuple[UUID, ...] = ()
    order_count: int = 0
    last_order_at: datetime = NEVER
    gross: int = 0
    refunded: int = 0
    disputed: int = 0
    spent: int = 0
    traits: tuple[int, ...] = ()
    trait_bits: int = 0
    position: int = 0


class Members(View[MemberRow]):
    """Everybody who ever opened an account."""

    name = "members"
    version = 3
    changes: ClassVar[frozenset[str]] = frozenset({"traits", "trait_bits"})
    key = ("member_id",)
    columns = MemberRow
    needs: ClassVar[Needs] = {
        facts.AccountOpened: frozenset({"name", "email"}),
        facts.EmailChanged: frozenset({"email"}),
        facts.Renamed: frozenset({"name"}),
        facts.MethodSaved: METHOD,
        facts.MethodReplaced: METHOD,
    }
    indexes: ClassVar[tuple[Index, ...]] = (
        _sorted("name", "name_key"),
        _sorted("email", "email_key"),
        _sorted("joined", "joined_at"),
        _sorted("plan", "plan_key"),
        _sorted("spent", "spent"),
        _sorted("last_order", "last_order_at"),
        _sorted("orders", "order_count"),
        _sorted("refunded", "refunded"),
        _sorted("language", "locale"),
        # Who never joined has hardly ever bought anything, and who joined has an order: by what
        # they spent or ordered, either would lie in the way of the other.
        _sorted("spent_unjoined", "spent", NEVER_JOINED),
        _sorted("last_order_unjoined", "last_order_at", NEVER_JOINED),
        _sorted("last_order_none", "last_order_at", JOINED_WITHOUT_ORDER),
        Index("traits", f"USING gin (traits) {WITHOUT_DELAY}"),
        Index("until", "(member_until)"),
        *(_in_trouble(name) for name in IN_TROUBLE),
        Index("same_name", "(same_name, same_email) WHERE same_name IS NOT NULL"),
        Index("same_method", "(same_method, same_email) WHERE same_method IS NOT NULL"),
        Index(
            "search", f"USING gin ({SEARCHED} gin_trgm_ops) {WITHOUT_DELAY}", extension="pg_trgm"
        ),
    )
    laws: ClassVar[tuple[Law, ...]] = (one_row_a_fact("member.account_opened"), MONEY_OF_MEMBERS)

    def __init__(self, site: Site) -> None:
        self._currency, self._mode = site.currency, site.mode

    @property
    def parameters(self) -> tuple[str, ...]:
        """What totals are in."""
        return (self._currency, self._mode)

    def keys(self, fact: Fact) -> tuple[Key, ...]:
        """The contact whom the fact concerns."""
        return ((fact.member_id,),)

    # --- account ----------------------------------------------------------------------

    @first(facts.AccountOpened)
    def account_opened(self, fact: facts.AccountOpened) -> MemberRow:
        """Somebody signed up."""
        return MemberRow(
            member_id=fact.originator_id,
            **_who(fact.name, fact.email),
            locale=fact.locale,
            opened_at=fact.occurred_at,
        )

    @on(facts.EmailVerified)
    def email_verified(self, row: MemberRow, _: facts.EmailVerified) -> MemberRow:
        """The address is theirs."""
        return row._replace(verified=True)

    @on(facts.EmailChanged)
    def email_changed(self, row: MemberRow, fact: facts.EmailChanged) -> MemberRow:
        """Another address, verified before."""
        return row._replace(**_who(row.name, fact.email), verified=True)

    @on(facts.Renamed)
    def renamed(self, row: MemberRow, fact: facts.Renamed) -> MemberRow:
        """Another name."""
        return row._replace(**_who(fact.name, row.email))

    @on(facts.LocaleChosen)
    def locale_chosen(self, row: MemberRow, fact: facts.LocaleChosen) -> MemberRow:
        """Another language."""
        return row._replace(locale=fact.locale)

    @on(facts.AccountClosed)
    def account_closed(self, row: MemberRow, fact: facts.AccountClosed) -> MemberRow:
        """No longer open."""
        return row._replace(closed_at=fact.occurred_at)

    # --- memberships ------------------------------------------------------------------

    @on(Joined)
    def joined(self, row: MemberRow, fact: Joined) -> MemberRow:
        """A stay begins, perhaps before one that was told of earlier."""
        at = fact.occurred_at
        return row._replace(
            stays=(*row.stays, begun(fact)),
            joined_at=min(row.joined_at, at) if row.stays else at,
            last_joined_at=max(row.last_joined_at, at),
            is_customer=row.is_customer or fact.terms.takes_money,
        )

    @on(*CHANGING)
    def stay_changed(self, row: MemberRow, fact: MembershipFact) -> MemberRow:
        """A stay goes on, or ends."""
        stays = [
            changed(stay, fact) if stay.membership_id == fact.membership_id else stay
            for stay in row.stays
        ]
        return row._replace(stays=tuple(stays))

    # --- payment method, tags ---------------------------------------------------------

    @on(facts.MethodSaved, facts.MethodReplaced)
    def method_saved(self, row: MemberRow, fact: facts.MethodFact) -> MemberRow:
        """What later charges use."""
        return row._replace(
            method_brand=fact.brand,
            method_last_four=fact.last_four,
            method_expires=fact.expires,
            method_country=fact.country,
            same_method=readable(fact.fingerprint),
        )

    @on(facts.MethodRemoved)
    def method_removed(self, row: MemberRow, _: facts.MethodRemoved) -> MemberRow:
        """None is saved."""
        return row._replace(
            method_brand=None,
            method_last_four=None,
            method_expires=None,
            method_country=None,
            same_method=None,
        )

    @on(facts.Tagged)
    def tagged(self, row: MemberRow, fact: facts.Tagged) -> MemberRow:
        """One tag more."""
        return row._replace(tags=tuple(sorted({*row.tags, fact.tag})))

    @on(facts.Untagged)
    def untagged(self, row: MemberRow, fact: facts.Untagged) -> MemberRow:
        """One tag less."""
        return row._replace(tags=tuple(tag for tag in row.tags if tag != fact.tag))

    @on(Consented)
    def consented(self, row: MemberRow, _: Consented) -> MemberRow:
        """Agrees to messages."""
        return row._replace(agrees=True)

    @on(Unsubscribed)
    def unsubscribed(self, row: MemberRow, _: Unsubscribed) -> MemberRow:
        """Agrees no more."""
        return row._replace(agrees=False)

    # --- orders and money -------------------------------------------------------------

    @on(OrderPlaced)
    def order_placed(self, row: MemberRow, fact: OrderPlaced) -> MemberRow:
        """An order counts once it is settled: one that costs nothing is at once (OR5).

        Until then it is unsettled, also if it is withdrawn: money may come in after all (OR6).
        """
        if fact.amount.is_zero:
            return row._replace(**_one_more(row, fact.occurred_at))
        return row._replace(unsettled=(*row.unsettled, fact.originator_id))

    @on(*SETTLED)
    def settled(self, row: MemberRow, fact: Fact) -> MemberRow:
        """Money came in or went back; the first payment of an order settles it."""
        order, money = {}, cast("Paid", fact)
        if isinstance(fact, Paid) and fact.originator_id in row.unsettled:
            unsettled = [one for one in row.unsettled if one != fact.originator_id]
            order = {"unsettled": tuple(unsettled), **_one_more(row, fact.occurred_at)}
        if money.mode != self._mode or money.amount.currency != self._currency:
            return row._replace(**order)
        effect = effect_of(fact)
        return row._replace(
            **order,
            gross=row.gross + effect.gross,
            refunded=row.refunded + effect.refunded,
            disputed=row.disputed + effect.disputed,
            spent=row.spent + effect.gross - effect.refunded - effect.disputed,
        )

    def finish(self, row: MemberRow) -> MemberRow:
        """Plans and instants, by the stays; traits, by all."""
        if row.stays:
            row = _with_stays(row)
        has, has_bits = _has(
            row.plan_ids,
            row.tags,
            row.method_country,
            row.agrees,
            row.is_customer,
            row.closed_at is not None,
            row.past_due_until is not None,
            row.action_required_until is not None,
            row.cancelling_until is not None,
        )
        joined = when("joined", row.joined_at) if row.joined_at != NEVER else ()
        ordered = when("ordered", row.last_order_at) if row.last_order_at != NEVER else ()
        return row._replace(traits=(*has, *joined, *ordered), trait_bits=has_bits)


def _with_stays(row: MemberRow) -> MemberRow:
    # In the order in which they end: the last one of each plan counts.
    untils = sorted([(stay.runs_until, stay) for stay in row.stays], key=itemgetter(0))
    by_plan = {stay.plan_id: until for until, stay in untils}
    last = untils[-1][0]
    going_on = [(until, stay) for until, stay in untils if stay.cancelled_at is None]
    cancelling = [until for until, stay in untils if stay.cancelled_at is not None]
    unpaid = {name: [u for u, s in going_on if s.billing == name] for name in UNPAID}
    return row._replace(
        plan_ids=tuple(by_plan),
        plan_untils=tuple(by_plan.values()),
        plan_key=min([_plan_key(stay.plan_name) for until, stay in untils if until == last]),
        member_until=last,
        access_until=max([stay.opens_until for stay in row.stays]),
        past_due_until=max(unpaid["past_due"], default=None),
        action_required_until=max(unpaid["action_required"], default=None),
        cancelling_until=max(cancelling, default=None),
    )


FLAGS: tuple[Kind, ...] = ("customer", "closed", "past_due", "action_required", "cancelling")


@lru_cache(maxsize=16_384)
def _has(
    plan_ids: tuple[UUID, ...],
    tags: tuple[str, ...],
    country: str | None,
    agrees: bool,
    *flags: bool,
) -> tuple[tuple[int, ...], int]:
    """What does not come with an instant, as traits and as bits; many members have the same."""
    traits = {trait("plan", plan_id) for plan_id in plan_ids}
    traits.add(trait("agrees", agrees))
    traits |= {trait("tag", tag) for tag in tags}
    traits |= {trait("country", country)} if country is not None else set()
    traits |= {trait(kind) for kind, holds in zip(FLAGS, flags, strict=True) if holds}
    return tuple(sorted(traits)), bits(traits)


@lru_cache(maxsize=1_024)
def _plan_key(name: str) -> str:
    """Never empty: that is for who never joined."""
    return search_key(name) or name


def _who(name: str, email: str) -> dict[str, Any]:
    """Name and address with the keys by which they are sorted, searched and compared."""
    name_key, email_key = search_key(name), search_key(email)
    known = readable(name) is not None and readable(email) is not None
    return {
        "name": name,
        "email": email,
        "name_key": name_key,
        "email_key": email_key,
        "same_name": name_key if known else None,
        "same_email": comparable_email(email) if known else None,
    }


def _one_more(row: MemberRow, instant: datetime) -> dict[str, Any]:
    return {
        "order_count": row.order_count + 1,
        "last_order_at": max(row.last_order_at, instant),
    }
