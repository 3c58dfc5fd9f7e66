"""Several hosts in one address: the one that takes writes is found, and of two the later promoted."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

import asyncpg
import pytest

from orderwire.store.postgres_hosts import CONNECT_SECONDS, Hosts, split_hosts
from tests.postgres import OWNER, Binaries, CannotRun, Server, execute, fetch, make_home


@dataclass
class Pair:
    """A primary, and one that was its standby until it was promoted: a split brain."""

    old: Server
    new: Server

    def address(self, *ports: int) -> str:
        """An address with several hosts."""
        hosts = ",".join(f"127.0.0.1:{port}" for port in ports)
        return f"postgresql://{OWNER}:{self.old.password}@{hosts}/postgres"


@pytest.fixture(scope="module")
def pair() -> Iterator[Pair]:
    """Both take writes; the second one is on the later timeline."""
    try:
        home = make_home()
        binaries = Binaries.unpack(home)
    except CannotRun as error:
        pytest.skip(f"no PostgreSQL: {error}")
    settings = {"wal_level": "replica", "max_wal_senders": "4", "fsync": "off", "max_connections": "20"}
    old = Server(binaries, "old", settings)
    new = Server(binaries, "new", settings)
    try:
        old.start()
        shutil.rmtree(new.data)
        binaries.own(new.data)
        new.password = old.password
        copy = ("-d", old.url(), "-D", str(new.data), "-R", "-X", "stream", "-c", "fast")
        binaries.run("pg_basebackup", *copy)
        new.start()
        yield Pair(old, new)
    finally:
        new.kill()
        old.kill()
        shutil.rmtree(home)


async def port_of_the_found(address: str) -> int:
    """The port of the host that is connected to."""
    connection = await Hosts(address).connect(timeout=CONNECT_SECONDS)
    try:
        port: int = await connection.fetchval("SELECT inet_server_port()")
        return port
    finally:
        await connection.close()


async def test_a_standby_is_not_taken_and_the_later_of_two_primaries_is(pair: Pair) -> None:
    old, new = pair.old.port, pair.new.port
    assert await port_of_the_found(pair.address(old, new)) == old
    assert await port_of_the_found(pair.address(new, old)) == old
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        await port_of_the_found(pair.address(new, new))
    execute(pair.new.url(), "SELECT pg_promote(true)")
    assert fetch(pair.old.url(), "SELECT pg_is_in_recovery()")[0][0] is False
    assert await port_of_the_found(pair.address(old, new)) == new
    assert await port_of_the_found(pair.address(new, old)) == new


async def test_a_host_that_says_nothing_keeps_no_other_from_being_found(pair: Pair) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        port = silent.getsockname()[1]
        assert await port_of_the_found(pair.address(port, pair.old.port)) == pair.old.port
        with pytest.raises(TimeoutError):
            await port_of_the_found(pair.address(port, port))


async def test_a_primary_that_went_away_is_looked_for_again(pair: Pair) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as refusing:
        gone = refusing.getsockname()[1]
    hosts = Hosts(pair.address(gone, pair.old.port))
    for _ in range(2):
        connections = await asyncio.gather(*(hosts.connect(timeout=CONNECT_SECONDS) for _ in range(3)))
        for connection in connections:
            await connection.close()
        hosts.forget()
    with pytest.raises(ConnectionRefusedError):
        await port_of_the_found(pair.address(gone, gone))


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("postgresql://u:p@a:1/book", ["postgresql://u:p@a:1/book"]),
        (
            "postgresql://u:p%2C@a:1,[::1]:2/b?x=1",
            ["postgresql://u:p%2C@a:1/b?x=1", "postgresql://u:p%2C@[::1]:2/b?x=1"],
        ),
        ("postgresql:///book?host=/run", ["postgresql:///book?host=/run"]),
    ],
)
def test_an_address_is_taken_apart(address: str, parts: list[str]) -> None:
    assert split_hosts(address) == parts
