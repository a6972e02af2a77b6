"""Settings are complete or refused, and a refusal tells names, never values."""

from __future__ import annotations

import base64
import stat
from pathlib import Path

import pytest

from web.identity.seals import derive
from web.settings import PREFIX, Settings, SettingsError, keep_key, load

KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LEDGER_DATA", str(tmp_path))
    for name in Settings.model_fields:
        if name != "data":
            monkeypatch.delenv(f"{PREFIX}{name}".upper(), raising=False)


def test_nothing_needs_to_be_set() -> None:
    settings = load()
    assert settings.embedded
    assert (settings.host, settings.port, settings.test_mode) == ("127.0.0.1", 8000, True)
    assert (settings.max_plans, settings.max_tags) == (500, 250)
    assert settings.address == "http://127.0.0.1:8000"
    assert not settings.secure


def test_the_environment_is_read_and_the_command_line_goes_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("LEDGER_PORT", "9000")
    monkeypatch.setenv("LEDGER_BASE_URL", "https://members.example/")
    assert load().port == 9000
    assert load(port=9100, host=None).port == 9100
    assert (load().address, load().secure) == ("https://members.example", True)


def test_every_fault_is_in_one_message(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "PORT": "hunter2",
        "TIME_ZONE": "Hunter/2",
        "CURRENCY": "HUNTER2",
        "DATABASE_URL": "postgresql://me:hunter2@[",
        "MASTER_KEY": "hunter2",
        "DEFAULT_LOCALE": "hunter2",
        "DATABSE_URL": "hunter2",
    }.items():
        monkeypatch.setenv(f"LEDGER_{name}", value)
    with pytest.raises(SettingsError) as refused:
        load()
    message = str(refused.value)
    assert message.count("; ") == 7  # one of the sentences holds one
    for name in ("PORT", "TIME_ZONE", "CURRENCY", "DATABASE_URL", "MASTER_KEY", "DATABSE_URL"):
        assert f"LEDGER_{name} " in message
    assert "hunter2" not in message.lower()
    assert refused.value.__cause__ is None


def test_another_server_needs_a_key_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", "postgresql://me:hunter2@db.example/ledger")
    with pytest.raises(SettingsError, match="LEDGER_MASTER_KEY is needed"):
        load()
    monkeypatch.setenv("LEDGER_MASTER_KEY", KEY)
    settings = load()
    assert (settings.embedded, settings.key()) == (False, bytes(range(32)))


def test_a_misspelt_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_CURENCY", "EUR")
    with pytest.raises(SettingsError, match="LEDGER_CURENCY is not a setting"):
        load()


def test_no_secret_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEDGER_DATABASE_URL", "postgresql://me:hunter2@db.example/ledger")
    monkeypatch.setenv("LEDGER_MASTER_KEY", KEY)
    shown = f"{load()!r} {load()} {load().model_dump()}"
    assert "hunter2" not in shown
    assert KEY not in shown


def test_the_folders_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first, second = load(data=tmp_path / "new").key(), load(data=tmp_path / "new").key()
    assert first == second
    assert len(first) == 32
    made = tmp_path / "new" / "master.key"
    assert stat.S_IMODE(made.stat().st_mode) == 0o600
    assert [each.name for each in made.parent.iterdir()] == ["master.key"]


def test_a_damaged_key_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("half a k")
    with pytest.raises(SettingsError, match="doesn't hold 32 bytes"):
        keep_key(tmp_path / "master.key")


def test_a_folder_that_is_a_file_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(SettingsError, match="can't be read or made"):
        keep_key(tmp_path / "data" / "master.key")


def test_derived_keys_differ_from_each_other_and_from_their_source() -> None:
    master = bytes(range(32))
    assert len({master, derive(master, "seal"), derive(master, "lookup"), derive(master, "x")}) == 4
    assert derive(master, "seal") == derive(master, "seal")


# --- Stripe -----------------------------------------------------------------------------

STRIPE = {
    "KEY": "sk_test_hunter2",
    "ACCOUNT": "acct_1",
    "PUBLISHABLE_KEY": "pk_test_1",
    "WEBHOOK_SECRETS": "whsec_old whsec_new",
}


def with_stripe(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> None:
    for name, value in {**STRIPE, **changes}.items():
        if value is not None:
            monkeypatch.setenv(f"LEDGER_STRIPE_{name}", value)


def test_stripe_is_complete_with_four_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    with_stripe(monkeypatch)
    settings = load()
    assert settings.stripe_secrets == ("whsec_old", "whsec_new")
    assert "hunter2" not in repr(settings)
    assert load(mode="test").stripe_account == "acct_1"


@pytest.mark.parametrize("missing", ["ACCOUNT", "PUBLISHABLE_KEY", "WEBHOOK_SECRETS"])
def test_half_of_stripe_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    with_stripe(monkeypatch, **{missing: None})
    with pytest.raises(SettingsError, match=f"LEDGER_STRIPE_{missing} are needed"):
        load()


def test_what_belongs_to_stripe_is_refused_without_its_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with_stripe(monkeypatch, KEY=None)
    with pytest.raises(SettingsError, match="LEDGER_STRIPE_KEY is needed"):
        load()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KEY", "pk_test_hunter2"),
        ("KEY", "hunter2"),
        ("ACCOUNT", "hunter2"),
        ("PUBLISHABLE_KEY", "sk_test_hunter2"),
        ("WEBHOOK_SECRETS", "hunter2"),
        ("WEBHOOK_SECRETS", "whsec_1 whsec_"),
        ("WEBHOOK_SECRETS", " "),
    ],
)
def test_a_malformed_setting_of_stripe_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with_stripe(monkeypatch, **{name: value})
    with pytest.raises(SettingsError, match=f"LEDGER_STRIPE_{name} ") as refused:
        load()
    assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize("live", ["KEY", "PUBLISHABLE_KEY"])
def test_test_and_live_are_never_mixed(
    monkeypatch: pytest.MonkeyPatch, live: str
) -> None:  # part of OR9
    with_stripe(monkeypatch, **{live: STRIPE[live].replace("test", "live")})
    with pytest.raises(SettingsError, match=f"STRIPE_{live} is not of test mode"):
        load()


def test_a_test_key_does_not_serve_a_live_site(monkeypatch: pytest.MonkeyPatch) -> None:
    with_stripe(monkeypatch)
    with pytest.raises(SettingsError, match="is not of live mode"):
        load(mode="live")
