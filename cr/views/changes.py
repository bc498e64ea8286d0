"""What revisions changed, in sentences: the same on histories and in feeds.

The texts of two revisions never change, and comparing two long ones takes a tenth of a second, so what came of it is
kept in memory; and no page, made for whoever asks, compares more than so much.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from functools import cache
from typing import Any
from uuid import UUID

from cr import comparison, redline
from cr.catalog import sections
from cr.comparison import Whole, compare, sentences
from cr.fingerprint import fingerprint
from cr.projections import revisions

PAGE_BYTES = 2 * 2**20
"""Of the texts of revisions whose changes one page tells: about a second, where none is kept."""

KEPT_CHARACTERS = 4 * 2**20
"""Of all sentences that are kept: some twenty thousand revisions of a few changes each."""


@cache
def made_of() -> str:
    """Changes with whatever words the changes are told in."""
    return fingerprint(comparison.__file__, redline.__file__, sections.__file__, __file__)


class Kept:
    """Sentences by rule and revision; for many threads. The ones asked for last stay."""

    def __init__(self, room: int = KEPT_CHARACTERS) -> None:
        self._room = room
        self._lock = threading.Lock()
        self._sentences: OrderedDict[tuple[UUID, int], list[str]] = OrderedDict()

    def get(self, key: tuple[UUID, int]) -> list[str] | None:
        with self._lock:
            if key in self._sentences:
                self._sentences.move_to_end(key)
            return self._sentences.get(key)

    def put(self, key: tuple[UUID, int], told: list[str]) -> None:
        with self._lock:
            if key not in self._sentences:
                self._sentences[key] = told
                self._room -= _size(told)
            while self._room < 0:
                self._room += _size(self._sentences.popitem(last=False)[1])


def _size(told: list[str]) -> int:
    return 200 + sum(map(len, told))


class Changes:
    """For one page, which asks in the order of its entries: so the same page always tells the same."""

    def __init__(self, request: Any) -> None:
        self._session = request.dbsession
        self._kept: Kept = request.registry["cr.changes"]
        self._room = PAGE_BYTES

    def of(self, head: Any) -> list[str] | None:
        """What the revision with this row changed; None where the page has no room for it."""
        if head.revision == 1:
            return []
        self._room -= head.bytes
        if self._room < 0:
            return None
        key = head.rule, head.revision
        told = self._kept.get(key)
        if told is None:
            # Two at a time: the documents of a long history do not fit into memory together.
            told = sentences(compare(*(whole(self._session, head.rule, head.revision - back) for back in (1, 0))))
            self._kept.put(key, told)
        return told


def whole(session: Any, rule_id: UUID, revision: int) -> Whole:
    """The text of a revision that exists, to be compared."""
    return Whole(*revisions.text(session, rule_id, revision))


def includeme(config: Any) -> None:
    config.registry["cr.changes"] = Kept()
