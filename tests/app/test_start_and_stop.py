"""Starting with what may stand in the way, and stopping with requests under way."""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.server import Service, run_command


def book_at(folder: Path) -> dict[str, str]:
    """A migrated book in `folder`, as the environment names it."""
    env = {"ORDERWIRE_DATABASE": str(folder / "book.db")}
    done = run_command("migrate", env=env)
    assert done.returncode == 0, done.stderr
    return env


def test_a_lost_key_is_not_replaced_in_silence(tmp_path: Path) -> None:
    env = book_at(tmp_path)
    key = tmp_path / "book.db.key"
    kept = key.read_text()
    key.unlink()
    for command in ("migrate", "serve"):
        refused = run_command(command, env=env)
        assert refused.returncode == 2, refused.stderr
        assert "book.db.key" in refused.stderr
        assert not key.exists()
    key.write_text("A" * 43 + "=\n")
    refused = run_command("organisation", "list", env=env)
    assert (refused.returncode, "sealed with" in refused.stderr) == (2, True)
    key.write_text("not a key\n")
    assert "base64 of 32 bytes" in run_command("organisation", "list", env=env).stderr
    key.write_text("A" * 43 + "=\n" + kept)
    assert run_command("organisation", "list", env=env).returncode == 0, "a key put in front rotates"
    key.write_text(kept)
    assert run_command("migrate", env=env).returncode == 0


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere: run as another user to see it")
def test_a_book_that_cannot_be_written_is_served_for_reading(
    tmp_path: Path, start_service: Callable[..., Service]
) -> None:
    env = book_at(tmp_path)
    (tmp_path / "book.db").chmod(0o444)
    service = start_service(command="serve", data=tmp_path, env=env)
    assert service.request("GET", "/readyz").status == 200


@pytest.mark.skipif(sys.platform != "linux", reason="no other system has the policy")
def test_all_threads_take_turns(start_service: Callable[..., Service]) -> None:
    service = start_service()
    assert service.request("GET", "/readyz").status == 200
    threads = [int(name) for name in os.listdir(f"/proc/{service.pid}/task")]
    assert len(threads) > 3, threads
    assert {os.sched_getscheduler(thread) for thread in threads} == {os.SCHED_BATCH}


def test_a_host_name_is_resolved_and_a_wrong_one_refused(
    tmp_path: Path, start_service: Callable[..., Service]
) -> None:
    env = book_at(tmp_path)
    service = start_service(command="serve", data=tmp_path, env={**env, "ORDERWIRE_HOST": "localhost"})
    assert service.request("GET", "/readyz").status == 200
    refused = run_command("serve", "--host", "no.such.host.invalid", env=env)
    assert refused.returncode == 1
    assert "can't listen" in refused.stderr


def test_a_binding_to_nobody_is_warned_of(tmp_path: Path, start_service: Callable[..., Service]) -> None:
    env = {**book_at(tmp_path), "ORDERWIRE_NATIVE_ORGANISATION": "nobody"}
    service = start_service(command="serve", data=tmp_path, env=env)
    assert "bound to an organisation that is not there" in service.log.read_text()


def test_mail_that_fails_is_logged_without_its_recipient(start_service: Callable[..., Service]) -> None:
    service = start_service(env={"ORDERWIRE_SMTP_HOST": "127.0.0.1", "ORDERWIRE_SMTP_PORT": "1"})
    described = service.describe
    body = {
        "token": described["planocore"]["session_token"],
        "order_id": described["planocore"]["order_id"],
        "update_status": False,
        "stage": "x",
        "event_slug": described["planocore"]["event_slug"],
    }
    head = {"Content-Type": "application/json"}
    answer = service.request("POST", "/api/v1/order_stages/create", head, json.dumps(body))
    assert answer.json()["status"] == "mandrill-email-failed"
    logged = service.log.read_text()
    assert "mail failed" in logged
    assert "@" not in logged.partition("mail failed")[2].partition("\n")[0]


@pytest.mark.parametrize("sent", [b"", b"GET /he", b"GET / HTTP/1.1\r\nHost: x\r\nX-Half: "])
def test_a_stop_does_not_wait_for_who_has_asked_nothing_yet(
    start_service: Callable[..., Service], sent: bytes
) -> None:
    service = start_service()
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        connection.sendall(sent)
        assert service.request("GET", "/readyz").status == 200
        # It fails after 20 s; waiting for this connection's own limit would take 30.
        service.stop()
        assert service.exit_code == 0


def test_a_stop_waits_for_a_half_sent_request_but_not_for_long(
    start_service: Callable[..., Service],
) -> None:
    service = start_service()
    with socket.create_connection(("127.0.0.1", service.port), timeout=30) as connection:
        head = f"POST /v1/orders HTTP/1.1\r\nHost: {service.host}\r\nContent-Length: 100\r\n\r\n{{"
        connection.sendall(head.encode())
        # The request is under way once a later one was answered.
        assert service.request("GET", "/readyz").status == 200
        # It fails after 20 s; waiting for the request's own limit would take 30.
        service.stop()
        assert service.exit_code == 0
        assert connection.recv(100).startswith(b"HTTP/1.1 4")
