"""How much is kept of what revisions changed."""

from __future__ import annotations

from uuid import UUID

from cr.views.changes import Kept

ELM = UUID(int=1)
LONG = ["x" * 1000]


def test_the_sentences_that_nobody_asked_for_longest_go_first() -> None:
    kept = Kept(room=4000)
    for revision in (2, 3, 4):
        kept.put((ELM, revision), LONG)
    assert kept.get((ELM, 2)) == LONG
    kept.put((ELM, 5), LONG)
    assert [kept.get((ELM, revision)) for revision in (2, 3, 4, 5)] == [LONG, None, LONG, LONG]


def test_what_is_kept_twice_counts_once() -> None:
    kept = Kept(room=3000)
    for revision in (2, 3, 2, 3):
        kept.put((ELM, revision), LONG)
    assert [kept.get((ELM, revision)) for revision in (2, 3)] == [LONG, LONG]


def test_what_has_no_room_at_all_pushes_itself_out() -> None:
    kept = Kept(room=100)
    kept.put((ELM, 2), [])
    assert kept.get((ELM, 2)) is None
