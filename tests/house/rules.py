"""Which rules of the domain have a test that names them."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from pathlib import Path

from tests.house.sources import Finding, Source

LIST = Path(__file__).with_name("rules.txt")
RULE = re.compile(r"\b(part of )?([A-Z]{2}\d{1,2})\b")
NOT_YET = "not yet, "


@dataclass(frozen=True)
class Rules:
    """The rules that must have a test, and those of later issues, each with its issue."""

    proved: dict[str, str]
    later: dict[str, str]

    @classmethod
    def read(cls, text: str) -> Rules:
        """From lines such as `OR4: Books` and `NU1: not yet, Views`."""
        lines = [line for line in text.splitlines() if line and not line.startswith("#")]
        issues = dict(line.split(": ", maxsplit=1) for line in lines)
        if len(issues) != len(lines):
            message = "a rule stands twice in the list"
            raise ValueError(message)
        return cls(
            {rule: issue for rule, issue in issues.items() if not issue.startswith(NOT_YET)},
            {rule: i.removeprefix(NOT_YET) for rule, i in issues.items() if i.startswith(NOT_YET)},
        )


@dataclass(frozen=True)
class Mention:
    """A test that names a rule on its def line: `# DU4`, or `# part of DU4`, which proves less."""

    rule: str
    is_proof: bool
    test: str
    path: str
    line: int


def mentions(source: Source) -> list[Mention]:
    """Every rule that a test function of this file names beside its signature."""
    lines = source.text.splitlines()
    return [
        Mention(rule, not part, node.name, source.path, node.lineno)
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
        for line in lines[node.lineno - 1 : max(node.lineno, node.body[0].lineno - 1)]
        for part, rule in RULE.findall(line.partition("  # ")[2])
    ]


def unknown(rules: Rules, named: list[Mention]) -> list[Finding]:
    """Tests that name a rule which is not on the list."""
    return [
        Finding(m.path, m.line, f"{m.test} names {m.rule}, which is no rule")
        for m in named
        if m.rule not in rules.proved and m.rule not in rules.later
    ]


def early(rules: Rules, named: list[Mention]) -> list[Finding]:
    """Tests of rules that the list still calls "not yet": the list must shrink."""
    return [
        Finding(
            m.path,
            m.line,
            f'{m.test} proves {m.rule}: take "not yet" from it in rules.txt, or say "part of"',
        )
        for m in named
        if m.is_proof and m.rule in rules.later
    ]


def missing(rules: Rules, named: list[Mention]) -> list[str]:
    """Rules that must have a test and have none."""
    tested = {mention.rule for mention in named if mention.is_proof}
    return [rule for rule in rules.proved if rule not in tested]
