"""How long the search for counterexamples goes on."""

from __future__ import annotations

from hypothesis import settings

# No deadline: the machines that run the tests are shared, and slow examples prove nothing wrong.
settings.register_profile("books", deadline=None, max_examples=100, stateful_step_count=40)
settings.load_profile("books")
