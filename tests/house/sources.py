"""What a house check reads, the product's own text files, and what it says."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENDORED = ("static/vendor", "tests/vendor")


@dataclass(frozen=True, order=True)
class Finding:
    """One broken rule at one line: `src/web/app.py:12: flask only in web`."""

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass(frozen=True)
class Source:
    """A file by its path from the repository's root, with its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        """The file as Python reads it."""
        return ast.parse(self.text, self.path)

    @property
    def is_python(self) -> bool:
        """Python by its name, or by its first line when it has no ending."""
        first_line = self.text.partition("\n")[0]
        return self.path.endswith(".py") or (
            "." not in Path(self.path).name
            and first_line.startswith("#!")
            and "python" in first_line
        )


@cache
def repository() -> tuple[Source, ...]:
    """Every text file that is, or is about to be, committed; vendored files are others' work."""
    return tuple(
        Source(path, text)
        for path in _listed()
        if not any(folder in path for folder in VENDORED)
        and (text := _text(ROOT / path)) is not None
    )


def python(*roots: str) -> tuple[Source, ...]:
    """The Python files below these folders."""
    folders = tuple(f"{root}/" for root in roots)
    return tuple(s for s in repository() if s.is_python and s.path.startswith(folders))


def report(findings: list[Finding]) -> str:
    """All findings, one a line, in the order of the files."""
    return "\n" + "\n".join(str(finding) for finding in sorted(findings))


def _listed() -> list[str]:
    # A checkout that belongs to another user, as in some containers, is as good as one's own.
    git = ["git", "-c", f"safe.directory={ROOT}", "ls-files", "-z"]
    listing = subprocess.run(  # noqa: S603 - fixed words and our own path
        [*git, "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return sorted({path for path in listing.split("\0") if path})


def _text(path: Path) -> str | None:
    """The text of a file, or nothing for a picture, a font or a file that was just removed."""
    try:
        return path.read_text(encoding="utf-8")
    except (UnicodeDecodeError, FileNotFoundError, IsADirectoryError):
        return None
