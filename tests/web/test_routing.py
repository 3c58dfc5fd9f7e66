"""How a path finds its route."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from orderwire.web.errors import MethodUnknown, RouteUnknown
from orderwire.web.routing import Router


@dataclass(frozen=True)
class Named:
    method: str
    path: str
    name: str


ROUTER = Router(
    [
        Named("GET", "/", "root"),
        Named("GET", "/orders", "list"),
        Named("POST", "/orders", "place"),
        Named("GET", "/orders/{id}", "show"),
        Named("GET", "/orders/reference/{name}", "by-reference"),
        Named("GET", "/orders/{id}/stages", "stages"),
        Named("GET", "/api/{version}/orders/{id}", "versioned"),
    ]
)


@pytest.mark.parametrize(
    ("path", "name", "params"),
    [
        ("/", "root", ()),
        ("/orders", "list", ()),
        ("/orders/", "list", ()),
        ("/orders/5", "show", ("5",)),
        ("/orders/5/", "show", ("5",)),
        ("/orders/reference", "show", ("reference",)),
        ("/orders/reference/a%2Fb", "by-reference", ("a/b",)),
        ("/orders/reference/stages", "by-reference", ("stages",)),
        ("/orders/5/stages", "stages", ("5",)),
        ("/orders/%C3%A9%2520", "show", ("é%20",)),
        ("/api/v1.0/orders/5", "versioned", ("v1.0", "5")),
    ],
)
def test_a_path_finds_its_route(path: str, name: str, params: tuple[str, ...]) -> None:
    route, taken = ROUTER.match("GET", path)
    assert (route.name, taken) == (name, params)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/order",
        "//",
        "/orders//",
        "/orders//stages",
        "/orders/5/stage",
        "/orders/%ff",
        "/orders/%00",
        "/" + "/".join("x" * 50),
        "/ORDERS",
        "/api//orders/5",
    ],
)
def test_other_paths_find_none(path: str) -> None:
    with pytest.raises(RouteUnknown):
        ROUTER.match("GET", path)


def test_a_known_path_tells_its_methods() -> None:
    with pytest.raises(MethodUnknown) as refused:
        ROUTER.match("DELETE", "/orders")
    assert refused.value.allowed == ("GET", "POST")
