"""Settings from the environment: valid ones are read, and invalid ones are refused by name."""

import os
from pathlib import Path

import pytest

from app.settings import ServeSettings, SettingError, Settings, StoreSettings, WorkerSettings, read_settings

TOKEN = "bor_0123456789abcdef"


def test_an_empty_environment_gives_the_defaults() -> None:
    assert read_settings({}) == Settings()
    assert read_settings({}).serve == ServeSettings(host="127.0.0.1", port=8000)


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"BOREAS_PORT": "0"}, Settings(serve=ServeSettings(port=0))),
        ({"BOREAS_PORT": "65535"}, Settings(serve=ServeSettings(port=65535))),
        ({"BOREAS_PORT": ""}, Settings()),
        ({"BOREAS_HOST": "0.0.0.0"}, Settings(serve=ServeSettings(host="0.0.0.0"))),
        ({"BOREAS_HOST": ""}, Settings()),
        ({"BOREAS_TRUSTED_PROXIES": "10.0.0.1"}, Settings(serve=ServeSettings(trusted_proxies="10.0.0.1"))),
        ({"BOREAS_TRUSTED_PROXIES": ""}, Settings()),
        (
            {"BOREAS_ALLOWED_ORIGINS": "https://Console.example.org:443/, http://localhost:3000,"},
            Settings(
                serve=ServeSettings(allowed_origins=frozenset({"https://console.example.org", "http://localhost:3000"}))
            ),
        ),
        ({"BOREAS_ALLOWED_ORIGINS": " "}, Settings()),
        ({"BOREAS_DATA_DIR": "/srv/boreas"}, Settings(data_dir=Path("/srv/boreas"))),
        ({"BOREAS_DATA_DIR": ""}, Settings()),
        ({"BOREAS_ADMIN_TOKEN": TOKEN}, Settings(admin_token=TOKEN)),
        ({"BOREAS_ADMIN_TOKEN": ""}, Settings()),
        ({"BOREAS_LOG_LEVEL": "debug"}, Settings(log_level="DEBUG")),
        ({"BOREAS_DATABASE_URL": "postgres://db/x"}, Settings(store=StoreSettings(database_url="postgres://db/x"))),
        ({"BOREAS_REDIS_URL": "redis://cache"}, Settings(store=StoreSettings(redis_url="redis://cache"))),
        ({"BOREAS_DATABASE_URL": "", "BOREAS_REDIS_URL": ""}, Settings()),
        ({"BOREAS_DATABASE_POOL": "3"}, Settings(store=StoreSettings(pool_size=3))),
        ({"BOREAS_WORKER_SLOTS": "1"}, Settings(worker=WorkerSettings(slots=1))),
        ({"BOREAS_LEASE_SECONDS": "2.5"}, Settings(worker=WorkerSettings(lease_seconds=2.5))),
        ({"BOREAS_GRACE_SECONDS": "0"}, Settings(worker=WorkerSettings(grace_seconds=0))),
        ({"BOREAS_KUBECONFIGS": "/etc"}, Settings(worker=WorkerSettings(kubeconfigs=Path("/etc")))),
        ({"BOREAS_NAMESPACES": "a, b,"}, Settings(worker=WorkerSettings(namespaces=frozenset("ab")))),
        ({"BOREAS_TRUST_KUBECONFIGS": "1"}, Settings(worker=WorkerSettings(trusts_kubeconfigs=True))),
        ({"BOREAS_TRUST_KUBECONFIGS": "0"}, Settings()),
        ({"BOREAS_COMMAND_USER": "64000-64009"}, Settings(worker=WorkerSettings(command_user="64000-64009"))),
        ({"BOREAS_COMMAND_WALL": "off"}, Settings(worker=WorkerSettings(command_wall=False))),
        ({"BOREAS_COMMAND_WALL": "", "BOREAS_COMMAND_PASSAGE": ""}, Settings()),
        (
            {"BOREAS_COMMAND_PROTECTED": f"/a{os.pathsep}/b"},
            Settings(worker=WorkerSettings(command_protected=(Path("/a"), Path("/b")))),
        ),
        ({"BOREAS_WORKSPACE_DAYS": "0.5"}, Settings(worker=WorkerSettings(workspace_days=0.5))),
        ({"HOME": "/root", "BOREAS_TOKEN": "other"}, Settings()),
    ],
    ids=lambda value: "-".join(map(str, value)) if isinstance(value, dict) else "",
)
def test_valid_values_are_accepted(environ: dict[str, str], expected: Settings) -> None:
    assert read_settings(environ) == expected


