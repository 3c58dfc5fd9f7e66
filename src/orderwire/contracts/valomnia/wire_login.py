"""The bytes of Valomnia's log-in: its form, where it leads, and whom it tells of."""

from __future__ import annotations

from msgspec import Struct

from orderwire.book.callers import Organisation, Person
from orderwire.book.errors import FieldInvalid, FieldMissing
from orderwire.web.errors import BodyMalformed, ContentTypeWrong
from orderwire.web.request import Request
from orderwire.web.response import Response

from .wire import JSON_HEAD, encode

FORM = "application/x-www-form-urlencoded"
MAX_FORM_FIELDS = 16
MAX_USERNAME_LENGTH = 255
MAX_PASSWORD_LENGTH = 1_024


class Login(Struct, frozen=True):
    """A log-in form. Its repr shows neither of the two."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(...)"


class AccountCurrency(Struct, frozen=True):
    """The organisation's currency, of which the book knows nothing."""

    name: None = None
    symbol: None = None
    symbolLocation: None = None
    digitNumber: None = None


class Account(Struct, frozen=True, kw_only=True):
    """Every key of `user` that the document shows, in its order; null where the book holds nothing."""

    firstName: str | None
    lastName: str | None
    email: str
    address: None = None
    city: None = None
    country: None = None
    postalCode: None = None
    gender: None = None
    phone: str | None
    job: None = None
    avatar: None = None
    birthday: None = None
    companyName: None = None
    companyDescription: None = None
    companyPhone: None = None
    companyFax: None = None
    companyEmail: None = None
    companyWebSite: None = None
    companyAddress: None = None
    companyPostalCode: None = None
    companyCity: None = None
    companyCountry: None = None
    isGeoLocationActivated: None = None
    enableCheckStock: None = None
    enableAssignRegionToCustomer: None = None
    numberRefCarGenerated: None = None
    role: tuple[str, ...] = ("ROLE_USER",)
    enabled: bool
    homeBackground: None = None
    organizationLogo: None = None
    applicationColor: None = None
    buttonsColor: None = None
    uploadDirectory: str
    currency: AccountCurrency = AccountCurrency()
    pricePrecedence: None = None
    promotionPrecedence: None = None
    taxPrecedence: None = None


def parse_login(request: Request) -> Login:
    """The log-in form: `j_username`, `j_password` and `ajax=true`, all needed.

    Raises ContentTypeWrong, BodyMalformed, FieldMissing or FieldInvalid.
    """
    if request.media_type != FORM:
        raise ContentTypeWrong
    try:
        fields = request.form(MAX_FORM_FIELDS)
    except ValueError as error:
        raise BodyMalformed("not a form of text in UTF-8, or too many fields") from error
    for name in ("j_username", "j_password", "ajax"):
        if name not in fields:
            raise FieldMissing(name)
    if fields["ajax"] != "true":
        raise FieldInvalid("ajax", "must be true")
    for name, limit in (("j_username", MAX_USERNAME_LENGTH), ("j_password", MAX_PASSWORD_LENGTH)):
        if len(fields[name]) > limit:
            raise FieldInvalid(name, f"at most {limit} characters")
        if "\0" in fields[name]:
            raise FieldInvalid(name, "no NUL character")
    return Login(fields["j_username"], fields["j_password"])


def parse_minutes(text: str) -> int:
    """A time in minutes from the settings, one minute to a year. Raises ValueError."""
    minutes = int(text)
    if not 1 <= minutes <= 525_600:
        raise ValueError("must be 1 to 525600 minutes")
    return minutes


def render_login(session: str, base: str) -> Response:
    """The answer to a log-in: on to `ajaxSuccess`, with the new session's cookie."""
    location = f"{base}/login/ajaxSuccess".encode("latin-1")
    cookie = f"JSESSIONID={session}; Path=/; HttpOnly".encode()
    return Response(302, ((b"location", location), (b"set-cookie", cookie)))


def render_account(session: str, organisation: Organisation, person: Person) -> Response:
    """Who is logged in, as `ajaxSuccess` tells it."""
    profile = person.profile
    user = Account(
        firstName=profile.first_name or None,
        lastName=profile.last_name or None,
        email=profile.email or person.username,
        phone=profile.phone or None,
        enabled=not person.disabled,
        uploadDirectory=f"/{organisation.directory}",
    )
    return Response(200, JSON_HEAD, encode({"success": True, "token": session, "user": user}))


def render_login_failure() -> Response:
    """What `authfail` tells after a refused log-in."""
    text = "Sorry, we were not able to find a user with that username and password."
    return Response(200, JSON_HEAD, encode({"error": text}))
