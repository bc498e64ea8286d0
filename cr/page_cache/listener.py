"""Hearing of changes that any process on the database made, over a connection of its own."""

from __future__ import annotations

import logging
import select
import threading
import time
from contextlib import closing
from typing import Any
from uuid import UUID, uuid4

import psycopg2
import sqlalchemy as sa

from cr.db import create_engine
from cr.page_cache.memory import Memory

log = logging.getLogger(__name__)

CHANNEL = "community_rule_pages"

BEAT_SECONDS = 2
"""Between two questions to a database that has nothing to tell."""

TRUST_SECONDS = 6
"""For which one answer shows that the connection is there."""

RETRY_SECONDS = 1

KEEPALIVE = {
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
"""Seconds, and milliseconds. A server that went without a word is noticed in about ten seconds; what the system does by
itself takes a quarter of an hour, and no page would be kept meanwhile."""

PROOF = "proof "


class Listener:
    """A thread that empties `memory` as notifications say, and vouches for it as long as they arrive."""

    def __init__(self, engine: sa.Engine, memory: Memory) -> None:
        # Ours alone: requests keep all the connections of their pool.
        self._engine = create_engine(engine.url, KEEPALIVE, poolclass=sa.NullPool)
        self._memory = memory

    def start(self) -> None:
        threading.Thread(target=self._run, name="page-cache", daemon=True).start()

    def _run(self) -> None:
        said = None
        while True:
            try:
                self._follow()
            except (sa.exc.SQLAlchemyError, psycopg2.Error, OSError) as error:
                self._memory.distrust()
                reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
                if reason != said:
                    log.warning("No page is kept until changes are heard of again. %s", reason)
                    said = reason
            except Exception:
                self._memory.distrust()
                log.exception("No page is kept until changes are heard of again")
            time.sleep(RETRY_SECONDS)

    def _follow(self) -> None:
        pooled = self._engine.raw_connection()
        driver: Any = pooled.driver_connection
        pooled.detach()
        with closing(driver):
            driver.autocommit = True
            cursor = driver.cursor()
            cursor.execute("SET application_name = 'community-rule pages'")
            cursor.execute(f"LISTEN {CHANNEL}")
            self._prove(driver, cursor)
            log.info("Public pages are kept in memory")
            while True:
                asked = time.monotonic()
                # What was notified before the server answers has arrived with the answer.
                cursor.execute("SELECT 1")
                self._take(driver)
                self._memory.trust(asked + TRUST_SECONDS)
                while (left := asked + BEAT_SECONDS - time.monotonic()) > 0:
                    self._wait(driver, left)
                    self._take(driver)

    def _prove(self, driver: Any, cursor: Any) -> None:
        """Hear a notification of our own. Raises `TimeoutError` behind a pooler that does not pass them on."""
        proof = f"{PROOF}{uuid4()}"
        cursor.execute("SELECT pg_notify(%s, %s)", (CHANNEL, proof))
        deadline = time.monotonic() + TRUST_SECONDS
        while proof not in self._take(driver):
            if time.monotonic() > deadline:
                raise TimeoutError("The database does not pass notifications on.")
            self._wait(driver, 1)

    def _wait(self, driver: Any, seconds: float) -> None:
        if select.select([driver], [], [], seconds)[0]:
            driver.poll()

    def _take(self, driver: Any) -> list[str]:
        """Forget what the notifications that have arrived say; their texts."""
        payloads = [each.payload for each in driver.notifies]
        driver.notifies.clear()
        changed = [payload for payload in payloads if not payload.startswith(PROOF)]
        if "" in changed:
            self._memory.forget(None)
        elif changed:
            self._memory.forget({UUID(payload) for payload in changed})
        return payloads
