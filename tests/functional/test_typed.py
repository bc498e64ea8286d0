"""What was typed in a form that is refused: nobody has to write it twice, nor to read what only the form needs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.flow import start
from tests.functional.people import form_to, path_of
from tests.functional.rules import account_of
from tests.functional.rules import publish as published
from tests.functional.test_main_job import edit, publish, write, written
from tests.functional.test_sign_in import follow
from tests.functional.test_together import let_in


def kept(page: Any) -> dict[str, str]:
    """What the page gives back, by its label."""
    labels = [each.text for each in page.html.select(".field label")]
    return dict(zip(labels, (each.text.strip() for each in page.html.select("textarea[readonly]")), strict=True))


def end_sessions(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM sessions"))


def test_what_was_written_when_the_session_had_ended_comes_back_with_the_way_to_sign_in(
    ada: TestApp, engine: sa.Engine, smtp: Mailbox, clock: Clock
) -> None:
    draft = written(ada)
    page = ada.get(f"{draft}/communication")
    end_sessions(engine)
    refused = write(ada, f"{draft}/communication", page=page, label="Chat", corePrinciple="Short news.", status=401)
    assert kept(refused) == {"Name": "Chat", "What it is for": "Short news."}
    assert "You are signed out." in refused
    form = form_to(refused.click("^Sign in$"), "/login")
    form["email"] = "ada@example.org"
    clock.advance(timedelta(minutes=1))
    form.submit(status=200)
    assert follow(ada, smtp).rstrip("/") == f"{draft}/communication"
    write(ada, f"{draft}/communication", label="Chat")


def test_the_guided_flow_leads_back_to_its_step(ada: TestApp, engine: sa.Engine) -> None:
    draft = start(ada).request.url.rpartition("=")[2]
    page = ada.get("/create/community-context", {"draft": draft})
    end_sessions(engine)
    form = form_to(page, f"/create/community-context?draft={draft}")
    form["communityContext"] = "We grow food"
    refused = form.submit("action", value="continue", status=401)
    assert kept(refused) == {"What you do together": "We grow food"}
    assert form_to(refused.click("^Sign in$"), "/login")["next"].value == f"/create/community-context?draft={draft}"


def test_a_form_whose_address_is_no_page_leads_back_to_the_page_that_has_it(ada: TestApp, engine: sa.Engine) -> None:
    rule = published(engine, account_of(engine, "ada@example.org"), "2026-03-01")
    page = ada.get("/profile")
    end_sessions(engine)
    form = form_to(page, "/profile/name")
    form["your-name"] = "Ada of Elm Street"
    refused = form.submit(headers={"Referer": "http://localhost/profile?rules=9"}, status=401)
    assert kept(refused) == {"Your name in the history": "Ada of Elm Street"}
    assert form_to(refused.click("^Sign in$"), "/login")["next"].value == "/profile?rules=9"
    # Where nothing was written there is nothing to give back.
    answer = form_to(page, f"{rule}/copy").submit(headers={"Referer": "http://localhost/profile"}, status=303)
    assert path_of(answer.location).startswith(f"/login?next={quote(rule, safe='')}%2Fcopy")
    elsewhere = form.submit(headers={"Referer": "https://evil.example/profile"}, status=401)
    assert "evil.example" not in elsewhere


def test_what_is_refused_comes_back_under_the_labels_of_its_form(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    rule = publish(ada, written(ada))
    let_in(engine, rule, "bo@example.org")
    draft = edit(ada, rule)
    page = bo.get(f"{draft}/decisions")
    asked = form_to(bo.get(f"{rule}/organizers"), f"{rule}/organizers/name")
    account = account_of(engine, "bo@example.org")
    form_to(ada.get(f"{rule}/organizers/remove", {"organizer": str(account)}), f"{rule}/organizers/remove").submit(
        status=303
    )
    refused = write(bo, f"{draft}/decisions", page=page, label="Vote", corePrinciple="Most win.", status=403)
    texts = kept(refused)
    assert texts["The idea"] == "Most win."
    assert not [each for each in texts if each not in ("Name", "The idea", "Agreement needed, in percent")]
    assert "It was not saved." in refused
    # What only the form needs is nothing that anybody wrote.
    fields = {"csrf_token": asked["csrf_token"].value, "organizer": str(account), "version": "3"}
    assert "What you wrote" not in bo.post(f"{rule}/organizers/remove", fields, status=403)


def test_an_address_alone_is_not_given_back(client: TestApp, smtp: Mailbox) -> None:
    smtp.refusal = "451 Try later"
    form = form_to(client.get("/login"), "/login")
    form["email"] = "ada@example.org"
    assert "What you wrote" not in form.submit(status=502)
