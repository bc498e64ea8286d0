"""Migrations make exactly the tables that the code declares, and can be undone."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa

from cr.errors import NotFound
from cr.events.application import Rules
from cr.projections import ALL
from cr.projections.rebuild import rebuild
from tests.fixtures.database import ROOT

KEPT = {
    *("alembic_version", "begun", "drafts", "histories", "invitations", "organizers", "revisions", "rules", "writers"),
}
"""What no migration makes: alembic's own, and the read models."""


@pytest.fixture
def config(database_url: str, monkeypatch: pytest.MonkeyPatch) -> alembic.config.Config:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url)
    return alembic.config.Config(ROOT / "development.ini")


def test_no_migration_is_missing(config: alembic.config.Config) -> None:
    alembic.command.check(config)


def test_down_and_up_again(config: alembic.config.Config, engine: sa.Engine) -> None:
    alembic.command.downgrade(config, "base")
    assert set(sa.inspect(engine).get_table_names()) == KEPT
    alembic.command.upgrade(config, "head")
    alembic.command.check(config)


def test_links_outlive_the_table_of_guests_and_guests_take_theirs_along(
    config: alembic.config.Config, engine: sa.Engine
) -> None:
    def run(statement: str) -> list[sa.Row[Any]]:
        with engine.begin() as connection:
            result = connection.execute(sa.text(statement))
            return list(result) if result.returns_rows else []

    kept = "SELECT email, guest FROM mailed_links"
    link = "INSERT INTO mailed_links (purpose, email, token_hash, created_at, expires_at"
    alembic.command.downgrade(config, "0004")
    run(f"{link}) VALUES ('magic-link', 'ada@example.org', 'a', now(), now())")
    alembic.command.upgrade(config, "head")
    assert run(kept) == [("ada@example.org", None)]

    guest = "00000000-0000-0000-0000-000000000001"
    run(f"INSERT INTO guests VALUES ('{guest}', 'g', 1, now(), now(), NULL)")
    run(f"INSERT INTO guest_saves VALUES ('{guest}', 1, '{{}}')")
    run(f"{link}, guest) VALUES ('magic-link', 'bo@example.org', 'b', now(), now(), '{guest}')")
    run("DELETE FROM guests")
    assert run(kept) == [("ada@example.org", None), ("bo@example.org", None)]
    assert run("SELECT * FROM guest_saves") == []

    run(f"INSERT INTO guests VALUES ('{guest}', 'g', 1, now(), now(), NULL)")
    run(f"UPDATE mailed_links SET guest = '{guest}'")
    alembic.command.downgrade(config, "0004")
    assert run("SELECT email FROM mailed_links") == [("ada@example.org",), ("bo@example.org",)]


def test_links_to_join_go_with_the_account_that_made_them(config: alembic.config.Config, engine: sa.Engine) -> None:
    ada, bo, rule = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2, 3))
    alembic.command.downgrade(config, "0005")
    with engine.begin() as connection:
        assert not sa.inspect(connection).has_table("organizer_links")
        for account in (ada, bo):
            connection.execute(sa.text(f"INSERT INTO accounts VALUES ('{account}', '{account}', NULL, now())"))
    alembic.command.upgrade(config, "head")
    with engine.begin() as connection:
        for account in (ada, bo):
            link = f"VALUES ('{account}', '{rule}', '{account}', '{account[-1]}', now(), now())"
            connection.execute(sa.text(f"INSERT INTO join_links {link}"))
        connection.execute(sa.text(f"DELETE FROM accounts WHERE id = '{ada}'"))
        left = connection.execute(sa.text("SELECT made_by::text FROM join_links")).scalars().all()
    assert left == [bo]


def test_links_to_organize_a_rule_become_links_to_join_it(config: alembic.config.Config, engine: sa.Engine) -> None:
    """With nobody's address, for none was mailed then."""
    link, rule, ada = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2, 3))

    def kept(columns: str, table: str) -> list[tuple[Any, ...]]:
        with engine.connect() as connection:
            return [tuple(row) for row in connection.execute(sa.text(f"SELECT {columns} FROM {table}"))]

    alembic.command.downgrade(config, "0008")
    with engine.begin() as connection:
        connection.execute(sa.text(f"INSERT INTO accounts VALUES ('{ada}', 'ada@example.org', NULL, now())"))
        values = f"'{link}', '{rule}', '{ada}', 'secret', '2026-03-12T12:00Z', '2026-03-19T12:00Z'"
        connection.execute(sa.text(f"INSERT INTO organizer_links VALUES ({values})"))
    columns = "id::text, {}::text, made_by::text, encode(token_hash, 'escape'), created_at, expires_at"
    (before,) = kept(columns.format("rule"), "organizer_links")
    assert before[:4] == (link, rule, ada, "secret")
    alembic.command.upgrade(config, "head")
    assert kept(columns.format("about") + ", email", "join_links") == [(*before, None)]
    alembic.command.downgrade(config, "0008")
    assert kept(columns.format("rule"), "organizer_links") == [before]


def test_drafts_from_before_there_were_keys_get_one(config: alembic.config.Config, engine: sa.Engine) -> None:
    """So that they are written on, sealed from then on."""
    draft, owner = UUID(int=1), UUID(int=2)
    state = f'{{"actor":"{owner}","at":"2026-03-12T12:00:00Z","owner":"{owner}","payload":{{"title":"Elm"}}}}'
    alembic.command.downgrade(config, "0007")
    with engine.begin() as connection:
        insert = (
            "INSERT INTO events (originator_id, originator_version, topic, state) VALUES (:draft, 1, :topic, :state)"
        )
        connection.execute(sa.text(insert), {"draft": draft, "topic": "draft.Started", "state": state})
    alembic.command.upgrade(config, "head")
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        app.write_draft(draft, owner, datetime(2026, 3, 13, tzinfo=UTC), {"title": "Below the oak"})
        assert app.draft(draft).title == "Below the oak"
        states = connection.scalars(sa.text("SELECT state FROM events ORDER BY position")).all()
    assert states[0] == state
    assert "the oak" not in states[1]


def test_a_new_key_is_for_no_draft_that_another_one_sealed(config: alembic.config.Config, engine: sa.Engine) -> None:
    """Migrating down loses those: up again they are like erased ones, and nothing else stops to work."""
    owner, quoting, at = uuid4(), uuid4(), datetime(2026, 3, 12, tzinfo=UTC)
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        sealed, erased = (app.start_draft(owner, at, {"title": title}) for title in ("Elm", "Oak"))
        app.erase_drafts([erased], owner, at)
    alembic.command.downgrade(config, "0007")
    # What is in clear may quote a seal.
    payload = r'{"title":"so: ,\"sealed\":\"x\"}","sealed":"Beech"}'
    state = f'{{"actor":"{owner}","at":"2026-03-12T12:00:00Z","owner":"{owner}","payload":{payload}}}'
    with engine.begin() as connection:
        insert = "INSERT INTO events (originator_id, originator_version, topic, state) VALUES (:id, 1, :topic, :state)"
        connection.execute(sa.text(insert), {"id": quoting, "topic": "draft.Started", "state": state})
    alembic.command.upgrade(config, "head")
    rebuild(engine, ALL)
    with engine.begin() as connection:
        app = Rules(lambda: nullcontext(connection))
        for gone in (sealed, erased):
            assert app.keys.of(gone) is None
            with pytest.raises(NotFound):
                app.draft(gone)
        app.write_draft(quoting, owner, at, {"title": "Below the beech"})
        assert app.draft(quoting).title == "Below the beech"
