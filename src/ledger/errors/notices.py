"""Refusals of notices, and of what operators record."""

from __future__ import annotations

from ledger.errors.base import Refused


class NoticeMalformed(Refused):
    """The notice is malformed: {why}."""

    code = "notice_malformed"


class NoticeOver(Refused):
    """The notice {notice_id} is {state} and not tried any more."""

    code = "notice_over"


class NoticeSent(Refused):
    """The notice {notice_id} was sent: nobody is told of one thing twice."""

    code = "notice_sent"


class ReceiptMalformed(Refused):
    """The receipt of a rebuild counts nothing below zero, and names at least one view."""

    code = "receipt_malformed"
