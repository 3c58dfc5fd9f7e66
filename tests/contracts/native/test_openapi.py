"""The OpenAPI description tells what is served: routes, rights, parameters, problems; and it is valid."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import jsonschema_rs
import msgspec
import pytest
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from orderwire import __version__
from orderwire.book.callers import RIGHTS
from orderwire.contracts.native import (
    contract,
    openapi,
    openapi_problems,
    wire_accounts,
    wire_history,
    wire_lists,
    wire_parties,
    wire_reading,
)
from tests.server import Service, run_command

from .test_errors import CASES

README = Path(openapi.__file__).with_name("README.md").read_text(encoding="utf-8")
PAGE = {"limit", "after"}
# What the parse functions know, where it is more than the path and the header fields.
KNOWN: dict[str, set[str]] = {
    "list_orders": {*wire_lists.LIST, *wire_lists.BATCH},
    "get_order": set(wire_reading.READING),
    "get_order_by_name": set(wire_reading.READING),
    "get_history": set(wire_history.PARAMETERS),
    "list_parties": set(wire_parties.PARAMETERS),
    "list_users": set(wire_accounts.USER_PARAMETERS),
    "list_applications": set(wire_accounts.APPLICATION_PARAMETERS),
    "list_tokens": set(wire_accounts.TOKEN_PARAMETERS),
    "list_group_orders": PAGE,
    "list_group_order_rejections": PAGE,
}
# A value for a parameter whose schema does not give one away.
VALUES = {
    "currency": "EUR",
    "customer.id": "1",
    "total.min": "1.5",
    "total.max": "1.5",
    "name": "reference:R-1",
    "name.prefix": "reference:R",
    "sort": "-placed_at",
    "total": "true",
    "include": "stages",
    "fields": "id",
    "kind": "order",
    "lifecycle": "new",
    "payment": "paid",
    "delivery": "null",
    "role": "customer",
}
NEEDS = {"reference_prefix": {"role": "customer"}}
DOCUMENT: Any = openapi.describe()


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation."""
    for path, item in DOCUMENT["paths"].items():
        for method, said in item.items():
            yield method.upper(), path, said


def parameters(said: dict[str, Any], where: str) -> set[str]:
    return {one["name"] for one in said.get("parameters", ()) if one["in"] == where}


def by_id(operation: str) -> tuple[str, str, dict[str, Any]]:
    return next(one for one in operations() if one[2]["operationId"] == operation)


def test_it_is_openapi_3_1_with_schemas_that_are_json_schema():
    OPENAPI_31_VALIDATOR.validate(DOCUMENT)
    for schema in DOCUMENT["components"]["schemas"].values():
        jsonschema_rs.meta.validate({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema})
    assert DOCUMENT["info"]["version"] == __version__
    assert DOCUMENT["info"]["license"]["identifier"] == "MIT"
    assert DOCUMENT["servers"] == [{"url": "/"}]


def test_every_reference_leads_somewhere_and_no_schema_is_idle():
    found: set[str] = set()

    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.add(value["$ref"])
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list | tuple):
            for inner in value:
                walk(inner)

    walk(DOCUMENT)
    assert found == {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}


def test_every_route_is_described_and_nothing_else():
    served = {(route.method, route.path, route.operation) for route in contract.routes}
    described = {(method, path, said["operationId"]) for method, path, said in operations()}
    assert described == served
    assert set(openapi.OPERATIONS) == {route.operation for route in contract.routes}
    for _, path, said in operations():
        assert parameters(said, "path") == set(re.findall(r"\{(\w+)\}", path))
        assert said["summary"]
        assert said["tags"][0] in openapi.TAGS


def test_the_readme_tells_the_same_rights():
    rows = re.findall(r"^\| (\w+) \| (\S+) \| (\w+) \| ([^|]*) \|$", README, re.MULTILINE)
    told = {operation: auth for _, _, operation, auth in rows}
    for _, _, said in operations():
        (needed,) = (set(one["bearer"]) for one in said["security"])
        assert needed <= RIGHTS
        named = set(re.findall(r"`([a-z.]+)`", told[said["operationId"]].partition(";")[0]))
        assert named == needed, said["operationId"]


def test_the_parameters_are_those_that_are_read():
    for _, _, said in operations():
        assert parameters(said, "query") == KNOWN.get(said["operationId"], set()), said["operationId"]


@pytest.mark.parametrize("operation", sorted(openapi.OPERATIONS))
async def test_a_described_parameter_is_taken_and_another_is_refused(native, operation):
    method, path, said = by_id(operation)
    sought = re.sub(r"\{\w+\}", "1", path)
    for name in sorted(parameters(said, "query")):
        instant = "2026-01-01T00:00:00Z"
        is_instant = name in ("as_of", "known_at") or name.endswith((".since", ".until"))
        value = VALUES.get(name, instant if is_instant else "1")
        answer = await native.ask(method, f"{sought}?{urlencode({name: value, **NEEDS.get(name, {})})}")
        # A cursor is from an answer, a sort may need another parameter: what is refused is the value.
        assert answer.status in (200, 404, 422), (name, answer)
        if answer.status == 422:
            assert name in ("after", "before", "name.prefix"), (name, answer)
            assert "no such parameter" not in answer.json()["detail"]
    answer = await native.ask(method, f"{sought}?unheard_of=1")
    # What is refused before: an id that no group order can have.
    expected = (404, "order_not_found") if "rejections" in path else (422, "field_invalid")
    assert (answer.status, answer.json()["code"]) == expected


