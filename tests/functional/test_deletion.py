"""Deleting an account: what is about the person is nowhere any more, what their groups adopted stays."""

from __future__ import annotations

import base64
import json
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from pyramid.scripting import prepare
from webtest import TestApp

from cr.db import one_at_a_time, unhurried
from cr.events import draft as draft_events
from cr.projections import ALL
from cr.projections.rebuild import rebuild
from tests.development.processes import until
from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import count, payload_of_guest, press, unequal
from tests.functional.flow import start as start_as_guest
from tests.functional.people import form_to, mailed_link, path_of, sign_in
from tests.functional.test_all_or_nothing import another_window, at_once
from tests.functional.test_api_rules import publish as publish_over_api
from tests.functional.test_api_stakeholders import link_to
from tests.functional.test_api_uploads import send
from tests.functional.test_main_job import edit, publish, start, write, written
from tests.functional.test_profile import fill, statements
from tests.functional.waiting import text_of, the_mail

SECRET = "Zwetschgenkuchen"
NAME = "Ada Zweig"
"""Words that nothing else says."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of uploaded files."""
    return tmp_path / "uploads"


def everything(engine: sa.Engine) -> str:
    """Every row of every table of the database, as text."""
    with engine.connect() as connection:
        tables = connection.scalars(sa.text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).all()
        assert {"events", "snapshots", "outbox", "histories", "drafts", "accounts"} <= set(tables)
        return "\n".join(
            row for table in tables for row in connection.scalars(sa.text(f'SELECT each::text FROM "{table}" AS each'))
        )


def delete_by_page(person: TestApp, email: str) -> Any:
    form = form_to(person.get("/profile/delete"), "/profile/delete")
    form["email"] = email
    return form.submit()


