"""What the environment says, read into settings."""

from pathlib import Path

import pytest

from k8sdocs import env


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param(
            "",
            {"ENGINE": "django.db.backends.sqlite3", "NAME": "kept/k8sdocs.sqlite3"},
            id="nothing said: SQLite in var",
        ),
        pytest.param("sqlite:////srv/a%20b.sqlite3", {"NAME": "/srv/a b.sqlite3"}, id="a file by its whole path"),
        pytest.param(
            "postgres://reader:s%40fe@db:5433/k8sdocs?sslmode=require",
            {
                "USER": "reader",
                "PASSWORD": "s@fe",
                "HOST": "db",
                "PORT": "5433",
                "NAME": "k8sdocs",
                "OPTIONS": {"sslmode": "require"},
            },
            id="PostgreSQL with everything",
        ),
        pytest.param(
            "postgresql:///k8sdocs", {"HOST": "", "PORT": "", "NAME": "k8sdocs"}, id="PostgreSQL over the local socket"
        ),
    ],
)
def test_database(url, expected):
    found = env.database(url, Path("kept"))
    assert {name: found[name] for name in expected} == expected


def test_a_database_that_is_not_supported_is_named():
    with pytest.raises(ValueError, match="mysql:// is not supported"):
        env.database("mysql://host/name", Path("kept"))


def test_sqlite_is_durable_before_it_answers():
    assert "synchronous=FULL" in env.database("", Path("kept"))["OPTIONS"]["init_command"]


def test_the_secret_is_made_once_and_readable_by_its_owner_only(tmp_path, monkeypatch):
    monkeypatch.delenv("K8SDOCS_SECRET_KEY", raising=False)
    made = env.secret_key(tmp_path / "var")
    assert len(made) > 50
    assert env.secret_key(tmp_path / "var") == made
    assert (tmp_path / "var" / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("value", "expected"), [("1", True), ("TRUE", True), ("on", True), ("0", False), ("", False), ("no", False)]
)
def test_flag(value, expected, monkeypatch):
    monkeypatch.setenv("K8SDOCS_ASKED", value)
    assert env.flag("K8SDOCS_ASKED", default=True) is expected
