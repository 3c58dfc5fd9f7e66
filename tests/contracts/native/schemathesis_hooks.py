"""What schemathesis is told besides the description: records to ask for, and rules that no schema can say.

It runs in a process of its own (test_openapi_run.py), with what it needs in SEEDS_VARIABLE.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import schemathesis

SEEDS_VARIABLE = "ORDERWIRE_TEST_SEEDS"
# Fields and reasons (patterns) of a 422 to a request that the description allows: what depends on the
# records that are there, on other parameters, or on more than a schema can say of a text.
RULES: tuple[tuple[str, str], ...] = (
    ("after|before", "is not from an answer of this list|no such group order|goes without after"),
    (".*", "goes with a list, and not with ids"),
    ("ids", "more than 100"),
    ("sort", "by name goes with|orders of the past are sorted by id only"),
    ("limit", "must be 1 to 100"),
    ("total", "orders of the past are not counted"),
    ("name.prefix", "goes without name"),
    ("reference_prefix", "needs a role|does not go with reference"),
    ("query", "only one of scheme, user_id and application_id"),
    ("group_order_id", "no such group order"),
    ("access.users", "no such user"),
    # As a JSON number: a text says how many places it has.
    (".*", "has more than 12 decimal places"),
    (".*supersedes", ".*"),
    (".*status_at", "goes with the status follow only"),
    ("effective_at", "lies in the future|lies before the order was placed|the order has more than .*"),
    ("user_id", "no such user|the user is disabled"),
    ("application_id", "no such application"),
    ("rejections", "more than the total"),
    (r"rejections\[\d+\]\.line", "given twice"),
    # Which characters can be printed is a matter of Unicode's tables.
    ("username|client_id", "must be 1 to 255 printable characters.*"),
    ("map", ".*"),
)
# An instant at which everything is there.
LATER = "2100-01-01T00:00:00Z"


def _seeds() -> dict[str, Any]:
    seeds: dict[str, Any] = json.loads(os.environ[SEEDS_VARIABLE])
    return seeds


def _spared(path: str) -> tuple[Any, Any]:
    """The id at this path that may not be deleted, and one of nothing."""
    seeds = _seeds()
    if path == "/v1/tokens/{id}":
        return seeds["token_id"], "0" * 16
    return seeds["ids"].get(_collection(path)), 1


def _collection(path: str) -> str:
    return "/".join(path.split("/")[:3])


@schemathesis.serializer("application/jsonl", "application/x-ndjson")
def write_lines(context: Any, value: Any) -> bytes:
    """JSON Lines as they were drawn: texts of any kind."""
    del context
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


@schemathesis.hook
def before_load_schema(context: Any, raw_schema: dict[str, Any]) -> None:
    """Examples of what is there, so that some requests reach a record of the seeds."""
    del context
    for path, item in raw_schema["paths"].items():
        for method, operation in item.items():
            seed = _seeds()["ids"].get(_collection(path)) if method != "delete" else None
            for parameter in operation.get("parameters", ()):
                if seed is not None and parameter["in"] == "path" and parameter["name"] == "id":
                    parameter["schema"]["examples"] = [seed]
                if parameter["name"] in ("as_of", "known_at", "Orderwire-As-Of"):
                    parameter["schema"]["examples"] = [LATER]
    stage = raw_schema["components"]["schemas"]["NewStage"]
    stage["properties"]["supersedes"]["examples"] = [None]


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: dict[str, Any]) -> None:
    """Spare the seeds and the token of this very run, and give each valid request a key of its own."""
    del context, kwargs
    if case.method == "DELETE":
        spared, other = _spared(case.operation.path)
        if spared is not None and str(case.path_parameters.get("id")) == str(spared):
            case.path_parameters["id"] = other
    headers = case.headers or {}
    key = headers.get("Idempotency-Key")
    if key is not None and len(key) < 200 and case.meta is not None and case.meta.generation.mode.is_positive:
        said = repr((case.method, case.path_parameters, headers.get("If-Match"), case.body, case.media_type))
        case.headers["Idempotency-Key"] = f"{key}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


@schemathesis.hook
def filter_failure(context: Any, failure: Any, case: Any, response: Any) -> bool:
    """False for a valid request that was refused by a rule that the description can't say."""
    del context, case
    if type(failure).__name__ == "AcceptedNegativeData":
        return not _is_null_for_a_word(failure.message, response.request.url)
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 422:
        return True
    problem = response.json()
    field = problem.get("field", "")
    reason = problem["detail"].removeprefix(f"{field}: ")
    return not any(re.fullmatch(one, field) and re.fullmatch(rule, reason) for one, rule in RULES)


def _is_null_for_a_word(message: str, url: str) -> bool:
    """True where a null was drawn for a word: in a URL it is spelled as the word `null`, which is one."""
    sent = parse_qs(urlsplit(url).query)
    return any(
        f"parameter `{name}` in query" in message and "null" in ",".join(sent.get(name, ())).split(",")
        for name in ("payment", "delivery", "currency")
    )
