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

Builder = Callable[..., tuple[str, str]]


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
    builders: dict[tuple[Any, ...], Builder] = {}
    compile_builder: Callable[..., Builder] = Rule._compile_builder

    def builder(rule: Rule, append_unknown: bool = True) -> Builder:
        defaults = tuple(sorted((rule.defaults or {}).items()))
        key = (rule.rule, rule.subdomain, rule.host, rule.map.host_matching, defaults)
        if (*key, append_unknown) not in builders:
            builders[*key, append_unknown] = compile_builder(rule, append_unknown)
        return builders[*key, append_unknown]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", builder)
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": Remembered()})
        yield
