"""What a contract is, and how one is served: match -> identify -> handler -> render, errors included."""

from __future__ import annotations

import copy
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import structlog

from orderwire.book.accounts import NewToken
from orderwire.book.callers import Application, Caller, Organisation, Person
from orderwire.book.errors import (
    BookError,
    BookFault,
    CredentialUnknown,
    FieldInvalid,
    OrganisationUnknown,
)
from orderwire.book.lists import Moment
from orderwire.book.past import book_at
from orderwire.book.store import Book
from orderwire.book.values import check_instant
from orderwire.web.errors import Crashed, WebError, WebFault
from orderwire.web.request import Request
from orderwire.web.response import Response
from orderwire.web.routing import Router

from .views import NO_VIEWS, Views

Fault = BookFault | WebFault

AS_OF = "Orderwire-As-Of"
# What whoever asks for a change must say once: of two, another program on the way may have read the other.
SINGLE = frozenset({b"authorization", b"content-type", b"idempotency-key"})

log = structlog.get_logger("orderwire.contracts")


@dataclass(frozen=True, slots=True)
class Route:
    """A published operation. `handler` bears its name.

    A public route is one that needs no caller (a log-in): its handler takes `(mount, request)`,
    every other's takes `(mount, caller, request)`. One that takes uploads reads the body itself, from
    `request.stream`, once it has seen who asks; its path has no parameters. One whose records are kept
    as they stand only has no past: the header Orderwire-As-Of is refused.
    """

    method: str
    path: str
    handler: Callable[..., Awaitable[Response]]
    public: bool = False
    upload: bool = False
    has_past: bool = True

    @property
    def operation(self) -> str:
        """The handler's name, as the README's route table prints it."""
        return getattr(self.handler, "__name__", "")


@dataclass(frozen=True, slots=True)
class Option:
    """A setting of one contract: `read` makes its value of a text and raises ValueError."""

    name: str
    default: Any
    help: str
    read: Callable[[str], Any] = str


@dataclass(frozen=True, slots=True)
class Demo:
    """What a contract brings to the demo book.

    `plant` writes its records into the demo organisation, and does nothing where they stand already;
    `describe` gives what a program needs to use them; `tokens` and `passwords` (username, password)
    are the credentials that a real installation must not have. `options` are texts for the contract's
    settings (its options, its binding) that the demo uses unless others are given.
    """

    plant: Callable[[Book, Organisation], Awaitable[None]]
    describe: Callable[[], dict[str, Any]]
    curl: Callable[[str], str]
    tokens: tuple[tuple[str, str], ...] = ()
    passwords: tuple[tuple[str, str], ...] = ()
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TokenKind:
    """A kind of token that the command line can issue for a contract.

    `make` gives the tokens to issue together, by the name each is shown under. `needs` names what must
    be given: "user", "application" or "".
    """

    name: str
    help: str
    make: Callable[[Organisation, Person | None, Application | None], dict[str, NewToken]]
    needs: str = ""


@dataclass(frozen=True, slots=True)
class Contract:
    """A published API that we serve.

    `prefixes` are the paths it owns, up to a segment boundary; `identify` gives the caller or raises;
    `render_error` is the exhaustive map of `errors.py`; `openapi` gives its OpenAPI description, if it
    has one.
    """

    name: str
    title: str
    prefixes: tuple[str, ...]
    routes: tuple[Route, ...]
    identify: Callable[[Mount, Request], Awaitable[Caller]]
    render_error: Callable[[Mount, Request, Fault], Response]
    demo: Demo
    options: tuple[Option, ...] = ()
    token_kinds: tuple[TokenKind, ...] = ()
    openapi: Callable[[], Mapping[str, Any]] | None = None


