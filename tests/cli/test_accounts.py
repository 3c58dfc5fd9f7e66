"""Organisations, users, applications and tokens: what the contracts need to let somebody in."""

from __future__ import annotations

import stat

from tests.cli.commands import Commands

TOKEN = ("token", "create", "--contract", "native", "--kind", "token", "--organisation", "acme")


def test_migrate_makes_the_book_and_its_key(cli):
    assert "type `orderwire migrate`" in cli.refuse(3, "organisation", "list")
    assert cli.refuse(3, "--database", "a.db", "organisation", "list").endswith(
        "type `orderwire --database a.db migrate`\n"
    )
    first = cli.json("migrate")
    assert first["before"] is None
    assert first["after"]
    assert cli.json("migrate") == {**first, "before": first["after"]}
    key = cli.folder / "orderwire.db.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    (cli.folder / "bad.db").write_text("no database, but long enough to be taken for one " * 100)
    assert "bad.db" in cli.refuse(1, "--database", "bad.db", "migrate")
    assert "bad.db" in cli.refuse(1, "--database", "bad.db", "organisation", "list")


def test_migrate_makes_no_folders(cli):
    missing = cli.folder / "no" / "such"
    said = cli.refuse(1, "--database", str(missing / "a.db"), "migrate")
    assert said == f"orderwire: {missing / 'a.db'} can't be made: {missing} does not exist\n"
    assert not missing.exists()
    (cli.folder / "file").write_text("")
    assert "is not a folder" in cli.refuse(1, "--database", "file/a.db", "migrate")


def test_organisations(acme):
    made = acme.json("organisation", "create", "other", "--directory", "other-1")
    assert (made["name"], made["directory"]) == ("other", "other-1")
    assert [one["name"] for one in acme.json("organisation", "list")] == ["acme", "other"]
    assert "other-1" in acme.succeed("organisation", "list")
    assert "is there already" in acme.refuse(1, "organisation", "create", "acme")
    assert "name: must be" in acme.refuse(1, "organisation", "create", "no such name")


def test_users(acme):
    create = ("user", "create", "marie", "--organisation", "acme")
    made = acme.json(
        *create, "--password-stdin", "--role", "employee", "--role", "liaison", given="correct horse\n"
    )
    assert (made["username"], made["roles"]) == ("marie", ["employee", "liaison"])
    assert "correct horse" not in acme.succeed("user", "list", "--organisation", "acme", "--json")
    assert acme.json("user", "list", "--organisation", "acme") == [made]
    assert "is there already" in acme.refuse(1, *create, "--no-password")
    assert "--password-stdin" in acme.refuse(2, "user", "create", "jean", "--organisation", "acme")
    assert "password" in acme.refuse(
        1, "user", "create", "jean", "--organisation", "acme", "--password-stdin"
    )
    assert "no organisation 'nobody'" in acme.refuse(4, "user", "list", "--organisation", "nobody")


def test_applications(acme):
    made = acme.json("application", "create", "shop", "--organisation", "acme", "--name", "The shop")
    assert len(made.pop("client_secret")) > 30
    assert acme.json("application", "list", "--organisation", "acme") == [made]
    assert made["name"] == "The shop"
    assert "is there already" in acme.refuse(1, "application", "create", "shop", "--organisation", "acme")


def test_tokens(acme):
    kinds = {(one["contract"], one["kind"]): one["needs"] for one in acme.json("token", "kinds")}
    assert kinds["native", "token"] == "application"
    assert acme.refuse(2, *TOKEN) == "orderwire: the kind token of native needs --application\n"
    assert "no application 'shop'" in acme.refuse(4, *TOKEN, "--application", "shop")
    acme.succeed("application", "create", "shop", "--organisation", "acme")
    issued = acme.json(*TOKEN, "--application", "shop")
    assert list(issued) == ["token"]
    assert acme.succeed("token", "revoke", "-", given=f"{issued['token']}\n") == "Token revoked.\n"
    assert "no such token" in acme.refuse(4, "token", "revoke", issued["token"])
    assert "no contract 'fax'" in acme.refuse(
        2, "token", "create", "--contract", "fax", "--kind", "x", "--organisation", "acme"
    )
    assert "it has token, manager-token" in acme.refuse(
        2, "token", "create", "--contract", "native", "--kind", "x", "--organisation", "acme"
    )


