"""The stored name and shape of every fact, as committed in events.json.

`python -m tests.house.facts --write` takes new facts and new shapes into events.json and keeps a
sample of each; it refuses to lose a name, because what is stored is read for ever.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

import ledger
from ledger.facts import Fact, fact_classes, personal_fields
from tests.house.sample_facts import keep_samples

HOUSE = Path(__file__).parent
EVENTS = HOUSE / "events.json"
TOPICS = HOUSE / "topics.txt"

Shapes = dict[str, Any]
"""`common`: the fields of all; `facts`: by stored name; `parts`: values inside them."""


def import_the_books() -> None:
    """Import every module of `ledger`, so that every fact is defined."""
    for module in pkgutil.walk_packages(ledger.__path__, "ledger."):
        importlib.import_module(module.name)


def concrete_facts() -> list[type[Fact]]:
    """Every fact of the books, by its stored name."""
    import_the_books()
    return [fact for fact in fact_classes() if fact.__module__.startswith("ledger.")]


def shapes(facts: list[type[Fact]]) -> Shapes:
    """What events.json must say about these facts."""
    everything: list[type[Fact]] = [Fact, *facts]
    references, schema = models_json_schema([(fact, "validation") for fact in everything])
    parts = _plain(schema["$defs"])
    named = {fact: parts.pop(_name(references[fact, "validation"])) for fact in everything}
    common = named.pop(Fact)
    return {
        "common": common,
        "facts": {fact.TOPIC: _shape(fact, own, common) for fact, own in named.items()},
        "parts": parts,
    }


def committed() -> Shapes:
    """What events.json says."""
    if not EVENTS.exists():
        return {"common": {}, "facts": {}, "parts": {}}
    read: Shapes = json.loads(EVENTS.read_text(encoding="utf-8"))
    return read


def differences(said: Shapes, true: Shapes) -> list[str]:
    """One sentence for each stored name or shape that is not as committed."""
    return [
        *lost(said, true),
        *(f"{topic} is new" for topic in true["facts"] if topic not in said["facts"]),
        *(f"{topic} has another shape" for topic in changed(said, true) if topic in said["facts"]),
        *(["the common fields of all facts differ"] if _differ(said, true, "common") else []),
    ]


def lost(said: Shapes, true: Shapes) -> list[str]:
    """Stored names that no fact carries any more."""
    return [f"{topic} is gone" for topic in said["facts"] if topic not in true["facts"]]


def changed(said: Shapes, true: Shapes) -> list[str]:
    """Stored names that are new or whose shape changed, also inside a part or in common fields."""
    if _differ(said, true, "common"):
        return list(true["facts"])
    return [t for t in true["facts"] if _resolved(said, t) != _resolved(true, t)]


def known_topics() -> set[str]:
    """The names that the domain's rules pin."""
    lines = TOPICS.read_text(encoding="utf-8").splitlines()
    return {topic for line in lines if not line.startswith("#") for topic in line.split()}


def as_text(said: Shapes) -> str:
    """JSON that shows one change as one line."""
    return json.dumps(said, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def write() -> int:
    """Take what is new into events.json; the exit code."""
    facts = concrete_facts()
    said, true = committed(), shapes(facts)
    if gone := lost(said, true):
        sys.stderr.write("\n".join(gone) + "\na stored name is never removed or renamed\n")
        return 1
    news = changed(said, true)
    keep_samples([fact for fact in facts if fact.TOPIC in news])
    EVENTS.write_text(as_text(true), encoding="utf-8")
    sys.stdout.write(f"{len(news)} new or changed shapes; {len(true['facts'])} facts in all\n")
    return 0


def _differ(said: Shapes, true: Shapes, section: str) -> bool:
    return bool(said[section] != true[section])


def _resolved(said: Shapes, topic: str) -> str:
    """A fact's shape with every part it names, and theirs, put beside it."""
    text, seen, waiting = "", set[str](), [said["facts"].get(topic)]
    while waiting:
        piece = json.dumps(waiting.pop(), sort_keys=True)
        text += piece
        new = {name for name in said["parts"] if f'"#/$defs/{name}"' in piece} - seen
        seen |= new
        waiting.extend(said["parts"][name] for name in sorted(new))
    return text


def _shape(fact: type[Fact], own: Shapes, common: Shapes) -> Shapes:
    fields = {n: f for n, f in own["properties"].items() if common["properties"].get(n) != f}
    return {
        "version": fact.class_version,
        "fields": fields,
        "required": [name for name in own.get("required", ()) if name in fields],
        "personal": list(personal_fields(fact)),
    }


def _name(reference: Shapes) -> str:
    return str(reference["$ref"]).removeprefix("#/$defs/")


def _plain(schema: Any) -> Any:
    """Without the words, which may change freely."""
    if isinstance(schema, dict):
        return {
            key: _plain(value)
            for key, value in schema.items()
            if not (key in {"title", "description"} and isinstance(value, str))
        }
    return [_plain(item) for item in schema] if isinstance(schema, list) else schema


if __name__ == "__main__":
    if sys.argv[1:] != ["--write"]:
        sys.exit("usage: python -m tests.house.facts --write")
    sys.exit(write())
