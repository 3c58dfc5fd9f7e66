"""Notifications: which stages send mail, to whom, and what a failure leaves behind."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from orderwire.book.callers import RIGHTS
from orderwire.book.operations import NewOrder, place_order
from orderwire.book.orders import Document, Party
from orderwire.contracts.planocore.wire_stages import parse_notifications
from orderwire.courier.mail import SmtpMailbox
from tests.contracts.planocore.conftest import PlanoCore, make_planocore, refusal
from tests.factories import make_caller, read_mails
from tests.server import free_port

FAILED = (500, "mandrill-email-failed", "", "")
EVENT = {"event_slug": "order.delivered", "stage": "completed", "stage_at_mt": "2023-10-02 09:30:00"}


async def names(planocore: PlanoCore, order_id: int | None = None) -> list[str]:
    return [stage.stage for stage in await planocore.stages(order_id)]


async def test_a_configured_event_sends_one_mail(planocore, tmp_path):
    answer = await planocore.create(**EVENT)
    assert answer.json()["data"]["order_stage"]["event_slug"] == "order.delivered"
    (mail,) = read_mails(tmp_path / "mail")
    assert "To: ada.client@example.com" in mail
    assert "Subject: Order 210440: completed" in mail
    assert "Event: order.delivered" in mail
    assert "At: 2023-10-02 09:30:00 (Mountain Time)" in mail


async def test_another_event_and_a_refused_stage_send_none(planocore, tmp_path):
    await planocore.create(event_slug="order.processed")
    await planocore.create(**{**EVENT, "created_by_id": 10**12})
    await planocore.create(**{**EVENT, "notes": 5})
    assert read_mails(tmp_path / "mail") == []
    assert await names(planocore) == ["ordered", "scheduled"]


async def test_a_failed_mail_keeps_the_stage_and_a_repeat_adds_none(planocore, tmp_path):
    folder = tmp_path / "mail"
    folder.write_text("a file where the folder of mails should be")
    assert refusal(await planocore.create(**EVENT)) == FAILED
    assert await names(planocore) == ["completed", "ordered"][::-1]
    assert refusal(await planocore.create(**EVENT)) == FAILED
    assert len(await planocore.stages()) == 2
    folder.unlink()
    repeated = await planocore.create(**EVENT)
    assert repeated.json()["data"]["order_stage"]["id"] == 2
    assert repeated.json()["data"]["order_status"]["stage"] == "completed"
    assert len(await planocore.stages()) == 2
    assert len(read_mails(folder)) == 1


async def test_the_same_request_is_told_by_its_parameters_alone(planocore, tmp_path):
    (tmp_path / "mail").write_text("")
    session = {"token": planocore.demo["session_token"], "session_view": "minimal", "application": "planox2"}
    for views in ({}, session, {"application_view": "minimal"}, {"order_id": "210440"}, {"unknown": 1}):
        assert refusal(await planocore.create(**EVENT, **views)) == FAILED
    assert len(await planocore.stages()) == 2
    for other in ({"notes": "x"}, {"stage": "other"}, {"update_status": False}, {"updated_by_id": 1}):
        assert refusal(await planocore.create(**{**EVENT, **other})) == FAILED
    assert len(await planocore.stages()) == 6


async def test_after_the_mail_went_out_a_repeat_is_a_new_stage(planocore, tmp_path):
    for count in (1, 2):
        assert (await planocore.create(**EVENT)).json()["data"]["order_stage"]["id"] == count + 1
        assert len(read_mails(tmp_path / "mail")) == count


async def test_a_client_without_address_fails(planocore):
    order_id = planocore.demo["unmailable_order_id"]
    for _ in range(2):
        assert refusal(await planocore.create(order_id=order_id, **EVENT)) == FAILED
        assert await names(planocore, order_id) == ["ordered", "completed"]


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b@c", "a b@example.com", "a@example.com\r\nBcc: x@example.com", "a@b,c@d"]
)
async def test_an_address_that_is_none_fails(planocore, tmp_path, address):
    document = Document(customer=Party(email=address) if address else None)
    caller = make_caller(planocore.organisation, RIGHTS)
    order = await place_order(planocore.book, caller, NewOrder(document=document))
    assert refusal(await planocore.create(order_id=order.id, **EVENT)) == FAILED
    assert read_mails(tmp_path / "mail") == []


async def test_a_fixed_recipient(book, tmp_path):
    chosen = parse_notifications("order.delivered=office@example.com")
    planocore = await make_planocore(book, notifications=chosen)
    answer = await planocore.create(order_id=planocore.demo["unmailable_order_id"], **EVENT)
    assert answer.status == 200
    (mail,) = read_mails(tmp_path / "mail")
    assert "To: office@example.com" in mail


class Post:
    """A mail server that refuses recipients until it is told to take them."""

    def __init__(self) -> None:
        self.taken: list[str] = []
        self.answer = "550 no such mailbox"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        self.taken += envelope.rcpt_tos
        return "250 taken"


async def test_over_smtp(planocore: PlanoCore, tmp_path: Path):
    post = Post()
    controller = Controller(post, hostname="127.0.0.1", port=free_port())
    controller.start()
    try:
        planocore.book.mailbox = SmtpMailbox(
            host="127.0.0.1",
            port=controller.port,
            sender="orders@example.com",
            clock=planocore.book.clock,
            starttls=False,
        )
        assert refusal(await planocore.create(**EVENT)) == FAILED
        post.answer = "250 ok"
        assert (await planocore.create(**EVENT)).json()["data"]["order_stage"]["id"] == 2
    finally:
        controller.stop()
    assert post.taken == ["ada.client@example.com"]
    assert refusal(await planocore.create(**EVENT)) == FAILED  # nobody listens any more
    assert await names(planocore) == ["ordered", "completed", "completed"]


def test_the_option_is_read():
    assert parse_notifications("") == {}
    read = parse_notifications(" a.b = client ; c=x@example.com;")
    assert read == {"a.b": "client", "c": "x@example.com"}
    for text in ("a", "a=", "=client", "a=nobody", "a=x@y z", "a=client,b=client"):
        with pytest.raises(ValueError, match="pairs"):
            parse_notifications(text)
