"""A draft: the work of one person, or of several, towards a rule or towards the next revision of one.

Its events are what an organizer would say happened. A whole payload that arrives at once becomes, by `explain`, the
events that explain the difference.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import reduce
from typing import Any, Literal, Protocol
from uuid import UUID

from cr.catalog import labels as catalog_labels
from cr.catalog import sections
from cr.catalog.sections import BY_KEY, FACETS, SECTIONS, VALUES, Section
from cr.errors import Conflict, Forbidden, NoRoom, NotFound, ValidationProblem
from cr.events import payload
from cr.events.base import Event, Sealed, stamped
from cr.events.document import aligned
from cr.events.payload import (
    ABSENT,
    BLOCKS,
    META,
    PRIVATE,
    SELECTIONS,
    Choices,
    Clash,
    Payload,
    brought_together,
    labels_of,
    merged,
    same,
)
from cr.fingerprint import fingerprint

Source = Literal["blank", "template", "revision", "remix", "use-case", "guest"]


@dataclass(frozen=True, kw_only=True)
class DraftEvent(Event):
    TOPIC = "draft"
    sealed = True


@dataclass(frozen=True, kw_only=True)
class Started(DraftEvent):
    """`of` names what it began from: a template's or use case's slug, or a rule's id with its `revision`."""

    TOPIC = "draft.Started"
    owner: UUID
    source: Source = "blank"
    of: str | None = None
    revision: int | None = None
    payload: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Named(DraftEvent):
    TOPIC = "draft.Named"
    title: str | None


@dataclass(frozen=True, kw_only=True)
class Summarized(DraftEvent):
    TOPIC = "draft.Summarized"
    summary: str | None


@dataclass(frozen=True, kw_only=True)
class ContextWritten(DraftEvent):
    TOPIC = "draft.ContextWritten"
    context: str | None


@dataclass(frozen=True, kw_only=True)
class CommunityDescribed(DraftEvent):
    """The answers to one question about the community; `facet` is the payload's key, an empty list takes it back."""

    TOPIC = "draft.CommunityDescribed"
    facet: str
    answers: list[str]


@dataclass(frozen=True, kw_only=True)
class PhotoAttached(DraftEvent):
    """`url` None takes the photo off."""

    TOPIC = "draft.PhotoAttached"
    url: str | None


@dataclass(frozen=True, kw_only=True)
class PhotoDescribed(DraftEvent):
    """What the photo shows, for those who do not see it."""

    TOPIC = "draft.PhotoDescribed"
    words: str | None


@dataclass(frozen=True, kw_only=True)
class ValueChosen(DraftEvent):
    TOPIC = "draft.ValueChosen"
    value: str
    label: str


@dataclass(frozen=True, kw_only=True)
class ValueDescribed(DraftEvent):
    """The fields that changed, each with its new text; None takes a field away."""

    TOPIC = "draft.ValueDescribed"
    value: str
    label: str
    fields: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class ValueDropped(DraftEvent):
    TOPIC = "draft.ValueDropped"
    value: str
    label: str


@dataclass(frozen=True, kw_only=True)
class ValuesOrdered(DraftEvent):
    TOPIC = "draft.ValuesOrdered"
    values: list[str]


@dataclass(frozen=True, kw_only=True)
class MethodChosen(DraftEvent):
    """`section` is a key of `cr.catalog.sections`, here and in the other method events."""

    TOPIC = "draft.MethodChosen"
    section: str
    method: str
    label: str


@dataclass(frozen=True, kw_only=True)
class MethodDescribed(DraftEvent):
    """The fields that changed, each with its new text; None takes a field away."""

    TOPIC = "draft.MethodDescribed"
    section: str
    method: str
    label: str
    fields: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class MethodDropped(DraftEvent):
    TOPIC = "draft.MethodDropped"
    section: str
    method: str
    label: str


@dataclass(frozen=True, kw_only=True)
class MethodsOrdered(DraftEvent):
    TOPIC = "draft.MethodsOrdered"
    section: str
    methods: list[str]


@dataclass(frozen=True, kw_only=True)
class CustomMethodWritten(DraftEvent):
    """A group's own method: its name and line of description (`meta`) and its field `blocks`; None takes them away."""

    TOPIC = "draft.CustomMethodWritten"
    method: str
    label: str
    meta: dict[str, Any] | None
    blocks: list[dict[str, Any]] | None


