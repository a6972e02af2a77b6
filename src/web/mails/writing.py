"""What writes the letter of a notice: it answers the mail, or why none is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from projections.notices import NoticeRow
from web.parts import Parts
from web.sessions.mailbox import Mail


@dataclass(frozen=True)
class NotTold:
    """What a notice tells is not so any more, or nobody is there to be told; `why` is a word."""

    why: str


class NotYet:
    """It can't be said now, but will be so: the notice waits."""


Answer = Mail | NotTold | NotYet
Writer = Callable[[Parts, NoticeRow, Any], Answer]
"""Given the fact of which is told, asks the books as they are now: a notice may have waited."""
