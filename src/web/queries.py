"""Everything that is asked of the views, built once over the pool."""

from __future__ import annotations

from dataclasses import dataclass

from ledger.store.mapper import FactMapper
from ledger.store.recorder import FactRecorder
from projections.history import History
from projections.queries.house import ContributorQueries, DiscountQueries, PlanQueries
from projections.queries.mailing_lists import MailingListQueries
from projections.queries.members import MemberQueries
from projections.queries.memberships import MembershipQueries
from projections.queries.money import MoneyQueries
from projections.queries.notices import NoticeQueries
from projections.queries.orders import OrderQueries
from projections.queries.receipts import ReceiptQueries
from projections.queries.saved_segments import SavedSegmentQueries
from web.sessions.pool import Pool


@dataclass(frozen=True, kw_only=True)
class Queries:
    """The questions, by what they are about."""

    members: MemberQueries
    memberships: MembershipQueries
    orders: OrderQueries
    money: MoneyQueries
    receipts: ReceiptQueries
    plans: PlanQueries
    discounts: DiscountQueries
    contributors: ContributorQueries
    saved_segments: SavedSegmentQueries
    mailing_lists: MailingListQueries
    notices: NoticeQueries
    history: History

    @classmethod
    def over(cls, pool: Pool, recorder: FactRecorder, mapper: FactMapper) -> Queries:
        """All of them over one pool; histories come from the books themselves."""
        return cls(
            members=MemberQueries(pool),
            memberships=MembershipQueries(pool),
            orders=OrderQueries(pool),
            money=MoneyQueries(pool),
            receipts=ReceiptQueries(pool),
            plans=PlanQueries(pool),
            discounts=DiscountQueries(pool),
            contributors=ContributorQueries(pool),
            saved_segments=SavedSegmentQueries(pool),
            mailing_lists=MailingListQueries(pool),
            notices=NoticeQueries(pool),
            history=History(recorder, mapper),
        )