@dataclass(frozen=True, kw_only=True)
class ExtraAnswered(DraftEvent):
    """A key of the payload that has no event of its own; `given` False takes it away."""

    TOPIC = "draft.ExtraAnswered"
    key: str
    value: Any = None
    given: bool = True


@dataclass(frozen=True, kw_only=True)
class Restored(DraftEvent):
    """The text as it was at `version` is the text again; and in a draft that went on from a later revision meanwhile,
    the `revision` it was then written on, and since which version (`based_at`). `undid` is the number of the event that
    somebody took back by it, None where they chose the version themselves.
    """

    TOPIC = "draft.Restored"
    version: int
    payload: dict[str, Any]
    revision: int | None = None
    based_at: int | None = None
    undid: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rebased(DraftEvent):
    """The draft begins anew from the rule's later `revision`, whose text is `payload`. The events behind it say once
    more what the draft changes.
    """

    TOPIC = "draft.Rebased"
    revision: int
    payload: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Published(DraftEvent):
    TOPIC = "draft.Published"
    sealed = False
    rule: UUID
    revision: int


@dataclass(frozen=True, kw_only=True)
class Discarded(DraftEvent):
    TOPIC = "draft.Discarded"
    sealed = False


@dataclass(frozen=True, kw_only=True)
class PassedOn(DraftEvent):
    """Another writer is its owner from now on."""

    TOPIC = "draft.PassedOn"
    sealed = False
    owner: UUID


@dataclass(frozen=True, kw_only=True)
class Erased(DraftEvent):
    """The last event of a draft whose key is erased with it: nothing that it said can be read again."""

    TOPIC = "draft.Erased"
    sealed = False


@dataclass(frozen=True, kw_only=True)
class WriterJoined(DraftEvent):
    """`writer` is an account: it may write the draft of a new rule beside its owner."""

    TOPIC = "draft.WriterJoined"
    sealed = False
    writer: UUID


@dataclass(frozen=True, kw_only=True)
class WriterRemoved(DraftEvent):
    """By the owner, or by the writer, who leaves."""

    TOPIC = "draft.WriterRemoved"
    sealed = False
    writer: UUID


PEOPLE = (WriterJoined, WriterRemoved, PassedOn)
"""Events that change who writes it, and write nothing."""

WRITERS_MOST = 30

NOT_A_WRITER = "You don’t write this draft, or no longer. Copy what you wrote, and ask its owner."


@dataclass(frozen=True)
class Draft:
    """The state of a draft after event number `version`.

    `writers` are the accounts that write the draft of a new rule beside its owner; who writes the next revision of a
    rule, the rule says.

    `rule` and `revision` say what it is a new revision of, None for a new rule; after event `based_at` it said the same
    as that revision. `copied_from` and `copied_revision` say whose text a new rule began with.
    """

    id: UUID
    version: int
    owner: UUID
    status: Literal["open", "published", "discarded"]
    source: Source
    rule: UUID | None
    revision: int | None
    payload: dict[str, Any]
    started_at: datetime
    updated_at: datetime
    based_at: int = 1
    copied_from: UUID | None = None
    copied_revision: int | None = None
    writers: frozenset[UUID] = frozenset()

    @property
    def title(self) -> str:
        return str(self.payload.get("title") or "").strip()


@dataclass(frozen=True)
class Outline:
    """What the log says of a draft without its key: enough to part with one, also where nobody can read it."""

    id: UUID
    version: int
    owner: UUID
    status: Literal["open", "published", "discarded", "erased"] = "open"
    writers: frozenset[UUID] = frozenset()


OUTLINED: tuple[type[DraftEvent], ...] = (Started, *(each for each in DraftEvent.__subclasses__() if not each.sealed))
"""Kinds of events of which an outline is made; of `Started` it takes who did it, which is its owner."""


def outlined(outline: Outline, kind: str, whom: UUID | None) -> Outline:
    """The outline after an event of one of these kinds, whose only field besides the header is the account `whom`."""
    others = outline.writers - {whom}
    match kind:
        case Published.TOPIC:
            return replace(outline, status="published")
        case Discarded.TOPIC:
            return replace(outline, status="discarded")
        case Erased.TOPIC:
            return replace(outline, status="erased")
        case PassedOn.TOPIC if whom:
            return replace(outline, owner=whom, writers=others)
        case WriterJoined.TOPIC if whom:
            return replace(outline, writers=others | {whom})
        case WriterRemoved.TOPIC:
            return replace(outline, writers=others)
    return outline


