"""The piece of HTML with which another site shows the sign-up block."""

from __future__ import annotations

from uuid import UUID

from markupsafe import escape

from web.settings import Settings

HEIGHT_OF_ALL, HEIGHT_OF_ONE = 640, 240
"""Pixels that are enough on a phone; the block scrolls where it is longer."""


def snippet(settings: Settings, plan_id: UUID | None = None) -> str:
    """What to paste into a page: a frame with all open plans, or with one."""
    path = "/embed/plans" if plan_id is None else f"/embed/plans/{plan_id}"
    height = HEIGHT_OF_ALL if plan_id is None else HEIGHT_OF_ONE
    title = escape(settings.site_name)
    return (
        f'<iframe src="{settings.address}{path}" title="{title}"'
        f' width="100%" height="{height}" loading="lazy"></iframe>'
    )
