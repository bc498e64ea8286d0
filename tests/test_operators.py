"""What operators see of a rule, how they take it down, and who is told."""

from __future__ import annotations

import io
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from webtest import TestApp

from cr.operators import main
from cr.page_cache.listener import CHANNEL
from tests.fixtures.mail import Mailbox
from tests.fixtures.site import MakeApp
from tests.functional.flow import topics, unequal
from tests.functional.rules import person, publish, revise, withdraw
from tests.functional.waiting import text_of, the_mail, waiting

REASON = "It has a private address. Ärger\x1b[2J"
TAMED = "It has a private address. Ärger\ufffd[2J"


@pytest.fixture
def app(make_app: MakeApp) -> Any:
    """The site, and the environment of the command."""
    return make_app(ORGANIZER_INQUIRY_TO="ask@example.org", CLOUDRON_APP_ORIGIN="https://rules.example.org")


@pytest.fixture
def owner(engine: sa.Engine) -> UUID:
    return person(engine)


@pytest.fixture
def rule(app: Any, engine: sa.Engine, owner: UUID) -> str:
    path = publish(engine, owner, "2026-03-01", "Care", name="Elm\x07 Street")
    revise(engine, path, owner, "2026-03-02", "Joy", name="Elm\x07 Street")
    return path


class Asked(io.StringIO):
    """Somebody at a terminal."""

    def isatty(self) -> bool:
        return True


