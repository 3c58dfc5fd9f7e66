"""Three PostgreSQL nodes under Patroni lose their primary: nothing acknowledged is lost or doubled.

ORDERWIRE_TEST_FAULTS=some runs a switchover, a crash and the negative control (two minutes);
ORDERWIRE_TEST_FAULTS=all adds lost, frozen and cut off nodes, each of which takes Patroni its `ttl` of 20 s
to notice. Without it none is run: three nodes want a machine that does little else.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import Cluster, Node, running, wait_for
from tests.postgres import Binaries, CannotRun, fetch, make_home
from tests.server import Service, run_command

from .failover import Clients
from .ledger import NEW, Ledger
from .reader import Found

SEED = 20141220
CONNECTIONS = 10
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.timeout(300),
    pytest.mark.skipif(
        os.environ.get("ORDERWIRE_TEST_FAULTS") not in ("some", "all"),
        reason="wants the machine for itself: ORDERWIRE_TEST_FAULTS=some or all",
    ),
]
takes_long = pytest.mark.skipif(
    os.environ.get("ORDERWIRE_TEST_FAULTS") != "all", reason="takes minutes: ORDERWIRE_TEST_FAULTS=all"
)


@dataclass
class Place:
    """A cluster, and a service on its book."""

    cluster: Cluster
    service: Service
    token: str

    def book(self) -> str:
        """The book's address on the primary of now, for whoever reads past the service."""
        return self.cluster.url("book", node=self.cluster.primary())

    def clients(self, name: str) -> Clients:
        """Clients whose orders are called after a fault."""
        return Clients(self.service, self.token, name, SEED)

    def suffer(self, name: str, fault: Callable[[Cluster, Clients], None]) -> Clients:
        """Let clients write while the fault happens and until the cluster is whole again."""
        self.cluster.wait_until_whole()
        clients = self.clients(name)
        with clients.at_work():
            fault(self.cluster, clients)
            self.cluster.wait_until_whole()
        print(clients.report(name))
        return clients

    def verdict(self, clients: Clients) -> list[str]:
        """What these clients lost or got twice, in words; nothing, if all is there as it was acknowledged."""
        lost = [f"order {reference} is lost" for reference in missing(clients.ledger, self.book())]
        return [*lost, *clients.ledger.verdict(self.book())]

    def connections(self) -> tuple[int, list[int]]:
        """How many connections the service holds to the primary, and to each standby."""
        primary = self.cluster.primary()
        standbys = self.cluster.others(primary)
        return connections_to(self.cluster, primary), [connections_to(self.cluster, one) for one in standbys]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Three nodes and a service on them, for all tests of this file."""
    try:
        home = make_home()
        binaries = Binaries.unpack(home)
    except CannotRun as error:
        pytest.skip(f"no PostgreSQL: {error}")
    nodes = home / "cluster"
    nodes.mkdir(mode=0o755)
    try:
        with running(binaries, nodes) as cluster:
            service, token = serve(cluster, tmp_path_factory.mktemp("cluster") / "data")
            try:
                yield Place(cluster, service, token)
            finally:
                service.stop()
    finally:
        keep_logs(nodes, tmp_path_factory.getbasetemp())
        shutil.rmtree(home)


@pytest.fixture(autouse=True)
def tell(place: Place) -> Iterator[None]:
    """Let pytest show what the nodes and the service said when a test fails."""
    yield
    print(place.service.log.read_text()[-4_000:], place.cluster.logs(), sep="\n")


def serve(cluster: Cluster, data: Path) -> tuple[Service, str]:
    """A book on the cluster, a service on it, and a token for it."""
    cluster.run(
        f"CREATE ROLE orderwire LOGIN PASSWORD '{cluster.password}'", "CREATE DATABASE book OWNER orderwire"
    )
    data.mkdir()
    env = {
        "ORDERWIRE_DATABASE": cluster.url("book", "orderwire"),
        "ORDERWIRE_DATA_FOLDER": str(data),
        "ORDERWIRE_DATABASE_CONNECTIONS": str(CONNECTIONS),
    }

    def command(*arguments: str) -> str:
        done = run_command(*arguments, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    command("migrate")
    command("organisation", "create", "acme")
    command("application", "create", "shop", "--organisation", "acme")
    told = command(
        *("token", "create", "--contract", "native", "--kind", "token"),
        *("--organisation", "acme", "--application", "shop", "--json"),
    )
    return Service("serve", data, env), json.loads(told)["token"]


def connections_to(cluster: Cluster, node: Node) -> int:
    """How many connections of the service a node has."""
    sql = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'orderwire'"
    found: int = fetch(cluster.url("postgres", node=node), sql)[0][0]
    return found


def keep_logs(nodes: Path, target: Path) -> None:
    """Copy the nodes' logs to where pytest keeps things."""
    for log in nodes.glob("*.log"):
        shutil.copy(log, target / f"cluster-{log.name}")


