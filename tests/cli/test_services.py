"""`demo` and `serve`: what they print, refuse and need."""

from __future__ import annotations

import json
import shlex
import shutil
import socket
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from orderwire import contracts
from tests.server import curl_lines, free_port


def test_describe_starts_nothing(cli):
    described = json.loads(cli.succeed("demo", "--describe"))
    assert list(described) == [contract.name for contract in contracts.ALL]
    assert all(described.values())
    assert list(cli.folder.iterdir()) == []


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
def test_demo_prints_curl_lines_that_work(demo, tmp_path):
    printed = demo.log.read_text()
    assert f"Orderwire demo on {demo.url}" in printed
    for contract in contracts.ALL:
        lines = curl_lines(contract.demo.curl(demo.url))
        assert lines
        for line in lines:
            assert line in printed
            command = [*shlex.split(line), "--fail", "--max-time", "20"]
            done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert done.returncode == 0, (line, done)
        assert done.stdout, "the last line shows a record"


def test_a_second_start_goes_on_with_the_same_book(start_service):
    service = start_service()
    before = orders(service.data)
    service.restart()
    assert orders(service.data) == before
    assert before > 0
    service.stop()
    assert service.exit_code == 0


def orders(data: Path) -> int:
    with closing(sqlite3.connect(data / "orderwire.db")) as book:
        found: int = book.execute("SELECT count(*) FROM orders").fetchone()[0]
        return found


def test_serve_refuses_the_demos_book(demo, cli):
    port = str(free_port())
    told = cli.refuse(1, "--database", str(demo.data / "orderwire.db"), "serve", "--port", port)
    assert "demo" in told


def test_serve_refuses_what_is_not_migrated(cli):
    told = cli.refuse(3, "serve")
    assert told.endswith("type `orderwire migrate`\n")
    assert list(cli.folder.iterdir()) == []


def test_serve_refuses_a_port_that_is_taken(acme):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        told = acme.refuse(1, "serve", "--port", str(port))
        assert f"can't listen on 127.0.0.1 port {port}" in told
        assert "can't listen" in acme.refuse(1, "demo", "--port", str(port))
    assert "must be from 1 to 65535" in acme.refuse(2, "serve", "--port", "70000")


def test_demo_keeps_its_book_in_data(cli):
    assert "--data FOLDER" in cli.refuse(2, "--database", "x.db", "demo")
    (cli.folder / "file").write_text("")
    assert cli.refuse(1, "demo", "--data", "file") == "orderwire: --data file is not a folder\n"
    assert "can't be made: Not a directory" in cli.refuse(1, "demo", "--data", "file/deeper")


def test_serve_serves_until_it_is_told_to_stop(acme, start_service):
    (acme.folder / "orderwire.db").rename(acme.folder / "book.db")
    (acme.folder / "orderwire.db.key").rename(acme.folder / "book.db.key")
    service = start_service(command="serve", data=acme.folder)
    assert service.request("GET", "/readyz").status == 200
    assert f"serves {acme.folder}/book.db on {service.url}" in service.log.read_text()
    service.stop()
    assert service.exit_code == 0


def test_a_contract_that_is_switched_off_is_not_announced(start_service):
    off = contracts.ALL[-1]
    service = start_service(env={f"ORDERWIRE_{off.name.upper()}_ENABLED": "false"})
    printed = service.log.read_text()
    assert [one.title in printed for one in contracts.ALL] == [True] * (len(contracts.ALL) - 1) + [False]
