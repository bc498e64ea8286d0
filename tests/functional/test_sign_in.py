"""Signing in with a mailed link: who gets in, how often, for how long, and what is kept of it."""

from __future__ import annotations

import base64
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from tests.fixtures.mail import Mailbox
from tests.fixtures.site import Clock, MakeApp
from tests.functional.people import form_to, mailed_link, path_of

REQUEST, VERIFY = "/api/auth/magic-link/request", "/api/auth/magic-link/verify"
SECOND = timedelta(seconds=1)


def browser(app: Any, address: str = "198.51.100.1", **environ: str) -> TestApp:
    """Another browser at this IP address."""
    return TestApp(app, extra_environ={"REMOTE_ADDR": address, **environ})


def ask(client: TestApp, email: str = "ada@example.org", status: int = 200, **more: Any) -> Any:
    return client.post_json(REQUEST, {"email": email, **more}, status=status)


def user(client: TestApp) -> Any:
    return client.get("/api/auth/session").json["user"]


def follow(client: TestApp, smtp: Mailbox) -> str:
    """Open the newest mailed link in this browser; where it leads."""
    return path_of(client.get(path_of(mailed_link(smtp)), status=303).location)


def count(engine: sa.Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(sa.text(f"SELECT count(*) FROM {table}")).scalar_one())


def rows(engine: sa.Engine, table: str) -> str:
    """All of the table as text, binary columns in hexadecimal."""
    with engine.connect() as connection:
        return "\n".join(connection.execute(sa.text(f"SELECT t::text FROM {table} t")).scalars())


# Getting in


def test_the_browser_that_asked_is_signed_in_by_the_link(client: TestApp, smtp: Mailbox) -> None:
    assert user(client) is None
    assert ask(client, " Ada@Example.ORG ").json == {"ok": True}
    assert user(client) is None
    assert follow(client, smtp) == "/"
    signed_in = user(client)
    assert signed_in == {"id": signed_in["id"], "email": "ada@example.org"}


def test_the_same_person_has_the_same_account_ever_after(app: Any, smtp: Mailbox, clock: Clock) -> None:
    ids = []
    for _ in range(2):
        client = browser(app)
        ask(client)
        follow(client, smtp)
        ids.append(user(client)["id"])
        clock.advance(timedelta(minutes=1))
    assert ids[0] == ids[1]


def test_the_page_asks_for_an_address_and_goes_where_the_person_wanted_to(client: TestApp, smtp: Mailbox) -> None:
    form = form_to(client.get("/login?next=/rules%3Fbefore%3D9"), "/login")
    form["email"] = "ada@example.org"
    sent = form.submit(status=200)
    assert "ada@example.org" in sent
    assert follow(client, smtp) == "/rules?before=9"
    assert user(client)["email"] == "ada@example.org"
    assert path_of(client.get("/login?next=/rules", status=303).location) == "/rules"


def test_whoever_came_to_sign_in_and_for_nothing_else_gets_to_their_own_page(client: TestApp, smtp: Mailbox) -> None:
    form = form_to(client.get("/login"), "/login")
    form["email"] = "ada@example.org"
    form.submit(status=200)
    assert "comes along" not in smtp.messages[-1].get_content()
    assert follow(client, smtp) == "/profile"
    assert path_of(client.get("/login", status=303).location) == "/profile"


def test_a_page_for_signed_in_people_leads_to_the_form_and_back(client: TestApp, smtp: Mailbox) -> None:
    form = form_to(client.get("/profile", status=303).follow(), "/login")
    form["email"] = "ada@example.org"
    form.submit()
    assert follow(client, smtp) == "/profile"
    client.get("/profile", status=200)


@pytest.mark.parametrize("email", ["", "ada", "ada@example.org\r\nBcc: bo@example.org", "Ada <ada@example.org>"])
def test_what_is_no_address_is_said_beside_the_field(client: TestApp, smtp: Mailbox, email: str) -> None:
    error = ask(client, email, status=400).json
    assert error["error"]["code"] == "validation_error"
    assert "name@example.org" in error["details"]["fields"]["email"]
    form = form_to(client.get("/login?next=/rules"), "/login")
    form["email"] = email
    page = form.submit(status=400)
    assert "Write an email address, such as name@example.org." in page
    assert form_to(page, "/login")["next"].value == "/rules"
    assert smtp.messages == []