@dataclass(frozen=True, kw_only=True)
class DraftSnapshot(DraftEvent):
    """Not an event but the state after one, kept beside the log so that a long draft opens at once.

    It is only as good as the code that made it, so the topic changes with that code: older ones are passed over.
    """

    TOPIC = f"draft.Snapshot.{fingerprint(__file__, payload.__file__, sections.__file__, *catalog_labels.FILES)}"
    draft: Draft


SNAPSHOT_EVERY = 200
"""Events; replaying this many takes two milliseconds."""

EVENTS = tuple(each for each in DraftEvent.__subclasses__() if each is not DraftSnapshot)
"""Every kind of event that a draft can have."""


def project(state: Draft | None, events: Iterable[Event]) -> Draft | None:
    return reduce(evolve, events, state)


def evolve(state: Draft | None, event: Event) -> Draft | None:
    """The state after `event`. Pure, and never refuses: what is in the log has happened."""
    match event:
        case Erased() | Sealed():
            return None  # one that nobody can read is to everybody as if it had never been
        case DraftSnapshot():
            return event.draft
        case Started():
            origin = UUID(event.of) if event.of and event.source in ("revision", "remix") else None
            revises, copies = event.source == "revision", event.source == "remix"
            return Draft(
                id=event.originator_id,
                version=event.originator_version,
                owner=event.owner,
                status="open",
                source=event.source,
                rule=origin if revises else None,
                revision=event.revision if revises else None,
                payload=event.payload,
                started_at=event.at,
                updated_at=event.at,
                based_at=event.originator_version,
                copied_from=origin if copies else None,
                copied_revision=event.revision if copies else None,
            )
    if state is None:
        return None  # what does not begin with Started is no draft
    state = replace(state, version=event.originator_version, updated_at=event.at)
    match event:
        case Published():
            return replace(state, status="published")
        case Discarded():
            return replace(state, status="discarded")
        case WriterJoined():
            return replace(state, writers=state.writers | {event.writer})
        case WriterRemoved():
            return replace(state, writers=state.writers - {event.writer})
        case PassedOn():
            return replace(state, owner=event.owner, writers=state.writers - {event.owner})
        case Rebased():
            return replace(state, payload=event.payload, revision=event.revision, based_at=event.originator_version)
        case Restored():
            based_at = event.based_at or state.based_at
            return replace(state, payload=event.payload, revision=event.revision or state.revision, based_at=based_at)
    return replace(state, payload=_written(state.payload, event))


def _written(payload: dict[str, Any], event: Event) -> dict[str, Any]:
    match event:
        case Named():
            return _with(payload, "title", event.title)
        case Summarized():
            return _with(payload, "summary", event.summary)
        case ContextWritten():
            return _with(payload, "communityContext", event.context)
        case PhotoAttached():
            return _with(payload, "communityAvatarUrl", event.url)
        case PhotoDescribed():
            return _with(payload, "communityAvatarAlt", event.words)
        case CommunityDescribed():
            return _with(payload, event.facet, event.answers or None)
        case ValueChosen():
            return _with(payload, VALUES.selected, [*payload.get(VALUES.selected, ()), event.value])
        case ValueDropped():
            return _with(payload, VALUES.selected, _without(payload.get(VALUES.selected, ()), event.value))
        case ValuesOrdered():
            return _with(payload, VALUES.selected, event.values)
        case ValueDescribed():
            return _with_fields(payload, VALUES.details, event.value, event.fields)
        case MethodChosen():
            key = BY_KEY[event.section].selected
            return _with(payload, key, [*payload.get(key, ()), event.method])
        case MethodDropped():
            key = BY_KEY[event.section].selected
            return _with(payload, key, _without(payload.get(key, ()), event.method))
        case MethodsOrdered():
            return _with(payload, BY_KEY[event.section].selected, event.methods)
        case MethodDescribed():
            return _with_fields(payload, BY_KEY[event.section].details, event.method, event.fields)
        case CustomMethodWritten():
            metas = _with(payload.get(META, {}), event.method, event.meta or None)
            blocks = _with(payload.get(BLOCKS, {}), event.method, event.blocks or None)
            return _with(_with(payload, META, metas or None), BLOCKS, blocks or None)
        case ExtraAnswered():
            rest = {key: value for key, value in payload.items() if key != event.key}
            return {**rest, event.key: event.value} if event.given else rest
    raise AssertionError(f"no draft event: {event!r}")


