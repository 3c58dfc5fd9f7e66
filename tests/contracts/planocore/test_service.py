"""The contract's settings in a real service, and the tokens that the command line issues."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.contracts.planocore.conftest import CREATE, JSON, READ, refusal
from tests.server import Answer, Service, run_command

Start = Callable[..., Service]


def post(service: Service, path: str, **params: Any) -> Answer:
    return service.request("POST", path, JSON, json.dumps(params))


def test_settings_of_a_demo(start_service: Start):
    env = {
        "ORDERWIRE_PLANOCORE_UNDEPLOYED": "group_orders",
        "ORDERWIRE_PLANOCORE_NOTIFICATIONS": "order.processed=client",
    }
    service = start_service(env=env)
    known = service.describe["planocore"]
    params = {"token": known["application_token"], "order_id": known["unmailable_order_id"]}
    stage = {**params, "update_status": False, "stage": "completed"}
    assert refusal(post(service, READ, **params))[:2] == (500, "service-not-found")
    assert post(service, CREATE, **stage, event_slug=known["event_slug"]).status == 200
    failed = post(service, CREATE, **stage, event_slug="order.processed")
    assert refusal(failed)[:2] == (500, "mandrill-email-failed")


def test_an_organisation_that_is_not_there(start_service: Start):
    service = start_service(env={"ORDERWIRE_PLANOCORE_ORGANISATION": "nobody"})
    assert refusal(post(service, READ))[:2] == (500, "identify-request-error")


def test_tokens_of_the_command_line(start_service: Start, tmp_path: Path):
    (tmp_path / "data").mkdir()
    env = {"ORDERWIRE_DATABASE": str(tmp_path / "data" / "book.db")}

    def run(*arguments: str) -> str:
        done = run_command(*arguments, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("migrate")
    run("organisation", "create", "acme")
    run("user", "create", "eve", "--organisation", "acme", "--no-password", "--role", "liaison")
    run("application", "create", "worker", "--organisation", "acme")
    token = ["token", "create", "--contract", "planocore", "--organisation", "acme", "--json", "--kind"]
    printed = [
        run(*token, "session", "--user", "eve"),
        run(*token, "remembered-session", "--user", "eve"),
        run(*token, "application", "--application", "worker"),
    ]
    service = start_service(command="serve", env=env)
    unknown = {
        "_id": "00000000-0000-4000-8000-000000000000",
        "stage": "x",
        "order_id": 1,
        "update_status": True,
    }
    for text in printed:
        secret = next(value for value in json.loads(text).values() if len(str(value)) == 43)
        assert refusal(post(service, READ, token=secret, **unknown))[1:3] == ("invalid-param", "_id")
        assert refusal(post(service, CREATE, token=secret, **unknown))[1:3] == ("invalid-param", "order_id")
