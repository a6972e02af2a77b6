"""The bridge between the server's event loop and the threads that work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import pytest

from tests.web.running.scopes import Line, scope
from web.problems import Problem
from web.running.bodies import Bodies
from web.running.bridge import PIECE_BYTES, Bridge, Environ, environ_of

Start = Callable[..., Any]
LONG = [bytes([number]) * PIECE_BYTES for number in range(9)]
SEEN: ContextVar[str] = ContextVar("SEEN")


def answered(app: Callable[[Environ, Start], Iterable[bytes]], line: Line | None = None) -> Line:
    """What the client of a request without a body gets."""
    line = line or Line()
    bodies = Bodies(100, wait_seconds=1)
    asyncio.run(Bridge(app, bodies, threads=2)(scope(), line.receive, line.send))
    return line


class Generated:
    """An answer in pieces, and whether it was closed."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self.pieces, self.closed, self.made = iter(pieces), False, 0

    def __call__(self, environ: Environ, start: Start) -> Generated:
        start("200 OK", [("Content-Type", "text/csv")])
        return self

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.made += 1
            yield piece

    def close(self) -> None:
        self.closed = True


def test_a_header_that_is_set_twice_is_sent_twice() -> None:
    def app(environ: Environ, start: Start) -> list[bytes]:
        start("201 Created", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        return [b"one ", b"answer"]

    line = answered(app)
    assert line.started["status"] == 201
    assert line.started["headers"] == [(b"Set-Cookie", b"a=1"), (b"Set-Cookie", b"b=2")]
    assert line.sent == [b"one answer"]


@pytest.mark.parametrize("pieces", [[], [b""], [b"a"] * 9, LONG, [*LONG, b"end"]])
def test_a_long_answer_arrives_whole_and_is_closed(pieces: list[bytes]) -> None:
    answer = Generated(pieces)
    line = answered(answer)
    assert b"".join(line.sent) == b"".join(pieces)
    assert line.ended
    assert answer.closed


def test_a_long_answer_is_made_no_faster_than_it_is_read() -> None:
    answer = Generated(LONG)
    line = Line(reads=3)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(_talk(answer, line), 0.2))
    assert answer.made == 4
    assert answer.closed


async def _talk(app: Generated, line: Line) -> None:
    await Bridge(app, Bodies(100, wait_seconds=1), threads=2)(scope(), line.receive, line.send)


def test_nothing_more_is_made_for_a_client_that_left() -> None:
    answer = Generated(LONG)
    line = answered(answer, Line(leaves_after=2))
    assert answer.made < len(LONG)
    assert answer.closed
    assert not line.ended


def test_an_answer_that_breaks_is_closed() -> None:
    def broken() -> Iterator[bytes]:
        yield LONG[0]
        raise RuntimeError("broken")

    answer = Generated(broken())
    with pytest.raises(RuntimeError, match="broken"):
        answered(answer)
    assert answer.closed


def test_what_a_request_sets_lasts_until_its_end_and_no_longer() -> None:
    def told() -> Iterator[bytes]:
        yield SEEN.get("nothing").encode()
        SEEN.set("something")
        yield from LONG
        yield SEEN.get().encode()

    def app(environ: Environ, start: Start) -> Iterator[bytes]:
        start("200 OK", [])
        return told()

    async def twice() -> list[Line]:
        bridge, lines = Bridge(app, Bodies(100, wait_seconds=1), threads=1), [Line(), Line()]
        for line in lines:
            await bridge(scope(), line.receive, line.send)
        return lines

    for line in asyncio.run(twice()):
        assert line.sent[0].startswith(b"nothing")
        assert line.sent[-1] == b"something"


def test_a_path_keeps_the_bytes_that_its_escapes_stand_for() -> None:
    assert environ_of(scope(raw_path=b"/a%2Fb/%E9%zz%00"))["PATH_INFO"] == "/a/b/\xe9%zz\x00"


def test_what_comes_several_times_is_one_list() -> None:
    several = [(b"cookie", b"a=1"), (b"accept", b"x"), (b"cookie", b"b=2"), (b"accept", b"y")]
    environ = environ_of(scope(headers=several))
    assert environ["HTTP_COOKIE"] == "a=1;b=2"
    assert environ["HTTP_ACCEPT"] == "x,y"


def test_a_header_with_an_underscore_passes_for_no_other() -> None:
    forged = [(b"x_forwarded_for", b"1.2.3.4"), (b"content_length", b"5"), (b"x-a", b"\xe9")]
    environ = environ_of(scope(headers=forged))
    assert "HTTP_X_FORWARDED_FOR" not in environ
    assert "CONTENT_LENGTH" not in environ
    assert environ["HTTP_X_A"] == ""


def test_the_client_s_address_is_the_connection_s() -> None:
    environ = environ_of(scope(client=("2001:db8::7", "4711")))
    assert environ["REMOTE_ADDR"] == "2001:db8::7"
    assert (environ["SERVER_NAME"], environ["SERVER_PORT"]) == ("127.0.0.1", "8000")


def test_of_bodies_that_are_too_much_together_the_oldest_gives_way() -> None:
    bodies = Bodies(100, wait_seconds=60, most_bytes=100)

    async def two() -> tuple[str, bytes]:
        first, second = Line(body=[b"a" * 60]), Line(body=[b"b" * 30, b"c" * 30], whole=True)
        waiting = asyncio.create_task(_read(bodies, 99, first))
        await first.waits.wait()
        taken = await _read(bodies, 60, second)
        return str(await waiting), taken

    async def _read(bodies: Bodies, size: int, line: Line) -> Any:
        async with bodies.collected(size, line.receive) as body:
            try:
                return body.read()
            except Problem as refused:
                return refused.code

    assert asyncio.run(two()) == ("busy", b"b" * 30 + b"c" * 30)


def test_what_was_answered_is_held_no_longer() -> None:
    bodies = Bodies(100, wait_seconds=60, most_bytes=100)

    async def again() -> list[bytes]:
        taken = []
        for _ in range(3):
            async with bodies.collected(90, Line(body=[b"a" * 90]).receive) as body:
                taken.append(body.read())
        return taken

    assert asyncio.run(again()) == [b"a" * 90] * 3
