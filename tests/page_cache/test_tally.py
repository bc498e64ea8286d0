"""Nothing that a thread counts is lost, also when the thread is no more."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from cr.page_cache.tally import Tally


def test_threads_count_together() -> None:
    tally = Tally()
    with ThreadPoolExecutor(8) as threads:
        for _ in range(8):
            threads.submit(lambda: [tally.add("page") for _ in range(5000)])
    tally.add("page")
    assert tally["page"] == 40_001
    assert tally["other"] == 0
