"""Disks that are full, take nothing or lost a page: a clear answer, the rest goes on, nothing is lost."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.end_to_end.faces import JSON, Faces
from tests.postgres import execute
from tests.server import Answer, Service, run_command
from tests.stores import POSTGRES, SQLITE, Databases

from .ledger import NEW, Asked, Ledger, native_order
from .reader import read

PAGE_BYTES = 4_096
SMALL_MIB = 32
ORDERS = 40
needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")


class Orders:
    """Orders that are placed under keys through one service, and what was acknowledged of them."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.faces = Faces(service)
        self.ledger = Ledger()

    def place(self, key: str, **more: object) -> Answer:
        """Place an order, or ask again for the one of this key."""
        asked = self.ledger.asked.get(key)
        if asked is None:
            headers = {**self.faces.bearer, **JSON, "Idempotency-Key": key}
            body = native_order(key, **more)
            asked = Asked(NEW, key, "POST", "/v1/orders", headers, body, is_keyed=True)
            self.ledger.note(asked)
        answer = self.service.request(asked.method, asked.path, asked.headers, asked.body)
        if answer.status == 201:
            self.ledger.acknowledge(asked, answer)
        return answer

    def get(self, key: str) -> Answer:
        """The order of a key."""
        return self.service.request("GET", f"/v1/orders/by/reference/{key}", self.faces.bearer)

    def place_until_refused(self, most: int = 500) -> str:
        """Place large orders until one is not taken; gives its key."""
        for number in range(most):
            key = f"large-{len(self.ledger.asked)}-{number}"
            answer = self.place(key, notes="x" * 9_000)
            if answer.status != 201:
                assert (answer.status, answer.json()["code"]) == (503, "store_unavailable"), answer.body
                assert answer.header("retry-after")
                return key
        raise AssertionError("the disk is not full")


