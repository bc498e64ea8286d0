"""Deleting an account: what is about the person is nowhere any more, what their groups adopted stays."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.projections import ALL
from cr.projections.rebuild import rebuild
from tests.fixtures.mail import Mailbox, deliver
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import unequal
from tests.functional.people import form_to, sign_in
from tests.functional.test_api_uploads import send
from tests.functional.test_main_job import edit, publish, start, write, written
from tests.functional.waiting import text_of, the_mail

SECRET = "Zwetschgenkuchen"
"""A word that nothing else says."""


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
    ada: TestApp, client: TestApp, app: Any, smtp: Mailbox, engine: sa.Engine, clock: Clock, tmp_path: Path
) -> None:
    rule = publish(ada, written(ada))
    draft = start(ada)
    write(ada, f"{draft}/about", title=f"Elm Street {SECRET}", summary=f"{SECRET} for everybody")
    # Long enough that its state is kept as a snapshot.
    for turn in range(210):
        ada.put_json(
            "/api/drafts/me", {"payload": {"title": f"{SECRET} {turn}", "stakeholderEmails": ["cy@example.org"]}}
        )
    shown = send(ada).json["url"]
    clock.advance(timedelta(seconds=5))
    unused = send(ada).json["url"]
    ada.put_json("/api/drafts/me", {"payload": {"title": SECRET, "communityAvatarUrl": unused}})
    other = ada.post_json(
        "/api/rules", {"title": "Oak", "document": {"sections": [], "communityAvatarUrl": shown}}
    ).json
    before = everything(engine)
    assert "ada@example.org" in before
    assert any(path.is_file() for path in (tmp_path / "uploads").rglob("*"))

    assert "Your account is deleted" in delete_by_page(ada, " Ada@Example.org ")
    deliver(app)
    assert smtp.messages[-1]["To"] == "ada@example.org"
    assert "was deleted" in smtp.messages[-1]["Subject"] + smtp.messages[-1].get_content()

    after = everything(engine)
    for gone in ("ada@example.org", SECRET, "cy@example.org"):
        assert gone not in after
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
    assert len([path for path in (tmp_path / "uploads").rglob("*") if path.is_file()]) == 1
    # And the person may begin anew, with nothing.
    clock.advance(timedelta(seconds=60))
    again = sign_in(app, smtp, "ada@example.org")
    assert again.get("/api/rules/me").json == {"rules": []}
    assert again.get("/api/drafts/me").json == {"draft": None}


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
        ("ask@example.org", "mailbox first, then answer this mail, which the people who run this\nsite will read."),
        (None, "mailbox first, then tell the people who run this site."),
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


def outbox_only(engine: sa.Engine) -> bool:
    """Whether the one row with the address is the last mail, which is erased when it is sent."""
    rows = [line for line in everything(engine).splitlines() if "bo@example.org" in line]
    return len(rows) == 1 and "is deleted" in rows[0]


def test_of_two_who_delete_at_once_one_finds_nobody(ada: TestApp, app: Any, engine: sa.Engine) -> None:
    publish(ada, written(ada))
    answers: list[int] = []

    def delete() -> None:
        browser = TestApp(app, cookiejar=ada.cookiejar)
        answers.append(browser.delete("/api/user/me", status="*").status_int)

    threads = [threading.Thread(target=delete) for _ in range(3)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(answers) == [200, 401, 401]
    assert unequal(engine) == []


def test_what_another_device_saves_meanwhile_does_not_outlive_the_account(
    ada: TestApp, app: Any, engine: sa.Engine
) -> None:
    """Many saves of many drafts race against the deletion: each is refused, or erased with the rest."""
    begun = threading.Event()
    answers: list[int] = []

    def save(number: int) -> None:
        browser = TestApp(app, cookiejar=ada.cookiejar)
        for turn in range(20):
            body = {"payload": {"title": f"{SECRET} {number} {turn}"}}
            answers.append(browser.put_json("/api/drafts/me", body, status="*").status_int)
            browser.post_json(
                "/api/rules", {"title": "Elm", "document": {"sections": []}}, status="*"
            ) if turn == 10 else begun.set()

    threads = [threading.Thread(target=save, args=(number,)) for number in range(3)]
    for each in threads:
        each.start()
    begun.wait()
    assert ada.delete("/api/user/me", status="*").status_int in (200, 409)
    for each in threads:
        each.join()
    if ada.get("/api/auth/session").json["user"]:
        ada.delete("/api/user/me")
    assert set(answers) <= {200, 401, 409}
    assert SECRET not in everything(engine)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM drafts")) == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM draft_keys")) == 0
        assert connection.scalar(sa.text("SELECT count(*) FROM rules WHERE owner IS NOT NULL")) == 0
    assert unequal(engine) == []


def test_everything_can_be_taken_along(ada: TestApp, client: TestApp) -> None:
    rule = publish(ada, written(ada))
    write(ada, f"{start(ada)}/about", title="Beech", summary="A second one")
    ada.post_json(f"/api{rule}/stakeholders", {"email": "cy@example.org"}, status=201)
    answer = ada.get("/profile/data.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="community-rule.json"'
    assert "no-store" in answer.headers["Cache-Control"]
    data = answer.json
    assert list(data) == ["madeAt", "account", "sessions", "drafts", "rules", "invitations", "joinLinks", "uploads"]
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
    assert [(each["role"], each["address"].endswith(rule)) for each in data["rules"]] == [("owner", True)]
    assert [each["email"] for each in data["invitations"]] == ["cy@example.org"]
    client.get("/profile/data.json", status=303)
