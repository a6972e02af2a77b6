"""The reference of the API: as a document for programs, and as a page for people."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from flask import Blueprint, Response, render_template

import ledger
from web.api.framework import BASE, Route
from web.api.openapi import document
from web.identity.auth import requires
from web.identity.permissions import Permission
from web.settings import Settings


def blueprint(routes: list[Route], settings: Settings) -> Blueprint:
    """`openapi.json` and `docs`, below /api/v1."""
    docs = Blueprint("docs", __name__, url_prefix=BASE)

    @cache
    def generated() -> dict[str, Any]:
        return document(
            routes,
            title=settings.site_name,
            version=ledger.__version__,
            address=settings.address,
        )

    @docs.get("/openapi.json")
    @requires(Permission.PUBLIC)
    def openapi() -> Response:
        return Response(json.dumps(generated()), content_type="application/json")

    @docs.get("/docs")
    @requires(Permission.PUBLIC)
    def page() -> str:
        return render_template("api/docs.html", document=generated(), operations=_operations())

    def _operations() -> dict[str, list[dict[str, Any]]]:
        by_tag: dict[str, list[dict[str, Any]]] = {}
        for path, methods in generated()["paths"].items():
            for method, operation in methods.items():
                entry = {"path": path, "method": method.upper(), **operation}
                by_tag.setdefault(operation["tags"][0], []).append(entry)
        return by_tag

    return docs
