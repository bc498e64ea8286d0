"""One replay or rebuild in a process of its own: `tests.performance.log` starts it."""

from __future__ import annotations

import resource
import sys
import time
from contextlib import closing

from cr.projections import ALL
from cr.projections.rebuild import rebuild
from tests.performance.log import Peak, engine_of, replay_once

what, url, size = sys.argv[1], sys.argv[2], int(sys.argv[3])


def used() -> float:
    """Seconds of processor time, of this process and of those that it had."""
    both = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


with closing(engine_of(url)) as engine, Peak() as peak:
    before, busy = time.monotonic(), used()
    if what == "rebuild":
        rebuild(engine, ALL)
    else:
        replay_once(engine, size)
    took, busy = time.monotonic() - before, used() - busy
print(
    f"{what} of {size:9,} events: {size / took:8,.0f} a second; Python busy for {busy / size * 1e6:.0f} µs each; "
    f"{took:.1f} s; {peak.most:.0f} MiB at most",
    flush=True,
)