def test_a_switchover(place: Place) -> None:
    def fault(cluster: Cluster, _: Clients) -> None:
        cluster.switch_over(cluster.primary())

    clients = place.suffer("switchover", fault)
    assert place.verdict(clients) == []
    to_primary, to_standbys = place.connections()
    assert (0 < to_primary <= CONNECTIONS, to_standbys) == (True, [0, 0])


def test_a_crash_of_the_primary(place: Place) -> None:
    def fault(cluster: Cluster, _: Clients) -> None:
        cluster.primary().kill_postmaster()

    clients = place.suffer("crash", fault)
    assert place.verdict(clients) == []
    to_primary, to_standbys = place.connections()
    assert (0 < to_primary <= CONNECTIONS, to_standbys) == (True, [0, 0])


@takes_long
def test_the_loss_of_the_primarys_node(place: Place) -> None:
    def fault(cluster: Cluster, clients: Clients) -> None:
        lost = cluster.primary()
        lost.kill()
        cluster.wait_for_other_primary(lost)
        clients.wait_for_writes(100)
        lost.start()

    clients = place.suffer("node", fault)
    assert place.verdict(clients) == []
    to_primary, to_standbys = place.connections()
    assert (0 < to_primary <= CONNECTIONS, to_standbys) == (True, [0, 0])


@takes_long
@pytest.mark.parametrize("with_postgres", [False, True])
def test_a_frozen_primary(place: Place, with_postgres: bool) -> None:
    def fault(cluster: Cluster, clients: Clients) -> None:
        frozen = cluster.primary()
        frozen.freeze(with_postgres=with_postgres)
        try:
            cluster.wait_for_other_primary(frozen)
            clients.wait_for_writes(100)
        finally:
            frozen.thaw()

    clients = place.suffer("frozen-node" if with_postgres else "frozen-patroni", fault)
    assert place.verdict(clients) == []
    to_primary, to_standbys = place.connections()
    assert (0 < to_primary <= CONNECTIONS, to_standbys) == (True, [0, 0])


@contextmanager
def cut_off(cluster: Cluster) -> Iterator[None]:
    """Clients reach the primary, but its standbys and its Patroni don't; at the block's end they do again."""
    primary = cluster.primary()
    primary.freeze(with_postgres=False)
    try:
        primary.cut_off()
        yield
    finally:
        primary.thaw()


@takes_long
def test_a_primary_that_is_cut_off(place: Place) -> None:
    def fault(cluster: Cluster, clients: Clients) -> None:
        before = cluster.primary()
        with cut_off(cluster):
            cluster.wait_for_other_primary(before)
            clients.wait_for_writes(100)

    clients = place.suffer("cut-off", fault)
    assert place.verdict(clients) == []
    to_primary, to_standbys = place.connections()
    assert (0 < to_primary <= CONNECTIONS, to_standbys) == (True, [0, 0])


@takes_long
def test_a_wait_for_a_standby_that_is_cancelled(place: Place) -> None:
    """What is then committed on the primary only is not acknowledged, not even to whoever asks again."""

    def fault(cluster: Cluster, clients: Clients) -> None:
        before = cluster.primary()
        address = cluster.url("postgres", node=before)
        cancelled = 0

        def cancel() -> bool | None:
            nonlocal cancelled
            cancelled += len(fetch(address, CANCEL))
            return True if cancelled and clients.said["outcome_unknown"] >= 3 else None

        with cut_off(cluster):
            wait_for(cancel, 40, "nobody was told that the outcome is unknown")
            cluster.wait_for_other_primary(before)
            clients.wait_for_writes(100)

    clients = place.suffer("cancelled-wait", fault)
    assert place.verdict(clients) == []
    to_primary, to_standbys = place.connections()
    assert (0 < to_primary <= CONNECTIONS, to_standbys) == (True, [0, 0])


CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def test_asynchronous_replication_does_lose(place: Place) -> None:
    """The negative control: the same fault, and the same check sees what is lost."""
    place.cluster.change_settings({"synchronous_mode": False})
    clients = place.clients("asynchronous")
    before = place.cluster.primary()
    with cut_off(place.cluster), clients.at_work():
        place.cluster.wait_for_other_primary(before)
    place.cluster.wait_until_whole()
    print(clients.report("asynchronous"))
    assert clients.ledger.faults == []
    assert missing(clients.ledger, place.book())
    assert clients.ledger.verdict(place.book())


def missing(ledger: Ledger, book: str) -> list[str]:
    """The references of orders that were acknowledged and are not there."""
    there = Found.of(book).named("reference")
    return [one.key for one in ledger.of(NEW) if one.answer is not None and one.key not in there]
