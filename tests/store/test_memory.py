"""The embedded server takes a share of the memory that there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from ledger.store.memory import MEBIBYTE, machine_memory, shared_buffers


@pytest.mark.parametrize(
    ("mebibytes", "share"),
    [(256, "128MB"), (1_024, "256MB"), (8_192, "2048MB"), (65_536, "4096MB")],
)
def test_a_quarter_is_kept_within_bounds(mebibytes: int, share: str) -> None:
    assert shared_buffers(mebibytes * MEBIBYTE) == share


def test_a_container_counts_by_its_own_limit(tmp_path: Path) -> None:
    limit = tmp_path / "memory.max"
    whole = machine_memory(limit)
    limit.write_text("max\n")
    assert machine_memory(limit) == whole > 0
    limit.write_text(f"{64 * MEBIBYTE}\n")
    assert machine_memory(limit) == 64 * MEBIBYTE
