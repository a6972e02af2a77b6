"""Every rule of the domain has a test that names it, or stands on the short list of later ones."""

from __future__ import annotations

from itertools import groupby

import pytest

from tests.house.rules import LIST, Mention, Rules, early, mentions, missing, unknown
from tests.house.sources import Source, python, report

COUNTS = {
    "PL": 8,
    "AC": 12,
    "AX": 10,
    "OR": 10,
    "DU": 11,
    "DI": 6,
    "SE": 3,
    "NO": 5,
    "EX": 1,
    "NU": 4,
    "AU": 6,
}
"""How many rules each chapter has: a rule can't be dropped from the list unseen."""


@pytest.fixture(scope="module")
def rules() -> Rules:
    return Rules.read(LIST.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def named() -> list[Mention]:
    return [mention for source in python("tests") for mention in mentions(source)]


def test_the_list_holds_every_rule(rules: Rules) -> None:
    listed = [*rules.proved, *rules.later]
    expected = [f"{chapter}{n + 1}" for chapter, count in COUNTS.items() for n in range(count)]
    assert sorted(listed) == sorted(expected)


def test_every_rule_of_a_finished_issue_has_a_test(rules: Rules, named: list[Mention]) -> None:
    without = missing(rules, named)
    by_issue = groupby(without, key=lambda rule: rules.proved[rule])
    assert not without, "no test names: " + "; ".join(
        f"{issue}: {', '.join(group)}" for issue, group in by_issue
    )


def test_the_list_of_later_rules_shrinks(rules: Rules, named: list[Mention]) -> None:
    found = early(rules, named)
    assert not found, report(found)


def test_no_test_names_an_unknown_rule(rules: Rules, named: list[Mention]) -> None:
    found = unknown(rules, named)
    assert not found, report(found)


PLANTED = Source(
    "tests/a.py",
    "def test_one() -> None:  # OR4, AC2\n"
    "    x = 1  # PL1\n"
    "def test_two(\n    a: int,\n) -> None:  # ZZ9  # noqa: PT006\n"
    "    pass\n"
    "def helper() -> None:  # PL2\n"
    "    pass\n"
    "def test_some() -> None:  # part of NU1, part of PL1\n"
    "    pass\n"
    "class TestIt:\n"
    "    def test_three(self) -> None:  # NU1\n"
    '        """Words about PL3."""\n',
)


def test_a_test_names_its_rules_beside_its_signature() -> None:
    assert [(m.rule, m.is_proof, m.test) for m in mentions(PLANTED)] == [
        ("OR4", True, "test_one"),
        ("AC2", True, "test_one"),
        ("ZZ9", True, "test_two"),
        ("NU1", False, "test_some"),
        ("PL1", False, "test_some"),
        ("NU1", True, "test_three"),
    ]


def test_missing_early_and_unknown_rules_are_seen() -> None:
    rules = Rules.read("# words\n\nOR4: Books\nAC2: Books\nPL1: Books\nNU1: not yet, Views\n")
    named = mentions(PLANTED)
    assert missing(rules, named) == ["PL1"]
    assert [f.line for f in early(rules, named)] == [12]
    assert [f.line for f in unknown(rules, named)] == [3]


def test_a_rule_stands_on_the_list_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        Rules.read("OR4: Books\nOR4: not yet, Money\n")
