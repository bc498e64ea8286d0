"""What is kept: whole answers, the ones asked for last, within a number of bytes."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from uuid import UUID

from cr.page_cache.tally import Tally

Address = tuple[str, str]
"""Path and query, as they were sent."""

Headers = list[tuple[str, str]]

OVERHEAD = 4096
"""Bytes that an answer takes beside its body: headers, address, objects."""

LARGEST_SHARE = 8
"""An answer that would take more than this part of the room is not kept: it would push out too many others."""


SPARE_SHARE = 10
"""This part of the room is free after the pages that nobody asked for longest made way for another one."""


@dataclass(slots=True)
class Page:
    """An answer with status 200. `rule` None: any rule's change makes it old. `day` (UTC) is the only one it is for.
    `used` grows with every use of any page."""

    headers: Headers
    body: bytes
    etag: str
    changed: datetime | None
    rule: UUID | None
    day: date
    used: int = field(default=0, compare=False)

    @property
    def size(self) -> int:
        return len(self.body) + OVERHEAD


@dataclass(frozen=True)
class Figures:
    """`hits`: answered from here. `misses`: made anew although the view lets it be kept. `bytes` of `pages`."""

    hits: int
    misses: int
    pages: int
    bytes: int
    trusted: bool


class Memory:
    """Pages by their address; for many threads. Empty, and stays so, while nobody vouches that it hears of changes."""

    def __init__(self, room: int) -> None:
        """`room` in bytes."""
        self._room = room
        self._lock = threading.Lock()
        self._pages: dict[Address, Page] = {}
        self._bytes = self._changes = 0
        self._trusted_until = 0.0
        self._tally = Tally()
        self._uses = itertools.count(1)

    def get(self, address: Address, today: date) -> Page | None:
        # Without the lock, for which readers would queue. In this order: a page that is found was in its place after
        # the moment at which it was trusted.
        page = self._pages.get(address) if self._trusted() else None
        if page is None or page.day != today:
            return None
        page.used = next(self._uses)
        self._tally.add("hit")
        return page

    def ticket(self) -> int | None:
        """To be taken before anything is read for a page that is to be kept; None when it would not be."""
        with self._lock:
            return self._changes if self._room and self._trusted() else None

    def put(self, address: Address, page: Page, ticket: int) -> None:
        """Keep `page`, unless something changed since the ticket was taken: it may have been read before that."""
        with self._lock:
            if ticket != self._changes or not self._trusted() or page.size * LARGEST_SHARE > self._room:
                return
            self._remove([address])
            page.used = next(self._uses)
            self._pages[address] = page
            self._bytes += page.size
            if self._bytes > self._room:
                self._make_room()

    def missed(self) -> None:
        self._tally.add("miss")

    def forget(self, rules: Collection[UUID] | None) -> None:
        """Whatever is about one of these rules, or about any; with None everything."""
        with self._lock:
            self._forget(rules)

    def trust(self, until: float) -> None:
        """Somebody who hears of every change, and has passed on all that there were, vouches until then (monotonic)."""
        with self._lock:
            if not self._trusted():
                self._forget(None)
            self._trusted_until = until

    def distrust(self) -> None:
        with self._lock:
            self._trusted_until = 0.0
            self._forget(None)

    def figures(self) -> Figures:
        with self._lock:
            return Figures(self._tally["hit"], self._tally["miss"], len(self._pages), self._bytes, self._trusted())

    def _trusted(self) -> bool:
        return time.monotonic() < self._trusted_until

    def _forget(self, rules: Collection[UUID] | None) -> None:
        self._changes += 1
        self._remove(
            [at for at, page in self._pages.items() if rules is None or page.rule is None or page.rule in rules]
        )

    def _make_room(self) -> None:
        """Some for many pages: to find the one that was not used longest, all have to be looked at."""
        for address in sorted(self._pages, key=lambda each: self._pages[each].used):
            if self._bytes <= self._room - self._room // SPARE_SHARE:
                break
            self._remove([address])

    def _remove(self, addresses: Collection[Address]) -> None:
        for address in addresses:
            page = self._pages.pop(address, None)
            if page is not None:
                self._bytes -= page.size
