"""The options of sources: secrets, networks, folders."""

import os
from ipaddress import ip_network
from pathlib import Path

import pytest

from zmey.config import ConfigError, load_settings
from zmey.sources import source_settings

SECRET = "[secrets.crm]\nhosts = ['crm.example.com']\n"


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("ZMEY_"):
            monkeypatch.delenv(name)


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "zmey.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_secrets_come_from_text_and_files_and_are_not_shown(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("pa55\n", encoding="utf-8")
    (tmp_path / "known").write_text("kn0wn", encoding="utf-8")
    (tmp_path / "key").write_text("k3y", encoding="utf-8")
    text = (
        f"known_hosts_file = '{tmp_path}/known'\n"
        + SECRET
        + f"user = 'ann'\npassword_file = '{tmp_path}/password'\nbearer = 't0ken'\n"
        + f"private_key_file = '{tmp_path}/key'\npassphrase = 'op3n'\nfingerprints = ['SHA256:x']\n"
    )
    read = load_settings(write(tmp_path, text))
    secret = source_settings(read).secrets["crm"]
    assert source_settings(read).known_hosts == "kn0wn"
    assert secret.hosts == ("crm.example.com",)
    assert (secret.user, secret.password, secret.bearer) == ("ann", "pa55", "t0ken")
    assert (secret.private_key, secret.passphrase) == ("k3y", "op3n")
    assert secret.fingerprints == ("SHA256:x",)
    shown = f"{read!r} {read} {secret!r} {source_settings(read)!r} {read.model_dump_json()}"
    for value in ("pa55", "t0ken", "k3y", "op3n"):
        assert value not in shown


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("[secrets.crm]\nuser = 'a'", "secrets.crm.hosts: Field required"),
        ("[secrets.crm]\nhosts = []", "secrets.crm.hosts"),
        (SECRET + "x = 1", "secrets.crm.x is no option"),
        (SECRET + "password = 'pa55'\npassword_file = 'FILE'", "password and password_file"),
        (SECRET + "bearer = 'pa55'\nbearer_file = 'FILE'", "bearer and bearer_file"),
        (SECRET + "password_file = 'none'", "secrets.crm.password_file: cannot be read"),
        (SECRET + "private_key_file = 'none'", "private_key_file: cannot be read"),
        (SECRET + "ca_file = 'none'", "ca_file: cannot be read"),
        ("[secrets.'a b']\nhosts = ['a']", "secrets.a b"),
        ("allowed_networks = ['10.0.0.1/8']", "allowed_networks.0"),
        ("allowed_networks = ['inner']", "allowed_networks.0"),
        ("known_hosts_file = 'none'", "known_hosts_file: cannot be read"),
        ("import_file_bytes_max = 0", "import_file_bytes_max"),
        ("fetch_timeout_seconds = 0", "fetch_timeout_seconds"),
        ("unpack_memory_bytes_max = 1", "unpack_memory_bytes_max"),
        ("unpack_seconds_max = 0", "unpack_seconds_max"),
    ],
)
def test_wrong_options_are_refused(tmp_path: Path, text: str, fragment: str) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ConfigError) as refused:
        load_settings(write(tmp_path, text.replace("FILE", f"{tmp_path}/file")))
    assert fragment in str(refused.value)
    assert "pa55" not in str(refused.value)


def test_networks_are_lists_everywhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = (ip_network("10.0.0.0/8"), ip_network("fd00::/8"))
    file = write(tmp_path, "allowed_networks = ['10.0.0.0/8', 'fd00::/8']")
    assert source_settings(load_settings(file)).allowed_networks == expected
    flagged = load_settings(None, {"allowed_networks": "10.0.0.0/8, fd00::/8"})
    assert source_settings(flagged).allowed_networks == expected
    monkeypatch.setenv("ZMEY_ALLOWED_NETWORKS", "10.0.0.0/8,fd00::/8")
    assert source_settings(load_settings()).allowed_networks == expected


def test_secrets_come_from_variables_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    flag = '{"crm": {"hosts": ["a"], "bearer": "t0ken"}}'
    assert source_settings(load_settings(None, {"secrets": flag})).secrets["crm"].bearer == "t0ken"
    monkeypatch.setenv("ZMEY_SECRETS__CRM__HOSTS", '["a"]')
    monkeypatch.setenv("ZMEY_SECRETS__CRM__PASSWORD", "pa55")
    assert source_settings(load_settings()).secrets["crm"].password == "pa55"


def test_without_options_nothing_is_allowed() -> None:
    described = source_settings(load_settings())
    assert described.upload_folder is None
    assert described.allowed_networks == ()
    assert dict(described.secrets) == {}
    assert described.file_bytes_max == 2**30
    assert (described.unpack_memory_bytes_max, described.unpack_seconds_max) == (2**29, 30)
