"""Runs the cases that are asked for, and prints their rows."""

from __future__ import annotations

import argparse
import sys

from scripts.benches import append, follow
from scripts.benches.rows import Case, as_json, as_text

CASES: dict[str, Case] = {"append": append.measure, "follow": follow.measure}


def main() -> int:
    """0 if every promise was kept."""
    parser = argparse.ArgumentParser(prog="scripts/bench")
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    parser.add_argument("--seconds", type=float, default=1.0, help="per contender and round")
    parser.add_argument("--json", action="store_true", help="one line of JSON a row")
    asked = parser.parse_args()
    unknown = set(asked.cases) - set(CASES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(CASES)}")
    kept = True
    for name in asked.cases or CASES:
        for row in CASES[name](asked.seconds):
            print(as_json(row) if asked.json else as_text(row), flush=True)
            kept = kept and row.is_kept
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
