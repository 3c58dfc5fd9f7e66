"""Whatever is sent, the answer is a documented one and no order is half written."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.inprocess import call

DOCUMENTED = {200, 201, 204, 400, 401, 403, 404, 405, 409}
FEW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
SEGMENTS = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=60)
VALUES = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=80)
JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.just("clientIp"), inner),
    max_leaves=8,
)


@FEW
@given(
    method=st.sampled_from(["GET", "POST", "OPTIONS", "DELETE", "PUT", "HEAD"]),
    path=SEGMENTS,
    cookie=VALUES,
    authorization=st.none() | VALUES | VALUES.map(lambda text: f"Basic {text}"),
)
async def test_paths_and_headers(hostway, method, path, cookie, authorization):
    headers = [("cookie", f"OwnerId={cookie}")]
    if authorization is not None:
        headers.append(("authorization", authorization))
    answer = await call(hostway.app, method, f"/orders/{path}", headers)
    assert answer.status in DOCUMENTED, answer


@FEW
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
async def test_bodies(hostway, body):
    answer = await call(hostway.app, "POST", "/orders", {}, body)
    assert answer.status in DOCUMENTED, answer
    if answer.status == 201:
        order_id = answer.json()["orderId"]
        assert await hostway.book.store.fetch_order_named(hostway.organisation.id, "hostway.order", order_id)
