"""A database that is reached over TCP, as Cloudron gives it, and a port for the site."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from cr.development.postgres import Postgres
from tests.fixtures.mail import free_port
from tests.package.running import Gate


@pytest.fixture
def port() -> int:
    """Free for the site to listen on."""
    return free_port()


@pytest.fixture
def gate(postgres: Postgres) -> Iterator[Gate]:
    """The way to the database server over TCP, shut until `open()`."""
    folder = sa.make_url(postgres.url).query["host"]
    gate = Gate(free_port(), Path(str(folder)) / ".s.PGSQL.5432")
    yield gate
    gate.shut()


@pytest.fixture
def production(empty_database_url: str, gate: Gate) -> dict[str, str]:
    """The environment that a production server needs, on an empty database behind `gate`."""
    name = sa.make_url(empty_database_url).database
    return {
        "CLOUDRON_POSTGRESQL_URL": f"postgres://postgres@127.0.0.1:{gate.port}/{name}",
        "CLOUDRON_APP_ORIGIN": "https://rules.example.org",
        "CLOUDRON_MAIL_FROM": "rules.app@example.org",
        "SESSION_SECRET": "a secret that only tests know",
    }
