"""How public pages and feeds call those who did things to rules: the same person the same everywhere."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from cr.accounts import names
from cr.events import rule as r
from cr.fingerprint import fingerprint
from cr.projections import histories


class People:
    """Of these rules. `fingerprint` changes when somebody takes another name or hands one over."""

    def __init__(self, session: Any, rules: Collection[UUID]) -> None:
        self._actors = histories.actors(session, rules)
        self._known = names.names(session, (each for actors in self._actors.values() for each in actors))
        self._owners = histories.owners(session, rules)
        self.fingerprint = fingerprint(also=str([sorted(each.items()) for each in (self._known, self._owners)]))

    def called(self, rule: UUID, actor: UUID | None) -> str:
        """A name that they gave themselves, or a number, as in the public data. “The owner” is who owns the rule now,
        also beside what they did before it was handed over to them.
        """
        actors, owner = self._actors.get(rule, []), self._owners.get(rule)
        if actor not in self._known and actor != owner and actor in actors:
            return f"Organizer {actors.index(actor) + 1}"
        return names.called(actor, self._known, owner=owner)

    def within(self, rule: UUID, actor: UUID | None) -> str:
        """As `called`, inside a sentence."""
        called = self.called(rule, actor)
        return called if actor in self._known else called[:1].lower() + called[1:]

    def told(self, entry: Any) -> str:
        """The sentence of a row of the histories, with whom it is about."""
        sentence: str = entry.sentence
        if entry.whom is None:
            return sentence
        return f"{sentence.removesuffix('.')}: {self.within(entry.originator, entry.whom)}."

    def who_did(self, entry: Any) -> str:
        """By a row of the histories."""
        if entry.topic in [each.TOPIC for each in r.BY_STAKEHOLDERS]:
            return "A stakeholder"
        return self.called(entry.originator, entry.actor)
