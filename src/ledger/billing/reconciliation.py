"""Reconciliation: the payment company's movements held against our money facts.

Pure: two lists in, what differs out. Who gathers the lists is in `reconciliation_run`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, NamedTuple, Protocol, TypeVar
from uuid import UUID

from ledger import ids
from ledger.money import Money
from ledger.payments.balance import Movement, MovementKind
from ledger.payments.gateway import Mode
from ledger.site_money import Drift, DriftClass, ForeignSum, MoneySum

STALE_AFTER = timedelta(hours=24)
"""When it should be known what came of a try."""

FEES = frozenset({"fee", "dispute_fee"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A money fact of ours, as the change of our balance that it speaks of.

    `source` is the company's id of the payment, refund or dispute; `amount` is signed as there.
    `movement_id` is the company's id of the change itself, where the fact names it.
    """

    kind: MovementKind
    source: str
    amount: Money
    at: datetime
    mode: Mode
    order_id: UUID
    fact_id: str
    movement_id: str | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """An attempt whose outcome our books do not have."""

    attempt_id: UUID
    order_id: UUID
    started_at: datetime
    amount: Money
    mode: Mode


@dataclass(frozen=True, slots=True)
class Scope:
    """What is judged: all that moved from `since` to before `until`, and what is watched.

    Watched are the sources of drifts that were found before and may be gone now, whenever they
    moved. Beyond these the lists may hold anything: it is there to be found by what is judged.
    """

    account: str
    mode: Mode
    since: datetime
    until: datetime
    watched: frozenset[str] = frozenset()

    def in_time(self, at: datetime) -> bool:
        """Whether an instant is between the two."""
        return self.since <= at < self.until


