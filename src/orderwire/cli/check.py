"""`orderwire check`."""

from __future__ import annotations

import click

from .keeping import keeping
from .shared import DAMAGED, State, json_option, load_settings, print_json

MOST_FINDINGS = 100_000
EPILOG = """\b
Exit codes:
  0  nothing is wrong
  1  the book can't be opened
  2  a setting can't be used, or the key is not this book's (--no-secrets)
  3  the book is not there or not migrated
  6  something is wrong

\b
Example:
  orderwire --database orders.db check
"""


@click.command(epilog=EPILOG)
@click.option("--no-secrets", is_flag=True, help="Open no sealed text; the key is not needed.")
@click.option("--limit", type=click.IntRange(1, MOST_FINDINGS), default=100, show_default=True)
@json_option
@click.pass_obj
def check(state: State, *, no_secrets: bool, limit: int, as_json: bool) -> None:
    """Look the whole book through, as it is now, and tell what is wrong. Nothing is repaired.

    Each finding is a line: the table, the row's key, what is wrong. The first --limit are shown, all are
    counted. The book may be served meanwhile.
    """
    import asyncio

    from orderwire.opening import make_vault
    from orderwire.store.keeping.checking import check_book, check_migrated
    from orderwire.store.keeping.findings import Findings

    settings = load_settings(state)
    findings = Findings(limit)
    with keeping(state) as progress:
        # Of a book that is not there, no key is missing.
        asyncio.run(check_migrated(settings["database"]))
        vault = None if no_secrets else make_vault(settings)
        orders = asyncio.run(check_book(settings["database"], vault, findings, progress.rows))
    if as_json:
        kept = [{"table": one.table, "key": one.key, "what": one.what} for one in findings.kept]
        print_json(
            {"orders": orders, "count": findings.count, "by_table": findings.by_table, "findings": kept}
        )
    else:
        for one in findings.kept:
            click.echo(f"{one.table} {one.key}: {one.what}" if one.key else f"{one.table}: {one.what}")
        if findings.count > len(findings.kept):
            click.echo(f"... and {findings.count - len(findings.kept):,} more")
        click.echo(
            f"{orders:,} orders: {f'{findings.count:,} findings' if findings.count else 'nothing wrong'}"
        )
    if findings.count:
        raise SystemExit(DAMAGED)
