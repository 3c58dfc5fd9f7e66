"""Mail: into a folder, or through a real SMTP server."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from orderwire.book.errors import MailFailed
from orderwire.book.store import Mail
from orderwire.courier.mail import FileMailbox, SmtpMailbox
from tests.server import free_port

NOW = datetime(2024, 3, 1, 12, tzinfo=UTC)
MAIL = Mail(to="ann@example.com", subject="Your vouchers: é", text="10 INR: CODE-1\n")


class Received:
    """An SMTP handler that keeps what it takes, and refuses one recipient."""

    def __init__(self) -> None:
        self.content: list[bytes] = []

    async def handle_RCPT(  # noqa: N802  (the library names its hooks so)
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        self.content.append(envelope.content)
        return "250 OK"


@pytest.fixture
def smtp() -> Iterator[tuple[Received, int]]:
    handler = Received()
    controller = Controller(handler, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield handler, controller.port
    controller.stop()


def mailbox(port: int) -> SmtpMailbox:
    return SmtpMailbox(
        host="127.0.0.1",
        port=port,
        sender="orders@example.com",
        clock=lambda: NOW,
        starttls=False,
        timeout_seconds=2.0,
    )


async def test_a_mail_goes_out_by_smtp(smtp: tuple[Received, int]) -> None:
    handler, port = smtp
    await mailbox(port).send(MAIL)
    (content,) = handler.content
    message = message_from_bytes(content, policy=policy.default)
    assert message["To"] == "ann@example.com"
    assert message["Subject"] == "Your vouchers: é"
    assert message.get_content().strip() == "10 INR: CODE-1"


async def test_a_refused_recipient_and_a_dead_server_are_facts(smtp: tuple[Received, int]) -> None:
    handler, port = smtp
    with pytest.raises(MailFailed):
        await mailbox(port).send(Mail(to="nobody@example.com", subject="x", text="x"))
    with pytest.raises(MailFailed):
        await mailbox(free_port()).send(MAIL)
    assert handler.content == []


@pytest.mark.parametrize("to", ["", "no address", "a@b\r\nBcc: c@d", "ann@", "@example.com"])
async def test_what_is_no_address_is_refused(tmp_path: Path, to: str) -> None:
    box = FileMailbox(tmp_path / "mail", "orders@example.com", lambda: NOW)
    with pytest.raises(MailFailed):
        await box.send(Mail(to=to, subject="x", text="x"))
    assert not (tmp_path / "mail").exists()


async def test_a_file_mailbox_keeps_whole_mails_for_its_owner_only(tmp_path: Path) -> None:
    folder = tmp_path / "mail"
    await FileMailbox(folder, "orders@example.com", lambda: NOW).send(MAIL)
    (path,) = folder.iterdir()
    assert path.suffix == ".eml"
    assert path.stat().st_mode & 0o777 == 0o600
    assert "CODE-1" in path.read_text()
    assert "CODE-1" not in repr(MAIL)


async def test_a_folder_that_cannot_be_written_is_a_fact(tmp_path: Path) -> None:
    (tmp_path / "mail").write_text("in the way")
    with pytest.raises(MailFailed):
        await FileMailbox(tmp_path / "mail", "orders@example.com", lambda: NOW).send(MAIL)
