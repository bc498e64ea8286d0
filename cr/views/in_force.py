"""When a revision is in force, and how that is said. docs/adr/0031 has the reasons.

A revision is in force from its day on, until one with a higher number is. Days are those of UTC.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, timedelta
from enum import Enum, auto
from typing import Any

from cr.pages import day


class State(Enum):
    IN_FORCE = auto()
    TO_COME = auto()
    SUPERSEDED = auto()
    NEVER = auto()
    """A later revision was there before its day came."""


@dataclass(frozen=True)
class Successor:
    """What has a revision's place from the day `since` on. `before`: it was published before that revision's day."""

    number: int
    since: date
    before: bool


@dataclass(frozen=True)
class Span:
    """`begins` is the day of revision `number`.

    The successor's day is the same or an earlier one when it left this revision no day of its own: because it was
    published `before`, or because it was published later and counts from so early on.
    """

    number: int
    begins: date
    successor: Successor | None = None

    def state(self, on: date) -> State:
        if self.successor is not None and self.successor.before:
            return State.NEVER
        if self.successor is not None and self.successor.since <= on:
            return State.SUPERSEDED
        return State.IN_FORCE if self.begins <= on else State.TO_COME

    def told(self, on: date) -> str:
        """The end of the line “Revision 3, adopted by consent on 12 March 2026, in force”."""
        match self.state(on):
            case State.TO_COME:
                return f"in force from {day(self.begins)}"
            case State.NEVER:
                return "never in force"
            case State.IN_FORCE:
                return "in force"
            case State.SUPERSEDED:
                return "superseded"

    def period(self, on: date) -> str:
        """The days of it, as a table says them: “12 March 2026 to 31 May 2026”."""
        next_one, begins = self.successor, day(self.begins)
        if next_one is None:
            return f"Since {begins}" if self.begins <= on else f"From {begins}"
        if next_one.before:
            return f"Never: revision {next_one.number} took its place before its day"
        if next_one.since == self.begins:
            return f"{begins}, until revision {next_one.number} took its place that day"
        if next_one.since < self.begins:
            return f"From {begins}, until revision {next_one.number} took its place from {day(next_one.since)} on"
        last = next_one.since - timedelta(days=1)
        return f"{begins} to {day(last)}" if last != self.begins else begins

    def notice(self, on: date, current: int | None) -> str:
        """What the page of a revision says first when it is not the one in force, which is `current`."""
        this = f"This is revision {self.number}"
        now = f"Revision {current} is in force." if current is not None else "No revision is in force yet."
        next_one = self.successor
        if next_one is None or self.state(on) is State.TO_COME:
            return f"{this}, which comes into force on {day(self.begins)}. {now}"
        if next_one.before:
            this += f", which never came into force. Revision {next_one.number} took its place before its day"
        else:
            this += f". Revision {next_one.number} took its place on {day(next_one.since)}"
        return f"{this} and is in force." if next_one.number == current else f"{this}. {now}"


def spans(rows: Iterable[Any]) -> dict[int, Span]:
    """By their numbers. `rows` as `revisions.days`: all revisions of one rule, the first one first."""
    found: dict[int, Span] = {}
    later: list[Any] = []
    next_one: Any = None  # of the later ones the first to be in force; of several from one day the highest number
    for row in reversed(list(rows)):
        begins: date = row.in_force_from
        successor = None
        if next_one is not None and next_one.in_force_from > begins:
            successor = Successor(next_one.revision, next_one.in_force_from, before=False)
        elif next_one is not None:
            # Of those that leave it no day of its own the one that was published first.
            first = next(each for each in reversed(later) if each.in_force_from <= begins)
            before = first.published_at.astimezone(UTC).date() < begins
            successor = Successor(first.revision, first.in_force_from, before)
        found[row.revision] = Span(row.revision, begins, successor)
        later.append(row)
        if next_one is None or begins < next_one.in_force_from:
            next_one = row
    return dict(reversed(found.items()))
