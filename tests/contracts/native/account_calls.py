"""Users, applications and lists, asked for through the API."""

from __future__ import annotations


async def make_user(native, username="ann", **fields):
    """A user made through the API: its path and what is shown of it."""
    answer = await native.ask("POST", "/v1/users", {"username": username, **fields})
    assert answer.status == 201, answer.body
    return answer.header("location"), answer.json()


async def make_application(native, slug="shop"):
    """An application made through the API."""
    answer = await native.ask("POST", "/v1/applications", {"slug": slug})
    assert answer.status == 201, answer.body
    return answer.json()


async def walk(native, path, key):
    """All records of a list, and the number of its pages."""
    found, pages = [], 0
    while path is not None:
        answer = await native.ask("GET", path)
        assert answer.status == 200, answer.body
        found += answer.json()[key]
        pages += 1
        link = answer.header("link")
        path = None if link is None else link.removeprefix("<").removesuffix('>; rel="next"')
    return found, pages
