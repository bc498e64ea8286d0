"""How often something may be done: at most once by the same person, or from the same place, in so many seconds.

Counted in this process, or in Redis where CLOUDRON_REDIS_URL names one, so that several servers count together. When
Redis is away each server counts for itself and says so in the log.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from limits import RateLimitItemPerSecond
from limits.errors import StorageError
from limits.storage import RedisStorage, Storage
from limits.strategies import FixedWindowRateLimiter
from redis.backoff import NoBackoff
from redis.retry import Retry

from cr.errors import RateLimited

log = logging.getLogger(__name__)

REDIS_OPTIONS: dict[str, Any] = {
    "key_prefix": "cr:limits",
    "wrap_exceptions": True,
    "socket_timeout": 1.0,
    "socket_connect_timeout": 1.0,
    "retry": Retry(NoBackoff(), 0),
}
"""Times in seconds. One second, once: a person is waiting, and there is another way."""

REDIS_REST = timedelta(seconds=10)
"""How long a Redis that failed is left alone."""

T = TypeVar("T")


@dataclass(frozen=True)
class Interval:
    """At most one `action` by the same `who` in `seconds`, or as many as `times` says. `why` tells who comes too soon.

    Several are never given back: one that was refused would bring all of them back.
    """

    action: str
    who: str
    seconds: int
    times: int = 1
    why: str = ""


class ProcessStorage(Storage):
    """The counts of this process, for `limits`.

    Unlike the library's own it starts no thread and goes by the site's clock, which tests can turn.
    """

    STORAGE_SCHEME = None
    base_exceptions = ()

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__()
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, tuple[int, float]] = {}
        self._sweep_at = 0.0

    def now(self) -> float:
        return self._clock().timestamp()

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        with self._lock:
            now = self.now()
            if now >= self._sweep_at:
                self._counts = {each: entry for each, entry in self._counts.items() if entry[1] > now}
                self._sweep_at = now + 60
            count, end = self._counts.get(key, (0, 0.0))
            if end <= now:
                count, end = 0, now + expiry
            self._counts[key] = (count + amount, end)
            return count + amount

    def get(self, key: str) -> int:
        count, end = self._counts.get(key, (0, 0.0))
        return count if end > self.now() else 0

    def get_expiry(self, key: str) -> float:
        return max(self._counts.get(key, (0, 0.0))[1], self.now())

    def clear(self, key: str) -> None:
        with self._lock:
            self._counts.pop(key, None)

    def reset(self) -> int:
        with self._lock:
            forgotten = len(self._counts)
            self._counts.clear()
            return forgotten

    def check(self) -> bool:
        return True


class Limits:
    """Takes intervals and gives them back. `disguise` turns who is counted into what may be written down of it."""

    def __init__(
        self, clock: Callable[[], datetime], disguise: Callable[[str], str], redis_url: str | None = None
    ) -> None:
        self._clock = clock
        self._disguise = disguise
        self._local = FixedWindowRateLimiter(ProcessStorage(clock))
        self._redis = RedisStorage(redis_url, **REDIS_OPTIONS) if redis_url else None
        self._shared = FixedWindowRateLimiter(self._redis) if self._redis else None
        self._rest_until: datetime | None = None

    def take(self, *intervals: Interval) -> None:
        """All of them, or none: raises `RateLimited` with the time until all are free."""
        self._in_redis_or_here(lambda limiter: self._take(limiter, intervals))

    def give_back(self, *intervals: Interval) -> None:
        """As if they had not been taken."""
        self._in_redis_or_here(lambda limiter: self._clear(limiter, intervals))

    def close(self) -> None:
        """Hang up on Redis; the next use connects again."""
        if self._redis:
            self._redis.storage.close()

    def _take(self, limiter: FixedWindowRateLimiter, intervals: tuple[Interval, ...]) -> None:
        taken = []
        wait, why = 0.0, ""
        for interval in intervals:
            item, who = self._key(interval)
            if limiter.hit(item, who):
                taken.append(interval)
            else:
                now = self._clock().timestamp()
                left = max(limiter.get_window_stats(item, who).reset_time - now, 1.0)
                wait, why = max((wait, why), (left, interval.why))
        if wait:
            self._clear(limiter, taken)
            raise RateLimited(wait, why)

    def _clear(self, limiter: FixedWindowRateLimiter, intervals: Any) -> None:
        for interval in intervals:
            if interval.times == 1:
                limiter.clear(*self._key(interval))

    def _key(self, interval: Interval) -> tuple[RateLimitItemPerSecond, str]:
        return RateLimitItemPerSecond(interval.times, interval.seconds, interval.action), self._disguise(interval.who)

    def _in_redis_or_here(self, work: Callable[[FixedWindowRateLimiter], T]) -> T:
        if self._shared and not (self._rest_until and self._clock() < self._rest_until):
            try:
                return work(self._shared)
            except StorageError as error:
                self._rest_until = self._clock() + REDIS_REST
                log.warning("Redis is away, this process counts for itself: %s", error)
        return work(self._local)


class Turn:
    """Intervals that a request took: they come back once, or never."""

    def __init__(self, limits: Limits, intervals: tuple[Interval, ...]) -> None:
        self._limits = limits
        self._intervals = intervals
        self._settled = False

    def keep(self) -> None:
        """From now on they count, whatever becomes of the request."""
        self._settled = True

    def give_back(self) -> None:
        if not self._settled:
            self._settled = True
            self._limits.give_back(*self._intervals)


def at_most_once(request: Any, *intervals: Interval) -> Turn:
    """Take all the intervals or raise `RateLimited`. Only what succeeds counts: with the transaction they come back.

    So a person whose mail could not be sent, or whose form was refused, may try again at once. What was costly even
    so is to `keep` its turn.
    """
    limits: Limits = request.registry["cr.limits"]
    limits.take(*intervals)
    turn = Turn(limits, intervals)
    transaction = request.tm.get()
    transaction.addAfterAbortHook(turn.give_back)
    transaction.addAfterCommitHook(lambda success: None if success else turn.give_back())
    return turn


def includeme(config: Any) -> None:
    registry = config.registry
    registry["cr.limits"] = Limits(
        clock=lambda: registry["cr.clock"](),
        disguise=lambda who: registry["cr.tokens"].hash("limits", who).hex(),
        redis_url=registry["cr.settings"].redis_url,
    )
    config.add_request_method(at_most_once)
