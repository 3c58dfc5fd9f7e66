"""Forms with files: however they are cut into pieces, and whatever is wrong with them."""

from __future__ import annotations

import resource
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from orderwire.web.errors import BodyMalformed, BodyTooLarge, ContentTypeWrong
from orderwire.web.multipart import MAX_PARTS, WRITE_BYTES, Form, read_form

TYPE = "multipart/form-data; boundary=XX"
LIMIT = 50


def part(name: str, content: bytes, more: str = "", head: str = "") -> bytes:
    fields = f'Content-Disposition: form-data; name="{name}"{more}\r\n{head}\r\n'
    return b"--XX\r\n" + fields.encode() + content + b"\r\n"


END = b"--XX--\r\n"
FILE = part("file", b"a\r\n--XY\r\n\x00\xff", '; filename="a b.csv"', "Content-Type: text/csv; charset=x\r\n")
WHOLE = part("map", "ä = 1".encode()) + FILE + part("empty", b"") + END


async def chunks(pieces: Iterable[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def accept(name: str) -> int | None:
    if name == "forbidden":
        raise LookupError(name)
    return None if name.startswith("file") else LIMIT


async def read(body: bytes, folder: Path, *, step: int = 1_000_000, content_type: str = TYPE) -> Form:
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    return await read_form(chunks(pieces), content_type, folder, accept)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 64, 1_000])
async def test_a_form_is_the_same_however_it_is_cut(tmp_path, step, monkeypatch):
    monkeypatch.setattr("orderwire.web.multipart.WRITE_BYTES", step)
    form = await read(WHOLE, tmp_path, step=step)
    assert form.texts == {"map": "ä = 1", "empty": ""}
    found = form.files["file"]
    assert found.path.read_bytes() == b"a\r\n--XY\r\n\x00\xff"
    assert (found.filename, found.media_type, found.size) == ("a b.csv", "text/csv", 11)
    assert found.path.stat().st_mode & 0o777 == 0o600


async def test_a_large_file_goes_to_the_disk_whole(tmp_path):
    content = bytes(range(256)) * (3 * WRITE_BYTES // 256)
    form = await read(part("file", content) + END, tmp_path, step=65_536)
    assert form.files["file"].path.read_bytes() == content
    assert form.files["file"].filename == ""


BROKEN = {
    "empty": b"",
    "no boundary line": b"hello",
    "another boundary": b"--YY\r\n\r\n\r\n--YY--\r\n",
    "no end": part("map", b"x"),
    "an end within a part": WHOLE[:-20],
    "a part without a name": b"--XX\r\nContent-Disposition: form-data\r\n\r\nx\r\n" + END,
    "a part without a head": b"--XX\r\n\r\nx\r\n" + END,
    "an attachment": b'--XX\r\nContent-Disposition: attachment; name="map"\r\n\r\nx\r\n' + END,
    "a part twice": part("map", b"x") + part("map", b"y") + END,
    "a file twice": FILE + FILE + END,
    "a text that is not UTF-8": part("map", b"\xff") + END,
    "a name that is not UTF-8": b'--XX\r\nContent-Disposition: form-data; name="\xff"\r\n\r\nx\r\n' + END,
    "too many parts": b"".join(part(f"x{n}", b"") for n in range(MAX_PARTS + 1)) + END,
    "a header that is too long": part("map", b"", head="X: " + "y" * 5_000 + "\r\n") + END,
    "too many headers": part("map", b"", head="".join(f"X{n}: y\r\n" for n in range(9))) + END,
}


@pytest.mark.parametrize("what", BROKEN)
async def test_what_is_no_form_is_malformed(tmp_path, what):
    with pytest.raises(BodyMalformed):
        await read(BROKEN[what], tmp_path)


async def test_a_text_beyond_its_limit_is_too_large(tmp_path):
    with pytest.raises(BodyTooLarge) as told:
        await read(part("map", b"x" * (LIMIT + 1)) + END, tmp_path)
    assert (told.value.limit, told.value.what) == (LIMIT, "part map")


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "text/plain; boundary=XX",
        TYPE + "X" * 999,
    ],
)
async def test_without_a_boundary_it_is_no_form(tmp_path, content_type):
    with pytest.raises(ContentTypeWrong):
        await read(WHOLE, tmp_path, content_type=content_type)


async def test_whoever_asks_says_which_parts_there_may_be(tmp_path):
    with pytest.raises(LookupError):
        await read(part("forbidden", b"x") + END, tmp_path)
    with pytest.raises(LookupError):
        await read(part("file", b"x" * 100) + part("forbidden", b"x") + END, tmp_path)


async def test_a_disk_that_takes_nothing_is_told(tmp_path):
    with pytest.raises(OSError, match="gone"):
        await read(WHOLE, tmp_path / "gone")


async def test_a_disk_that_is_full_is_told(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        with pytest.raises(OSError, match="too large"):
            await read(part("file", b"x" * 500_000) + END, tmp_path, step=65_536)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (tmp_path / "file").stat().st_size <= 100_000


async def test_a_source_that_fails_is_told(tmp_path):
    async def failing() -> AsyncIterator[bytes]:
        yield WHOLE[:30]
        raise BodyMalformed("incomplete")

    with pytest.raises(BodyMalformed, match="incomplete"):
        await read_form(failing(), TYPE, tmp_path, accept)
