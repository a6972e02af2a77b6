"""A door to the emulated Stripe for programs of other languages: HTTP on this machine alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import urlsplit

from tests.payments.stripe.emulator import Emulator, LineBroke
from tests.payments.stripe.forms import decoded
from tests.payments.stripe.line import Watcher

LOOK_SECONDS = 0.02
"""How often it looks whether it is to be shut."""


@contextmanager
def door(emulator: Emulator, watchers: Sequence[Watcher] = ()) -> Iterator[str]:
    """The address at which the emulator answers, for as long as this lasts."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(emulator, watchers))
    thread = Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(emulator: Emulator, watchers: Sequence[Watcher]) -> type[BaseHTTPRequestHandler]:
    one_at_a_time = Lock()

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            parts = urlsplit(self.path)
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            form = decoded(sent or parts.query)
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                with one_at_a_time:
                    answer = emulator.answer(self.command, parts.path, form, headers)
                    for watcher in watchers:
                        watcher(self.command, parts.path, form, answer)
            except LineBroke:
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Type": "application/json"}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        do_GET = do_POST = do_DELETE = answer  # noqa: N815 -- the library's names

        def log_message(self, *_: object) -> None:
            """Tests are quiet."""

    return Handler
