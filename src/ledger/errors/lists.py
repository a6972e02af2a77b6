"""Refusals of saved segments and mailing lists."""

from __future__ import annotations

from ledger.errors.base import Refused


class FilterMalformed(Refused):
    """Nobody can ever fit this filter: {why}."""

    code = "filter_malformed"


class SegmentNameTaken(Refused):
    """There is a saved segment {segment_name} already."""

    code = "segment_name_taken"
    pointer = "/name"


class ListEnded(Refused):
    """The mailing list {list_name} is over; nobody can be added to it, and nothing sent."""

    code = "list_ended"
