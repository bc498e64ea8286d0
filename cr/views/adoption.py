"""The questions about how a rule or its next revision was adopted, asked where it is published."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from cr.events.decisions import Way, named, ways
from cr.views.forms import Input, tidy

CHANGED = Input("changed", "What changes", (), "textarea", "One or two sentences. Members read it first.", 1000)
OTHER = Input("decided_by", "In your words", (), "text", "Such as: by two-thirds of the members.", 200)
DECIDED_ON = Input("decided_on", "On which day", (), "date", "Leave it empty if it does not apply.")
RECORD = Input(
    "record", "Where it is recorded", (), "text", "A link to the minutes, or a note. Everyone can read it.", 500
)
IN_FORCE_FROM = Input("in_force_from", "In force from", (), "date", "Leave it empty for the day on which you publish.")

NOT_SAID, ANOTHER = "", "other"
"""Answers to the question how it was decided, beside `way:` and a way's id."""

YEARS_MOST = 10


@dataclass
class Adoption:
    """The questions, what was answered, and what is wrong with it.

    `ways` are those of the text that decides: of the revision in force, or of a new rule itself. `revises` says which
    of the two it is. `today` is the day by UTC.
    """

    document: Mapping[str, Any]
    revises: bool
    today: date
    texts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def ways(self) -> list[Way]:
        return ways(self.document)

    @property
    def inputs(self) -> list[Input]:
        return [*([CHANGED] if self.revises else []), OTHER, DECIDED_ON, RECORD, IN_FORCE_FROM]

    def read(self, posted: Mapping[str, str]) -> dict[str, Any]:
        """What was answered, as the commands take it. Fills `errors` for what can't be used."""
        self.texts = {each.name: tidy(posted.get(each.name, "")) for each in self.inputs}
        self.texts["way"] = posted.get("way", NOT_SAID)
        self.errors = {each.name: fault for each in self.inputs if (fault := each.fault(self.texts[each.name]))}
        if self.revises and not self.texts["changed"]:
            self.errors["changed"] = "What changes: say it in a sentence. Members read it first."
        return {
            **({"changed": self.texts["changed"]} if self.revises else {}),
            **self._way("outside_rule" in posted),
            "decided_on": self._day(DECIDED_ON),
            "record": self.texts["record"] or None,
            "in_force_from": self._day(IN_FORCE_FROM),
        }

    def _way(self, knowingly: bool) -> dict[str, Any]:
        given, words = self.texts["way"], self.texts["decided_by"]
        if given.startswith("way:"):
            way = named(self.document, given.removeprefix("way:"))
            if way is None:
                self.errors["way"] = "How it was decided: this rule no longer names that way. Choose again."
                return {}
            return {"decided_by": way.label, "decision_method": way.id}
        if given == ANOTHER and not words:
            self.errors["decided_by"] = "In your words: say how it was decided."
        if not words:
            return {}
        # Who writes what the rule calls a way of its own means that one.
        way = next((each for each in self.ways if each.label.casefold() == words.casefold()), None)
        if way is not None:
            return {"decided_by": way.label, "decision_method": way.id}
        outside = self.revises and bool(self.ways)
        if outside and not knowingly:
            self.errors["outside_rule"] = (
                "This rule names other ways to decide. Say that you know, or choose one of them."
            )
        return {"decided_by": words, **({"outside_rule": True} if outside else {})}

    def _day(self, asked: Input) -> date | None:
        text = self.texts[asked.name]
        if not text:
            return None
        try:
            day = date.fromisoformat(text)
        except ValueError:
            self.errors[asked.name] = f"{asked.label}: write it as year-month-day, such as 2026-03-12."
            return None
        # East of Greenwich it is tomorrow already.
        if asked is IN_FORCE_FROM and day < self._earliest():
            self.errors[asked.name] = (
                f"{asked.label}: that is before the day of the decision. Write that day too, or leave this empty."
            )
        if asked is DECIDED_ON and day > self.today + timedelta(days=1):
            self.errors[asked.name] = f"{asked.label}: that day has not come yet. Write the day of the decision."
        elif not 1900 <= day.year <= self.today.year + YEARS_MOST:
            self.errors[asked.name] = f"{asked.label}: look at the year again. It is {day.year}."
        return day

    def _earliest(self) -> date:
        """A revision may count from the day on which it was decided, but not from before that by a slip of the pen."""
        try:
            decided = date.fromisoformat(self.texts[DECIDED_ON.name])
        except ValueError:
            return self.today - timedelta(days=1)
        return min(decided, self.today)

    def shown(self) -> dict[str, Any]:
        """As the template wants it: see `cr/templates/_adoption.jinja2`."""
        given = self.texts.get("way", NOT_SAID)
        words = self.texts.get("decided_by")
        if given == NOT_SAID and words:
            given = ANOTHER
        fields = {
            each.name: each.shown(self.texts.get(each.name, ""), self.errors.get(each.name)) for each in self.inputs
        }
        answers = [(f"way:{way.id}", way.label) for way in self.ways]
        if answers:
            answers += [(NOT_SAID, "We leave this open"), (ANOTHER, "Another way")]
        return {
            "fields": fields,
            "answers": [{"value": value, "label": label, "on": value == given} for value, label in answers],
            "outside": "outside_rule" in self.errors,
            "ways": [way.label for way in self.ways],
            "revises": self.revises,
            "said": any(self.texts.values()),
            "errors": self.errors,
        }
