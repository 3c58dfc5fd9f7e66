"""All fifteen statuses, each produced by its real cause, with the code that its document gives it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from orderwire.book.errors import TooManyAttempts
from orderwire.contracts.contract import Mount
from orderwire.contracts.planocore import contract
from orderwire.contracts.planocore.wire import parse_base_url, parse_undeployed
from orderwire.web.asgi import AsgiApp
from orderwire.web.limits import Limits
from orderwire.web.request import Request
from tests.contracts.planocore.conftest import CREATE, JSON, READ, PlanoCore, make_planocore, refusal
from tests.inprocess import app_over, call
from tests.tidy import tree

MALFORMED = {
    "cut short": b'{"token":',
    "not JSON": b"token=x",
    "base64": b"eyJ0b2tlbiI6IngifQ==",
    "not UTF-8": b'{"token":"\xff"}',
    "UTF-16": '{"token":"x"}'.encode("utf-16"),
    "a lone surrogate": b'{"token":"\\ud800"}',
    "a lone surrogate deep": b'{"token":"x","order":{"services_addon_array":["\\udfff"]}}',
    "a key twice": b'{"token":"x","token":"y"}',
    "a key twice deep": b'{"token":"x","order":{"notes":1,"notes":2}}',
    "too deep": b'{"token":' + b"[" * 40 + b"]" * 40 + b"}",
    "far too deep": b"[" * 100_000,
    "a huge number": b'{"order_id":' + b"9" * 5_000 + b"}",
    "no number": b'{"order_id":NaN}',
    "two values": b'{"token":"x"}{}',
    "a NUL": b'{"token":"\0"}',
}
EMPTY = (b"", b" \r\n", b"{}", b"[]", b"null", b"0", b'"token"', b"false", b'[{"token":"x"}]')
OTHER_TYPES = (
    None,
    "",
    "text/plain",
    "application/x-www-form-urlencoded",
    "application/jsonp",
    "application/vnd.api+json",
    "json",
)


@pytest.mark.parametrize("path", [READ, CREATE])
@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
async def test_invalid_encoded_params(planocore: PlanoCore, path: str, body: bytes):
    assert refusal(await planocore.post(path, body)) == (400, "invalid-encoded-params", "", "")


@pytest.mark.parametrize("body", EMPTY, ids=repr)
async def test_no_params_decoded(planocore: PlanoCore, body: bytes):
    assert refusal(await planocore.post(READ, body)) == (400, "no-params-decoded", "", "")


@pytest.mark.parametrize("media_type", OTHER_TYPES, ids=repr)
async def test_invalid_content_type(planocore: PlanoCore, media_type: str | None):
    headers = {} if media_type is None else {"content-type": media_type}
    assert refusal(await planocore.post(READ, b"{", headers)) == (400, "invalid-content-type", "", "")


async def test_content_types_that_are_json(planocore: PlanoCore):
    for media_type in ("application/json;charset=UTF-8", "Application/JSON ; x=y"):
        assert (
            refusal(await planocore.post(READ, b"{}", {"content-type": media_type}))[1] == "no-params-decoded"
        )


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", READ),
        ("PUT", READ),
        ("DELETE", CREATE),
        ("PATCH", CREATE),
        ("OPTIONS", READ),
        ("POST", "/api/v1"),
        ("POST", "/api/v1/"),
        ("POST", "/api/v1/group_orders"),
        ("POST", "/api/v1/group_orders/READ"),
        ("POST", "/api/v1//group_orders/read"),
        ("POST", READ + "/5"),
        ("POST", "/api/v1/group_orders/upload"),
        ("POST", "/api/v1/%00"),
        ("GET", "/api/v1/" + "x/" * 200),
    ],
)
async def test_route_non_existent(planocore: PlanoCore, method: str, path: str):
    answer = await call(planocore.app, method, path, JSON, b"{")
    assert refusal(answer) == (500, "route-non-existent", "", "")


async def test_withheld_routes_and_services(book):
    some = await make_planocore(book, undeployed=parse_undeployed("order_stages/create"))
    assert refusal(await some.create()) == (500, "route-not-found", "", "")
    assert (await some.read()).status == 200
    none = await make_planocore(book, undeployed=parse_undeployed("group_orders, group_orders/read"))
    assert refusal(await none.post(READ, b"", {})) == (500, "service-not-found", "", "")
    assert refusal(await none.post("/api/v1/group_orders/upload", b""))[1] == "route-non-existent"
    assert len(await none.stages()) == 1


async def test_identify_request_error(planocore: PlanoCore):
    planocore.app = app_over(planocore.book, contract, organisation="not-there")
    assert refusal(await planocore.read()) == (500, "identify-request-error", "", "")
    assert refusal(await planocore.post("/api/v1/x", b""))[1] == "identify-request-error"


async def test_application_crash_when_the_store_can_not_be_written(planocore: PlanoCore, shelf, tmp_path):
    # Somebody damaged the book beneath the running service: the engine refuses the write.
    shelf.run(tmp_path, "DROP TABLE order_stages")
    assert refusal(await planocore.create()) == (500, "application-crash", "", "")


async def test_application_crash_when_something_unforeseen_happens(planocore: PlanoCore):
    planocore.book.clock = None  # type: ignore[assignment]
    answer = await planocore.read(token=planocore.demo["session_token"])
    assert refusal(answer) == (500, "application-crash", "", "")


def impatient(planocore: PlanoCore, **limits: Any) -> AsgiApp:
    mount = Mount(
        contract=contract, book=planocore.book, options={o.name: o.default for o in contract.options}
    )

    async def nothing() -> None:
        return None

    return AsgiApp(lambda _request: mount, Limits(**limits), nothing, nothing)


async def test_an_answer_that_is_not_ready_in_time_is_a_crash(planocore: PlanoCore):
    held = asyncio.Event()

    async def never(work: Any) -> Any:
        await held.wait()

    planocore.book.store.write = never  # type: ignore[method-assign]
    planocore.app = impatient(planocore, request_seconds=0.05)
    assert refusal(await planocore.create()) == (500, "application-crash", "", "")


async def test_a_body_that_does_not_come_is_refused(planocore: PlanoCore):
    sent: list[Any] = []

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "raw_path": READ.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json"), (b"content-length", b"10")],
    }
    await impatient(planocore, request_seconds=0.05)(scope, receive, send)
    assert sent[0]["status"] == 400
    assert b'"status":"invalid-encoded-params"' in sent[1]["body"]


async def test_what_is_over_a_limit_is_refused(planocore: PlanoCore):
    planocore.app = impatient(planocore, body_bytes=2_000, url_bytes=300, header_bytes=2_000, header_count=10)
    expected = (400, "invalid-encoded-params", "", "")
    assert refusal(await planocore.create(notes="x" * 2_000)) == expected
    assert refusal(await planocore.post(f"{READ}?{'x' * 300}", {})) == expected
    assert refusal(await planocore.post(READ, {}, {**JSON, "x-long": "x" * 2_000})) == expected
    assert refusal(await planocore.post(READ, {}, {**JSON, **{f"x-{n}": "" for n in range(10)}})) == expected
    assert (await planocore.read()).status == 200
    assert len(await planocore.stages()) == 1


async def test_head_and_server_say_nothing(planocore: PlanoCore):
    answer = await call(planocore.app, "HEAD", READ, JSON)
    assert (answer.status, answer.body) == (500, b"")
    assert answer.header("server") == "-"


def test_the_readme_tells_of_all_fifteen():
    documented = {
        "action-successful",
        "invalid-token",
        "session-expired",
        "client-required",
        "missing-param",
        "invalid-param",
        "application-crash",
        "mandrill-email-failed",
        "invalid-content-type",
        "route-non-existent",
        "no-params-decoded",
        "invalid-encoded-params",
        "route-not-found",
        "identify-request-error",
        "service-not-found",
    }
    text = (tree.ROOT / "src/orderwire/contracts/planocore/README.md").read_text()
    tables = tree.markdown_tables(tree.markdown_section(text, "## Errors") or "")
    rows = [row for header, found in tables if header[0] == "status" for row in found]
    assert {row[0] for row in rows} == documented
    assert all(row[1] in ("200", "400", "401", "500") for row in rows)


def test_options_are_read():
    assert parse_base_url(" https://files.example.com/a/ ") == "https://files.example.com/a"
    assert parse_base_url("") == ""
    for text in ("files.example.com", "ftp://x", "http://", "http://x?y", "http://x#y", "http://a b"):
        with pytest.raises(ValueError, match="URL"):
            parse_base_url(text)
    assert parse_undeployed("") == ()
    with pytest.raises(ValueError, match="comma list"):
        parse_undeployed("group_orders/upload")


def test_who_tries_too_often_is_told_in_the_words_of_the_vendors_later_api():
    request = Request("POST", READ)
    answer = contract.render_error(cast("Mount", None), request, TooManyAttempts(7))
    assert answer.status == 429
    assert answer.body.startswith(b'{"code":429,"status":"rate-limit-exceeded","errors":[]')