@contextmanager
def mounted(place: Path) -> Iterator[Path]:
    """A disk of its own with little room."""
    place.mkdir()
    options = f"size={SMALL_MIB}m,mode=0755"
    command = ["mount", "-t", "tmpfs", "-o", options, "orderwire-test", str(place)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no disk can be mounted here: {done.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Fill a disk to its last byte; gives the file that has to go to make room again."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            for size in (1_048_576, 4_096, 1):
                while file.write(b"\0" * size) == size:
                    continue
        except OSError:
            return filler
    return filler


@needs_mount
def test_a_full_disk_of_an_embedded_book(tmp_path: Path) -> None:
    with mounted(tmp_path / "small") as disk:
        service = Service("demo", disk / "data", {})
        try:
            verdict = fill_and_clear(service, disk)
        finally:
            service.kill()
    assert verdict == []


def fill_and_clear(service: Service, disk: Path) -> list[str]:
    """Fill the disk, make room, fill it again and kill the service; gives what was lost, in words."""
    orders = Orders(service)
    assert orders.place("before").status == 201
    filler = fill(disk)
    refused = orders.place_until_refused()
    assert orders.get("before").status == 200
    assert orders.get(refused).status == 404
    assert service.request("GET", "/readyz").status == 200
    filler.unlink()
    assert orders.place(refused).status == 201
    filler = fill(disk)
    orders.place_until_refused()
    service.kill()
    filler.unlink()
    service.start()
    for key in list(orders.ledger.asked):
        assert orders.place(key).status == 201
    service.stop()
    assert service.exit_code == 0
    return orders.ledger.verdict(f"sqlite:///{service.data / 'orderwire.db'}")


@needs_mount
def test_a_disk_that_is_read_only(tmp_path: Path) -> None:
    """SQLite makes files beside the book: without them there is no start, and the reason is told."""
    with mounted(tmp_path / "small") as disk:
        service = Service("demo", disk / "data", {})
        orders = Orders(service)
        assert orders.place("before").status == 201
        service.stop()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        refused = run_command("demo", "--port", str(service.port), "--data", str(service.data))
        assert (refused.returncode, "not writable" in refused.stderr) == (1, True), refused.stderr
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
        service.start()
        assert orders.place("before").status == 201
        service.stop()
        assert orders.ledger.verdict(f"sqlite:///{service.data / 'orderwire.db'}") == []


@pytest.mark.stores(SQLITE)
def test_a_disk_that_takes_no_more_bytes(serve: Callable[..., Service], database: str) -> None:
    """Every write that would lengthen a file fails, the log's, too, until the limit is lifted."""
    service = serve()
    orders = Orders(service)
    assert orders.place("before").status == 201
    _, hard = resource.prlimit(service.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (4_096, hard))
    refused = orders.place_until_refused()
    assert orders.get("before").status == 200
    assert orders.get(refused).status == 404
    assert service.request("GET", "/healthz").status == 200
    hostway = service.request("POST", "/orders", JSON, b"{}")
    assert (hostway.status, list(hostway.json())) == (502, ["badGateway"])
    resource.prlimit(service.pid, resource.RLIMIT_FSIZE, (hard, hard))
    for key in list(orders.ledger.asked):
        assert orders.place(key).status == 201
    service.stop()
    assert service.exit_code == 0
    assert orders.ledger.verdict(database) == []


@pytest.mark.stores(SQLITE)
def test_a_page_that_was_overwritten(serve: Callable[..., Service], database: str) -> None:
    """The orders on it can't be read, and that is said; all others can, and nothing else is touched."""
    service = serve()
    orders = Orders(service)
    for number in range(ORDERS):
        assert orders.place(f"page-{number}", notes=f"marker-{number:04d} " + "x" * 2_000).status == 201
    service.stop()
    path = Path(database.removeprefix("sqlite:///"))
    sound = path.read_bytes()
    # Wherever one of the orders is written: in its row, and in its history.
    torn = bytearray(sound)
    for page in range(0, len(sound), PAGE_BYTES):
        if b"marker-0007 " in sound[page : page + PAGE_BYTES]:
            torn[page : page + PAGE_BYTES] = b"\xa5" * PAGE_BYTES
    assert torn != sound
    path.write_bytes(torn)
    service.start()
    answers = {number: orders.get(f"page-{number}") for number in range(ORDERS)}
    refused = [number for number, answer in answers.items() if answer.status != 200]
    assert 7 in refused
    assert len(refused) < ORDERS // 2, "a page holds few orders"
    for number in refused:
        assert (answers[number].status, answers[number].json()["code"]) == (503, "store_unavailable")
    after = orders.place("after")
    assert after.status in (201, 503), after.body
    service.stop()
    # With the page as it was, all is as it was.
    torn = bytearray(path.read_bytes())
    for page in range(0, len(sound), PAGE_BYTES):
        if torn[page : page + PAGE_BYTES] == b"\xa5" * PAGE_BYTES:
            torn[page : page + PAGE_BYTES] = sound[page : page + PAGE_BYTES]
    path.write_bytes(torn)
    service.start()
    for key in list(orders.ledger.asked):
        assert orders.place(key).status == 201
    service.stop()
    assert orders.ledger.verdict(database) == []


@needs_mount
@pytest.mark.stores(POSTGRES)
def test_a_full_disk_of_postgresql(
    serve: Callable[..., Service], database: str, databases: Databases
) -> None:
    if databases.server is None or databases.home is None:
        pytest.skip("the disk of a server that is not ours is out of reach")
    owner = int(databases.server.binaries.user.partition(":")[0])
    name = database.rpartition("/")[2]
    with mounted(databases.home / "small") as disk:
        space = disk / "space"
        space.mkdir(mode=0o700)
        os.chown(space, owner, -1)
        execute(databases.admin, f"CREATE TABLESPACE {name} LOCATION '{space}'")
        execute(databases.admin, f"ALTER DATABASE {name} SET TABLESPACE {name}")
        service = serve()
        orders = Orders(service)
        assert orders.place("before").status == 201
        filler = fill(disk)
        refused = orders.place_until_refused()
        assert orders.get("before").status == 200
        assert orders.get(refused).status == 404
        filler.unlink()
        for key in list(orders.ledger.asked):
            assert orders.place(key).status == 201
        service.stop()
        assert service.exit_code == 0
        assert orders.ledger.verdict(database) == []
        execute(databases.admin, f"ALTER DATABASE {name} SET TABLESPACE pg_default")
        execute(databases.admin, f"DROP TABLESPACE {name}")


@pytest.mark.stores(POSTGRES)
def test_a_database_that_takes_no_writes(
    serve: Callable[..., Service], database: str, databases: Databases
) -> None:
    """As a standby, or a server that was made read-only: no connection is of use until it is over."""
    service = serve({"ORDERWIRE_STORE_SECONDS": "1"})
    orders = Orders(service)
    assert orders.place("before").status == 201
    name = database.rpartition("/")[2]
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"  # noqa: S608
    execute(databases.admin, f"ALTER DATABASE {name} SET default_transaction_read_only = on", end)
    during = orders.place("during")
    assert (during.status, during.json()["code"]) == (503, "store_unavailable")
    execute(databases.admin, f"ALTER DATABASE {name} SET default_transaction_read_only = off", end)
    assert orders.place("during").status == 201
    assert orders.ledger.verdict(database) == []
    assert read(database, "SELECT count(*) FROM orders WHERE deleted = 0")[0][0] >= 2
