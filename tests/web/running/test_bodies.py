"""Bodies that come slowly, in pieces, in part or never, sent to a real server process."""

from __future__ import annotations

import re
import socket
from contextlib import ExitStack
from http.cookiejar import CookieJar
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, Request, build_opener

import pytest

from tests.web.running.site_process import LINE, PATIENCE_SECONDS, SiteProcess, read_all
from web.app import MAX_BODY_BYTES

GET = b"GET /livez HTTP/1.1\r\n" + LINE + b"\r\n"
NOTICE = b"POST /notices/sandbox HTTP/1.1\r\n" + LINE
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
FORM = b"POST /sign-in HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n" + LINE
HALVES = ("/sign-in", "/notices/sandbox", "/api/v1/plans", "/livez")


def signed_in(site: SiteProcess) -> str:
    """Where the owner gets to by the form of the sign-in."""
    address = f"http://localhost:{site.port}/team/sign-in"
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(address, timeout=PATIENCE_SECONDS) as page:
        fields = dict(
            re.findall(r'name="(csrf_token|command)" value="([^"]+)"', page.read().decode())
        )
    filled = urlencode({**fields, "email": site.owner.email, "password": site.owner.password})
    with browser.open(Request(address, filled.encode()), timeout=PATIENCE_SECONDS) as done:
        return str(done.url).removeprefix(f"http://localhost:{site.port}")


def test_bodies_that_never_end_stop_nobody_else(patient: SiteProcess) -> None:
    with ExitStack() as halves:
        for number in range(40):
            halves.enter_context(patient.begun(HALVES[number % len(HALVES)]))
        assert patient.said(GET).statuses == [200, 200]
        assert signed_in(patient).startswith("/panel")
        assert patient.said(NOTICE + b"Content-Length: 2\r\n\r\n{}").statuses == [400, 200]


@pytest.mark.parametrize("path", ["/sign-in", "/notices/sandbox"])
def test_a_body_that_is_not_whole_in_time_is_refused(hasty: SiteProcess, path: str) -> None:
    with hasty.begun(path) as half:
        answer = read_all(half)
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_program_learns_that_its_body_came_late(hasty: SiteProcess) -> None:
    with hasty.begun("/notices/sandbox") as half:
        assert b'"code": "body_late"' in read_all(half)


def test_a_byte_now_and_then_prolongs_nothing(hasty: SiteProcess) -> None:
    with hasty.begun("/sign-in") as half:
        half.settimeout(0.05)
        answer = b""
        while not answer:
            half.sendall(b"x")
            try:
                answer = half.recv(1 << 16)
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408 ")


def test_where_too_many_wait_the_one_that_waits_longest_gives_way(patient: SiteProcess) -> None:
    with ExitStack() as halves:
        first = halves.enter_context(patient.begun("/notices/sandbox"))
        for _ in range(3):  # what came at once is taken in any order
            assert patient.said(GET).statuses == [200, 200]
        for _ in range(256):
            halves.enter_context(patient.begun("/notices/sandbox"))
        answer = read_all(first)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b'"code": "busy"' in answer
    assert b"retry-after: 1" in answer


REQUESTS = {
    "pieces": (NOTICE + CHUNKED + b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", [400, 200]),
    "pieces and trailers": (NOTICE + CHUNKED + b"2\r\n{}\r\n0\r\nX-A: b\r\n\r\n", [400, 200]),
    "the same length twice": (NOTICE + b"Content-Length: 2\r\n" * 2 + b"\r\n{}", [400, 200]),
    "two lengths": (NOTICE + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", [400]),
    "no number": (NOTICE + b"Content-Length: two\r\n\r\n{}", [400]),
    "less than nothing": (NOTICE + b"Content-Length: -2\r\n\r\n{}", [400]),
    "length and pieces": (NOTICE + b"Content-Length: 9\r\n" + CHUNKED + b"0\r\n\r\n", [400]),
    "unknown coding": (NOTICE + b"Transfer-Encoding: x\r\n\r\n0\r\n\r\n", [400]),
    "broken piece": (NOTICE + CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n", [400]),
    "a body that nobody asked for": (
        GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 2\r\n\r\n{}"),
        [200, 200],
    ),
    "three at once": (GET * 3, [200] * 4),
    "head": (GET.replace(b"GET", b"HEAD"), [200, 200]),
    "an old client": (GET.replace(b"1.1", b"1.0"), [200]),
    "too large, as declared": (FORM + b"Content-Length: 1048577\r\n\r\nx", [413]),
}


@pytest.mark.parametrize("kind", REQUESTS)
def test_a_request_ends_where_it_says_and_the_next_begins_there(
    patient: SiteProcess, kind: str
) -> None:
    sent, statuses = REQUESTS[kind]
    assert patient.said(sent).statuses == statuses


@pytest.mark.parametrize(
    "broken", [b"Content-Length: 9\r\n\r\n{}", CHUNKED + b"2\r\n{}\r\n"], ids=["sized", "chunked"]
)
def test_what_breaks_off_is_not_taken_for_whole(patient: SiteProcess, broken: bytes) -> None:
    with patient.connected() as client:
        client.sendall(NOTICE + broken)
        client.shutdown(socket.SHUT_WR)
        answer = read_all(client)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"The notice broke off." in answer


def test_a_body_of_the_largest_size_is_read(patient: SiteProcess) -> None:
    length = f"Content-Length: {MAX_BODY_BYTES}\r\n\r\n".encode()
    assert patient.said(FORM + length + b"x" * MAX_BODY_BYTES).statuses == [400, 200]


def test_a_body_in_pieces_is_measured_as_it_comes(patient: SiteProcess) -> None:
    piece = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    assert patient.said(FORM + CHUNKED + piece * 17 + b"0\r\n\r\n").statuses[0] == 413
