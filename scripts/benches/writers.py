"""Processes that save as fast as they can, when told."""

from __future__ import annotations

import time
from contextlib import ExitStack
from multiprocessing import get_context
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Self

from scripts.benches.contenders import CONTENDERS, Contender

WARM_UP = 5
"""Saves before counting begins: statements are prepared, connections are open."""


class Writers:
    """A number of processes, each with a connection of its own for each contender."""

    def __init__(self, count: int, dsn: str, contenders: dict[str, Contender] = CONTENDERS) -> None:
        context = get_context("forkserver")
        context.set_forkserver_preload(["scripts.benches.contenders"])
        self._pipes: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_write, args=(theirs, dsn, contenders), daemon=True)
            process.start()
            self._pipes.append(ours)
            self._processes.append(process)

    def rate(self, contender: str, count: int, seconds: float) -> float:
        """Saves a second by so many of them together."""
        pipes = self._pipes[:count]
        for pipe in pipes:
            pipe.send((contender, 0.0))  # warm up
        for pipe in pipes:
            pipe.recv()
        for pipe in pipes:
            pipe.send((contender, seconds))
        return float(sum(pipe.recv() for pipe in pipes))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        for pipe in self._pipes:
            pipe.send(None)
        for process in self._processes:
            process.join()


def _write(pipe: Connection, dsn: str, contenders: dict[str, Contender]) -> None:
    with ExitStack() as open_connections:
        opened = {}
        while (asked := pipe.recv()) is not None:
            name, seconds = asked
            if name not in opened:
                opened[name] = open_connections.enter_context(contenders[name](dsn))
                for _ in range(WARM_UP):
                    opened[name]()
            saved, began = 0, time.perf_counter()
            while time.perf_counter() - began < seconds:
                opened[name]()
                saved += 1
            pipe.send(saved / (time.perf_counter() - began))
