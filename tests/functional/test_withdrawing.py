"""The owner takes a rule down on a page, and everybody sees that it was and why."""

from __future__ import annotations

import sqlalchemy as sa
from webtest import TestApp

from tests.functional.flow import topics, unequal
from tests.functional.people import form_to, path_of
from tests.functional.test_main_job import edit, publish, written
from tests.functional.test_together import let_in


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
