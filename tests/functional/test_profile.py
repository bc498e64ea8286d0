"""A person's home: what it lists, how little it asks of the database, and where its buttons lead."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock
from tests.functional.people import form_to, path_of, sign_in
from tests.functional.rules import account_of, commands, document, noon, person, publish


@contextmanager
def statements() -> Iterator[list[str]]:
    """What this process asks of the database meanwhile."""
    asked: list[str] = []

    def listen(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", listen)
    try:
        yield asked
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", listen)


def fill(engine: sa.Engine, email: str, count: int) -> None:
    """So many drafts of each kind: of a new rule, of a next revision, of a copy."""
    me = account_of(engine, email)
    for number in range(count):
        rule = UUID(publish(engine, me, "2026-03-01", name=f"Rule {number}")[-36:])
        with commands(engine) as app:
            app.start_draft(me, noon("2026-03-02"), {"title": f"New {number}"})
            app.edit_rule(rule, me, noon("2026-03-02"))
            app.copy_rule(rule, me, noon("2026-03-02"))


def links(page: Any, name: str) -> list[str]:
    return [path_of(each["href"]) for each in page.html.select("main a") if each.text.startswith(name)]


def test_signed_out_people_sign_in_and_come_back(client: TestApp) -> None:
    assert path_of(client.get("/").html.find("a", string="Profile")["href"]) == "/profile"
    assert path_of(client.get("/profile", status=303).location) == "/login?next=%2Fprofile"
    assert path_of(client.get("/profile/account", status=303).location) == "/login?next=%2Fprofile%2Faccount"


def test_whoever_kept_the_address_of_the_drafts_gets_here(ada: TestApp) -> None:
    assert path_of(ada.get("/drafts", status=301).location) == "/profile"
    ada.head("/drafts", status=301)


def test_a_person_with_nothing_is_told_how_to_begin(ada: TestApp) -> None:
    page = ada.get("/profile")
    assert page.html.h1.text == "Profile"
    assert [each.text for each in page.html.main.select("h2")] == ["Drafts", "Start your first", "Your name"]
    assert "No drafts yet" in page


def test_a_draft_is_gone_on_with_opened_and_discarded_after_a_question(ada: TestApp) -> None:
    form_to(ada.get("/profile"), "/drafts").submit("action", value="parts", status=303)
    page = ada.get("/profile")
    draft = path_of(page.html.select_one("main h3 a")["href"]).rstrip("/")
    assert [each.rstrip("/") for each in links(page, "All parts")] == [draft]
    assert links(page, "Go on") == [f"/create?draft={draft.removeprefix('/drafts/')}"]
    ask = ada.get(links(page, "Discard")[0])
    assert ask.html.h1.text == "Discard this draft?"
    assert "Untitled rule" in ada.get("/profile")
    after = form_to(ask, f"{draft}/discard").submit(status=303)
    assert path_of(after.location) == "/profile"
    assert "Untitled rule" not in after.follow()


def test_a_name_that_is_too_long_comes_back_with_a_sentence(ada: TestApp) -> None:
    form = form_to(ada.get("/profile"), "/drafts")
    form["title"] = long = "x" * 501
    page = form.submit("action", value="guided", status=400)
    assert page.html.title.text.startswith("Error: Profile")
    assert "shorten it to 500" in page.html.select_one(".errors").text
    assert form_to(page, "/drafts")["title"].value == long


def test_how_i_am_called_is_said_and_changed_here(ada: TestApp, engine: sa.Engine) -> None:
    form = form_to(ada.get("/profile"), "/profile/name")
    form["your-name"] = "Ada of Elm Street"
    page = form.submit(status=303).follow()
    assert page.html.select_one("[role=status]").text == "Your name is saved."
    form = form_to(page, "/profile/name")
    assert form["your-name"].value == "Ada of Elm Street"
    for wrong, sentence in (("The owner", "choose another"), ("x" * 81, "shorten it to 80")):
        form["your-name"] = wrong
        page = form.submit(status=400)
        assert sentence in page.html.select_one(".errors").text
        assert form_to(page, "/profile/name")["your-name"].value == wrong
    rule = publish(engine, account_of(engine, "ada@example.org"), "2026-03-01")
    assert "Ada of Elm Street" in ada.get(f"{rule}/history")


def test_an_own_rule_is_revised_duplicated_and_withdrawn_from_here(ada: TestApp, engine: sa.Engine) -> None:
    rule = publish(engine, account_of(engine, "ada@example.org"), "2026-03-01", name="Oak Lane")
    page = ada.get("/profile")
    assert "You have no open drafts." in page
    assert "Start another" in [each.text for each in page.html.main.select("h2")]
    assert links(page, "Write the next revision") == [f"{rule}/edit"]
    assert links(page, "Organizers") == [f"{rule}/organizers"]
    assert links(page, "Stakeholders") == [f"{rule}/stakeholders"]
    assert links(page, "Withdraw") == [f"{rule}/withdraw"]
    assert ada.get(f"{rule}/withdraw").html.h1.text == "Withdraw Oak Lane?"
    draft = form_to(page, f"{rule}/copy").submit(status=303).follow()
    assert "Begins with the text of Oak Lane, revision 1." in " ".join(draft.html.main.text.split())
    # Pressed twice, it is one draft.
    again = form_to(page, f"{rule}/copy").submit(status=303)
    assert again.location == draft.request.url
    assert len(links(ada.get("/profile"), "Discard")) == 1


def test_a_rule_that_i_have_a_stake_in_is_here_until_i_leave(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    rule = publish(engine, account_of(engine, "ada@example.org"), "2026-03-01", name="Oak Lane")
    stakeholder = uuid4()
    with commands(engine) as app:
        app.invite_stakeholders(
            UUID(rule[-36:]), account_of(engine, "ada@example.org"), noon("2026-03-02"), stakeholder
        )
    assert "Oak Lane" not in bo.get("/profile")
    with commands(engine) as app:
        app.accept_stakeholder(UUID(rule[-36:]), account_of(engine, "bo@example.org"), noon("2026-03-03"), stakeholder)
    page = bo.get("/profile")
    assert "Rules you are a stakeholder of" in [each.text for each in page.html.select("h2")]
    assert links(page, "Write the next revision") == []
    ask = bo.get(links(page, "Leave")[0])
    after = form_to(ask, f"{rule}/stakeholders/leave").submit(status=303).follow()
    assert after.html.select_one("[role=status]").text.startswith("You left the rule.")
    assert "Oak Lane" not in after


def test_what_is_another_persons_is_not_here(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    fill(engine, "ada@example.org", 1)
    assert "New 0" in ada.get("/profile")
    assert "Rule 0" in ada.get("/profile")
    page = bo.get("/profile")
    assert "New 0" not in page
    assert "Rule 0" not in page


def test_fifty_drafts_ask_no_more_of_the_database_than_three(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    fill(engine, "ada@example.org", 1)
    fill(engine, "bo@example.org", 17)
    with statements() as few:
        assert len(links(ada.get("/profile"), "Discard")) == 3
    with statements() as many:
        assert len(links(bo.get("/profile"), "Discard")) == 50
    assert len(many) == len(few)


@pytest.mark.parametrize("page_of", ["drafts", "others", "rules", "organized", "staked"])
def test_what_is_older_is_on_pages_of_its_own(
    ada: TestApp, engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, page_of: str
) -> None:
    monkeypatch.setattr("cr.views.profile.PAGE", 2)
    me = account_of(engine, "ada@example.org")
    owner, day = person(engine), noon("2026-03-01")
    for number in range(5):
        name = f"Thing {number}"
        with commands(engine) as app:
            match page_of:
                case "drafts":
                    app.start_draft(me, day, {"title": name})
                case "others":
                    app.join_draft(app.start_draft(owner, day, {"title": name}), me, day)
                case "rules":
                    app.publish_rule(me, day, name, None, document("Care"))
                case "organized":
                    app.join_rule(app.publish_rule(owner, day, name, None, document("Care")).id, me, day)
                case "staked":
                    rule = app.publish_rule(owner, day, name, None, document("Care"), stakeholders=[(who := uuid4())])
                    app.accept_stakeholder(rule.id, me, day, who)
    seen, page = [], ada.get("/profile")
    while True:
        shown = [each.text.rpartition(": ")[2] for each in page.html.select("main h3 a")]
        assert len(shown) <= 2
        seen += shown
        older = links(page, "Older")
        if not older:
            break
        page = ada.get(older[0])
    assert seen == [f"Thing {number}" for number in reversed(range(5))]


def test_an_odd_place_in_the_list_is_the_first_page(ada: TestApp) -> None:
    for odd in ("x", "-1", "9" * 30, ""):
        ada.get("/profile", {"drafts": odd, "rules": odd}, status=200)


# Devices

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 "
    "Mobile/15E148 Safari/604.1"
)


@pytest.fixture
def device(app: Any, smtp: Mailbox, clock: Clock) -> Callable[..., TestApp]:
    """Makes browsers in which Ada is signed in, a minute after the one before."""

    def make(user_agent: str = FIREFOX) -> TestApp:
        clock.advance(timedelta(minutes=1))
        return sign_in(app, smtp, "ada@example.org", HTTP_USER_AGENT=user_agent)

    return make


def devices(client: TestApp) -> list[str]:
    """Name and all that is said of each."""
    return [" ".join(each.text.split()) for each in client.get("/profile/account").html.select(".devices > li")]


def is_signed_in(client: TestApp) -> bool:
    return client.get("/api/auth/session").json["user"] is not None


def test_devices_are_told_apart(device: Callable[..., TestApp], bo: TestApp, clock: Clock) -> None:
    phone, laptop = device(PHONE), device()
    clock.advance(timedelta(hours=2))
    assert is_signed_in(phone)
    mine, other = devices(laptop)
    assert mine.startswith("Firefox on Linux (this one) Signed in ")
    assert other.startswith("Safari on iPhone Signed in ")
    assert f"Used last about {clock.now.day} {clock.now:%B %Y}, {clock.now:%H:%M} UTC" in other
    assert [each.split(" Signed")[0] for each in devices(phone)] == ["Safari on iPhone (this one)", "Firefox on Linux"]
    assert len(devices(bo)) == 1


def test_one_is_ended_at_once(device: Callable[..., TestApp]) -> None:
    lost, other, mine = device(PHONE), device(), device()
    page = mine.get("/profile/account")
    button = next(each for each in page.html.select("button[name=session]") if "iPhone" in each.text)
    done = form_to(page, "/profile/account/end").submit("session", value=button["value"], status=303).follow()
    assert done.html.select_one("[role=status]").text == "That browser is signed out."
    assert path_of(lost.get("/profile", status=303).location) == "/login?next=%2Fprofile"
    assert is_signed_in(other)
    assert len(devices(mine)) == 2
    # Once more, or for one that ended by itself, is no mistake, and nothing is said to be done.
    again = form_to(page, "/profile/account/end").submit("session", value=button["value"], status=303).follow()
    assert again.html.select_one("[role=status]").text == "That browser was not signed in to your account any more."


def test_all_others_are_ended_at_once(device: Callable[..., TestApp], bo: TestApp) -> None:
    lost, other, mine = device(PHONE), device(), device()
    page = mine.get("/profile/account")
    done = form_to(page, "/profile/account/end").submit("session", value="others", status=303).follow()
    assert done.html.select_one("[role=status]").text == "All other browsers are signed out."
    assert [is_signed_in(each) for each in (lost, other, mine, bo)] == [False, False, True, True]
    assert "End all others" not in done


def test_nobody_ends_what_is_another_persons(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    query = "SELECT sessions.id FROM sessions JOIN accounts ON accounts.id = account_id WHERE email = 'ada@example.org'"
    with engine.connect() as connection:
        theirs = str(connection.execute(sa.text(query)).scalar_one())
    csrf = form_to(bo.get("/profile/account"), "/profile/account/end")["csrf_token"].value
    for given in (theirs, "x", "", "\0"):
        answer = bo.post("/profile/account/end", {"csrf_token": csrf, "session": given}, status=303)
        assert "That browser is signed out." not in answer.follow()
    assert is_signed_in(ada)
    assert is_signed_in(bo)


def test_nothing_of_what_a_browser_says_is_kept_but_a_few_words_of_ours(
    device: Callable[..., TestApp], engine: sa.Engine
) -> None:
    odd = device("<script>alert(1)</script> Frankenstein/1.0")
    assert devices(odd)[0].startswith("A browser (this one)")
    device(PHONE)
    with engine.connect() as connection:
        kept = set(connection.execute(sa.text("SELECT browser FROM sessions")).scalars())
    assert kept == {None, "Safari on iPhone"}
