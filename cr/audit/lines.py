"""The public history of a rule: what one line of `history.ndjson` says of one event. `docs/audit.md` explains it.

These models are what is public. What is in no field here, ids of accounts, of stakeholders and of drafts above all,
leaves the log for no page and no file. A line of another shape gets another number in `schema`.
"""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints, TypeAdapter
from pydantic.alias_generators import to_camel

from cr.audit.canonical import canonical, sha256
from cr.times import iso_z


def _exact(moment: datetime) -> str:
    return iso_z(moment, "microseconds")


Time = Annotated[AwareDatetime, PlainSerializer(_exact, when_used="json")]
Number = Annotated[int, Field(ge=1)]
Organizer = Annotated[str, StringConstraints(pattern=r"^organizer-[1-9][0-9]*$")]
Stakeholder = Annotated[str, StringConstraints(pattern=r"^stakeholder-[1-9][0-9]*$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
OPERATORS: Literal["operators"] = "operators"

NOT_HASHED = {"schema_", "event", "type", "by", "sha256"}
"""Fields of a revision's line that its canonical JSON leaves out."""


class Line(BaseModel):
    """What every line has."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="forbid",
        frozen=True,
        strict=True,
        hide_input_in_errors=True,
    )

    schema_: Literal[1] = Field(alias="schema", description="The version of this format.")
    rule: UUID = Field(description="The id of the rule; it stands in the rule's address.")
    event: Number = Field(description="The number of the event in the life of this rule, from 1 on, without gaps.")
    time: Time = Field(description="When it was decided, UTC.")
    by: Organizer | Stakeholder | Literal["operators"] = Field(
        description="Who decided it: organizers in the order of their first appearance in this rule (the first "
        "published it and owns it, until rule.OwnerPassedOn names another), the stakeholder who accepted or left, or "
        "the operators of the site. The same name in another rule means somebody else."
    )

    def ndjson(self) -> bytes:
        """The line with its end."""
        # Half a surrogate pair is no UTF-8; as an escape it is JSON.
        text = json.dumps(self._json(), ensure_ascii=False, separators=(",", ":"))
        return text.encode(errors="backslashreplace") + b"\n"

    def _json(self, **options: Any) -> dict[str, Any]:
        return self.model_dump(mode="json", by_alias=True, **options)


class RevisionLine(Line):
    """A revision of the rule was published: the first one with `rule.Published`, every other with `rule.Revised`.

    Its canonical JSON (RFC 8785) is this object without `schema`, `event`, `type`, `by` and `sha256`.
    """

    type: Literal["rule.Published", "rule.Revised"]
    revision: Number = Field(description="The number of the revision, from 1 on, without gaps.")
    title: str = Field(description="The name of the rule.")
    summary: str | None = Field(description="What the rule is about.")
    document: dict[str, Any] = Field(description="The text: what people read is in `sections`.")
    changed: str | None = Field(description="What changed, in the words of its author.")
    decided_by: str | None = Field(description="How it was decided, in the words of its author.")
    decision_method: str | None = Field(description="The id of a method that the rule itself names for deciding.")
    outside_rule: bool = Field(description="It was decided in a way that the rule does not name, and its author knew.")
    decided_on: date | None = Field(description="The day of the decision.")
    record: str | None = Field(description="Where the decision is recorded.")
    in_force_from: date = Field(description="The first day on which it is in force, UTC.")
    copied_from: UUID | None = Field(description="The rule whose text it began with.")
    copied_revision: Number | None = Field(description="The revision of that rule.")
    sha256: Sha256 | None = Field(
        description="SHA-256 of the canonical JSON; null when the text has no canonical form, such as one with whole "
        "numbers beyond 2^53."
    )

    def canonical(self) -> bytes:
        """The bytes that are hashed. Raises `ValueError` when the text has no canonical form."""
        return canonical(self._json(exclude=NOT_HASHED))

    def hash(self) -> str | None:
        """SHA-256 of the canonical JSON as it follows from the other fields."""
        try:
            return sha256(self.canonical())
        except ValueError:
            return None

    def _json(self, **options: Any) -> dict[str, Any]:
        # The document is JSON already, of any shape: nothing may be made of it on the way.
        skipped = options.pop("exclude", set())
        return {**super()._json(exclude={*skipped, "document"}), "document": self.document}


class WithdrawnLine(Line):
    """The rule was taken down."""

    type: Literal["rule.Withdrawn"]
    reason: str | None = Field(description="The reason that was given.")


class OwnerReleasedLine(Line):
    """The account of the owner is gone; the rule stays."""

    type: Literal["rule.OwnerReleased"]


class OwnerPassedOnLine(Line):
    """The owner handed the rule over to one of its organizers, and organizes it from now on; or an organizer became the
    owner of a rule that had none."""

    type: Literal["rule.OwnerPassedOn"]
    owner: Organizer = Field(description="Who owns it from now on, by the same names as `by`.")


class OrganizerLine(Line):
    """Somebody joined the organizers of the rule, or is one no longer."""

    type: Literal["rule.OrganizerJoined", "rule.OrganizerRemoved"]
    organizer: Organizer = Field(description="Who it is about, by the same names as `by`.")


class StakeholderLine(Line):
    """A stakeholder was invited, accepted, was removed, or left."""

    type: Literal[
        "rule.StakeholderInvited", "rule.StakeholderAccepted", "rule.StakeholderRemoved", "rule.StakeholderLeft"
    ]
    stakeholder: Stakeholder = Field(description="Who it is about, numbered in the order of their invitations.")


AnyLine = Annotated[
    RevisionLine | WithdrawnLine | OwnerReleasedLine | OwnerPassedOnLine | OrganizerLine | StakeholderLine,
    Field(discriminator="type"),
]
adapter: TypeAdapter[AnyLine] = TypeAdapter(AnyLine)


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a line."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "One line of the public history of a rule",
        **adapter.json_schema(),
    }