def test_nothing_yields_the_address_or_the_text_of_a_draft(
    ada: TestApp,
    bo: TestApp,
    client: TestApp,
    app: Any,
    smtp: Mailbox,
    engine: sa.Engine,
    clock: Clock,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(draft_events, "SNAPSHOT_EVERY", 10)
    form = form_to(ada.get("/profile"), "/profile/name")
    form["your-name"] = NAME
    form.submit(status=303)
    rule = publish(ada, written(ada))
    draft = start(ada)
    write(ada, f"{draft}/about", title=f"Elm Street {SECRET}", summary=f"{SECRET} for everybody")
    for turn in range(12):
        ada.put_json(
            "/api/drafts/me", {"payload": {"title": f"{SECRET} {turn}", "stakeholderEmails": ["cy@example.org"]}}
        )
    assert count(engine, "snapshots") > 0
    shown = send(ada).json["url"]
    clock.advance(timedelta(seconds=5))
    unused = send(ada).json["url"]
    ada.put_json("/api/drafts/me", {"payload": {"title": SECRET, "communityAvatarUrl": unused}})
    other = ada.post_json(
        "/api/rules", {"title": "Oak", "document": {"sections": [], "communityAvatarUrl": shown}}
    ).json
    # Others have written her address down: in a draft, before signing in, and in what is on its way with a link.
    people = {"stakeholderEmails": [" Ada@Example.org", "dee@example.org"], "communitySaveEmail": "ada@example.org"}
    bo.put_json("/api/drafts/me", {"payload": {"title": "Beech", **people}})
    start_as_guest(client)
    press(client.get("/create/confirm-stakeholders"), "action", "add", emails="ada@example.org, dee@example.org")
    asked = {"email": "fay@example.org", "draft": {"title": "Fir", **people}}
    client.post_json("/api/auth/magic-link/request", asked)
    before = everything(engine)
    for kept in ("ada@example.org", NAME):
        assert kept in before
    assert files(folder)

    assert "Your account is deleted" in delete_by_page(ada, " Ada@Example.org ")
    deliver(app)
    assert smtp.messages[-1]["To"] == "ada@example.org"
    assert "was deleted" in smtp.messages[-1]["Subject"] + smtp.messages[-1].get_content()

    after = everything(engine)
    for gone in ("ada@example.org", SECRET, NAME, "cy@example.org"):
        assert gone.lower() not in after.lower()
    # Of the lists of others nothing else is gone.
    assert bo.get("/api/drafts/me").json["draft"]["payload"]["stakeholderEmails"] == ["dee@example.org"]
    assert payload_of_guest(engine)["stakeholderEmails"] == ["dee@example.org"]
    assert after.count("dee@example.org") == before.count("dee@example.org")
    assert unequal(engine) == []
    rebuild(engine, ALL)
    assert unequal(engine) == []
    assert SECRET not in everything(engine)

    # What was published is there as before, nobody's.
    for page in (rule, f"{rule}/history", f"{rule}/history.ndjson", f"{rule}/revisions/1"):
        client.get(page)
    answer = client.get(f"/api/rules/{other['rule']['id']}").json
    assert (answer["rule"]["title"], answer["viewerIsOwner"]) == ("Oak", False)
    client.get(shown)
    client.get(unused, status=404)
    assert len(files(folder)) == 1
    # And the person may begin anew, with nothing.
    clock.advance(timedelta(seconds=60))
    again = sign_in(app, smtp, "ada@example.org")
    assert again.get("/api/rules/me").json == {"rules": []}
    assert again.get("/api/drafts/me").json == {"draft": None}


def test_nobody_else_loses_a_picture(
    ada: TestApp, bo: TestApp, client: TestApp, engine: sa.Engine, clock: Clock
) -> None:
    def picture() -> str:
        clock.advance(timedelta(seconds=60))
        return str(send(ada).json["url"])

    def rule_with(url: str) -> str:
        body = {"title": "Oak", "document": {"sections": [], "communityAvatarUrl": url}}
        return f"/rules/{ada.post_json('/api/rules', body).json['rule']['id']}"

    def copied(person: TestApp, rule: str) -> str:
        return path_of(form_to(person.get(f"{rule}/copy"), f"{rule}/copy").submit(status=303).location).rstrip("/")

    in_draft, in_rule, in_own, in_none, once_together, taken_along = (picture() for _ in range(6))
    # Of rules that Ada withdraws: Bo writes on from one, published another, and only she began from the third.
    copy = copied(bo, first := rule_with(in_draft))
    second = rule_with(in_rule)
    own = rule_with(in_own)
    copied(ada, own)
    alone = rule_with(in_none)
    write(bo, f"{(draft := copied(bo, second))}/values", label="Care", meaning="For each other")
    published = publish(bo, draft)
    for rule in (first, second, own, alone):
        ada.delete(f"/api{rule}")
    bo.delete(f"/api{published}")
    # A draft of Bo's in which she wrote once.
    shared = start(bo)
    made = form_to(bo.get(f"{shared}/writers"), f"{shared}/writers/links").submit()
    link = made.html.select_one("#link").text.strip()
    form_to(ada.get(link[link.index("/drafts/") :]), f"{shared}/join").submit(status=303)
    write(ada, f"{shared}/about", summary=f"As it was: {once_together}")
    form_to(bo.get(f"{shared}/writers").click("Remove"), f"{shared}/writers/remove").submit(status=303)

    # What Bo took along when he was removed from a rule, of a draft that she has changed since.
    let_in(ada, bo, rule := publish(ada, written(ada)))
    following = edit(bo, rule)
    write(ada, f"{following}/about", summary=f"As it was: {taken_along}")
    form_to(ada.get(f"{rule}/organizers").click("Remove"), f"{rule}/organizers/remove").submit(status=303)
    form_to(bo.get(following), f"{following}/copy").submit(status=303)
    write(ada, f"{following}/about", summary="As it is")

    delete_by_page(ada, "ada@example.org")
    for kept in (in_draft, in_rule, once_together, taken_along):
        client.get(kept)
    for gone in (in_own, in_none):
        client.get(gone, status=404)
    assert in_draft in bo.get("/create/community-upload", {"draft": copy.rpartition("/")[2]})
    assert unequal(engine) == []


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_api_answers_as_the_contract_says(
    ada: TestApp, client: TestApp, app: Any, smtp: Mailbox, clock: Clock
) -> None:
    assert client.delete("/api/user/me", status=401).json["error"]["code"] == "unauthorized"
    clock.advance(timedelta(seconds=60))
    elsewhere = sign_in(app, smtp, "ada@example.org")
    assert ada.delete("/api/user/me").json == {"ok": True}
    assert "cr_session" not in ada.cookies
    for browser in (ada, elsewhere):
        assert browser.get("/api/auth/session").json == {"user": None}
    assert elsewhere.delete("/api/user/me", status=401).json["error"]["code"] == "unauthorized"


@pytest.mark.parametrize(
    ("inbox", "said"),
    [
        ("ask@example.org", "mailbox first, then answer this mail at once, so that the people\nwho run the site"),
        (None, "mailbox first, then tell the people who run the site at once,\nso that they can"),
    ],
)
def test_the_last_mail_says_what_to_do_for_who_did_not_delete(
    make_app: MakeApp, smtp: Mailbox, engine: sa.Engine, inbox: str | None, said: str
) -> None:
    app = make_app(ORGANIZER_INQUIRY_TO=inbox)
    sign_in(app, smtp, "ada@example.org").delete("/api/user/me")
    mail = the_mail(app, smtp, engine)
    assert said in text_of(mail)
    assert mail["Reply-To"] == inbox
    assert all(len(line) <= 72 for line in text_of(mail).splitlines())


@pytest.mark.parametrize("typed", ["", "bo@example.org", "ada", "x" * 400])
def test_another_address_deletes_nothing(ada: TestApp, typed: str) -> None:
    form = form_to(ada.get("/profile/delete"), "/profile/delete")
    form["email"] = typed
    assert "that is not ada@example.org" in form.submit(status=400)
    assert ada.get("/api/auth/session").json["user"]["email"] == "ada@example.org"


def test_the_page_says_what_goes_and_what_stays(ada: TestApp, bo: TestApp) -> None:
    rule = publish(ada, written(ada))
    write(ada, f"{start(ada)}/about", title="Beech")
    page = " ".join(ada.get("/profile/delete").html.main.text.split())
    assert "Not published yet: Beech." in page
    assert "Elm Street Garden, with all its revisions. Nobody can change it then." in page
    let_in(ada, bo, rule)
    page = " ".join(ada.get("/profile/delete").html.main.text.split())
    assert "It has no owner then. Its other organizer goes on with it." in page


def test_invitations_to_an_address_that_one_had_go_too(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, clock: Clock, engine: sa.Engine
) -> None:
    accepted, waiting = (publish_over_api(bo, title) for title in ("Elm", "Oak"))
    for rule in (accepted, waiting):
        clock.advance(timedelta(minutes=1))
        bo.post_json(f"/api/rules/{rule}/stakeholders", {"email": "ada@example.org"}, status=201)
        if rule == accepted:
            ada.get(link_to(app, smtp, "ada@example.org"), status=303)
    for address in ("ada@new.example.org", "ada@newest.example.org"):
        clock.advance(timedelta(minutes=1))
        ada.post_json("/api/user/email-change/request", {"newEmail": address})
        ada.get(path_of(mailed_link(smtp)), status=303)

    def known(rule: str) -> list[tuple[str, str]]:
        people = bo.get(f"/api/rules/{rule}/stakeholders").json["stakeholders"]
        return [(each["email"], each["status"]) for each in people]

    assert known(waiting) == [("ada@example.org", "pending")]
    deliver(app)
    assert ada.delete("/api/user/me").json == {"ok": True}
    assert known(accepted) == known(waiting) == []
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM stakeholders")) == 0
    assert unequal(engine) == []


def test_who_gets_an_address_that_somebody_had_erases_nothing_of_theirs(
    app: Any, smtp: Mailbox, ada: TestApp, bo: TestApp, clock: Clock
) -> None:
    rule = publish_over_api(bo)
    clock.advance(timedelta(minutes=1))
    bo.post_json(f"/api/rules/{rule}/stakeholders", {"email": "ada@example.org"}, status=201)
    link = link_to(app, smtp, "ada@example.org")
    ada.post_json("/api/user/email-change/request", {"newEmail": "ada@new.example.org"})
    ada.get(path_of(mailed_link(smtp)), status=303)
    clock.advance(timedelta(minutes=1))
    sign_in(app, smtp, "ada@example.org").delete("/api/user/me")
    ada.get(link, status=303)
    people = bo.get(f"/api/rules/{rule}/stakeholders").json["stakeholders"]
    assert [each["status"] for each in people] == ["accepted"]
    assert ada.get("/api/rules/me").json["rules"][0]["role"] == "stakeholder"


def let_in(owner: TestApp, person: TestApp, rule: str) -> None:
    made = form_to(owner.get(f"{rule}/organizers"), f"{rule}/organizers/links").submit()
    link = made.html.select_one("#link").text.strip()
    page = person.get(link[link.index("/rules/") :])
    form_to(page, f"{rule}/join").submit(status=303)


def test_a_draft_that_others_wrote_in_goes_to_them(
    ada: TestApp, bo: TestApp, client: TestApp, engine: sa.Engine
) -> None:
    rule = publish(ada, written(ada))
    let_in(ada, bo, rule)
    shared, own = edit(ada, rule), start(ada)
    write(ada, f"{shared}/about", title="Elm Street Gardens")
    write(bo, f"{shared}/about", summary="With Bo's words")
    write(ada, f"{own}/about", title=SECRET)
    assert "“Elm Street Gardens”, in which others have written too" in ada.get("/profile/delete")
    delete_by_page(ada, "ada@example.org")

    assert "With Bo" in bo.get(shared)
    assert shared in bo.get("/profile")
    publish(bo, shared, changed="The name.")
    assert "Elm Street Gardens" in client.get(rule)
    assert unequal(engine) == []
    bo.get(own, status=404)


def test_who_is_leaving_too_gets_no_draft(ada: TestApp, bo: TestApp, app: Any, engine: sa.Engine) -> None:
    """Bo's deletion is about to be committed when Ada's begins."""
    rule = publish(ada, written(ada))
    let_in(ada, bo, rule)
    shared = edit(ada, rule)
    write(bo, f"{shared}/about", summary=f"With Bo's words, {SECRET}")
    answers: list[int] = []
    deleting = threading.Thread(target=lambda: answers.append(ada.delete("/api/user/me", status="*").status_int))
    with engine.begin() as connection:
        bos = sa.text("SELECT id FROM accounts WHERE email = 'bo@example.org' FOR UPDATE")
        gone = connection.scalar(bos)
        deleting.start()
        until(lambda: somebody_waits(engine))
        connection.execute(sa.text("DELETE FROM accounts WHERE id = :gone"), {"gone": gone})
    deleting.join()
    assert answers == [200]
    assert count(engine, "accounts") == count(engine, "drafts") == 0
    assert SECRET not in everything(engine)


def test_what_changes_meanwhile_is_a_conflict_as_the_api_says(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    rule = publish(ada, written(ada))
    let_in(ada, bo, rule)
    answers: list[Any] = []
    deleting = threading.Thread(target=lambda: answers.append(bo.delete("/api/user/me", status="*")))
    with engine.begin() as connection:
        # As somebody does who is just writing a draft of the rule: the deletion has looked around, and waits.
        one_at_a_time(connection, UUID(rule[-36:]), shared=True)
        deleting.start()
        until(lambda: somebody_waits(engine))
        ada.delete(f"/api{rule}")
    deleting.join()
    assert (answers[0].status_int, answers[0].json["error"]["code"]) == (409, "conflict")
    assert bo.get("/api/auth/session").json["user"]["email"] == "bo@example.org"
    assert "409" in bo.get("/api/openapi.json").json["paths"]["/api/user/me"]["delete"]["responses"]
    assert bo.delete("/api/user/me").json == {"ok": True}
    assert unequal(engine) == []


def test_reading_everything_is_not_cut_short(app: Any) -> None:
    """Whatever a statement of a request may take otherwise."""
    with prepare(registry=app.registry) as env:
        request = env["request"]
        request.tm.begin()
        most = sa.text("SELECT current_setting('statement_timeout')")
        before = request.dbsession.scalar(most)
        with unhurried(request.dbsession):
            assert request.dbsession.scalar(most) == "0"
        assert request.dbsession.scalar(most) == before != "0"
        request.tm.abort()


def somebody_waits(engine: sa.Engine) -> bool:
    with engine.connect() as looking:
        return bool(looking.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


def test_many_drafts_and_rules_ask_no_more_of_the_database_than_few(
    ada: TestApp, bo: TestApp, engine: sa.Engine
) -> None:
    fill(engine, "ada@example.org", 1)
    fill(engine, "bo@example.org", 7)
    with statements() as few:
        assert "3 drafts" in ada.get("/profile/delete")
    with statements() as many:
        assert "21 drafts" in bo.get("/profile/delete")
    assert len(many) == len(few)


def test_a_draft_that_is_no_rule_yet_goes_to_its_other_writer(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    shared, theirs = start(ada), start(bo)
    for owner, person, draft in ((ada, bo, shared), (bo, ada, theirs)):
        made = form_to(owner.get(f"{draft}/writers"), f"{draft}/writers/links").submit()
        link = made.html.select_one("#link").text.strip()
        form_to(person.get(link[link.index("/drafts/") :]), f"{draft}/join").submit(status=303)
        write(person, f"{draft}/about", title=f"Elm of {'Bo' if person is bo else 'Ada'}")
    page = " ".join(ada.get("/profile/delete").html.main.text.split())
    assert "“Elm of Bo”, in which others have written too" in page
    assert "Your part in writing Elm of Ada with others." in page
    delete_by_page(ada, "ada@example.org")
    write(bo, f"{shared}/about", title="Bo goes on")
    assert "Bo goes on" in bo.get("/profile")
    assert "(you)" in bo.get(f"{theirs}/writers").html.main.text
    assert bo.get(f"{theirs}/writers").html.main.text.count("Writer since") == 0
    assert unequal(engine) == []


def test_a_draft_in_which_nobody_else_wrote_goes_with_its_owner(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    draft = start(ada)
    write(ada, f"{draft}/about", title=SECRET)
    made = form_to(ada.get(f"{draft}/writers"), f"{draft}/writers/links").submit()
    link = made.html.select_one("#link").text.strip()
    form_to(bo.get(link[link.index("/drafts/") :]), f"{draft}/join").submit(status=303)
    assert "in which others have written too" not in ada.get("/profile/delete")
    delete_by_page(ada, "ada@example.org")
    bo.get(draft, status=404)
    assert SECRET not in everything(engine)
    assert unequal(engine) == []


def test_who_organizes_or_takes_part_is_gone_from_the_rule(
    ada: TestApp, bo: TestApp, smtp: Mailbox, engine: sa.Engine
) -> None:
    rule = publish(ada, written(ada))
    let_in(ada, bo, rule)
    added = ada.post_json(f"/api{rule}/stakeholders", {"email": "bo@example.org"}, status=201).json
    assert "bo@example.org" in json.dumps(added)
    delete_by_page(bo, "bo@example.org")
    assert "bo@example.org" not in ada.get(f"/api{rule}/stakeholders").text
    assert "An organizer" not in ada.get(f"{rule}/organizers").html.main.text
    assert outbox_only(engine)
    assert unequal(engine) == []


def test_an_invitation_that_was_not_answered_ends_as_when_somebody_leaves(
    ada: TestApp, bo: TestApp, client: TestApp, app: Any, clock: Clock, engine: sa.Engine
) -> None:
    """Whether the address has an account must not be found out by inviting it."""
    rule, taken_down = publish(ada, written(ada)), publish(ada, written(ada))
    for path in (rule, taken_down):
        for email in ("bo@example.org", "cy@example.org"):
            ada.post_json(f"/api{path}/stakeholders", {"email": email}, status=201)
            clock.advance(timedelta(seconds=60))
    ada.delete(f"/api{taken_down}")
    assert "An invitation to your address that you have not answered." in bo.get("/profile/delete")
    delete_by_page(bo, "bo@example.org")
    assert [each["email"] for each in ada.get(f"/api{rule}/stakeholders").json["stakeholders"]] == ["cy@example.org"]
    page = " ".join(ada.get(f"{rule}/stakeholders").html.main.text.split())
    assert "erased" not in page
    assert "cy@example.org" in page
    assert client.get(f"{rule}/history").html.select_one(".what").text.split()[:3] == ["No", "longer", "takes"]
    assert '"by":"stakeholder-1"' in client.get(f"{rule}/history.ndjson").text.splitlines()[-1]
    assert outbox_only(engine)
    assert unequal(engine) == []


def outbox_only(engine: sa.Engine) -> bool:
    """Whether the one row with the address is the last mail, which is erased when it is sent."""
    rows = [line for line in everything(engine).splitlines() if "bo@example.org" in line]
    return len(rows) == 1 and "is deleted" in rows[0]


def test_of_several_who_delete_at_once_all_but_one_find_nobody(
    ada: TestApp, app: Any, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    publish(ada, written(ada))
    windows = [another_window(ada) for _ in range(10)]
    answers = at_once(*(partial(window.delete, "/api/user/me", status="*") for window in windows))
    assert sorted(each.status_int for each in answers) == [200] + [401] * 9
    assert [each.message for each in caplog.records if each.levelname != "INFO"] == []
    assert unequal(engine) == []


def test_what_another_device_saves_meanwhile_does_not_outlive_the_account(
    ada: TestApp, app: Any, engine: sa.Engine
) -> None:
    """Many saves of many drafts race against the deletion: each is refused, or erased with the rest."""
    begun, gone = threading.Event(), threading.Event()
    answers: list[int] = []

    def save(number: int) -> None:
        browser = TestApp(app, cookiejar=ada.cookiejar)

        def put(turn: int) -> int:
            body = {"payload": {"title": f"{SECRET} {number} {turn}"}}
            answers.append(browser.put_json("/api/drafts/me", body, status="*").status_int)
            return answers[-1]

        for turn in range(20):
            if put(turn) == 200:
                begun.set()
            if turn in (0, 10):
                browser.post_json("/api/rules", {"title": "Elm", "document": {"sections": []}}, status="*")
        gone.wait()
        put(20)

    threads = [threading.Thread(target=save, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    begun.wait()
    try:
        # Whoever saves goes first, and may make it look again.
        while (answer := ada.delete("/api/user/me", status="*").status_int) == 409:
            pass
    finally:
        gone.set()
    for each in threads:
        each.join()
    assert answer == 200
    assert {200, 401} <= set(answers) <= {200, 401, 409}
    assert answers[-3:] == [401] * 3
    assert SECRET not in everything(engine)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM drafts")) == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM draft_keys")) == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM rules WHERE owner IS NOT NULL")) == 0
    assert unequal(engine) == []


def test_everything_can_be_taken_along(ada: TestApp, bo: TestApp, client: TestApp, clock: Clock, folder: Path) -> None:
    theirs = publish(bo, written(bo))
    bo.post_json(f"/api{theirs}/stakeholders", {"email": "ada@example.org"}, status=201)
    let_in(bo, ada, theirs)
    write(bo, f"{edit(bo, theirs)}/about", summary="What Bo and Ada write")
    shown = send(ada).json["url"]
    rule = publish(ada, written(ada))
    clock.advance(timedelta(seconds=1))
    write(ada, f"{start(ada)}/about", title="Beech", summary="A second one")
    ada.post_json(f"/api{rule}/stakeholders", {"email": "cy@example.org"}, status=201)
    answer = ada.get("/profile/data.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="community-rule.json"'
    assert "no-store" in answer.headers["Cache-Control"]
    data = answer.json
    lists = ("sessions", "drafts", "draftsOfOthers", "rules", "invitations", "invitedTo", "joinLinks", "uploads")
    assert list(data) == ["madeAt", "account", *lists]
    assert data["account"]["email"] == "ada@example.org"
    assert len(data["sessions"]) == 1
    assert [(each["title"], each["status"]) for each in data["drafts"]] == [
        ("Elm Street Garden", "published"),
        ("Beech", "open"),
    ]
    beech = data["drafts"][1]
    assert beech["payload"]["summary"] == "A second one"
    assert [each["byYou"] for each in beech["history"]] == [True] * len(beech["history"])
    assert "Named it “Beech”." in [each["said"] for each in beech["history"]]
    assert [(each["role"], path_of(each["address"])) for each in data["rules"]] == [
        ("owner", rule),
        ("organizer", theirs),
    ]
    (other,) = data["draftsOfOthers"]
    assert other["payload"]["summary"] == "What Bo and Ada write"
    assert other["revises"] == theirs[-36:]
    assert [(each["rule"], each["title"]) for each in data["invitedTo"]] == [(theirs[-36:], "Elm Street Garden")]
    (upload,) = data["uploads"]
    assert base64.b64decode(upload["content"]) == client.get(shown).body
    for each in files(folder):
        each.unlink()
    clock.advance(timedelta(minutes=1))
    assert ada.get("/profile/data.json").json["uploads"][0]["content"] is None
    assert [each["email"] for each in data["invitations"]] == ["cy@example.org"]
    client.get("/profile/data.json", status=303)


def test_a_draft_that_nobody_can_read_is_in_nobodys_way(ada: TestApp, bo: TestApp, engine: sa.Engine) -> None:
    """Its key is lost, or its seal broken: those who have it, and those who write it too, can leave."""
    keyless, broken, shared, readable = (start(ada) for _ in range(4))
    for draft in (keyless, broken, shared, readable):
        write(ada, f"{draft}/about", title=f"Elm {SECRET}")
    made = form_to(ada.get(f"{shared}/writers"), f"{shared}/writers/links").submit()
    link = made.html.select_one("#link").text.strip()
    form_to(bo.get(link[link.index("/drafts/") :]), f"{shared}/join").submit(status=303)
    send(bo)
    write(bo, f"{shared}/about", summary="With Bo's words")
    with engine.begin() as connection:
        lost = [draft[-36:] for draft in (keyless, shared)]
        connection.execute(sa.text("DELETE FROM draft_keys WHERE draft::text = ANY(:lost)"), {"lost": lost})
        connection.execute(
            sa.text("UPDATE draft_keys SET key = :key WHERE draft = :draft"),
            {
                "key": bytes(32),
                "draft": broken[-36:],
            },
        )
        connection.execute(sa.text("DELETE FROM snapshots"))
    texts = {each["id"]: each for each in ada.get("/profile/data.json").json["drafts"]}
    assert texts[readable[-36:]]["payload"]["title"] == f"Elm {SECRET}"
    for draft in (keyless, broken, shared):
        assert (texts[draft[-36:]]["payload"], texts[draft[-36:]]["unreadable"]) == (None, True)
    assert shared[-36:] in [each["id"] for each in bo.get("/profile/data.json").json["draftsOfOthers"]]
    assert bo.delete("/api/user/me").json == {"ok": True}
    assert ada.delete("/api/user/me").json == {"ok": True}
    with engine.connect() as connection:
        assert [connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) for name in ("drafts", "draft_keys")] == [
            0,
            0,
        ]
    assert SECRET not in everything(engine)


def test_whoever_is_held_up_by_a_deletion_is_told_what_holds_them_up(
    ada: TestApp, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with engine.connect() as deleting:
        deleting.execute(sa.text("SELECT 1 FROM accounts FOR UPDATE"))
        answers = at_once(
            lambda: another_window(ada).put_json("/api/drafts/me", {"payload": {"title": "Elm"}}, status=503),
            lambda: another_window(ada).delete("/api/user/me", status=503),
        )
        deleting.rollback()
    for answer in answers:
        assert "Your account is being changed or deleted in another window" in answer.json["error"]["message"]
    assert "The database is away" not in caplog.text
    ada.put_json("/api/drafts/me", {"payload": {"title": "Elm"}})


def test_a_person_takes_everything_along_once_in_a_minute(
    ada: TestApp, bo: TestApp, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*about: Any) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr("cr.accounts.export.write", fail)
        ada.get("/profile/data.json", status=500)
    answers = at_once(*[lambda: another_window(ada).get("/profile/data.json", status="*")] * 4)
    assert sorted(each.status_int for each in answers) == [200, 429, 429, 429]
    bo.get("/profile/data.json", status=200)
    clock.advance(timedelta(seconds=59))
    refused = ada.get("/profile/data.json", status=429)
    sentence = "Your data was put together a moment ago. Look among your downloads. Try again in 1 second."
    assert sentence in refused.html.main.text
    assert refused.headers["Retry-After"] == "1"
    clock.advance(timedelta(seconds=1))
    assert ada.get("/profile/data.json").json["account"]["email"] == "ada@example.org"
