"""Several people write the draft of a rule that is not there yet, invited by link or by mail; removal takes effect."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from eventsourcing.persistence import IntegrityError
from webtest import TestApp

from cr.accounts import join_links
from cr.errors import Forbidden
from cr.events import draft as drafts
from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import Clock
from tests.functional.flow import count, go_on, unequal
from tests.functional.people import form_to, path_of, sign_in
from tests.functional.rules import account_of, commands
from tests.functional.test_main_job import edit, publish, sentences, start, write, written
from tests.functional.test_organizers import call, join, people
from tests.functional.test_sign_in import browser, rows


@pytest.fixture
def cy(app: Any, smtp: Mailbox) -> TestApp:
    return sign_in(app, smtp, "cy@example.org")


@pytest.fixture
def draft(ada: TestApp) -> str:
    """The path of a draft that Ada has begun, ready to be published."""
    return written(ada)


def make_link(owner: TestApp, team: str) -> str:
    page = form_to(owner.get(team), f"{team}/links").submit(status=200)
    return path_of(page.html.find("textarea", id="link").text.strip())


def let_in(owner: TestApp, person: TestApp, draft: str, name: str | None = None) -> None:
    join(person, make_link(owner, f"{draft}/writers"), name)


def put_out(person: TestApp, team: str, link: str = "Remove") -> Any:
    return form_to(person.get(team).click(link), f"{team}/remove").submit(status=303)


def invite(owner: TestApp, team: str, email: str, *, status: int = 303) -> Any:
    form = form_to(owner.get(team), f"{team}/invite")
    form["email"] = email
    return form.submit(status=status)


def waiting(engine: sa.Engine) -> list[Any]:
    """The mails that wait to be sent: recipient, subject, text."""
    query = "SELECT recipient, subject, text FROM outbox WHERE due_at IS NOT NULL ORDER BY written_at"
    with engine.connect() as connection:
        return list(connection.execute(sa.text(query)))


# Writing together


def test_who_is_let_in_writes_a_draft_that_is_no_rule_yet(
    ada: TestApp, bo: TestApp, cy: TestApp, draft: str, engine: sa.Engine
) -> None:
    bo.get(draft, status=403)
    assert "Only you can see it now." in ada.get(f"{draft}/preview")
    link = make_link(ada, f"{draft}/writers")
    assert "Write Elm Street Garden together" in bo.get(link)
    assert path_of(join(bo, link, "Bo").location).rstrip("/") == f"{draft}/writers"
    for page in (cy.get(link, status=404), browser(cy.app).get(link, status=404)):
        assert "Elm Street" not in page  # what a draft is called is nobody else's to know
    assert people(bo.get(f"{draft}/writers")) == ["The owner", "Bo (you)"]
    about = f"{draft}/about"
    one, other = ada.get(about), bo.get(about)
    write(ada, about, page=one, title="Elm Street Gardens")
    write(bo, about, page=other, summary="Food for the street")
    for person in (ada, bo):
        assert "Elm Street Gardens" in person.get(draft).html.h1.text
        assert "Food for the street" in person.get(draft)
    said = sentences(ada.get(f"{draft}/history"))
    assert said[:3] == [
        "Wrote the summary. Bo",
        "Named it “Elm Street Gardens”. You",
        "Joined to write this draft. Bo",
    ]
    assert sentences(bo.get(f"{draft}/history"))[1] == "Named it “Elm Street Gardens”. The owner"
    assert "This is the owner’s draft." in bo.get(draft)
    for person in (ada, bo):
        assert "Only those who write it can see it now." in person.get(f"{draft}/preview")
    listed = bo.get("/profile").click("The owner’s draft: Elm Street Gardens")
    assert path_of(listed.request.url).rstrip("/") == draft
    assert "Elm Street" not in cy.get("/profile").html.main.text
    assert unequal(engine) == []


def test_who_changed_it_is_said_where_one_meets_the_change_of_another(ada: TestApp, bo: TestApp, draft: str) -> None:
    let_in(ada, bo, draft, "Bo")
    about = f"{draft}/about"
    assert "Bo writes in it with you." in " ".join(ada.get(draft).html.main.text.split())
    stale, guided = ada.get(about), ada.get("/create/community-name", {"draft": draft.split("/")[2]})
    write(bo, about, title="Bo’s garden")
    assert "Undo the last change, by Bo: Named it" in ada.get(draft)
    assert "Undo the last change: Named it" in bo.get(draft)
    both = [write(ada, about, page=stale, title="Ada’s garden", status=409)]
    both += [go_on(guided, title="Ada’s garden", status=409)]
    for page in both:
        assert "Saved in the meantime, by Bo" in page
    # Between two windows of one person there is nobody to name.
    stale = bo.get(about)
    write(bo, about, title="Oak")
    alone = write(bo, about, page=stale, title="Elm", status=409)
    assert "Saved in the meantime" in alone
    assert "Saved in the meantime, by" not in alone


def test_who_has_no_name_is_asked_about_in_a_sentence(ada: TestApp, bo: TestApp, draft: str) -> None:
    let_in(ada, bo, draft)
    assert "Another writer writes in it with you." in " ".join(ada.get(draft).html.main.text.split())
    page = ada.get(f"{draft}/writers").click("Remove")
    assert page.html.h1.text == "Remove a writer?"


def test_the_guided_flow_is_for_writers_too(ada: TestApp, bo: TestApp, draft: str) -> None:
    """But whom to invite as a stakeholder, and to publish, is for the owner."""
    given = {"draft": draft[-36:]}
    page = ada.get("/create/confirm-stakeholders", given)
    form = next(form for form in page.forms.values() if "emails" in form.fields)
    form["emails"] = "dee@example.org"
    form.submit("action", value="add", status=303)
    let_in(ada, bo, draft)
    page = bo.get("/create/community-name", given)
    form = next(form for form in page.forms.values() if "title" in form.fields)
    form["title"] = "Elm Street Gardens"
    form.submit(status=303)
    assert "Elm Street Gardens" in ada.get(draft).html.h1.text
    assert "dee@example.org" in ada.get("/create/final-review", given)
    for step in ("final-review", "confirm-stakeholders", "community-name"):
        assert "dee@example.org" not in bo.get(f"/create/{step}", given)
    page = bo.get("/create/confirm-stakeholders", given, status=303).follow()
    assert page.request.path == "/create/final-review"
    assert "Only its owner can publish this draft." in page
    token = form_to(page, "/logout")["csrf_token"].value
    fields = {**given, "csrf_token": token, "version": "1", "emails": "eve@example.org", "action": "add"}
    assert "eve@example.org" in bo.post("/create/confirm-stakeholders", fields, status=403)
    assert "Continue to publish" in ada.get(draft)
    assert "Continue to publish" not in bo.get(draft)
    assert "Only the owner can publish this draft." in bo.get(f"{draft}/publish")


def test_only_the_owner_publishes_discards_and_lets_in(
    ada: TestApp, bo: TestApp, cy: TestApp, draft: str, engine: sa.Engine
) -> None:
    ready = form_to(ada.get(f"{draft}/publish"), f"{draft}/publish")
    let_in(ada, bo, draft)
    let_in(ada, cy, draft)
    kept = rows(engine, "events")
    csrf = form_to(bo.get("/profile"), "/logout")["csrf_token"].value
    version = form_to(bo.get(f"{draft}/about"), f"{draft}/about")["version"].value
    fields = {"csrf_token": csrf, "version": version}
    assert "Only the owner of this draft" in bo.post(f"{draft}/publish", fields, status=403)
    bo.post("/create/final-review", {**fields, "draft": draft[-36:]}, status=403)
    for view in ("discard", "writers/links", "writers/invite", "writers/withdraw"):
        bo.post(f"{draft}/{view}", {**fields, "email": "x@example.org"}, status=403)
    other = [link["href"] for link in ada.get(f"{draft}/writers").html.select("a[href*='remove']")][1]
    bo.get(other, status=403)
    bo.post(f"{draft}/writers/remove", {**fields, "organizer": other.rpartition("=")[2]}, status=403)
    assert rows(engine, "events") == kept
    # Who was let in while the owner read it once more is told before they become organizers.
    ready.submit(status=409)


def test_writers_become_organizers_of_the_rule(
    ada: TestApp, bo: TestApp, cy: TestApp, client: TestApp, draft: str, engine: sa.Engine
) -> None:
    let_in(ada, bo, draft, "Bo")
    open_link = make_link(ada, f"{draft}/writers")
    rule = publish(ada, draft)
    assert sentences(client.get(f"{rule}/history")) == [
        "Made a writer of the draft an organizer: Bo. The owner",
        "Published the rule. The owner",
    ]
    assert people(bo.get(f"{rule}/organizers")) == ["The owner", "Bo (you)"]
    second = edit(bo, rule)
    write(bo, f"{second}/about", summary="Between three roads.")
    publish(bo, second, changed="A road.")
    # The way to the writers leads to the organizers now, for a draft of the next revision too, and so does a link.
    for shown in (draft, second, edit(ada, rule)):
        assert path_of(ada.get(f"{shown}/writers", status=303).location).rstrip("/") == f"{rule}/organizers"
    page = cy.get(open_link, status=303).follow()
    form_to(page, f"{rule}/join").submit(status=303)
    assert len(people(ada.get(f"{rule}/organizers"))) == 3
    assert unequal(engine) == []


def test_a_page_to_join_that_was_open_when_the_draft_was_published_leads_to_the_rule(
    ada: TestApp, bo: TestApp, draft: str
) -> None:
    form = form_to(bo.get(make_link(ada, f"{draft}/writers")), f"{draft}/join")
    rule = publish(ada, draft)
    page = form.submit(status=303).follow()
    assert "Write Elm Street Garden together" in page
    form_to(page, f"{rule}/join").submit(status=303)
    assert "Organized with others" in bo.get("/profile")


def test_forms_of_a_team_that_were_open_when_the_draft_was_published_do_nothing_and_lose_nothing(
    ada: TestApp, draft: str, engine: sa.Engine
) -> None:
    page = ada.get(f"{draft}/writers")
    publish(ada, draft)
    name = form_to(page, f"{draft}/writers/name")
    name["your-name"] = "Ada Lane"
    refused = name.submit(status=409)
    assert "This draft is a rule by now" in refused.html.main.text
    assert refused.html.textarea.text.strip() == "Ada Lane"
    email = form_to(page, f"{draft}/writers/invite")
    email["email"] = "bo@example.org"
    email.submit(status=409)
    form_to(page, f"{draft}/writers/links").submit(status=409)
    assert count(engine, "join_links") == 0


def test_what_others_write_is_not_what_programs_call_me(ada: TestApp, bo: TestApp, draft: str) -> None:
    let_in(ada, bo, draft)
    own = start(ada, "The one that Ada is writing")
    write(bo, f"{draft}/about", title="Written by Bo")
    assert ada.get("/api/drafts/me").json["draft"]["payload"]["title"] == "The one that Ada is writing"
    assert bo.get("/api/drafts/me").json == {"draft": None}
    write(ada, f"{draft}/about", summary="Now Ada goes on with it")
    assert ada.get("/api/drafts/me").json["draft"]["payload"]["title"] == "Written by Bo"
    assert own != draft


def test_a_draft_has_room_for_thirty(
    ada: TestApp, bo: TestApp, cy: TestApp, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "WRITERS_MOST", 1)
    link = make_link(ada, f"{draft}/writers")
    let_in(ada, cy, draft)
    assert "There is no room for more writers." in ada.get(f"{draft}/writers")
    assert "no room for more" in join(bo, link, status=409)
    put_out(ada, f"{draft}/writers")
    join(bo, link)


def test_a_writer_takes_nobody_elses_name(ada: TestApp, bo: TestApp, draft: str) -> None:
    call_here = form_to(ada.get(f"{draft}/writers"), f"{draft}/writers/name")
    call_here["your-name"] = "Ada"
    call_here.submit(status=303)
    link = make_link(ada, f"{draft}/writers")
    assert "already." in join(bo, link, "ADA", status=400)
    assert "is what this site says" in join(bo, link, "Another writer", status=400)
    join(bo, link, "Bo")


# Leaving


def test_who_is_removed_is_out_at_once_and_keeps_what_they_typed(ada: TestApp, bo: TestApp, draft: str) -> None:
    let_in(ada, bo, draft)
    part = bo.get(f"{draft}/about")
    step = bo.get("/create/community-name", {"draft": draft[-36:]})
    put_out(ada, f"{draft}/writers")
    refused = write(bo, f"{draft}/about", page=part, summary="What I just wrote of the soil", status=403)
    assert "You don’t write this draft, or no longer." in refused
    assert "What I just wrote of the soil" in refused
    form = next(form for form in step.forms.values() if "title" in form.fields)
    form["title"] = "What I just called it"
    refused = form.submit(status=403)
    assert "What I just called it" in refused
    answer = form.submit(headers={"Accept": "application/json"}, status=403)
    assert answer.json["error"]["code"] == "forbidden"
    for page in ("", "/history", "/writers", "/about", "/preview", "/publish"):
        bo.get(f"{draft}{page}", status=403)
    bo.get("/create", {"draft": draft[-36:]}, status=404)
    assert "Elm Street" not in bo.get("/profile").html.main.text
    assert sentences(ada.get(f"{draft}/history"))[0] == "Removed a writer. You"


def test_a_writer_leaves_and_comes_back_by_a_new_link(ada: TestApp, bo: TestApp, draft: str, engine: sa.Engine) -> None:
    let_in(ada, bo, draft)
    put_out(bo, f"{draft}/writers", "Leave")
    bo.get(draft, status=403)
    assert sentences(ada.get(f"{draft}/history"))[0] == "No longer writes this draft. Another writer"
    let_in(ada, bo, draft)
    assert len(people(ada.get(f"{draft}/writers"))) == 2
    assert unequal(engine) == []


@pytest.mark.parametrize("what", ["rule", "draft"])
def test_after_the_removal_is_committed_nothing_more_is_written(
    ada: TestApp, bo: TestApp, draft: str, engine: sa.Engine, clock: Clock, what: str
) -> None:
    """Removal and saves on two connections at the same moment: whichever comes first, the log agrees."""
    let_in(ada, bo, draft)
    owner, writer = account_of(engine, "ada@example.org"), account_of(engine, "bo@example.org")
    place = publish(ada, draft) if what == "rule" else draft
    written_in = UUID((edit(ada, place) if what == "rule" else draft)[-36:])
    together, ended = threading.Barrier(2), []

    def save() -> None:
        together.wait()
        for number in range(1000):
            try:
                with commands(engine) as app:
                    app.write_draft(written_in, writer, clock.now, {"title": f"Elm {number}"})
            except Forbidden:
                ended.append(number)
                return
            except IntegrityError:
                pass  # another append came first; a request tries again

    saving = threading.Thread(target=save)
    saving.start()
    together.wait()
    for _ in range(1000):
        try:
            with commands(engine) as app:
                remove = app.remove_organizer if what == "rule" else app.remove_writer
                remove(UUID(place[-36:]), owner, clock.now, writer)
            break
        except IntegrityError:
            pass
    saving.join()
    assert len(ended) == 1
    query = """
        SELECT max(position) FILTER (WHERE topic LIKE '%Removed'),
            max(position) FILTER (WHERE topic = 'draft.Named' AND state::jsonb ->> 'actor' = :writer) FROM events
    """
    with engine.connect() as connection:
        removed, last = connection.execute(sa.text(query), {"writer": str(writer)}).one()
    assert removed
    assert last is None or last < removed
    assert unequal(engine) == []


def test_a_writer_to_whom_the_draft_is_passed_on_owns_it(
    ada: TestApp, bo: TestApp, cy: TestApp, draft: str, engine: sa.Engine, clock: Clock
) -> None:
    for person in (bo, cy):
        let_in(ada, person, draft)
    with commands(engine) as app:
        owner, writer = account_of(engine, "ada@example.org"), account_of(engine, "bo@example.org")
        app.pass_on_drafts({UUID(draft[-36:]): writer}, owner, clock.now)
    ada.get(draft, status=403)
    assert people(bo.get(f"{draft}/writers")) == ["The owner (you)", "A writer"]
    rule = publish(bo, draft)
    assert people(cy.get(f"{rule}/organizers")) == ["The owner", "An organizer (you)"]
    assert unequal(engine) == []


def test_who_deletes_their_account_leaves_what_they_write_with_others(
    ada: TestApp, bo: TestApp, cy: TestApp, draft: str, engine: sa.Engine, clock: Clock
) -> None:
    let_in(ada, bo, draft, "Bo")
    write(bo, f"{draft}/about", summary="Between three roads.")
    theirs = start(bo, "Oak")
    let_in(bo, ada, theirs)
    invite(cy, f"{start(cy, 'Ash')}/writers", "ada@example.org")
    clock.advance(timedelta(minutes=2))
    invite(ada, f"{draft}/writers", "dee@example.org")
    ada.delete("/api/user/me")
    assert people(bo.get(f"{draft}/writers")) == ["Bo (you)"]
    assert "Between three roads." in bo.get(draft)
    assert people(bo.get(f"{theirs}/writers")) == ["Bo (you)"]
    # Neither whom they invited is kept nor who invited them; the one mail to come says that the account is gone.
    assert count(engine, "join_links") == 0
    assert [(mail.recipient, "deleted" in mail.subject) for mail in waiting(engine)] == [("ada@example.org", True)]
    publish(bo, draft)
    assert unequal(engine) == []


# Invitations by mail


@pytest.mark.parametrize("what", ["rule", "draft"])
def test_an_invitation_waits_for_the_mail_and_its_link_lets_in(
    ada: TestApp, bo: TestApp, draft: str, engine: sa.Engine, what: str
) -> None:
    place = publish(ada, draft) if what == "rule" else draft
    team = f"{place}/organizers" if what == "rule" else f"{place}/writers"
    call(ada, place, "Ada") if what == "rule" else None
    invite(ada, team, " BO@Example.org ")
    page = ada.get(team)
    assert "For bo@example.org, works until" in page
    assert "The mail waits to be sent" in page
    ((recipient, subject, text),) = waiting(engine)
    assert (recipient, subject) == ("bo@example.org", "Write “Elm Street Garden” together")
    assert ("Ada" if what == "rule" else "Somebody") in text
    assert "ada@example.org" not in text
    link = path_of(next(line for line in text.splitlines() if line.startswith("http")))
    join(bo, link, "Bo")
    assert len(people(ada.get(team))) == 2
    # Nothing is kept of the address, but for the account.
    for table in ("join_links", "outbox", "events"):
        assert "bo@example.org" not in rows(engine, table)
    assert "bo@example.org" not in ada.get(team)


@pytest.mark.parametrize(
    ("title", "name", "subject", "shown"),
    [
        ("Elm Street", "Ada of the Garden", "Write “Elm Street” together", ("“Elm Street”", "Ada of the Garden would")),
        ("See https://evil.example", "Ada", "Write a rule together", ("looks like a link", "Ada would")),
        ("Pay at 163.com", "evil.example", "Write a rule together", ("looks like a link", "Somebody would")),
        ("Elm " * 40, "Ada " * 20, f"Write “{'Elm ' * 14}Elm…” together", ("“Elm Elm", "Ada… would")),
    ],
)
def test_an_invitation_says_nothing_of_its_senders_that_could_be_ours_or_a_link(
    ada: TestApp, engine: sa.Engine, title: str, name: str, subject: str, shown: tuple[str, ...]
) -> None:
    draft = start(ada, title)
    call_here = form_to(ada.get(f"{draft}/writers"), f"{draft}/writers/name")
    call_here["your-name"] = name
    call_here.submit(status=303)
    invite(ada, f"{draft}/writers", "bo@example.org")
    (mail,) = waiting(engine)
    assert mail.subject == subject
    assert all(each in " ".join(mail.text.split()) for each in shown)
    assert [each for each in mail.text.split() if re.search("evil|163", each)] == []
    assert max(len(line) for line in mail.text.splitlines() if "http" not in line) <= 72


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (None, "Mailed "),
        ("550 There is no such mailbox", "The mail could not be sent: The address does not take mail."),
        ("450 Later", "The mail waits to be sent. The mail server can't take mail for this address at the moment."),
    ],
)
def test_the_owner_sees_how_the_mail_fared(
    app: Any, smtp: Mailbox, ada: TestApp, draft: str, refusal: str | None, said: str
) -> None:
    invite(ada, f"{draft}/writers", "bo@example.org")
    if refusal:
        smtp.refused["bo@example.org"] = refusal
    deliver(app)
    page = ada.get(f"{draft}/writers").html.main.text
    assert said in " ".join(page.split())
    assert "For bo@example.org" in page


def test_a_withdrawn_invitation_is_not_mailed_and_forgotten(ada: TestApp, draft: str, engine: sa.Engine) -> None:
    invite(ada, f"{draft}/writers", "bo@example.org")
    form_to(ada.get(f"{draft}/writers"), f"{draft}/writers/withdraw").submit("link", status=303)
    assert [count(engine, table) for table in ("join_links", "outbox")] == [0, 0]


def test_the_address_of_an_invitation_that_is_over_is_erased_though_nobody_does_anything(
    app: Any, smtp: Mailbox, ada: TestApp, draft: str, clock: Clock, engine: sa.Engine
) -> None:
    invite(ada, f"{draft}/writers", "bo@example.org")
    clock.advance(join_links.LIFETIME)
    assert "bo@example.org" not in ada.get(f"{draft}/writers")
    deliver(app)
    assert "bo@example.org" not in rows(engine, "join_links")


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("nonsense", "Write an email address, such as name@example.org."),
        ("", "Write an email address, such as name@example.org."),
        ("ada@example.org", "This is your own email address."),
        ("bo@example.org", "bo@example.org is invited already."),
    ],
)
def test_what_can_not_be_invited_is_said_and_given_back(
    ada: TestApp, draft: str, engine: sa.Engine, clock: Clock, typed: str, said: str
) -> None:
    invite(ada, f"{draft}/writers", "bo@example.org")
    clock.advance(timedelta(minutes=2))
    page = invite(ada, f"{draft}/writers", typed, status=400)
    assert said in page.html.select_one(".errors").text
    assert form_to(page, f"{draft}/writers/invite")["email"].value == typed
    assert count(engine, "outbox") == 1


def test_nobodys_mailbox_is_filled(ada: TestApp, bo: TestApp, draft: str, clock: Clock, engine: sa.Engine) -> None:
    """Whoever does it: here two people with a draft each."""
    other = start(bo, "Oak")
    teams = [(ada, f"{draft}/writers"), (bo, f"{other}/writers")]
    for number in range(5):
        (owner, team), soon = teams[number % 2], teams[1 - number % 2]
        invite(owner, team, "dee@example.org")
        assert "dee@example.org" in invite(*soon, "dee@example.org", status=429)
        form_to(owner.get(team), f"{team}/withdraw").submit("link", status=303)
        clock.advance(timedelta(minutes=2))
    invite(ada, f"{draft}/writers", "dee@example.org", status=429)
    clock.advance(timedelta(days=1))
    invite(ada, f"{draft}/writers", "dee@example.org")
    assert count(engine, "outbox") == 1
