"""The catalogue's rows: swapped whole, the same however often, never seen half."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from cr.catalog import store
from cr.catalog.sections import METHOD_SECTIONS
from cr.catalog.source import Catalog, read
from cr.db import create_engine

TABLES = (store.catalog_values, store.catalog_methods, store.catalog_templates)


@pytest.fixture(scope="module")
def catalog(seed_data: Path) -> Catalog:
    return read(seed_data)


def rows(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return [sorted(map(repr, connection.execute(sa.select(table)))) for table in TABLES]


def fill(engine: sa.Engine, catalog: Catalog) -> None:
    with engine.begin() as connection:
        store.replace(connection, catalog)


def test_what_was_kept_is_read_again(engine: sa.Engine, catalog: Catalog) -> None:
    with engine.connect() as session:
        assert store.values(session) == list(catalog.values)
        for section in METHOD_SECTIONS:
            found = store.methods(session, section.key)
            assert found == [method for method in catalog.methods if method.section == section.key]
            assert list(found[0].sections) == [field.name for field in section.fields], "in the order of the questions"
        assert list(store.all_methods(session).values()) == list(catalog.methods)
        assert all(key == (method.section, method.slug) for key, method in store.all_methods(session).items())
        assert store.templates(session) == list(catalog.templates)


def test_one_of_them(engine: sa.Engine, catalog: Catalog) -> None:
    with engine.connect() as session:
        assert store.method(session, "membership", "lottery-sortition") in catalog.methods
        assert store.method(session, "communication", "lottery-sortition") is None
        assert store.template(session, "consensus") == catalog.templates[1]
        assert store.template(session, "nonsense") is None


def test_filling_twice_gives_the_same_rows(engine: sa.Engine, catalog: Catalog) -> None:
    before = rows(engine)
    fill(engine, catalog)
    fill(engine, catalog)
    assert rows(engine) == before


def test_what_is_no_longer_in_the_catalogue_goes(engine: sa.Engine, catalog: Catalog) -> None:
    fill(engine, Catalog(catalog.values[:1], catalog.methods[1:], ()))
    with engine.connect() as session:
        assert store.values(session) == [catalog.values[0]]
        assert list(store.all_methods(session).values()) == list(catalog.methods[1:])
        assert store.templates(session) == []


def test_a_catalogue_without_anything(engine: sa.Engine) -> None:
    fill(engine, Catalog((), (), ()))
    assert rows(engine) == [[], [], []]


def test_a_facet_that_this_code_does_not_know_counts_as_no(engine: sa.Engine) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.update(store.catalog_methods)
            .where(store.catalog_methods.c.slug == "signal")
            .values(facets=["mood:sunny", "size:oneMember"])
        )
        signal = store.method(connection, "communication", "signal")
    assert signal is not None
    assert [str(facet) for facet in signal.facets] == ["size:oneMember"]


def test_readers_see_the_old_catalogue_or_the_new_one(engine: sa.Engine, catalog: Catalog, database_url: str) -> None:
    """While it is filled again and again, each time with other labels throughout."""
    done = threading.Event()
    seen: list[set[str]] = []

    def look() -> None:
        readers = create_engine(database_url)
        while not done.is_set():
            with readers.connect() as session:
                found = store.methods(session, "decisionApproaches")
                seen.append({method.label for method in found})
                assert len(found) == len([each for each in catalog.methods if each.section == "decisionApproaches"])
        readers.dispose()

    def named(label: str) -> Catalog:
        return replace(catalog, methods=tuple(replace(method, label=label) for method in catalog.methods))

    fill(engine, named("0"))
    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for number in range(1, 11):
        fill(engine, named(str(number)))
    done.set()
    for reader in readers:
        reader.join()
    assert seen
    assert all(len(labels) == 1 for labels in seen)


def test_two_who_fill_it_at_once_do_so_one_after_the_other(engine: sa.Engine, catalog: Catalog) -> None:
    halves = (Catalog(catalog.values, catalog.methods[:9], ()), catalog)
    failed: list[BaseException] = []

    def work(mine: Catalog) -> None:
        try:
            for _ in range(5):
                fill(engine, mine)
        except BaseException as error:
            failed.append(error)

    workers = [threading.Thread(target=work, args=(half,)) for half in halves]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not failed
    with engine.connect() as session:
        found = len(store.all_methods(session)), len(store.templates(session))
    assert found in [(9, 0), (len(catalog.methods), len(catalog.templates))]
