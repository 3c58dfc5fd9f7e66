"""Faults between the service and PostgreSQL: every contract answers in time and in its own form, nothing
is lost or doubled, and everything works again once the fault is over."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from tests.end_to_end.faces import JSON, Faces
from tests.fault_proxy import Fault, FaultProxy
from tests.postgres import execute
from tests.server import Answer, Service, send
from tests.stores import POSTGRES, Databases

from .ledger import NEW, STAGE, Asked, Ledger, native_order
from .reader import read

STORE_SECONDS = 1.5
# A request that writes may have read before; nothing takes longer than both, and a little.
ANSWER_SECONDS = 8.0
CONNECTIONS = 4
WRITERS = 12
OURS = "FROM pg_stat_activity WHERE application_name = 'orderwire' AND datname = current_database()"
COUNT_OURS = f"SELECT count(*) {OURS}"
END_OURS = f"SELECT pg_terminate_backend(pid) {OURS}"
AWAY = (Fault.REFUSED, Fault.RESET, Fault.STALLED, Fault.SLOW, Fault.HALF_ANSWERED)


@dataclass
class Setup:
    """A service whose way to its database can be broken."""

    faces: Faces
    proxy: FaultProxy
    database: str
    count: int = 0

    def key(self) -> str:
        """A key that was not used before."""
        self.count += 1
        return f"f-{self.count}"

    def ask(self, method: str, path: str, headers: dict[str, str], body: bytes = b"") -> Answer:
        """One request; raises TimeoutError when its answer is not there in time."""
        connection = http.client.HTTPConnection("127.0.0.1", self.faces.service.port, timeout=ANSWER_SECONDS)
        try:
            return send(connection, method, path, headers, body)
        finally:
            connection.close()

    def ask_for(self, asked: Asked) -> Answer:
        """The same for a request of a ledger."""
        return self.ask(asked.method, asked.path, asked.headers, asked.body)

    def heal(self) -> None:
        """End the fault; what stalled is cut, as it would be by whoever gave up waiting."""
        self.proxy.set(Fault.NONE)
        self.proxy.cut()

    def connections(self) -> int:
        """How many connections the server has from the service."""
        ((count,),) = read(self.database, COUNT_OURS)
        return int(count)


@pytest.fixture(scope="module")
def setup(tmp_path_factory: pytest.TempPathFactory, databases: Databases) -> Iterator[Setup]:
    """One service for the module."""
    database = databases.create(POSTGRES)
    proxy = FaultProxy(database).start()
    env = {
        "ORDERWIRE_STORE_SECONDS": str(STORE_SECONDS),
        "ORDERWIRE_DATABASE_CONNECTIONS": str(CONNECTIONS),
        # Once asked, a credential stands in the way of no fault that is meant for what comes after it.
        "ORDERWIRE_CREDENTIAL_CACHE_MS": "60000",
    }
    service = Service("demo", tmp_path_factory.mktemp("faults") / "data", env, database=proxy.url)
    made = Setup(Faces(service), proxy, database)
    check(made, [place(made)])
    yield made
    service.kill()
    proxy.stop()
    databases.drop(database)


@pytest.fixture(autouse=True)
def healed(setup: Setup) -> Iterator[None]:
    """No test leaves its fault to the next."""
    yield
    setup.heal()


def native_problem(answer: Answer) -> bool:
    said = answer.json()
    return (
        answer.status == 503
        and answer.header("content-type") == "application/problem+json"
        and answer.header("retry-after") is not None
        and said["code"] in ("store_unavailable", "outcome_unknown")
    )


def planocore_crash(answer: Answer) -> bool:
    return answer.status == 500 and answer.json()["status"] == "application-crash"


def hostway_fault(answer: Answer) -> bool:
    return answer.status == 502 and list(answer.json()) == ["badGateway"]


def plum_failure(answer: Answer) -> bool:
    said = answer.json()
    return answer.status == 503 and answer.header("retry-after") is not None and said["code"] == 503


def valomnia_failure(answer: Answer) -> bool:
    said = answer.json()
    return answer.status == 503 and set(said) == {"error", "error_description"}


def requests(setup: Setup) -> dict[str, tuple[Asked, Callable[[Answer], bool]]]:
    """A read or write of each contract, and the form in which it says that the store is away."""
    faces, described = setup.faces, setup.faces.described
    group = {
        "token": described["planocore"]["session_token"],
        "_id": described["planocore"]["group_order_id"],
    }
    plum = {
        "query": "plumProAPI.mutation.getOrderDetails",
        "tag": "plumProAPI",
        "variables": {"data": {"orderId": described["plum"]["order_id"]}},
    }
    plum_head = {"Authorization": f"Bearer {described['plum']['access_token']}", **JSON}
    plain = {
        "native": ("GET", "/v1/orders/by/reference/native-demo-1", faces.bearer, b"", native_problem),
        "planocore": (
            *("POST", "/api/v1/group_orders/read", JSON),
            *(json.dumps(group).encode(), planocore_crash),
        ),
        "hostway": ("POST", "/orders", JSON, b"{}", hostway_fault),
        "plum": ("POST", "/chef/v1/oauth/api", plum_head, json.dumps(plum).encode(), plum_failure),
        "valomnia": (
            *("GET", f"/api/v1.0/orders/reference/{described['valomnia']['order_reference']}"),
            *({"Cookie": faces.session}, b"", valomnia_failure),
        ),
    }
    return {
        name: (Asked("read", name, method, path, headers, body), form)
        for name, (method, path, headers, body, form) in plain.items()
    }


def place(setup: Setup) -> Asked:
    """An order to place that may be asked for again."""
    key = setup.key()
    headers = {**setup.faces.bearer, **JSON, "Idempotency-Key": key}
    return Asked(NEW, key, "POST", "/v1/orders", headers, native_order(key), is_keyed=True)


def together(setup: Setup, asked: list[Asked]) -> list[Answer]:
    """Ask for all at once."""
    with ThreadPoolExecutor(len(asked)) as pool:
        return list(pool.map(setup.ask_for, asked))


def check(setup: Setup, asked: list[Asked]) -> None:
    """Everything works; what was asked for under a key is done once, whatever was said meanwhile."""
    ledger = Ledger()
    for one in asked:
        ledger.note(one)
        if one.is_keyed:
            again = setup.ask_for(one)
            assert again.status == 201, again.body
            if one.answer is not None:
                assert again.body == one.answer.body
            one.answer = again
    for name, (one, _) in requests(setup).items():
        assert setup.ask_for(one).status in (200, 201), name
    assert ledger.verdict(setup.database) == []
    assert setup.connections() <= CONNECTIONS


@pytest.mark.parametrize("fault", AWAY)
def test_every_contract_says_in_time_that_the_store_is_away(setup: Setup, fault: Fault) -> None:
    asked = requests(setup)
    orders = [place(setup) for _ in range(3)]
    setup.proxy.set(fault)
    answers = together(setup, [*(one for one, _ in asked.values()), *orders])
    for (name, (_, is_form)), answer in zip(asked.items(), answers, strict=False):
        assert is_form(answer), (name, answer)
    for order, answer in zip(orders, answers[len(asked) :], strict=True):
        assert native_problem(answer), (order.key, answer)
    setup.heal()
    check(setup, orders)


def test_who_asks_while_others_wait_waits_no_longer_than_they(setup: Setup) -> None:
    """Requests that come later and later, while nothing goes through, are each answered in time."""
    setup.proxy.set(Fault.STALLED)
    orders = [place(setup) for _ in range(8)]
    answers: list[Answer] = []
    threads = []
    for order in orders:
        thread = threading.Thread(target=lambda one=order: answers.append(setup.ask_for(one)))
        thread.start()
        threads.append(thread)
        threading.Event().wait(STORE_SECONDS / 4)
    for thread in threads:
        thread.join(2 * ANSWER_SECONDS)
    assert len(answers) == len(orders)
    assert all(native_problem(answer) for answer in answers)
    setup.heal()
    check(setup, orders)


def test_connections_that_break_between_requests_are_not_noticed(setup: Setup) -> None:
    """What was not kept is done again without a word to the client."""
    for _ in range(3):
        setup.proxy.cut()
        orders = [place(setup) for _ in range(4)]
        answers = together(setup, orders)
        assert [answer.status for answer in answers] == [201] * 4
    execute(setup.database, END_OURS)
    assert setup.ask_for(place(setup)).status == 201


@pytest.mark.parametrize(
    "fault",
    [Fault.COMMIT_LOST, Fault.ANSWER_LOST, Fault.ANSWER_CUT],
)
def test_a_commit_whose_answer_is_lost_is_told_as_it_was(setup: Setup, fault: Fault) -> None:
    """The mark tells whether it was kept: clients see nothing but the time it took."""
    setup.proxy.set(fault, times=1)
    orders = [place(setup) for _ in range(WRITERS)]
    answers = together(setup, orders)
    assert setup.proxy.happened.is_set()
    assert [answer.status for answer in answers] == [201] * WRITERS
    for order, answer in zip(orders, answers, strict=True):
        order.answer = answer
    check(setup, orders)


@pytest.mark.parametrize("fault", [Fault.COMMIT_LOST, Fault.ANSWER_LOST])
def test_what_became_of_a_commit_is_told_right_when_the_telling_breaks_too(
    setup: Setup, fault: Fault
) -> None:
    """Who asks leaves a trace of its own, which must not pass for that of the commit."""
    setup.proxy.set(fault, times=1, then=Fault.FINDING_LOST)
    order = place(setup)
    order.answer = setup.ask_for(order)
    assert order.answer.status == 201
    assert setup.proxy.happened.is_set()
    assert setup.proxy.fault is Fault.NONE
    check(setup, [order])


@pytest.mark.parametrize("fault", [Fault.COMMIT_HELD, Fault.ANSWER_STALLED])
def test_a_connection_that_goes_dead_at_the_commit_leaves_time_to_find_out(
    setup: Setup, fault: Fault
) -> None:
    setup.proxy.set(fault, times=1)
    order = place(setup)
    order.answer = setup.ask_for(order)
    assert setup.proxy.happened.is_set()
    if fault is Fault.ANSWER_STALLED:
        assert order.answer.status == 201
    else:
        # Its transaction is still open at the server: it may be committed yet.
        assert (order.answer.status, order.answer.json()["code"]) == (503, "outcome_unknown")
        order.answer = None
    setup.heal()
    check(setup, [order])


@pytest.mark.parametrize(
    "fault", [Fault.COMMIT_LOST, Fault.ANSWER_LOST, Fault.COMMIT_HELD, Fault.ANSWER_STALLED]
)
@pytest.mark.parametrize("then", [Fault.RESET, Fault.STALLED])
def test_what_nobody_can_tell_is_told_so_and_found_out_later(setup: Setup, fault: Fault, then: Fault) -> None:
    """The database is away from the commit on: nobody can tell what became of it until it is back."""
    setup.proxy.set(fault, times=1, then=then)
    order = place(setup)
    answer = setup.ask_for(order)
    assert native_problem(answer)
    assert answer.json()["code"] == "outcome_unknown"
    setup.heal()
    check(setup, [order])


@pytest.mark.parametrize("fault", [Fault.COMMIT_LOST, Fault.ANSWER_LOST, Fault.ANSWER_CUT])
def test_contracts_without_keys_are_told_once_too(setup: Setup, fault: Fault) -> None:
    placed = setup.ask_for(place(setup)).json()["id"]
    stage = {
        "token": setup.faces.described["planocore"]["session_token"],
        "order_id": placed,
        "stage": setup.key(),
        "update_status": True,
    }
    appended = Asked(
        *(STAGE, stage["stage"], "POST", "/api/v1/order_stages/create", JSON, json.dumps(stage).encode()),
        order_id=placed,
    )
    opened = Asked("opened", setup.key(), "POST", "/orders", JSON, b"{}")
    for one in (appended, opened):
        setup.proxy.set(fault, times=1)
        one.answer = setup.ask_for(one)
        assert setup.proxy.happened.is_set()
        assert one.answer.status in (200, 201), one.answer.body
    check(setup, [appended, opened])
