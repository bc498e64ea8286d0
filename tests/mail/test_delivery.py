"""The thread that sends what waits: when it tries again, when it gives up, what it keeps, and that it does not end."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.mail import delivery, outbox
from cr.mail.delivery import AWAY_LONGEST, GIVEN_UP_AFTER, LONGEST, Deliverer
from cr.mail.outbox import ROWS_STAY, WORDS_STAY
from tests.fixtures.mail import Mailbox, deliver, free_port, mail_server
from tests.fixtures.site import Clock, MakeApp
from tests.functional.conftest import ada as ada
from tests.functional.flow import count, go_on
from tests.functional.test_metrics import TOKEN, scraped
from tests.mail.letters import letter, rows
from tests.package.running import patiently

REFUSED = "550 No such mailbox as bo@example.org"


def received(smtp: Mailbox) -> list[str]:
    return [str(mail["X-Rcpt-To"]) for mail in smtp.messages]


def test_a_mail_goes_out_after_the_commit_and_its_row_forgets_it(
    app: Any, smtp: Mailbox, engine: sa.Engine, clock: Clock
) -> None:
    letter(app, "ada@example.org", reply_to="bo@example.org")
    assert smtp.messages == []
    deliver(app)
    deliver(app)
    [mail] = smtp.messages
    assert (mail["To"], mail["Reply-To"], mail["Subject"]) == ("ada@example.org", "bo@example.org", "News for you")
    [row] = rows(engine)
    assert mail["Message-ID"] == row.message_id
    assert (row.sent_at, row.due_at, row.reason) == (clock.now, None, None)
    assert [row.recipient, row.reply_to, row.subject, row.text] == [None] * 4


def test_what_is_rolled_back_is_not_sent(app: Any, smtp: Mailbox) -> None:
    letter(app, "ada@example.org", commit=False)
    deliver(app)
    assert smtp.messages == []


def test_the_thread_is_woken_by_commits(app: Any, smtp: Mailbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "LOOK_SECONDS", 3600)
    with Deliverer(app.registry):
        for number in range(5):
            letter(app, "ada@example.org")
            assert any(len(smtp.messages) > number for _ in patiently())


def test_a_refusal_for_now_is_tried_again_after_growing_pauses(
    app: Any, smtp: Mailbox, engine: sa.Engine, clock: Clock
) -> None:
    smtp.refusal = "451 Try later"
    letter(app, "ada@example.org")
    pauses = []
    while (row := rows(engine)[0]).failed_at is None:
        deliver(app)
        deliver(app)  # nothing is tried before its time
        tried, row = row.attempts, rows(engine)[0]
        assert row.attempts == tried + 1
        assert row.reason == "The mail server can't take the mail at the moment."
        if row.due_at:
            pauses.append(row.due_at - clock.now)
            clock.now = row.due_at
    assert pauses[:4] == [timedelta(seconds=seconds) for seconds in (10, 10, 20, 40)]
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST
    assert row.failed_at - row.written_at >= GIVEN_UP_AFTER
    assert [row.recipient, row.subject, row.text] == [None] * 3

    smtp.refusal = None
    deliver(app)
    assert smtp.messages == []


@pytest.mark.parametrize("refuse", ["recipient", "data"])
def test_a_refusal_for_good_fails_at_once_and_holds_nobody_up(
    app: Any, smtp: Mailbox, engine: sa.Engine, refuse: str, caplog: pytest.LogCaptureFixture
) -> None:
    if refuse == "recipient":
        smtp.refused["bo@example.org"] = REFUSED
        for each in ("bo@example.org", "ada@example.org"):
            letter(app, each)
    else:
        smtp.refusal = "554 No"
        letter(app, "bo@example.org")
    deliver(app)
    failed, *others = rows(engine)
    assert (
        failed.reason
        == {
            "recipient": "The address does not take mail.",
            "data": "The mail server refused the mail.",
        }[refuse]
    )
    assert failed.failed_at
    assert failed.due_at is None
    assert (failed.recipient, failed.text) == (None, None)
    assert all(each.sent_at for each in others)
    assert "bo@" not in caplog.text


def test_a_refusal_by_policy_waits_for_operators_to_mend_it(app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    smtp.refused["bo@example.org"] = "554 5.7.1 Relay access denied"
    letter(app, "bo@example.org")
    deliver(app)
    assert rows(engine)[0].due_at
    assert rows(engine)[0].reason == "The mail server can't take mail for this address at the moment."


@pytest.mark.parametrize("how", ["hangs_up", "silent"])
def test_a_mail_server_that_breaks_off_at_one_mail_gets_all_others(
    app: Any, smtp: Mailbox, engine: sa.Engine, clock: Clock, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery, "PATIENCE", 1)
    getattr(smtp, how).add("bo@example.org")
    many = [f"person-{number}@example.org" for number in range(10)]
    for each in ("bo@example.org", *many):
        letter(app, each)
    deliver(app)
    assert sorted(received(smtp)) == sorted(many)
    [bo] = [each for each in rows(engine) if each.due_at]
    assert (bo.recipient, bo.attempts, bo.reason) == ("bo@example.org", 1, "The mail server broke off.")

    # A new one goes out before it, and it has the pauses of a mail that is refused for now.
    clock.advance(timedelta(days=1))
    letter(app, "ada@example.org")
    deliver(app)
    assert received(smtp)[-1] == "ada@example.org"
    assert rows(engine)[0].due_at - clock.now == LONGEST
    smtp.hangs_up.clear()
    smtp.silent.clear()
    clock.advance(LONGEST)
    deliver(app)
    assert received(smtp)[-1] == "bo@example.org"


def test_a_sender_who_is_refused_waits_like_any_mail(app: Any, smtp: Mailbox, engine: sa.Engine, clock: Clock) -> None:
    for each in ("ada@example.org", "bo@example.org"):
        letter(app, each)
    smtp.sender_refusal = "553 5.7.1 Who are you?"
    deliver(app)
    assert [(each.attempts, each.reason) for each in rows(engine)] == [
        (1, "The mail server does not take mail from this site.")
    ] * 2
    clock.advance(timedelta(seconds=10))
    smtp.sender_refusal = None
    deliver(app)
    assert sorted(received(smtp)) == ["ada@example.org", "bo@example.org"]


def test_what_is_due_longest_and_tried_often_waits_for_what_is_new(app: Any, smtp: Mailbox, clock: Clock) -> None:
    smtp.refused["bo@example.org"] = "450 Busy"
    letter(app, "bo@example.org")
    deliver(app)
    smtp.refused.clear()
    clock.advance(timedelta(hours=1))
    letter(app, "ada@example.org")
    deliver(app)
    assert received(smtp) == ["ada@example.org", "bo@example.org"]


def test_a_mail_that_can_not_be_made_holds_nobody_up(app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    for each in ("bo@example.org\nBcc: ada@example.org", "ada@example.org"):
        letter(app, each)
    deliver(app)
    assert received(smtp) == ["ada@example.org"]
    assert [each.reason for each in rows(engine)] == ["The mail could not be sent.", None]


def test_while_the_mail_server_is_away_one_attempt_stands_for_all(
    make_app: MakeApp, engine: sa.Engine, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = Mailbox()
    app = make_app(CLOUDRON_MAIL_SMTP_PORT=str(mailbox.port))
    start = app.registry["cr.clock"]()
    app.registry["cr.clock"] = clock = Clock(start)
    for number in range(5):
        letter(app, f"person-{number}@example.org")
    for _ in range(12):
        caplog.clear()
        deliver(app)
        assert caplog.text.count("did not take a mail") == 1
        assert {each.reason for each in rows(engine)} == {"The mail server can't be reached."}
        [due] = {each.due_at for each in rows(engine)}
        assert due - clock.now <= AWAY_LONGEST
        clock.now = due
    with mail_server(mailbox):
        deliver(app)
    assert sorted(received(mailbox)) == [f"person-{number}@example.org" for number in range(5)]


def test_a_mail_server_that_stays_away_for_days_is_given_up(make_app: MakeApp, engine: sa.Engine) -> None:
    app = make_app(CLOUDRON_MAIL_SMTP_PORT=str(free_port()))
    app.registry["cr.clock"] = clock = Clock(app.registry["cr.clock"]())
    letter(app, "ada@example.org")
    # No server ran all the while, so that it was never tried.
    clock.advance(GIVEN_UP_AFTER)
    deliver(app)
    assert rows(engine)[0].failed_at is None
    clock.advance(AWAY_LONGEST)
    deliver(app)
    assert rows(engine)[0].failed_at == clock.now


def test_what_was_not_tried_itself_is_not_given_up(make_app: MakeApp, engine: sa.Engine) -> None:
    mailbox = Mailbox()
    app = make_app(CLOUDRON_MAIL_SMTP_PORT=str(mailbox.port))
    app.registry["cr.clock"] = clock = Clock(app.registry["cr.clock"]())
    many = [f"person-{number}@example.org" for number in range(5)]
    for each in many:
        letter(app, each)
    deliver(app)
    clock.advance(GIVEN_UP_AFTER)
    deliver(app)
    clock.advance(AWAY_LONGEST)
    with mail_server(mailbox):
        deliver(app)
    assert sorted(received(mailbox)) == many


def test_without_a_mail_server_mail_waits_and_says_why(make_app: MakeApp, engine: sa.Engine) -> None:
    app = make_app(production=True, CLOUDRON_MAIL_SMTP_SERVER=None)
    letter(app, "ada@example.org")
    deliver(app)
    assert rows(engine)[0].reason == "This site has no mail server yet."
    assert rows(engine)[0].due_at


def test_words_for_the_people_who_run_the_site_stay_for_a_while(
    make_app: MakeApp, smtp: Mailbox, engine: sa.Engine
) -> None:
    app = make_app(ORGANIZER_INQUIRY_TO="inbox@example.org")
    app.registry["cr.clock"] = clock = Clock(app.registry["cr.clock"]())
    smtp.refusal = "554 No"
    letter(app, "inbox@example.org", reply_to="ada@example.org")
    deliver(app)
    assert rows(engine)[0].reply_to == "ada@example.org"
    assert rows(engine)[0].text

    for stay, left in ((WORDS_STAY, [None]), (ROWS_STAY - WORDS_STAY, [])):
        clock.advance(stay)
        deliver(app)
        assert [each.reply_to for each in rows(engine)] == left


def test_a_server_that_has_nothing_to_send_erases_old_mails_too(
    app: Any, smtp: Mailbox, engine: sa.Engine, clock: Clock
) -> None:
    deliverer = Deliverer(app.registry)
    letter(app, "ada@example.org")
    deliverer.send_due()
    clock.advance(ROWS_STAY)
    deliverer.send_due()
    assert rows(engine) == []


def test_what_people_left_long_ago_is_erased_though_nobody_comes(
    app: Any, client: TestApp, ada: TestApp, engine: sa.Engine, clock: Clock
) -> None:
    go_on(client.get("/create/community-name"), title="Elm Street Garden")
    kept = ("sessions", "mailed_links", "guests", "guest_saves")
    assert all(count(engine, table) for table in kept)
    clock.advance(timedelta(days=31))
    deliver(app)
    assert [count(engine, table) for table in kept] == [0, 0, 0, 0]


def test_several_deliverers_send_each_mail_once(app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    many = [f"person-{number}@example.org" for number in range(40)]
    for each in many:
        letter(app, each)
    together = [threading.Thread(target=Deliverer(app.registry).send_due) for _ in range(4)]
    for each in together:
        each.start()
    for each in together:
        each.join()
    assert sorted(received(smtp)) == sorted(many)
    assert all(each.sent_at for each in rows(engine))


def test_while_one_sends_another_leaves_it_alone(app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    letter(app, "ada@example.org")
    smtp.willing.clear()
    sending = threading.Thread(target=Deliverer(app.registry).send_due)
    sending.start()
    assert any(smtp.holding for _ in patiently())
    with engine.connect() as connection:
        held = "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        assert connection.scalar(sa.text(held)) == 0
    deliver(app)
    assert smtp.holding == 1
    smtp.willing.set()
    sending.join()
    assert len(smtp.messages) == 1


def test_a_database_that_fails_after_the_mail_went_out_does_not_double_it(
    app: Any, smtp: Mailbox, engine: sa.Engine
) -> None:
    letter(app, "ada@example.org")
    deliverer = Deliverer(app.registry)
    smtp.willing.clear()
    cut = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid != pg_backend_pid()"

    def interrupt() -> None:
        assert any(smtp.holding for _ in patiently())
        with engine.connect() as connection:
            connection.execute(sa.text(cut))
        smtp.willing.set()

    interrupting = threading.Thread(target=interrupt)
    interrupting.start()
    with pytest.raises(sa.exc.SQLAlchemyError):
        deliverer.send_due()
    interrupting.join()
    assert rows(engine)[0].sent_at is None
    deliverer.send_due()
    assert rows(engine)[0].sent_at
    assert len(smtp.messages) == 1


def test_the_thread_outlives_a_database_that_is_away(app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE outbox RENAME TO away"))
    with Deliverer(app.registry):
        app.registry["cr.mail_waits"].set()
        assert any(not app.registry["cr.mail_waits"].is_set() for _ in patiently())
        with engine.begin() as connection:
            connection.execute(sa.text("ALTER TABLE away RENAME TO outbox"))
        letter(app, "ada@example.org")
        assert any(smtp.messages for _ in patiently())


def test_the_end_waits_for_the_mail_under_way(app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    for each in ("ada@example.org", "bo@example.org"):
        letter(app, each)
    smtp.willing.clear()
    deliverer = Deliverer(app.registry)
    deliverer.start()
    assert any(smtp.holding for _ in patiently())
    deliverer.stop()
    threading.Timer(0.2, smtp.willing.set).start()
    deliverer.join()
    assert [bool(each.sent_at) for each in rows(engine)] == [True, False]


def test_operators_see_how_mail_fares(make_app: MakeApp, smtp: Mailbox) -> None:
    app = make_app(METRICS_TOKEN=TOKEN)
    app.registry["cr.clock"] = clock = Clock(app.registry["cr.clock"]())
    smtp.refused |= {"bo@example.org": REFUSED, "ada@example.org": "450 Busy"}
    for each in ("ada@example.org", "bo@example.org", "cy@example.org"):
        letter(app, each)
    deliver(app)
    clock.advance(timedelta(seconds=90))
    now, _ = scraped(TestApp(app))
    assert [now[f"cr_mail_{name}"] for name in ("waiting", "failed", "oldest_waiting_seconds")] == [1, 1, 90]


def test_states_are_what_owners_read(app: Any, smtp: Mailbox, engine: sa.Engine) -> None:
    smtp.refused["bo@example.org"] = REFUSED
    about = {each: letter(app, each) for each in ("ada@example.org", "bo@example.org")}
    with engine.begin() as connection:
        connection.execute(sa.update(outbox.outbox).values(about=outbox.outbox.c.id))
    deliver(app)
    with engine.connect() as connection:
        found = outbox.states(connection, about.values())
    assert [found[each].state for each in about.values()] == ["sent", "failed"]
    assert found[about["bo@example.org"]].reason == "The address does not take mail."
