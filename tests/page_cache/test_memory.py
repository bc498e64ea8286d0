"""What is kept, for how long, and what pushes out what."""

from __future__ import annotations

import time
from datetime import date
from uuid import UUID

import pytest

from cr.page_cache.memory import OVERHEAD, Memory, Page

ELM, OAK = UUID(int=1), UUID(int=2)
TODAY, TOMORROW = date(2026, 3, 12), date(2026, 3, 13)
ROOM = 100 * OVERHEAD


def page(rule: UUID | None = ELM, body: bytes = b"Elm") -> Page:
    return Page([("ETag", '"1"')], body, "1", None, rule, TODAY)


@pytest.fixture
def memory() -> Memory:
    """Room for a hundred small pages, and somebody who vouches for it."""
    memory = Memory(ROOM)
    memory.trust(time.monotonic() + 3600)
    return memory


def keep(memory: Memory, path: str, kept: Page) -> None:
    ticket = memory.ticket()
    assert ticket is not None
    memory.put((path, ""), kept, ticket)


def paths(memory: Memory, *asked: str) -> list[str]:
    return [path for path in asked if memory.get((path, ""), TODAY)]


def test_a_page_is_kept_at_its_address_and_query(memory: Memory) -> None:
    keep(memory, "/elm", page())
    assert memory.get(("/elm", ""), TODAY) == page()
    assert memory.get(("/elm", "before=3"), TODAY) is None
    assert memory.get(("/oak", ""), TODAY) is None
    assert memory.figures().hits == 1


def test_a_rules_change_takes_its_pages_and_those_of_every_rule(memory: Memory) -> None:
    keep(memory, "/elm", page(ELM))
    keep(memory, "/oak", page(OAK))
    keep(memory, "/rules", page(None))
    memory.forget({ELM})
    assert paths(memory, "/elm", "/oak", "/rules") == ["/oak"]
    memory.forget(None)
    assert paths(memory, "/oak") == []
    assert memory.figures().bytes == 0


def test_what_may_have_been_read_before_a_change_is_not_kept(memory: Memory) -> None:
    ticket = memory.ticket()
    memory.forget({ELM})
    assert ticket is not None
    memory.put(("/elm", ""), page(), ticket)
    assert paths(memory, "/elm") == []


def test_a_page_is_for_the_day_on_which_it_was_made(memory: Memory) -> None:
    keep(memory, "/elm", page())
    assert memory.get(("/elm", ""), TOMORROW) is None


def test_the_pages_that_nobody_asked_for_longest_go_first(memory: Memory) -> None:
    tenth = b"x" * (ROOM // 10 - OVERHEAD)
    for number in range(10):
        keep(memory, f"/{number}", page(body=tenth))
    assert paths(memory, "/0") == ["/0"]
    keep(memory, "/more", page(body=tenth))
    # A tenth of the room stays free, so that the next one pushes out nothing.
    assert paths(memory, "/0", "/1", "/2", "/3", "/more") == ["/0", "/3", "/more"]
    keep(memory, "/another", page(body=tenth))
    assert paths(memory, "/0", "/3", "/more", "/another") == ["/0", "/3", "/more", "/another"]
    assert memory.figures().bytes <= ROOM
    assert memory.figures().pages == 10


def test_a_page_that_is_made_again_counts_once(memory: Memory) -> None:
    keep(memory, "/elm", page())
    before = memory.figures().bytes
    keep(memory, "/elm", page())
    assert memory.figures().bytes == before


def test_a_page_that_would_push_out_too_many_is_not_kept(memory: Memory) -> None:
    keep(memory, "/elm", page())
    keep(memory, "/long", page(body=b"x" * (ROOM // 8)))
    assert paths(memory, "/elm", "/long") == ["/elm"]


def test_nothing_is_kept_or_given_while_nobody_vouches(memory: Memory) -> None:
    keep(memory, "/elm", page())
    ticket = memory.ticket()
    memory.distrust()
    assert memory.ticket() is None
    assert paths(memory, "/elm") == []

    memory.trust(time.monotonic() + 3600)
    assert ticket is not None
    memory.put(("/elm", ""), page(), ticket)
    assert paths(memory, "/elm") == []


def test_a_word_that_came_too_late_brings_nothing_back(memory: Memory) -> None:
    keep(memory, "/elm", page())
    memory.trust(time.monotonic() - 1)
    assert paths(memory, "/elm") == []
    memory.trust(time.monotonic() + 3600)
    assert paths(memory, "/elm") == []


def test_a_word_in_time_leaves_everything_in_its_place(memory: Memory) -> None:
    keep(memory, "/elm", page())
    memory.trust(time.monotonic() + 7200)
    assert paths(memory, "/elm") == ["/elm"]


def test_without_room_nothing_is_kept() -> None:
    memory = Memory(0)
    memory.trust(time.monotonic() + 3600)
    assert memory.ticket() is None
