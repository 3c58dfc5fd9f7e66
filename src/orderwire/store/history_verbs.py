"""The read verbs for lists and history, and for answers that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from orderwire.book.answers import Answer, KeptAnswer
from orderwire.book.lists import Listed, Moment, OrderQuery, Page, State, page_of
from orderwire.book.orders import Order, bucket_of
from orderwire.book.stages import Stage

from . import answer_statements as answers
from . import history_statements as history
from .executor import Executor
from .listing import plan_by_id, plan_count, plan_list, plan_stages_of
from .pages import CutShort
from .rows import (
    FOREVER,
    ORDER_WIDTH,
    Row,
    bucket_of_name,
    listed_of,
    micros,
    order_of,
    pairs_of,
    stage_of,
    state_of_row,
    text,
)


class HistoryReads(Executor):
    """Lists of orders, and orders as they stood."""

    async def list_orders(self, organisation_id: int, query: OrderQuery) -> Page:
        statement, values = plan_list(organisation_id, query)
        rows = await self.rows(statement, *values)
        return page_of(query, [listed_of(row) for row in rows], is_cut=isinstance(rows, CutShort))

    async def count_orders(self, organisation_id: int, query: OrderQuery) -> int:
        statement, values = plan_count(organisation_id, query)
        row = await self.row(statement, *values)
        return 0 if row is None else int(row[0])

    async def fetch_orders(self, organisation_id: int, ids: Sequence[int]) -> Sequence[Listed]:
        statement, values = plan_by_id(organisation_id, ids)
        return [listed_of(row) for row in await self.rows(statement, *values)]

    async def list_orders_at(
        self,
        organisation_id: int,
        moment: Moment,
        after_id: int,
        limit: int,
        *,
        is_descending: bool,
        with_deleted: bool,
    ) -> Sequence[Order]:
        then = (micros(moment.as_of), micros(moment.known_at), int(with_deleted))
        statement = history.LIST_ORDERS_AT_DESCENDING if is_descending else history.LIST_ORDERS_AT
        found = await self.rows(statement, organisation_id, *then, after_id, limit)
        return [order_of(row) for row in found]

    async def fetch_order_at(
        self,
        organisation_id: int,
        order_id: int,
        as_of: datetime,
        known_at: datetime,
        *,
        with_deleted: bool = False,
    ) -> Order | None:
        key = (bucket_of(order_id), order_id, organisation_id)
        then = (micros(as_of), micros(known_at), int(with_deleted))
        row = await self.row(history.FETCH_ORDER_AT, *key, *then)
        return None if row is None or row[ORDER_WIDTH] else order_of(row)

    async def list_stages(
        self, organisation_id: int, order_id: int, known_at: datetime, limit: int
    ) -> Sequence[Stage]:
        key = (bucket_of(order_id), order_id, organisation_id)
        return [stage_of(row) for row in await self.rows(history.LIST_STAGES, *key, micros(known_at), limit)]

    async def list_stages_of(self, organisation_id: int, ids: Sequence[int]) -> Sequence[Stage]:
        statement, values = plan_stages_of(organisation_id, ids)
        return [stage_of(row) for row in await self.rows(statement, *values)]

    async def list_states(
        self, organisation_id: int, order_id: int, after: int, limit: int
    ) -> Sequence[State]:
        key = (bucket_of(order_id), order_id, organisation_id)
        return [state_of_row(row) for row in await self.rows(history.LIST_STATES, *key, after, limit)]

    async def fetch_state(
        self,
        organisation_id: int,
        order_id: int,
        effective_at: datetime,
        *,
        before: int | None = None,
        known_at: datetime = datetime.max,
    ) -> State | None:
        key = (bucket_of(order_id), order_id, organisation_id)
        end = FOREVER if before is None else before
        row = await self.row(history.FETCH_STATE, *key, micros(effective_at), micros(known_at), end)
        return None if row is None else state_of_row(row)

    async def fetch_answer(self, organisation_id: int, caller: str, key: str) -> KeptAnswer | None:
        row = await self.row(answers.FETCH_ANSWER, *_answer_key(organisation_id, caller, key))
        return None if row is None else _kept(row)


class AnswerWrites(HistoryReads):
    """Keeping answers."""

    async def insert_answer(
        self, organisation_id: int, caller: str, key: str, kept: KeptAnswer, at: datetime
    ) -> bool:
        answer = kept.answer
        values: tuple[Any, ...] = (kept.request_digest, answer.status, text(answer.headers))
        body = answer.body.decode()
        key_values = _answer_key(organisation_id, caller, key)
        return bool(await self.rows(answers.INSERT_ANSWER, *key_values, *values, body, micros(at)))

    async def delete_old_answers(self, before: datetime) -> int:
        return len(await self.rows(answers.DELETE_OLD_ANSWERS, micros(before)))


def _answer_key(organisation_id: int, caller: str, key: str) -> tuple[int, int, str, str]:
    return bucket_of_name(organisation_id, caller, key), organisation_id, caller, key


def _kept(row: Row) -> KeptAnswer:
    answer = Answer(status=row[1], headers=pairs_of(row[2]), body=row[3].encode())
    return KeptAnswer(request_digest=row[0], answer=answer)
