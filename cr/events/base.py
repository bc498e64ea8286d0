"""The shape of every event, and how it becomes the JSON text in the log.

An event is a frozen dataclass with a stable `TOPIC`: classes may move or be renamed, topics may not. Aggregates are
plain functions over events: `evolve(state, event) -> state`, and one function per command that returns facts, events
whose header is still blank, or raises a `cr.errors.Problem`. `stamped` fills the header in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar, cast
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from cr.errors import NotFound
from cr.events.sealing import Place, boxed, seal, unsealed

NOBODY = UUID(int=0)
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


_kinds: dict[str, type[Event]] = {}
"""Topic -> class. Our own and not the library's, which would import whatever module a topic names."""


@dataclass(frozen=True, kw_only=True)
class Event:
    """`originator_id` and `originator_version` say which step of which aggregate this is; `actor` is the opaque id of
    an account, None for the site's operators; `at` is when it was decided (UTC).

    A subclass whose fields change shape raises `class_version` and has `upcast_v1_v2(state)` and so on, which change
    the decoded state in place: what is written is never rewritten.

    One that is `sealed` stands in the log with its fields sealed by the key of its draft (`cr.events.sealing`).
    """

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1
    sealed: ClassVar[bool] = False

    originator_id: UUID = NOBODY
    originator_version: int = 0
    actor: UUID | None = None
    at: datetime = NEVER

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _kinds[cls.TOPIC] = cls


@dataclass(frozen=True, kw_only=True)
class Sealed(Event):
    """In the place of an event that nobody can read, because its key was erased. `topic` says what it was."""

    TOPIC = "sealed"
    topic: str = ""


E = TypeVar("E", bound=Event)


def stamped(facts: Iterable[E], *, of: UUID, after: int, actor: UUID | None, at: datetime) -> list[E]:
    """The facts as events of the aggregate `of`, numbered on from version `after`."""
    return [
        replace(fact, originator_id=of, originator_version=version, actor=actor, at=at)
        for version, fact in enumerate(facts, after + 1)
    ]


@dataclass(frozen=True)
class Recorded:
    """An event and its place in the log. `position` orders events, has gaps, and is never shown to people."""

    position: int
    event: Event


_HEADER = {"originator_id", "originator_version"}


_adapters: dict[type[Event], TypeAdapter[Any]] = {}


def _adapter(cls: type[Event]) -> TypeAdapter[Any]:
    if cls not in _adapters:
        _adapters[cls] = TypeAdapter(cls)
    return _adapters[cls]


KeyOf = Callable[[UUID], bytes | None]
"""The key of a draft, None where there is none."""


class JsonMapper(Mapper[UUID]):
    """Between event objects and the log's rows: the state is the event's fields as compact JSON, readable in psql
    unless they are sealed.
    """

    def __init__(self, key_of: KeyOf = lambda draft: None) -> None:
        """Takes and needs none of the library's transcoder, compressor and cipher."""
        self.key_of = key_of

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        """Raises `NotFound` for an event to seal without a key: its draft was erased, and stays so."""
        assert isinstance(domain_event, Event)
        place = Place(domain_event.originator_id, domain_event.originator_version, domain_event.TOPIC)
        state = _state(domain_event)
        if domain_event.sealed:
            key = self.key_of(place.originator_id)
            if key is None:
                raise NotFound()
            state = seal(key, place, state)
        return StoredEvent(*place, state)

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        kind, whose = _kinds.get(stored_event.topic), cast(UUID, stored_event.originator_id)
        key = self.key_of(whose) if kind and kind.sealed else None
        version, topic, state = stored_event.originator_version, stored_event.topic, stored_event.state.decode()
        return decoded(whose, version, topic, state, key)


def _state(event: Event) -> bytes:
    """Actor and time come first, as the fields of `Event`."""
    # What could not be read again must never be written: the log keeps it for good.
    state = _adapter(type(event)).dump_json(event, exclude=_HEADER, warnings="error")
    return b'{"class_version":%d,' % event.class_version + state[1:] if event.class_version > 1 else state


def decoded(originator_id: Any, originator_version: int, topic: str, state: str, key: bytes | None = None) -> Event:
    """The event that a row of the log holds, `Sealed` where it takes a key that is not given.

    Raises the library's `MapperDeserialisationError`.
    """
    own = {"originator_id": originator_id, "originator_version": originator_version}
    event: Event
    try:
        cls = _kinds[topic]
        opened: str | bytes = state
        if cls.sealed and (box := boxed(state)):
            if key is None:
                cls, opened = Sealed, box.clear + "}"
                own["topic"] = topic
            else:
                opened = unsealed(key, Place(originator_id, originator_version, topic), box)
        if cls.class_version == 1:
            event = _adapter(cls).validator.validate_json(opened)
        else:
            old = from_json(opened)
            for version in range(old.pop("class_version", 1), cls.class_version):
                getattr(cls, f"upcast_v{version}_v{version + 1}")(old)
            event = _adapter(cls).validate_python(old)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MapperDeserialisationError(
            f"{topic} {originator_id} version {originator_version}: {_reason(error)}"
        ) from error
    # Nobody has seen the event yet, so that its header may still be filled in; a second object would cost more than
    # all the rest.
    vars(event).update(own)
    return event


def recorded(
    keys: Mapping[UUID, bytes], originator_id: Any, originator_version: int, topic: str, state: str, position: int
) -> Recorded:
    """A row of the log, as `cr.events.store.read` gives it, opened with its key among those of drafts.

    Raises `MapperDeserialisationError` that names it.
    """
    try:
        return Recorded(position, decoded(originator_id, originator_version, topic, state, keys.get(originator_id)))
    except MapperDeserialisationError as error:
        raise MapperDeserialisationError(f"position {position}, {error}") from error


def _reason(error: Exception) -> str:
    """In one line, and without what people wrote."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"]))) for each in faults)
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)
