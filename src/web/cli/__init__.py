"""`ledger`: what operators type. Heavy modules are imported by the command that needs them."""

from web.cli.main import main

__all__ = ["main"]