def test_a_user_is_disabled_enabled_and_given_a_password(acme):
    acme.succeed("user", "create", "marie", "--organisation", "acme", "--no-password")
    create = ("token", "create", "--contract", "planocore", "--kind", "session", "--organisation", "acme")
    issued = acme.json(*create, "--user", "marie")
    user = ("marie", "--organisation", "acme")
    assert acme.succeed("user", "disable", *user) == "User marie disabled.\n"
    assert [one["disabled"] for one in acme.json("user", "list", "--organisation", "acme")] == [True]
    assert "no such token" in acme.refuse(4, "token", "revoke", issued["session_token"])
    assert acme.refuse(1, *create, "--user", "marie") == "orderwire: the user marie is disabled\n"
    assert acme.json("user", "enable", *user)["disabled"] is False
    issued = acme.json(*create, "--user", "marie")
    said = acme.succeed("user", "password", *user, "--password-stdin", given="correct horse\n")
    assert said == "User marie has a new password.\n"
    assert "no such token" in acme.refuse(4, "token", "revoke", issued["session_token"])
    assert acme.succeed("user", "password", *user, "--no-password") == "User marie has no password.\n"
    assert "--password-stdin" in acme.refuse(2, "user", "password", *user)
    assert "password: must have" in acme.refuse(1, "user", "password", *user, "--password-stdin")
    for command in ("disable", "enable"):
        assert "no user 'jean' in acme" in acme.refuse(4, "user", command, "jean", "--organisation", "acme")


def test_tokens_are_listed_and_revoked_by_their_ids(acme):
    acme.succeed("application", "create", "shop", "--organisation", "acme")
    acme.succeed("user", "create", "marie", "--organisation", "acme", "--no-password")
    secret = acme.json(*TOKEN, "--application", "shop", "--label", "till 3")["token"]
    acme.json(
        "token", "create", "--contract", "planocore", "--kind", "session", "--organisation", "acme",
        "--user", "marie",
    )  # fmt: skip
    tokens = acme.json("token", "list", "--organisation", "acme")
    assert [one["scheme"] for one in tokens] == ["native.token", "planocore.session"]
    assert [one["label"] for one in tokens] == ["till 3", None]
    assert "accounts.manage" not in tokens[0]["rights"]
    for option, value, found in (
        ("--application", "shop", tokens[:1]),
        ("--user", "marie", tokens[1:]),
        ("--scheme", "native.token", tokens[:1]),
    ):
        assert acme.json("token", "list", "--organisation", "acme", option, value) == found
    shown = acme.succeed("token", "list", "--organisation", "acme")
    assert "till 3" in shown
    assert secret not in shown
    revoke = ("token", "revoke", "--id", tokens[0]["id"])
    assert "give a token, or --id" in acme.refuse(2, *revoke)
    assert "give a token, or --id" in acme.refuse(2, *revoke, "x", "--organisation", "acme")
    assert "give a token, or --id" in acme.refuse(2, "token", "revoke")
    assert acme.succeed(*revoke, "--organisation", "acme") == "Token revoked.\n"
    assert "no such token" in acme.refuse(4, "token", "revoke", secret)
    assert acme.refuse(4, "token", "revoke", "--id", "0" * 16, "--organisation", "acme") == (
        "orderwire: no token 0000000000000000\n"
    )
    assert "only one of" in acme.refuse(
        2, "token", "list", "--organisation", "acme", "--user", "marie", "--application", "shop"
    )
    assert "no application 'x' in acme" in acme.refuse(
        4, "token", "list", "--organisation", "acme", "--application", "x"
    )


def test_a_manager_has_the_right_that_others_lack(acme):
    acme.succeed("application", "create", "shop", "--organisation", "acme")
    manager = [word if word != "token" or place < 2 else "manager-token" for place, word in enumerate(TOKEN)]
    acme.succeed(*manager, "--application", "shop")
    acme.succeed(*TOKEN, "--application", "shop")
    rights = sorted(len(one["rights"]) for one in acme.json("token", "list", "--organisation", "acme"))
    assert rights == [5, 6]


def test_every_kind_of_token_can_be_issued(acme):
    acme.succeed("user", "create", "marie", "--organisation", "acme", "--no-password")
    acme.succeed("application", "create", "shop", "--organisation", "acme")
    given = {"user": ["--user", "marie"], "application": ["--application", "shop"], None: []}
    seen: set[str] = set()
    for one in acme.json("token", "kinds"):
        arguments = ["--contract", one["contract"], "--kind", one["kind"], "--organisation", "acme"]
        issued = acme.json("token", "create", *arguments, *given[one["needs"]])
        assert issued
        assert not seen & set(issued.values())
        seen |= set(issued.values())
    assert len(seen) >= 5


def test_one_folder_does_not_see_the_others_book(acme, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    assert "is not there" in Commands(tmp_path / "elsewhere").refuse(3, "organisation", "list")
