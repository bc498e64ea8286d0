"""The owner takes a rule down on a page, and everybody sees that it was and why."""

from __future__ import annotations

import re
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr import operators
from tests.fixtures.mail import Mailbox, deliver
from tests.functional.flow import count, topics, unequal
from tests.functional.people import form_to, path_of
from tests.functional.test_main_job import edit, publish, written
from tests.functional.test_stakeholders import invite
from tests.functional.test_together import let_in
from tests.functional.test_writers import invite as invite_to_write
from tests.functional.waiting import text_of


def test_the_owner_withdraws_a_rule(ada: TestApp, bo: TestApp, client: TestApp, engine: sa.Engine) -> None:
    rule = publish(ada, written(ada))
    page = ada.get(f"{rule}/organizers").click("withdraw it")
    form = form_to(page, f"{rule}/withdraw")
    form["reason"] = "The garden is built over."
    assert f"http://localhost{rule}, published on " in " ".join(page.html.main.text.split())
    assert page.html.select_one("a.back").text == "The rule"
    answer = form.submit(status=303).follow()
    assert path_of(answer.request.url).startswith("/profile")
    assert answer.html.select_one("[role=status]").text.startswith("The rule is withdrawn.")
    tombstone = client.get(rule, status=410)
    assert "The garden is built over." in tombstone
    assert "Silence is consent." not in tombstone
    for path in (f"{rule}/withdraw", f"{rule}/organizers"):
        ada.get(path, status=410)
    form.submit(status=410)
    assert topics(engine).count("rule.Withdrawn") == 1
    assert unequal(engine) == []


@pytest.mark.parametrize("how", ["page", "API", "command"])
def test_nobody_is_invited_to_what_is_gone(
    app: Any,
    smtp: Mailbox,
    ada: TestApp,
    bo: TestApp,
    client: TestApp,
    engine: sa.Engine,
    monkeypatch: pytest.MonkeyPatch,
    how: str,
) -> None:
    monkeypatch.setenv("CLOUDRON_APP_ORIGIN", "https://rules.example.org")
    rule = publish(ada, written(ada))
    invite(ada, rule, "bo@example.org cy@example.org")
    smtp.refused["cy@example.org"] = "450 Busy"
    deliver(app)
    link = re.search(r"\S+/verify\?token=\S+", text_of(smtp.messages[-1]))
    assert link is not None
    accepted = path_of(link[0])
    bo.get(accepted, status=303)
    invite_to_write(ada, f"{rule}/organizers", "dee@example.org")
    match how:
        case "page":
            form_to(ada.get(f"{rule}/withdraw"), f"{rule}/withdraw").submit(status=303)
        case "API":
            ada.delete(f"/api{rule}")
        case "command":
            assert operators.main(["withdraw", rule, "--reason", "Spam", "--yes"]) == 0
    with engine.connect() as connection:
        query = "SELECT email FROM stakeholders UNION ALL SELECT email FROM join_links"
        assert list(connection.scalars(sa.text(query))) == ["bo@example.org"]
        assert list(connection.scalars(sa.text("SELECT recipient FROM outbox WHERE due_at IS NOT NULL"))) == (
            ["ada@example.org"] if how == "command" else []
        )
    # Who has accepted is led to the page that says so.
    assert path_of(bo.get(accepted, status=303).location) == rule
    assert unequal(engine) == []


@pytest.mark.parametrize("how", ["page", "API"])
def test_nobody_is_invited_to_a_draft_that_is_gone(ada: TestApp, engine: sa.Engine, how: str) -> None:
    draft = written(ada)
    invite_to_write(ada, f"{draft}/writers", "dee@example.org")
    if how == "page":
        form_to(ada.get(f"{draft}/discard"), f"{draft}/discard").submit(status=303)
    else:
        ada.delete("/api/drafts/me")
    assert [count(engine, table) for table in ("join_links", "outbox")] == [0, 0]


def test_a_reason_that_is_too_long_stays_in_the_form(ada: TestApp, engine: sa.Engine) -> None:
    rule = publish(ada, written(ada))
    form = form_to(ada.get(f"{rule}/withdraw"), f"{rule}/withdraw")
    form["reason"] = "x" * 1001
    answer = form.submit(status=400)
    assert "shorten it to 1000 characters" in answer
    assert form_to(answer, f"{rule}/withdraw")["reason"].value == "x" * 1001
    assert "rule.Withdrawn" not in topics(engine)


def test_nobody_else_withdraws_it(ada: TestApp, bo: TestApp, client: TestApp, engine: sa.Engine) -> None:
    rule = publish(ada, written(ada))
    let_in(engine, rule, "bo@example.org")
    form = form_to(ada.get(f"{rule}/withdraw"), f"{rule}/withdraw")
    bo.get(f"{rule}/withdraw", status=403)
    bo.post(f"{rule}/withdraw", {"csrf_token": "x"}, status=403)
    client.get(f"{rule}/withdraw", status=303)
    ada.post(f"{rule}/withdraw", {"reason": "forged"}, headers={"Origin": "https://example.com"}, status=403)
    assert "rule.Withdrawn" not in topics(engine)
    assert form.action


def test_only_who_began_a_draft_discards_it(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    rule = publish(ada, written(ada))
    let_in(engine, rule, "bo@example.org")
    draft = edit(ada, rule)
    assert "Discard it" not in bo.get(draft)
    bo.get(f"{draft}/discard", status=403)
    bo.post(f"{draft}/discard", status=403)
    assert "Discard it" in ada.get(draft)
