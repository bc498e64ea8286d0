"""`cr-seed`, the command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from cr.catalog import store
from cr.catalog.seed import main
from tests.catalog.test_store import rows
from tests.fixtures.catalog import changed
from tests.fixtures.mail import free_port


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch, database_url: str, folder: Path) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", database_url.replace("+psycopg2", ""))
    monkeypatch.setenv("SEED_DATA_DIR", str(folder))


def count(folder: Path, name: str) -> int:
    return len(json.loads((folder / f"{name}.json").read_text()))


def test_it_fills_every_section_and_says_how_much(
    engine: sa.Engine, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(engine)
    with engine.begin() as connection:
        for table in (store.catalog_values, store.catalog_methods, store.catalog_templates):
            connection.execute(sa.delete(table))
    assert main([]) == 0
    names = (
        "values",
        "communication",
        "membership",
        "decisionApproaches",
        "conflictManagement",
        "templates",
        "use-cases",
    )
    said = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert said == [[name, str(count(folder, name))] for name in names]
    assert rows(engine) == before


def test_again_after_a_change(engine: sa.Engine, folder: Path) -> None:
    changed(folder, "communication", lambda entries: entries[1].update(label="Signal, the app"))
    assert main([]) == main([]) == 0
    with engine.connect() as session:
        signal = store.method(session, "communication", "signal")
    assert signal is not None
    assert signal.label == "Signal, the app"


def test_every_fault_is_a_line_and_nothing_is_written(
    engine: sa.Engine, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = rows(engine)
    changed(folder, "values", lambda entries: entries[0].update(label="Another"))
    changed(folder, "membership", lambda entries: entries[0].update(label=""))
    changed(folder, "conflictManagement", lambda entries: entries[1:])
    assert main([]) == 1
    output = capsys.readouterr()
    assert output.out == ""
    lines = output.err.splitlines()
    assert lines[:2] == [
        "membership.json: open-access: label: write a text",
        "conflictManagement.json: peer-mediation: this is missing; links and saved drafts use it",
    ]
    assert rows(engine) == before


def test_a_missing_folder_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SEED_DATA_DIR", str(tmp_path / "nowhere"))
    assert main([]) == 1
    assert capsys.readouterr().err == f"{tmp_path}/nowhere: there is no such folder\n"


def test_without_a_folder_it_takes_the_packages_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEED_DATA_DIR")
    assert main([]) == 0


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgres://somebody@127.0.0.1:{port}/rules", "The database can't be reached: "),
        ("mysql://localhost/rules", "CLOUDRON_POSTGRESQL_URL: write it as"),
        ("", "CLOUDRON_POSTGRESQL_URL: write it as"),
    ],
)
def test_no_database_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], url: str, said: str
) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", url.format(port=free_port()))
    assert main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(said)


def test_a_database_that_is_not_migrated_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], empty_database_url: str
) -> None:
    monkeypatch.setenv("CLOUDRON_POSTGRESQL_URL", empty_database_url.replace("+psycopg2", ""))
    assert main([]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The tables are missing.")
