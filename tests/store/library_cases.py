"""The library's own cases for recorders.

Their module imports the library's AES cipher for cases that don't concern us, and with it a package
that we have no use for; it gets an empty one.
"""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

with pytest.MonkeyPatch.context() as patch:
    cipher = ModuleType("eventsourcing.cipher")
    cipher.AESCipher = None  # type: ignore[attr-defined]
    patch.setitem(sys.modules, "eventsourcing.cipher", cipher)
    from eventsourcing.tests.persistence import (
        AggregateRecorderTestCase,
        ApplicationRecorderTestCase,
        NonInterleavingNotificationIDsBaseCase,
    )

__all__ = [
    "AggregateRecorderTestCase",
    "ApplicationRecorderTestCase",
    "NonInterleavingNotificationIDsBaseCase",
]
