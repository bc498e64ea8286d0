"""Counting what happens thousands of times in a second, in several threads."""

from __future__ import annotations

import threading
from collections import Counter


class Tally:
    """Each thread counts for itself: waiting for a lock would cost more than all else that a kept page does."""

    def __init__(self) -> None:
        self._own = threading.local()
        self._all: list[Counter[str]] = []

    def add(self, what: str) -> None:
        try:
            counts: Counter[str] = self._own.counts
        except AttributeError:
            counts = self._own.counts = Counter()
            self._all.append(counts)
        counts[what] += 1

    def __getitem__(self, what: str) -> int:
        return sum(counts[what] for counts in self._all)
