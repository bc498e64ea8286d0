"""A draft that was erased is nowhere any more; what was published of it, and everybody's other pages, are as before."""

from __future__ import annotations

from uuid import UUID

import sqlalchemy as sa
from webtest import TestApp

from cr.accounts import draft_addresses
from tests.functional.flow import unequal
from tests.functional.rules import account_of, commands, noon
from tests.functional.test_main_job import edit, publish, start, write, written
from tests.functional.test_together import let_in

DAY = noon("2026-11-25")
PAGES = ("", "/history", "/history?entry=2", "/compare?from=1&to=2", "/preview", "/publish", "/published", "/values")


def id_of(path: str) -> UUID:
    return UUID(path.rsplit("/", 1)[1])


def erase(engine: sa.Engine, draft: str) -> None:
    with commands(engine) as app:
        app.erase_drafts([id_of(draft)], account_of(engine, "ada@example.org"), DAY)


def test_a_draft_that_was_erased_is_nowhere(ada: TestApp, bo: TestApp, client: TestApp, engine: sa.Engine) -> None:
    first, other = written(ada), start(ada, "Oak Street")
    rule = publish(ada, first)
    let_in(engine, rule, "bo@example.org")
    second = edit(ada, rule)
    write(ada, f"{second}/about", title="Elm Street, erased")
    assert "Elm Street, erased" in bo.get(second)
    page = ada.get(f"{second}/about")
    for draft in (first, second):
        erase(engine, draft)
    assert draft_pages(ada, bo, first, second) == {404}
    write(ada, f"{second}/about", page=page, title="Typed before it was erased", status=404)
    assert "Elm Street, erased" not in ada.get("/profile")
    assert "Elm Street, erased" not in bo.get("/profile")
    assert "Oak Street" in ada.get(other)
    assert ada.get("/api/drafts/me").json["draft"]["payload"]["title"] == "Oak Street"
    for path in ("", "/history", "/revisions", "/history.ndjson", "/feed.atom"):
        client.get(f"{rule}{path}", status=200)
    ada.get(f"{rule}/organizers", status=200)
    third = edit(bo, rule)
    assert third != second
    write(bo, f"{third}/about", title="Elm Street Gardens")
    publish(bo, third, changed="A name")
    assert "Revision 2" in client.get(rule)
    assert unequal(engine) == []


def draft_pages(ada: TestApp, bo: TestApp, *drafts: str) -> set[int]:
    return {who.get(f"{draft}{page}", status="*").status_int for draft in drafts for page in PAGES for who in (ada, bo)}


def test_the_addresses_that_came_with_a_draft_go_with_it(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    account, heir = (account_of(engine, f"{name}@example.org") for name in ("ada", "bo"))
    kept, erased = start(ada, "Elm"), start(ada, "Oak")
    with engine.begin() as connection:
        for draft in (kept, erased):
            draft_addresses.save(connection, id_of(draft), account, {"stakeholderEmails": ["cy@example.org"]})
    erase(engine, erased)
    with commands(engine) as app:
        app.pass_on_drafts({id_of(kept): heir}, account, DAY)
    with engine.connect() as connection:
        left = connection.execute(
            sa.select(draft_addresses.draft_addresses.c.draft, draft_addresses.draft_addresses.c.account_id)
        ).all()
    assert left == [], "whom its owner meant to invite is not for the heir to see"
    assert "Elm" in bo.get(kept)
    ada.get(kept, status=403)
    assert unequal(engine) == []
