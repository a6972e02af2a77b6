"""Judge tables, or tell rows: `python -m tests.projections.oracle EXPORT [--compare TABLES]`."""

from __future__ import annotations

import argparse
import json
import sys
from collections import defaultdict
from datetime import datetime
from pathlib import Path

from tests.projections.oracle.compare import disagreements, plain
from tests.projections.oracle.judge import VIEWS, Oracle
from tests.projections.oracle.lines import Fact


def main() -> int:
    """Print each difference, or without tables each row; 1 where something differs."""
    given = _parser().parse_args()
    moment = {"as_of": given.as_of, "known": given.known}
    site = {"currency": given.currency, "mode": given.mode, "zone": given.zone}
    with given.export.open("rb") as lines:
        if given.compare is None:
            oracle = Oracle(lines, **moment, **site)
            for view in VIEWS:
                for row in oracle.rows(view):
                    sys.stdout.write(json.dumps({"view": view, "row": plain(row)}) + "\n")
            return 0
        found = disagreements(lines, _tables(given.compare), given.now, **moment, **site)
    sys.stdout.writelines(f"{sentence}\n" for sentence in found)
    sys.stderr.write(f"{len(found)} disagreements\n")
    return 1 if found else 0


def _tables(path: Path) -> dict[str, list[Fact]]:
    """Rows by view, from lines of `view` and `row`."""
    tables: defaultdict[str, list[Fact]] = defaultdict(list)
    with path.open("rb") as lines:
        for line in map(json.loads, lines):
            tables[line["view"]].append(line["row"])
    return dict(tables)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("export", type=Path, help="What `ledger export --opened` wrote.")
    parser.add_argument("--compare", type=Path, help='Lines of {"view": ..., "row": {...}}.')
    parser.add_argument("--as-of", type=datetime.fromisoformat, help="What was true then.")
    parser.add_argument("--known", type=int, help="What was in the books by a position.")
    parser.add_argument("--now", type=datetime.fromisoformat, help="The instant of segments.")
    parser.add_argument("--currency", default="EUR")
    parser.add_argument("--mode", default="live")
    parser.add_argument("--zone", default="Europe/Paris")
    return parser


if __name__ == "__main__":
    sys.exit(main())
