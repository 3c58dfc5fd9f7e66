"""Settings: each value says where it comes from, secrets are hidden, mistakes are named."""

from __future__ import annotations

import json

import pytest

from orderwire.app import contract_extra
from orderwire.settings import SettingsError, load
from orderwire.vault import new_key


def rows(cli, *arguments, env=None):
    done = cli.run(*arguments, "settings", "--json", env=env)
    assert done.returncode == 0, done
    return {row["name"]: (row["value"], row["source"]) for row in json.loads(done.stdout)}


def test_each_value_and_its_source(cli):
    (cli.folder / "orderwire.toml").write_text(
        'port = 9001\nhost = "::1"\nbody_bytes = 2_000\n[plum]\nenabled = false\n'
        '[hostway]\nhosts = ["a.example", "B.example=acme"]\n[valomnia]\norganisation = "entity1"\n'
    )
    found = rows(cli, "--database", "here.db", env={"ORDERWIRE_PORT": "9002", "ORDERWIRE_LOG_JSON": "yes"})
    assert found["database"] == ("sqlite:///here.db", "option --database")
    assert found["port"] == (9002, "environment ORDERWIRE_PORT")
    assert found["log_json"] == (True, "environment ORDERWIRE_LOG_JSON")
    assert found["host"] == ("::1", "file orderwire.toml")
    assert found["plum.enabled"] == (False, "file orderwire.toml")
    assert found["hostway.hosts"][0] == {"a.example": "", "b.example": "acme"}
    assert found["valomnia.organisation"] == ("entity1", "file orderwire.toml")
    assert found["url_bytes"] == (8_192, "default")


def test_values_are_printed_as_they_are_typed(cli):
    given = {
        "ORDERWIRE_PLUM_HOSTS": "a.example=acme,b.example",
        "ORDERWIRE_PLANOCORE_NOTIFICATIONS": "order.delivered=client;order.canceled=ops@acme.example",
        "ORDERWIRE_PLANOCORE_UNDEPLOYED": "group_orders,order_stages/create",
        "ORDERWIRE_LOG_JSON": "true",
        "ORDERWIRE_REQUEST_SECONDS": "2.5",
    }
    done = cli.run("settings", env=given)
    assert done.returncode == 0, done
    printed = dict(line.split()[:2] for line in done.stdout.splitlines())
    sources = {
        line.split()[-1]: line.split()[1] for line in done.stdout.splitlines() if "environment" in line
    }
    assert sources == given
    assert printed["plum.enabled"] == "true"
    assert printed["plum.later_types"] == "false"


def test_secrets_are_hidden(cli):
    key = new_key()
    env = {"ORDERWIRE_VAULT_KEYS": key, "ORDERWIRE_SMTP_PASSWORD": "hunter2"}
    for form in (["--json"], []):
        done = cli.run("settings", *form, env=env)
        assert done.returncode == 0
        assert key not in done.stdout + done.stderr
        assert "hunter2" not in done.stdout
        assert done.stdout.count("(hidden)") == 2
    done = cli.run("settings", env={"ORDERWIRE_VAULT_KEYS": "c2VjcmV0"})
    assert done.returncode == 2
    assert "c2VjcmV0" not in done.stdout + done.stderr


def test_the_named_file_is_the_one_that_is_read(cli):
    (cli.folder / "orderwire.toml").write_text("port = 1\n")
    (cli.folder / "other.toml").write_text("port = 2\n")
    assert rows(cli)["port"][0] == 1
    assert rows(cli, env={"ORDERWIRE_CONFIG": "other.toml"})["port"] == (2, "file other.toml")
    assert rows(cli, "--config", "other.toml", env={"ORDERWIRE_CONFIG": "no.toml"})["port"][0] == 2


@pytest.mark.parametrize(
    ("content", "env", "message"),
    [
        ("prot = 1", {}, "no setting 'prot' (did you mean port?)"),
        ("[plum]\nenabeld = true", {}, "no setting 'plum.enabeld' (did you mean plum.enabled?)"),
        ("[smtp]\nhost = 'x'", {}, "no setting 'smtp.host' (did you mean smtp_host?)"),
        ("", {"ORDERWIRE_PROT": "1"}, "ORDERWIRE_PROT is no setting (did you mean ORDERWIRE_PORT?)"),
        ("", {"ORDERWIRE_PORT": "0"}, "port (environment ORDERWIRE_PORT): must be from 1 to 65535"),
        (
            "port = 'http'",
            {},
            "port (file orderwire.toml): must be a whole number from 1 to 65535, not 'http'",
        ),
        ("port = 2.5", {}, "port (file orderwire.toml): must be a whole number"),
        ("host = 2024-01-01", {}, "host (orderwire.toml): must be a text"),
        ('mail_folder = "a\\u0000b"', {}, "holds a NUL character"),
        ("log_level = 'loud'", {}, "must be one of debug, info, warning, error"),
        ("smtp_starttls = 'maybe'", {}, "must be true or false"),
        ("request_seconds = 0", {}, "must be a number of seconds"),
        ("port = ", {}, "not TOML"),
        ("", {"ORDERWIRE_CONFIG": "none.toml"}, "none.toml: can't be read"),
        (
            "",
            {"ORDERWIRE_DATABASE": "sqlite://"},
            "database (environment ORDERWIRE_DATABASE): must be a path",
        ),
        ("", {"ORDERWIRE_DATABASE": ":memory:"}, "must be a path"),
    ],
)
def test_mistakes_are_named(tmp_path, monkeypatch, content, env, message):
    monkeypatch.chdir(tmp_path)
    if content:
        (tmp_path / "orderwire.toml").write_text(content)
    with pytest.raises(SettingsError) as refused:
        load(env, extra=contract_extra())
    assert message in str(refused.value)


def test_a_mistake_ends_the_command(cli):
    (cli.folder / "orderwire.toml").write_text("prot = 1")
    told = "orderwire: orderwire.toml: no setting 'prot' (did you mean port?)\n"
    for command in ("settings", "migrate", "serve", "demo"):
        assert cli.refuse(2, command) == told
    assert [path.name for path in cli.folder.iterdir()] == ["orderwire.toml"]


def test_a_database_url_with_a_password_is_not_repeated(cli):
    told = cli.refuse(2, "settings", env={"ORDERWIRE_DATABASE": "mysql://orders:hunter2@db/orders"})
    assert "sqlite:///path or postgresql://" in told
    assert "hunter2" not in told
    url = "postgresql://orders:hunter2@db:5432,other:5432/orders?password=hunter2&sslmode=require"
    shown = cli.run("settings", env={"ORDERWIRE_DATABASE": url}).stdout
    assert "postgresql://orders:***@db:5432,other:5432/orders?password=***&sslmode=require" in shown
    assert "hunter2" not in shown


def test_what_is_left_empty_counts_as_not_set():
    found = load({"ORDERWIRE_PORT": "", "HOME": "x"}, overrides={"host": None})
    assert (found["port"], found.source("port"), found.source("host")) == (8080, "default", "default")


def test_paths_beside_the_book():
    found = load({"ORDERWIRE_DATABASE": "sqlite:////var/book/orders.db"})
    assert str(found.database_path) == "/var/book/orders.db"
    assert str(found.key_file) == "/var/book/orders.db.key"
    assert str(found.mail_folder) == "/var/book/mail"
    assert "password" not in repr(found)


def test_an_override_must_be_a_setting():
    with pytest.raises(SettingsError, match="did you mean host"):
        load({}, overrides={"hots": "x"})
