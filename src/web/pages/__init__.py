"""The pages: what people see. No rule of their own; every act is a method of the books."""

from __future__ import annotations

from flask import Blueprint

from web.pages import (
    account,
    mailbox,
    own_data,
    own_money,
    protected,
    public,
    receipts,
    recovery,
    self_cancelling,
    sign_in,
    sign_up,
    unsubscribing,
)
from web.pages.panel import all_panel_pages


def all_pages() -> list[Blueprint]:
    """Every group of pages, one blueprint a file."""
    return [
        public.pages,
        sign_up.pages,
        sign_in.pages,
        account.pages,
        own_data.pages,
        own_money.pages,
        receipts.pages,
        recovery.pages,
        self_cancelling.pages,
        protected.pages,
        unsubscribing.pages,
        mailbox.pages,
        mailbox.panel_pages,
        *all_panel_pages(),
    ]
