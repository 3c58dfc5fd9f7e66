"""`check` on a real book: exit codes, what it prints, the key, and a book that is served."""

from __future__ import annotations

import shutil

import pytest

from tests.whole_books import harm, make_whole_book

BOOK = ("--database", "whole.db")


@pytest.fixture
def whole(cli):
    """`orderwire` in the folder of a sound book `whole.db`."""
    make_whole_book(cli.folder, seed=5, orders=20)
    return cli


def test_a_sound_book_is_exit_code_0(whole):
    assert whole.succeed(*BOOK, "check") == "29 orders: nothing wrong\n"
    assert whole.json(*BOOK, "check") == {"orders": 29, "count": 0, "by_table": {}, "findings": []}


def test_findings_are_lines_and_exit_code_6(whole):
    address = f"sqlite:///{whole.folder / 'whole.db'}"
    harm(address, "UPDATE orders SET total_micros = -1", "DELETE FROM counters WHERE name = 'party'")
    done = whole.run(*BOOK, "check", "--limit", "2")
    assert (done.returncode, done.stderr) == (6, "")
    first, second, more, end = done.stdout.splitlines()
    assert first == "counters party: is missing"
    assert second.startswith("orders ")
    assert second.endswith(": total_micros is not what the document says")
    assert (more, end) == ("... and 28 more", "29 orders: 30 findings")
    done = whole.run(*BOOK, "check", "--json")
    assert done.returncode == 6
    assert '"by_table": {\n    "counters": 1,\n    "orders": 29\n  }' in done.stdout


def test_the_key_is_needed_unless_secrets_are_left_alone(whole):
    key = whole.folder / "whole.db.key"
    key.rename(whole.folder / "elsewhere")
    assert "the key file whole.db.key can't be read" in whole.refuse(2, *BOOK, "check")
    assert "nothing wrong" in whole.succeed(*BOOK, "check", "--no-secrets")
    whole.succeed("--database", "another.db", "migrate")
    shutil.copy(whole.folder / "another.db.key", key)
    assert "the key is not this book's" in whole.refuse(2, *BOOK, "check")


def test_what_is_no_book_can_not_be_checked(whole):
    for options in ([], ["--no-secrets"]):
        told = whole.refuse(3, "--database", "none.db", "check", *options)
        assert "the book none.db is not there: type `orderwire --database none.db migrate`" in told
    (whole.folder / "text.db").write_text("no database, but long enough to be taken for one " * 100)
    assert "file is not a database" in whole.refuse(1, "--database", "text.db", "check", "--no-secrets")


def test_a_book_that_is_served_is_checked_and_left_as_it_is(demo, cli):
    said = cli.succeed("--database", str(demo.data / "orderwire.db"), "check")
    assert said.endswith("orders: nothing wrong\n")
    assert demo.request("GET", "/readyz").status == 200


def test_a_served_book_on_postgres(demo_on_postgres, cli):
    env = {
        "ORDERWIRE_DATABASE": demo_on_postgres.database,
        "ORDERWIRE_DATA_FOLDER": str(demo_on_postgres.data),
    }
    done = cli.run("check", env=env)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("orders: nothing wrong\n")
