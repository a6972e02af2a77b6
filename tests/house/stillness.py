"""Nothing happens at import, and no float comes near money."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.house.sources import Finding, Source

DEED = re.compile(
    r"open|connect|(read|write)_(text|bytes)|mkdir|touch|unlink|rmtree|loads?|urlopen"
    r"|run|Popen|check_(call|output)|start|sleep|Thread|Process|\w+Scheduler|\w*ConnectionPool"
    r"|now|today|uuid4|token_\w+|getenv|home|cwd|gethostname|getaddrinfo|basicConfig|Flask"
)
"""Calls that ask or change the world: at import, none of them is a definition."""

FINISHING = frozenset({"model_rebuild", "update_forward_refs"})
"""Calls that only complete a definition."""

FLOAT_ROOMS = ("src/ledger/store/",)
"""Seconds to wait for the database may be fractions; nothing else in the books may."""


def import_findings(source: Source) -> list[Finding]:
    """Every statement that does more than define when this module is imported."""
    return [
        Finding(source.path, line, f"nothing happens at import ({what})")
        for line, what in _deeds(source.tree.body)
    ]


def float_findings(source: Source) -> list[Finding]:
    """Every float, written or named, in the books outside the store."""
    if not source.path.startswith("src/ledger/") or source.path.startswith(FLOAT_ROOMS):
        return []
    return [
        Finding(source.path, node.lineno, "no float near money")
        for node in ast.walk(source.tree)
        if (isinstance(node, ast.Constant) and isinstance(node.value, float))
        or (isinstance(node, ast.Name) and node.id == "float")
    ]


def _deeds(body: list[ast.stmt]) -> Iterator[tuple[int, str]]:
    for statement in body:
        match statement:
            case ast.ClassDef():
                yield from _deeds(statement.body)
            case ast.If() if _is_guard(statement.test):
                continue
            case ast.If() | ast.Try():
                yield from _deeds(_branches(statement))
            case ast.For() | ast.While() | ast.With():
                yield statement.lineno, type(statement).__name__.lower()
            case ast.Expr(value=ast.Call() as call) if _called(call) not in FINISHING:
                yield statement.lineno, f"{_called(call)}()"
            case ast.Assign() | ast.AnnAssign():
                yield from _asking(statement)


def _branches(statement: ast.If | ast.Try) -> list[ast.stmt]:
    handlers = statement.handlers if isinstance(statement, ast.Try) else []
    last = statement.finalbody if isinstance(statement, ast.Try) else []
    return [*statement.body, *(s for h in handlers for s in h.body), *statement.orelse, *last]


def _is_guard(test: ast.expr) -> bool:
    """`if TYPE_CHECKING` and `if __name__ == "__main__"` do not run at import."""
    text = ast.unparse(test)
    return text.endswith("TYPE_CHECKING") or text.startswith("__name__ == ")


def _asking(statement: ast.Assign | ast.AnnAssign) -> Iterator[tuple[int, str]]:
    """Calls in the value of an assignment that do something, not those left for later."""
    waiting: list[ast.AST] = [statement.value] if statement.value else []
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, ast.Call) and DEED.fullmatch(_called(node)):
            yield node.lineno, f"{_called(node)}()"
        waiting.extend(ast.iter_child_nodes(node))


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ast.unparse(function)
