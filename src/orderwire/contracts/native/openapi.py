"""The OpenAPI 3.1 description of our own API, made of its routes and of its records."""

from __future__ import annotations

from functools import cache
from typing import Any

from orderwire import __version__
from orderwire.book.callers import RIGHTS
from orderwire.contracts.contract import Route
from orderwire.web.multipart import MEDIA_TYPE

from .openapi_accounts import ACCOUNTS
from .openapi_components import components
from .openapi_groups import GROUPS, UPLOAD_ENCODING
from .openapi_orders import ORDERS, PARTIES
from .openapi_parts import Operation
from .openapi_problems import ALWAYS, problem_responses
from .openapi_schemas import Schema
from .routes import ROUTES

OPERATIONS = {**ORDERS, **PARTIES, **ACCOUNTS, **GROUPS}
TITLE = "Orderwire native API"
DESCRIPTION = """Orders with their whole history, written and read as of any instant.

Decimal numbers are texts in answers. No text may hold a NUL character. Unknown fields and parameters are
refused. `HEAD` is answered as `GET` without a body."""
TAGS = {
    "orders": "Orders, their stages and their history.",
    "parties": "Who orders, who receives and who takes orders down.",
    "users": "Who signs in.",
    "applications": "Registered programs.",
    "tokens": "What lets in.",
    "group orders": "Many orders uploaded together.",
}
_RIGHTS = ", ".join(f"`{one}`" for one in sorted(RIGHTS))
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "description": f"A token of this API. It carries rights: {_RIGHTS}.",
}


@cache
def describe() -> dict[str, Any]:
    """The whole description. Raises KeyError for a route that none of the operations describes."""
    paths: dict[str, dict[str, Schema]] = {}
    for route in ROUTES:
        method = route.method.lower()
        paths.setdefault(route.path, {})[method] = _describe(route, OPERATIONS[route.operation])
    return {
        "openapi": "3.1.0",
        "info": {
            "title": TITLE,
            "version": __version__,
            "description": DESCRIPTION,
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": said} for name, said in TAGS.items()],
        "paths": paths,
        "components": {"schemas": components(), "securitySchemes": {"bearer": BEARER}},
    }


def _describe(route: Route, told: Operation) -> Schema:
    _, _, summary = (route.handler.__doc__ or "").partition(": ")
    answers = {**told.answers, **problem_responses({*ALWAYS, *told.problems})}
    return {
        "operationId": route.operation,
        "tags": [told.tag],
        "summary": summary,
        **({"description": told.description} if told.description else {}),
        "security": [{"bearer": list(told.rights)}],
        **({"parameters": list(told.parameters)} if told.parameters else {}),
        **({"requestBody": _body(told)} if told.body else {}),
        "responses": dict(sorted(answers.items())),
    }


def _body(told: Operation) -> Schema:
    content: dict[str, Schema] = {name: {"schema": schema} for name, schema in told.body.items()}
    if MEDIA_TYPE in content:
        content[MEDIA_TYPE]["encoding"] = UPLOAD_ENCODING
    return {"required": True, "content": content}
