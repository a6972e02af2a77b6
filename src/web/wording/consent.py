"""By which words people agree to messages."""

from __future__ import annotations

WORDING = "campaigns-2"
"""The name of what stands beside the box in macros/consent.html, which facts keep: other words get
another name."""
