"""The commands: what a person can do to drafts and rules.

Each loads what it needs, lets the aggregate decide, appends the events, and has them projected, all in the caller's
transaction. Nothing here knows of requests; `request.rules` is this application on the request's own connection.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime
from functools import partial
from itertools import chain
from typing import Any, TypeVar, cast
from uuid import UUID, uuid4

import sqlalchemy as sa
from eventsourcing.application import AggregateNotFoundError, Application
from eventsourcing.persistence import (
    EventStore,
    IntegrityError,
    Mapper,
    MapperDeserialisationError,
    OperationalError,
    Recording,
)
from eventsourcing.utils import Environment
from pyramid_retry import mark_error_retryable
from sqlalchemy.dialects import postgresql

from cr import page_cache, projections
from cr.accounts import draft_addresses, join_links, stakeholders
from cr.db import one_at_a_time
from cr.errors import Conflict, Forbidden, NotFound, ValidationProblem
from cr.events import draft as drafts
from cr.events import rule as rules
from cr.events.base import Event, JsonMapper, Recorded, stamped
from cr.events.document import checked_document, composed, decomposed
from cr.events.draft import Draft, DraftSnapshot
from cr.events.keys import Keys
from cr.events.payload import Choices, Payload
from cr.events.rule import Rule, RuleSnapshot
from cr.events.store import Connect, Factory, Recorder, events, snapshots
from cr.projections import organizers

S = TypeVar("S", Draft, Rule)


class Rules(Application[UUID]):
    """Drafts and rules on one connection. `actor` is always the account that acts, `at` the moment (UTC).

    Raises `cr.errors.Problem`s for what can't be done, and the library's `IntegrityError` when somebody else appended
    to the same aggregate first: try the whole command again, it will see the new state.
    """

    is_snapshotting_enabled = True

    def __init__(self, connect: Connect, changed: Callable[[Collection[UUID]], None] | None = None) -> None:
        """`changed` hears which rules have new events; without it the database tells every process."""
        self.connect = connect
        self.changed = changed or self._announce
        self.keys = Keys(connect)
        super().__init__()

    def construct_env(self, name: str, env: Any = None) -> Environment:
        """The library would copy the process's whole environment for every request."""
        return Environment(name, {"IS_SNAPSHOTTING_ENABLED": "y"})

    def construct_factory(self, env: Environment) -> Factory:
        return Factory(env, self.connect)

    def construct_mapper(self) -> Mapper[UUID]:
        return JsonMapper(self.keys.of)

    def construct_snapshot_store(self) -> EventStore[UUID]:
        return EventStore(self.mapper, Recorder(self.connect, snapshots, (DraftSnapshot.TOPIC, RuleSnapshot.TOPIC)))

    # --- Reading -----------------------------------------------------------------------------------------------------

    def draft(self, draft_id: UUID, version: int | None = None) -> Draft:
        """The draft as it is, or as it was after event `version`. Raises `NotFound`."""
        try:
            found = self.repository.get(draft_id, version=version, projector_func=drafts.project)
        except AggregateNotFoundError:
            raise NotFound() from None
        if version is not None and found.version != version:
            raise NotFound()
        return found

    def readable_draft(self, draft_id: UUID) -> Draft | None:
        """The draft as it is; None where its key is lost or its seal broken, too."""
        try:
            return self.draft(draft_id)
        except (NotFound, MapperDeserialisationError):
            return None

    def rule(self, rule_id: UUID, version: int | None = None) -> Rule:
        """The rule as it is, or as it was after event `version`. Raises `NotFound`.

        Not by the library's repository, which has all events behind the snapshot in memory at once. There may be no
        snapshot, as after a change of the code.
        """
        kept = self.snapshots.get(rule_id, lte=version, desc=True, limit=1) if self.snapshots else ()
        state = rules.project(None, cast(Iterable[Event], kept))
        full = True
        while full:
            after = state.version if state else 0
            batch = [*self.events.get(rule_id, gt=after, lte=version, limit=rules.SNAPSHOT_EVERY)]
            state = rules.project(state, cast(list[Event], batch))
            full = state is not None and len(batch) == rules.SNAPSHOT_EVERY
        if state is None:
            raise NotFound()
        return state

    def taking_part(self, rule_id: UUID, version: int) -> Rule:
        """Who took part in the rule after event `version`, and its status. Its texts are those of the first revision:
        all others stay unread, for a long life has a hundred megabytes of them.
        """
        rest = EventStore(self.mapper, Recorder(self.connect, events, rules.WITHOUT_TEXT))
        told = [*self.events.get(rule_id, lte=1), *rest.get(rule_id, gt=1, lte=version)]
        return cast(Rule, rules.project(None, cast(list[Event], told)))

    def rule_event(self, rule_id: UUID, version: int) -> Event:
        """One event of a rule that has as many."""
        return cast(Event, next(iter(self.events.get(rule_id, gt=version - 1, lte=version))))

    def draft_event(self, draft_id: UUID, version: int) -> Event:
        """One event of a draft that has as many."""
        return cast(Event, next(iter(self.events.get(draft_id, gt=version - 1, lte=version))))

    def draft_steps(self, draft_id: UUID, after: int, to: int) -> Iterator[tuple[Draft | None, Event, Draft]]:
        """(state before, event, state after) for every event behind version `after` up to version `to`."""
        state = self.draft(draft_id, after) if after else None
        for event in self.events.get(draft_id, gt=after, lte=to):
            before, state = state, drafts.evolve(state, cast(Event, event))
            yield before, cast(Event, event), cast(Draft, state)

    # --- Drafts ------------------------------------------------------------------------------------------------------

    def start_draft(self, actor: UUID, at: datetime, payload: Payload | None = None, **origin: Any) -> UUID:
        """A new draft; `origin` is `source`, `of` and `revision` of `drafts.Started`."""
        draft_id = uuid4()
        self.keys.make(draft_id)
        self.save(*drafts.start(draft_id, owner=actor, at=at, payload=dict(payload or {}), **origin))
        return draft_id

    def write_draft(
        self, draft_id: UUID, actor: UUID, at: datetime, payload: Payload, *, base_version: int | None = None
    ) -> Draft:
        """Make the draft say `payload`, written by somebody who was looking at `base_version`.

        None stands for the newest, 0 for an empty page, from before the draft was started.

        Raises `drafts.Clashes` when somebody else changed the same part since.
        """
        now = self._to_write(draft_id, actor)
        if base_version == 0:
            base = replace(now, payload={})
        else:
            base = now if base_version in (None, now.version) else self.draft(draft_id, base_version)
        return self._decide(now, drafts.write(now, base, payload), actor, at)

    def restore_draft(
        self, draft_id: UUID, actor: UUID, at: datetime, version: int, *, seen_version: int | None = None
    ) -> Draft:
        """Make the draft say what it said at `version`.

        Raises `Conflict` when it changed since `seen_version`: what somebody else wrote must not go without a word.
        """
        now = self._to_write(draft_id, actor)
        if seen_version not in (None, now.version):
            raise Conflict(
                "The draft changed after this page was shown, so nothing was restored. Look at it once more."
            )
        return self._decide(now, drafts.restore(now, self.draft(draft_id, version)), actor, at)

    def last_change(self, draft: Draft) -> Event | None:
        """The event that `undo_draft` would take back, None for nothing."""
        return drafts.last_change(draft.version, lambda version: self.draft_event(draft.id, version))

    def undo_draft(self, draft_id: UUID, actor: UUID, at: datetime, seen_version: int | None) -> Draft:
        """Take the last change back; what it said stays in the history. Raises `Conflict` when another one came since
        `seen_version`, or when there is none.
        """
        now = self._to_write(draft_id, actor)
        drafts.must_be_open(now)
        if seen_version != now.version:
            raise Conflict("The draft changed after this page was shown, so nothing was undone. Look at it once more.")
        change = self.last_change(now)
        if change is None:
            raise Conflict("There is nothing left to undo. The history has every entry, to see or to restore.")
        before = self.draft(draft_id, change.originator_version - 1)
        return self._decide(now, drafts.undo(now, change, before), actor, at)

    def discard_draft(self, draft_id: UUID, actor: UUID, at: datetime) -> Draft:
        """The addresses that came with it are erased, and links that would have let somebody in."""
        now = self._to_write(draft_id, actor)
        discarded = self._decide(now, drafts.discard(now, actor), actor, at)
        with self.connect() as connection:
            draft_addresses.erase(connection, [draft_id])
            join_links.erase(connection, join_links.join_links.c.about == draft_id)
        return discarded

    def join_draft(self, draft_id: UUID, actor: UUID, at: datetime) -> Draft:
        """`actor` becomes a writer of a new rule’s draft. Whether its owner wants that is for the caller to know."""
        now = self.draft(draft_id)
        return self._decide(now, drafts.join(now, actor), actor, at)

    def remove_writer(self, draft_id: UUID, actor: UUID, at: datetime, writer: UUID) -> None:
        (now,) = self._outlines([draft_id])
        self.save(*stamped(drafts.remove_writer(now, actor, writer), of=now.id, after=now.version, actor=actor, at=at))

    def pass_on_drafts(self, heirs: Mapping[UUID, UUID], actor: UUID, at: datetime) -> None:
        """{draft: another writer, who is its owner from now on}

        The addresses that came with it are erased: they were for its owner's eyes.
        """
        facts = {now: drafts.pass_on(now, actor, heirs[now.id]) for now in self._outlines(heirs)}
        self._append_each(facts, actor, at)
        with self.connect() as connection:
            draft_addresses.erase(connection, [now.id for now, passed_on in facts.items() if passed_on])

    def erase_drafts(self, draft_ids: Collection[UUID], actor: UUID, at: datetime) -> None:
        """Make drafts of `actor` unreadable for ever and for everybody, whether open, published or discarded, and
        whether anybody can read them now or not.

        The addresses that came with them are erased as well. What was published of them stays. Nothing happens to those
        that they erased before.
        """
        # Appended first: who is about to write the draft, with the key that they have read, has the same number.
        self._append_each({now: drafts.erase(now, actor) for now in self._outlines(draft_ids)}, actor, at)
        self.keys.erase(draft_ids)
        with self.connect() as connection:
            connection.execute(sa.delete(snapshots).where(snapshots.c.originator_id.in_(draft_ids)))
            draft_addresses.erase(connection, draft_ids)

    def _append_each(
        self, facts: Mapping[drafts.Outline, Sequence[drafts.DraftEvent]], actor: UUID, at: datetime
    ) -> None:
        """All at once: who leaves may have hundreds of drafts."""
        each = (stamped(some, of=now.id, after=now.version, actor=actor, at=at) for now, some in facts.items())
        self.save(*chain.from_iterable(each))

    def _outlines(self, draft_ids: Collection[UUID]) -> list[drafts.Outline]:
        """By two queries, however many. Raises `NotFound` when there was no such draft."""
        whose = events.c.originator_id.in_(draft_ids)
        last = sa.select(events.c.originator_id, sa.func.max(events.c.originator_version)).where(whose)
        state = sa.cast(events.c.state, postgresql.JSON)
        columns = [state[name].astext.label(name) for name in ("actor", "owner", "writer")]
        told = sa.select(events.c.originator_id, events.c.topic, *columns).where(
            whose, events.c.topic.in_([kind.TOPIC for kind in drafts.OUTLINED])
        )
        found: dict[UUID, drafts.Outline] = {}
        with self.connect() as connection:
            versions = {row[0]: row[1] for row in connection.execute(last.group_by(events.c.originator_id))}
            for draft, kind, actor, *accounts in connection.execute(told.order_by(events.c.position)):
                if kind == drafts.Started.TOPIC:
                    found[draft] = drafts.Outline(draft, versions[draft], UUID(actor))
                else:
                    whom = next(filter(None, accounts), None)
                    found[draft] = drafts.outlined(found[draft], kind, UUID(whom) if whom else None)
        if found.keys() != set(draft_ids):
            raise NotFound()
        return [*found.values()]

    def edit_rule(self, rule_id: UUID, actor: UUID, at: datetime) -> UUID:
        """A draft that begins with the rule as it stands, to become its next revision."""
        self._to_organize(rule_id, actor)
        rule = self.rule(rule_id)
        rules.must_be_published(rule)
        payload = decomposed(rule.title, rule.summary, rule.document)
        return self.start_draft(actor, at, payload, source="revision", of=str(rule_id), revision=rule.revision)

    def copy_rule(self, rule_id: UUID, actor: UUID, at: datetime, version: int | None = None) -> UUID:
        """A draft of a new rule that begins with the text of anybody's published rule, as it was after event `version`
        or as it is.
        """
        rule = self.rule(rule_id)
        rules.must_be_published(rule)
        if version is not None:
            rule = cast(Rule, rules.evolve(rule, self.rule_event(rule_id, version)))
        payload = decomposed(rule.title, rule.summary, rule.document)
        return self.start_draft(actor, at, payload, source="remix", of=str(rule_id), revision=rule.revision)

    def copy_draft(self, draft_id: UUID, actor: UUID, at: datetime) -> UUID:
        """A draft of a new rule with the text of one of a rule's next revision, which stays the basis."""
        draft = self.draft(draft_id)
        if draft.rule is None:
            raise Conflict("This draft is of a new rule already. Go on with it.")
        origin = {"source": "remix", "of": str(draft.rule), "revision": draft.revision}
        return self.start_draft(actor, at, draft.payload, **origin)

    def rebase_draft(self, draft_id: UUID, actor: UUID, at: datetime, choices: Choices) -> Draft:
        """Bring a draft of a rule's next revision together with what was published since it was begun.

        Nothing happens when nothing was. Raises `drafts.Clashes` where both changed the same part and `choices` (as in
        `payload.brought_together`) does not say which stays.
        """
        draft = self._to_write(draft_id, actor)
        rule = self.rule(draft.rule) if draft.rule else None
        if rule is None or draft.revision == rule.revision:
            return draft
        rules.must_be_published(rule)
        return self._decide(draft, self._rebased(draft, rule, choices), actor, at)

    def clashes(self, draft_id: UUID) -> drafts.Clashes | None:
        """Where a draft of a rule's next revision and what was published since it was begun changed the same part."""
        draft = self.draft(draft_id)
        try:
            if draft.rule is not None:
                self._rebased(draft, self.rule(draft.rule), {})
        except drafts.Clashes as clashes:
            return clashes
        return None

    def _rebased(self, draft: Draft, rule: Rule, choices: Choices) -> list[drafts.DraftEvent]:
        base = self.draft(draft.id, draft.based_at)
        theirs = decomposed(rule.title, rule.summary, rule.document)
        return drafts.rebase(draft, base, rule.revision, theirs, choices)

    # --- Rules -------------------------------------------------------------------------------------------------------

    def publish_draft(
        self,
        draft_id: UUID,
        actor: UUID,
        at: datetime,
        *,
        seen_version: int | None = None,
        stakeholders: Iterable[UUID] = (),
        **decision: Any,
    ) -> Rule:
        """Publish a draft as a new rule, or as the next revision of the rule it was started from.

        `seen_version` is the version that the person agreed to publish; `decision` as in `rules.revise`.
        Who writes the draft of a new rule organizes the rule. Raises `Conflict` when the draft or the rule moved on
        since.
        """
        draft = self.draft(draft_id)
        if seen_version is not None and seen_version != draft.version:
            raise Conflict("The draft changed after this page was shown. Read it once more, then publish.")
        document = checked_document(composed(draft.payload))
        if not document["sections"]:
            raise ValidationProblem("Write at least one section first.")
        title, summary = draft.title, draft.payload.get("summary")
        rule = None if draft.rule is None else self.rule(draft.rule)
        if rule is None:
            drafts.must_be_owner(draft, actor)
            rule_id = uuid4()
            closing = drafts.publish(draft, rule_id, 1)
            origin = {"copied_from": draft.copied_from, "copied_revision": draft.copied_revision}
            facts = rules.publish(title, summary, document, draft=draft_id, **origin, **decision)
            facts += [rules.OrganizerJoined(organizer=each) for each in sorted(draft.writers)]
            facts += [rules.StakeholderInvited(stakeholder=each) for each in stakeholders]
            published = stamped(facts, of=rule_id, after=0, actor=actor, at=at)
        else:
            closing = drafts.publish(draft, rule.id, rule.revision + 1)
            facts = rules.revise(
                rule, actor, title, summary, document, based_on=draft.revision, draft=draft_id, **decision
            )
            if not facts:
                raise Conflict(f"This draft says the same as revision {rule.revision}. Change something first.")
            published = stamped(facts, of=rule.id, after=rule.version, actor=actor, at=at)
        closed = stamped(closing, of=draft_id, after=draft.version, actor=actor, at=at)
        self.save(*published, *closed)
        return cast(Rule, rules.project(None, published)) if rule is None else self._after(rule, published)

    def publish_rule(
        self,
        actor: UUID,
        at: datetime,
        title: str,
        summary: str | None,
        document: dict[str, Any],
        *,
        stakeholders: Iterable[UUID] = (),
        **origin: Any,
    ) -> Rule:
        """Publish a document that was written elsewhere as a new rule, and invite stakeholders to it."""
        rule_id = uuid4()
        facts = rules.publish(title, summary, document, **origin)
        facts += [rules.StakeholderInvited(stakeholder=each) for each in stakeholders]
        published = stamped(facts, of=rule_id, after=0, actor=actor, at=at)
        self.save(*published)
        return cast(Rule, rules.project(None, published))

    def revise_rule(
        self,
        rule_id: UUID,
        actor: UUID,
        at: datetime,
        title: str,
        summary: str | None,
        document: dict[str, Any],
        **decision: Any,
    ) -> Rule:
        """The next revision; the rule as it is when the text is the same."""
        rule = self.rule(rule_id)
        return self._decide(rule, rules.revise(rule, actor, title, summary, document, **decision), actor, at)

    def duplicate_rule(self, rule_id: UUID, actor: UUID, at: datetime) -> Rule:
        """The owner's copy of an own rule, published as a rule of its own."""
        rule = self.rule(rule_id)
        rules.must_be_owner(rule, actor)
        suffix = " (Copy)"
        title = rule.title[: rules.TITLE_MOST - len(suffix)] + suffix
        origin: dict[str, Any] = {"copied_from": rule_id, "copied_revision": rule.revision}
        return self.publish_rule(actor, at, title, rule.summary, rule.document, **origin)

    def withdraw_rule(self, rule_id: UUID, actor: UUID | None, at: datetime, reason: str | None = None) -> Rule:
        """`actor` None stands for the people who run the site. Whom it invited in vain is erased: nobody can look after
        them any more, and no mail must ask somebody to what is gone.
        """
        rule = self.rule(rule_id)
        withdrawn = self._decide(rule, rules.withdraw(rule, actor, reason), actor, at)
        with self.connect() as connection:
            stakeholders.erase_pending(connection, rule_id)
            join_links.erase(connection, join_links.join_links.c.about == rule_id)
        return withdrawn

    def release_owner(self, rule_id: UUID, actor: UUID, at: datetime) -> Rule:
        """The rule of `actor` stays, withdrawn or not, without an owner."""
        rule = self.rule(rule_id)
        return self._decide(rule, rules.release_owner(rule, actor), actor, at)

    def pass_on_rule(self, rule_id: UUID, actor: UUID, at: datetime, to: UUID) -> bool:
        """Make another organizer the owner; False when they are it already.

        Nobody may write less by it, so nobody who writes has to be waited for.
        """
        rule = self.rule(rule_id)
        facts = rules.pass_on(rule, actor, to)
        self._decide(rule, facts, actor, at)
        return bool(facts)

    def join_rule(self, rule_id: UUID, actor: UUID, at: datetime) -> Rule:
        """`actor` becomes an organizer of the rule. Whether the owner wants that is for the caller to know."""
        rule = self.rule(rule_id)
        return self._decide(rule, rules.join(rule, actor), actor, at)

    def remove_organizer(self, rule_id: UUID, actor: UUID, at: datetime, organizer: UUID) -> Rule:
        # Whoever is writing a draft of the rule is done first, and finds out next that they may no more.
        with self.connect() as connection:
            one_at_a_time(connection, rule_id)
        rule = self.rule(rule_id)
        return self._decide(rule, rules.remove_organizer(rule, actor, organizer), actor, at)

    def invite_stakeholders(self, rule_id: UUID, actor: UUID, at: datetime, *stakeholders: UUID) -> Rule:
        """Each under a new id. Whom it means is for the caller to keep, see `cr.accounts.stakeholders`."""
        rule = self.rule(rule_id)
        return self._decide(rule, rules.invite(rule, actor, *stakeholders), actor, at)

    def accept_stakeholder(self, rule_id: UUID, actor: UUID, at: datetime, stakeholder: UUID) -> Rule:
        """`actor` is the stakeholder from now on. Whether it was them who was invited is for the caller to know."""
        rule = self.rule(rule_id)
        return self._decide(rule, rules.accept(rule, stakeholder), actor, at)

    def remove_stakeholder(self, rule_id: UUID, actor: UUID, at: datetime, stakeholder: UUID) -> Rule:
        """By the owner, or by the stakeholder, who leaves."""
        rule = self.rule(rule_id)
        return self._decide(rule, rules.remove(rule, actor, stakeholder), actor, at)

    def decline_stakeholder(self, rule_id: UUID, actor: UUID, at: datetime, stakeholder: UUID) -> Rule:
        """The invitation was for `actor`, which is for the caller to know, and is taken back by them."""
        rule = self.rule(rule_id)
        return self._decide(rule, rules.decline(rule, actor, stakeholder), actor, at)

    # --- Writing -----------------------------------------------------------------------------------------------------

    def _to_write(self, draft_id: UUID, actor: UUID) -> Draft:
        """The draft, for its next event to be `actor`'s. Raises `Forbidden`."""
        draft = self.draft(draft_id)
        if draft.rule is None:
            # Whoever is removed at the same moment is so by an event of the same draft: one of both comes first.
            drafts.must_be_writer(draft, actor)
        else:
            self._to_organize(draft.rule, actor)
        return draft

    def _to_organize(self, rule_id: UUID, actor: UUID) -> None:
        """Until the end of the transaction nobody is removed from the rule's organizers. Raises `Forbidden` when
        `actor` is none of them.
        """
        with self.connect() as connection:
            one_at_a_time(connection, rule_id, shared=True)
            if not organizers.includes(connection, rule_id, actor):
                raise Forbidden("Only this rule’s organizers can change it.")

    def _decide(self, state: S, facts: Sequence[Event], actor: UUID | None, at: datetime) -> S:
        events = stamped(facts, of=state.id, after=state.version, actor=actor, at=at)
        self.save(*events)
        return self._after(state, events)

    def _after(self, state: S, events: Sequence[Event]) -> S:
        """The state after new events, which are saved; kept as a snapshot now and then."""
        project: Any = drafts.project if isinstance(state, Draft) else rules.project
        result: S = project(state, events)
        every = drafts.SNAPSHOT_EVERY if isinstance(result, Draft) else rules.SNAPSHOT_EVERY
        if self.snapshots is not None and state.version // every < result.version // every:
            header: Any = {
                "originator_id": result.id,
                "originator_version": result.version,
                "at": result.updated_at,
            }
            if isinstance(result, Draft):
                self.snapshots.put([DraftSnapshot(draft=result, **header)])
            else:
                self.snapshots.put([RuleSnapshot(rule=result, **header)])
        return result

    def save(self, *objs: Any, **kwargs: Any) -> list[Recording[UUID]]:
        """Append, then project: in the other order two writers of one aggregate would deadlock."""
        recordings = super().save(*objs, **kwargs)
        with self.connect() as connection:
            projections.apply(
                connection,
                [Recorded(each.notification.id, cast(Event, each.domain_event)) for each in recordings],
            )
        events = [each.domain_event for each in recordings]
        changed = {event.originator_id for event in events if isinstance(event, rules.RuleEvent)}
        # The page of a rule lists those that began with it.
        changed |= {event.copied_from for event in events if isinstance(event, rules.Published) and event.copied_from}
        if changed:
            self.changed(changed)
        return recordings

    def _announce(self, changed: Collection[UUID]) -> None:
        with self.connect() as connection:
            page_cache.announce(connection, changed)


def _rules(request: Any) -> Rules:
    connection: sa.Connection = request.dbsession.connection()
    return Rules(lambda: nullcontext(connection), partial(page_cache.forget, request))


def includeme(config: Any) -> None:
    # Both mean that another writer was in the way; the second try sees what the other wrote.
    mark_error_retryable(IntegrityError)
    mark_error_retryable(OperationalError)
    config.add_request_method(_rules, "rules", reify=True)
