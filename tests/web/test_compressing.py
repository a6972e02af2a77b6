"""What is public is compressed, what holds tokens is not, and nothing else changes by it."""

from __future__ import annotations

import gzip

from flask.testing import FlaskClient

from web.api.catalogue import all_routes
from web.app import create_app
from web.pages import all_pages
from web.parts import Parts

GZIP = {"Accept-Encoding": "gzip, br"}
MOST_BYTES = 150_000
SHEET = "/static/parts.css"


def test_a_style_sheet_is_compressed_for_who_takes_it_so(client: FlaskClient) -> None:
    plain = client.get(SHEET, buffered=True)
    packed = client.get(SHEET, headers=GZIP, buffered=True)
    assert "Content-Encoding" not in plain.headers
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    refused = client.get(SHEET, headers={"Accept-Encoding": "gzip;q=0"}, buffered=True)
    assert refused.data == plain.data


def test_a_compressed_file_that_a_browser_has_is_not_sent_again(client: FlaskClient) -> None:
    tag = client.get(SHEET, headers=GZIP, buffered=True).headers["ETag"]
    again = client.get(SHEET, headers={**GZIP, "If-None-Match": tag}, buffered=True)
    assert again.status_code == 304


def test_the_whole_reference_is_a_light_load(parts: Parts) -> None:
    client = create_app(parts, routes=all_routes()).test_client()
    page = client.get("/api/v1/docs", headers=GZIP)
    assert gzip.decompress(page.data).startswith(b"<!doctype html>")
    assert len(page.data) <= MOST_BYTES


def test_a_page_with_a_forms_token_is_not_compressed(parts: Parts) -> None:
    answer = create_app(parts, pages=all_pages()).test_client().get("/sign-in", headers=GZIP)
    assert b"csrf_token" in answer.data
    assert "Content-Encoding" not in answer.headers
