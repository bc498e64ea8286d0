"""The sections of a rule, in the order in which a rule is read, and the questions that each one asks.

Keys and field names are the JSON contract's; names, labels and hints are what people read.
"""

from __future__ import annotations

from dataclasses import dataclass

from cr.catalog.facets import GROUPS


@dataclass(frozen=True)
class Field:
    """One question about a method or a value. `percent`: the answer is a whole number from 0 to 100."""

    name: str
    label: str
    hint: str = ""
    percent: bool = False


@dataclass(frozen=True)
class Section:
    """A section whose entries are methods, or the group's own clauses.

    `key` names it in documents and in the API, `slug` in addresses; `selected` and `details` are its keys in a draft's
    payload; `noun` is one entry, as in "Add a way to decide".
    """

    key: str
    slug: str
    name: str
    hue: int | None
    selected: str
    details: str
    noun: str
    help: str
    fields: tuple[Field, ...]


COMMUNICATION = Section(
    key="communication",
    slug="communication",
    name="Communication",
    hue=2,
    selected="selectedCommunicationMethodIds",
    details="communicationMethodDetailsById",
    noun="way to communicate",
    help="Where do you talk, and how do people find out what was said? Add each place or habit that matters.",
    fields=(
        Field("corePrinciple", "What it is for", "Why you use it, in a sentence or two."),
        Field("logisticsAdmin", "How it runs", "Who looks after it, how often, how someone gets in."),
        Field("codeOfConduct", "How we behave there", "What is welcome, what is not, who to turn to."),
    ),
)

MEMBERSHIP = Section(
    key="membership",
    slug="membership",
    name="Membership",
    hue=3,
    selected="selectedMembershipMethodIds",
    details="membershipMethodDetailsById",
    noun="way to join",
    help="Who belongs, how does someone join, and what do members expect of each other?",
    fields=(
        Field("eligibility", "Who can join"),
        Field("joiningProcess", "How someone joins", "The steps, in order."),
        Field("expectations", "What members do", "What is asked of a member, and what happens when someone leaves."),
    ),
)

DECISIONS = Section(
    key="decisionApproaches",
    slug="decisions",
    name="Decision-making",
    hue=4,
    selected="selectedDecisionApproachIds",
    details="decisionApproachDetailsById",
    noun="way to decide",
    help="How are things decided here? Many groups use one way for everyday matters and another for big ones.",
    fields=(
        Field("corePrinciple", "The idea", "What makes a decision a good one here."),
        Field("applicableScope", "What it is used for", "Which decisions are made this way."),
        Field("consensusLevel", "Agreement needed, in percent", "0 to 100. Leave it empty if it does not apply.", True),
        Field("stepByStepInstructions", "Step by step", "From a proposal to a decision."),
        Field("objectionsDeadlocks", "Objections and deadlocks", "What happens when you can't agree."),
    ),
)

CONFLICT = Section(
    key="conflictManagement",
    slug="conflict",
    name="Conflict management",
    hue=5,
    selected="selectedConflictManagementIds",
    details="conflictManagementDetailsById",
    noun="way to handle conflict",
    help="What do you do when people fall out, or when someone breaks the rule?",
    fields=(
        Field("corePrinciple", "The idea", "What you want to come out of it."),
        Field("applicableScope", "What it is used for"),
        Field("processProtocol", "How it goes", "Who is asked first, who helps, how long it takes."),
        Field("restorationFallbacks", "Putting things right", "How harm is repaired, and what happens if that fails."),
    ),
)

METHOD_SECTIONS = (COMMUNICATION, MEMBERSHIP, DECISIONS, CONFLICT)

MORE = Section(
    key="ownSections",
    slug="more",
    name="More sections",
    hue=None,
    selected="selectedOwnSectionIds",
    details="ownSectionDetailsById",
    noun="clause",
    help="Anything else that your rule should say: money, roles, meetings, how the rule itself is changed.",
    fields=(
        Field("section", "Section it belongs to", "For example: Money."),
        Field("body", "What it says"),
    ),
)
"""Clauses that no other section has a place for; each says itself which section it belongs to."""

SECTIONS = (*METHOD_SECTIONS, MORE)
BY_KEY = {section.key: section for section in SECTIONS}


@dataclass(frozen=True)
class Values:
    """The section whose entries are values; it comes first."""

    key: str = "coreValues"
    slug: str = "values"
    name: str = "Values"
    hue: int = 1
    selected: str = "selectedCoreValueIds"
    details: str = "coreValueDetailsByChipId"
    noun: str = "value"
    help: str = "What do you hold on to when it gets hard? Up to five, each in your own words."
    most: int = 5
    fields: tuple[Field, ...] = (
        Field("meaning", "What it means here", "In a sentence or two that a newcomer would understand."),
        Field("signals", "Signs that it is being broken", "What you would see or hear."),
    )


VALUES = Values()

BY_SLUG: dict[str, Section | Values] = {section.slug: section for section in (VALUES, *SECTIONS)}
"""Every section by its address."""

FACETS = {group.key: group.subject for group in GROUPS}
"""Payload keys that describe the community, and what each is called in a sentence."""
