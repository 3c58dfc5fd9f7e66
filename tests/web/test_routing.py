"""How a path finds its route."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from orderwire.web.errors import MethodUnknown, RouteUnknown
from orderwire.web.routing import MAX_FOUND, Router


@dataclass(frozen=True)
class Named:
    method: str
    path: str
    name: str


ROUTES = [
    Named("GET", "/", "root"),
    Named("GET", "/orders", "list"),
    Named("POST", "/orders", "place"),
    Named("GET", "/orders/{id}", "show"),
    Named("GET", "/orders/reference/{name}", "by-reference"),
    Named("GET", "/orders/{id}/stages", "stages"),
    Named("GET", "/api/{version}/orders/{id}", "versioned"),
]
ROUTER = Router(ROUTES)


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


@pytest.mark.parametrize("path", ["/api/v1.0/orders/5", "/api/v%2F1/orders/a%2Fb", "/orders/5/stages"])
def test_a_path_is_found_alike_however_often(path: str) -> None:
    router = Router([*ROUTES, Named("POST", "/api/{version}/orders/{id}", "posted")])
    first = router.match("GET", path)
    assert router.match("GET", path) == first
    for number in range(MAX_FOUND + 1):
        assert router.match("POST", f"/api/{number}/orders/{number}")[1] == (f"{number}",) * 2
        assert router.match("GET", f"/orders/{number}/stages")[0].name == "stages"
    assert router.match("GET", path) == first
    for wrong in ("/api/0/orders/", "/api/0/orders/%ff", "/api//orders/5"):
        with pytest.raises(RouteUnknown):
            router.match("GET", wrong)


def test_a_literal_last_segment_wins_however_the_others_were_found() -> None:
    router = Router([Named("GET", "/a/{x}/b/{y}", "any"), Named("GET", "/a/{x}/{z}/all", "all")])
    for _ in range(2):
        assert router.match("GET", "/a/1/b/5")[0].name == "any"
        assert router.match("GET", "/a/1/c/all")[0].name == "all"
    both = router.match("GET", "/a/2/b/all")
    assert router.match("GET", "/a/2/b/7")[0].name == "any"
    assert router.match("GET", "/a/2/b/all") == both


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
