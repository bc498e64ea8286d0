"""At most once in so many seconds: in one process, and in several that share a Redis."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisAway
from webtest import TestApp

from cr.errors import RateLimited
from cr.limits import Interval, Limits
from tests.fixtures.mail import free_port
from tests.fixtures.site import Clock, MakeApp

ADA = Interval("link:address", "ada@example.org", 60)
BO = Interval("link:address", "bo@example.org", 60)
HERE = Interval("link:ip", "203.0.113.9", 20)


def disguise(who: str) -> str:
    return sha256(who.encode()).hexdigest()


@pytest.fixture
def turning() -> Clock:
    return Clock(datetime.now(UTC))


@pytest.fixture
def limits(turning: Clock) -> Limits:
    return Limits(turning, disguise)


MakeLimits = Callable[[str], Limits]


@pytest.fixture
def make_limits(turning: Clock) -> Iterator[MakeLimits]:
    """`make_limits(redis_url)`: what one process of several has."""
    with ExitStack() as stack:

        def make(redis_url: str) -> Limits:
            limits = Limits(turning, disguise, redis_url)
            stack.callback(limits.close)
            return limits

        yield make


def test_a_second_time_is_too_soon_until_the_interval_is_over(limits: Limits, turning: Clock) -> None:
    limits.take(ADA)
    turning.advance(timedelta(seconds=15))
    with pytest.raises(RateLimited) as refused:
        limits.take(ADA)
    assert refused.value.retry_after == pytest.approx(45)
    turning.advance(timedelta(seconds=44))
    with pytest.raises(RateLimited):
        limits.take(ADA)
    turning.advance(timedelta(seconds=1))
    limits.take(ADA)


def test_trying_too_soon_does_not_make_it_longer(limits: Limits, turning: Clock) -> None:
    limits.take(ADA)
    for _ in range(5):
        turning.advance(timedelta(seconds=10))
        with pytest.raises(RateLimited):
            limits.take(ADA)
    turning.advance(timedelta(seconds=10))
    limits.take(ADA)


def test_people_and_actions_are_counted_apart(limits: Limits) -> None:
    limits.take(ADA)
    limits.take(BO)
    limits.take(Interval("another", ADA.who, 60))


def test_of_several_all_are_taken_or_none(limits: Limits) -> None:
    limits.take(HERE)
    with pytest.raises(RateLimited):
        limits.take(ADA, HERE)
    limits.take(ADA)


def test_the_longest_wait_is_told(limits: Limits) -> None:
    limits.take(ADA, HERE)
    with pytest.raises(RateLimited) as refused:
        limits.take(HERE, ADA)
    assert refused.value.retry_after == pytest.approx(60)


def test_what_is_given_back_was_not_taken(limits: Limits) -> None:
    limits.take(ADA, HERE)
    limits.give_back(ADA, HERE)
    limits.take(ADA, HERE)


def test_of_many_at_the_same_moment_one_is_served(limits: Limits) -> None:
    assert at_once(limits) == 1


def at_once(limits: Limits) -> int:
    """How many of twenty tries in as many threads succeed."""

    def attempt(_: int) -> bool:
        try:
            limits.take(ADA)
        except RateLimited:
            return False
        return True

    with ThreadPoolExecutor(20) as pool:
        return sum(pool.map(attempt, range(20)))


class RedisServer:
    """A real Redis on loopback that keeps nothing."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["redis-server", "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir", self._folder]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        with Redis.from_url(self.url) as client:
            for _ in range(200):
                try:
                    client.ping()
                    return
                except RedisAway:
                    time.sleep(0.05)
        raise AssertionError("redis-server did not start")

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait()
            self._process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    if not shutil.which("redis-server"):
        pytest.skip("needs redis-server (Debian: apt-get install redis-server)")
    server = RedisServer(tmp_path)
    server.start()
    yield server
    server.stop()


def test_processes_that_share_a_redis_count_together(redis_server: RedisServer, make_limits: MakeLimits) -> None:
    one, other = make_limits(redis_server.url), make_limits(redis_server.url)
    one.take(ADA, HERE)
    with pytest.raises(RateLimited) as refused:
        other.take(ADA)
    assert 0 < refused.value.retry_after <= 61
    with pytest.raises(RateLimited):
        other.take(BO, HERE)
    other.take(BO)
    other.give_back(ADA)
    one.take(ADA)
    one.give_back(ADA)
    assert at_once(one) == 1


def test_redis_holds_nobodys_address(redis_server: RedisServer, make_limits: MakeLimits) -> None:
    make_limits(redis_server.url).take(ADA, HERE)
    with Redis.from_url(redis_server.url) as client:
        keys = client.keys()
        lives = [client.ttl(key) for key in keys]
    assert len(keys) == 2
    assert all(key.startswith(b"cr:limits") and b"ada" not in key and b"203.0" not in key for key in keys)
    assert all(0 < life <= 60 for life in lives)


def test_without_its_redis_a_process_counts_for_itself_and_comes_back(
    redis_server: RedisServer, make_limits: MakeLimits, turning: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    limits = make_limits(redis_server.url)
    limits.take(ADA)
    redis_server.stop()
    limits.take(ADA)
    assert "Redis is away" in caplog.text
    with pytest.raises(RateLimited):
        limits.take(ADA)
    redis_server.start()
    turning.advance(timedelta(seconds=10))
    limits.take(ADA)
    with pytest.raises(RateLimited):
        make_limits(redis_server.url).take(ADA)


def test_a_redis_that_is_away_from_the_start_stops_nothing(make_app: MakeApp) -> None:
    client = TestApp(make_app(CLOUDRON_REDIS_URL=f"redis://127.0.0.1:{free_port()}/0"))
    client.post_json("/api/auth/magic-link/request", {"email": "ada@example.org"}, status=200)
    client.post_json("/api/auth/magic-link/request", {"email": "ada@example.org"}, status=429)
