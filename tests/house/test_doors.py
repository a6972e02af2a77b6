"""The doors of the house are kept."""

from __future__ import annotations

import pytest

from tests.house.doors import findings
from tests.house.sources import Source, report, repository


def test_every_import_goes_through_an_open_door() -> None:
    product = [source for source in repository() if source.path.startswith("src/")]
    found = [finding for source in product for finding in findings(source)]
    assert not found, report(found)


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("src/ledger/order.py", "import web.app", "ledger imports ledger only"),
        ("src/ledger/order.py", "from projections import members", "ledger imports ledger only"),
        ("src/projections/orders.py", "from web import app", "projections imports ledger only"),
        (
            "src/ledger/payments/sandbox.py",
            "import stripe",
            "only the adapter's files import stripe",
        ),
        ("src/web/app.py", "def f():\n    import stripe", "only the adapter's files import stripe"),
        ("src/web/app.py", "from apscheduler.x import Y", "one file imports apscheduler"),
        ("src/web/app.py", "from traceback import format_tb", "told by ledger/traces.py"),
        ("src/projections/view.py", "from flask import g", "only in web"),
        ("src/ledger/application.py", "from psycopg_pool import ConnectionPool", "spoken to"),
        ("src/web/app.py", "import psycopg\npsycopg.connect()", "spoken to"),
        ("src/web/app.py", "import os\nos.environ['A']", "settings.py only"),
        ("src/web/app.py", "from os import getenv", "settings.py only"),
        ("src/web/app.py", "import os as o\no.getenv('A')", "settings.py only"),
        ("src/web/app.py", "import datetime as d\nd.datetime.now()", "what time it is"),
        ("src/web/app.py", "from datetime import datetime\nf(datetime.now)", "what time it is"),
        ("src/web/app.py", "import time\ntime.time()", "what time it is"),
        ("src/web/app.py", "from time import time", "what time it is"),
        ("src/web/app.py", "from uuid import UUID, uuid4", "new identifiers"),
        ("src/web/app.py", 'x = "SELECT 1 FROM a"', "rooms of the database"),
        ("src/web/app.py", 'x = """\n  INSERT INTO a VALUES (1)"""', "rooms of the database"),
        ("src/web/app.py", 'x = "UPDATE a SET b = 1"', "rooms of the database"),
        ("src/web/app.py", 'x = "select a, b from c"', "rooms of the database"),
        ("src/ledger/store/recorder.py", 'x = "select max(a), now() from b"', "told the time"),
        ("src/ledger/store/schema/001_a.sql", "id uuid default gen_random_uuid()", "told the time"),
        ("src/ledger/store/recorder.py", 'x = f"SELECT a FROM {b}"', "f-strings"),
    ],
)
def test_a_shut_door_is_seen(path: str, text: str, message: str) -> None:
    (finding, *_) = findings(Source(path, text))
    assert message in str(finding)


def test_a_finding_names_its_line() -> None:
    (finding,) = findings(Source("src/web/app.py", "import a\n\nimport stripe\n"))
    assert str(finding) == "src/web/app.py:3: only the adapter's files import stripe (stripe)"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("src/ledger/payments/stripe_api.py", "import stripe"),
        ("src/web/schedule.py", "import apscheduler"),
        ("src/ledger/store/schema/001_a.sql", "-- never now()\ncreate table known ();"),
        ("src/web/settings.py", "import os\nos.environ"),
        ("src/ledger/clock.py", "from datetime import datetime\ndatetime.now()"),
        ("src/web/app.py", "import time\ntime.monotonic()"),
        ("src/web/app.py", 'def f():\n    """SELECT is a word."""'),
        ("src/web/app.py", 'x = "Select a plan from the list"'),
        ("src/projections/members.py", 'x = "SELECT 1 FROM a"'),
        ("src/web/settings.py", "from psycopg import OperationalError"),
        ("src/web/problems.py", "import psycopg\npsycopg.errors.DiskFull"),
        ("src/ledger/order.py", "from .web import x"),
    ],
)
def test_an_open_door_is_left_alone(path: str, text: str) -> None:
    assert findings(Source(path, text)) == []
