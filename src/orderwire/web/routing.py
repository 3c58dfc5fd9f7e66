"""Routes and how a path finds its route: literal paths by one look-up, the others segment by segment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar
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


@dataclass(frozen=True, slots=True)
class _Template(Generic[R]):
    """A path with parameters: which segments are literal, which are taken, and its routes by method."""

    literals: tuple[tuple[int, str], ...]
    taken: tuple[int, ...]
    methods: dict[str, R]

    def fits(self, segments: list[str]) -> bool:
        return all(segments[at] == text for at, text in self.literals) and all(
            segments[at] for at in self.taken
        )


class Router(Generic[R]):
    """Finds the route of a path. A template's `{name}` stands for one whole, non-empty segment.

    Segments are compared as sent and parameters are percent-decoded once, so that an encoded slash
    stays inside its parameter. A literal segment wins over a parameter.
    """

    def __init__(self, routes: Sequence[R]) -> None:
        self._plain: dict[str, dict[str, R]] = {}
        self._templates: dict[int, list[_Template[R]]] = {}
        methods: dict[tuple[str, ...], dict[str, R]] = {}
        for route in routes:
            key = tuple("" if part.startswith("{") else part for part in route.path[1:].split("/"))
            methods.setdefault(key, {})[route.method] = route
        # The empty text sorts before every literal: reversed, literals come first.
        for key in sorted(methods, reverse=True):
            if "" not in key[:-1] and (key[-1] or key == ("",)):
                self._plain["/" + "/".join(key)] = methods[key]
                continue
            literals = tuple((at, part) for at, part in enumerate(key) if part)
            taken = tuple(at for at, part in enumerate(key) if not part)
            self._templates.setdefault(len(key), []).append(_Template(literals, taken, methods[key]))

    def match(self, method: str, path: str) -> tuple[R, tuple[str, ...]]:
        """The route and its path parameters. Raises RouteUnknown or MethodUnknown.

        `path` is the path as sent, still percent-encoded. One trailing slash is tolerated.
        """
        if path[-1:] == "/" and len(path) > 1 and path[-2] != "/":
            path = path[:-1]
        methods = self._plain.get(path)
        taken: tuple[str, ...] = ()
        if methods is None:
            segments = path[1:].split("/", MAX_SEGMENTS)
            for template in self._templates.get(len(segments), ()):
                if template.fits(segments):
                    methods = template.methods
                    taken = tuple([decode_segment(segments[at]) for at in template.taken])
                    break
            else:
                raise RouteUnknown
        route = methods.get(method) or methods.get(ANY_METHOD)
        if route is None:
            raise MethodUnknown(tuple(sorted(methods)))
        return route, taken


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
