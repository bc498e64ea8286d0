"""What a community says about itself, and so what suits it: four questions, 19 answers.

Names are the JSON contract's. Every method and template says yes or no to each answer; `ranked` orders them by how many
of a community's answers they say yes to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol, TypeVar


class Facet(NamedTuple):
    """One answer, such as ("size", "sixToTwelve"); the API writes it `size:sixToTwelve`."""

    group: str
    value: str

    def __str__(self) -> str:
        return f"{self.group}:{self.value}"


@dataclass(frozen=True)
class Answer:
    """`label` is the choice in a form, `words` what it adds to "fits a ... " in a reason."""

    value: str
    label: str
    words: str


@dataclass(frozen=True)
class Group:
    """One question. `key` is where a draft's payload keeps the answers, a list; `subject` names it in a sentence."""

    name: str
    key: str
    subject: str
    question: str
    hint: str
    answers: tuple[Answer, ...]


SIZE = Group(
    name="size",
    key="selectedCommunitySizeIds",
    subject="size",
    question="How many people are you?",
    hint="Choose where you are now. Choose two if you are just growing out of one.",
    answers=(
        Answer("oneMember", "Only me, so far", "of one"),
        Answer("twoToFive", "2 to 5", "of 2 to 5"),
        Answer("sixToTwelve", "6 to 12", "of 6 to 12"),
        Answer("thirteenToOneHundred", "13 to 100", "of 13 to 100"),
        Answer("oneHundredToOneHundredK", "More than 100", "of more than 100"),
    ),
)

KIND = Group(
    name="orgType",
    key="selectedOrganizationTypeIds",
    subject="kind of organization",
    question="What comes nearest to you?",
    hint="Choose all that fit.",
    answers=(
        Answer("workersCoop", "Worker co-op", "a worker co-op"),
        Answer("mutualAid", "Mutual aid group", "a mutual aid group"),
        Answer("openSource", "Open source project", "an open source project"),
        Answer("nonprofit", "Nonprofit or association", "a nonprofit"),
        Answer("forProfit", "Business", "a business"),
        Answer("dao", "DAO", "a DAO"),
    ),
)

SCALE = Group(
    name="scale",
    key="selectedScaleIds",
    subject="reach",
    question="Where are your members?",
    hint="Choose all that fit.",
    answers=(
        Answer("local", "In one place", "in one place"),
        Answer("regional", "Across a region", "across a region"),
        Answer("national", "Across a country", "across a country"),
        Answer("global", "Around the world", "around the world"),
    ),
)

MATURITY = Group(
    name="maturity",
    key="selectedMaturityIds",
    subject="stage",
    question="How far along are you?",
    hint="Choose all that fit.",
    answers=(
        Answer("earlyStage", "Just starting", "just starting"),
        Answer("growthStage", "Growing", "growing"),
        Answer("established", "Established", "established"),
        Answer("enterprise", "Large, with staff and departments", "with staff and departments"),
    ),
)

GROUPS = (SIZE, KIND, SCALE, MATURITY)
BY_NAME = {group.name: group for group in GROUPS}
ALL = tuple(Facet(group.name, answer.value) for group in GROUPS for answer in group.answers)
"""Every facet, in the order of the questions."""


def described(payload: Mapping[str, Any]) -> tuple[Facet, ...]:
    """The facets that a draft's payload has chosen; ids that are none of ours do not count."""
    chosen = {Facet(group.name, value) for group in GROUPS for value in payload.get(group.key, ())}
    return tuple(facet for facet in ALL if facet in chosen)


class Suited(Protocol):
    """What says yes to some facets."""

    @property
    def facets(self) -> frozenset[Facet]: ...


T = TypeVar("T", bound=Suited)


def matched(item: Suited, wanted: Iterable[Facet]) -> tuple[Facet, ...]:
    """The wanted facets that the item says yes to, in their order: their number is its score."""
    return tuple(facet for facet in wanted if facet in item.facets)


def ranked(items: Iterable[T], wanted: Collection[Facet]) -> list[tuple[T, tuple[Facet, ...]]]:
    """Every item with its matched facets: highest score first, ties as they came. Nothing is left out."""
    scored = [(item, matched(item, wanted)) for item in items]
    return sorted(scored, key=lambda pair: -len(pair[1]))


class Fit(NamedTuple):
    """How well a whole template suits, and which of the wanted facets speak for it."""

    score: int
    matched: tuple[Facet, ...]


def fit(whole: Suited, parts: Iterable[Suited], wanted: Collection[Facet]) -> Fit:
    """By its own facets; one that says yes to none is as good as its parts: the sum of their scores."""
    if whole.facets:
        own = matched(whole, wanted)
        return Fit(len(own), own)
    by_part = [matched(part, wanted) for part in parts]
    return Fit(sum(map(len, by_part)), tuple(facet for facet in wanted if any(facet in part for part in by_part)))


def recommended(facets: Collection[Facet], wanted: Collection[Facet]) -> bool:
    """Whether something that says yes to these of the wanted facets is worth a word: to three of four at least."""
    return bool(facets) and len(facets) * 4 >= len(wanted) * 3


def reason(facets: Collection[Facet], wanted: Collection[Facet]) -> str:
    """Why something is recommended, in words: "fits a worker co-op of 6 to 12, in one place". Else empty."""
    if not recommended(facets, wanted):
        return ""
    chosen = set(facets)

    def words(group: Group) -> list[str]:
        return [answer.words for answer in group.answers if Facet(group.name, answer.value) in chosen]

    kinds = words(KIND) or (["a community"] if chosen else [])
    # "of 2 to 5 or 6 to 12", not "of 2 to 5 or of 6 to 12".
    sizes = [size.removeprefix("of ") if place else size for place, size in enumerate(words(SIZE))]
    first = " ".join(filter(None, (_either(kinds), _either(sizes))))
    parts = [part for part in (first, _either(words(SCALE)), _either(words(MATURITY))) if part]
    return "fits " + ", ".join(parts) if parts else ""


def _either(words: list[str]) -> str:
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
