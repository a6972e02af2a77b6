"""`scripts/drill NAME`."""

from __future__ import annotations

import argparse
import signal
import sys

from scripts.drills import crash, demo, load, payments, rebuild, year


def main() -> int:
    """Run one drill; 0 if nothing went wrong."""
    parser = argparse.ArgumentParser(prog="scripts/drill")
    drills = parser.add_subparsers(required=True)
    for drill in (crash, demo, rebuild, load, payments, year):
        name = drill.__name__.rsplit(".", 1)[-1]
        drill.declare(drills.add_parser(name, help=(drill.__doc__ or "").splitlines()[0]))
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, _leave)
    verdict: int = given.run(given)
    return verdict


def _leave(*_: object) -> None:
    """Stop what was started, as Ctrl-C does."""
    sys.exit(143)


raise SystemExit(main())
