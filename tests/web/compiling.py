"""What a site's every application has alike is compiled once, not for every test's application.

That is a good half of the work of a quick test: hundreds of addresses, and the templates of a page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType
from typing import Any

import pytest
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

BUILDERS = ("_build", "_build_unknown")
"""What makes an address of its arguments, bound to the rule of one application."""
COMPILED = ("_parts", "_trace", "_converters", "arguments", *BUILDERS)
"""What compiling a rule leaves in it."""


class Remembered(BytecodeCache):
    """Compiled templates, by name and by what is in them."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType | None] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give a template what was compiled of the same before."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it for the next application."""
        self._known[bucket.key, bucket.checksum] = bucket.code


@contextmanager
def compiled_once() -> Iterator[None]:
    """Applications made meanwhile share what is compiled for them."""
    known: dict[tuple[Any, ...], dict[str, Any]] = {}
    compile_rule: Callable[[Rule], None] = Rule.compile

    def compiled(rule: Rule) -> None:
        defaults = tuple(sorted((rule.defaults or {}).items()))
        merges, by_host = rule.merge_slashes, rule.map.host_matching
        key = (rule.rule, rule.subdomain, rule.host, merges, by_host, defaults)
        if key not in known:
            compile_rule(rule)
            known[key] = {name: vars(rule)[name] for name in COMPILED}
        found = known[key]
        builders = {name: found[name].__func__.__get__(rule) for name in BUILDERS}
        vars(rule).update({**found, **builders, "arguments": set(found["arguments"])})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "compile", compiled)
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": Remembered()})
        yield