@dataclass(frozen=True, slots=True)
class Told:
    """What was learned of single sources by asking.

    `foreign` are payments of others on the same account; `said` how the company has a source of
    ours of which it lists no movement, where it has it at all.
    """

    foreign: frozenset[str] = frozenset()
    said: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What differs, the oldest first, and what both say was moved in the time that was judged.

    `foreign` is what others moved then on the same account.
    """

    drifts: Sequence[Drift]
    sums: Sequence[MoneySum]
    foreign: Sequence[ForeignSum] = ()


class _Pair(NamedTuple):
    """What both say of one change of the balance; None where one says nothing."""

    theirs: Movement | None
    ours: Entry | None

    @property
    def sides(self) -> list[Movement | Entry]:
        return [side for side in self if side is not None]

    @property
    def at(self) -> datetime:
        return self.sides[0].at


def compare(
    movements: Iterable[Movement], entries: Iterable[Entry], scope: Scope, told: Told | None = None
) -> Comparison:
    """What differs between what moved and what our facts say moved.

    Both are joined by the movement that a fact names; else by kind and source, never by time:
    clocks differ, and what was learned late is dated late. One source may move the balance twice;
    equal amounts belong together first.
    """
    told = told or Told()
    drifts: list[Drift] = []
    sums, foreign = _Sums(), _Sums()
    for pairs in _paired(movements, entries):
        for place, pair in enumerate(pairs):
            in_time = any(scope.in_time(side.at) for side in pair.sides)
            found = _drift(pair, place, scope, told)
            if in_time:
                is_foreign = any(drift.drift == "foreign" for drift in found)
                (foreign if is_foreign else sums).add(pair)
            if in_time or pair.sides[0].source in scope.watched:
                drifts += found
    drifts.sort(key=lambda drift: (drift.at, drift.kind, drift.source, drift.drift_id))
    return Comparison(_foreign_once(drifts), sums.all(), foreign.of_others())


def _foreign_once(drifts: list[Drift]) -> list[Drift]:
    """That others use the account is one difference; the oldest movement of theirs tells it."""
    first: dict[UUID, Drift] = {}
    for drift in drifts:
        first.setdefault(drift.drift_id, drift)
    return list(first.values())


def stale(tries: Iterable[Try], account: str, now: datetime) -> list[Drift]:
    """Tries of which it should be known by now what came of them."""
    return [
        Drift(
            drift_id=drift_id(account, "stale_attempt", "payment", str(one.attempt_id)),
            account=account,
            drift="stale_attempt",
            kind="payment",
            source=str(one.attempt_id),
            payment_id=None,
            order_id=one.order_id,
            fact_id=None,
            at=one.started_at,
            ours=one.amount,
            theirs=None,
            our_mode=one.mode,
            their_mode=None,
            said=None,
        )
        for one in tries
        if now - one.started_at > STALE_AFTER
    ]


def drift_id(
    account: str, drift: DriftClass, kind: MovementKind, source: str, place: int = 0
) -> UUID:
    """The same id whenever the same difference is found."""
    return ids.derived(ids.SITE, "drift", account, drift, kind, source, place)


def foreign_id(account: str) -> UUID:
    """The same id whatever others move on an account."""
    return ids.derived(ids.SITE, "drift", account, "foreign")


# --- joining ----------------------------------------------------------------------------


class _Sided(Protocol):
    @property
    def kind(self) -> MovementKind: ...

    @property
    def source(self) -> str: ...


S = TypeVar("S", bound=_Sided)


Key = tuple[MovementKind, str]


class _ByKey(Generic[S]):
    def __init__(self, sides: Iterable[S]) -> None:
        self.found: defaultdict[Key, list[S]] = defaultdict(list)
        for side in sides:
            # Our facts know one kind of fee: whose it is, of a payment or a dispute, is its source.
            kind: MovementKind = "fee" if side.kind in FEES else side.kind
            self.found[kind, side.source].append(side)

    def take(self, key: Key) -> list[S]:
        return self.found.get(key, [])


def _paired(movements: Iterable[Movement], entries: Iterable[Entry]) -> Iterator[list[_Pair]]:
    theirs, ours = _ByKey(movements), _ByKey(entries)
    for key in dict.fromkeys([*theirs.found, *ours.found]):
        yield _pairs(theirs.take(key), ours.take(key))


def _pairs(theirs: list[Movement], ours: list[Entry]) -> list[_Pair]:
    alone = sorted(theirs, key=lambda one: (one.at, one.id))
    left = sorted(ours, key=lambda one: (one.at, one.fact_id))
    pairs = [
        *_taken(alone, left, _is_named),
        *_taken(alone, left, _is_same),
        *_taken(alone, left, _is_unnamed),
    ]
    pairs += [_Pair(movement, None) for movement in alone]
    return pairs + [_Pair(None, entry) for entry in left]


def _taken(
    alone: list[Movement], left: list[Entry], belong: Callable[[Movement, Entry], bool]
) -> list[_Pair]:
    """The pairs that belong together, taken from both lists."""
    pairs = []
    for movement in list(alone):
        found = next((entry for entry in left if belong(movement, entry)), None)
        if found is not None:
            alone.remove(movement)
            left.remove(found)
            pairs.append(_Pair(movement, found))
    return pairs


def _is_named(movement: Movement, entry: Entry) -> bool:
    return entry.movement_id == movement.id


def _is_unnamed(_: Movement, entry: Entry) -> bool:
    return entry.movement_id is None


def _is_same(movement: Movement, entry: Entry) -> bool:
    same = (_amount(movement), movement.mode) == (entry.amount, entry.mode)
    return entry.movement_id is None and same


def _amount(side: Movement | Entry) -> Money:
    """In the currency of the payment: our facts know no other, but for fees."""
    charged = side.charged if isinstance(side, Movement) else None
    return charged or side.amount


# --- judging ----------------------------------------------------------------------------


def _drift(pair: _Pair, place: int, scope: Scope, told: Told) -> list[Drift]:
    drift = _class(pair, scope, told)
    if drift is None:
        return []
    theirs, ours, source = pair.theirs, pair.ours, pair.sides[0].source
    its_id = drift_id(scope.account, drift, pair.sides[0].kind, source, place)
    return [
        Drift(
            drift_id=foreign_id(scope.account) if drift == "foreign" else its_id,
            account=scope.account,
            drift=drift,
            kind=pair.sides[0].kind,
            source=source,
            payment_id=theirs.payment_id if theirs else None,
            order_id=ours.order_id if ours else None,
            fact_id=ours.fact_id if ours else None,
            at=pair.at,
            ours=ours.amount if ours else None,
            theirs=_amount(theirs) if theirs else None,
            our_mode=ours.mode if ours else None,
            their_mode=theirs.mode if theirs else None,
            said=told.said.get(source),
        )
    ]


def _class(pair: _Pair, scope: Scope, told: Told) -> DriftClass | None:
    theirs, ours = pair
    if any(side.mode != scope.mode for side in pair.sides):
        return "mode"
    if theirs is None:
        return "status" if pair.sides[0].source in told.said else "missing_at_gateway"
    if ours is None:
        if theirs.payment_id in told.foreign:
            return "foreign"
        return "fee_missing" if theirs.kind in FEES else "missing_in_ledger"
    amount = _amount(theirs)
    if amount.currency != ours.amount.currency:
        return "currency"
    return None if amount == ours.amount else "amount"


class _Sums:
    """Movements and facts, how many and how much, by currency and mode (OR9)."""

    def __init__(self) -> None:
        self._sums: defaultdict[tuple[str, Mode], list[int]] = defaultdict(lambda: [0, 0, 0, 0])

    def add(self, pair: _Pair) -> None:
        for first, side in ((0, pair.theirs), (2, pair.ours)):
            if side is not None:
                amount = _amount(side)
                counted = self._sums[amount.currency, side.mode]
                counted[first] += 1
                counted[first + 1] += amount.minor

    def of_others(self) -> list[ForeignSum]:
        return [
            ForeignSum(currency=currency, mode=mode, movements=movements, minor=theirs)
            for (currency, mode), (movements, theirs, _, _) in sorted(self._sums.items())
        ]

    def all(self) -> list[MoneySum]:
        return [
            MoneySum(
                currency=currency,
                mode=mode,
                movements=movements,
                theirs=theirs,
                facts=facts,
                ours=ours,
            )
            for (currency, mode), (movements, theirs, facts, ours) in sorted(self._sums.items())
        ]
