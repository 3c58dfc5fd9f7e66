"""What can be wrong with a book, each as somebody would do it, and all that a check must find then.

`<plain>` stands for the id of the order of that name, `<GROUP>` for the id of the group order.
"""

from __future__ import annotations

import re

from tests.whole_books import GROUP

# What is done to the book, and what is found: the table, and how the finding begins.
Damage = tuple[tuple[str, ...], list[tuple[str, str]]]
DAMAGES: dict[str, Damage] = {
    "an order in another bucket": (
        (
            "UPDATE orders SET bucket = (bucket + 1) % 4096 WHERE id = <plain>",
            "UPDATE order_revisions SET bucket = (bucket + 1) % 4096 WHERE order_id = <plain>",
        ),
        [("names", "order_id: there is none in orders"), ("orders", "lies in bucket")],
    ),
    "an order that is gone": (
        ("DELETE FROM orders WHERE id = <staged>",),
        [
            ("names", "order_id: there is none in orders"),
            ("order_revisions", "its order is not there"),
            *[("order_stages", "its order is not there")] * 3,
            ("order_statuses", "its order is not there"),
        ],
    ),
    "a total of its own": (
        ("UPDATE orders SET total_micros = 1 WHERE id = <plain>",),
        [("orders", "total_micros is not what the document says")],
    ),
    "a customer of its own": (
        ("UPDATE orders SET customer_id = NULL, customer_reference = 'x' WHERE id = <plain>",),
        [
            ("orders", "customer_id is not what the document says"),
            ("orders", "customer_reference is not what the document says"),
        ],
    ),
    "a lifecycle of its own": (
        ("UPDATE orders SET lifecycle = 'complete' WHERE id = <amended>",),
        [("orders", "lifecycle is not what revision 3 says")],
    ),
    "a lifecycle that there is not": (
        ("UPDATE orders SET lifecycle = 'lost' WHERE id = <plain>",),
        [("orders", "lifecycle is not what revision 1 says"), ("orders", "lifecycle: must be one of")],
    ),
    "a document of its own": (
        ('UPDATE orders SET document = \'{"names":{"reference":"amended"}}\' WHERE id = <amended>',),
        [("orders", "the document is not what revision 3 says")],
    ),
    "a document that is none": (
        ("UPDATE orders SET document = '{' WHERE id = <plain>",),
        [("orders", "can't be read: no JSON"), ("orders", "the document is not what revision 1 says")],
    ),
    "a document of another shape": (
        (
            "UPDATE orders SET document = '{\"names\":[]}' WHERE id = <plain>",
            "UPDATE order_revisions SET document = '{\"names\":[]}' WHERE order_id = <plain>",
        ),
        [("orders", "can't be read: Expected `object`")],
    ),
    "a revision that is missing": (
        ("DELETE FROM order_revisions WHERE revision = 2 AND order_id = <amended>",),
        [("orders", "revision 2 is neither an entry nor a stage")],
    ),
    "no first revision": (
        ("DELETE FROM order_revisions WHERE order_id = <staged>",),
        [("order_revisions", "is missing: the order as it was placed")],
    ),
    "a revision too many": (
        ("UPDATE orders SET revision = 2 WHERE id = <amended>",),
        [("orders", "is at revision 2, its history at 3")],
    ),
    "a revision too few": (
        ("UPDATE orders SET revision = 9 WHERE id = <amended>",),
        [("orders", "revision 4 is neither an entry nor a stage")],
    ),
    "a last change that is not": (
        ("UPDATE orders SET recorded_at = recorded_at + 1 WHERE id = <amended>",),
        [("orders", "recorded_at is not that of its last change")],
    ),
    "an entry that was learned backwards": (
        ("UPDATE order_revisions SET recorded_at = 1 WHERE revision = 2 AND order_id = <amended>",),
        [("order_revisions", "was recorded before the one before it")],
    ),
    "an entry that supersedes nothing": (
        ("UPDATE order_revisions SET supersedes = 7 WHERE revision = 2 AND order_id = <amended>",),
        [("order_revisions", "supersedes no earlier entry")],
    ),
    "an entry that can't be read": (
        ("UPDATE order_revisions SET origin = '' WHERE revision = 2 AND order_id = <amended>",),
        [("order_revisions", "can't be read: no JSON")],
    ),
    "a stage that is missing": (
        ("DELETE FROM order_stages WHERE number = 2 AND order_id = <staged>",),
        [
            ("order_stages", "is missing: the next one is 3"),
            ("orders", "revision 2 is neither an entry nor a stage"),
            ("orders", "stage_count is 3, there are 2 stages"),
        ],
    ),
    "a last stage that is missing": (
        ("DELETE FROM order_stages WHERE number = 3 AND order_id = <staged>",),
        [
            ("order_statuses", "stands at stage 3, its stages say 2"),
            ("orders", "recorded_at is not that of its last change"),
            ("orders", "revision 3 is neither an entry nor a stage"),
            ("orders", "stage_count is 3, there are 2 stages"),
        ],
    ),
    "a stage that was learned backwards": (
        ("UPDATE order_stages SET recorded_at = 1 WHERE number = 2 AND order_id = <staged>",),
        [("order_stages", "was recorded before the one before it")],
    ),
    "a stage that supersedes a later one": (
        ("UPDATE order_stages SET supersedes = 3 WHERE number = 3 AND order_id = <corrected>",),
        [("order_stages", "supersedes no earlier stage"), ("order_statuses", "stands at stage 3, its")],
    ),
    "a stage that can't be read": (
        ("UPDATE order_stages SET detail = '[]' WHERE number = 2 AND order_id = <staged>",),
        [("order_stages", "can't be read: Expected `object`")],
    ),
    "another organisation's stage": (
        ("UPDATE order_stages SET organisation_id = 9 WHERE number = 2 AND order_id = <staged>",),
        [("order_stages", "a row is another organisation's")],
    ),
    "a status that is not the last stage's": (
        ("UPDATE order_statuses SET stage_number = 2 WHERE order_id = <staged>",),
        [("order_statuses", "stands at stage 2, its stages say 3")],
    ),
    "a status that says something else": (
        ("UPDATE order_statuses SET stage = 'x', since = since + 1 WHERE order_id = <staged>",),
        [("order_statuses", "since is not what the stages say"), ("order_statuses", "stage is not what the")],
    ),
    "a status with other details": (
        ('UPDATE order_statuses SET detail = \'{"client":{"id":1}}\' WHERE order_id = <staged>',),
        [("order_statuses", "detail is not what the stages say")],
    ),
    "a status that can't be read": (
        ("UPDATE order_statuses SET detail = 'x' WHERE order_id = <staged>",),
        [("order_statuses", "can't be read: no JSON")],
    ),
    "a status that is missing": (
        ("DELETE FROM order_statuses WHERE order_id = <staged>",),
        [("order_statuses", "is missing: it stands at stage 3")],
    ),
    "a status without a stage": (
        ("UPDATE order_stages SET status_at = NULL WHERE order_id = <staged>",),
        [("order_statuses", "no stage gives it a status")],
    ),
    "a notice of no stage": (
        ("UPDATE notices SET number = 9 WHERE order_id = <owing>",),
        [("notices", "there is no such stage")],
    ),
    "a name that is missing": (
        ("DELETE FROM names WHERE scheme = 'reference' AND name = 'plain'",),
        [("names", "is missing: order ")],
    ),
    "a name that leads elsewhere": (
        ("UPDATE names SET order_id = <staged> WHERE scheme = 'reference' AND name = 'plain'",),
        [("names", "leads to order ")],
    ),
    "a name that leads nowhere": (
        ("UPDATE names SET order_id = 77 WHERE scheme = 'hostway.open'",),
        [("names", "order_id: there is none in orders")],
    ),
    "a name in another bucket": (
        ("UPDATE names SET bucket = (bucket + 1) % 4096 WHERE scheme = 'hostway.open'",),
        [("names", "lies in bucket ")],
    ),
    "a group order that is gone": (
        ("DELETE FROM group_orders WHERE id = <GROUP>",),
        [
            ("group_rejections", "group_order_id: there is none in group_orders"),
            ("orders", "group_order_id: there is none in group_orders"),
        ],
    ),
    "a group order in another bucket": (
        ("UPDATE group_orders SET bucket = (bucket + 1) % 4096 WHERE id = <GROUP>",),
        [
            ("group_orders", "lies in bucket "),
            ("group_rejections", "group_order_id: there is none in group_orders"),
            ("orders", "group_order_id: there is none in group_orders"),
        ],
    ),
    "a group order of nobody": (
        ("UPDATE group_orders SET user_id = 99 WHERE id = <GROUP>",),
        [("group_orders", "user_id: there is none in persons")],
    ),
    "a rejection in another bucket": (
        ("UPDATE group_rejections SET bucket = (bucket + 1) % 4096 WHERE group_order_id = <GROUP>",),
        [
            ("group_rejections", "group_order_id: there is none in group_orders"),
            ("group_rejections", "lies in bucket "),
        ],
    ),
    "an import of no group order": (
        (
            "UPDATE imports SET group_order_id = 'gone', key = 'gone' WHERE state = 'waiting'"
            " AND organisation_id = 1",
        ),
        [("imports", "group_order_id: there is none in group_orders"), ("imports", "lies in bucket ")],
    ),
    "an import under another key": (
        ("UPDATE imports SET key = 'x' WHERE state = 'waiting' AND organisation_id = 1",),
        [("imports", "its key is not that of its group order")],
    ),
    "an import that can't be read": (
        ("UPDATE imports SET request = '{}' WHERE state = 'waiting' AND organisation_id = 1",),
        [("imports", "can't be read: Object missing required field")],
    ),
    "a file's import in another bucket": (
        (
            "UPDATE imports SET bucket = (bucket + 1) % 4096 WHERE state = 'importing'"
            " AND organisation_id = 1",
        ),
        [("imports", "lies in bucket ")],
    ),
    "an answer in another bucket": (
        ("UPDATE answers SET bucket = (bucket + 1) % 4096",),
        [("answers", "lies in bucket ")],
    ),
    "an answer that can't be opened": (
        ("UPDATE answers SET body = 'x'",),
        [("answers", "its body can't be opened")],
    ),
    "an answer with no status": (("UPDATE answers SET status = 7",), [("answers", "status is none")]),
    "an answer without fields": (("UPDATE answers SET headers = '{}'",), [("answers", "can't be read: ")]),
    "a voucher sealed with another key": (
        (
            'UPDATE orders SET document = replace(document, \'"code":"\', \'"code":"x\') WHERE id = <sealed>',
            'UPDATE order_revisions SET document = replace(document, \'"code":"\', \'"code":"x\')'
            " WHERE order_id = <sealed>",
        ),
        [("orders", "the code of voucher 1 can't be opened")],
    ),
    "a voucher that was once": (
        (
            'UPDATE order_revisions SET document = replace(document, \'"pin":"\', \'"pin":"x\')'
            " WHERE order_id = <sealed>",
        ),
        [
            ("order_revisions", "the pin of voucher 1 can't be opened"),
            ("orders", "the document is not what revision 1 says"),
        ],
    ),
    "a person of nobody": (
        ("UPDATE persons SET organisation_id = 9 WHERE id = 2",),
        [
            ("group_orders", "user_id: there is none in persons"),
            ("persons", "organisation_id: there is none in organisations"),
            ("tokens", "user_id: there is none in persons"),
        ],
    ),
    "a person who can't be read": (
        ("UPDATE persons SET profile = '' WHERE id = 2",),
        [("persons", "can't be read")],
    ),
    "an application with a secret that is none": (
        ("UPDATE applications SET secret_digest = 'x' WHERE id = 1",),
        [("applications", "secret_digest is no digest")],
    ),
    "a token of an application that is gone": (
        ("DELETE FROM applications WHERE id = 2",),
        [("tokens", "application_id: there is none in applications")],
    ),
    "a token with a right that there is not": (
        ("UPDATE tokens SET rights = 'orders.burn' WHERE user_id = 1",),
        [("tokens", "it has a right that there is not")],
    ),
    "a token that is no digest": (
        ("UPDATE tokens SET digest = 'x' WHERE user_id = 1",),
        [("tokens", "digest is no digest")],
    ),
    "a party in another role": (
        ("UPDATE parties SET role = 'guest' WHERE id = 1",),
        [("parties", "there is no such role")],
    ),
    "a party with another reference": (
        ("UPDATE parties SET reference = 'x' WHERE id = 1",),
        [("parties", "reference is not what the record says")],
    ),
    "an answer of nobody": (
        ("UPDATE answers SET organisation_id = 9",),
        [("answers", "its body can't be opened"), ("answers", "organisation_id: there is none in")],
    ),
    "a counter that gives a number again": (
        ("UPDATE counters SET next = 1 WHERE name = 'party'",),
        [("counters", "gives 1 next, ")],
    ),
    "the counter of orders": (
        ("UPDATE counters SET next = next - 1000 WHERE name = 'order'",),
        [("counters", "gives ")],
    ),
    "a counter that is gone": (
        ("DELETE FROM counters WHERE name = 'person'",),
        [("counters", "is missing")],
    ),
    "a mark in another bucket": (
        ("INSERT INTO marks (bucket, id, created_at, kept) VALUES (0, 'a', 1, 1)",),
        [("marks", "lies in bucket 0, its key says ")],
    ),
    "a count of wrong secrets in another bucket": (
        ("INSERT INTO attempts VALUES (0, '<KEY>', 1, 1, 2)",),
        [("attempts", "lies in bucket 0, its key says ")],
    ),
    "a count of wrong secrets that is none": (
        ("INSERT INTO attempts VALUES (0, '<KEY>', 0, 1, 2)",),
        [("attempts", "it counts nothing")],
    ),
    "a count of wrong secrets of nobody": (
        ("INSERT INTO attempts VALUES (0, 'ann', 1, 1, 2)",),
        [("attempts", "its key is no digest")],
    ),
    "no proof of the key": (
        ("DELETE FROM book_facts WHERE name = 'key_proof'",),
        [("book_facts", "is missing: nothing proves the key")],
    ),
    "half a copy": (
        ("INSERT INTO book_facts VALUES ('copying', '{}')",),
        [("book_facts", "a copy into this book has not ended")],
    ),
}

