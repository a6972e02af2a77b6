"""Looks back into the books: what a look takes a fact for without reading it."""

from __future__ import annotations

import json

import pytest

from projections.queries.books import FactFilter
from tests.house.sample_facts import stored_samples

SAMPLES = stored_samples()
MARK = b'"actor":{"id":'


@pytest.mark.parametrize("name", SAMPLES)
def test_who_acted_is_the_first_actor_of_a_state(name: str) -> None:
    state, actor = SAMPLES[name].state, json.loads(SAMPLES[name].state)["actor"]
    asked = FactFilter(actor=actor["kind"]).parameters()
    nobody, somebody = asked["nobody"], asked["somebody"]
    assert isinstance(nobody, bytes)
    assert isinstance(somebody, bytes)
    rest = state[state.index(MARK) + len(MARK) :]
    if actor["id"] is None:
        assert rest.startswith(nobody)
    else:
        assert rest.startswith(f'"{actor["id"]}"'.encode() + somebody)
