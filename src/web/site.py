"""The whole site: every endpoint and every page, over its parts."""

from __future__ import annotations

from flask import Flask

from web.api.catalogue import all_routes
from web.app import create_app
from web.pages import all_pages
from web.parts import Parts


def create_site(parts: Parts) -> Flask:
    """The application that is served."""
    return create_app(parts, routes=all_routes(), pages=all_pages())
