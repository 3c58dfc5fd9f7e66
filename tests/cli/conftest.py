"""Fixtures of the command line's tests."""

from __future__ import annotations

import pytest

from tests.cli.commands import Commands


@pytest.fixture
def cli(tmp_path):
    """`orderwire` where there is no book yet."""
    folder = tmp_path / "there"
    folder.mkdir()
    return Commands(folder)


@pytest.fixture
def acme(cli):
    """`orderwire` with a migrated book and the organisation `acme`."""
    cli.succeed("migrate")
    cli.succeed("organisation", "create", "acme")
    return cli
