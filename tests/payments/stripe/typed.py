"""The second checker: every parameter against the types of the pinned SDK itself.

The SDK's types say exactly which parameters this very version of the API knows; only they know the
newest. Its enumerations are open (any text will do), and those the first checker compares.
"""

from __future__ import annotations

import inspect
import re
import sys
from functools import cache
from typing import Any

import stripe.params
import stripe.params.checkout
from pydantic import ConfigDict, TypeAdapter, ValidationError
from typing_extensions import is_typeddict

from ledger.payments.stripe_gateway import StripeGateway
from tests.payments.stripe.openapi import Unlike

NEVER_GIVEN = {"StripeContext": None, "UntypedStripeObject": list}
"""Objects of the SDK that its types allow beside plain values, and we never pass."""


class Checked:
    """A service of the SDK, or a group of services, that looks at parameters first."""

    def __init__(self, service: Any) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._service, name)
        if not inspect.ismethod(found):
            return Checked(found)
        signature = inspect.signature(found)

        def call(*args: Any, **more: Any) -> Any:
            asked = signature.bind(*args, **more).arguments
            if asked.get("params"):
                check(signature.parameters["params"].annotation, asked["params"])
            return found(*args, **more)

        return call


def checked(gateway: StripeGateway) -> StripeGateway:
    """The same gateway, all of whose parameters are looked at."""
    gateway.api._v1 = Checked(gateway.api._v1)  # type: ignore[assignment]
    return gateway


def check(annotation: object, params: Any) -> None:
    """Compare parameters with the type that a method of the SDK names. Raises Unlike."""
    (name,) = re.findall(r"\w+Params", str(annotation))
    try:
        _adapter(name).validate_python(params)
    except ValidationError as unlike:
        raise Unlike(f"{name}: {unlike}") from unlike


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    """A strict adapter for one of the SDK's types; nothing that it does not name is let through."""
    found = next(
        getattr(place, name)
        for place in (stripe.params, stripe.params.checkout)
        if hasattr(place, name)
    )
    for each in list(vars(sys.modules[found.__module__]).values()):
        if is_typeddict(each):
            each.__pydantic_config__ = ConfigDict(strict=True, extra="forbid")
    adapter: TypeAdapter[Any] = TypeAdapter(found)
    options = vars(sys.modules["stripe._request_options"])
    adapter.rebuild(
        _types_namespace={**options, **vars(sys.modules[found.__module__]), **NEVER_GIVEN}
    )
    return adapter
