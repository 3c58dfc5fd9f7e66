"""The pages about the service itself: `/`, `/healthz`, `/readyz`, `/metrics`, and API descriptions."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import cached_property

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from .errors import (
    BodyTimedOut,
    BodyTooLarge,
    HeadersTooLarge,
    MethodUnknown,
    RouteUnknown,
    UrlTooLong,
    WebError,
)
from .request import Request
from .response import Response

Counts = Mapping[tuple[str, int], int]

_TEXT = ((b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store"))
_HTML = ((b"content-type", b"text/html; charset=utf-8"),)
_JSON = ((b"content-type", b"application/json"), (b"cache-control", b"no-cache"))
_METRICS = ((b"content-type", b"text/plain; version=0.0.4; charset=utf-8"),)

_STATUS = {
    RouteUnknown: (404, b"Not Found\n"),
    UrlTooLong: (414, b"URI Too Long\n"),
    HeadersTooLarge: (431, b"Request Header Fields Too Large\n"),
    BodyTooLarge: (413, b"Content Too Large\n"),
    BodyTimedOut: (408, b"Request Timeout\n"),
}


class _Answers(Collector):
    def __init__(self, counts: Counts) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(
            "orderwire_answers", "Answers sent, by face and status", labels=("face", "status")
        )
        for (face, status), count in sorted(self._counts.items()):
            family.add_metric((face, str(status)), count)
        yield family


class _Document:
    """A JSON document and its validator: made when it is first asked for, and kept."""

    def __init__(self, make: Callable[[], bytes]) -> None:
        self._make = make

    @cached_property
    def _body(self) -> bytes:
        return self._make()

    @cached_property
    def _etag(self) -> str:
        return f'"{hashlib.sha256(self._body).hexdigest()[:32]}"'

    def answer(self, request: Request) -> Response:
        head = (*_JSON, (b"etag", self._etag.encode()))
        known = (request.header(b"if-none-match") or "").strip()
        if known == "*" or self._etag in known:
            return Response(304, head)
        return Response(200, head, self._body)


class ServicePages:
    """Answers what no contract owns.

    `served` lists title and paths of every contract for the landing page, `is_ready` says whether the
    book can be read, `counts` are the answers sent so far by face and status. `documents` make JSON, by
    their paths, which the landing page lists, too.
    """

    name = "service"
    uploads: frozenset[str] = frozenset()

    def __init__(
        self,
        served: Sequence[tuple[str, str]],
        is_ready: Callable[[], Awaitable[bool]],
        counts: Counts,
        documents: Mapping[str, Callable[[], bytes]],
    ) -> None:
        self._landing = _landing(served, documents)
        self._documents = {path: _Document(make) for path, make in documents.items()}
        self._is_ready = is_ready
        self._registry = CollectorRegistry()
        self._registry.register(_Answers(counts))
        ProcessCollector("", lambda: "self", "/proc", self._registry)

    async def serve(self, request: Request) -> Response:
        """The page at the path. Raises RouteUnknown or MethodUnknown."""
        path = request.path
        document = self._documents.get(path)
        if document is None and path not in ("/", "/healthz", "/readyz", "/metrics"):
            raise RouteUnknown
        if request.method != "GET":
            raise MethodUnknown(("GET",))
        if document is not None:
            return document.answer(request)
        if path == "/healthz":
            return Response(200, _TEXT, b"alive\n")
        if path == "/readyz":
            if await self._is_ready():
                return Response(200, _TEXT, b"ready\n")
            return Response(503, _TEXT, b"not ready\n")
        if path == "/metrics":
            return Response(200, _METRICS, generate_latest(self._registry))
        return Response(200, _HTML, self._landing)

    def refuse(self, request: Request, fault: WebError) -> Response:
        """A plain text in the fault's status."""
        del request
        if isinstance(fault, MethodUnknown):
            allow = (b"allow", ", ".join(fault.allowed).encode())
            return Response(405, (*_TEXT, allow), b"Method Not Allowed\n")
        status, text = _STATUS.get(type(fault), (400, b"Bad Request\n"))
        return Response(status, _TEXT, text)


def _landing(served: Sequence[tuple[str, str]], documents: Iterable[str]) -> bytes:
    rows = "".join(
        f"<tr><td>{html.escape(title)}</td><td><code>{html.escape(paths)}</code></td></tr>"
        for title, paths in served
    )
    links = "".join(
        f"<a href={html.escape(path)}>{html.escape(path[1:])}</a> · " for path in sorted(documents)
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Orderwire</title>"
        "<style>body{font:16px/1.5 system-ui;max-width:46rem;margin:3rem auto;padding:0 1rem}"
        "td,th{padding:.2rem 1rem .2rem 0;text-align:left}</style>"
        "<h1>Orderwire</h1><p>One order book, served through these order APIs:</p>"
        f"<table><tr><th>contract</th><th>paths</th></tr>{rows}</table>"
        f"<p>{links}<a href=/readyz>readyz</a> · <a href=/healthz>healthz</a> · <a href=/metrics>metrics</a>"
        "</p></html>"
    ).encode()
