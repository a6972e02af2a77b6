"""What no committed file may hold: promises, one machine's paths, a registry's address."""

from __future__ import annotations

import re

from tests.house.sources import Finding, Source

# The words are put together here so that this file does not hold them itself.
PROMISE = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" * 3)) + r")\b")
PLACE = re.compile(r"(?<![\w.$}/-])/(work|root|tmp/lab|home/\w+|Users/\w+)/")
REGISTRY = re.compile(
    r"files\.python" + r"hosted\.org|pypi\.org" + r"/simple|registry\.npm" + r"js\.org"
)
LOCKS = (".lock", "package-lock.json")


def findings(source: Source) -> list[Finding]:
    """Every line that should not be in a commit."""
    return [
        Finding(source.path, number, message)
        for number, line in enumerate(source.text.splitlines(), start=1)
        for message in _complaints(source.path, line)
    ]


def _complaints(path: str, line: str) -> list[str]:
    messages = []
    if PROMISE.search(line):
        messages.append("do it now, or open an issue")
    if PLACE.search(line):
        messages.append("a path of one machine")
    if REGISTRY.search(line):
        messages.append("a registry's address")
    if path.endswith(LOCKS) and "http" in line:
        messages.append("a lock file names no address")
    return messages
