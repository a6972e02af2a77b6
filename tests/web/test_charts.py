"""Charts as geometry: what is drawn stands where its value is."""

from __future__ import annotations

from web.pages.panel.charts import Axis, Series, line, overlaid, percent, stacked


def test_an_axis_holds_every_value_and_zero_in_round_steps() -> None:
    axis = Axis.over([130, -20, 999])
    assert (axis.low, axis.high, axis.step) == (-500, 1_000, 500)
    assert [tick.text for tick in axis.ticks(str)] == ["1000", "500", "0", "-500"]
    assert Axis.over([]).high == 1
    assert Axis.over([0, 0]).ticks(str)[-1].is_zero


def test_a_column_reaches_from_zero_to_its_value() -> None:
    chart = overlaid(["a", "b"], [Series("gross", "Gross", [100, 50])], str)
    first, second = chart.boxes
    assert (first.y, first.height) == ("0.00%", "100.00%")
    assert (second.y, second.height) == ("50.00%", "50.00%")
    assert (first.x, second.x) == ("7.00%", "57.00%")


def test_what_takes_away_hangs_below_zero() -> None:
    up, down = Series("new", "New", [2]), Series("churned", "Lost", [-2])
    above, below = stacked(["a"], [up, down], str).boxes
    assert (above.y, above.height) == ("0.00%", "50.00%")
    assert (below.y, below.height) == ("50.00%", "50.00%")
    more = stacked(["a"], [up, Series("expansion", "More", [2])], str).boxes
    assert [one.y for one in more] == ["50.00%", "0.00%"]


def test_a_line_leaves_out_what_is_not_known() -> None:
    chart = line(["a", "b", "c", "d"], Series("churned", "Churn", [None, 1, 3, None]), str)
    assert len(chart.dots) == 2
    assert len(chart.strokes) == 1
    assert chart.places[0].told == "a: "
    assert chart.places[1].told == "b: Churn 1"


def test_few_labels_are_written_where_there_are_many_places() -> None:
    labels = [str(number) for number in range(31)]
    places = overlaid(labels, [Series("gross", "Gross", [1] * 31)], str).places
    assert [place.label for place in places if place.label][:3] == ["0", "3", "6"]
    assert sum(bool(place.label) and not place.is_spare for place in places) <= 6


def test_hundredths_are_written_without_a_float() -> None:
    assert [percent(5), percent(123), percent(10_000)] == ["0.05%", "1.23%", "100.00%"]
