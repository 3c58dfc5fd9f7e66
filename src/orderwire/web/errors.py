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


class BodyTooLarge(WebError):
    """The body is larger than `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self.limit = limit


class BodyTimedOut(WebError):
    """The body did not arrive, or the answer was not ready, within the time limit."""


class ContentTypeWrong(WebError):
    """The body's media type is not one that the route reads."""


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
    | BodyTooLarge
    | BodyTimedOut
    | ContentTypeWrong
    | BodyMalformed
    | RouteWithheld
    | Crashed
)
