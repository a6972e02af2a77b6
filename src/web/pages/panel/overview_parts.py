"""What the overview draws, from what the reports answered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from babel.numbers import format_percent

from ledger.currencies import DECIMALS
from projections.queries.money import Total
from projections.queries.reports import definitions
from projections.queries.reports.definitions import Definition
from projections.queries.reports.membership import CohortLine
from projections.queries.reports.recurring import LESS, PlanWorth
from projections.queries.reports.revenue import RevenueLine, totals
from web.pages.panel import charts
from web.pages.panel.charts import Chart, Series
from web.pages.panel.overview_figures import Figures, Wanted
from web.wording.explanations import translated
from web.wording.languages import REGIONS, day, gettext, locale, message, number
from web.wording.languages import money as written_money

MOVES = {
    "new": message("New"),
    "reactivated": message("Reactivated"),
    "expansion": message("Expansion"),
    "contraction": message("Contraction"),
    "churned": message("Lost"),
}
SHADES = 9


@dataclass(frozen=True)
class Drawing:
    """The charts and the lines of the tables."""

    wanted: Wanted
    figures: Figures
    step: str

    @property
    def months(self) -> Sequence[date]:
        """Those that all but the revenue is told by."""
        return self.wanted.months.starts

    def named(self, start: date) -> str:
        """A day, or a month, as a table names it."""
        return day(start) if self.step == "day" else month_name(start)

    @cached_property
    def revenue_by_start(self) -> Mapping[date, Total]:
        """All plans together, where anything moved."""
        found: dict[date, list[RevenueLine]] = {}
        for line in sorted(self.figures.revenue, key=lambda line: line.start):
            found.setdefault(line.start, []).append(line)
        return {start: totals(lines)[0] for start, lines in found.items()}

    @property
    def revenue(self) -> Chart:
        """Gross behind, net before it."""
        found = [self.revenue_by_start.get(start) for start in self.wanted.stretches.starts]
        series = [
            Series("gross", gettext("Gross"), [one.gross if one else 0 for one in found]),
            Series("net", gettext("Net"), [one.net if one else 0 for one in found]),
        ]
        pattern = "d MMM" if self.step == "day" else "LLL"
        labels = [day(start, pattern) for start in self.wanted.stretches.starts]
        return charts.overlaid(labels, series, self._axis)

    @property
    def recurring_minor(self) -> int:
        """The MRR now: of the plan that is looked at, or of all."""
        shown = self.figures.recurring.shown
        return sum(minor for line, minor in shown if self._is_wanted(line))

    @property
    def recurring_memberships(self) -> int:
        """How many memberships that is."""
        plans = self.figures.recurring.plans
        return sum(line.memberships for line in plans if self._is_wanted(line))

    @cached_property
    def movements(self) -> Mapping[date, Mapping[str, int]]:
        """By month, of the currency that is looked at, in whole minor units.

        Rounded once for charts and tables: shares of a whole take their time.
        """
        return {line.month: line.minor for line in self.figures.movements}

    @property
    def mrr(self) -> Chart:
        """At the end of each month."""
        ends = [self._minor(month).get("ending", 0) for month in self.months]
        return charts.overlaid(self._labels, [Series("mrr", gettext("MRR"), ends)], self._axis)

    @property
    def moved(self) -> Chart:
        """What each month added and took away."""
        series = [
            Series(name, gettext(label), [self._signed(month, name) for month in self.months])
            for name, label in MOVES.items()
        ]
        return charts.stacked(self._labels, series, self._axis)

    @property
    def running(self) -> Chart:
        """Members at the end of each month."""
        ends = [line.ending for line in self.figures.members]
        return charts.overlaid(self._labels, [Series("mrr", gettext("Members"), ends)], number)

    @property
    def turnover(self) -> Chart:
        """Who came and who left."""
        lines = self.figures.members
        series = [
            Series("new", gettext("New"), [line.new for line in lines]),
            Series("reactivated", gettext("Returned"), [line.returned for line in lines]),
            Series("churned", gettext("Departures"), [-line.left for line in lines]),
        ]
        return charts.stacked(self._labels, series, number)

    @property
    def churn(self) -> Chart:
        """How many of a hundred left."""
        shares = [line.churn_basis_points for line in self.figures.members]
        return charts.line(self._labels, Series("churned", gettext("Churn"), shares), share)

    @cached_property
    def cohorts(self) -> Sequence[tuple[date, int, Sequence[CohortLine]]]:
        """By month of the first join: how many, and each month after."""
        found: dict[date, list[CohortLine]] = {}
        for line in self.figures.cohorts:
            found.setdefault(line.cohort, []).append(line)
        return [(cohort, lines[0].size, lines) for cohort, lines in found.items()]

    @property
    def widest(self) -> int:
        """How many months the cohort grid is wide."""
        return max((len(lines) for _, _, lines in self.cohorts), default=0)

    @property
    def _labels(self) -> list[str]:
        return [day(month, "LLL") for month in self.months]

    def _is_wanted(self, line: PlanWorth) -> bool:
        return self.wanted.plan_id is None or line.plan_id == self.wanted.plan_id

    def _minor(self, month: date) -> Mapping[str, int]:
        return self.movements.get(month, {})

    def _signed(self, month: date, name: str) -> int:
        minor = self._minor(month).get(name, 0)
        return -minor if name in LESS else minor

    def _axis(self, minor: int) -> str:
        """An amount beside an axis: no decimals where there are none."""
        currency = self.wanted.currency
        unit = 10 ** DECIMALS[currency]
        return number(minor // unit) if minor % unit == 0 else written_money(minor, currency)


def month_name(month: date) -> str:
    """A month with its year."""
    return day(month, "LLLL y")


def share(basis_points: int | None) -> str:
    """Of a hundred, to one decimal."""
    if basis_points is None:
        return "–"
    pattern = "#,##0.0\u00a0%" if locale() == "fr" else "#,##0.0%"
    return format_percent(Decimal(basis_points).scaleb(-4), pattern, locale=REGIONS[locale()])


def shade(basis_points: int) -> int:
    """How dark a field of the cohort grid is: 0 to 9."""
    return min(basis_points * (SHADES + 1) // 10_000, SHADES)


def means(name: str) -> str:
    """What a figure means, in the reader's language."""
    return translated(_definition(name).english)


def label(name: str) -> str:
    """How its definition is cited: `mrr-1`."""
    return _definition(name).label


def _definition(name: str) -> Definition:
    return next(one for one in definitions.DEFINITIONS if one.name == name)
