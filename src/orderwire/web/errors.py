"""What can be wrong with a request before anybody looks at what it asks. `WebFault` is closed."""

from __future__ import annotations


class WebError(Exception):
    """Base of every fact in `WebFault`."""


class RouteUnknown(WebError):
    """No route has this path."""


class MethodUnknown(WebError):
    """The path is known, the method is not one of `allowed`."""

    def __init__(self, allowed: tuple[str, ...]) -> None:
        super().__init__(allowed)
        self.allowed = allowed


class UrlTooLong(WebError):
    """The request target is longer than the limit."""


class HeadersTooLarge(WebError):
    """The header fields are more, or larger, than the limit."""


class HostInvalid(WebError):
    """There is no `Host` field, more than one, or one that names no host."""


class HeaderRepeated(WebError):
    """A header field that says one thing is there twice, with different values."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class BodyTooLarge(WebError):
    """The body is larger than `limit` bytes, or the part of it that `what` names."""

    def __init__(self, limit: int, what: str = "body") -> None:
        super().__init__(limit, what)
        self.limit = limit
        self.what = what


class BodyTimedOut(WebError):
    """The body did not arrive, or the answer was not ready, within the time limit."""


class ContentTypeWrong(WebError):
    """The body's media type is not one that the route reads; `reason` says so where it is known better."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(reason)
        self.reason = reason


class BodyMalformed(WebError):
    """The body can't be decoded: not UTF-8, not JSON, nested too deeply, a key given twice."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class RouteWithheld(WebError):
    """The route is published and known here, and the settings withhold it (or its whole service)."""

    def __init__(self, *, service: bool) -> None:
        super().__init__(service)
        self.service = service


class Crashed(WebError):
    """The handler failed in a way nobody foresaw; `request_id` is in the log beside the cause."""

    def __init__(self, request_id: str) -> None:
        super().__init__(request_id)
        self.request_id = request_id


WebFault = (
    RouteUnknown
    | MethodUnknown
    | UrlTooLong
    | HeadersTooLarge
    | HostInvalid
    | HeaderRepeated
    | BodyTooLarge
    | BodyTimedOut
    | ContentTypeWrong
    | BodyMalformed
    | RouteWithheld
    | Crashed
)
