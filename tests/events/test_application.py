"""Commands on a real log: long drafts open at once, and a snapshot is never believed over the log."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa

from cr.errors import NotFound
from cr.events.application import Rules
from cr.events.draft import SNAPSHOT_EVERY, DraftSnapshot
from cr.events.rule import SNAPSHOT_EVERY as RULE_SNAPSHOT_EVERY
from cr.events.store import snapshots

ADA = UUID(int=1)
NOON = datetime(2026, 3, 12, 12, tzinfo=UTC)


@contextmanager
def rules(engine: sa.Engine) -> Iterator[Rules]:
    with engine.begin() as connection:
        yield Rules(lambda: nullcontext(connection))


@pytest.fixture
def long_draft(engine: sa.Engine) -> UUID:
    """A draft of one event more than two snapshots."""
    with rules(engine) as app:
        draft_id = app.start_draft(ADA, NOON, {"title": "0"})
        for number in range(1, 2 * SNAPSHOT_EVERY + 1):
            app.write_draft(draft_id, ADA, NOON, {"title": str(number)})
    return draft_id


def kept(engine: sa.Engine) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.scalars(sa.select(snapshots.c.originator_version).order_by(snapshots.c.position)))


def test_a_long_draft_is_read_from_its_newest_snapshot_on(engine: sa.Engine, long_draft: UUID) -> None:
    assert kept(engine) == [SNAPSHOT_EVERY, 2 * SNAPSHOT_EVERY]
    statements: list[Any] = []
    sa.event.listen(engine, "after_cursor_execute", lambda *event: statements.append(event[1].rowcount))
    with rules(engine) as app:
        assert app.draft(long_draft).title == str(2 * SNAPSHOT_EVERY)
    assert statements == [1, 1, 1], "the snapshot, its key, one event"


def test_any_version_is_read_with_and_without_snapshots_alike(engine: sa.Engine, long_draft: UUID) -> None:
    versions = (1, SNAPSHOT_EVERY - 1, SNAPSHOT_EVERY, SNAPSHOT_EVERY + 1, 2 * SNAPSHOT_EVERY + 1)
    with rules(engine) as app:
        found = [app.draft(long_draft, version) for version in versions]
    with engine.begin() as connection:
        connection.execute(sa.delete(snapshots))
    with rules(engine) as app:
        assert [app.draft(long_draft, version) for version in versions] == found
    assert [draft.title for draft in found] == [str(version - 1) for version in versions]


def test_a_snapshot_of_other_code_is_passed_over(engine: sa.Engine, long_draft: UUID) -> None:
    with engine.begin() as connection:
        connection.execute(
            sa.update(snapshots).values(topic="draft.Snapshot.older", state='{"draft": "of another shape"}')
        )
    with rules(engine) as app:
        assert app.draft(long_draft).title == str(2 * SNAPSHOT_EVERY)


def test_a_version_that_is_not_there_is_not_found(engine: sa.Engine, long_draft: UUID) -> None:
    with rules(engine) as app:
        for version in (0, 2 * SNAPSHOT_EVERY + 2):
            with pytest.raises(NotFound):
                app.draft(long_draft, version)
        with pytest.raises(NotFound):
            app.draft(UUID(int=99))


def test_a_snapshot_is_the_state_itself(engine: sa.Engine, long_draft: UUID) -> None:
    with rules(engine) as app:
        draft = app.draft(long_draft)
        mapper = app.mapper
    snapshot = DraftSnapshot(originator_id=draft.id, originator_version=draft.version, draft=draft)
    assert mapper.to_domain_event(mapper.to_stored_event(snapshot)).draft == draft


def test_a_rule_of_many_revisions_is_read_from_its_newest_snapshot_on(engine: sa.Engine) -> None:
    stakeholder = UUID(int=7)
    with rules(engine) as app:
        rule = app.publish_rule(ADA, NOON, "0", None, {}, stakeholders=[stakeholder])
        for number in range(1, RULE_SNAPSHOT_EVERY):
            app.revise_rule(rule.id, ADA, NOON, str(number), None, {})
        found = app.rule(rule.id)
    assert kept(engine) == [RULE_SNAPSHOT_EVERY]
    with engine.begin() as connection:
        connection.execute(sa.delete(snapshots))
    with rules(engine) as app:
        assert app.rule(rule.id) == found
    assert (found.title, found.revision, found.stakeholders) == (
        str(RULE_SNAPSHOT_EVERY - 1),
        RULE_SNAPSHOT_EVERY,
        {stakeholder: None},
    )


def test_a_draft_is_no_rule_and_a_rule_no_draft(engine: sa.Engine) -> None:
    with rules(engine) as app:
        draft = app.start_draft(ADA, NOON)
        rule = app.publish_rule(ADA, NOON, "Elm", None, {}).id
        with pytest.raises(NotFound):
            app.rule(draft)
        with pytest.raises(NotFound):
            app.draft(rule)
