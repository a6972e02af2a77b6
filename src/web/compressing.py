"""What is the same for everybody goes out compressed: style sheets, scripts, the API's reference.

Pages don't: they hold form tokens beside what was typed, and how well the two compress together
would tell of the token (BREACH). They are small; a proxy in front may decide otherwise.
"""

from __future__ import annotations

import gzip
from functools import lru_cache
from http import HTTPStatus

from flask import Response, request

PUBLIC = frozenset({"static", "docs.page", "docs.openapi"})
"""Endpoints whose answers hold nothing of anybody."""
TEXT = ("text/", "application/json", "application/javascript", "image/svg+xml")
LEAST_BYTES = 500
"""Less is not worth it."""
MOST_KEPT = 64


def compress(answer: Response) -> Response:
    """Compress a public text for a browser that takes it so."""
    if request.endpoint not in PUBLIC or answer.status_code != HTTPStatus.OK:
        return answer
    if not (answer.mimetype or "").startswith(TEXT):
        return answer
    answer.vary.add("Accept-Encoding")
    if not request.accept_encodings["gzip"]:
        return answer
    whole = _read(answer)
    if len(whole) >= LEAST_BYTES:
        answer.set_data(_packed(whole))
        answer.content_encoding = "gzip"
        etag, _ = answer.get_etag()
        if etag is not None:
            answer.set_etag(etag, weak=True)  # the same text, in other bytes
    return answer


def _read(answer: Response) -> bytes:
    """All that it says; a file that it was read from is closed."""
    answer.direct_passthrough = False
    source = answer.response
    whole = answer.get_data()
    getattr(source, "close", lambda: None)()
    return whole


@lru_cache(maxsize=MOST_KEPT)
def _packed(whole: bytes) -> bytes:
    return gzip.compress(whole, mtime=0)
