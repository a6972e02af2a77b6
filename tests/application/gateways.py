"""Payment companies with which something goes wrong on the way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

from ledger.payments.gateway import Gateway, OutcomeUnknown
from ledger.payments.sandbox import Sandbox

Fault = Literal["none", "before", "after", "crash_before", "crash_after", "mistake"]
"""An answer is lost before or after the work; or we crash; or a mistake of ours shows."""

MONEY_CALLS = frozenset({"start_onsession", "charge_offsession", "refund", "start_setup"})


class Crash(BaseException):
    """Our process is gone, whatever it was about to do."""


class Faulty:
    """A gateway whose calls that move money meet one fault after another."""

    def __init__(self, sandbox: Sandbox, faults: Iterable[Fault]) -> None:
        self._sandbox, self._faults = sandbox, iter(faults)
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        call: Callable[..., Any] = getattr(self._sandbox, name)
        return self._with_fault(name, call) if name in MONEY_CALLS else call

    def _with_fault(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def asked(**parameters: Any) -> Any:
            self.calls.append(name)
            fault = next(self._faults, "none")
            if fault == "crash_before":
                raise Crash
            if fault == "mistake":
                raise ZeroDivisionError
            if fault == "before":
                raise OutcomeUnknown(key=name)
            answer = call(**parameters)
            if fault == "crash_after":
                raise Crash
            if fault == "after":
                raise OutcomeUnknown(key=name)
            return answer

        return asked


def faulty(sandbox: Sandbox, *faults: Fault) -> Gateway:
    """The sandbox behind a bad line."""
    return cast("Gateway", Faulty(sandbox, faults))
