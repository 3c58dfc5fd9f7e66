"""What can go wrong in the book, as facts: no status codes and no client texts.

`BookFault` is the closed family. A contract's `errors.py` matches it exhaustively.
"""

from __future__ import annotations


class BookError(Exception):
    """Base of every fact in `BookFault`."""


class OrderNotFound(BookError):
    """No such order in the caller's organisation; another organisation's order is the same fact."""

    def __init__(self, sought: str) -> None:
        super().__init__(sought)
        self.sought = sought


class GroupOrderNotFound(BookError):
    """No such group order in the caller's organisation, or not one of this caller's."""

    def __init__(self, sought: str) -> None:
        super().__init__(sought)
        self.sought = sought


class RecordNotFound(BookError):
    """No such record in the caller's organisation. `kind` is party, user, application or token."""

    def __init__(self, kind: str, sought: str) -> None:
        super().__init__(kind, sought)
        self.kind = kind
        self.sought = sought


class NotAllowed(BookError):
    """The caller is known to lack the right; `identified` says whether a person or application asks."""

    def __init__(self, right: str, *, identified: bool) -> None:
        super().__init__(right)
        self.right = right
        self.identified = identified


class FieldMissing(BookError):
    """A field that the operation needs was not given. `field` is named in the asker's own words."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field


class FieldInvalid(BookError):
    """A field was given and can't be taken. `field` is named in the asker's own words."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(field, reason)
        self.field = field
        self.reason = reason


class StaleOrder(BookError):
    """The change was made against a revision that is no longer the order's."""

    def __init__(self, expected: int, actual: int) -> None:
        super().__init__(expected, actual)
        self.expected = expected
        self.actual = actual


class OrderClosed(BookError):
    """The order is past the lifecycle in which it may be changed this way."""

    def __init__(self, lifecycle: str) -> None:
        super().__init__(lifecycle)
        self.lifecycle = lifecycle


class ResendRefused(BookError):
    """The order's state forbids sending its vouchers again."""


class AlreadyExists(BookError):
    """A name or a claim is taken. `order_id` is the order that holds it, where there is one."""

    def __init__(self, scheme: str, name: str, order_id: int | None = None) -> None:
        super().__init__(scheme, name)
        self.scheme = scheme
        self.name = name
        self.order_id = order_id


class KeyReused(BookError):
    """The key of a repeatable request came before with another request."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class RequestInFlight(BookError):
    """The first request with this key is still being answered."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class CredentialMissing(BookError):
    """The caller showed no credential where one is needed."""


class CredentialUnknown(BookError):
    """The credential shown is not one of ours, is revoked, or its holder is disabled."""


class CredentialExpired(BookError):
    """The credential was ours and its time is over (age or idleness)."""


class TooManyAttempts(BookError):
    """Too many wrong secrets came for this name from this address; none is looked at for a while."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(retry_after_seconds)
        self.retry_after_seconds = retry_after_seconds


class RoleMissing(BookError):
    """The person behind the session holds no role at all. `session` is shown to the caller again."""

    def __init__(self, session: object) -> None:
        super().__init__("no role")
        self.session = session


class OrganisationUnknown(BookError):
    """No organisation of that name is in the book (a binding in the settings names it)."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class MailFailed(BookError):
    """The mail that belongs to the operation could not be handed over; what was recorded stays."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class StoreUnavailable(BookError):
    """The store can't be reached or refuses (full disk, locked, closed, damaged). Nothing was kept.

    `reason` is the engine's own word, for logs and operators, never for clients.
    """

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class OutcomeUnknown(BookError):
    """The store went away while it was keeping what was written: it may be kept or not.

    Whoever sends the same request again with the key of the first one finds out.
    """


BookFault = (
    OrderNotFound
    | GroupOrderNotFound
    | RecordNotFound
    | NotAllowed
    | FieldMissing
    | FieldInvalid
    | StaleOrder
    | OrderClosed
    | ResendRefused
    | AlreadyExists
    | KeyReused
    | RequestInFlight
    | CredentialMissing
    | CredentialUnknown
    | CredentialExpired
    | TooManyAttempts
    | RoleMissing
    | OrganisationUnknown
    | MailFailed
    | StoreUnavailable
    | OutcomeUnknown
)
