"""Conditions on timelines whose arrays a hand has left in a shape that no facts make."""

from __future__ import annotations

from typing import LiteralString

# A change that has no place, no divisor or no name may have been any; so may one of an array that
# does not begin at 1, or is of another length than the others.
BROKEN_CHANGES: LiteralString = """(
    EXISTS (SELECT FROM unnest(changed_at, currencies, plan_ids, kinds, numerators, denominators,
                               steps)
                     AS one (at, currency, plan, kind, numerator, denominator, step)
             WHERE one.at IS NULL OR one.currency IS NULL OR one.plan IS NULL OR one.kind IS NULL
                OR one.numerator IS NULL OR one.step IS NULL OR coalesce(one.denominator, 0) = 0)
    OR EXISTS (SELECT FROM unnest(ARRAY[
                   array_dims(changed_at), array_dims(currencies), array_dims(plan_ids),
                   array_dims(kinds), array_dims(numerators), array_dims(denominators),
                   array_dims(steps)]) AS shape
                WHERE shape !~ '^.1:[0-9]+.$'))"""
BROKEN_STAYS: LiteralString = """(
    EXISTS (SELECT FROM unnest(began, ended) AS one (since, until)
             WHERE one.since IS NULL OR one.until IS NULL)
    OR EXISTS (SELECT FROM unnest(ARRAY[array_dims(began), array_dims(ended)]) AS shape
                WHERE shape !~ '^.1:[0-9]+.$'))"""
