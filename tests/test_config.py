"""Configuration: precedence, refusals with their fix, what crosses to the core."""

import os
from pathlib import Path
from typing import Any

import pytest

from zmey.config import ConfigError, load_settings


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ZMEY_"):
            monkeypatch.delenv(name)


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "zmey.toml"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("file", "variable", "flag", "expected"),
    [
        (None, None, None, 30.0),
        ("1", None, None, 1.0),
        ("1", "2", None, 2.0),
        (None, "2", None, 2.0),
        ("1", "2", "3", 3.0),
        ("1", None, "3", 3.0),
    ],
)
def test_flags_win_over_environment_over_file_over_defaults(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    file: str | None,
    variable: str | None,
    flag: str | None,
    expected: float,
) -> None:
    if variable is not None:
        monkeypatch.setenv("ZMEY_DRAIN_SECONDS", variable)
    path = write(tmp_path, f"drain_seconds = {file}") if file is not None else None
    assert load_settings(path, {"drain_seconds": flag}).drain_seconds == expected


SPACE = "[[spaces]]\naccount_id = 1\ndb_id = 1\n"


@pytest.mark.parametrize(
    ("text", "fragments"),
    [
        ("worker = 3", ["worker is no option", "did you mean workers?"]),
        ("workers = 'many'", ["zmey.toml", "workers", "valid integer"]),
        ("workers = 1", ["workers", "greater than or equal to 2"]),
        ("workers = 4", ["workers must be more than concurrent_imports_max".capitalize()]),
        ("readers_max = 3", ["Readers_max must be at least workers"]),
        ("map_bytes_max = 2000000", ["Map_bytes_initial is over map_bytes_max"]),
        ("listen_address = '50051'", ["listen_address", "HOST:PORT"]),
        ("listen_address = 'localhost:99999'", ["listen_address", "HOST:PORT"]),
        ("metrics_address = 'no'", ["metrics_address", "HOST:PORT"]),
        ("log_level = 'loud'", ["log_level", "'debug', 'info', 'warning' or 'error'"]),
        ("drain_seconds = nan", ["drain_seconds", "finite"]),
        ("spaces = []", ["Spaces is empty"]),
        (SPACE + SPACE, ["Spaces has the same account_id and db_id twice"]),
        (SPACE + "x = 1", ["spaces.0.x is no option"]),
        (SPACE + "default_region = 'ru'", ["spaces.0.default_region"]),
        (SPACE + "blocked = {fax = ['1']}", ["spaces.0.blocked", "fax", "msisdn"]),
        (SPACE + "fields = [{path = ''}]", ["spaces.0.fields.0.path"]),
        (SPACE + "fields = [{path = 'a'}, {path = 'a'}]", ["declares a field twice"]),
        ("spaces = 1", ["spaces"]),
        ("a = ", ["is no TOML"]),
    ],
)
def test_a_wrong_file_is_refused_with_the_option_and_the_fix(
    tmp_path: Path, text: str, fragments: list[str]
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(write(tmp_path, text))
    for fragment in fragments:
        assert fragment in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value", "fragment"),
    [
        ("ZMEY_WORKER", "3", "ZMEY_WORKER is no option; did you mean ZMEY_WORKERS?"),
        ("ZMEY_WORKERS", "x", "ZMEY_WORKERS: workers:"),
        ("ZMEY_SPACES", "[{", "ZMEY_SPACES is no JSON"),
        ("ZMEY_SPACES__0__ACCOUNT_ID", "0", "ZMEY_SPACES: spaces.0.account_id"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, fragment: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=r".*") as refused:
        load_settings()
    assert fragment in str(refused.value)


@pytest.mark.parametrize(
    ("flags", "fragment"),
    [
        ({"workers": "x"}, "--workers: workers:"),
        ({"spaces": "[{"}, "--spaces is no JSON"),
        ({"message_bytes_max": "1"}, "--message-bytes-max"),
    ],
)
def test_a_wrong_flag_is_refused_by_name(flags: dict[str, Any], fragment: str) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(None, flags)
    assert fragment in str(refused.value)


def test_values_are_not_repeated_in_refusals(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        load_settings(write(tmp_path, "workers = 'alice@example.org'"))
    assert "alice" not in str(refused.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        load_settings(tmp_path / "none.toml")


def test_variables_of_others_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ZMEY_SERVICE_HOST", "ZMEY_PORT_50051_TCP", "ZMEY_ADDRESS", "ZMEY_CONFIG"):
        monkeypatch.setenv(name, "x")
    assert load_settings().workers == 64


def test_spaces_come_from_numbered_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"ACCOUNT_ID": "7", "DB_ID": "2", "DEFAULT_REGION": "RU"}.items():
        monkeypatch.setenv(f"ZMEY_SPACES__0__{name}", value)
    (space,) = load_settings().to_core().spaces
    assert (space.account_id, space.db_id, space.default_region) == (7, 2, "RU")


def test_the_core_gets_plain_checked_values(tmp_path: Path) -> None:
    text = (
        "store_path = ':memory:'\ncommit_rows_max = 5\n"
        + SPACE
        + "phone_rule = 'possible'\nblocked = {email = ['a@b.c']}\ntime_zone = 'Europe/Moscow'\n"
        + "fields = [{path = 'crm.id', kind = 'int', unique = true}]\n"
    )
    core = load_settings(write(tmp_path, text)).to_core()
    (space,) = core.spaces
    (field,) = space.fields
    assert (core.store_path, core.commit_rows_max) == (None, 5)
    assert (space.phone_rule, space.time_zone) == ("possible", "Europe/Moscow")
    assert space.blocked == {"email": ("a@b.c",)}
    assert (field.path, field.kind, field.unique) == ("crm.id", "int", True)


def test_defaults_serve_one_space_on_loopback_only() -> None:
    settings = load_settings()
    assert [(space.account_id, space.db_id) for space in settings.spaces] == [(1, 1)]
    assert settings.listen_address.startswith("127.0.0.1:")
    assert settings.metrics_address.startswith("127.0.0.1:")
    assert "null" in settings.spaces[0].blocked["*"]


def test_names_of_altcraft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "main.json"
    file.write_text('{"RABBITMQ_HOST": "file", "RABBITMQ_VHOST": "crm", "BASEDIR": "/opt/akd"}')
    assert load_settings(file).bridge_host == "file"
    monkeypatch.setenv("RABBITMQ_HOST", "theirs")
    monkeypatch.setenv("RABBITMQ_X_MESSAGE_TTL", "60")
    settings = load_settings(file)
    found = (settings.bridge_host, settings.bridge_vhost, settings.bridge_result_ttl_seconds)
    assert found == ("theirs", "crm", 60)
    monkeypatch.setenv("ZMEY_BRIDGE_HOST", "ours")
    assert load_settings(file).bridge_host == "ours"
    assert load_settings(file, {"bridge_host": "flag"}).bridge_host == "flag"


def test_our_own_names_win_over_those_of_altcraft(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "zmey.toml"
    file.write_text('bridge_vhost = "own"\n')
    monkeypatch.setenv("RABBITMQ_VHOST", "theirs")
    monkeypatch.setenv("RABBITMQ_HOST", "theirs")
    settings = load_settings(file)
    assert (settings.bridge_vhost, settings.bridge_host) == ("own", "theirs")
    file.write_text('bridge_vhost = ""\n')
    with pytest.raises(ConfigError, match=r"zmey\.toml: bridge_vhost"):
        load_settings(file)


@pytest.mark.parametrize("text", ["[]", "{", '{"RABBITMQ_X_MESSAGE_TTL": "soon"}'])
def test_a_main_json_that_cannot_be_used(tmp_path: Path, text: str) -> None:
    file = tmp_path / "main.json"
    file.write_text(text)
    with pytest.raises(ConfigError) as refused:
        load_settings(file)
    assert "main.json" in str(refused.value)
    assert "soon" not in str(refused.value)


def test_a_wrong_value_under_a_name_of_altcraft(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RABBITMQ_X_MESSAGE_TTL", "0")
    with pytest.raises(ConfigError, match="RABBITMQ_X_MESSAGE_TTL: bridge_result_ttl_seconds"):
        load_settings()


def test_the_address_of_the_bridge_is_checked() -> None:
    with pytest.raises(ConfigError, match="bridge_metrics_address"):
        load_settings(None, {"bridge_metrics_address": "here"})
