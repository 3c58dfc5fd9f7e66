"""Routes and how a path finds its route: literal paths by one look-up, the others segment by segment."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Generic, Protocol, TypeVar
from urllib.parse import unquote_to_bytes

from .errors import MethodUnknown, RouteUnknown

MAX_SEGMENTS = 32
# A route of this method takes every method that the path has no other route for.
ANY_METHOD = "*"


class Routed(Protocol):
    """What a router needs of a route."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=Routed)


class Router(Generic[R]):
    """Finds the route of a path. A template's `{name}` stands for one whole, non-empty segment.

    Segments are compared as sent and parameters are percent-decoded once, so that an encoded slash
    stays inside its parameter. A literal segment wins over a parameter.
    """

    def __init__(self, routes: Sequence[R]) -> None:
        self._tree: dict[str, Any] = {}
        for route in routes:
            node = self._tree
            for segment in route.path.strip("/").split("/"):
                key = "{}" if segment.startswith("{") else segment
                node = node.setdefault(key, {})
            node.setdefault("", {})[route.method] = route

    def match(self, method: str, path: str) -> tuple[R, tuple[str, ...]]:
        """The route and its path parameters. Raises RouteUnknown or MethodUnknown.

        `path` is the path as sent, still percent-encoded. One trailing slash is tolerated.
        """
        segments = path[1:].split("/", MAX_SEGMENTS)
        if len(segments) > 1 and segments[-1] == "":
            segments.pop()
        methods, raw = _walk(self._tree, segments, 0, ())
        if methods is None:
            raise RouteUnknown
        route = methods.get(method) or methods.get(ANY_METHOD)
        if route is None:
            raise MethodUnknown(tuple(sorted(methods)))
        return route, raw


def _walk(
    node: dict[str, Any], segments: list[str], at: int, taken: tuple[str, ...]
) -> tuple[dict[str, Any] | None, tuple[str, ...]]:
    if at == len(segments):
        return node.get(""), taken
    segment = segments[at]
    if segment == "":
        return None, ()
    literal = node.get(segment)
    if literal is not None:
        found, raw = _walk(literal, segments, at + 1, taken)
        if found is not None:
            return found, raw
    wild = node.get("{}")
    if wild is None:
        return None, ()
    return _walk(wild, segments, at + 1, (*taken, decode_segment(segment)))


def decode_segment(segment: str) -> str:
    """One path segment percent-decoded once. Raises RouteUnknown if that is not UTF-8 text."""
    if "%" not in segment:
        return segment
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError as error:
        raise RouteUnknown from error
    if "\0" in text:
        raise RouteUnknown
    return text
