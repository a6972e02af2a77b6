"""Everything that is asked of the views, over any source of them."""

from __future__ import annotations

from dataclasses import dataclass

from projections.history import History
from projections.queries.coming import ComingQueries
from projections.queries.house import ContributorQueries, DiscountQueries, PlanQueries
from projections.queries.mailing_lists import MailingListQueries
from projections.queries.members import MemberQueries
from projections.queries.memberships import MembershipQueries
from projections.queries.money import MoneyQueries
from projections.queries.notices import NoticeQueries
from projections.queries.orders import OrderQueries
from projections.queries.reading import Source
from projections.queries.receipts import ReceiptQueries
from projections.queries.reports.every import Reports
from projections.queries.saved_segments import SavedSegmentQueries


@dataclass(frozen=True, kw_only=True)
class Queries:
    """The questions, by what they are about."""

    members: MemberQueries
    memberships: MembershipQueries
    coming: ComingQueries
    orders: OrderQueries
    money: MoneyQueries
    receipts: ReceiptQueries
    plans: PlanQueries
    discounts: DiscountQueries
    contributors: ContributorQueries
    saved_segments: SavedSegmentQueries
    mailing_lists: MailingListQueries
    notices: NoticeQueries
    reports: Reports
    history: History
    source: Source
    """Where all of them read: explanations read rows there too."""

    @classmethod
    def over(cls, source: Source, history: History) -> Queries:
        """All of them over one source; histories come from the books themselves."""
        return cls(
            members=MemberQueries(source),
            memberships=MembershipQueries(source),
            coming=ComingQueries(source),
            orders=OrderQueries(source),
            money=MoneyQueries(source),
            receipts=ReceiptQueries(source),
            plans=PlanQueries(source),
            discounts=DiscountQueries(source),
            contributors=ContributorQueries(source),
            saved_segments=SavedSegmentQueries(source),
            mailing_lists=MailingListQueries(source),
            notices=NoticeQueries(source),
            reports=Reports.over(source),
            history=history,
            source=source,
        )
