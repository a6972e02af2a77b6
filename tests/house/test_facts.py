"""Stored names and shapes are as committed, and every shape there ever was can be read."""

from __future__ import annotations

from typing import ClassVar, Literal
from uuid import UUID

import pytest

from ledger.facts import ERASED, Fact, Personal, personal_fields
from tests.house import facts, sample_facts
from tests.house.sample_facts import INSTANT, SUBJECT


@pytest.fixture(scope="module", autouse=True)
def _books() -> None:
    facts.import_the_books()


def test_stored_names_and_shapes_are_as_committed() -> None:
    found = facts.differences(facts.committed(), facts.shapes(facts.concrete_facts()))
    assert not found, "\n".join([*found, "if it is meant: scripts/check --accept-facts"])


def test_every_stored_name_is_pinned_by_the_rules() -> None:
    assert {fact.TOPIC for fact in facts.concrete_facts()} <= facts.known_topics()


def test_no_two_facts_share_a_stored_name() -> None:
    facts.import_the_books()
    topics = [topic for kind in _kinds(Fact) if (topic := kind.__dict__.get("TOPIC"))]
    assert len(topics) == len(set(topics))


def test_every_shape_has_a_sample() -> None:
    assert {stored.topic for stored in sample_facts.stored_samples().values()} == set(
        facts.committed()["facts"]
    )


@pytest.mark.parametrize("name", sample_facts.stored_samples())
def test_a_stored_sample_is_read_for_ever(name: str) -> None:
    stored = sample_facts.stored_samples()[name]
    fact = sample_facts.opened(stored)
    assert (fact.TOPIC, fact.originator_id) == (stored.topic, stored.originator_id)
    assert fact.recorded_at == INSTANT
    for field in personal_fields(type(fact)):
        assert getattr(fact, field) not in (None, ERASED)


def _kinds(parent: type[Fact]) -> set[type[Fact]]:
    ours = {kind for kind in parent.__subclasses__() if kind.__module__.startswith("ledger.")}
    return ours.union(*(_kinds(child) for child in ours))


def planted(**fields: object) -> type[Fact]:
    """A fact of the tests, with these annotations."""
    return type(
        "Planted",
        (Fact,),
        {
            "__module__": __name__,
            "__annotations__": {"TOPIC": ClassVar[str], **fields},
            "TOPIC": "test.planted",
        },
    )


def test_a_lost_name_is_seen() -> None:
    said, true = facts.shapes([planted()]), facts.shapes([])
    assert facts.differences(said, true) == ["test.planted is gone"]


def test_a_new_name_is_seen() -> None:
    said, true = facts.shapes([]), facts.shapes([planted()])
    assert facts.differences(said, true) == ["test.planted is new"]


@pytest.mark.parametrize(
    "fields", [{"count": int, "more": int}, {"count": str}, {"count": Personal[int]}, {}]
)
def test_another_shape_is_seen(fields: dict[str, object]) -> None:
    said, true = facts.shapes([planted(count=int)]), facts.shapes([planted(**fields)])
    assert facts.differences(said, true) == ["test.planted has another shape"]
    assert facts.changed(said, true) == ["test.planted"]


def test_the_same_shape_is_no_news() -> None:
    said, true = facts.shapes([planted(count=int)]), facts.shapes([planted(count=int)])
    assert facts.differences(said, true) == []


def test_an_example_fills_every_field() -> None:
    fact = planted(
        email=Personal[str],
        kind=Literal["a", "b"],
        many=tuple[UUID, ...],
        perhaps=int | None,
    )
    made = sample_facts.example(fact).model_dump()
    assert made["email"] == "email"
    assert (made["kind"], made["perhaps"], len(made["many"])) == ("a", 1, 1)
    assert made["member_id"] == SUBJECT
