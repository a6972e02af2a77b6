"""How long a function and a file may be."""

from __future__ import annotations

import ast

from tests.house.sources import Finding, Source

FUNCTION_LINES = 40
FILE_LINES = 400
COUNTED = (".py", ".html", ".css", ".js", ".sql", ".sh")


def findings(source: Source) -> list[Finding]:
    """Functions and files over their budget."""
    return [*file_findings(source), *(function_findings(source) if source.is_python else [])]


def file_findings(source: Source) -> list[Finding]:
    """A file that should be two."""
    lines = source.text.count("\n")
    if lines <= FILE_LINES or not (source.is_python or source.path.endswith(COUNTED)):
        return []
    return [Finding(source.path, 1, f"{lines} lines; a file has at most {FILE_LINES}")]


def function_findings(source: Source) -> list[Finding]:
    """Functions that should be several."""
    return [
        Finding(source.path, node.lineno, f"{node.name} has {lines} lines of {FUNCTION_LINES}")
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES
    ]
