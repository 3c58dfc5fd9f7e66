"""The parts of the benchmark that would make its figures wrong without anybody noticing."""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench import bare_rows, bulk, c_program, paced
from bench.load import Generator, request_text, write_requests
from bench.machine import Server, environment
from bench.targets import ALL, MIX_TAIL, READ_STORE, Result

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed")
needs_compiler = pytest.mark.skipif(shutil.which("cc") is None, reason="there is no C compiler")
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"
REFUSAL = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


class Recorder(threading.Thread):
    """A server that answers every request of its one connection, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.asked: list[bytes] = []

    def run(self) -> None:
        # wrk makes a connection first that it does not use, to see that the server is there.
        while not self.asked:
            connection, _ = self._listener.accept()
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):
            while received := connection.recv(65_536):
                for request in received.split(b"\r\n\r\n")[:-1]:
                    path = request.split()[1]
                    self.asked.append(path)
                    connection.sendall(REFUSAL if path == b"/gone" else ANSWER)

    def stop(self) -> None:
        """Wait until the client has gone."""
        self.join(10)
        self._listener.close()


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    server = Recorder()
    server.start()
    yield server
    server.stop()


def texts(*paths: str) -> list[bytes]:
    return [request_text("GET", path, []) for path in paths]


def test_a_paced_client_sends_each_request_once_and_times_it(recorder: Recorder) -> None:
    times = paced.drive([*texts("/a", "/gone"), *texts("/b")], recorder.port, 1, 0.2, 30)
    recorder.stop()
    assert recorder.asked == [b"/a", b"/gone", b"/b"] * 2
    assert len(times.reads) == 6
    assert times.errors == 2
    assert all(0 <= late < seconds for late, seconds in zip(times.late, times.reads, strict=True))


def test_an_answer_in_pieces_is_waited_for() -> None:
    assert paced.is_whole(ANSWER)
    assert not any(paced.is_whole(ANSWER[:end]) for end in range(len(ANSWER)))


def test_a_rank_is_that_of_the_sorted_values() -> None:
    assert paced.rank([0.003, 0.001, 0.002], 50) == pytest.approx(2)
    assert paced.rank([second / 1_000 for second in range(100, 0, -1)], 99) == pytest.approx(100)
    assert paced.rank([], 99) == 0


@pytest.mark.parametrize("wrk", [pytest.param("wrk", marks=needs_wrk), None], ids=["wrk", "own client"])
def test_load_begins_where_it_is_told_to(recorder: Recorder, tmp_path: Path, wrk: str | None) -> None:
    requests = write_requests(tmp_path / "requests", texts("/a", "/b", "/c"))
    seconds = 1 if wrk else 0.1
    run = Generator("it", wrk).run(recorder.port, requests, 1, seconds, None, start=4)
    recorder.stop()
    # wrk makes one request more at first, which it does not send.
    assert recorder.asked[:3] == ([b"/c", b"/a", b"/b"] if wrk else [b"/b", b"/c", b"/a"])
    assert run.requests > 3
    assert run.errors == 0


def test_a_figure_is_held_against_target_and_goal() -> None:
    missed, first, goal = (Result(READ_STORE, "x", [figure]) for figure in (0.4, 0.5, 0.7))
    assert [one.is_first_met for one in (missed, first, goal)] == [False, True, True]
    assert [one.is_goal_met for one in (missed, first, goal)] == [False, False, True]
    assert Result(MIX_TAIL, "x", [9.0, 5.0, 1.0]).is_first_met
    assert not Result(MIX_TAIL, "x", [9.0, 5.0, 1.0]).is_goal_met
    assert Result(READ_STORE, "x", [0.1], judged=0.6).is_first_met


def test_a_goal_asks_for_more_than_its_target() -> None:
    for target in ALL:
        if target.goal is not None:
            assert target.is_met(target.goal, target.first), target


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> bulk.Bulk:
    return bulk.make(tmp_path_factory.mktemp("book") / "book.db", 50)


def test_bare_rows_are_those_of_stages(book: bulk.Bulk) -> None:
    order_id = bulk.some_id(book.database)
    rate = bare_rows.append(book.database, [order_id], "packed", 64, 0.01)
    assert rate > 0
    connection = sqlite3.connect(book.database)
    stages = connection.execute(
        "SELECT number, revision, stage FROM order_stages WHERE order_id = ? ORDER BY number", (order_id,)
    ).fetchall()
    assert len(stages) > 1
    assert stages[1:] == [(number, number, "packed") for number in range(2, len(stages) + 1)]
    order = connection.execute("SELECT revision, stage_count FROM orders WHERE id = ?", (order_id,))
    assert order.fetchone() == (len(stages), len(stages))
    status = connection.execute(
        "SELECT stage, stage_number FROM order_statuses WHERE order_id = ?", (order_id,)
    )
    assert status.fetchone() == ("packed", len(stages))
    connection.close()


@needs_compiler
def test_the_c_program_reads_sessions_and_documents(book: bulk.Bulk, tmp_path: Path) -> None:
    program = c_program.build(tmp_path)
    connection = sqlite3.connect(book.database)
    order_id, document = connection.execute("SELECT id, document FROM orders LIMIT 1").fetchone()
    bearer = [("Authorization", f"Bearer {bulk.TOKEN}")]
    with Server([str(book.database)], tmp_path, None, {}, program=program) as server:
        status, _, body = server.request("GET", f"/v1/orders/{order_id}", bearer)
        assert (status, body) == (200, document.encode())
        assert server.request("GET", f"/v1/orders/{order_id + 4_096}", bearer)[0] == 404
        assert server.request("GET", f"/v1/orders/{order_id}", [("Authorization", "Bearer no")])[0] == 401
        assert server.request("GET", f"/v1/orders/{order_id}")[0] == 401
        # What another process commits is seen by the next read.
        connection.execute("UPDATE orders SET document = ? WHERE id = ?", ('{"seen":true}', order_id))
        connection.commit()
        assert json.loads(server.request("GET", f"/v1/orders/{order_id}", bearer)[2]) == {"seen": True}
        connection.execute("UPDATE tokens SET revoked_at = 1")
        connection.commit()
        assert server.request("GET", f"/v1/orders/{order_id}", bearer)[0] == 401
    connection.close()


def test_settings_of_the_user_do_not_reach_what_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORDERWIRE_PORT", "1")
    assert "ORDERWIRE_PORT" not in environment({})