def _with(payload: Mapping[str, Any], key: str, value: Any) -> dict[str, Any]:
    """A copy that has `value` at `key`, or lacks the key when there is nothing to hold."""
    if value is None or value == []:
        return {k: v for k, v in payload.items() if k != key}
    return {**payload, key: value}


def _without(identifiers: Iterable[str], identifier: str) -> list[str]:
    return [i for i in identifiers if i != identifier]


def _with_fields(payload: dict[str, Any], key: str, identifier: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    details = payload.get(key, {})
    mine = {name: value for name, value in {**details.get(identifier, {}), **fields}.items() if value is not None}
    return _with(payload, key, _with(details, identifier, mine or None) or None)


# --- Commands: look at the state, return facts or refuse ------------------------------------------------------------


class Labels:
    """What values and methods are called in two payloads."""

    def __init__(self, before: Payload, after: Payload) -> None:
        self.before, self.after, self._nobody = labels_of(before), labels_of(after), labels_of({})

    def either(self, identifier: str) -> str:
        """The new name; the old one for something that is going away."""
        name = self.after(identifier)
        return name if name != self._nobody(identifier) else self.before(identifier)


def explain(before: Payload, after: Payload) -> list[DraftEvent]:
    """The facts that lead from one canonical payload to another; none when they say the same."""
    facts: list[DraftEvent] = []
    texts: dict[str, Callable[[str | None], DraftEvent]] = {
        "title": lambda text: Named(title=text),
        "summary": lambda text: Summarized(summary=text),
        "communityContext": lambda text: ContextWritten(context=text),
        "communityAvatarUrl": lambda text: PhotoAttached(url=text),
        "communityAvatarAlt": lambda text: PhotoDescribed(words=text),
    }
    for key, fact in texts.items():
        if before.get(key) != after.get(key):
            facts.append(fact(after.get(key)))
    for key in FACETS:
        if before.get(key) != after.get(key):
            facts.append(CommunityDescribed(facet=key, answers=after.get(key, [])))
    labels = Labels(before, after)
    facts += _explain_values(before, after, labels)
    facts += _explain_custom_methods(before, after, labels)
    for section in SECTIONS:
        facts += _explain_methods(section, before, after, labels)
    known = {*texts, *FACETS, *SELECTIONS, *PRIVATE, META, BLOCKS, VALUES.details}
    known |= {section.details for section in SECTIONS}
    for key in dict.fromkeys((*before, *after)):
        if key not in known and not same(before.get(key, ABSENT), after.get(key, ABSENT)):
            facts.append(ExtraAnswered(key=key, value=after.get(key), given=key in after))
    return facts


def _explain_values(before: Payload, after: Payload, labels: Labels) -> Iterable[DraftEvent]:
    old, new = before.get(VALUES.selected, []), after.get(VALUES.selected, [])
    had, has = set(old), set(new)
    for value in old:
        if value not in has:
            yield ValueDropped(value=value, label=labels.before(value))
    for value in new:
        if value not in had:
            yield ValueChosen(value=value, label=labels.after(value))
    if _reordered(old, new):
        yield ValuesOrdered(values=new)
    for value, fields in _changed_fields(before.get(VALUES.details, {}), after.get(VALUES.details, {})):
        yield ValueDescribed(value=value, label=labels.either(value), fields=fields)


def _explain_methods(section: Section, before: Payload, after: Payload, labels: Labels) -> Iterable[DraftEvent]:
    old, new = before.get(section.selected, []), after.get(section.selected, [])
    had, has = set(old), set(new)
    for method in old:
        if method not in has:
            yield MethodDropped(section=section.key, method=method, label=labels.before(method))
    for method in new:
        if method not in had:
            yield MethodChosen(section=section.key, method=method, label=labels.after(method))
    if _reordered(old, new):
        yield MethodsOrdered(section=section.key, methods=new)
    for method, fields in _changed_fields(before.get(section.details, {}), after.get(section.details, {})):
        yield MethodDescribed(section=section.key, method=method, label=labels.either(method), fields=fields)


def _explain_custom_methods(before: Payload, after: Payload, labels: Labels) -> Iterable[DraftEvent]:
    metas, blocks = (before.get(META, {}), after.get(META, {})), (before.get(BLOCKS, {}), after.get(BLOCKS, {}))
    for method in dict.fromkeys((*metas[0], *metas[1], *blocks[0], *blocks[1])):
        was, now = [(metas[i].get(method) or None, blocks[i].get(method) or None) for i in (0, 1)]
        if not same(was, now):
            yield CustomMethodWritten(method=method, label=labels.either(method), meta=now[0], blocks=now[1])


def _reordered(old: list[str], new: list[str]) -> bool:
    """Whether dropping the missing and then adding the new at the end would not give the wanted order."""
    had, has = set(old), set(new)
    kept = [i for i in old if i in has]
    return kept + [i for i in new if i not in had] != new


def _changed_fields(
    old: Mapping[str, Mapping[str, Any]], new: Mapping[str, Mapping[str, Any]]
) -> Iterable[tuple[str, dict[str, Any]]]:
    for identifier in dict.fromkeys((*old, *new)):
        was, now = old.get(identifier, {}), new.get(identifier, {})
        names = dict.fromkeys((*was, *now))
        changed = {name: now.get(name) for name in names if not same(was.get(name), now.get(name))}
        if changed:
            yield identifier, changed


class Text(Protocol):
    """Somebody's text as it was after a save: a draft, or what a guest keeps."""

    @property
    def version(self) -> int: ...

    @property
    def payload(self) -> dict[str, Any]: ...


class Clashes(Conflict):
    """Somebody else wrote the same parts since; `clashes` holds both texts, `theirs` is the whole as it is now."""

    default = "Somebody changed the same words while you were writing. Both texts are kept: choose below."

    def __init__(self, clashes: list[Clash], merged_payload: dict[str, Any], theirs: Text) -> None:
        super().__init__(
            clashes=[
                {"path": each.path, "base": each.base, "theirs": each.theirs, "mine": each.mine} for each in clashes
            ]
        )
        self.clashes = clashes
        self.merged = merged_payload
        self.theirs = theirs


def write(draft: Draft, base: Draft, payload: Payload) -> list[DraftEvent]:
    """Make the text what `payload` says, given that its writer was looking at `base`.

    What others changed since `base` stays; raises `Clashes` where both changed the same part, `Conflict` when the
    draft is no longer open.
    """
    must_be_open(draft)
    wanted = {key: value for key, value in payload.items() if key not in PRIVATE}
    result, clashes = merged(base.payload, draft.payload, wanted)
    if clashes:
        raise Clashes(clashes, result, draft)
    _must_fit(result, draft.payload)
    return explain(draft.payload, result)


def restore(draft: Draft, then: Draft) -> list[Restored]:
    """The text as it was; nothing when it is so already."""
    must_be_open(draft)
    if same(then.payload, draft.payload) and then.based_at == draft.based_at:
        return []
    restored = Restored(version=then.version, payload=then.payload)
    if then.based_at != draft.based_at:
        restored = replace(restored, revision=then.revision, based_at=then.based_at)
    return [restored]


LOOKED_AT_MOST = 100
"""Events in which the last change is looked for."""


def last_change(version: int, event_at: Callable[[int], Event]) -> Event | None:
    """The event that undoing takes back in a draft after event `version`; None where there is none but the beginning.

    What was undone is passed over, together with its undoing, so that undoing twice goes two changes back. To be at
    another step of the flow is no change, nor is who writes or owns it.
    """
    for _ in range(LOOKED_AT_MOST):
        match event := event_at(version):
            case Started():
                return None
            case Restored(undid=int()):
                version = event.version
            case ExtraAnswered(key=payload.STEP) | WriterJoined() | WriterRemoved() | PassedOn():
                version -= 1
            case _:
                return _rebasing(event, event_at) or event
    return None


def _rebasing(event: Event, event_at: Callable[[int], Event]) -> Rebased | None:
    """The event by which the draft went on from a later revision, if `event` says then once more what it changes."""
    for _ in range(LOOKED_AT_MOST):
        if isinstance(event, Rebased):
            return event
        earlier = event_at(event.originator_version - 1)
        if isinstance(earlier, Started) or (earlier.at, earlier.actor) != (event.at, event.actor):
            return None
        event = earlier
    return None


def undo(draft: Draft, change: Event, before: Draft) -> list[Restored]:
    """The text as it was `before` the last change."""
    return [replace(fact, undid=change.originator_version) for fact in restore(draft, before)]


def rebase(draft: Draft, base: Draft, revision: int, theirs: Payload, choices: Choices) -> list[DraftEvent]:
    """Go on from the rule's later `revision`, whose text is `theirs`, with everything that the draft changed.

    `base` is the draft as it was when it said the same as the revision that it was written on. `choices` as in
    `brought_together`. Raises `Clashes` when both changed the same part and `choices` does not say which stays.
    """
    must_be_open(draft)
    was, mine = aligned(base.payload, draft.payload, theirs)
    result, clashes = brought_together(was, theirs, mine, choices)
    if clashes:
        raise Clashes(clashes, result, draft)
    _must_fit(result, theirs)
    return [Rebased(revision=revision, payload=dict(theirs)), *explain(theirs, result)]


def join(draft: Draft, writer: UUID) -> list[DraftEvent]:
    """The writer accepts an invitation of the owner; nothing for who writes the draft already."""
    must_be_open(draft)
    if draft.rule is not None:
        raise Conflict("Whoever organizes the rule writes this draft. Join its organizers instead.")
    if writer == draft.owner or writer in draft.writers:
        return []
    if len(draft.writers) >= WRITERS_MOST:
        raise ValidationProblem(f"A draft has at most {WRITERS_MOST} writers beside its owner. Remove one first.")
    return [WriterJoined(writer=writer)]


def remove_writer(draft: Outline, actor: UUID, writer: UUID) -> list[DraftEvent]:
    """By the owner, or by the writer themself."""
    if actor not in (draft.owner, writer):
        raise Forbidden("Only the owner of this draft can remove a writer.")
    must_be_open(draft)
    return [WriterRemoved(writer=writer)] if writer in draft.writers else []


def discard(draft: Draft, actor: UUID) -> list[DraftEvent]:
    """By who began it: the others may write it, but what they discard would be gone for its owner."""
    if actor != draft.owner:
        raise Forbidden("Only the owner of this draft can discard it.")
    if draft.status == "discarded":
        return []
    must_be_open(draft)
    return [Discarded()]


def pass_on(draft: Outline, actor: UUID, to: UUID) -> list[PassedOn]:
    """Nothing when it is theirs already. Whether they write it, too, is for the caller to know."""
    if draft.status == "erased":
        raise NotFound()
    if actor != draft.owner:
        raise Forbidden("Only whose draft this is can pass it on.")
    return [] if to == draft.owner else [PassedOn(owner=to)]


def erase(draft: Outline, actor: UUID) -> list[Erased]:
    """Whether open, published or discarded; nothing when they erased it before."""
    if draft.status == "erased":
        if actor != draft.owner:
            raise NotFound()
        return []
    if actor != draft.owner:
        raise Forbidden("Only whose draft this is can erase it.")
    return [Erased()]


def publish(draft: Draft, rule: UUID, revision: int) -> list[DraftEvent]:
    must_be_open(draft)
    if not draft.title:
        raise ValidationProblem("Give the rule a name first.", fields={"title": "Give the rule a name first."})
    return [Published(rule=rule, revision=revision)]


def must_be_writer(draft: Draft, actor: UUID) -> None:
    """Whether `actor` may write the draft of a new rule: who began it, or whom they let in."""
    if actor != draft.owner and actor not in draft.writers:
        raise Forbidden(NOT_A_WRITER)


def must_be_owner(draft: Draft, actor: UUID) -> None:
    if actor != draft.owner:
        raise Forbidden("Only the owner of this draft can publish it as a rule.")


def must_be_open(draft: Draft | Outline) -> None:
    if draft.status == "erased":
        raise NotFound()
    if draft.status == "published":
        raise Conflict("This draft is published. Edit the rule to start its next revision.")
    if draft.status == "discarded":
        raise Conflict("This draft was discarded.")


BYTES_MOST = 2**20
"""Of a whole text, as compact JSON: what a request brings is bounded, but what several bring adds up."""


def _must_fit(text: Payload, before: Payload) -> None:
    """Raises `NoRoom`. What is too long already may become shorter step by step."""
    if (length := _length(text)) > BYTES_MOST and length > _length(before):
        raise NoRoom("This draft is longer than we can keep, so nothing was saved. Shorten its texts, and save again.")


def _length(text: Payload) -> int:
    return len(json.dumps(text, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


def start(draft_id: UUID, *, owner: UUID, at: datetime, **fields: Any) -> list[DraftEvent]:
    """A published rule stays editable, however long it is; anything else must fit."""
    if fields.get("source") != "revision":
        _must_fit(fields.get("payload", {}), {})
    return stamped([Started(owner=owner, **fields)], of=draft_id, after=0, actor=owner, at=at)
