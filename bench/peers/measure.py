"""Orderwire beside other programs: one order read, one status appended, round by round, on one core each.

python -m bench.peers.measure --tools FOLDER, the folder that README.md has things installed in.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from .. import machine, seed, subjects
from ..appends import stage_request
from ..load import find_generator, request_text, write_requests
from ..machine import Headers, Server
from ..plan import Setup
from ..report import print_table, span
from ..rounds import Lane, alternate

HERE = Path(__file__).parent
ORDERS = 1_000
TOKEN = "bench-peers-token-c0ffee"
SEED_SECONDS = 900
ANSWER_SECONDS = 30
JSON = ("Content-Type", "application/json")
BEARER = ("Authorization", "Bearer x")


@dataclass(frozen=True)
class Peer:
    """A program that can be measured: how it is started, and the requests that it is sent."""

    name: str
    kind: str
    arguments: Sequence[str]
    reads: Sequence[bytes]
    appends: Sequence[bytes]
    first: tuple[str, Headers]
    program: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)


def orderwire(folder: Path) -> tuple[Peer, list[subjects.Order]]:
    """Ourselves, and the orders of the book."""
    seeded = seed.seed(folder, ORDERS)
    orders = subjects.choose_orders(seeded)
    native = subjects.named("native")
    reads = [native.ask(order).text for order in orders]
    appends = [stage_request(order.id) for order in orders]
    serve = ["orderwire", "serve"]
    return Peer("Orderwire", "", serve, reads, appends, ("/readyz", ()), env=seeded.env), orders


def example(folder: Path, ours: Peer, order: subjects.Order) -> str:
    """One of our own answers, which the mocks are given to answer, too."""
    ask = subjects.named("native").ask(order)
    with Server(ours.arguments, folder, None, ours.env) as server:
        status, _, body = server.request(ask.method, ask.target, ask.headers)
    if status != 200:
        raise SystemExit(f"reading an order gave {status}")
    return body.decode()


def oscar(tools: Path, folder: Path, _: str) -> Peer | None:
    """django-oscar with its REST API, gunicorn, SQLite."""
    program = tools / "oscar" / "bin" / "python"
    if not program.is_file():
        return None
    shop, env = str(HERE / "oscar" / "shop.py"), {"OSCAR_DATABASE": str(folder / "oscar.db")}
    seeding = [str(program), shop, "seed", str(ORDERS), TOKEN]
    subprocess.run(seeding, env={**os.environ, **env}, capture_output=True, timeout=SEED_SECONDS, check=True)
    token = ("Authorization", f"Token {TOKEN}")
    places = [f"/api/orders/{number}/" for number in range(1, ORDERS + 1)]
    reads = [request_text("GET", place, [token]) for place in places]
    body = json.dumps({"status": "packed"}).encode()
    appends = [request_text("POST", f"{place}status/", [token, JSON], body) for place in places]
    return Peer(
        *("django-oscar", "platform", [shop, "serve"], reads, appends, (places[0], [token])), program, env
    )


def vendure(tools: Path, folder: Path, _: str) -> Peer | None:
    """Vendure's admin API, SQLite."""
    modules, node = tools / "node_modules", shutil.which("node")
    if not (modules / "@vendure" / "core").is_dir() or node is None:
        return None
    script, env = [str(HERE / "vendure.cjs"), str(folder / "vendure.db")], {"NODE_PATH": str(modules)}
    seeding = [node, *script, "seed", str(ORDERS)]
    done = subprocess.run(
        seeding, env={**os.environ, **env}, capture_output=True, timeout=SEED_SECONDS, check=True
    )
    made = json.loads(done.stdout.splitlines()[-1])
    head = [("Authorization", f"Bearer {made['token']}"), JSON]

    def ask(query: str) -> bytes:
        return request_text("POST", "/admin-api", head, json.dumps({"query": query}).encode())

    shown = "id code state createdAt updatedAt currencyCode total totalWithTax lines { id quantity }"
    reads = [ask(f'{{ order(id: "{number}") {{ {shown} }} }}') for number in made["ids"]]
    note = 'mutation {{ addNoteToOrder(input: {{id: "{}", note: "packed", isPublic: true}}) {{ id }} }}'
    appends = [ask(note.format(number)) for number in made["ids"]]
    return Peer("Vendure", "platform", script, reads, appends, ("/health", ()), Path(node), env)


def json_server(tools: Path, folder: Path, order: str) -> Peer | None:
    """json-server on a file of as many orders."""
    script, node = tools / "node_modules" / ".bin" / "json-server", shutil.which("node")
    if not script.is_file() or node is None:
        return None
    orders = [{**json.loads(order), "id": number} for number in range(1, ORDERS + 1)]
    path = folder / "db.json"
    path.write_text(json.dumps({"orders": orders, "stages": []}))
    places = [f"/orders/{number}" for number in range(1, ORDERS + 1)]
    appends = [
        request_text("POST", "/stages", [JSON], json.dumps({"order": number, "stage": "packed"}).encode())
        for number in range(1, ORDERS + 1)
    ]
    arguments = [str(script), "--quiet", "--host", "127.0.0.1", str(path)]
    reads = [request_text("GET", place, []) for place in places]
    return Peer("json-server", "mock", arguments, reads, appends, (places[0], ()), Path(node))


