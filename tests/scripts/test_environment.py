"""scripts/environment: one build, then none; a developer's tools stay; one line when it can't."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "environment"

TOOLS = ("cat", "chmod", "cksum", "cut", "dirname", "env", "flock", "rm", "sed", "sh")

# Notes what it is asked to do, and makes a real environment without any packages.
UV = f"""#!/bin/sh
echo "$1 $2 $*" | cut -d " " -f 1-2 >>"$UV_CALLS"
[ "$1" != venv ] || exec '{sys.executable}' -m venv --without-pip .venv
"""

PYTHON = f"""#!/bin/sh
exec '{sys.executable}' "$@"
"""

BARE_PYTHON = f"""#!/bin/sh
case " $* " in *" -m pip "* | *" import venv "* | *"-c import venv"*) exit 1 ;; esac
exec '{sys.executable}' "$@"
"""


class Checkout:
    """A checkout with nothing but the script and lock files, on a machine with few programs."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "check out"
        self.programs = folder / "programs"
        self.calls = folder / "calls"
        (self.root / "scripts").mkdir(parents=True)
        shutil.copy(SCRIPT, self.root / "scripts")
        for lock in ("requirements.lock", "requirements-dev.lock", "requirements-uv.lock"):
            (self.root / lock).write_text("")
        self.programs.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found is not None, tool
            (self.programs / tool).symlink_to(found)

    def install(self, name: str, text: str) -> None:
        (self.programs / name).write_text(text)
        (self.programs / name).chmod(0o755)

    def build(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 (the script under test)
            [self.root / "scripts" / "environment", *words],
            env={"PATH": str(self.programs), "UV_CALLS": str(self.calls)},
            cwd="/",
            capture_output=True,
            text=True,
            check=False,
        )

    def asked(self) -> list[str]:
        """What uv was asked to do since the last question."""
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        self.calls.unlink(missing_ok=True)
        return [line for line in lines if not line.startswith("--version")]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.install("uv", UV)
    made.install("python3", PYTHON)
    return made


def test_it_is_built_once(checkout: Checkout) -> None:
    assert checkout.build().returncode == 0
    assert checkout.asked() == ["venv --quiet", "pip sync"]
    again = checkout.build()
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "")
    assert checkout.asked() == []


def test_the_command_runs_the_sources_of_the_checkout(checkout: Checkout) -> None:
    checkout.build()
    edge = checkout.root / "src" / "web"
    edge.mkdir(parents=True)
    (edge / "cli.py").write_text("import sys\ndef main():\n    print(sys.argv)\n")
    ledger = checkout.root / ".venv" / "bin" / "ledger"
    told = subprocess.run(  # noqa: S603 (the command under test)
        [ledger, "serve", "two words"], cwd="/", capture_output=True, text=True, check=True
    )
    assert told.stdout == "['ledger', 'serve', 'two words']\n"


def test_another_lock_is_followed(checkout: Checkout) -> None:
    checkout.build()
    checkout.asked()
    (checkout.root / "requirements.lock").write_text("# newer\n")
    checkout.build()
    assert checkout.asked() == ["pip sync"]


def test_a_developer_s_tools_stay_when_it_serves(checkout: Checkout) -> None:
    checkout.build("dev")
    checkout.asked()
    assert checkout.build("serve").returncode == 0
    assert checkout.asked() == []
    (checkout.root / "requirements.lock").write_text("# newer\n")
    assert "requirements-dev.lock" in checkout.build("serve").stderr
    assert checkout.asked() == ["pip sync"]


def test_an_environment_made_by_hand_is_only_added_to(checkout: Checkout) -> None:
    checkout.build("dev")
    (checkout.root / ".venv" / ".built-from").unlink()
    (checkout.root / ".venv" / "bin" / "mine").write_text("kept")
    checkout.asked()
    assert checkout.build("serve").returncode == 0
    assert checkout.asked() == ["pip install"]
    assert (checkout.root / ".venv" / "bin" / "mine").exists()


def test_a_checkout_that_moved_is_built_anew(checkout: Checkout, tmp_path: Path) -> None:
    checkout.build()
    checkout.asked()
    checkout.root = checkout.root.rename(tmp_path / "elsewhere")
    assert checkout.build().returncode == 0
    assert checkout.asked() == ["venv --quiet", "pip sync"]


@pytest.mark.parametrize(
    ("python", "sentence"),
    [
        (None, "no Python 3.11 or newer found; install the package python3"),
        (BARE_PYTHON, "has neither pip nor venv; install the package python3-venv"),
    ],
)
def test_what_to_install_is_said_in_one_line(
    checkout: Checkout, python: str | None, sentence: str
) -> None:
    (checkout.programs / "uv").unlink()
    (checkout.programs / "python3").unlink()
    if python is not None:
        checkout.install("python3", python)
    told = checkout.build()
    assert told.returncode == 1
    assert sentence in told.stderr
    assert told.stderr.count("\n") == 1
    assert not (checkout.root / ".venv").exists()


def test_an_unknown_kind_is_refused(checkout: Checkout) -> None:
    assert "unknown environment prod" in checkout.build("prod").stderr
