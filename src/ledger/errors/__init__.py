"""Every refusal, as a tree. The first docstring line is the sentence a person reads.

A new refusal is one class in the file of what it is about.
"""

from __future__ import annotations

from ledger.errors.base import *  # noqa: F403 -- one tree in several files
from ledger.errors.contributors import *  # noqa: F403 -- one tree in several files
from ledger.errors.discounts import *  # noqa: F403 -- one tree in several files
from ledger.errors.lists import *  # noqa: F403 -- one tree in several files
from ledger.errors.members import *  # noqa: F403 -- one tree in several files
from ledger.errors.notices import *  # noqa: F403 -- one tree in several files
from ledger.errors.orders import *  # noqa: F403 -- one tree in several files
from ledger.errors.plans import *  # noqa: F403 -- one tree in several files
from ledger.errors.site import *  # noqa: F403 -- one tree in several files
from ledger.errors.values import *  # noqa: F403 -- one tree in several files