def prism(tools: Path, folder: Path, order: str) -> Peer | None:
    """Prism, with a description whose example is one of our own answers."""
    script, node = tools / "node_modules" / ".bin" / "prism", shutil.which("node")
    if not script.is_file() or node is None:
        return None
    path = folder / "openapi.json"
    path.write_text(json.dumps(_description(json.loads(order))))
    places = [f"/v1/orders/{number}" for number in range(1, ORDERS + 1)]
    body = json.dumps({"stage": "packed"}).encode()
    appends = [request_text("POST", f"{place}/stages", [BEARER, JSON], body) for place in places]
    reads = [request_text("GET", place, [BEARER]) for place in places]
    arguments = [str(script), "mock", "-v", "silent", "--host", "127.0.0.1", str(path)]
    return Peer("Prism", "mock", arguments, reads, appends, (places[0], [BEARER]), Path(node))


def _description(order: object) -> dict[str, object]:
    """OpenAPI of the two operations that are measured; nothing in it takes long to check."""
    stage = {"stage": "packed"}

    def answer(shown: object) -> dict[str, object]:
        kept = {"schema": {"type": "object"}, "example": shown}
        return {"description": "as it is", "content": {"application/json": kept}}

    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    body = {"content": {"application/json": {"schema": {"type": "object", "required": ["stage"]}}}}
    append = {"parameters": [parameter], "requestBody": body, "responses": {"201": answer(stage)}}
    return {
        "openapi": "3.1.0",
        "info": {"title": "orders", "version": "1"},
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "security": [{"bearer": []}],
        "paths": {
            "/v1/orders/{id}": {"get": {"parameters": [parameter], "responses": {"200": answer(order)}}},
            "/v1/orders/{id}/stages": {"post": append},
        },
    }


MAKERS: tuple[Callable[[Path, Path, str], Peer | None], ...] = (oscar, vendure, json_server, prism)


def measure(setup: Setup, peers: Sequence[Peer]) -> tuple[list[Lane], list[Lane]]:
    """The lanes of reads and of appends, in the sort of the peers."""
    with contextlib.ExitStack() as stack:
        servers = [
            stack.enter_context(
                Server(
                    *(peer.arguments, setup.folder, setup.cores.server, peer.env),
                    program=peer.program,
                    first=peer.first,
                )
            )
            for peer in peers
        ]
        for server, peer in zip(servers, peers, strict=True):
            check(server, peer)
        parts = []
        for what in ("reads", "appends"):
            lanes = [
                Lane(server, write_requests(setup.folder / f"{peer.name}-{what}", getattr(peer, what)))
                for server, peer in zip(servers, peers, strict=True)
            ]
            for lane in lanes:
                lane.run(setup, 1, setup.cores.load)
            alternate(setup, lanes)
            parts.append(lanes)
        return parts[0], parts[1]


def check(server: Server, peer: Peer) -> None:
    """Ends the run unless the peer answers as it should: a mutation that failed comes with 200, too."""
    for request in (peer.reads[-1], peer.appends[-1]):
        with socket.create_connection(("127.0.0.1", server.port), ANSWER_SECONDS) as connection:
            connection.sendall(request)
            received = b""
            while b"}" not in received and (chunk := connection.recv(65_536)):
                received += chunk
        if received[9:10] != b"2" or b'"errors"' in received:
            raise SystemExit(f"{peer.name} gave {received[:500]!r} to {request[:200]!r}")


def print_peers(peers: Sequence[Peer], reads: Sequence[Lane], appends: Sequence[Lane]) -> None:
    """The table: rates, and how many times as many Orderwire does."""
    for what, lanes in (("one order read", reads), ("one status appended", appends)):
        print(f"\n{what}")
        ours = lanes[0].rounds
        rows = []
        for peer, lane in zip(peers, lanes, strict=True):
            rounds = lane.rounds
            times = [a / b for a, b in zip(ours.rates, rounds.rates, strict=True) if b] or [0.0]
            rates = f"{median(rounds.rates):,.0f}", span(rounds.rates, ",.0f")
            cpu = f"{rounds.cpu_us:,.0f}", f"{ours.cpu_us and rounds.cpu_us / ours.cpu_us:.1f}"
            p99 = f"{median(run.p99_ms for run in rounds.runs):.1f}"
            row = [*rates, p99, f"{median(times):.1f}", *cpu, str(rounds.errors)]
            rows.append([f"{peer.name} {peer.kind}".strip(), *row])
        print_table(("", "a second", "min..max", "p99 ms", "Orderwire times", "us", "by CPU", "errors"), rows)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers.measure", description=__doc__)
    parser.add_argument("--tools", type=Path, required=True, help="where README.md has things installed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--connections", type=int, default=16)
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    with tempfile.TemporaryDirectory(prefix="orderwire-peers-") as name:
        folder = Path(name)
        print(", ".join(f"{key} {value}" for key, value in machine.describe(folder).items()))
        ours, orders = orderwire(folder)
        order = example(folder, ours, orders[0])
        found = [make(given.tools.resolve(), folder, order) for make in MAKERS]
        for make, peer in zip(MAKERS, found, strict=True):
            if peer is None:
                print(f"{make.__name__}: not installed, left out")
        peers = [ours, *(peer for peer in found if peer is not None)]
        plan = (given.rounds, given.seconds, given.connections, folder)
        setup = Setup(*plan, machine.choose_cores(), find_generator())
        print(f"{ORDERS:,} orders, {given.connections} connections; {setup.cores.said}")
        print_peers(peers, *measure(setup, peers))


if __name__ == "__main__":
    main()
