"""The operations on users, applications and tokens, as the description tells them."""

from __future__ import annotations

from collections.abc import Mapping

from orderwire.book.callers import MANAGE

from . import openapi_parts as parts
from .openapi_parts import Operation, Parameter, answer, empty, json_body, link, merge_patch, query
from .openapi_problems import WITH_BODY, WRITING
from .openapi_schemas import ref

_NUMBER = {"type": "integer", "minimum": 1, "maximum": 10**16 - 1}
_PAGE: tuple[Parameter, ...] = (parts.LIMIT, parts.AFTER)
_USER_ID = parts.record_id("user")
_APPLICATION_ID = parts.record_id("application")
_TOKEN_ID = parts.path(
    "id", {"type": "string", "pattern": "^[0-9a-f]{16}$"}, "The first 16 hex digits of the token's digest."
)
_WRITES = (*WRITING, *WITH_BODY, "body_too_large")

ACCOUNTS: Mapping[str, Operation] = {
    "list_users": Operation(
        tag="users",
        rights=(MANAGE,),
        parameters=(query("username", {"type": "string"}, "The user of this name."), *_PAGE),
        answers={"200": answer("A page of users, by username.", ref("UserList"), parts.LINK)},
    ),
    "create_user": Operation(
        tag="users",
        rights=(MANAGE,),
        body=json_body(ref("NewUser")),
        answers={
            "201": answer(
                "The user.",
                ref("User"),
                parts.location("/v1/users"),
                links={name: link(name, id="$response.body#/id") for name in ("get_user", "update_user")},
            )
        },
        problems=("already_exists", *_WRITES),
    ),
    "get_user": Operation(
        tag="users",
        rights=(MANAGE,),
        parameters=(_USER_ID,),
        answers={"200": answer("The user.", ref("User"))},
        problems=("user_not_found", "route_unknown"),
    ),
    "update_user": Operation(
        tag="users",
        rights=(MANAGE,),
        parameters=(_USER_ID,),
        body=merge_patch(ref("UserPatch")),
        answers={"200": answer("The user as it stands now.", ref("User"))},
        problems=("user_not_found", "route_unknown", *_WRITES),
    ),
    "list_applications": Operation(
        tag="applications",
        rights=(MANAGE,),
        parameters=_PAGE,
        answers={"200": answer("A page of applications, by slug.", ref("ApplicationList"), parts.LINK)},
    ),
    "create_application": Operation(
        tag="applications",
        rights=(MANAGE,),
        body=json_body(ref("NewApplication")),
        answers={
            "201": answer(
                "The application with its client secret, which is not shown again.",
                ref("IssuedApplication"),
                parts.location("/v1/applications"),
                links={
                    "get_application": link("get_application", id="$response.body#/id"),
                    "create_token": {
                        "operationId": "create_token",
                        "requestBody": {
                            "application_id": "$response.body#/id",
                            "rights": ["orders.read"],
                        },
                    },
                },
            )
        },
        problems=("already_exists", *_WRITES),
    ),
    "get_application": Operation(
        tag="applications",
        rights=(MANAGE,),
        parameters=(_APPLICATION_ID,),
        answers={"200": answer("The application.", ref("Application"))},
        problems=("application_not_found", "route_unknown"),
    ),
    "list_tokens": Operation(
        tag="tokens",
        rights=(MANAGE,),
        parameters=(
            query("scheme", {"type": "string"}, "Tokens of this scheme."),
            query("user_id", _NUMBER, "Tokens of this user."),
            query("application_id", _NUMBER, "Tokens of this application."),
            *_PAGE,
        ),
        answers={"200": answer("A page of tokens, by scheme and id.", ref("TokenList"), parts.LINK)},
        description="One of `scheme`, `user_id` and `application_id` at most.",
    ),
    "create_token": Operation(
        tag="tokens",
        rights=(MANAGE,),
        body=json_body(ref("NewToken")),
        answers={
            "201": answer(
                "The token with its secret, which is not shown again.",
                ref("IssuedToken"),
                links={"revoke_token": link("revoke_token", id="$response.body#/id")},
            )
        },
        problems=_WRITES,
    ),
    "revoke_token": Operation(
        tag="tokens",
        rights=(MANAGE,),
        parameters=(_TOKEN_ID,),
        answers={"204": empty("The token is out of use.")},
        problems=("token_not_found", "route_unknown", *WRITING),
    ),
}