@pytest.mark.parametrize(
    "elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example", "/%2f/evil.example"]
)
def test_the_link_leads_nowhere_else(client: TestApp, smtp: Mailbox, elsewhere: str) -> None:
    ask(client, next=elsewhere)
    assert follow(client, smtp) == "/"
    assert path_of(client.get("/login", {"next": elsewhere}, status=303).location) == "/profile"


def test_what_was_written_before_signing_in_becomes_the_persons_draft(client: TestApp, smtp: Mailbox) -> None:
    ask(client, draft={"title": "Elm Street", "stakeholderEmails": ["bo@example.org"]})
    follow(client, smtp)
    payload = client.get("/api/drafts/me").json["draft"]["payload"]
    assert payload == {"title": "Elm Street", "stakeholderEmails": ["bo@example.org"]}


def test_a_draft_that_is_none_is_refused_before_any_mail(client: TestApp, smtp: Mailbox) -> None:
    assert ask(client, draft={"title": 7}, status=400).json["error"]["code"] == "validation_error"
    assert smtp.messages == []


# Which browser


@pytest.mark.parametrize("known", [True, False])
def test_another_browser_is_asked_first(client: TestApp, app: Any, smtp: Mailbox, known: bool) -> None:
    ask(client, next="/rules")
    other = browser(app)
    if known:
        other.get("/login")
    page = other.get(path_of(mailed_link(smtp)), status=200)
    assert "ada@example.org" in page
    assert user(other) is None
    [button] = page.html.find("main").find_all("button")
    assert "Sign in" in button.text
    answer = form_to(page, VERIFY).submit(status=303)
    assert path_of(answer.location) == "/rules"
    assert user(other)["email"] == "ada@example.org"
    assert user(client) is None
    assert follow(client, smtp) == "/login?error=expired_link"


def test_the_button_works_in_the_browser_only_that_shows_it(client: TestApp, app: Any, smtp: Mailbox) -> None:
    ask(client)
    form = form_to(browser(app).get(path_of(mailed_link(smtp))), VERIFY)
    stranger = browser(app)
    stranger.post(VERIFY, form.submit_fields(), status=403)
    assert user(stranger) is None
    assert follow(client, smtp) == "/"


def test_programs_that_look_at_mails_change_nothing(client: TestApp, app: Any, smtp: Mailbox) -> None:
    ask(client)
    link = path_of(mailed_link(smtp))
    for visitor in (browser(app), client):
        answer = visitor.head(link, status=200)
        assert "Set-Cookie" not in answer.headers
        assert user(visitor) is None
    for _ in range(3):
        browser(app).get(link, status=200)
    assert follow(client, smtp) == "/"


# How often, how long


def test_a_link_works_once(client: TestApp, app: Any, smtp: Mailbox) -> None:
    ask(client)
    assert follow(client, smtp) == "/"
    for visitor in (client, browser(app)):
        assert follow(visitor, smtp) == "/login?error=expired_link"
        assert visitor.head(path_of(mailed_link(smtp)), status=200).body == b""
    page = client.get("/login?error=expired_link", status=200)
    assert "used already" in page
    assert "signed in as ada@example.org" in page
    assert "signed in as" not in browser(app).get("/login?error=expired_link")


def test_of_many_at_the_same_moment_one_gets_in(app: Any, client: TestApp, smtp: Mailbox) -> None:
    ask(client)
    link = path_of(mailed_link(smtp))
    tries = 6
    start = Barrier(tries)

    def attempt(_: int) -> str:
        same = TestApp(app, cookiejar=None)
        for cookie in client.cookiejar:
            same.set_cookie(cookie.name, cookie.value)
        start.wait()
        return path_of(same.get(link, status=303).location)

    with ThreadPoolExecutor(tries) as pool:
        places = sorted(pool.map(attempt, range(tries)))
    assert places == ["/"] + ["/login?error=expired_link"] * (tries - 1)


