"""The cursors of the views' lists, within ours: sealed, and bound to the list's filters."""

from __future__ import annotations

from typing import Any

from web.api.framework import Call


def cursor_in(call: Call[None, Any]) -> str | None:
    """The view's own cursor within the one that was sent."""
    place = call.place()
    return str(place[0]) if place else None
