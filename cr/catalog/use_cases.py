"""The use cases: read once, when the server starts, from the same folder as `cr-seed` reads.

They are no rows: each is read as a whole, no draft has to find one again, and a change may wait for the next start.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cr.catalog.items import UseCase
from cr.catalog.labels import DATA
from cr.catalog.source import CatalogError, read

log = logging.getLogger(__name__)

KEY = "cr.use_cases"


def load(folder: Path | None) -> dict[str, UseCase]:
    """By slug, in their order. A folder that can't be used stops `cr-seed`, not the site, which then has its own."""
    if folder is not None:
        try:
            return _by_slug(folder)
        except CatalogError as error:
            log.warning("SEED_DATA_DIR can't be used for the use cases; run cr-seed to see why: %s", error.problems[0])
    return _by_slug(DATA)


def _by_slug(folder: Path) -> dict[str, UseCase]:
    return {each.slug: each for each in read(folder).use_cases}


def of(request: Any) -> Mapping[str, UseCase]:
    """All that this server has, by slug."""
    found: Mapping[str, UseCase] = request.registry[KEY]
    return found


def includeme(config: Any) -> None:
    config.registry[KEY] = load(config.registry["cr.settings"].seed_data_dir)
