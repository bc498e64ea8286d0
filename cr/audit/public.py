"""Events of the log as lines of the public history. Here accounts and stakeholders become names that say nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC
from typing import Any
from uuid import UUID

from cr import times
from cr.audit import canonical, lines
from cr.audit.lines import (
    OPERATORS,
    AnyLine,
    OrganizerLine,
    OwnerPassedOnLine,
    OwnerReleasedLine,
    RevisionLine,
    StakeholderLine,
    WithdrawnLine,
)
from cr.events import rule as r
from cr.events.base import Event

SOURCES = (__file__, lines.__file__, canonical.__file__, times.__file__)
"""What lines and hashes are made by, for fingerprints."""


def told(events: Iterable[Event]) -> Iterator[AnyLine]:
    """The lines of a rule's events, which begin with the first one.

    People are numbered in the order of their first appearance, in this rule and for it alone.
    """
    organizers = _Names("organizer")
    stakeholders = _Names("stakeholder")
    for event in events:
        header: dict[str, Any] = {
            "schema_": 1,
            "rule": event.originator_id,
            "event": event.originator_version,
            "type": event.TOPIC,
            "time": event.at,
        }
        # No account is looked up for what stakeholders do: it might be an organizer's.
        if not isinstance(event, r.BY_STAKEHOLDERS):
            header["by"] = OPERATORS if event.actor is None else organizers[event.actor]
        match event:
            case r.Published() | r.Revised():
                yield _revision(event, header)
            case r.Withdrawn():
                yield WithdrawnLine(**header, reason=event.reason)
            case r.OwnerReleased():
                yield OwnerReleasedLine(**header)
            case r.OwnerPassedOn():
                yield OwnerPassedOnLine(**header, owner=organizers[event.owner])
            case r.OrganizerJoined() | r.OrganizerRemoved():
                yield OrganizerLine(**header, organizer=organizers[event.organizer])
            case r.StakeholderInvited() | r.StakeholderAccepted() | r.StakeholderRemoved() | r.StakeholderLeft():
                who = stakeholders[event.stakeholder]
                yield StakeholderLine(**{"by": who, **header}, stakeholder=who)
            case _:
                raise AssertionError(f"no line for {event!r}")


def revision_of(event: r.Published | r.Revised) -> RevisionLine:
    """The line of one revision, told by itself: all of it but `by` is as it stands in the history."""
    line = next(told([event]))
    assert isinstance(line, RevisionLine)
    return line


class _Names(dict[UUID, str]):
    def __init__(self, kind: str) -> None:
        self.kind = kind

    def __missing__(self, who: UUID) -> str:
        return self.setdefault(who, f"{self.kind}-{len(self) + 1}")


def _revision(event: r.Published | r.Revised, header: dict[str, Any]) -> RevisionLine:
    own: dict[str, Any] = {
        "revision": 1,
        "changed": None,
        "outside_rule": False,
        "copied_from": None,
        "copied_revision": None,
    }
    if isinstance(event, r.Revised):
        own |= {"revision": event.revision, "changed": event.changed, "outside_rule": event.outside_rule}
    else:
        own |= {"copied_from": event.copied_from, "copied_revision": event.copied_revision}
    line = RevisionLine(
        **header,
        **own,
        title=event.title,
        summary=event.summary,
        document=event.document,
        decided_by=event.decided_by,
        decision_method=event.decision_method,
        decided_on=event.decided_on,
        record=event.record,
        in_force_from=event.in_force_from or event.at.astimezone(UTC).date(),
        sha256=None,
    )
    return line.model_copy(update={"sha256": line.hash()})
