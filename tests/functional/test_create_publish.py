"""From a template to a public page without JavaScript, and everything that can be in the way of publishing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp, Upload

from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import (
    count,
    errors,
    filled,
    go_on,
    heading,
    payload,
    picks,
    press,
    saving,
    start,
    step_of,
    topics,
    unequal,
)
from tests.functional.people import form_to, path_of, sign_in
from tests.functional.test_create_guests import ask, confirm, open_link
from tests.functional.test_main_job import sentences
from tests.functional.test_sign_in import browser
from tests.uploads.pictures import PDF, opened, picture, saved, with_gps

PHOTO = saved(picture((3000, 2000)), "JPEG", exif=with_gps())


def publish(page: Any, *, status: int = 303) -> Any:
    """Press the button of the last step; the page behind it, or the answer itself when that is no redirect."""
    answer = saving(page)[-1].submit(status=status)
    return answer.follow() if status == 303 else answer


def short(client: TestApp, title: str = "Elm") -> Any:
    """The last step of a rule with one value."""
    start(client, title)
    press(client.get("/create/core-values"), "add", "1")
    return client.get("/create/final-review")


def rule_of(page: Any) -> str:
    """The path of the published rule."""
    return path_of(page.html.select_one(".address a")["href"])


def new_block(page: Any) -> str:
    return str(page.html.select_one("[name=new-block]")["value"].partition(":")[2])


# The whole of it


def described(client: TestApp) -> Any:
    """From the first page to the template, everything answered; the page of the values."""
    page = client.get("/create").follow().click("Begin with the name")
    page = go_on(page, title="Elm Street Garden")
    page = go_on(page, orgType=["mutualAid"], scale=["local"], maturity=["growthStage"])
    page = go_on(
        page, communityContext="We grow food between two roads.", summary="A garden for everybody within five streets."
    )
    page = go_on(page, size=["sixToTwelve"])
    assert step_of(page) == "community-upload"
    return page


def chosen(client: TestApp) -> None:
    """The template "consensus", changed, with an own value and an own method."""
    page = client.get("/templates").click("^Consensus$")
    page = press(page, "action", "customize")
    page = press(page.click("Write your own value"), "action", "save", label="Soil", meaning="We leave it better.")
    page = go_on(page)
    page = press(page, "remove", "signal")
    page = go_on(go_on(page))
    page = press(
        page.click("^Consensus decision-making$"), "action", "save", corePrinciple="We talk until it **fits**."
    )
    page = press(page, "up", "lazy-consensus")
    page = go_on(page)
    page = page.click("Write your own")
    page = press(page, "action", "add-text", label="Two chairs", supportText="Two people listen.")
    page = press(page, "action", "add-badges", blockTitle="How it goes", text="They ask, they wait.")
    page = press(page, "action", "add-proportion", blockTitle="Who may call", options="Members\nNeighbours")
    press(page, "action", "save", blockTitle="Must agree", percent="75")


def attached(client: TestApp, clock: Clock) -> None:
    page = client.get("/create/community-upload")
    page = press(page, "action", "upload", photo=Upload("us.jpg", PHOTO), communityAvatarAlt="Ten people at a table")
    assert page.html.select_one("figure img")["alt"] == "Ten people at a table"
    clock.advance(timedelta(seconds=6))
    page = client.get("/create/conflict-management").click("^Two chairs$")
    page = press(page, "action", "add-upload")
    press(page, "action", "save", blockTitle="Leaflet", **{"file-" + new_block(page): Upload("leaflet.pdf", PDF)})


def check_public(client: TestApp, rule: str) -> None:
    """What somebody reads who has never heard of it."""
    page = client.get(rule)
    assert heading(page) == "Elm Street Garden"
    text = " ".join(page.html.main.text.split())
    for words in (
        "A garden for everybody within five streets.",
        "We grow food between two roads.",
        "Soil",
        "We leave it better.",
        "We talk until it fits.",
        "Two chairs",
        "Two people listen.",
        "They ask, they wait.",
        "Members Neighbours",
        "75 %",
        "Keeping the block honest",
    ):
        assert words in text
    for words in ("Signal", "friend@example.org", "None", "{"):
        assert words not in text
    sections = [each.text for each in page.html.select(".contents > ol > li > a span:not(.n)")]
    assert sections[:5] == ["Values", "Communication", "Membership", "Decision-making", "Conflict management"]
    names = [each.find(string=True, recursive=False) or "" for each in page.html.select("h3")]
    ways = [name.strip() for name in names]
    assert ways.index("Lazy consensus") < ways.index("Consensus decision-making")
    assert page.html.select_one(".prose strong").text == "fits"
    photo = page.html.select_one("img.rule-photo")
    assert photo["alt"] == "Ten people at a table"
    image = opened(client.get(photo["src"]).body)
    assert image.size == (2048, 1365)
    assert dict(image.getexif()) == {}
    [file] = page.html.select(".block a[href^='/api/uploads/']")
    assert " ".join(file.text.split()) == "Open the file for Leaflet"
    answer = client.get(file["href"])
    assert answer.body == PDF
    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_rule_from_the_template_consensus_is_published_and_reads_well(
    ada: TestApp, client: TestApp, clock: Clock, engine: sa.Engine
) -> None:
    described(ada)
    chosen(ada)
    attached(ada, clock)
    page = press(ada.get("/create/confirm-stakeholders"), "action", "add", emails="friend@example.org")
    page = go_on(page)
    assert "Before you can publish" not in page
    preview = page.click("See the page as it will look")
    assert "We leave it better." in preview
    page = publish(page)
    assert step_of(page) == "completed"
    assert heading(page) == "Elm Street Garden is published"
    rule = rule_of(page)
    check_public(client, rule)
    assert "Elm Street Garden" in client.get("/rules")
    history = client.get(f"{rule}/history").html.text
    assert "Published the rule." in history
    assert "friend@example.org" not in history
    draft = page.request.params["draft"]
    told = sentences(ada.get(f"/drafts/{draft}/history"))
    assert told[0] == "Published it as revision 1. You"
    assert told[-1] == "Started from a blank page. You"
    for sentence in (
        "Attached a photo. You",
        "Wrote what the photo shows. You",
        "Added the value Soil. You",
        "Dropped Signal from communication. You",
        "Described Consensus decision-making in decision-making. You",
        "Put decision-making in another order. You",
        "Added Two chairs to conflict management. You",
        "Wrote Two chairs in your own words. You",
    ):
        assert sentence in told
    assert not any("currentStep" in sentence for sentence in told)
    with engine.connect() as connection:
        log = connection.execute(sa.text("SELECT string_agg(state, ' ') FROM events")).scalar_one()
        invited = connection.execute(sa.text("SELECT email FROM stakeholders")).scalars().all()
    assert "@" not in log
    assert invited == ["friend@example.org"]
    assert count(engine, "draft_addresses") == 0
    assert unequal(engine) == []


def test_the_same_signing_in_half_way_in_another_browser(
    client: TestApp, app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    page = described(client)
    assert "sign in first" in page.html.text
    page = go_on(page)
    assert step_of(page) == "community-save"
    page = press(page, "action", "later")
    chosen(client)
    press(client.get("/create/confirm-stakeholders"), "action", "add", emails="friend@example.org")
    page = client.get("/create/final-review")
    assert "One step before you publish." in page
    assert saving(page) == []
    page = page.click("Sign in to publish")
    press(page, "action", "mail", email="ada@example.org", status=200)
    other = browser(app)
    page = confirm(open_link(other, smtp))
    assert step_of(page) == "final-review"
    attached(other, clock)
    page = publish(other.get("/create/final-review"))
    check_public(client, rule_of(page))
    assert topics(engine)[0] == "draft.Started"
    assert unequal(engine) == []


def test_what_comes_after(ada: TestApp) -> None:
    page = publish(short(ada, "Elm & Oak"))
    rule = rule_of(page)
    assert page.html.select_one(".address a").text == f"http://localhost{rule}"
    mail = page.html.find("a", string="Send it by mail")["href"]
    assert mail.startswith("mailto:?subject=Our%20rule%3A%20Elm%20%26%20Oak&body=")
    assert mail.endswith(f"http%3A//localhost{rule}")
    assert heading(page.click("Read the page")) == "Elm & Oak"
    assert "Published the rule." in page.click("its history")
    # Every address of the flow of this draft now leads here.
    draft = page.request.params["draft"]
    for step in ("community-name", "core-values", "core-values/1", "final-review", "review"):
        assert step_of(ada.get(f"/create/{step}", {"draft": draft}).follow()) == "completed"
    assert step_of(ada.get("/create", {"draft": draft}).maybe_follow()) == "completed"
    # And another rule is begun from a blank page.
    page = ada.get("/create").follow()
    assert step_of(page) == "informational"
    assert "begun already" not in page
    ada.get("/create/completed", status=404)


def test_the_next_revision_is_published_from_its_own_page(ada: TestApp) -> None:
    rule = rule_of(publish(short(ada)))
    draft = path_of(form_to(ada.get(f"{rule}/edit"), f"{rule}/edit").submit(status=303).location).strip("/")
    identifier = draft.removeprefix("drafts/")
    answer = ada.get("/create/final-review", {"draft": identifier}, status=303)
    assert path_of(answer.location) == f"/{draft}/publish"
    page = ada.get("/create/core-values", {"draft": identifier})
    assert picks(page) == ["Care"]
    press(page, "add", "2")
    assert count_rules(ada) == 1


def count_rules(client: TestApp) -> int:
    return len(client.get("/api/rules").json["rules"])


# What is in the way


def test_what_is_missing_is_said_with_a_way_to_mend_it(ada: TestApp) -> None:
    go_on(ada.get("/create/community-context"), communityContext="We grow food")
    page = ada.get("/create/final-review")
    assert saving(page) == []
    page = page.click("Give the rule a name.")
    page = go_on(page, title="Elm")
    assert step_of(page) == "final-review"
    assert "Give the rule a name." not in page
    page = page.click("Choose at least one value or method.")
    page = go_on(press(page, "add", "1"))
    assert step_of(page) == "final-review"
    assert step_of(publish(page)) == "completed"


def test_who_presses_publish_without_these_is_told(ada: TestApp) -> None:
    page = short(ada)
    old = saving(page)[-1]
    press(ada.get("/create/core-values"), "remove", "1")
    old["version"] = ada.get("/create/core-values").html.select_one("input[name=version]")["value"]
    answer = old.submit(status=400)
    assert "Write at least one section first." in errors(answer)
    assert count_rules(ada) == 0


def test_a_guest_is_told_to_sign_in(client: TestApp, ada: TestApp, engine: sa.Engine) -> None:
    page = short(client)
    assert "One step before you publish." in page
    assert step_of(page.click("Sign in to publish")) == "community-save"
    token = client.get("/create/community-name").html.select_one("input[name=csrf_token]")["value"]
    answer = client.post("/create/final-review", {"csrf_token": token, "version": "1"}, status=303)
    assert path_of(answer.location) == "/create/community-save?then=final-review"
    assert count(engine, "events") == 0


def test_a_form_sent_twice_publishes_once(ada: TestApp) -> None:
    form = saving(short(ada))[-1]
    first, second = form.submit(status=303), form.submit(status=303)
    assert first.location == second.location
    assert count_rules(ada) == 1


def test_a_draft_that_changed_since_is_shown_again_before_it_is_published(ada: TestApp) -> None:
    page = short(ada)
    go_on(ada.get("/create/community-name"), title="Changed meanwhile")
    again = publish(page, status=409)
    assert "changed after this page was shown" in errors(again)
    assert "Changed meanwhile" in again
    assert count_rules(ada) == 0
    assert heading(publish(again)) == "Changed meanwhile is published"


def test_a_tab_that_is_open_while_another_publishes_gets_its_words_back(ada: TestApp, engine: sa.Engine) -> None:
    page = short(ada)
    tabs: dict[str, dict[str, str]] = {
        "community-context": {"communityContext": "My last words"},
        "core-values/1": {"meaning": "My last words"},
        "communication-methods/own": {"label": "My last words"},
        "confirm-stakeholders": {"emails": "last@example.org"},
    }
    pages = {step: ada.get(f"/create/{step}") for step in tabs}
    choices = ada.get("/create/communication-methods")
    publish(page)
    for step, texts in tabs.items():
        form = filled(pages[step], **texts)
        answer = form.submit("action", value="add" if step == "confirm-stakeholders" else "save", status=409)
        assert "This draft is published." in answer
        assert next(iter(texts.values())) in answer
    press(choices, "add", "signal", status=409)
    template = ada.get("/create/review-template/consensus", {"draft": str(filled(choices)["draft"].value)})
    template = template.maybe_follow()
    if saving(template):
        press(template, "action", "customize", status=409)
    assert [count(engine, table) for table in ("draft_addresses", "stakeholders")] == [0, 0]


def test_invitations_are_sent_once_a_minute(ada: TestApp, clock: Clock) -> None:
    for title in ("Elm", "Oak"):
        short(ada, title)
        page = go_on(ada.get("/create/confirm-stakeholders"), emails="friend@example.org")
        if title == "Elm":
            publish(page)
    answer = publish(page, status=429)
    assert "You invited somebody a moment ago. Try again in 60 seconds." in errors(answer)
    assert answer.headers["Retry-After"] == "60"
    assert "friend@example.org" in answer
    assert count_rules(ada) == 1
    clock.advance(timedelta(seconds=61))
    publish(answer)
    assert count_rules(ada) == 2


# Without this or that


@pytest.mark.parametrize("root", [None, "/nowhere/at/all"])
def test_where_no_files_are_kept_the_flow_says_so_and_goes_on(
    make_app: MakeApp, smtp: Mailbox, root: str | None
) -> None:
    ada = sign_in(make_app(UPLOAD_ROOT=root), smtp, "ada@example.org")
    page = described(ada)
    assert "This site does not take files." in page
    assert page.html.select("input[type=file]") == []
    page = go_on(page)
    assert step_of(page) == "review"
    chosen(ada)
    page = ada.get("/create/conflict-management").click("^Two chairs$")
    assert "This site does not take files." in page
    assert page.html.select("[value=add-upload]") == []
    # A file that is sent all the same is refused in words, and what was typed beside it comes back.
    page = press(ada.get(page.request.path, {"add": "upload"}), "action", "save", blockTitle="Leaflet")
    form = filled(ada.get("/create/community-upload"))
    fields = [*form.submit_fields("action", submit_value="continue"), ("communityAvatarAlt", "Us at a table")]
    answer = ada.post(form.action, fields, upload_files=[("photo", "us.jpg", PHOTO)], status=500)
    assert "Us at a table" in answer
    assert step_of(publish(ada.get("/create/final-review"))) == "completed"


def test_a_photo_that_cannot_be_used_is_said_beside_the_field(ada: TestApp, clock: Clock) -> None:
    start(ada)
    page = ada.get("/create/community-upload")
    for content, sentence in (
        (PDF, "This file can’t be used. Choose a picture"),
        (b"", "The file is empty."),
        (b"\x89PNG\r\n\x1a\n broken", "can’t be read"),
        (b"\xff\xd8\xff" + b"x" * (5 * 2**20), "larger than 5 MB"),
    ):
        page = go_on(page, photo=Upload("us.png", content), communityAvatarAlt="Us", status=400)
        assert sentence in errors(page)
        assert page.html.select_one("#photo")["aria-invalid"] == "true"
        assert filled(page)["communityAvatarAlt"].value == "Us"
        assert "communityAvatarUrl" not in payload(ada)
        # A broken one counts as sent.
        clock.advance(timedelta(seconds=5))
    page = go_on(page, photo=Upload("us.png", PHOTO))
    assert step_of(page) == "review"
    assert page.html.select_one(".answers-list img")["alt"] == "Us"
    page = go_on(ada.get("/create/community-upload"), photo=Upload("us.png", PHOTO), status=400)
    assert "That was a little fast. Try again in" in errors(page)


def test_a_photo_is_removed_again(ada: TestApp) -> None:
    start(ada)
    page = ada.get("/create/community-upload")
    page = press(page, "action", "upload", photo=Upload("us.jpg", PHOTO), communityAvatarAlt="Us")
    page = press(page, "remove", "photo")
    assert page.html.select("figure") == []
    assert filled(page)["communityAvatarAlt"].value == ""
    assert topics_of_photo(ada) == ["Took what the photo shows away. You", "Took the photo off. You"]


def topics_of_photo(client: TestApp) -> list[str]:
    page = client.get("/create/review")
    draft = path_of(page.click("The whole draft").request.url).strip("/")
    return [each for each in sentences(client.get(f"/{draft}/history")) if each.startswith("Took")]


def test_a_mail_that_fails_does_not_stop_the_flow(client: TestApp, smtp: Mailbox) -> None:
    start(client)
    smtp.refusal = "451 Try later"
    page = ask(client, status=502)
    page = press(page, "action", "later")
    assert step_of(page) == "review"
    assert "Elm Street Garden" in page


def test_a_script_hears_why_nothing_was_published(ada: TestApp) -> None:
    page = short(ada)
    go_on(ada.get("/create/community-name"), title="Changed meanwhile")
    form = saving(page)[-1]
    said = ada.post(form.action, form.submit_fields(), headers={"Accept": "application/json"}, status=409).json
    assert said["error"]["code"] == "conflict"
    assert count_rules(ada) == 0
