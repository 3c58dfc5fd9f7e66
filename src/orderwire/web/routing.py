"""Routes and how a path finds its route: most by one look-up, the others segment by segment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import Generic, Protocol, TypeVar
from urllib.parse import unquote_to_bytes

from .errors import MethodUnknown, RouteUnknown

MAX_SEGMENTS = 32
# Clients ask below the same few paths; if one does not, the memory of them starts again.
MAX_FOUND = 1_024
# A route of this method takes every method that the path has no other route for.
ANY_METHOD = "*"


class Routed(Protocol):
    """What a router needs of a route."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...


R = TypeVar("R", bound=Routed)


class _Shape(Generic[R]):
    """Paths with parameters whose literal segments stand in the same places: their routes by method, by
    those segments."""

    def __init__(self, key: Sequence[str]) -> None:
        self.literals = tuple(at for at, part in enumerate(key) if part)
        self.paths: dict[tuple[str, ...], dict[str, R]] = {}
        self.literal_segments = _picking(self.literals)
        self.taken_segments = _picking(tuple(at for at, part in enumerate(key) if not part))


def _picking(places: tuple[int, ...]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What gives the segments at these places."""
    if len(places) > 1:
        return itemgetter(*places)
    return lambda segments: tuple([segments[at] for at in places])


class Router(Generic[R]):
    """Finds the route of a path. A template's `{name}` stands for one whole, non-empty segment.

    Segments are compared as sent and parameters are percent-decoded once, so that an encoded slash
    stays inside its parameter. A literal segment wins over a parameter.
    """

    def __init__(self, routes: Sequence[R]) -> None:
        self._plain: dict[str, dict[str, R]] = {}
        # Paths of which only the last segment varies, by all before it. They come before the other shapes.
        self._collections: dict[str, tuple[dict[str, R], tuple[str, ...]]] = {}
        # The same of paths that were found by their shape, with the parameters before the last; not for ever.
        self._found: dict[str, tuple[dict[str, R], tuple[str, ...]]] = {}
        self._shapes: dict[int, list[_Shape[R]]] = {}
        methods: dict[tuple[str, ...], dict[str, R]] = {}
        for route in routes:
            key = tuple("" if part.startswith("{") else part for part in route.path[1:].split("/"))
            methods.setdefault(key, {})[route.method] = route
        for key in methods:
            if "" not in key[:-1] and (key[-1] or key == ("",)):
                self._plain["/" + "/".join(key)] = methods[key]
                continue
            if "" not in key[:-1]:
                self._collections["/" + "/".join(key[:-1])] = (methods[key], ())
                continue
            self._shape_of(key).paths[tuple(part for part in key if part)] = methods[key]

    def _shape_of(self, key: tuple[str, ...]) -> _Shape[R]:
        made: _Shape[R] = _Shape(key)
        shapes = self._shapes.setdefault(len(key), [])
        for shape in shapes:
            if shape.literals == made.literals:
                return shape
        shapes.append(made)
        # Whichever has a literal where the other takes what comes is first.
        shapes.sort(key=lambda shape: [at not in shape.literals for at in range(len(key))])
        return made

    def match(self, method: str, path: str) -> tuple[R, tuple[str, ...]]:
        """The route and its path parameters. Raises RouteUnknown or MethodUnknown.

        `path` is the path as sent, still percent-encoded. One trailing slash is tolerated.
        """
        if path[-1:] == "/" and len(path) > 1 and path[-2] != "/":
            path = path[:-1]
        methods = self._plain.get(path)
        taken: tuple[str, ...] = ()
        if methods is None:
            parent, _, last = path.rpartition("/")
            found = (self._collections.get(parent) or self._found.get(parent)) if last else None
            if found is not None:
                methods, before = found
                taken = (*before, decode_segment(last))
            else:
                methods, taken = self._seek(path, parent)
        route = methods.get(method) or methods.get(ANY_METHOD)
        if route is None:
            raise MethodUnknown(tuple(sorted(methods)))
        return route, taken

    def _seek(self, path: str, parent: str) -> tuple[dict[str, R], tuple[str, ...]]:
        """The routes of a path by its shape, and its parameters. Raises RouteUnknown."""
        segments = path[1:].split("/", MAX_SEGMENTS)
        shapes = self._shapes.get(len(segments), ())
        for shape in shapes:
            methods = shape.paths.get(shape.literal_segments(segments))
            if methods is None or "" in (segments_taken := shape.taken_segments(segments)):
                continue
            taken = tuple([decode_segment(segment) for segment in segments_taken])
            # Where no route has a literal for its last segment, all paths with this parent are found alike.
            if not any(len(segments) - 1 in one.literals for one in shapes):
                if len(self._found) >= MAX_FOUND:
                    self._found.clear()
                self._found[parent] = (methods, taken[:-1])
            return methods, taken
        raise RouteUnknown


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
