"""`cr-seed`: fills the catalogue from SEED_DATA_DIR, or from the package's own data. Reads CLOUDRON_POSTGRESQL_URL.

It may run again at any time, also while people use the site: either all of the catalogue is the new one, or nothing
was changed.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import sqlalchemy as sa

from cr.catalog import store
from cr.catalog.labels import DATA
from cr.catalog.sections import METHOD_SECTIONS, VALUES
from cr.catalog.source import Catalog, CatalogError, read
from cr.db import create_engine, is_disconnect
from cr.settings import SettingsError, database_url, seed_data_dir

LOCK_NOT_AVAILABLE, UNDEFINED_TABLE = "55P03", "42P01"


def main(argv: Sequence[str] | None = None) -> int:
    """Exit codes: 0 filled, 1 nothing was changed and standard error says why."""
    argparse.ArgumentParser(
        prog="cr-seed",
        description="Fill the catalogue of values, methods and templates from SEED_DATA_DIR. May be run again.",
    ).parse_args(argv)
    try:
        catalog = read(seed_data_dir(os.environ) or DATA)
        engine = create_engine(database_url(os.environ))
    except (CatalogError, SettingsError) as error:
        return _failed(str(error))
    try:
        with engine.begin() as connection:
            store.replace(connection, catalog)
    except sa.exc.DBAPIError as error:
        state = getattr(error.orig, "pgcode", None)
        if state == UNDEFINED_TABLE:
            return _failed("The tables are missing. Start the site, or run: alembic -c production.ini upgrade head")
        if state == LOCK_NOT_AVAILABLE:
            return _failed("Somebody else is filling the catalogue. Wait for that, then try again.")
        if is_disconnect(error):
            return _failed(f"The database can't be reached: {str(error.orig).strip().splitlines()[0]}")
        raise
    finally:
        engine.dispose()
    for name, number in _counts(catalog).items():
        sys.stdout.write(f"{name:20} {number:4}\n")
    return 0


def _counts(catalog: Catalog) -> dict[str, int]:
    """How many there are in each section, under the name of its file."""
    methods = {
        section.key: sum(method.section == section.key for method in catalog.methods) for section in METHOD_SECTIONS
    }
    return {
        VALUES.slug: len(catalog.values),
        **methods,
        "templates": len(catalog.templates),
        "use-cases": len(catalog.use_cases),
    }


def _failed(lines: str) -> int:
    sys.stderr.write(lines + "\n")
    return 1
