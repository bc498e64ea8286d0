"""Migrations make exactly the tables that the code declares, and can be undone."""

from __future__ import annotations

import alembic.command
import alembic.config
import pytest
import sqlalchemy as sa

from tests.fixtures.database import ROOT


@pytest.fixture
def config(database_url: str, monkeypatch: pytest.MonkeyPatch) -> alembic.config.Config:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url)
    return alembic.config.Config(ROOT / "development.ini")


def test_no_migration_is_missing(config: alembic.config.Config) -> None:
    alembic.command.check(config)


def test_down_and_up_again(config: alembic.config.Config, engine: sa.Engine) -> None:
    alembic.command.downgrade(config, "base")
    assert set(sa.inspect(engine).get_table_names()) == {"alembic_version", "drafts", "histories", "revisions", "rules"}
    alembic.command.upgrade(config, "head")
    alembic.command.check(config)
