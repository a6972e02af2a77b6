"""What a command does not use, it does not import: whoever types it would wait for that."""

from __future__ import annotations

import base64
import os
import subprocess
import sys

import pytest

HEAVY = {"stripe", "flask", "werkzeug", "jinja2", "apscheduler", "babel", "granian", "distributed"}
"""Of the payment company, of the pages, of the schedule, of languages, of servers, of clusters."""
LOADED = """
import sys
from web.cli import main
try:
    main(sys.argv[1:])
finally:
    print("loaded:", *sorted({name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


def loaded(*command: str, **environment: str) -> tuple[str, set[str]]:
    """What a command of `ledger` says, and the packages that it has imported at its end."""
    done = subprocess.run(  # noqa: S603 -- our own program
        [sys.executable, "-c", LOADED, *command],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout, set(done.stderr.rpartition("loaded: ")[2].split())


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    said, packages = loaded("--help")
    for command in ("serve", "web", "worker", "demo", "views", "explain", "stripe", "schedule"):
        assert f"\n  {command} " in said
    assert not packages & {*HEAVY, "pydantic", "psycopg", "eventsourcing", "cryptography"}


@pytest.mark.parametrize("command", [("views", "status"), ("views", "parked")])
def test_a_look_at_the_views_imports_no_pages_no_schedule_and_no_company(
    database: str, command: tuple[str, ...]
) -> None:
    key = base64.b64encode(bytes(range(32))).decode()
    _, packages = loaded(*command, LEDGER_DATABASE_URL=database, LEDGER_MASTER_KEY=key)
    assert {"psycopg", "pydantic"} <= packages
    assert not packages & HEAVY
