"""Two texts of a rule, section by section and clause by clause: what stayed, came, went, moved, and how words changed.

Each may be a draft at some moment or a published revision. What a reader can see is compared; where only more differs
than that, the comparison says so. Nothing here fails on a document that a client made up: what can't be read is not
there for readers either.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, TypeVar

from rapidfuzz.distance import Indel

from cr.catalog.sections import METHOD_SECTIONS, VALUES
from cr.events.payload import same
from cr.redline import Run, likeness_of, matches, redline, words

Document = Mapping[str, Any]
T = TypeVar("T")
G = TypeVar("G")

ALIKE = 0.6
"""From 0 to 1: how alike two clauses or sections of different names are that are taken for one, renamed."""

PAIRS_MOST = 1000
"""Of leftovers that are looked at for that."""

TELLING = 5
"""Words below the name of a value or method from which on they say that it is the same one, renamed."""

METHODS = {section.name for section in METHOD_SECTIONS}
CHOSEN = {VALUES.name, *METHODS}
"""Sections of what a community chose: another name there is another thing, be it as alike as Consensus and Consent."""


class Whole(NamedTuple):
    """All that a rule says."""

    title: str
    summary: str | None
    document: Document


NOTHING = Whole("", None, {})


# --- What a reader sees of a document ---------------------------------------------------------------------------------


class SeenBlock(NamedTuple):
    label: str
    body: str
    image: str
    file: str


class SeenClause(NamedTuple):
    title: str
    body: str
    blocks: tuple[SeenBlock, ...]


class SeenSection(NamedTuple):
    name: str
    clauses: tuple[SeenClause, ...]


def seen(document: Document) -> tuple[SeenSection, ...]:
    """A section without clauses is not seen."""
    sections = (
        SeenSection(_text(part.get("categoryName")), tuple(_clause(entry) for entry in _objects(part.get("entries"))))
        for part in _objects(document.get("sections"))
    )
    return tuple(section for section in sections if section.clauses)


def _clause(entry: Mapping[str, Any]) -> SeenClause:
    blocks = (
        SeenBlock(*(_text(block.get(key)) for key in ("label", "body", "imageUrl", "fileUrl")))
        for block in _objects(entry.get("blocks"))
    )
    return SeenClause(_text(entry.get("title")), _text(entry.get("body")), tuple(blocks))


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in value if isinstance(each, Mapping)) if isinstance(value, list | tuple) else iter(())


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else json.dumps(value, ensure_ascii=False)


# --- What became of it ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Text:
    """One text on both sides, empty where there is none."""

    before: str = ""
    after: str = ""

    @property
    def changed(self) -> bool:
        return self.before != self.after

    @cached_property
    def runs(self) -> list[Run]:
        return redline(self.before, self.after)


@dataclass(frozen=True)
class Part:
    """Something that stood at `was` among its like and stands at `now`, counted from 0; None for not there.

    `moved` says that it changed places with others that stayed.
    """

    was: int | None
    now: int | None
    moved: bool

    @property
    def changed(self) -> bool:
        raise NotImplementedError

    @property
    def state(self) -> Literal["added", "removed", "changed", "moved", "same"]:
        if self.was is None:
            return "added"
        if self.now is None:
            return "removed"
        return "changed" if self.changed else "moved" if self.moved else "same"


@dataclass(frozen=True)
class Block(Part):
    label: Text
    body: Text
    image: Text
    file: Text

    @property
    def changed(self) -> bool:
        return any(text.changed for text in (self.label, self.body, self.image, self.file))


@dataclass(frozen=True)
class Clause(Part):
    """`origin` is the section that it came from, `target` the one that it went to: places of sections as they were and
    are, both None where it stayed in one. A clause that went elsewhere is listed in both sections.
    """

    title: Text
    body: Text
    blocks: tuple[Block, ...]
    origin: int | None = None
    target: int | None = None

    @property
    def changed(self) -> bool:
        return self.title.changed or self.body.changed or any(block.state != "same" for block in self.blocks)


@dataclass(frozen=True)
class Section(Part):
    name: Text
    clauses: tuple[Clause, ...]

    @property
    def changed(self) -> bool:
        return self.name.changed or any(clause.state != "same" for clause in self.clauses)


@dataclass(frozen=True)
class Comparison:
    title: Text
    summary: Text
    context: Text
    photo: Text
    photo_words: Text
    sections: tuple[Section, ...]
    unseen: bool
    """Whether what differs is for programs alone."""

    @property
    def changed(self) -> bool:
        """Whether a reader sees a difference."""
        head = (self.title, self.summary, self.context, self.photo, self.photo_words)
        return any(text.changed for text in head) or any(section.state != "same" for section in self.sections)


def compare(before: Whole, after: Whole) -> Comparison:
    """Bounded in time: texts as `redline` says, clauses by their names, and of the others few against each other."""
    context, photo, photo_words = (
        Text(_text(before.document.get(key)), _text(after.document.get(key)))
        for key in ("communityContext", "communityAvatarUrl", "communityAvatarAlt")
    )
    found = Comparison(
        title=Text(before.title, after.title),
        summary=Text(before.summary or "", after.summary or ""),
        context=context,
        photo=photo,
        photo_words=photo_words,
        sections=_sections(seen(before.document), seen(after.document)),
        unseen=False,
    )
    if found.changed or same(before.document, after.document):
        return found
    return Comparison(**{**vars(found), "unseen": True})


Pair = tuple[int | None, int | None]


class _Place(NamedTuple):
    section: int
    clause: int


class _Standing(NamedTuple):
    """A clause, and whether it is a value or method."""

    clause: SeenClause
    chosen: bool


def _standing(section: SeenSection) -> tuple[_Standing, ...]:
    return tuple(_Standing(clause, section.name in CHOSEN) for clause in section.clauses)


def _sections(old: Sequence[SeenSection], new: Sequence[SeenSection]) -> tuple[Section, ...]:
    pairs = paired(old, new, lambda section: section.name, _gist_of_section, _section_likeness)
    within: dict[Pair, list[Pair]] = {}
    for was, now in pairs:
        earlier = _standing(old[was]) if was is not None else ()
        later = _standing(new[now]) if now is not None else ()
        within[was, now] = paired(earlier, later, lambda each: each.clause.title, _gist_of_clause, _clause_likeness)
    gone = [
        _Place(was, i)
        for (was, _), clauses in within.items()
        if was is not None
        for i, j in clauses
        if j is None and i is not None
    ]
    come = [
        _Place(now, j)
        for (_, now), clauses in within.items()
        if now is not None
        for i, j in clauses
        if i is None and j is not None
    ]
    gone.sort()
    come.sort()
    away = _moved_between(
        [_standing(old[p.section])[p.clause] for p in gone], [_standing(new[p.section])[p.clause] for p in come]
    )
    went = {gone[i]: come[j] for i, j in away}
    came = {target: origin for origin, target in went.items()}
    steady = _steady(old, new, pairs)

    sections = []
    for was, now in in_order(pairs):
        clauses_of = within[was, now]
        one = old[was].clauses if was is not None else ()
        other = new[now].clauses if now is not None else ()
        stayed = _steady(one, other, clauses_of)
        clauses = []
        for i, j in in_order(clauses_of):
            origin = target = None
            first, then = (one[i] if i is not None else None), (other[j] if j is not None else None)
            if was is not None and i is not None and j is None and (place := went.get(_Place(was, i))):
                origin, target, j = was, place.section, place.clause
                then = new[place.section].clauses[place.clause]
            elif now is not None and j is not None and i is None and (place := came.get(_Place(now, j))):
                origin, target, i = place.section, now, place.clause
                first = old[place.section].clauses[place.clause]
            moved = origin is not None or (i, j) not in stayed
            clauses.append(_compared_clause(i, j, moved, first, then, origin, target))
        name = Text(old[was].name if was is not None else "", new[now].name if now is not None else "")
        sections.append(Section(was, now, (was, now) not in steady, name, tuple(clauses)))
    return tuple(sections)


def _compared_clause(
    was: int | None,
    now: int | None,
    moved: bool,
    before: SeenClause | None,
    after: SeenClause | None,
    origin: int | None,
    target: int | None,
) -> Clause:
    nothing = SeenClause("", "", ())
    one, other = before or nothing, after or nothing
    pairs = paired(one.blocks, other.blocks, lambda block: block.label, _gist_of_block, _block_likeness)
    steady = _steady(one.blocks, other.blocks, pairs)
    empty = SeenBlock("", "", "", "")
    blocks = []
    for i, j in in_order(pairs):
        texts = zip(one.blocks[i] if i is not None else empty, other.blocks[j] if j is not None else empty, strict=True)
        blocks.append(Block(i, j, (i, j) not in steady, *(Text(*each) for each in texts)))
    return Clause(
        was, now, moved, Text(one.title, other.title), Text(one.body, other.body), tuple(blocks), origin, target
    )


def paired(
    old: Sequence[T],
    new: Sequence[T],
    name: Callable[[T], str],
    gist: Callable[[T], G],
    likeness: Callable[[G, G], float],
) -> list[Pair]:
    """Which of the old became which of the new, each once: the equal ones first, then those of one name, then the most
    alike, by what their `gist` says. What has no counterpart is paired with None.
    """
    if not (old and new):
        return [*((i, None) for i in range(len(old))), *((None, j) for j in range(len(new)))]
    pairs: list[tuple[int, int]] = []
    for key in (lambda each: each, name):
        free: dict[Any, list[int]] = {}
        done = {j for _, j in pairs}
        for j in reversed(range(len(new))):
            if j not in done:
                free.setdefault(key(new[j]), []).append(j)
        done = {i for i, _ in pairs}
        for i, each in enumerate(old):
            if i not in done and (found := free.get(key(each))):
                pairs.append((i, found.pop()))
    pairs += _most_alike(old, new, pairs, gist, likeness)
    had, has = {i for i, _ in pairs}, {j for _, j in pairs}
    return [
        *pairs,
        *((i, None) for i in range(len(old)) if i not in had),
        *((None, j) for j in range(len(new)) if j not in has),
    ]


def _most_alike(
    old: Sequence[T],
    new: Sequence[T],
    pairs: Iterable[tuple[int, int]],
    gist: Callable[[T], G],
    likeness: Callable[[G, G], float],
) -> list[tuple[int, int]]:
    had, has = {i for i, _ in pairs}, {j for _, j in pairs}
    left = [i for i in range(len(old)) if i not in had]
    right = [j for j in range(len(new)) if j not in has]
    if len(left) * len(right) > PAIRS_MOST:
        return []
    ones, others = [(i, gist(old[i])) for i in left], [(j, gist(new[j])) for j in right]
    scores = [(score, i, j) for i, a in ones for j, b in others if (score := likeness(a, b)) >= ALIKE]
    found: dict[int, int] = {}
    taken: set[int] = set()
    # Of equally alike ones those that stand at about the same place: so it is the same seen from the other side.
    for _, i, j in sorted(scores, key=lambda each: (-each[0], abs(each[1] - each[2]), each[1] + each[2])):
        if i not in found and j not in taken:
            found[i] = j
            taken.add(j)
    return list(found.items())


def _moved_between(gone: Sequence[_Standing], come: Sequence[_Standing]) -> list[tuple[int, int]]:
    """Clauses that stand in another section now: a name alone does not make them the same."""
    pairs = paired(gone, come, lambda each: str(each.clause), _gist_of_clause, _clause_likeness)
    return [(i, j) for i, j in pairs if i is not None and j is not None]


def _gist_of_block(block: SeenBlock) -> tuple[set[str], tuple[str, str]]:
    return set(words(block.body)), (block.image, block.file)


def _block_likeness(one: tuple[set[str], tuple[str, str]], other: tuple[set[str], tuple[str, str]]) -> float:
    """By the words, or where there are none by what is attached."""
    return likeness_of(one[0], other[0]) if one[0] or other[0] else float(one[1] == other[1])


class _Gist(NamedTuple):
    title: str
    below: set[str]
    chosen: bool


def _gist_of_clause(standing: _Standing) -> _Gist:
    clause, chosen = standing
    # Every method of a section is asked the same questions, so that only the answers tell one from another.
    blocks = (block.body if chosen else "\n".join(block) for block in clause.blocks)
    return _Gist(clause.title, set(words("\n".join((clause.body, *blocks)))), chosen)


def _clause_likeness(one: _Gist, other: _Gist) -> float:
    """By the words below the titles where there are some, else by the titles."""
    if (one.chosen or other.chosen) and min(len(one.below), len(other.below)) < TELLING:
        return 0
    if one.below or other.below:
        return likeness_of(one.below, other.below)
    return Indel.normalized_similarity(one.title, other.title)


def _gist_of_section(section: SeenSection) -> tuple[str, set[str]]:
    return section.name, {clause.title for clause in section.clauses}


def _section_likeness(one: tuple[str, set[str]], other: tuple[str, set[str]]) -> float:
    return max(likeness_of(one[1], other[1]), Indel.normalized_similarity(one[0], other[0]))


def _steady(old: Sequence[Any], new: Sequence[Any], pairs: Collection[Pair]) -> set[Pair]:
    """The pairs that did not change places with others, and what was added or removed.

    As few as possible count as moved, seen from either side the same.
    """
    both = [(i, j) for i, j in pairs if i is not None and j is not None]
    if sorted(both) == sorted(both, key=lambda pair: pair[1]):
        return set(pairs)
    forth = [str(j) for _, j in sorted(both)]
    back = [str(j) for j in sorted(j for _, j in both)]
    of = {str(j): (i, j) for i, j in both}
    if list(map(str, new)) < list(map(str, old)):
        forth = [str(i) for _, i in sorted((j, i) for i, j in both)]
        back = [str(i) for i in sorted(i for i, _ in both)]
        of = {str(i): (i, j) for i, j in both}
    stayed = {of[each] for match in matches(forth, back) for each in forth[match.a : match.a + match.length]}
    return {*stayed, *(pair for pair in pairs if None in pair)}


def in_order(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """As they stand now, and what was removed behind what stood before it."""
    removed = {was for was, now in pairs if now is None and was is not None}

    def behind(place: int) -> Iterator[Pair]:
        while place in removed:
            yield place, None
            place += 1

    yield from behind(0)
    for was, now in sorted((pair for pair in pairs if pair[1] is not None), key=lambda pair: pair[1] or 0):
        yield was, now
        if was is not None:
            yield from behind(was + 1)


# --- In sentences -----------------------------------------------------------------------------------------------------

SENTENCES_MOST = 60
NAMES_MOST = 5
LONG = 60
"""Characters of a name, or of an answer, in a sentence."""


def sentences(comparison: Comparison) -> list[str]:
    """What changed, in the order of the text."""
    if comparison.unseen:
        return ["Changed details that programs read."]
    told = [*_told_of_head(comparison)]
    if any(section.moved for section in comparison.sections):
        told.append("Changed the order of the sections.")
    names_before = {section.was: section.name.before for section in comparison.sections}
    for section in comparison.sections:
        told += _told_of_section(section, names_before)
    rest = len(told) - SENTENCES_MOST
    return told if rest <= 0 else [*told[:SENTENCES_MOST], f"Made {rest} more changes."]


def _told_of_head(comparison: Comparison) -> Iterator[str]:
    title = comparison.title
    if title.changed and title.before and title.after:
        yield f"Renamed it from “{_name(title.before)}” to “{_name(title.after)}”."
    elif title.changed:
        yield f"Named it “{_name(title.after)}”." if title.after else "Took the name away."
    if comparison.summary.changed:
        yield _written(comparison.summary, "the summary")
    if comparison.photo.changed:
        yield "Changed the photo."
    if comparison.photo_words.changed:
        yield "Changed what is said about the photo."
    if comparison.context.changed:
        yield "Changed what it says about the community."


def _written(text: Text, what: str) -> str:
    return f"{'Rewrote' if text.before and text.after else 'Wrote' if text.after else 'Removed'} {what}."


def _told_of_section(section: Section, names_before: Mapping[int | None, str]) -> Iterator[str]:
    name = _name(section.name.after or section.name.before)
    within = _lower(name)
    if section.name.changed and section.was is not None and section.now is not None:
        yield f"Renamed the section {_name(section.name.before)} to {name}."
    removed = [clause for clause in section.clauses if clause.now is None]
    added = [clause for clause in section.clauses if clause.was is None]
    # One way of doing something took the place of another.
    replaced = len(removed) == len(added) == 1 and name in METHODS
    for clause in section.clauses:
        if clause.was is None:
            if replaced:
                yield f"{name}: {_name(removed[0].title.before)} became {_name(clause.title.after)}."
            else:
                yield f"Added {_name(clause.title.after)} to {within}."
        elif clause.now is None:
            if not replaced:
                yield f"Removed {_name(clause.title.before)} from {within}."
        elif clause.target in (None, section.now):
            if clause.target is not None:
                yield f"Moved {_name(clause.title.before)} from {_lower(names_before[clause.origin])} to {within}."
            if clause.title.changed:
                yield f"Renamed {_name(clause.title.before)} to {_name(clause.title.after)} in {within}."
            yield from _told_of_clause(clause, within)
    if any(clause.moved and clause.target is None for clause in section.clauses):
        yield f"Changed the order in {within}."


def _told_of_clause(clause: Clause, within: str) -> Iterator[str]:
    title = _name(clause.title.after)
    blocks = [block for block in clause.blocks if block.state not in ("same", "moved")]
    if clause.body.changed and not blocks:
        if clause.body.before and clause.body.after:
            yield f"Rewrote {title} in {within}."
        else:
            yield f"{'Described' if clause.body.after else 'Took away the words of'} {title} in {within}."
    elif len(blocks) == 1 and not clause.body.changed:
        yield _told_of_block(blocks[0], title, within)
    elif blocks:
        parts = ["its text"] if clause.body.changed else []
        parts += [f"“{_name(block.label.after or block.label.before)}”" for block in blocks]
        more = [f"{len(parts) - NAMES_MOST} more"] if len(parts) > NAMES_MOST else []
        yield f"Rewrote {title} in {within}: {', '.join(parts[:NAMES_MOST] + more)}."
    elif any(block.moved for block in clause.blocks):
        yield f"Changed the order within {title} in {within}."


def _told_of_block(block: Block, title: str, within: str) -> str:
    label = _name(block.label.after or block.label.before)
    was, now = block.body.before, block.body.after
    if block.was is None:
        return f"Added “{label}” to {title} in {within}."
    if block.now is None:
        return f"Removed “{label}” from {title} in {within}."
    if block.label.changed and not block.body.changed:
        return f"Renamed “{_name(block.label.before)}” of {title} in {within} to “{label}”."
    if block.image.changed or block.file.changed:
        return f"Changed what is attached to {title} in {within}: “{label}”."
    if was and now and max(len(was), len(now)) <= LONG // 2 and "\n" not in was + now:
        return f"Changed “{label}” of {title} in {within} from {was} to {now}."
    return f"Rewrote “{label}” of {title} in {within}."


def _lower(name: str) -> str:
    """A section's name within a sentence."""
    name = _name(name)
    return name[:1].lower() + name[1:]


def _name(text: str) -> str:
    text = " ".join(text.split()) or "something without a name"
    return text if len(text) <= LONG else text[: LONG - 1].rstrip() + "…"
