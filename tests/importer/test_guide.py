"""The guide's own file and map, step by step, as a reader would copy them."""

from __future__ import annotations

import re

from tests.factories import all_orders, make_organisation
from tests.importer.importing import ROOT, rejected, run

GUIDE = ROOT / "docs" / "guides" / "import.md"


def blocks(kind):
    """The fenced blocks of a kind, without their indentation."""
    text = GUIDE.read_text(encoding="utf-8")
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE)
    return [re.sub(f"^{indent}", "", block, flags=re.MULTILINE) for indent, of, block in found if of == kind]


async def test_the_steps_of_the_guide(book, tmp_path):
    path = tmp_path / "shop.csv"
    path.write_text(next(block for block in blocks("") if block.startswith("Order;")))
    least, more = blocks("toml")[:2]
    tried = await run(book, path, least, dry_run=True)
    assert (tried.rows, tried.orders, tried.placed, tried.rejected) == (4, 3, 0, 3)
    assert tried.codes == {"number_invalid": 4}
    assert rejected(tmp_path / "shop.csv.dry-run", ";")[0] == (2, "Price", "number_invalid", "7,50")
    mended = least.replace("[file]", '[file]\ndecimal = ","')
    assert (await run(book, path, mended, dry_run=True, normalised=True)).placed == 3
    summary = await run(book, path, mended + more)
    assert (summary.rows, summary.orders, summary.placed) == (4, 3, 3)
    orders = await all_orders(book, await make_organisation(book))
    assert [(one.lifecycle, one.delivery, one.stage_count) for one in orders] == [
        ("complete", "delivered", 2),
        ("new", None, 1),
        ("cancelled", None, 1),
    ]
