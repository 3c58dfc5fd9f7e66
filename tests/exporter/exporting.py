"""Exports in this process, and books to take them from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from orderwire.book.callers import Organisation
from orderwire.book.store import Book
from orderwire.contracts.native.wire_export import render_order_line
from orderwire.exporter.files import writing
from orderwire.exporter.json_lines import JsonLinesSink
from orderwire.exporter.request import ExportRequest, MakeSink, Summary
from orderwire.exporter.run import export_orders
from tests.factories import make_caller


def to_json_lines(file: Any) -> JsonLinesSink:
    """The sink of JSON Lines in the native shape."""
    return JsonLinesSink(file, render_order_line)


async def export(
    book: Book,
    organisation: Organisation,
    path: Path,
    make_sink: MakeSink = to_json_lines,
    **asked: Any,
) -> Summary:
    """Write the organisation's orders to `path`."""
    caller = make_caller(organisation)
    with writing(path) as file:
        return await export_orders(book, caller, ExportRequest(**asked), make_sink, file)


async def export_lines(book: Book, organisation: Organisation, folder: Path, **asked: Any) -> list[Any]:
    """What an export to JSON Lines holds, each line decoded."""
    path = folder / "orders.jsonl"
    await export(book, organisation, path, **asked)
    return [json.loads(line) for line in path.read_text().splitlines()]
