"""What is asked of the member list, to see that it takes no time: filters, alone and together."""

from __future__ import annotations

from typing import get_args

from projections.queries.members import MemberFilter, MemberSort
from projections.queries.segments import Segment, Status
from scripts.benches.population import DAY, DAYS, FOUNDER, NOW, OFFERS

SORTS: tuple[MemberSort, ...] = get_args(MemberSort)
EVERYBODY = MemberFilter()
START = NOW - DAYS * DAY

SINGLE: dict[str, dict[str, MemberFilter]] = {
    "a plan": {
        OFFERS[place].name: MemberFilter(plan_id=OFFERS[place].plan_id)
        for place in (0, 1, 4, 8, 10, 12, 14, 18)
    },
    "a tag": {
        tag: MemberFilter(tag=tag)
        for tag in ("newsletter", "volunteer", "vip", "team 03", "table 05", "jury", FOUNDER, "no")
    },
    "joined between": {
        "last week": MemberFilter(joined_from=NOW - 7 * DAY),
        "last month": MemberFilter(joined_from=NOW - 30 * DAY),
        "last year": MemberFilter(joined_from=NOW - 365 * DAY),
        "first month": MemberFilter(joined_before=START + 30 * DAY),
        "first year": MemberFilter(joined_before=START + 365 * DAY),
        "a month": MemberFilter(joined_from=NOW - 900 * DAY, joined_before=NOW - 870 * DAY),
    },
    "spent between": {
        "much": MemberFilter(spent_from=120_000),
        "some": MemberFilter(spent_from=30_000),
        "a little": MemberFilter(spent_from=1, spent_to=2_000),
        "nothing": MemberFilter(spent_to=0),
    },
    "last order between": {
        "last week": MemberFilter(last_order_from=NOW - 7 * DAY),
        "first year": MemberFilter(last_order_before=START + 365 * DAY),
        "a month": MemberFilter(last_order_from=NOW - 900 * DAY, last_order_before=NOW - 870 * DAY),
    },
    "a card's country": {
        country: MemberFilter(method_country=country) for country in ("FR", "BE", "IN", "IS", "XX")
    },
    "a segment": {name: MemberFilter(segment=name) for name in get_args(Segment)},
    "a status": {name: MemberFilter(statuses=(name,)) for name in get_args(Status)},
    "a common word": {word: MemberFilter(text=word) for word in ("marie", "martin", "gmail", "zo")},
    "a rare word": {
        word: MemberFilter(text=word)
        for word in ("kowalskibau", "roshenlamaud49", "qq", "ngoc roshenlamaud", "marie martin")
    },
}
"""Filters that stand alone, by what they are about: common and rare, early and late."""


def _plan(place: int) -> dict[str, object]:
    return {"plan_id": OFFERS[place].plan_id}


COMBINATIONS: dict[str, MemberFilter] = {
    name: MemberFilter(**asked)  # type: ignore[arg-type]
    for name, asked in {
        "members of the largest plan in France": {**_plan(0), "method_country": "FR"},
        "of the largest plan, past due": {**_plan(0), "statuses": ("past_due",)},
        "of the largest plan who pay by Indian cards": {**_plan(0), "method_country": "IN"},
        "of the largest plan, joined last month": {**_plan(0), "joined_from": NOW - 30 * DAY},
        "of a free plan who spent much": {**_plan(1), "spent_from": 30_000},
        "of a small plan who spent much": {**_plan(12), "spent_from": 30_000},
        "of a middling plan, tagged": {**_plan(4), "tag": "volunteer"},
        "of a middling plan in Belgium who spent some": {
            **_plan(4),
            "method_country": "BE",
            "spent_from": 30_000,
        },
        "of the rarest plan who never spent": {**_plan(18), "spent_to": 0},
        "vip in France in the largest plan": {**_plan(0), "tag": "vip", "method_country": "FR"},
        "vip who joined in the first year": {"tag": "vip", "joined_before": START + 365 * DAY},
        "vip who joined last month": {"tag": "vip", "joined_from": NOW - 30 * DAY},
        "jury who joined long ago": {"tag": "jury", "joined_before": START + 365 * DAY},
        "founders who left": {"tag": FOUNDER, "statuses": ("former",)},
        "founders who joined lately": {"tag": FOUNDER, "joined_from": NOW - 900 * DAY},
        "newsletter, cancelling": {"tag": "newsletter", "segment": "cancelling"},
        "newsletter in Iceland": {"tag": "newsletter", "method_country": "IS"},
        "newsletter and a common name": {"tag": "newsletter", "text": "martin"},
        "a team with Indian cards": {"tag": "team 03", "method_country": "IN"},
        "a table who spent nothing": {"tag": "table 05", "spent_to": 0},
        "past due or action required": {"statuses": ("past_due", "action_required")},
        "past due who joined last year": {
            "statuses": ("past_due",),
            "joined_from": NOW - 365 * DAY,
        },
        "former, ordered last month": {
            "statuses": ("former",),
            "last_order_from": NOW - 30 * DAY,
        },
        "former in Belgium, ordered last month": {
            "statuses": ("former",),
            "method_country": "BE",
            "last_order_from": NOW - 30 * DAY,
        },
        "customers who joined last week": {
            "segment": "customers",
            "joined_from": NOW - 7 * DAY,
        },
        "customers who spent little in a year": {
            "segment": "customers",
            "spent_to": 2_000,
            "joined_from": NOW - 365 * DAY,
        },
        "contacts of last month": {
            "segment": "accounts_without_plan",
            "text": "gmail",
        },
        "duplicates among vip": {"segment": "possible_duplicates", "tag": "vip"},
        "a common name with German cards": {"text": "martin", "method_country": "DE"},
        "two words among former members": {"text": "marie dubois", "statuses": ("former",)},
    }.items()
}
"""Thirty filters of several conditions, some of which hardly ever hold together."""