def test_a_link_works_for_ten_minutes(app: Any, smtp: Mailbox, clock: Clock) -> None:
    late, early = browser(app, "198.51.100.1"), browser(app, "198.51.100.2")
    ask(late)
    late_link = path_of(mailed_link(smtp))
    ask(early, "bo@example.org")
    clock.advance(timedelta(minutes=10) - SECOND)
    assert follow(early, smtp) == "/"
    clock.advance(SECOND)
    assert path_of(late.get(late_link, status=303).location) == "/login?error=expired_link"
    assert user(late) is None


def test_a_new_link_voids_the_old(app: Any, smtp: Mailbox, clock: Clock) -> None:
    client, other = browser(app), browser(app, "198.51.100.2")
    ask(client)
    old = path_of(mailed_link(smtp))
    ask(other, "bo@example.org")
    clock.advance(timedelta(minutes=1))
    ask(client)
    assert path_of(client.get(old, status=303).location) == "/login?error=expired_link"
    assert follow(client, smtp) == "/"
    assert path_of(client.get(old, status=303).location) == "/login?error=expired_link"


def test_an_old_link_is_called_old_when_nothing_is_kept_of_it(
    app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    client = browser(app)
    ask(client)
    link = path_of(mailed_link(smtp))
    clock.advance(timedelta(days=3))
    ask(client, "bo@example.org")
    assert count(engine, "mailed_links") == 1
    assert path_of(client.get(link, status=303).location) == "/login?error=expired_link"


def test_nonsense_is_no_link(client: TestApp, smtp: Mailbox) -> None:
    ask(client)
    link = path_of(mailed_link(smtp))
    follow(client, smtp)
    session = next(cookie.value for cookie in client.cookiejar if cookie.name == "cr_session")
    for bad in (VERIFY, f"{VERIFY}?token=", f"{VERIFY}?token=%00", f"{VERIFY}?token={session}", link[:-1], link + "A"):
        assert path_of(client.get(bad, status=303).location) == "/login?error=invalid_link"
    assert "does not work" in client.get("/login?error=invalid_link")
    assert "made up" not in client.get("/login?error=made+up")


# The mail


def test_where_the_mail_fails_nothing_is_half_done(app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine) -> None:
    client = browser(app)
    ask(client)
    old = path_of(mailed_link(smtp))
    clock.advance(timedelta(minutes=1))
    smtp.refusal = "451 Try later"
    assert ask(client, status=502).json["error"]["code"] == "mail_failed"
    assert count(engine, "mailed_links") == 1
    assert path_of(client.get(old, status=303).location) == "/"
    smtp.refusal = None
    ask(client)
    assert follow(client, smtp) == "/"


def test_the_page_says_when_the_mail_fails(client: TestApp, smtp: Mailbox) -> None:
    smtp.refusal = "451 Try later"
    form = form_to(client.get("/login"), "/login")
    form["email"] = "ada@example.org"
    page = form.submit(status=502)
    assert "could not be sent" in page


@pytest.mark.parametrize("origin", ["https://rules.example", None])
@pytest.mark.parametrize("production", [True, False])
@pytest.mark.parametrize(
    "forged",
    [
        {"HTTP_HOST": "evil.example"},
        {"HTTP_HOST": "localhost:80@evil.example"},
        {"HTTP_HOST": "localhost.evil.example"},
        {"HTTP_HOST": "127.0.0.1.evil.example"},
        {"HTTP_HOST": "localhost/evil.example"},
        {"HTTP_X_FORWARDED_HOST": "evil.example", "REMOTE_ADDR": "127.0.0.1"},
        {"HTTP_X_FORWARDED_HOST": "evil.example", "HTTP_X_FORWARDED_PROTO": "https", "REMOTE_ADDR": "203.0.113.5"},
        {"HTTP_FORWARDED": "host=evil.example", "REMOTE_ADDR": "127.0.0.1"},
    ],
)
def test_a_made_up_host_never_reaches_a_mail(
    make_app: MakeApp, smtp: Mailbox, forged: dict[str, str], production: bool, origin: str | None
) -> None:
    app = make_app(production=production, CLOUDRON_APP_ORIGIN=origin)
    answer = TestApp(app, extra_environ=forged).post_json(REQUEST, {"email": "ada@example.org"}, expect_errors=True)
    if origin:
        assert mailed_link(smtp).startswith(f"{origin}/api/")
    elif smtp.messages:
        assert mailed_link(smtp).startswith("http://localhost/api/")
    else:
        assert answer.status_int == 500
        assert answer.json["error"]["code"] == "server_misconfigured"
        assert "CLOUDRON_APP_ORIGIN" in answer.json["error"]["message"]


# Limits


def test_one_link_a_minute_for_an_address(app: Any, smtp: Mailbox, clock: Clock) -> None:
    ask(browser(app, "198.51.100.1"))
    clock.advance(20 * SECOND)
    refused = ask(browser(app, "198.51.100.2"), status=429)
    assert refused.json["error"]["code"] == "rate_limited"
    assert refused.headers["Retry-After"] == "40"
    assert refused.json["details"]["retryAfterMs"] == 40_000
    assert len(smtp.messages) == 1
    ask(browser(app, "198.51.100.2"), "bo@example.org")
    clock.advance(40 * SECOND)
    ask(browser(app, "198.51.100.2"))


def test_one_link_in_twenty_seconds_for_a_place(app: Any, clock: Clock) -> None:
    # Who has one IPv6 address usually has the 2^64 beside it.
    ask(browser(app, "2001:db8:1:2::1"))
    refused = ask(browser(app, "2001:db8:1:2:ffff::9"), "bo@example.org", status=429)
    assert refused.headers["Retry-After"] == "20"
    ask(browser(app, "2001:db8:1:3::1"), "cy@example.org")
    clock.advance(20 * SECOND)
    ask(browser(app, "2001:db8:1:2:ffff::9"), "bo@example.org")


def test_only_a_trusted_proxy_says_from_where(app: Any) -> None:
    ask(browser(app, HTTP_X_FORWARDED_FOR="203.0.113.1"))
    ask(browser(app, HTTP_X_FORWARDED_FOR="203.0.113.2"), "bo@example.org", status=429)
    ask(browser(app, "127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.1"), "cy@example.org")
    ask(browser(app, "127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.2"), "di@example.org")
    ask(browser(app, "127.0.0.1", HTTP_X_FORWARDED_FOR="203.0.113.2"), "ed@example.org", status=429)


def test_the_page_tells_how_long_to_wait(client: TestApp, smtp: Mailbox, clock: Clock) -> None:
    form = form_to(client.get("/login"), "/login")
    form["email"] = "ada@example.org"
    form.submit(status=200)
    page = form.submit(status=429)
    assert "60 seconds" in page
    assert page.headers["Retry-After"] == "60"
    assert len(smtp.messages) == 1


def test_a_slip_does_not_count(client: TestApp) -> None:
    ask(client, "ada", status=400)
    ask(client, "ada@example.org", status=200)


def test_whether_there_is_an_account_is_not_told(app: Any, smtp: Mailbox, clock: Clock) -> None:
    client = browser(app)
    ask(client)
    follow(client, smtp)
    clock.advance(timedelta(minutes=1))
    known, unknown = ask(browser(app, "198.51.100.8")), ask(browser(app, "198.51.100.9"), "nobody@example.org")
    assert known.body == unknown.body
    assert set(known.headers) == set(unknown.headers)
    two = [mail.get_content().replace(mailed_link(smtp), "") for mail in smtp.messages[-2:]]
    assert len(two[0].splitlines()) == len(two[1].splitlines())


# Sessions


def session_cookie(answer: Any) -> str:
    return next(value for value in answer.headers.getall("Set-Cookie") if value.startswith("cr_session="))


@pytest.mark.parametrize("production", [True, False])
def test_the_cookie_is_for_the_browser_alone(make_app: MakeApp, smtp: Mailbox, production: bool) -> None:
    client = browser(make_app(production), **{"wsgi.url_scheme": "https"})
    ask(client)
    cookie = session_cookie(client.get(path_of(mailed_link(smtp))))
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=2592000"} <= parts
    assert ("secure" in parts) is production
    assert not any(part.startswith("domain") for part in parts)


def test_only_hashes_are_kept(client: TestApp, smtp: Mailbox, engine: sa.Engine) -> None:
    ask(client)
    token = mailed_link(smtp).partition("token=")[2]
    secrets = [token, *(cookie.value for cookie in client.cookiejar)]
    kept = rows(engine, "mailed_links")
    assert "ada@example.org" in kept
    follow(client, smtp)
    secrets += [cookie.value for cookie in client.cookiejar]
    kept += rows(engine, "mailed_links") + rows(engine, "sessions")
    for secret in secrets:
        assert len(secret) == 64
        assert secret not in kept
        assert secret.encode().hex() not in kept
        assert base64.urlsafe_b64decode(secret)[:32].hex() not in kept


def test_a_person_may_be_signed_in_on_several_devices_and_signs_out_of_one(
    app: Any, smtp: Mailbox, clock: Clock
) -> None:
    phone, laptop = browser(app, "198.51.100.1"), browser(app, "198.51.100.2")
    for device in (phone, laptop):
        ask(device)
        follow(device, smtp)
        clock.advance(timedelta(minutes=1))
    stolen = next(cookie.value for cookie in phone.cookiejar if cookie.name == "cr_session")
    assert phone.post_json("/api/auth/logout", {}).json == {"ok": True}
    assert user(phone) is None
    assert user(laptop)["email"] == "ada@example.org"
    phone.set_cookie("cr_session", stolen)
    assert user(phone) is None
    assert phone.post_json("/api/auth/logout", {}).json == {"ok": True}


def test_signing_out_on_the_page(client: TestApp, smtp: Mailbox) -> None:
    ask(client)
    follow(client, smtp)
    answer = form_to(client.get("/profile"), "/logout").submit(status=303)
    assert path_of(answer.location) == "/"
    assert user(client) is None


def test_signing_in_starts_a_fresh_session(app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine) -> None:
    client = browser(app)
    seen = []
    for _ in range(2):
        ask(client)
        follow(client, smtp)
        seen.append(next(cookie.value for cookie in client.cookiejar if cookie.name == "cr_session"))
        clock.advance(timedelta(minutes=1))
    assert seen[0] != seen[1]
    assert count(engine, "sessions") == 1
    client.set_cookie("cr_session", seen[0])
    assert user(client) is None


def test_a_session_someone_chose_is_not_taken_over(client: TestApp, smtp: Mailbox) -> None:
    client.set_cookie("cr_session", "A" * 64)
    ask(client)
    cookie = session_cookie(client.get(path_of(mailed_link(smtp))))
    assert "A" * 64 not in cookie


def test_a_session_ends_after_thirty_days_and_is_erased(
    app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    client, other = browser(app), browser(app)
    ask(client)
    follow(client, smtp)
    token = next(cookie.value for cookie in client.cookiejar if cookie.name == "cr_session")
    clock.advance(timedelta(days=30) - SECOND)
    assert user(client)["email"] == "ada@example.org"
    clock.advance(SECOND)
    client.set_cookie("cr_session", token)
    assert user(client) is None
    ask(other)
    follow(other, smtp)
    assert count(engine, "sessions") == 1


def test_when_a_session_was_last_used_is_kept_to_the_hour(
    app: Any, smtp: Mailbox, clock: Clock, engine: sa.Engine
) -> None:
    client = browser(app)
    ask(client)
    follow(client, smtp)
    started = clock.now

    def last_seen() -> Any:
        assert user(client)
        with engine.connect() as connection:
            return connection.execute(sa.text("SELECT last_seen_at FROM sessions")).scalar_one()

    clock.advance(timedelta(minutes=59))
    assert last_seen() == started
    clock.advance(timedelta(minutes=1))
    assert last_seen() == clock.now


def test_a_new_secret_signs_everyone_out_and_voids_every_link(make_app: MakeApp, app: Any, smtp: Mailbox) -> None:
    client, other = browser(app, "198.51.100.1"), browser(app, "198.51.100.2")
    ask(client)
    follow(client, smtp)
    ask(other, "bo@example.org")
    client.app = other.app = make_app(SESSION_SECRET="another secret, as long as the first")
    assert user(client) is None
    assert follow(other, smtp) == "/login?error=invalid_link"


def test_a_public_page_asks_nothing_about_who_reads_it(client: TestApp, smtp: Mailbox, engine: sa.Engine) -> None:
    ask(client)
    follow(client, smtp)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE sessions"))
    client.get("/", status=200)
    client.get("/rules", status=200)
