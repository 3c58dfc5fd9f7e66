"""Fixtures that every folder of tests uses."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from orderwire.book.store import Book

from .postgres import CannotRun
from .server import Service
from .stores import POSTGRES, SQLITE, STORES, Databases, Shelf

HERE = Path(__file__).parent
# Where every test of a book runs on every store; elsewhere the marker `stores` says so.
ON_EVERY_STORE = ("book", "store")

# What is said of PostgreSQL at the end.
_POSTGRES = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--stores",
        default="chosen",
        help=f"chosen (each test's own choice), all, or some of {','.join(STORES)}",
    )


def pytest_configure(config: pytest.Config) -> None:
    asked = config.getoption("--stores")
    unknown = [one for one in asked.split(",") if one not in (*STORES, "chosen", "all")]
    if unknown:
        raise pytest.UsageError(f"--stores: no store is called {', '.join(unknown)}")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run what asks for a book, or for the name of a store, on each store that is chosen."""
    if "store_name" in metafunc.fixturenames:
        names = _choose(metafunc)
        metafunc.parametrize("store_name", names, indirect=True, scope="function")


def _choose(metafunc: pytest.Metafunc) -> tuple[str, ...]:
    marker = metafunc.definition.get_closest_marker("stores")
    folder = metafunc.definition.path.relative_to(HERE).parts[0]
    asked = metafunc.config.getoption("--stores")
    if marker is not None:
        possible = tuple(marker.args)
    elif asked == "all" or folder in ON_EVERY_STORE:
        possible = STORES
    else:
        possible = (SQLITE,) if asked == "chosen" else STORES
    return tuple(one for one in possible if is_asked_for(metafunc.config, one))


def is_asked_for(config: pytest.Config, store: str) -> bool:
    """False for a store that the option --stores leaves out."""
    asked: str = config.getoption("--stores")
    return asked in ("chosen", "all") or store in asked.split(",")


@pytest.fixture
def store_name(request: pytest.FixtureRequest) -> str:
    """The store that the test runs on."""
    name: str = request.param
    return name


@pytest.fixture(scope="session")
def databases(request: pytest.FixtureRequest) -> Iterator[Databases]:
    """A PostgreSQL server, started when it is first asked for; without one the test is skipped."""
    try:
        found = Databases.open()
    except CannotRun as error:
        request.config.stash[_POSTGRES] = f"PostgreSQL: not run: {error}"
        pytest.skip(f"no PostgreSQL: {error}")
    try:
        yield found
    finally:
        request.config.stash[_POSTGRES] = f"{found.description}, {found.made} databases"
        found.close()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say once what the tests ran on besides SQLite, if they asked for it."""
    if _POSTGRES in config.stash:
        terminalreporter.write_line(config.stash[_POSTGRES])


@pytest.fixture
def shelf(request: pytest.FixtureRequest, store_name: str) -> Iterator[Shelf]:
    """Where the test's books are kept, on the store that it runs on."""
    found = Shelf(store_name, None if store_name == SQLITE else request.getfixturevalue("databases"))
    yield found
    found.close()


@pytest.fixture
async def book(tmp_path: Path, shelf: Shelf) -> AsyncIterator[Book]:
    """A fresh `Book` on the store that the test runs on; what it keeps beside is in `tmp_path`."""
    made = await shelf.open(tmp_path)
    yield made
    await made.close()


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """One demo service for the whole session; tests leave its records as they found them."""
    service = Service("demo", tmp_path_factory.mktemp("demo") / "data", {})
    yield service
    service.stop()


@pytest.fixture(scope="session", params=[SQLITE, POSTGRES])
def each_demo(request: pytest.FixtureRequest) -> Service:
    """One demo service for the whole session on SQLite, and another one on PostgreSQL."""
    if not is_asked_for(request.config, request.param):
        pytest.skip(f"--stores leaves {request.param} out")
    fixture = "demo" if request.param == SQLITE else "demo_on_postgres"
    service: Service = request.getfixturevalue(fixture)
    return service


@pytest.fixture(scope="session")
def demo_on_postgres(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Service]:
    """One demo service on PostgreSQL; tests leave its records as they found them."""
    folder = tmp_path_factory.mktemp("demo-on-postgres")
    service = Service("demo", folder / "data", {}, database=databases.create())
    yield service
    service.stop()


@pytest.fixture
def start_service(tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Start services of this test's own; they end with the test."""
    started: list[Service] = []

    def start(
        *, command: str = "demo", env: dict[str, str] | None = None, data: Path | None = None
    ) -> Service:
        service = Service(command, data or tmp_path / "data", env or {})
        started.append(service)
        return service

    yield start
    for service in started:
        service.kill()
