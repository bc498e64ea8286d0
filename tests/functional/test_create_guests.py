"""What somebody writes before they sign in: where it is kept, for how long, and how it becomes a draft of theirs."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.accounts import guests
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import (
    CHOICES,
    count,
    filled,
    go_on,
    heading,
    payload,
    payload_of_guest,
    press,
    start,
    step_of,
    topics,
    unequal,
)
from tests.functional.people import mailed_link, path_of
from tests.functional.test_all_or_nothing import at_once, posting
from tests.functional.test_main_job import sentences
from tests.functional.test_sign_in import browser, rows, user

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def ask(client: TestApp, email: str = "ada@example.org", *, status: int = 200, **query: str) -> Any:
    """Ask for the mailed link at the step that is for it."""
    page = client.get("/create/community-save", query)
    return press(page, "action", "mail", email=email, status=status)


def open_link(client: TestApp, smtp: Mailbox) -> Any:
    """Open the newest mailed link."""
    return client.get(path_of(mailed_link(smtp))).maybe_follow()


def confirm(page: Any, *, bring: bool = True, own: bool = False) -> Any:
    """Press the button that another browser shows."""
    form = next(form for form in page.forms.values() if "token" in form.fields)
    for name, checked in (("bring", bring), ("own", own)):
        if name in form.fields:
            form[name].checked = checked
    return form.submit(status=303).maybe_follow()


def choose(page: Any, action: str) -> Any:
    """Press a button of the notice that the draft went to an account."""
    form = next(form for form in page.forms.values() if form.action.startswith("/create/community-save"))
    return form.submit("action", value=action).maybe_follow()


def log(engine: sa.Engine) -> str:
    return rows(engine, "events")


# Where it is kept


def test_the_browser_gets_a_cookie_and_the_database_its_hash(client: TestApp, engine: sa.Engine) -> None:
    page = client.get("/create/community-name")
    assert "cr_guest" not in client.cookies
    answer = filled(page, title="Elm").submit(status=303)
    [cookie] = [each for each in answer.headers.getall("Set-Cookie") if each.startswith("cr_guest=")]
    parts = {each.strip().lower() for each in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", f"max-age={30 * 24 * 60 * 60}"} <= parts
    assert count(engine, "guests") == count(engine, "guest_saves") == 1
    token = client.cookies["cr_guest"]
    assert token not in rows(engine, "guests") + rows(engine, "guest_saves")
    assert payload_of_guest(engine) == {"title": "Elm", "currentStep": "community-structure"}


def test_in_production_no_other_site_can_set_the_cookie(make_app: MakeApp) -> None:
    client = TestApp(
        make_app(production=True), extra_environ={"wsgi.url_scheme": "https", "HTTP_HOST": "localhost:443"}
    )
    page = client.get("/create/community-name")
    answer = filled(page, title="Elm").submit(status=303)
    [cookie] = [each for each in answer.headers.getall("Set-Cookie") if each.startswith("__Host-cr_guest=")]
    parts = {each.strip().lower() for each in cookie.split(";")[1:]}
    assert {"secure", "httponly", "path=/"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert filled(answer.follow().goto("/create/community-name"))["title"].value == "Elm"
    # The name that another site could set counts for nothing.
    other = TestApp(client.app, extra_environ=client.extra_environ)
    other.set_cookie("cr_guest", client.cookies["__Host-cr_guest"])
    assert filled(other.get("/create/community-name"))["title"].value == ""


def test_nobody_else_sees_it(client: TestApp, app: Any, ada: TestApp) -> None:
    start(client, "Elm")
    other = browser(app)
    for person in (other, ada):
        assert step_of(person.get("/create").follow()) == "informational"
        assert filled(person.get("/create/community-name"))["title"].value == ""
    for token in ("", "x", client.cookies["cr_guest"][:-1], client.cookies["cr_guest"] + "x", "é", "\x7f" * 5000):
        forged = browser(app)
        answer = forged.get("/create/community-name", headers={"Cookie": f"cr_guest={token}"})
        assert filled(answer)["title"].value == ""


def test_nothing_is_told_to_the_log_before_somebody_signs_in(client: TestApp, engine: sa.Engine) -> None:
    page = go_on(start(client), orgType=["mutualAid"])
    page = go_on(page, communityContext="We grow food.")
    for step in CHOICES:
        page = client.get(f"/create/{step}")
        press(page, "add", page.html.select_one("button[name=add]")["value"])
        press(page.click("Write your own"), "action", "save", label="Ours")
    press(client.get("/create/confirm-stakeholders"), "action", "add", emails="bo@example.org")
    go_on(client.get("/create/confirm-stakeholders"))
    press(client.get("/create/review-template/consensus"), "action", "customize")
    client.get("/create/final-review")
    ask(client)
    assert [count(engine, table) for table in ("events", "drafts", "histories", "accounts")] == [0, 0, 0, 0]


def test_it_is_kept_for_thirty_days_after_the_last_save(client: TestApp, clock: Clock, engine: sa.Engine) -> None:
    start(client, "Elm")
    clock.advance(29 * DAY)
    page = client.get("/create/community-context")
    # The cookie of the browser and its form are renewed by a page; the words by a save.
    go_on(page, communityContext="We grow food")
    clock.advance(29 * DAY)
    assert step_of(client.get("/create").follow()) == "community-size"
    page = client.get("/create/community-name")
    assert filled(page)["title"].value == "Elm"
    clock.advance(DAY)
    assert step_of(client.get("/create").follow()) == "informational"
    answer = go_on(page, title="Elm Street", status=400)
    assert "not from this draft" in answer
    assert "Elm Street" in answer
    # What is over is erased when the next one begins.
    assert count(engine, "guests") == 1
    start(client, "Oak")
    assert payload_of_guest(engine)["title"] == "Oak"
    assert count(engine, "guest_saves") == 1


def test_thirty_of_one_network_may_begin_in_a_minute(app: Any, clock: Clock, engine: sa.Engine) -> None:
    for number in range(29):
        start(browser(app), f"Garden {number}")
    late = [browser(app), browser(app)]
    pages = [each.get("/create/community-name") for each in late]
    press(late[0].get("/create/confirm-stakeholders"), "action", "add", emails="bo@example.org")
    answer = go_on(pages[1], title="Oak", status=429)
    assert "Oak" in answer
    assert int(answer.headers["Retry-After"]) >= 1
    press(late[1].get("/create/confirm-stakeholders"), "action", "add", emails="bo@example.org", status=429)
    assert count(engine, "guests") == 30
    start(browser(app, "198.51.100.2"))
    clock.advance(timedelta(seconds=61))
    assert step_of(go_on(pages[1], title="Oak")) == "community-structure"


def test_saves_that_are_long_are_kept_for_less_long(client: TestApp, engine: sa.Engine) -> None:
    start(client)
    for number in range(6):
        for clause in range(4):
            long = "x" * 7900 + str(clause)
            press(client.get("/create/final-review/own"), "action", "save", label=f"{number}.{clause}", body=long)
    with engine.connect() as connection:
        kept, size = connection.execute(
            sa.text("SELECT count(*), sum(octet_length(payload::text)) FROM guest_saves")
        ).one()
    assert 1 < kept < 33
    assert size < 1.3 * 2**20


def test_there_is_room_for_200_kilobytes(client: TestApp, engine: sa.Engine) -> None:
    start(client)
    for number in range(22):
        long = "é" * 4400 + str(number)
        press(client.get("/create/final-review/own"), "action", "save", label=f"Clause {number}", body=long)
    before = payload_of_guest(engine)
    page = client.get("/create/final-review/own")
    answer = press(page, "action", "save", label="One more", body="My last words " + "é" * 4400, status=413)
    assert "Sign in, then go on writing." in answer
    assert "My last words" in answer
    assert payload_of_guest(engine) == before
    form = filled(page, label="One more", body="é" * 4400)
    said = client.post(form.action, form.submit_fields(), headers={"Accept": "application/json"}, status=413).json
    assert said["error"]["code"] == "payload_too_large"
    # Something short still fits, and the account has room for more.
    assert step_of(go_on(client.get("/create/community-size"), size=["oneMember"])) == "community-upload"
    assert guests.BYTES_MOST - 10_000 < len(str(before).encode()) < guests.BYTES_MOST + 10_000


# Asking for the link


def test_the_link_is_asked_for_and_the_person_goes_on_meanwhile(client: TestApp, smtp: Mailbox) -> None:
    start(client)
    page = ask(client, " Ada@Example.org")
    assert heading(page) == "Look in your mail"
    assert smtp.messages[-1]["X-Rcpt-To"] == "ada@example.org"
    assert step_of(page.click("Go on in the meantime")) == "review"


def test_not_now_goes_on_without_a_mail(client: TestApp, smtp: Mailbox) -> None:
    start(client)
    page = press(client.get("/create/community-save"), "action", "later")
    assert step_of(page) == "review"
    assert step_of(client.get("/create").follow()) == "review"
    assert smtp.messages == []


@pytest.mark.parametrize("email", ["", "nobody", "a@b@c", "x" * 400 + "@example.org"])
def test_an_address_that_is_none_is_said_beside_the_field(client: TestApp, smtp: Mailbox, email: str) -> None:
    start(client)
    page = ask(client, email, status=400)
    assert "Write an email address" in page.html.select_one(".errors").text
    assert filled(page)["email"].value == email
    assert smtp.messages == []


def test_asking_twice_at_once_is_too_fast(client: TestApp, smtp: Mailbox, clock: Clock) -> None:
    start(client)
    ask(client)
    [mail] = smtp.messages
    assert "What you wrote there before you signed in comes along." in mail.get_content()
    assert "Elm" not in mail.get_content()
    page = ask(client, status=429)
    assert page.headers["Retry-After"] == "60"
    assert "That was a little fast. Try again in 60 seconds." in page.html.select_one(".errors").text
    assert filled(page)["email"].value == "ada@example.org"
    clock.advance(timedelta(seconds=61))
    ask(client)
    assert len(smtp.messages) == 2


def test_a_mail_that_fails_can_be_asked_for_again_at_once(
    client: TestApp, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    start(client)
    ask(client)
    link = path_of(mailed_link(smtp))
    clock.advance(timedelta(seconds=61))
    smtp.refusal = "451 Try later"
    page = ask(client, status=502)
    assert "could not be sent" in page.html.select_one(".errors").text
    assert filled(page)["email"].value == "ada@example.org"
    assert payload_of_guest(engine)["title"] == "Elm Street Garden"
    # The link that was mailed before still works, for nobody got another one.
    assert "Sign in here?" in browser(client.app).get(link)
    smtp.refusal = None
    ask(client)
    assert open_link(client, smtp).status_int == 200
    assert payload(client)["title"] == "Elm Street Garden"


# Becoming a draft


def prepared(client: TestApp) -> None:
    """A guest with a bit of everything."""
    start(client, "Elm Street Garden")
    go_on(client.get("/create/community-structure"), orgType=["mutualAid"])
    press(client.get("/create/core-values"), "add", "1")
    press(client.get("/create/confirm-stakeholders"), "action", "add", emails="friend@example.org")


def test_the_browser_that_asked_finds_everything_where_it_was(
    client: TestApp, smtp: Mailbox, engine: sa.Engine
) -> None:
    prepared(client)
    before = payload_of_guest(engine)
    ask(client)
    page = open_link(client, smtp)
    assert step_of(page) == "review"
    assert "Elm Street Garden" in page
    assert user(client)["email"] == "ada@example.org"
    assert payload(client) == {**before, "currentStep": "review"}
    assert topics(engine) == ["draft.Started"]
    draft = path_of(page.click("The whole draft and its history").request.url)
    assert sentences(client.get(f"{draft}/history".replace("//", "/"))) == [
        "Started with what was written before signing in. You"
    ]
    assert "friend@example.org" in client.get("/create/confirm-stakeholders")
    assert "@" not in log(engine)
    # Nothing of it is kept a second time.
    assert count(engine, "guest_saves") == 0
    assert unequal(engine) == []


@pytest.mark.parametrize("step", ["core-values", "conflict-management", "final-review", "community-upload"])
def test_the_link_opens_exactly_at_the_step(client: TestApp, app: Any, smtp: Mailbox, step: str) -> None:
    start(client)
    page = client.get(f"/create/{step}")
    page = page.goto(page.html.find("a", href=re.compile("/create/community-save.then="))["href"])
    press(page, "action", "mail", email="ada@example.org", status=200)
    page = confirm(open_link(browser(app), smtp))
    assert step_of(page) == step
    assert page.html.select_one("#steps h2").text == "Elm Street Garden"


def test_another_browser_is_asked_and_shown_what_it_is(
    client: TestApp, app: Any, smtp: Mailbox, engine: sa.Engine
) -> None:
    start(client, "<b>Elm</b> & Oak")
    ask(client)
    other = browser(app)
    page = open_link(other, smtp)
    said = " ".join(page.html.main.text.split())
    assert "Put what was written in that browser among my drafts: “<b>Elm</b> & Oak”" in said
    assert page.html.select("main b, label b") == []
    assert user(other) is None
    assert count(engine, "drafts") == 0
    assert step_of(confirm(page)) == "review"
    assert payload(other)["title"] == "<b>Elm</b> & Oak"


def test_what_has_no_name_yet_comes_along_too(client: TestApp, app: Any, smtp: Mailbox) -> None:
    go_on(client.get("/create/community-context"), communityContext="We grow food")
    ask(client)
    other = browser(app)
    page = open_link(other, smtp)
    assert "Put what was written in that browser among my drafts" in " ".join(page.html.main.text.split())
    confirm(page)
    assert payload(other)["communityContext"] == "We grow food"


def test_without_the_checkbox_it_stays_where_it_is(client: TestApp, app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    start(client, "Elm")
    ask(client)
    other = browser(app)
    confirm(open_link(other, smtp), bring=False)
    assert user(other)["email"] == "ada@example.org"
    assert count(engine, "events") == 0
    assert other.get("/api/drafts/me").json["draft"] is None
    # The browser that wrote it goes on with it.
    page = go_on(client.get("/create/community-context"), communityContext="We grow food")
    assert step_of(page) == "community-size"
    assert payload_of_guest(engine)["title"] == "Elm"


@pytest.mark.parametrize("own", [False, True])
def test_what_another_browser_wrote_comes_only_where_the_person_says_so(
    client: TestApp, app: Any, smtp: Mailbox, own: bool
) -> None:
    """Somebody else may have asked for the link and passed it on."""
    start(client, "Elm")
    ask(client)
    other = browser(app)
    start(other, "Oak")
    page = open_link(other, smtp)
    assert "among the drafts of ada@example.org: “Oak”" in " ".join(page.html.main.text.split())
    confirm(page, own=own)
    drafts = [each.text for each in other.get("/profile").html.select("main h3 a")]
    assert sorted(drafts) == (["Elm", "Oak"] if own else ["Elm"])
    other.post("/api/auth/logout")
    assert filled(other.get("/create/community-name"))["title"].value == ("" if own else "Oak")


def test_a_tab_whose_draft_went_gets_its_words_back_and_is_told_where_it_is(
    client: TestApp, app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    start(client, "Elm")
    pages = {
        "community-context": {"communityContext": "My last words"},
        "communication-methods/own": {"label": "My last words"},
        "confirm-stakeholders": {"emails": "last@example.org"},
    }
    tabs = {step: client.get(f"/create/{step}") for step in pages}
    ask(client)
    confirm(open_link(browser(app), smtp))
    for step, texts in pages.items():
        answer = filled(tabs[step], **texts).submit(status=409)
        assert "The draft of this browser moved to your account" in answer
        assert next(iter(texts.values())) in answer
    form = filled(tabs["community-context"], communityContext="My last words")
    said = client.post(form.action, form.submit_fields(), headers={"Accept": "application/json"}, status=409).json
    assert said["error"]["code"] == "conflict"
    assert "moved to your account" in said["error"]["message"]
    page = client.get("/create/community-context")
    assert "The draft of this browser went to an account" in page
    assert page.html.select_one(".notice a")["href"].startswith("/login?next=/create/community-context")
    # Overlooking it begins no second text beside the first.
    for step, texts in pages.items():
        answer = filled(client.get(f"/create/{step}"), **texts).submit(status=409)
        assert next(iter(texts.values())) in answer
    assert count(engine, "guests") == 1
    # And may begin anew.
    assert choose(client.get("/create/community-name"), "begin-anew").status_int == 200
    go_on(client.get("/create/community-name"), title="Oak")
    assert "Oak" in client.get("/create/review")
    assert "went to an account" not in client.get("/create/community-context")


def test_a_link_that_went_to_somebody_else_takes_nothing_away(
    client: TestApp, app: Any, smtp: Mailbox, clock: Clock
) -> None:
    start(client, "Elm")
    press(client.get("/create/confirm-stakeholders"), "action", "add", emails="friend@example.org")
    ask(client, "bo@example.org")
    bo = browser(app)
    page = open_link(bo, smtp)
    assert "with the email addresses of 1 person to invite" in " ".join(page.html.main.text.split())
    confirm(page)
    page = client.get("/create/community-context")
    page = choose(page, "take-back")
    assert step_of(page) == "community-context"
    assert "friend@example.org" in client.get("/create/confirm-stakeholders")
    go_on(client.get("/create/community-context"), communityContext="Mine")
    clock.advance(timedelta(seconds=61))
    ask(client, "ada@example.org")
    open_link(client, smtp)
    assert payload(client)["communityContext"] == "Mine"
    assert "communityContext" not in payload(bo)


def test_a_newer_link_takes_the_text_off_the_older_ones(client: TestApp, app: Any, smtp: Mailbox, clock: Clock) -> None:
    start(client, "Elm")
    ask(client, "bo@example.org")
    mistyped = path_of(mailed_link(smtp))
    clock.advance(timedelta(seconds=61))
    ask(client, "ada@example.org")
    bo = browser(app)
    page = bo.get(mistyped)
    assert "Elm" not in page
    confirm(page)
    assert bo.get("/api/drafts/me").json["draft"] is None
    open_link(client, smtp)
    assert payload(client)["title"] == "Elm"


def test_a_tab_of_the_browser_that_signed_in_gets_its_words_back(client: TestApp, smtp: Mailbox) -> None:
    start(client, "Elm")
    tab = client.get("/create/community-context")
    ask(client)
    open_link(client, smtp)
    answer = go_on(tab, communityContext="My last words", status=403)
    assert "My last words" in answer
    assert "you signed in" in answer
    go_on(client.get("/create/community-context"), communityContext="My last words")
    assert payload(client)["communityContext"] == "My last words"


def test_what_is_written_until_the_link_is_opened_comes_along(client: TestApp, app: Any, smtp: Mailbox) -> None:
    start(client, "Elm")
    ask(client)
    go_on(client.get("/create/community-context"), communityContext="Written while the mail was on its way")
    other = browser(app)
    confirm(open_link(other, smtp))
    assert payload(other)["communityContext"] == "Written while the mail was on its way"


def test_so_does_all_of_it_when_nothing_was_written_before(client: TestApp, app: Any, smtp: Mailbox) -> None:
    ask(client)
    start(client, "Elm")
    # Another browser has nothing to do with what this one wrote since.
    assert "among my drafts" not in open_link(browser(app), smtp)
    open_link(client, smtp)
    assert payload(client)["title"] == "Elm"


def test_it_comes_beside_the_drafts_that_one_has(ada: TestApp, client: TestApp, smtp: Mailbox, clock: Clock) -> None:
    start(ada, "Oak")
    clock.advance(timedelta(seconds=61))
    start(client, "Elm")
    ask(client)
    page = open_link(client, smtp)
    assert page.html.select_one("#steps h2").text == "Elm"
    assert [each.text for each in ada.get("/profile").html.select("main h3 a")] == ["Elm", "Oak"]


def test_signing_in_on_the_page_for_that_brings_it_too(client: TestApp, smtp: Mailbox) -> None:
    start(client, "Elm")
    form = next(form for form in client.get("/login").forms.values() if "email" in form.fields)
    form["email"] = "ada@example.org"
    form.submit()
    open_link(client, smtp)
    assert payload(client)["title"] == "Elm"


def test_of_two_links_the_first_that_is_opened_brings_it(
    client: TestApp, app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    start(client, "Elm")
    ask(client, "ada@example.org")
    first = path_of(mailed_link(smtp))
    clock.advance(timedelta(seconds=61))
    ask(client, "bo@example.org")
    bo, ada = browser(app), browser(app)
    confirm(open_link(bo, smtp))
    confirm(ada.get(first))
    assert payload(bo)["title"] == "Elm"
    assert ada.get("/api/drafts/me").json["draft"] is None
    assert topics(engine) == ["draft.Started"]


def test_a_link_that_came_too_late_leaves_it_where_it_is(client: TestApp, smtp: Mailbox, clock: Clock) -> None:
    start(client, "Elm")
    ask(client)
    clock.advance(timedelta(minutes=11))
    assert "it is too old" in open_link(client, smtp)
    assert filled(client.get("/create/community-name"))["title"].value == "Elm"


def test_a_save_at_the_moment_of_signing_in_is_kept_or_given_back(client: TestApp, app: Any, smtp: Mailbox) -> None:
    for number in range(5):
        writer = browser(app, f"198.51.100.{number + 1}")
        start(writer, "Elm")
        path = "/create/community-context"
        save = posting(writer, writer.get(path), path, communityContext="My last words")
        ask(writer, f"person{number}@example.org")
        other = browser(app)
        page = open_link(other, smtp)
        answers = at_once(save, lambda page=page: confirm(page))  # type: ignore[misc]
        assert answers[0].status_int in (303, 409)
        if answers[0].status_int == 303:
            assert payload(other)["communityContext"] == "My last words"
        else:
            assert "My last words" in answers[0]


def test_after_signing_out_one_begins_anew(client: TestApp, smtp: Mailbox, clock: Clock, engine: sa.Engine) -> None:
    start(client, "Elm")
    ask(client)
    open_link(client, smtp)
    client.post("/api/auth/logout")
    clock.advance(SECOND)
    assert step_of(client.get("/create").follow()) == "informational"
    go_on(client.get("/create/community-name"), title="Oak")
    assert payload_of_guest(engine)["title"] == "Oak"