def test_the_problems_are_those_of_the_errors():
    told = {code: status for code, (status, _) in openapi_problems.PROBLEMS.items()}
    kinds = {f"{kind}_not_found": 404 for kind in ("party", "user", "application", "token")}
    assert told == {**{code: status for _, status, code, _ in CASES}, **kinds}
    for _, _, said in operations():
        for status, response in said["responses"].items():
            assert ("application/problem+json" in response.get("content", {})) == (status >= "4")


async def test_answers_have_no_field_that_is_not_described(native):
    """Whatever an order, a history, a list hold is described: here no schema lets further fields in."""
    document = {
        "stages": [
            {"stage": "received", "detail": {"client": {"id": 1}, "details": {"addons": [1, {"a": "b"}]}}}
        ],
        "names": {"reference": "R-1"},
        "payment": "paid",
        "currency": "EUR",
        "total": "10.50",
        "customer": {"id": 4, "name": "Lindgren AB"},
        "lines": [{"item": "lamp", "quantity": 2, "attributes": {"colour": "red"}}],
        "payments": [{"amount": 1, "paid_at": "2026-01-01T00:00:00Z"}],
        "shipping": {"city": "Malmö", "by": {"id": 1}},
        "vouchers": [{"code": "c", "pin": "p", "amount": "1E-7"}],
        "visit": {"latitude": "1.25"},
        "tour": {"services": ["a"]},
    }
    made = await native.ask("POST", "/v1/orders", document)
    path = made.header("location")
    check("create_order", made)
    check("append_stage", await native.ask("POST", f"{path}/stages", {"stage": "packed", "supersedes": 1}))
    check("amend_order", await native.ask("PATCH", path, {"tag": "x", "shipping": {"by": None}}))
    check("get_order", await native.ask("GET", f"{path}?include=stages,revisions"))
    check("get_order", await native.ask("GET", f"{path}?fields=id,total"))
    check("get_history", await native.ask("GET", f"{path}/history"))
    check("list_orders", await native.ask("GET", "/v1/orders?total=true&include=stages"))
    check("list_orders", await native.ask("GET", f"/v1/orders?ids={made.json()['id']},1"))
    check("get_order", await native.ask("GET", "/v1/orders/1"))
    check("create_order", await native.ask("POST", "/v1/orders", document))
    check("create_order", await native.ask("POST", "/v1/orders", {"total": "x"}))
    with pytest.raises(jsonschema_rs.ValidationError):
        validator("create_order", "201").validate({**made.json(), "further": 1})


def check(operation: str, answer: Any) -> None:
    validator(operation, str(answer.status)).validate(answer.json())


def validator(operation: str, status: str) -> Any:
    """Of the operation's answer, with every object closed that has known fields."""
    (content,) = by_id(operation)[2]["responses"][status]["content"].values()
    schemas = msgspec.to_builtins(DOCUMENT["components"]["schemas"])
    for schema in schemas.values():
        if "properties" in schema:
            schema.setdefault("additionalProperties", False)
    return jsonschema_rs.validator_for(
        {
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            **msgspec.to_builtins(content["schema"]),
            "components": {"schemas": schemas},
        },
        validate_formats=True,
    )


def test_it_is_served_beside_the_contracts(demo: Service) -> None:
    answer = demo.request("GET", "/openapi/native.json")
    assert (answer.status, answer.header("content-type")) == (200, "application/json")
    assert answer.json() == msgspec.to_builtins(DOCUMENT)
    etag = answer.header("etag")
    assert etag
    again = demo.request("GET", "/openapi/native.json", {"If-None-Match": etag})
    assert (again.status, again.body, again.header("etag")) == (304, b"", etag)
    assert demo.request("GET", "/openapi/native.json", {"If-None-Match": '"other"'}).status == 200
    head = demo.request("HEAD", "/openapi/native.json")
    assert (head.status, head.body, head.header("content-length")) == (200, b"", str(len(answer.body)))
    refused = demo.request("POST", "/openapi/native.json")
    assert (refused.status, refused.header("allow")) == (405, "GET")
    assert demo.request("GET", "/openapi/plum.json").status == 404
    assert b"/openapi/native.json" in demo.request("GET", "/").body


def test_the_command_line_prints_it() -> None:
    printed = run_command("openapi", "native")
    assert (printed.returncode, json.loads(printed.stdout)) == (0, msgspec.to_builtins(DOCUMENT))
    refused = run_command("openapi", "plum")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "native" in refused.stderr


async def test_an_integer_may_be_written_with_a_point(native):
    body = b'{"group_line": 2.0, "lines": [{"id": 1e2, "quantity": 2.50}, {"id": 3}]}'
    made = (await native.ask("POST", "/v1/orders", body)).json()
    assert (made["group_line"], [line["id"] for line in made["lines"]]) == (2, [100, 3])
    assert made["lines"][0]["quantity"] == "2.5"
    for number in (b"2.5", b"1e300", b"1e9999999"):
        refused = await native.ask("POST", "/v1/orders", b'{"group_line": %s}' % number)
        assert (refused.status, refused.json()["field"]) == (422, "group_line")


def test_a_contract_that_is_not_served_is_not_described(start_service: Callable[..., Service]) -> None:
    service = start_service(env={"ORDERWIRE_NATIVE_ENABLED": "false"})
    assert service.request("GET", "/openapi/native.json").status == 404
    assert b"openapi" not in service.request("GET", "/").body