def test_show_tells_what_there_is_to_know_before_acting(
    rule: str, owner: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    for given in (rule[-36:], rule, rule[-36:].upper(), f"https://rules.example.org{rule}/revisions/1?x=1#section-1"):
        assert main(["show", given]) == 0
        out = capsys.readouterr().out
        told = dict(line.split(maxsplit=1) for line in out.splitlines())
        assert told == {
            "Title": "Elm\ufffd Street",
            "Address": f"https://rules.example.org{rule}",
            "Owner": str(owner),
            "Revisions": "2",
            "Published": "2026-03-01 12:00 UTC",
            "Changed": "2026-03-02 12:00 UTC",
            "Status": "published",
        }


def test_withdrawing_is_seen_everywhere_and_told_to_the_owner(
    app: Any,
    client: TestApp,
    rule: str,
    owner: UUID,
    engine: sa.Engine,
    smtp: Mailbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    client.get(rule)
    assert main(["withdraw", rule, "--reason", REASON, "--yes"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "Withdrawn: Elm\ufffd Street",
        f"https://rules.example.org{rule} says so, and why.",
        "Its owner is told by mail.",
    ]
    assert topics(engine)[-1] == "rule.Withdrawn"
    tombstone = client.get(rule, status=410).html.main.text
    assert "by the people who run this site" in tombstone
    assert f"The reason given: {TAMED}" in tombstone
    for path in (f"{rule}/revisions/1", f"{rule}/history", f"{rule}/feed.atom", f"{rule}/history.ndjson"):
        assert TAMED in client.get(path, status=410)
    assert TAMED in client.get("/rules/feed.atom")
    assert unequal(engine) == []
    mail = the_mail(app, smtp, engine)
    assert mail["X-Rcpt-To"] == f"{owner}@example.org"
    assert mail["Reply-To"] == "ask@example.org"
    assert mail["Subject"] == "Withdrawn: “Elm Street”"
    text = text_of(mail)
    assert "  “Elm Street”\n" in text
    assert f"> {TAMED}\n" in text
    assert f"https://rules.example.org{rule}\n" in text

    assert main(["show", rule]) == 0
    out = capsys.readouterr().out
    assert "the people who run this site" in out
    assert TAMED in out


def test_servers_that_run_hear_of_it(rule: str, engine: sa.Engine) -> None:
    with closing(engine.raw_connection()) as connection:
        driver: Any = connection.driver_connection
        driver.autocommit = True
        driver.cursor().execute(f"LISTEN {CHANNEL}")
        assert main(["withdraw", rule, "--reason", "Spam", "--yes"]) == 0
        driver.cursor().execute("SELECT 1")
        assert [each.payload for each in driver.notifies] == [rule[-36:]]
        driver.cursor().execute("UNLISTEN *")


@pytest.mark.parametrize(("answer", "code"), [("yes\n", 0), ("YES \n", 0), ("y\n", 2), ("\n", 2), ("", 2)])
def test_it_asks_once_more_at_a_terminal(
    rule: str,
    engine: sa.Engine,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    answer: str,
    code: int,
) -> None:
    monkeypatch.setattr("sys.stdin", Asked(answer))
    assert main(["withdraw", rule, "--reason", REASON]) == code
    out, err = capsys.readouterr()
    assert "Elm\ufffd Street" in out
    assert TAMED in out
    assert ("rule.Withdrawn" in topics(engine)) is (code == 0)
    assert err == ("Nothing was changed.\n" if code else "")


def test_where_nobody_can_be_asked(
    rule: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert main(["withdraw", rule, "--reason", REASON]) == 2
    assert "--yes" in capsys.readouterr().err
    assert "rule.Withdrawn" not in topics(engine)


def test_one_without_an_owner(app: Any, rule: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM accounts"))
    assert main(["withdraw", rule, "--reason", "Spam", "--yes"]) == 0
    assert "no owner who could be told" in capsys.readouterr().out
    assert waiting(engine) == []


def test_a_second_time(rule: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    withdraw(engine, rule, None, "2026-03-03", "Spam")
    assert main(["withdraw", rule, "--reason", "Again", "--yes"]) == 1
    assert capsys.readouterr().err == "This rule was withdrawn before. Nothing was changed.\n"
    assert topics(engine).count("rule.Withdrawn") == 1
    assert waiting(engine) == []


def test_what_cannot_be_committed_is_not_told(rule: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE outbox"))
    assert main(["withdraw", rule, "--reason", "Spam", "--yes"]) == 2
    assert "alembic" in capsys.readouterr().err
    assert "rule.Withdrawn" not in topics(engine)


@pytest.mark.parametrize(
    ("arguments", "changes", "code", "line"),
    [
        (["show", "1b"], {}, 2, "1b is no rule"),
        (["show", f"/drafts/{uuid4()}"], {}, 2, "is no rule"),
        (["show", str(uuid4())], {}, 1, "There is no rule"),
        (["withdraw", str(uuid4()), "--reason", "Spam", "--yes"], {}, 1, "There is no rule"),
        (["withdraw", str(uuid4()), "--reason", " ", "--yes"], {}, 2, "1 to 1000 characters"),
        (["withdraw", str(uuid4()), "--reason", "x" * 1001, "--yes"], {}, 2, "1 to 1000 characters"),
        (["show", str(uuid4())], {"CLOUDRON_POSTGRESQL_URL": ""}, 2, "CLOUDRON_POSTGRESQL_URL"),
        (["show", str(uuid4())], {"CLOUDRON_POSTGRESQL_URL": "postgres://no@127.0.0.1:1/no"}, 2, "can't be reached"),
        (["show", str(uuid4())], {"SESSION_SECRET": ""}, 2, "SESSION_SECRET"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    app: Any,
    arguments: list[str],
    changes: dict[str, str],
    code: int,
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in changes.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1


def test_without_the_sites_address_nothing_is_withdrawn(
    rule: str, engine: sa.Engine, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CLOUDRON_APP_ORIGIN")
    assert main(["withdraw", rule, "--reason", "Spam", "--yes"]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "CLOUDRON_APP_ORIGIN" in err
    assert "rule.Withdrawn" not in topics(engine)
    assert waiting(engine) == []
    assert main(["show", rule]) == 0


def test_without_a_reason_nothing_is_withdrawn(rule: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["withdraw", rule, "--yes"])
    assert ended.value.code == 2
    assert "--reason" in capsys.readouterr().err
