"""A vault in memory and a mapper on it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ledger.facts import Fact
from ledger.store.mapper import FactMapper
from ledger.store.records import StoredFact
from ledger.store.vault import Vault
from tests.store.memory_keys import MemoryKeys
from tests.store.sealed_facts import MASTER_KEY


@pytest.fixture
def rows() -> MemoryKeys:
    return MemoryKeys()


@pytest.fixture
def vault(rows: MemoryKeys) -> Vault:
    return Vault(MASTER_KEY, rows)


@pytest.fixture
def mapper(vault: Vault) -> FactMapper:
    return FactMapper(vault)


@pytest.fixture
def saved(mapper: FactMapper, rows: MemoryKeys) -> Callable[..., StoredFact]:
    def save(one: Fact) -> StoredFact:
        prepared = mapper.prepare([one])
        rows.save(prepared.keys)
        return prepared.facts[0]

    return save
