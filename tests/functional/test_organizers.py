"""Two people write one rule: letting somebody in, joining, writing together, leaving, and who did what."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.accounts import join_links
from cr.events import rule as rules
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.flow import count, unequal
from tests.functional.people import form_to, mailed_link, path_of, sign_in
from tests.functional.test_all_or_nothing import at_once, posting
from tests.functional.test_main_job import edit, publish, sentences, start, write, written
from tests.functional.test_sign_in import browser, rows

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


@pytest.fixture
def cy(app: Any, smtp: Mailbox) -> TestApp:
    return sign_in(app, smtp, "cy@example.org")


@pytest.fixture
def rule(ada: TestApp) -> str:
    """The path of a rule that Ada owns."""
    return publish(ada, written(ada))


def make_link(owner: TestApp, rule: str, *, status: int = 200) -> str:
    """The path of a new link."""
    page = form_to(owner.get(f"{rule}/organizers"), f"{rule}/organizers/links").submit(status=status)
    return path_of(page.html.find("textarea", id="link").text.strip())


def join(person: TestApp, link: str, name: str | None = None, *, status: int = 303) -> Any:
    form = form_to(person.get(link), link.partition("?")[0])
    if name is not None:
        form["your-name"] = name
    return form.submit(status=status)


def let_in(owner: TestApp, person: TestApp, rule: str, name: str | None = None) -> None:
    join(person, make_link(owner, rule), name)


def test_who_is_asked_to_join_hears_what_everybody_will_read(
    ada: TestApp, bo: TestApp, client: TestApp, rule: str
) -> None:
    page = bo.get(make_link(ada, rule))
    assert "Everybody can read in the history that you joined, and the name that you give yourself." in page
    hint = page.html.find(id="your-name-hint").text
    assert hint.startswith("Everybody sees it in the history of every rule that you write.")
    form = form_to(page, f"{rule}/join")
    form["your-name"] = "Bo"
    form.submit(status=303)
    said = client.get(f"{rule}/history").html.select_one(".what").text
    assert " ".join(said.split()) == "Joined as an organizer. Bo"


def call(person: TestApp, rule: str, name: str, *, status: int = 303) -> Any:
    form = form_to(person.get(f"{rule}/organizers"), f"{rule}/organizers/name")
    form["your-name"] = name
    return form.submit(status=status)


def people(page: Any) -> list[str]:
    """Who organizes, as the page lists them."""
    return [" ".join(each.text.split()) for each in page.html.select_one("ul.rules").select("h2")]


def remove(person: TestApp, rule: str, link: str = "Remove") -> Any:
    """Press Remove, or Leave, beside the first who can be, and on the page that asks."""
    asked = person.get(f"{rule}/organizers").click(link)
    return form_to(asked, f"{rule}/organizers/remove").submit(status=303)


# Links


def test_a_link_lets_one_person_in(ada: TestApp, bo: TestApp, cy: TestApp, rule: str, engine: sa.Engine) -> None:
    bo.get(f"{rule}/edit", status=403)
    link = make_link(ada, rule)
    assert link.startswith(f"{rule}/join?token=")
    page = bo.get(link)
    assert "Elm Street Garden" in page.html.h1.text
    assert path_of(join(bo, link).location).rstrip("/") == f"{rule}/organizers"
    assert people(bo.get(f"{rule}/organizers")) == ["The owner", "An organizer (you)"]
    assert people(ada.get(f"{rule}/organizers")) == ["The owner (you)", "An organizer"]
    assert "does not work" in cy.get(link, status=404)
    second = edit(bo, rule)
    write(bo, f"{second}/about", summary="We grow food between three roads.")
    publish(bo, second, changed="Another road.")
    assert "between three roads" in cy.get(rule)
    assert unequal(engine) == []


def test_the_link_is_shown_once_and_kept_as_a_hash(ada: TestApp, rule: str, engine: sa.Engine, smtp: Mailbox) -> None:
    mails = len(smtp.messages)
    page = form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/links").submit()
    whole = page.html.find("textarea", id="link").text.strip()
    assert whole.startswith(f"http://localhost{rule}/join?token=")
    token = whole.rpartition("=")[2]
    assert len(token) >= 43  # 256 bits
    assert token not in ada.get(f"{rule}/organizers")
    for table in ("join_links", "events"):
        assert token not in rows(engine, table)
        assert token.encode().hex() not in rows(engine, table)
    assert len(smtp.messages) == mails


def test_the_link_has_the_sites_public_name(make_app: MakeApp, smtp: Mailbox) -> None:
    ada = sign_in(make_app(CLOUDRON_APP_ORIGIN="https://rules.example"), smtp, "ada@example.org")
    rule = publish(ada, written(ada))
    page = form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/links").submit()
    assert page.html.find("textarea", id="link").text.startswith("https://rules.example/rules/")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_looking_at_the_link_changes_nothing(
    ada: TestApp, bo: TestApp, app: Any, rule: str, engine: sa.Engine, method: str
) -> None:
    link = make_link(ada, rule)
    kept = [rows(engine, table) for table in ("events", "join_links", "accounts")]
    for person in (browser(app), bo, ada):
        person.request(link, method=method, status=200)
        person.request(link, method=method, status=200)
    assert [rows(engine, table) for table in ("events", "join_links", "accounts")] == kept
    join(bo, link)


def test_the_address_with_the_token_is_told_to_nobody(ada: TestApp, bo: TestApp, app: Any, rule: str) -> None:
    link = make_link(ada, rule)
    stranger = browser(app)
    login = stranger.get(link).click("^Sign in$")
    for page in (bo.get(link), stranger.get(link), ada.get(link), login, bo.get(f"{rule}/join?token=x", status=404)):
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert page.headers["Cache-Control"].endswith("no-store")
        assert page.html.find("meta", attrs={"name": "robots"})["content"] == "noindex"


def test_who_is_not_signed_in_comes_back_with_the_link(ada: TestApp, app: Any, rule: str, smtp: Mailbox) -> None:
    link = make_link(ada, rule)
    bo = browser(app)
    form = form_to(bo.get(link).click("^Sign in$"), "/login")
    form["email"] = "bo@example.org"
    form.submit()
    page = bo.get(path_of(mailed_link(smtp)), status=303).follow()
    assert path_of(page.request.url) == link
    join(bo, link)
    assert people(bo.get(f"{rule}/organizers"))[1] == "An organizer (you)"


def test_a_link_that_waited_for_the_mail_is_kept_no_longer(
    ada: TestApp, app: Any, rule: str, smtp: Mailbox, engine: sa.Engine
) -> None:
    token = make_link(ada, rule).rpartition("=")[2]
    bo = browser(app)
    form = form_to(bo.get(f"{rule}/join?token={token}").click("^Sign in$"), "/login")
    form["email"] = "bo@example.org"
    form.submit()
    bo.get(path_of(mailed_link(smtp)), status=303)
    assert token not in rows(engine, "mailed_links")


def test_who_was_signed_out_meanwhile_signs_in_and_comes_back(
    ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine
) -> None:
    link = make_link(ada, rule)
    form = form_to(bo.get(link), f"{rule}/join")
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM sessions"))
    form["your-name"] = "Bo"
    page = form.submit(status=401)
    assert "Bo" in [each.text for each in page.html.main.find_all("strong")]
    assert form_to(page.click("^Sign in$"), "/login")["next"].value == link
    assert count(engine, "join_links") == 1


def test_a_form_from_elsewhere_lets_nobody_in(ada: TestApp, bo: TestApp, rule: str) -> None:
    link = make_link(ada, rule)
    token = link.rpartition("=")[2]
    bo.post(f"{rule}/join", {"token": token}, status=403)
    form = form_to(bo.get(link), f"{rule}/join")
    form.submit(headers={"Origin": "https://evil.example"}, status=403)
    bo.get(f"{rule}/edit", status=403)
    join(bo, link)


@pytest.mark.parametrize("why", ["used", "expired", "withdrawn", "made up", "lost", "of another rule", "a session"])
def test_links_that_do_not_work_say_one_and_the_same(
    ada: TestApp, bo: TestApp, cy: TestApp, rule: str, clock: Clock, why: str
) -> None:
    link = make_link(ada, rule)
    match why:
        case "used":
            join(cy, link)
        case "expired":
            clock.advance(7 * DAY - SECOND)
            bo.get(link, status=200)
            clock.advance(SECOND)
        case "withdrawn":
            form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/withdraw").submit("link", status=303)
        case "made up":
            link = f"{rule}/join?token={'A' * 64}"
        case "lost":
            link = f"{rule}/join"
        case "of another rule":
            other = publish(ada, written(ada))
            link = f"{other}/join?{link.partition('?')[2]}"
        case "a session":
            link = f"{rule}/join?token={bo.cookies['cr_session']}"
    page = bo.get(link, status=404)
    assert "Ask whoever sent it to you for a new one" in page.html.main.text
    token = link.partition("token=")[2]
    csrf = form_to(bo.get("/profile"), "/logout")["csrf_token"].value
    posted = bo.post(link.partition("?")[0], {"token": token, "csrf_token": csrf}, status=404)
    assert posted.html.main.text == page.html.main.text
    assert bo.get(make_link(ada, rule)).html.h1.text == "Write Elm Street Garden together"


def test_who_organizes_already_does_not_use_a_link_up(ada: TestApp, bo: TestApp, cy: TestApp, rule: str) -> None:
    first, second = make_link(ada, rule), make_link(ada, rule)
    forms = {person: form_to(person.get(second), f"{rule}/join") for person in (bo, cy)}
    join(bo, first)
    for person in (ada, bo):
        assert "You organize Elm Street Garden already" in person.get(second)
        assert "You organize Elm Street Garden already" in person.get(first)
    # Pressed in a window that was open before.
    assert path_of(forms[bo].submit(status=303).location).rstrip("/") == f"{rule}/organizers"
    forms[cy].submit(status=303)
    assert len(people(ada.get(f"{rule}/organizers"))) == 3


def test_of_two_with_one_link_exactly_one_joins(
    ada: TestApp, bo: TestApp, cy: TestApp, rule: str, engine: sa.Engine
) -> None:
    for number in range(8):
        link = make_link(ada, rule)
        answers = at_once(*(posting(person, person.get(link), f"{rule}/join") for person in (bo, cy)))
        assert sorted(answer.status_int for answer in answers) == [303, 404], number
        assert len(people(ada.get(f"{rule}/organizers"))) == 2
        remove(ada, rule)
    assert unequal(engine) == []


def test_pressed_twice_at_once_one_joins_once(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    link = make_link(ada, rule)
    answers = at_once(*(posting(bo, bo.get(link), f"{rule}/join") for _ in range(2)))
    assert [answer.status_int for answer in answers] == [303, 303]
    assert rows(engine, "events").count("rule.OrganizerJoined") == 1


def test_one_who_joins_by_two_links_at_once_joins_once(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    links = [make_link(ada, rule) for _ in range(2)]
    answers = at_once(*(posting(bo, bo.get(link), f"{rule}/join") for link in links))
    assert [answer.status_int for answer in answers] == [303, 303]
    assert rows(engine, "events").count("rule.OrganizerJoined") == 1


def test_a_rule_that_was_withdrawn_says_so(ada: TestApp, bo: TestApp, rule: str) -> None:
    link = make_link(ada, rule)
    form = form_to(bo.get(link), f"{rule}/join")
    ada.delete(f"/api{rule}")
    for page in (bo.get(link, status=410), form.submit(status=410), ada.get(f"{rule}/organizers", status=410)):
        assert "withdrawn" in page.html.main.text


def test_ten_links_are_open_at_most(ada: TestApp, rule: str, clock: Clock) -> None:
    for _ in range(10):
        make_link(ada, rule)
    form = form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/links")
    assert "Withdraw one, then make another." in form.submit(status=400).html.select_one(".errors").text
    form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/withdraw").submit("link", status=303)
    make_link(ada, rule)
    clock.advance(7 * DAY)
    page = ada.get(f"{rule}/organizers")
    assert "Withdraw it" not in page
    make_link(ada, rule)


def test_ten_are_the_most_also_at_once(ada: TestApp, rule: str, engine: sa.Engine) -> None:
    for _ in range(9):
        make_link(ada, rule)
    page = ada.get(f"{rule}/organizers")
    answers = at_once(*(posting(ada, page, f"{rule}/organizers/links") for _ in range(3)))
    assert sorted(answer.status_int for answer in answers) == [200, 400, 400]
    assert count(engine, "join_links") == 10


def test_nobody_makes_links_without_end(ada: TestApp, rule: str, clock: Clock) -> None:
    for _ in range(30):
        make_link(ada, rule)
        form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/withdraw").submit("link", status=303)
    form = form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/links")
    assert int(form.submit(status=429).headers["Retry-After"]) <= 3600
    clock.advance(timedelta(hours=1))
    make_link(ada, rule)


def test_a_rule_that_is_full_keeps_the_link(
    ada: TestApp, bo: TestApp, rule: str, monkeypatch: pytest.MonkeyPatch, cy: TestApp
) -> None:
    monkeypatch.setattr(rules, "ORGANIZERS_MOST", 1)
    link = make_link(ada, rule)
    let_in(ada, cy, rule)
    assert "There is no room for more organizers." in ada.get(f"{rule}/organizers")
    full = join(bo, link, "Bo", status=409)
    assert "no room for more" in full
    assert form_to(full, f"{rule}/join")["your-name"].value == "Bo"
    remove(ada, rule)
    join(bo, link)
    assert len(people(ada.get(f"{rule}/organizers"))) == 2


# Who may do what


def test_the_pages_are_for_those_who_organize(
    ada: TestApp, bo: TestApp, cy: TestApp, app: Any, rule: str, engine: sa.Engine
) -> None:
    let_in(ada, bo, rule)
    make_link(ada, rule)
    page = f"{rule}/organizers"
    stranger = browser(app)
    for view in ("", "/remove"):
        assert "/login?next=" in stranger.get(f"{page}{view}", status=303).location
        cy.get(f"{page}{view}", status=403)
    texts = bo.get(page).html.main.text
    assert "Make a link" not in texts
    assert "Withdraw" not in texts
    assert "Remove" not in texts
    kept = [rows(engine, table) for table in ("events", "join_links", "accounts")]
    owner, link = (
        re.search(pattern, str(ada.get(page).html))[1] for pattern in ('organizer=([^"]+)', 'value="([-0-9a-f]{36})"')
    )  # type: ignore[index]
    for person, refused in ((bo, ("links", "withdraw")), (cy, ("links", "withdraw", "remove", "name"))):
        csrf = form_to(person.get("/profile"), "/logout")["csrf_token"].value
        for view in refused:
            person.post(f"{page}/{view}", {"csrf_token": csrf, "link": link, "organizer": owner}, status=403)
    for view in ("links", "withdraw", "name"):
        ada.get(f"{page}/{view}", status=405)
    assert [rows(engine, table) for table in ("events", "join_links", "accounts")] == kept


def test_an_organizer_removes_nobody_but_themself(ada: TestApp, bo: TestApp, cy: TestApp, rule: str) -> None:
    for person in (bo, cy):
        let_in(ada, person, rule)
    page = f"{rule}/organizers"
    first, second = [link["href"] for link in ada.get(page).html.select("a[href*=organizer]") if "Remove" in link.text]
    assert "Leave" in bo.get(first)
    bo.get(second, status=403)
    csrf = form_to(bo.get("/profile"), "/logout")["csrf_token"].value
    bo.post(f"{page}/remove", {"organizer": second.rpartition("=")[2], "csrf_token": csrf}, status=403)
    assert len(people(ada.get(page))) == 3
    # The owner is no organizer beside themself, and nonsense is nobody.
    for nobody in ("", "x", "00000000-0000-0000-0000-000000000001"):
        assert path_of(ada.get(f"{page}/remove", {"organizer": nobody}, status=303).location).rstrip("/") == page
        token = form_to(ada.get("/profile"), "/logout")["csrf_token"].value
        ada.post(f"{page}/remove", {"organizer": nobody, "csrf_token": token}, status=303)
    assert len(people(ada.get(page))) == 3


def test_another_rules_link_is_not_withdrawn(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    other = publish(bo, written(bo))
    make_link(ada, rule)
    theirs = form_to(ada.get(f"{rule}/organizers"), f"{rule}/organizers/withdraw")
    for link in (theirs.fields["link"][0]._value, "", "x"):
        csrf = form_to(bo.get("/profile"), "/logout")["csrf_token"].value
        bo.post(f"{other}/organizers/withdraw", {"link": link, "csrf_token": csrf}, status=303)
    assert count(engine, "join_links") == 1


# Leaving


def test_who_is_removed_is_refused_at_once_and_loses_nothing(ada: TestApp, bo: TestApp, rule: str) -> None:
    let_in(ada, bo, rule)
    theirs, own = edit(ada, rule), edit(bo, rule)
    write(bo, f"{own}/about", title="Elm Street Gardens")
    open_part, open_publish = bo.get(f"{theirs}/about"), bo.get(f"{own}/publish")
    open_own, open_undo = form_to(bo.get(f"{own}/about"), f"{own}/about"), form_to(bo.get(own), f"{own}/undo")
    remove(ada, rule)

    refused = write(bo, f"{theirs}/about", page=open_part, summary="What I just wrote of the soil", status=403)
    assert "Only the organizers of this rule write its next revision." in refused
    assert "What I just wrote of the soil" in refused
    form = form_to(open_publish, f"{own}/publish")
    form["changed"] = "What I wanted to tell the members"
    refused = form.submit(status=403)
    assert "Only the organizers of this rule write its next revision." in refused
    assert "What I wanted to tell the members" in refused
    for gone in (theirs, f"{rule}/edit", f"{rule}/organizers"):
        assert "Only the organizers of this rule" in bo.get(gone, status=403)

    # What they began they read, and do not write.
    read = bo.get(own)
    assert "You are no longer an organizer" in read
    assert "Elm Street Gardens" in read.html.h1.text
    assert not [form for form in read.forms.values() if "version" in form.fields]
    for page in ("history", "at?entry=2", "compare?from=1&to=2", "preview"):
        assert "Elm Street Gardens" in bo.get(f"{own}/{page}")
    assert path_of(bo.get("/create", {"draft": own[-36:]}, status=303).location).rstrip("/") == own
    for page in ("about", "publish", "discard", "together"):
        bo.get(f"{own}/{page}", status=403)
    for form, button in ((open_own, "save"), (open_undo, None)):
        answer = form.submit("action", value=button, status=403) if button else form.submit(status=403)
        assert "Only the organizers of this rule" in answer
    listed = bo.get("/profile").html.find("a", string="Elm Street Gardens").find_parent("li")
    assert [path_of(each["href"]).rstrip("/") for each in listed.select(".rule-links a")] == [own]
    assert "You are no longer an organizer" in listed.text
    discard = ada.get(theirs).html.find("a", string="Discard it")["href"]
    assert path_of(discard) in ada.get("/profile")
    assert theirs not in bo.get("/profile")
    assert "Organized with others" not in bo.get("/profile")
    # The others go on with it, and their copy is their own.
    copied = path_of(form_to(read, f"{own}/copy").submit(status=303).location).rstrip("/")
    write(bo, f"{copied}/about", summary="Mine to go on with")
    assert "You are no longer" not in ada.get(own)
    assert "Mine to go on with" not in ada.get(own)
    ada.get(copied, status=403)
    publish(ada, own, changed="A new name.")
    assert "Elm Street Gardens" in bo.get(rule)


def test_an_organizer_leaves_and_comes_back_by_a_new_link(
    ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine
) -> None:
    let_in(ada, bo, rule)
    assert path_of(remove(bo, rule, "Leave").location).rstrip("/") == "/profile"
    bo.get(f"{rule}/organizers", status=403)
    assert people(ada.get(f"{rule}/organizers")) == ["The owner (you)"]
    let_in(ada, bo, rule)
    assert len(people(bo.get(f"{rule}/organizers"))) == 2
    assert unequal(engine) == []


def test_before_somebody_is_removed_open_links_are_told(ada: TestApp, bo: TestApp, rule: str) -> None:
    let_in(ada, bo, rule, "Bo")
    asked = ada.get(f"{rule}/organizers").click("Remove")
    assert "Remove Bo?" in asked
    assert "still open" not in asked
    make_link(ada, rule)
    assert "A link is still open" in ada.get(asked.request.url)


# Names


def test_a_name_is_shown_where_it_was_given_and_is_in_no_event(
    ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine
) -> None:
    let_in(ada, bo, rule, "Bo of the Beans")
    call(ada, rule, "  Ada\t <i>Lovelace</i>\x00\u202e  ")
    assert people(bo.get(f"{rule}/organizers")) == ["Ada <i>Lovelace</i>", "Bo of the Beans (you)"]
    assert form_to(bo.get(f"{rule}/organizers"), f"{rule}/organizers/name")["your-name"].value == "Bo of the Beans"
    assert "Lovelace" not in rows(engine, "events")
    assert "Beans" not in rows(engine, "events")
    # Another link shows the name that there is, and leaves it when it is left.
    remove(ada, rule)
    page = bo.get(make_link(ada, rule))
    assert form_to(page, f"{rule}/join")["your-name"].value == "Bo of the Beans"
    call(ada, rule, " \u200b\u2066 ")
    assert people(ada.get(f"{rule}/organizers")) == ["The owner (you)"]


def test_a_name_that_is_too_long_is_given_back(ada: TestApp, bo: TestApp, rule: str) -> None:
    call(ada, rule, "A" * 80)
    page = call(ada, rule, "B" * 81, status=400)
    assert "shorten it to 80 characters" in page.html.select_one(".errors").text
    assert form_to(page, f"{rule}/organizers/name")["your-name"].value == "B" * 81
    link = make_link(ada, rule)
    page = join(bo, link, "C" * 81, status=400)
    form = form_to(page, f"{rule}/join")
    assert form["your-name"].value == "C" * 81
    form["your-name"] = "Cecil"
    form.submit(status=303)
    assert people(ada.get(f"{rule}/organizers")) == ["A" * 80 + " (you)", "Cecil"]


@pytest.mark.parametrize(
    "name",
    [
        *("You", "the OWNER", "An organizer", "Organizer 2", "organizer-1", "Ｏrganizers", "Another organizer"),
        *("The people who run this site.", "Operators", "Bo (you)"),
    ],
)
def test_nobody_is_called_what_pages_say_of_those_without_a_name(
    ada: TestApp, bo: TestApp, rule: str, name: str
) -> None:
    page = call(ada, rule, name, status=400)
    assert "is what this site says of people without a name" in page.html.select_one(".errors").text
    assert form_to(page, f"{rule}/organizers/name")["your-name"].value == name
    page = join(bo, make_link(ada, rule), name, status=400)
    form = form_to(page, f"{rule}/join")
    assert form["your-name"].value == name
    form["your-name"] = "The Organizer of Beans"
    form.submit(status=303)
    assert people(ada.get(f"{rule}/organizers")) == ["The owner (you)", "The Organizer of Beans"]


def test_nobody_takes_the_name_of_somebody_who_writes_a_rule_with_them(ada: TestApp, bo: TestApp, rule: str) -> None:
    call(ada, rule, "Ada Lovelace")
    page = join(bo, make_link(ada, rule), "ada  lovelace", status=400)
    assert "Somebody who writes a rule with you is called “ada lovelace” already." in page
    form = form_to(page, f"{rule}/join")
    assert form["your-name"].value == "ada lovelace"
    form["your-name"] = "Bo"
    form.submit(status=303)
    call(ada, rule, "BO", status=400)
    # Not on the page of another rule either.
    other = publish(bo, written(bo))
    page = call(bo, other, "Ada Lovelace", status=400)
    assert form_to(page, f"{other}/organizers/name")["your-name"].value == "Ada Lovelace"
    call(bo, other, "Bo")  # one's own name is nobody else's
    # Of those who write no rule together, more than one may be called so.
    remove(ada, rule)
    call(bo, other, "Ada Lovelace")


def test_nobody_changes_their_name_without_end(ada: TestApp, rule: str) -> None:
    for number in range(20):
        call(ada, rule, f"Ada {number}")
        call(ada, rule, f"Ada {number}")  # the same name is no change
    refused = call(ada, rule, "Ada the Last", status=429)
    assert "Ada the Last" in refused
    assert people(ada.get(f"{rule}/organizers")) == ["Ada 19 (you)"]


def test_histories_say_who_did_what(ada: TestApp, bo: TestApp, client: TestApp, rule: str) -> None:
    let_in(ada, bo, rule)
    draft = edit(ada, rule)
    write(ada, f"{draft}/about", title="Elm Street Gardens")
    write(bo, f"{draft}/about", summary="We grow food.")

    def told(person: TestApp) -> list[str]:
        return sentences(person.get(f"{draft}/history"))

    began = "Started from revision 1 of the published rule."
    assert told(bo) == [
        "Wrote the summary. You",
        "Named it “Elm Street Gardens”. The owner",
        f"{began} The owner",
    ]
    assert told(ada) == ["Wrote the summary. Another organizer", "Named it “Elm Street Gardens”. You", f"{began} You"]
    assert "The owner" in bo.get(f"{draft}/history").click(href="at\\?entry=2$").html.main.text
    publish(bo, draft, changed="A new name.")
    history = client.get(f"{rule}/history")
    assert sentences(history) == [
        "Published revision 2. Organizer 2",
        "Joined as an organizer. Organizer 2",
        "Published the rule. The owner",
    ]
    call(ada, rule, "Ada")
    call(bo, rule, "Bo")
    assert told(ada)[1:] == ["Wrote the summary. Bo", "Named it “Elm Street Gardens”. You", f"{began} You"]
    assert told(bo)[2:] == ["Named it “Elm Street Gardens”. Ada", f"{began} Ada"]
    # A reader who kept the page is told that it has changed.
    again = client.get(f"{rule}/history", headers={"If-None-Match": history.headers["ETag"]}, status=200)
    assert sentences(again) == [
        "Published revision 2. Bo",
        "Joined as an organizer. Bo",
        "Published the rule. Ada",
    ]


def test_a_new_name_shows_at_once_on_pages_that_are_kept(ada: TestApp, app: Any, client: TestApp, rule: str) -> None:
    memory = app.registry["cr.page_cache"]
    memory.trust(time.monotonic() + 3600)
    for name, shown in (("Ada", "Ada"), ("Ada L.", "Ada L."), ("", "The owner")):
        for _ in range(2):
            client.get(f"{rule}/history")
        assert memory.figures().hits > 0
        call(ada, rule, name)
        assert sentences(client.get(f"{rule}/history")) == [f"Published the rule. {shown}"]


# Writing together


def test_two_people_write_one_draft(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    let_in(ada, bo, rule)
    draft = edit(ada, rule)
    about = f"{draft}/about"
    one, other = ada.get(about), bo.get(about)
    write(ada, about, page=one, title="Elm Street Gardens")
    write(bo, about, page=other, summary="Food for the street")
    for person in (ada, bo):
        assert "Elm Street Gardens" in person.get(draft).html.h1.text
        assert "Food for the street" in person.get(draft)

    one, other = ada.get(about), bo.get(about)
    write(ada, about, page=one, communityContext="We share the beds")
    both = write(bo, about, page=other, communityContext="We share the tools", status=409)
    assert "We share the beds" in both
    assert "We share the tools" in both
    form = form_to(both, about)
    form["communityContext"] = "We share beds and tools"
    form.submit("action", value="save", status=303)
    for person in (ada, bo):
        assert "We share beds and tools" in person.get(draft)
    assert unequal(engine) == []


def test_two_people_save_at_the_same_moment(ada: TestApp, bo: TestApp, rule: str, engine: sa.Engine) -> None:
    let_in(ada, bo, rule)
    draft = edit(ada, rule)
    for number in range(5):
        texts = {ada: f"Beds {number}", bo: f"Tools {number}"}
        about = f"{draft}/about"
        saves = [posting(each, each.get(about), about, "save", summary=text) for each, text in texts.items()]
        answers = at_once(*saves)
        assert sorted(answer.status_int for answer in answers) == [303, 409]
        refused = next(answer for answer in answers if answer.status_int == 409)
        for text in texts.values():
            assert text in refused
    assert unequal(engine) == []


def test_a_draft_that_another_has_begun_is_offered_first(ada: TestApp, bo: TestApp, rule: str) -> None:
    let_in(ada, bo, rule, "Bo")
    page = ada.get(f"{rule}/edit")
    assert "being written already" not in page
    theirs = edit(bo, rule)
    page = ada.get(f"{rule}/edit")
    assert "Bo’s draft" in page
    assert path_of(page.click("Open that draft and write it together").request.url).rstrip("/") == theirs
    assert "Begin one of your own" in page
    own = edit(ada, rule)
    assert own != theirs
    assert "Open your draft" in ada.get(f"{rule}/edit")
    assert "The owner’s draft" in bo.get(f"{rule}/edit")
    write(bo, f"{theirs}/about", summary="New")
    publish(bo, theirs, changed="Nothing much.")
    # A draft of a revision that is there already is no draft of the next.
    assert "being written already" not in bo.get(f"{rule}/edit")


def test_the_profile_shows_what_is_written_together(ada: TestApp, bo: TestApp, cy: TestApp, rule: str) -> None:
    let_in(ada, bo, rule)
    page = bo.get("/profile")
    assert "Organized with others" in [each.text for each in page.html.select("h2")]
    assert path_of(page.click("Organizers").request.url).rstrip("/") == f"{rule}/organizers"
    assert path_of(ada.get("/profile").click("Organizers").request.url).rstrip("/") == f"{rule}/organizers"
    draft = edit(ada, rule)
    title = "The owner’s draft of revision 2 of Elm Street Garden"
    assert title in bo.get("/profile")
    call(ada, rule, "Ada")
    page = bo.get("/profile")
    assert path_of(page.click("Ada’s draft of revision 2 of Elm Street Garden").request.url).rstrip("/") == draft
    assert "draft of revision 2" not in ada.get("/profile").html.main.text
    # A draft of a new rule is nobody else's, and who organizes nothing sees nothing of it.
    start(ada, "A secret garden")
    for person in (bo, cy):
        assert "A secret garden" not in person.get("/profile")
    assert "Elm Street Garden" not in cy.get("/profile")
    ada.delete(f"/api{rule}")
    assert "Elm Street Garden" not in bo.get("/profile")


def test_links_that_are_over_are_erased(ada: TestApp, rule: str, clock: Clock, engine: sa.Engine) -> None:
    make_link(ada, rule)
    clock.advance(join_links.LIFETIME)
    make_link(ada, rule)
    assert count(engine, "join_links") == 1