@dataclass(slots=True)
class Mount:
    """A contract mounted on a book: a `Face` of the listener.

    `hosts` maps each host name it answers on to an organisation's name ("" for `organisation`); with
    no hosts it answers on every host. `organisation` is the one it is bound to, "" for none. With
    `reads_past` a request's header Orderwire-As-Of asks for orders as they stood then. `views` are
    answers to its reads that were kept.
    """

    contract: Contract
    book: Book
    options: Mapping[str, Any]
    hosts: Mapping[str, str] = field(default_factory=dict)
    organisation: str = ""
    reads_past: bool = True
    router: Router[Route] = field(init=False)
    is_bound: bool = field(init=False)
    uploads: frozenset[str] = field(init=False)
    known: dict[str, Organisation] = field(default_factory=dict)
    home: tuple[float, Organisation | None] = (0.0, None)
    views: Views = NO_VIEWS

    def __post_init__(self) -> None:
        self.router = Router(self.contract.routes)
        self.is_bound = bool(self.organisation) or any(self.hosts.values())
        paths = [route.path for route in self.contract.routes if route.upload]
        # One trailing slash is tolerated.
        self.uploads = frozenset([*paths, *(f"{path}/" for path in paths)])

    @property
    def name(self) -> str:
        """The contract's name."""
        return self.contract.name

    async def serve(self, request: Request) -> Response:
        """The contract's answer to a request: match -> identify -> handler -> render.

        Never raises: what went wrong is rendered, too.
        """
        contract = self.contract
        try:
            if request.method != "GET":
                request.check_single(SINGLE)
            bound = await self.bound_organisation(request) if self.is_bound else None
            route, request.params = self.router.match(request.method, request.path)
            if route.public:
                return await route.handler(self, request)
            caller = await contract.identify(self, request)
            if bound is not None and caller.organisation_id != bound.id:
                raise CredentialUnknown
            if request.as_of and self.reads_past:
                if not route.has_past:
                    raise FieldInvalid(AS_OF, "this can be read as it stands only")
                return await route.handler(self.at(caller, request.as_of), caller, request)
            return await route.handler(self, caller, request)
        except (BookError, WebError) as fault:
            return contract.render_error(self, request, cast("Fault", fault))
        except Exception:
            log.exception("request failed", contract=contract.name, request_id=request.id)
            return contract.render_error(self, request, Crashed(request.id))

    def at(self, caller: Caller, as_of: str) -> Mount:
        """This contract on the book as it stood: `as_of` is an instant (RFC 3339), and after a comma
        may come the instant by whose knowledge it is told. Raises FieldInvalid."""
        first, _, second = as_of.partition(",")
        now = self.book.clock()
        moment = Moment(as_of=_read_instant(first), known_at=_read_instant(second) if second else now)
        past = copy.copy(self)
        past.book = book_at(self.book, caller, moment, AS_OF)
        past.views = NO_VIEWS
        return past

    def refuse(self, request: Request, fault: WebError) -> Response:
        """The contract's own form of a fault that was found before the request was complete."""
        return self.contract.render_error(self, request, cast("WebFault", fault))

    async def bound_organisation(self, request: Request) -> Organisation | None:
        """The organisation that the settings bind this request's host to, or None.

        Raises OrganisationUnknown when the settings name one that is not in the book.
        """
        name = self.hosts.get(request.host, "") or self.organisation
        if not name:
            return None
        organisation = self.known.get(name)
        if organisation is None:
            organisation = await self.book.store.fetch_organisation(name)
            if organisation is None:
                raise OrganisationUnknown(name)
            self.known[name] = organisation
        return organisation

    async def home_organisation(self, request: Request) -> Organisation | None:
        """The organisation that a stranger's request belongs to: the bound one, or else the only one.

        That there is only one is asked anew after as long as a credential is remembered.
        """
        if self.is_bound:
            return await self.bound_organisation(request)
        if self.home[0] < time.monotonic():
            found = await self.book.store.list_organisations(2)
            only = found[0] if len(found) == 1 else None
            self.home = (time.monotonic() + self.book.credentials.ttl_s, only)
        return self.home[1]


def _read_instant(text: str) -> datetime:
    try:
        said = datetime.fromisoformat(text.strip())
        if said.tzinfo is not None:
            instant = said.astimezone(UTC)
            check_instant(AS_OF, instant)
            return instant
    except (ValueError, OverflowError):
        pass
    raise FieldInvalid(AS_OF, "must be an RFC 3339 instant with a zone")
