"""Runs the cases that are asked for, and prints their rows."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from scripts.benches import append, collection, follow, pages, queries, rebuild
from scripts.benches.rows import Case, Options, as_json, as_text

CASES: dict[str, Case] = {
    "append": lambda options: append.measure(options.seconds),
    "follow": lambda options: follow.measure(options.seconds),
    "rebuild": rebuild.measure,
    "queries": queries.measure,
    "collection": collection.measure,
    "pages": pages.measure,
}
UNITS = {"k": 1_000, "m": 1_000_000}


def main() -> int:
    """0 if every promise was kept."""
    parser = _parser()
    asked = parser.parse_args()
    unknown = set(asked.cases) - set(CASES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(CASES)}")
    options = Options(
        asked.seconds, asked.facts, asked.sizes, asked.keep, asked.plot, asked.members, asked.below
    )
    kept = True
    for name in asked.cases or CASES:
        for row in CASES[name](options):
            print(as_json(row) if asked.json else as_text(row), flush=True)
            kept = kept and row.is_kept
    return 0 if kept else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--seconds", type=float, default=1.0, help="per contender and round")
    parser.add_argument("--json", action="store_true", help="one line of JSON a row")
    parser.add_argument(
        "--facts", type=_facts, default="1M", help="rebuild: facts in the log (300k, 1M)"
    )
    parser.add_argument(
        "--sizes",
        type=_sizes,
        default="",
        help="rebuild: other logs too (100k,300k,1M,3M); collection: members (1k,100k)",
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help="keep what is made here, and use it"
    )
    parser.add_argument(
        "--members", type=_facts, default="1M", help="queries, pages: members of the site (20k, 1M)"
    )
    parser.add_argument("--below", default="/", help="pages: only these (/panel/members)")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="rebuild: time by size, as SVG")
    return parser


def _facts(text: str) -> int:
    """Of `1M`, `300k` or `2500`."""
    unit = UNITS.get(text[-1:].lower(), 1)
    digits = text[:-1] if unit > 1 else text
    return int(digits.replace("_", "").replace(",", "")) * unit


def _sizes(text: str) -> tuple[int, ...]:
    return tuple(_facts(size) for size in text.split(",") if size)


if __name__ == "__main__":
    sys.exit(main())
