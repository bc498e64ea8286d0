"""The shape of every event, and how it becomes the JSON text in the log.

An event is a frozen dataclass with a stable `TOPIC`: classes may move or be renamed, topics may not. Aggregates are
plain functions over events: `evolve(state, event) -> state`, and one function per command that returns facts, events
whose header is still blank, or raises a `cr.errors.Problem`. `stamped` fills the header in.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from eventsourcing.domain import DomainEventProtocol
from eventsourcing.persistence import Mapper, MapperDeserialisationError, StoredEvent
from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

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
    """

    TOPIC: ClassVar[str]
    class_version: ClassVar[int] = 1

    originator_id: UUID = NOBODY
    originator_version: int = 0
    actor: UUID | None = None
    at: datetime = NEVER

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        _kinds[cls.TOPIC] = cls


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


class JsonMapper(Mapper[UUID]):
    """Between event objects and the log's rows: the state is the event's fields as compact JSON, readable in psql."""

    def __init__(self, **_: Any) -> None:
        """Takes and needs none of the library's transcoder, compressor and cipher."""

    def to_stored_event(self, domain_event: DomainEventProtocol[UUID]) -> StoredEvent:
        assert isinstance(domain_event, Event)
        cls = type(domain_event)
        # What could not be read again must never be written: the log keeps it for good.
        state = _adapter(cls).dump_json(domain_event, exclude=_HEADER, warnings="error")
        if cls.class_version > 1:
            state = b'{"class_version":%d,' % cls.class_version + state[1:]
        return StoredEvent(
            originator_id=domain_event.originator_id,
            originator_version=domain_event.originator_version,
            topic=cls.TOPIC,
            state=state,
        )

    def to_domain_event(self, stored_event: StoredEvent) -> Any:
        return decoded(
            stored_event.originator_id, stored_event.originator_version, stored_event.topic, stored_event.state
        )


def decoded(originator_id: Any, originator_version: int, topic: str, state: str | bytes) -> Event:
    """The event that a row of the log holds. Raises the library's `MapperDeserialisationError`."""
    event: Event
    try:
        cls = _kinds[topic]
        if cls.class_version == 1:
            event = _adapter(cls).validator.validate_json(state)
        else:
            old = from_json(state)
            for version in range(old.pop("class_version", 1), cls.class_version):
                getattr(cls, f"upcast_v{version}_v{version + 1}")(old)
            event = _adapter(cls).validate_python(old)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise MapperDeserialisationError(
            f"{topic} {originator_id} version {originator_version}: {_reason(error)}"
        ) from error
    # Nobody has seen the event yet, so that its header may still be filled in; a second object would cost more than
    # all the rest.
    vars(event).update(originator_id=originator_id, originator_version=originator_version)
    return event


def recorded(originator_id: Any, originator_version: int, topic: str, state: str, position: int) -> Recorded:
    """A row of the log, as `cr.events.store.read` gives it. Raises `MapperDeserialisationError` that names it."""
    try:
        return Recorded(position, decoded(originator_id, originator_version, topic, state))
    except MapperDeserialisationError as error:
        raise MapperDeserialisationError(f"position {position}, {error}") from error


def _reason(error: Exception) -> str:
    """In one line, and without what people wrote."""
    if isinstance(error, ValidationError):
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        return "; ".join(": ".join(filter(None, (".".join(map(str, each["loc"])), each["msg"]))) for each in faults)
    return f"there is no {error}" if isinstance(error, KeyError) else str(error)
