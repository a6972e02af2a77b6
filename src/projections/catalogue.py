"""The list of views. A new view is a file of its own and a line here."""

from __future__ import annotations

from typing import Any

from projections.consents import Consents
from projections.contributors import Contributors
from projections.discounts import Discounts
from projections.list_messages import ListMessages
from projections.mailing_lists import ListEntries, MailingLists
from projections.members import Members
from projections.memberships import Memberships
from projections.movements import Movements
from projections.notes import Notes
from projections.notices import Notices
from projections.orders import Orders
from projections.plans import Plans
from projections.saved_segments import SavedSegments
from projections.site import Site
from projections.spending import Spending
from projections.taggings import Taggings
from projections.timelines import Timelines
from projections.view import View


def all_views(site: Site) -> tuple[View[Any], ...]:
    """Every view, for a site."""
    return (
        Members(site),
        Memberships(),
        Orders(),
        Movements(site),
        Spending(),
        Timelines(site),
        Notes(),
        Taggings(),
        Plans(),
        Discounts(),
        Contributors(),
        SavedSegments(),
        MailingLists(),
        ListEntries(),
        ListMessages(),
        Consents(),
        Notices(),
    )
