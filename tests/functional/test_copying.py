"""Starting a rule of one's own from somebody's, with the attribution that stays."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.functional.flow import unequal
from tests.functional.people import form_to, mailed_link, path_of
from tests.functional.rules import account_of, person, publish, revise, withdraw
from tests.functional.test_main_job import publish as publish_draft
from tests.functional.test_main_job import write
from tests.functional.test_revisions import text


@pytest.fixture
def elm(engine: sa.Engine) -> str:
    """The path of a rule with two revisions, of somebody."""
    ana = person(engine, "Ana")
    rule = publish(engine, ana, "2026-03-01", "Care", name="Elm Street")
    revise(engine, rule, ana, "2026-03-02", "Care", "Trust", name="Elm Road")
    return rule


def copied(client: TestApp, rule: str, revision: int = 2) -> str:
    """The path of the draft that the button leads to."""
    page = client.get(f"{rule}/copy?revision={revision}")
    return path_of(form_to(page, f"{rule}/copy").submit(status=303).location).rstrip("/")


def test_a_rule_begins_with_the_text_of_another_and_says_so(
    ada: TestApp, client: TestApp, elm: str, engine: sa.Engine
) -> None:
    page = ada.get(elm).click("Start your own rule from this text")
    assert "revision 2" in text(page)
    draft = form_to(page, f"{elm}/copy").submit(status=303).follow()
    assert "Begins with the text of Elm Road, revision 2." in text(draft)
    assert "Begins with the text of Elm Road, revision 2." in text(ada.get("/profile"))
    path = path_of(draft.request.url).rstrip("/")
    write(ada, f"{path}/about", title="Oak Lane")
    before = client.get(elm).headers["ETag"]
    oak = publish_draft(ada, path)
    page = client.get(oak)
    assert "About Trust" in page
    assert "Based on Elm Road, revision 2." in text(page)
    assert page.click("Elm Road").request.path == f"{elm}/revisions/2"

    source = client.get(elm, headers={"If-None-Match": before}, status=200)
    assert "Rules that began with this one Oak Lane" in text(source)
    assert source.html.select_one(".rule-more h3 a")["href"] == oak
    assert "What changed from revision" not in page
    assert unequal(engine) == []


def test_an_old_revision_is_copied_too(ada: TestApp, elm: str) -> None:
    draft = ada.get(copied(ada, elm, 1))
    assert "Begins with the text of Elm Street, revision 1." in text(draft)
    assert "Trust" not in draft.html.main.text
    # Without a number it is the one in force.
    draft = form_to(ada.get(f"{elm}/copy"), f"{elm}/copy").submit(status=303).follow()
    assert "Elm Road, revision 2." in text(draft)


@pytest.mark.parametrize("number", ["0", "3", "x", "", "-1", "1.0", "9" * 30])
def test_an_unknown_revision_is_not_copied(ada: TestApp, elm: str, number: str) -> None:
    assert "no such revision" in ada.get(f"{elm}/copy", {"revision": number}, status=404)
    form = form_to(ada.get(f"{elm}/copy"), f"{elm}/copy")
    form["revision"] = number
    form.submit(status=404)


def test_two_presses_open_one_draft_and_another_press_another_day_a_second(ada: TestApp, bo: TestApp, elm: str) -> None:
    draft = copied(ada, elm)
    assert copied(ada, elm) == draft
    assert copied(ada, elm, 1) != draft
    assert copied(bo, elm) != draft
    write(ada, f"{draft}/about", title="Oak Lane")
    assert copied(ada, elm) != draft


def test_a_guest_is_led_through_signing_in_and_back(client: TestApp, elm: str, smtp: Mailbox) -> None:
    page = client.get(f"{elm}/copy?revision=1")
    assert "You are asked for your email address first." in text(page)
    login = form_to(page, f"{elm}/copy").submit(status=303).follow()
    form = form_to(login, "/login")
    form["email"] = "cy@example.org"
    form.submit()
    page = client.get(path_of(mailed_link(smtp)), status=303).follow()
    assert page.request.path_qs == f"{elm}/copy?revision=1"
    draft = form_to(page, f"{elm}/copy").submit(status=303).follow()
    assert "Begins with the text of Elm Street, revision 1." in text(draft)


def test_a_form_of_another_site_copies_nothing(ada: TestApp, elm: str, engine: sa.Engine) -> None:
    ada.post(f"{elm}/copy", {"revision": "2"}, status=403)
    with engine.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM drafts")).scalar_one() == 0


def test_to_its_owner_the_page_is_called_duplicate(ada: TestApp, bo: TestApp, client: TestApp, elm: str) -> None:
    rule = "/rules/" + ada.post_json("/api/rules", {"title": "Oak", "document": {"sections": []}}).json["rule"]["id"]
    assert ada.get(f"{rule}/copy").html.h1.text == "Duplicate"
    for page in (bo.get(f"{rule}/copy"), client.get(f"{rule}/copy"), ada.get(f"{elm}/copy")):
        assert page.html.h1.text == "Start your own rule from this text"
    assert "Begins with the text of Oak, revision 1." in text(ada.get(copied(ada, rule, 1)))


def test_a_withdrawn_source_is_named_and_not_linked(ada: TestApp, client: TestApp, elm: str, engine: sa.Engine) -> None:
    oak = publish(engine, person(engine), "2026-03-03", name="Oak", copied_from=UUID(elm[-36:]), copied_revision=1)
    draft = copied(ada, elm)
    form = form_to(ada.get(f"{elm}/copy"), f"{elm}/copy")
    etag = client.get(oak).headers["ETag"]
    withdraw(engine, elm, None, "2026-03-04")
    page = client.get(oak, headers={"If-None-Match": etag}, status=200)
    assert "Based on “Elm Street”, revision 1. That rule was withdrawn." in text(page)
    assert page.html.select(f"a[href^='{elm}']") == []
    for path in (draft, "/profile"):
        assert "Begins with the text of “Elm Road”, revision 2. That rule was withdrawn." in text(ada.get(path))
    ada.get(f"{elm}/copy", status=410)
    form.submit(status=410)
    # What began with it is still to be found from where it was.
    assert client.get(elm, status=410).html.select_one("h3 a")["href"] == oak
    assert "Oak" in client.get(f"{elm}/copies").html.main.text


def test_a_copy_that_was_withdrawn_is_not_listed(client: TestApp, elm: str, engine: sa.Engine) -> None:
    oak = publish(engine, person(engine), "2026-03-03", name="Oak", copied_from=UUID(elm[-36:]), copied_revision=1)
    assert "Oak" in client.get(elm)
    withdraw(engine, oak, None, "2026-03-04")
    assert "Oak" not in client.get(elm)
    assert "No published rule began with this one yet." in client.get(f"{elm}/copies")


def test_many_copies_have_pages_of_their_own(client: TestApp, elm: str, engine: sa.Engine) -> None:
    owner = person(engine)
    for number in range(6):
        publish(engine, owner, "2026-03-03", name=f"Oak {number}", copied_from=UUID(elm[-36:]), copied_revision=1)
    page = client.get(elm)
    assert len(page.html.select(".rule-more h3")) == 5
    assert len(page.click("All rules that began with this one").html.select(".rules h2")) == 6
    for number in range(6, 51):
        publish(engine, owner, "2026-03-03", name=f"Oak {number}", copied_from=UUID(elm[-36:]), copied_revision=1)
    page = client.get(f"{elm}/copies")
    assert len(page.html.select(".rules h2")) == 50
    assert [each.text for each in page.click("Show older rules").html.select(".rules h2")] == ["Oak 0"]


def test_a_copy_from_before_revisions_were_told_apart(client: TestApp, elm: str, engine: sa.Engine) -> None:
    oak = publish(engine, person(engine), "2026-03-03", name="Oak", copied_from=UUID(elm[-36:]))
    page = client.get(oak)
    assert "Based on Elm Road." in text(page)
    assert page.click("Elm Road", href=elm).request.path == elm


def test_the_apis_duplicate_says_so_too(ada: TestApp, client: TestApp, engine: sa.Engine) -> None:
    rule = publish(engine, account_of(engine, "ada@example.org"), "2026-03-01", name="Oak")
    copy: Any = ada.post_json(f"/api{rule}/duplicate", {}).json["rule"]
    assert "Based on Oak, revision 1." in text(client.get(f"/rules/{copy['id']}"))
