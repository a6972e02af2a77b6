"""The doors between rooms: who may import what, and who may ask the world for something."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from tests.house.sources import Finding, Source

SQL_ROOMS = (
    "src/ledger/store/",
    "src/ledger/audit/",
    "src/ledger/payments/inbox.py",
    "src/projections/",
    "src/web/sessions",
)


@dataclass(frozen=True)
class Door:
    """Dotted names that only some files may use, and the sentence that says so."""

    names: tuple[str, ...]
    rooms: tuple[str, ...]
    message: str
    spared: str = "-"
    """A pattern of names that anyone may use."""

    def is_shut(self, name: str, path: str) -> bool:
        """Whether this file may not use this name, or anything inside it."""
        return (
            any(name == own or name.startswith(f"{own}.") for own in self.names)
            and not path.startswith(self.rooms)
            and not re.fullmatch(self.spared, name)
        )


DOORS = (
    Door(("projections", "web"), ("src/projections/", "src/web/"), "ledger imports ledger only"),
    Door(("web",), ("src/web/",), "projections imports ledger only"),
    Door(
        ("traceback", "sys.exc_info"),
        ("src/ledger/traces.py",),
        "where something went wrong is told by ledger/traces.py: the rest may quote what is secret",
    ),
    Door(("stripe",), ("src/ledger/payments/stripe_",), "only the adapter's files import stripe"),
    Door(("apscheduler",), ("src/web/schedule.py",), "one file imports apscheduler"),
    Door(
        ("flask", "flask_wtf", "werkzeug", "jinja2"),
        ("src/web/",),
        "flask and what it is made of only in web",
    ),
    Door(
        ("psycopg", "psycopg_pool"),
        SQL_ROOMS,
        "the database is spoken to in store, audit, inbox, projections and web sessions only",
        # A malformed address or a lost server is told by the edge.
        spared=r"psycopg(\.errors(\.\w+)?|\.\w*Error|\.conninfo(\.\w+)?)?",
    ),
    Door(
        ("os.environ", "os.environb", "os.getenv", "os.putenv"),
        ("src/web/settings.py",),
        "the environment is read in web/settings.py only",
    ),
    Door(
        (
            "datetime.datetime.now",
            "datetime.datetime.utcnow",
            "datetime.datetime.today",
            "datetime.date.today",
            "time.time",
            "time.time_ns",
            "time.localtime",
            "time.gmtime",
        ),
        ("src/ledger/clock.py",),
        "only ledger/clock.py asks what time it is",
    ),
    Door(
        ("uuid.uuid1", "uuid.uuid4"),
        ("src/ledger/ids.py",),
        "only ledger/ids.py makes new identifiers",
    ),
)

SQL = re.compile(
    r"\s*(SELECT\s+(.+\sFROM\s|\w+\()|INSERT\s+INTO\s|UPDATE\s+\S+\s+(\w+\s+)?SET\s"
    r"|DELETE\s+FROM\s|TRUNCATE\s|COPY\s+\S+\s*(\(|FROM|TO)"
    r"|(CREATE|ALTER|DROP)\s+(OR\s+REPLACE\s+|UNIQUE\s+|UNLOGGED\s+)*"
    r"(TABLE|INDEX|SCHEMA|FUNCTION|VIEW|DATABASE|ROLE|SEQUENCE)\s"
    r"|WITH\s+\w+(\s*\([^)]*\))?\s+AS\s+\(|(UN)?LISTEN\s+\w+;?$|NOTIFY\s+\w+;?$)",
    re.IGNORECASE | re.DOTALL,
)

SECOND_CLOCK = re.compile(
    r"(?<![.\w])((now|(clock|statement|transaction)_timestamp|gen_random_uuid|uuidv[47])\(\)"
    r"|current_(timestamp|date|time)\b|localtimestamp\b)",
    re.IGNORECASE,
)
CLOCK_ROOMS = ("src/ledger/store/upgrade.py",)
"""The upgrade notes when the server ran it, before there is anything to tell the time."""


def findings(source: Source) -> list[Finding]:
    """Every shut door this file goes through."""
    if not source.is_python:
        return list(_second_clocks(source))
    return [
        *(
            Finding(source.path, line, f"{door.message} ({name})")
            for line, name in sorted(set(_names(source.tree)))
            for door in DOORS
            if door.is_shut(name, source.path)
        ),
        *_sql_elsewhere(source),
        *_sql_of_pieces(source),
        *_second_clocks(source),
    ]


def _names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every imported module and every dotted name that starts at an import, with its line."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and (name := _dotted(node, known)):
            yield node.lineno, name


def _dotted(node: ast.expr, known: dict[str, str]) -> str | None:
    """`dt.datetime.now` as `datetime.datetime.now`, if it starts at an import."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Attribute) and (owner := _dotted(node.value, known)):
        return f"{owner}.{node.attr}"
    return None


def _sql_elsewhere(source: Source) -> Iterator[Finding]:
    if source.path.startswith(SQL_ROOMS):
        return
    for text in _texts(source.tree):
        if _is_sql(text.value):
            yield Finding(source.path, text.lineno, "SQL stands in the rooms of the database only")


def _sql_of_pieces(source: Source) -> Iterator[Finding]:
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.JoinedStr)
            and isinstance(first := node.values[0] if node.values else None, ast.Constant)
            and _is_sql(str(first.value))
        ):
            yield Finding(source.path, node.lineno, "no SQL is built with f-strings")


def _second_clocks(source: Source) -> Iterator[Finding]:
    """SQL that asks the server for the time or for a new identifier."""
    if source.path.startswith(CLOCK_ROOMS):
        return
    if source.is_python:
        lines = [
            (text.lineno, line) for text in _texts(source.tree) for line in text.value.splitlines()
        ]
    else:
        text = source.text if source.path.endswith(".sql") else ""
        lines = list(enumerate(text.splitlines(), start=1))
    for number, line in lines:
        if asked := SECOND_CLOCK.search(line.partition("--")[0]):
            message = f"SQL is told the time and new identifiers ({asked[0]})"
            yield Finding(source.path, number, message)


@dataclass(frozen=True)
class Text:
    """A string in the code that is no docstring."""

    lineno: int
    value: str


def _texts(tree: ast.Module) -> Iterator[Text]:
    docstrings = {id(node) for node in _docstrings(tree)}
    return (
        Text(node.lineno, node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and id(node) not in docstrings
    )


def _is_sql(text: str) -> bool:
    """Whether it reads as a statement; a sentence for people begins with one capital letter."""
    first_word = text.lstrip().partition(" ")[0]
    return (first_word.isupper() or first_word.islower()) and SQL.match(text) is not None


def _docstrings(tree: ast.Module) -> Iterator[ast.expr]:
    """Every bare string: docstrings of modules, classes, functions and fields."""
    return (
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )
