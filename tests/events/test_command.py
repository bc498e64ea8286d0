"""What operators see of the log, copy of it, and are told when that can't be done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from cr.events.application import Rules
from cr.events.command import main
from cr.events.store import events
from tests.projections.lives import NOON, PEOPLE, live, sample_life

SCRIPT = "import sys; from cr.events.command import main; sys.exit(main())"


@pytest.fixture(autouse=True)
def at_terminal(engine: sa.Engine, database_url: str, monkeypatch: pytest.MonkeyPatch) -> sa.Engine:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url)
    live(engine, sample_life())
    return engine


def log(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.execute(sa.select(events).order_by(events.c.position)))


def start(engine: sa.Engine, title: str) -> UUID:
    with engine.begin() as connection:
        return Rules(lambda: nullcontext(connection)).start_draft(PEOPLE[0], NOON, {"title": title})


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_show_tells_everything_that_one_draft_went_through(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    draft = log(engine)[0].originator_id
    own = [row for row in log(engine) if row.originator_id == draft]
    assert main(["show", str(draft)]) == 0
    paragraphs = capsys.readouterr().out.strip().split("\n\n")
    assert len(paragraphs) == len(own) > 3
    heads = [paragraph.splitlines()[0] for paragraph in paragraphs]
    assert heads[0] == f"1  2026-03-12T12:00:00Z  draft.Started  {PEOPLE[0]}"
    assert [head.split("  ")[2] for head in heads] == [row.topic for row in own]
    said = json.loads(paragraphs[0].partition("\n")[2])
    assert said["owner"] == str(PEOPLE[0])
    assert said["payload"]["title"] == "Elm"

    assert main(["show", "--json", str(draft)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [json.loads(line)["version"] for line in lines] == [row.originator_version for row in own]


def test_what_was_erased_is_told_and_the_rest_is_opened(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    kept, erased = start(engine, "Kept words"), start(engine, "Gone words")
    with engine.begin() as connection:
        Rules(lambda: nullcontext(connection)).erase_drafts([erased], PEOPLE[0], NOON)
    for arguments in (["show", str(erased)], ["show", "--json", str(erased)]):
        assert main(arguments) == 0
        out = capsys.readouterr().out
        assert "Gone words" not in out
        assert '"sealed":"its key was erased"' in out.replace('": "', '":"')
        assert "draft.Erased" in out
    for arguments in (["tail"], ["tail", "--json"]):
        assert main(arguments) == 0
        out = capsys.readouterr().out
        assert "Kept words" in out
        assert "its key was erased" in out
    assert main(["export"]) == 0
    out = capsys.readouterr().out
    assert " words" not in out
    assert str(kept) in out


def test_a_seal_that_is_broken_is_told(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    draft = start(engine, "Elm")
    with engine.begin() as connection:
        moved = (
            "INSERT INTO events (originator_id, originator_version, topic, state) SELECT originator_id, 2, topic, state"
        )
        connection.execute(sa.text(f"{moved} FROM events WHERE originator_id = '{draft}'"))
    assert main(["show", str(draft)]) == 0
    first, second = capsys.readouterr().out.strip().split("\n\n")
    assert "Elm" in first
    assert "its seal is broken" in second


def test_show_knows_rules_and_the_operators_deeds(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        rule = app.publish_rule(PEOPLE[0], NOON, "Elm", None, {"sections": []}).id
        app.withdraw_rule(rule, None, NOON, "Ärger")
    assert main(["show", str(rule)]) == 0
    out = capsys.readouterr().out
    assert "rule.Withdrawn  operators" in out
    assert "Ärger" in out


def test_tail_shows_the_last_ones(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    positions = [row.position for row in log(engine)]
    for arguments, expected in ((["-n", "3"], positions[-3:]), (["-n", "0"], []), (["-n", "9999"], positions)):
        assert main(["tail", *arguments]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [int(line.split("  ")[0]) for line in lines] == expected
    assert main(["tail", "--json"]) == 0
    assert [json.loads(line)["position"] for line in capsys.readouterr().out.splitlines()] == positions[-10:]


def test_following_skips_no_event_that_commits_late(engine: sa.Engine) -> None:
    """Position 1 of two is handed out first and committed last."""
    with running("tail", "-n", "1", "-f", "--json") as process:
        assert process.stdout
        assert json.loads(process.stdout.readline())["position"] == log(engine)[-1].position
        with engine.begin() as connection:
            late = Rules(lambda: nullcontext(connection)).start_draft(PEOPLE[0], NOON, {"title": "Late"})
            early = start(engine, "Early")
        seen = [json.loads(process.stdout.readline())["id"] for _ in range(2)]
        assert seen == [str(late), str(early)]
        after = start(engine, "After")
        assert json.loads(process.stdout.readline())["id"] == str(after)
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", "Stopped.\n")
        assert process.returncode == 130


def test_an_export_is_the_log(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    start(engine, 'Odd "words" \\ ä\n\x01')
    assert main(["export"]) == 0
    out, err = capsys.readouterr()
    rows = log(engine)
    lines = out.splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "position": row.position,
            "id": str(row.originator_id),
            "version": row.originator_version,
            "topic": row.topic,
            "recorded_at": row.recorded_at.isoformat(),
            "state": json.loads(row.state),
        }
        for row in rows
    ]
    assert [line.partition('"state":')[2][:-1] for line in lines] == [row.state for row in rows]
    warning, count = err.splitlines()
    assert "Drafts are in this copy" in warning
    assert count == f"Copied {len(rows)} events, up to position {rows[-1].position}."


def test_an_export_without_drafts_has_rules_only(engine: sa.Engine, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "--rules-only"]) == 0
    out, err = capsys.readouterr()
    topics = [json.loads(line)["topic"] for line in out.splitlines()]
    assert topics == [row.topic for row in log(engine) if row.topic.startswith("rule.")]
    assert "not for the public" in err


def test_an_empty_log(empty_log: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export"]) == 0
    assert main(["tail"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "Copied 0 events, up to position 0." in err


def test_an_event_that_cannot_be_read_is_shown_as_it_stands(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with engine.begin() as connection:
        odd = {"originator_id": UUID(int=7), "originator_version": 1, "topic": "rule.S\x1bung", "state": "[Elm"}
        connection.execute(sa.insert(events), odd)
    for arguments in (["show", str(UUID(int=7))], ["tail", "-n", "1"]):
        assert main(arguments) == 0
        out, err = capsys.readouterr()
        assert "rule.S\ufffdung" in out
        assert '"unreadable": "[Elm"' in out
        assert err == ""


@pytest.fixture
def empty_log(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE events DISABLE TRIGGER append_only"))
        connection.execute(sa.text("TRUNCATE events"))


def test_a_user_who_may_only_read_is_enough(
    engine: sa.Engine, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reader = f"reader_{uuid4().hex}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE ROLE {reader} LOGIN"))
        connection.execute(sa.text(f"ALTER ROLE {reader} SET default_transaction_read_only = on"))
        connection.execute(sa.text(f"GRANT SELECT ON events TO {reader}"))
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url.replace("postgres@", f"{reader}@"))
    try:
        for arguments in (["show", str(log(engine)[0].originator_id)], ["tail"], ["export"]):
            assert main(arguments) == 0
            out = capsys.readouterr().out
            assert ("this database user may not read its key" in out) == (arguments != ["export"])
    finally:
        with engine.begin() as connection:
            connection.execute(sa.text(f"DROP OWNED BY {reader}"))
            connection.execute(sa.text(f"DROP ROLE {reader}"))


def test_one_who_may_not_even_read_is_told(
    engine: sa.Engine, database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stranger = f"stranger_{uuid4().hex}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE ROLE {stranger} LOGIN"))
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url.replace("postgres@", f"{stranger}@"))
    assert main(["tail"]) == 2
    assert capsys.readouterr().err == "The database's user may not do this: permission denied for table events\n"
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP ROLE {stranger}"))


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "line"),
    [
        (["show", "1b"], {}, 2, "'1b' is no id"),
        (["show", str(uuid4())], {}, 1, "No event is about"),
        (["tail"], {"CLOUDRON_POSTGRESQL_URL": ""}, 2, "CLOUDRON_POSTGRESQL_URL"),
        (["tail"], {"CLOUDRON_POSTGRESQL_URL": "postgres://nobody@127.0.0.1:1/none"}, 2, "can't be reached"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    arguments: list[str],
    environment: dict[str, str],
    code: int,
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert line in err
    assert err.count("\n") == 1


@pytest.mark.parametrize("number", ["-1", "many"])
def test_how_many_is_a_number(number: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["tail", "-n", number])
    assert ended.value.code == 2
    assert "-n" in capsys.readouterr().err


def test_an_unmigrated_database_is_one_line(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", empty_database_url)
    assert main(["tail"]) == 2
    assert "alembic" in capsys.readouterr().err


ODD = "Elm\x07 \x7f \x9b2J \u202egnihtyna \U000e0041 ä 🌱"
TAMED = "Elm\ufffd \ufffd \ufffd2J \ufffdgnihtyna \ufffd ä 🌱"


@pytest.mark.parametrize("command", ["show", "tail"])
def test_words_of_people_do_nothing_to_a_terminal(
    engine: sa.Engine, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    arguments = {"show": ["show", str(start(engine, ODD))], "tail": ["tail", "-n", "1"]}[command]
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert TAMED.replace("Elm\ufffd", "Elm\\u0007") in out  # JSON escapes the first by itself
    assert all(line.isprintable() for line in out.split("\n"))
    assert main([*arguments, "--json"]) == 0
    out = capsys.readouterr().out
    assert json.loads(out)["state"]["payload"]["title"] == ODD
    assert out.rstrip("\n").isprintable()


def sessions(engine: sa.Engine) -> dict[int, str]:
    """What each connection to the database but ours is doing."""
    query = "SELECT pid, state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    with engine.connect() as connection:
        return {row.pid: row.state for row in connection.execute(sa.text(query)) if row.state is not None}


@pytest.mark.parametrize("command", ["show", "tail", "follow"])
def test_a_reader_who_pauses_holds_no_transaction(engine: sa.Engine, command: str) -> None:
    """The database would end it after a minute."""
    long = "x" * 200_000
    draft = start(engine, "Short" if command == "follow" else long)
    arguments = {"show": ["show", str(draft)], "tail": ["tail"], "follow": ["tail", "-n", "1", "-f"]}[command]
    before = sessions(engine)
    with running(*arguments) as process:
        assert process.stdout
        if command == "follow":
            assert "Short" in process.stdout.readline()
            start(engine, long)
        assert process.stdout.read(1)
        # From here on it waits for us, for a pipe does not hold the rest.
        while not (held := [state for pid, state in sessions(engine).items() if pid not in before]) or "active" in held:
            assert process.poll() is None
        assert held == ["idle"]


@pytest.mark.parametrize("environment", [{"PYTHONUNBUFFERED": "1"}, {"PYTHONUNBUFFERED": ""}])
def test_a_reader_who_has_enough_of_one_long_line(
    engine: sa.Engine, monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with running("show", "--json", str(start(engine, "x" * 200_000))) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        assert process.stderr.read() == "Not everything was written: nobody reads on.\n"
        assert process.wait() == 141


@pytest.mark.parametrize("arguments", [["export"], ["tail", "-n", "99999", "--json"]])
def test_a_reader_who_has_enough_is_no_traceback(engine: sa.Engine, arguments: list[str]) -> None:
    # Several times more than a pipe holds, so that the writer notices.
    for _ in range(4):
        start(engine, "x" * 200_000)
    with running(*arguments) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.read(1)
        process.stdout.close()
        complaint = process.stderr.read().splitlines()
        assert process.wait() == 141, complaint
    assert complaint[-1] == "Not everything was written: nobody reads on."
    assert len(complaint) <= 2


def test_a_full_disk_is_one_line() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    with full.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, "tail"], stdout=out, stderr=subprocess.PIPE, text=True, env=os.environ
        )
    assert done.returncode == 2
    assert done.stderr == "The output can't be written: No space left on device.\n"