# What no count of wrong secrets has, though it could.
KEY = "7".zfill(64)

VALUES: dict[str, Damage] = {
    "a text where a number belongs": (
        ("UPDATE orders SET placed_at = 'then' WHERE id = <plain>",),
        [("book", "non-INT value in orders.placed_at"), ("orders", "placed_at is no whole number")],
    ),
    "a number where a text belongs": (
        ("UPDATE order_stages SET stage = x'00' WHERE number = 2 AND order_id = <staged>",),
        [("book", "non-"), ("order_stages", "stage is no text")],
    ),
    "a text that is too long": (
        ("UPDATE persons SET username = printf('%300c', 'x') WHERE id = 1",),
        [("persons", "username is longer than 255 characters")],
    ),
    "a text that no other engine keeps": (
        ("UPDATE parties SET reference = 'a' || char(0) WHERE id = 1",),
        [("parties", "reference holds a NUL character")],
    ),
    "a number that is out of range": (
        ("UPDATE notices SET number = 5000000000 WHERE order_id = <owing>",),
        [("notices", "number is out of range")],
    ),
}


def filled(statement: str) -> str:
    """The statement with ids where it names orders, a group order or a count."""
    one = r"(SELECT order_id FROM names WHERE scheme = 'reference' AND name = '\1')"
    named = statement.replace("<GROUP>", f"'{GROUP}'").replace("<KEY>", KEY)
    return re.sub("<([a-z]+)>", one, named)