def test_a_tilde_is_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ada")
    assert read_settings({"BOREAS_DATA_DIR": "~/boreas"}).data_dir == Path("/home/ada/boreas")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("BOREAS_PORT", "eight", "not a whole number from 0 to 65535"),
        ("BOREAS_PORT", "-1", "0 to 65535"),
        ("BOREAS_PORT", "65536", "0 to 65535"),
        ("BOREAS_PORT", "nan", "0 to 65535"),
        ("BOREAS_PORT", "80.5", "whole number from 0 to 65535"),
        ("BOREAS_DATABASE_POOL", "0", "1 to 1000"),
        ("BOREAS_DATABASE_POOL", "1001", "1 to 1000"),
        ("BOREAS_WORKER_SLOTS", "0", "1 to 10000"),
        ("BOREAS_LEASE_SECONDS", "0.5", "1 to 3600"),
        ("BOREAS_LEASE_SECONDS", "inf", "1 to 3600"),
        ("BOREAS_GRACE_SECONDS", "-0.1", "0 to 3600"),
        ("BOREAS_GRACE_SECONDS", "10s", "not a number from 0 to 3600"),
        ("BOREAS_LOG_LEVEL", "loud", "DEBUG, INFO, WARNING, ERROR"),
        ("BOREAS_ALLOWED_ORIGINS", "*", "name each origin"),
        ("BOREAS_ALLOWED_ORIGINS", "null", "https://console.example.org"),
        ("BOREAS_ALLOWED_ORIGINS", "console.example.org", "https://console.example.org"),
        ("BOREAS_ALLOWED_ORIGINS", "https://a.example.org,https://b.example.org/path", "https://console.example.org"),
        ("BOREAS_ALLOWED_ORIGINS", "https://a.example.org:http", "https://console.example.org"),
        ("BOREAS_ADMIN_TOKEN", "short", "16 characters"),
        ("BOREAS_KUBECONFIGS", "/nowhere", "not a folder"),
        ("BOREAS_KUBECONFIGS", "/etc/hostname", "not a folder"),
        ("BOREAS_TRUST_KUBECONFIGS", "maybe", "neither on nor off"),
        ("BOREAS_COMMAND_WALL", "maybe", "neither on nor off"),
        ("BOREAS_WORKSPACE_DAYS", "-1", "0 to 36500"),
        ("BOREAS_DATABASE_URL_FILE", "/nowhere/at/all", "cannot be read: No such file"),
        ("BOREAS_ADMIN_TOKEN_FILE", "/dev/null", "is empty"),
        ("BOREAS_REDIS_URL_FILE", "/", "cannot be read: Is a directory"),
    ],
)
def test_invalid_values_are_refused_by_name(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({name: value})
    assert name in str(caught.value)
    assert says in str(caught.value)


def test_a_refused_token_is_not_shown() -> None:
    with pytest.raises(SettingError) as caught:
        read_settings({"BOREAS_ADMIN_TOKEN": "too-short-secret"[:15]})
    assert "too-short" not in str(caught.value)


def test_secrets_can_be_read_from_files(tmp_path: Path) -> None:
    for name, text in (("db", "postgres://db/x\n"), ("cache", " redis://cache "), ("token", TOKEN)):
        (tmp_path / name).write_text(text)
    settings = read_settings(
        {
            "BOREAS_DATABASE_URL_FILE": str(tmp_path / "db"),
            "BOREAS_REDIS_URL_FILE": str(tmp_path / "cache"),
            "BOREAS_ADMIN_TOKEN_FILE": str(tmp_path / "token"),
        }
    )
    assert settings.store == StoreSettings(database_url="postgres://db/x", redis_url="redis://cache")
    assert settings.admin_token == TOKEN and len(settings.secret_files) == 3


def test_a_secret_in_a_variable_and_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "db").write_text("postgres://db/x")
    with pytest.raises(SettingError, match="both set"):
        read_settings({"BOREAS_DATABASE_URL_FILE": str(tmp_path / "db"), "BOREAS_DATABASE_URL": "postgres://db/secret"})


def test_a_short_token_in_a_file_is_refused_and_not_shown(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("too-short")
    with pytest.raises(SettingError, match="16 characters") as caught:
        read_settings({"BOREAS_ADMIN_TOKEN_FILE": str(tmp_path / "token")})
    assert "too-short" not in str(caught.value)
