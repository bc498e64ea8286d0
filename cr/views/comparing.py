"""Pages that show what changed between two texts of a rule: what drafts and published revisions have in common."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cr.comparison import Clause, Comparison, Section, sentences
from cr.projections.revisions import HUES, own_file, section_anchor
from cr.views.forms import number


class Moments(NamedTuple):
    """The two that somebody wants to compare; both None with the `error` that says why not, if they asked at all."""

    before: int | None = None
    after: int | None = None
    error: str | None = None
    status: int = 200


def moments(params: Mapping[str, str], noun: str, first: int, last: int) -> Moments:
    """`noun` is what is numbered from `first` to `last`."""
    written = [params.get(name, "").strip() for name in ("from", "to")]
    if not any(written):
        return Moments()
    before, after = (number(text) for text in written)
    if before is None or after is None:
        return Moments(error=f"Choose two: write the number of one {noun} in each field.", status=400)
    for each in (before, after):
        if not first <= each <= last:
            return Moments(error=f"There is no {noun} {each}. Choose numbers from {first} to {last}.", status=404)
    if before == after:
        return Moments(error=f"Both are {noun} {before}. Choose two different ones.", status=400)
    return Moments(before, after)


def page(comparison: Comparison, asked: Moments, request: Any, **address: Any) -> dict[str, Any]:
    """What `_redline.jinja2` shows. `address` are the arguments of `resource_path` behind the context."""

    def url(before: int | None, after: int | None, view: str) -> str:
        query = {"from": before, "to": after, **({"view": view} if view == "side" else {})}
        path: str = request.resource_path(request.context, "compare", query=query)
        return path

    assert asked.before is not None
    assert asked.after is not None
    view = "side" if request.params.get("view") == "side" else "unified"
    return {
        "view": view,
        "views": [
            {"name": name, "url": url(asked.before, asked.after, each), "current": each == view}
            for each, name in (("unified", "In one text"), ("side", "Side by side"))
        ],
        "turn_url": url(asked.after, asked.before, view),
        "backwards": asked.after < asked.before,
        "sentences": sentences(comparison),
        "head": _head(comparison),
        "photo": _photo(comparison),
        "sections": _sections(comparison),
    }


def _head(comparison: Comparison) -> list[dict[str, Any]]:
    texts = {
        "Name": comparison.title,
        "Summary": comparison.summary,
        "What you do together": comparison.context,
        "What the photo shows": comparison.photo_words,
    }
    return [{"label": label, "text": text} for label, text in texts.items() if text.changed]


def _photo(comparison: Comparison) -> dict[str, Any] | None:
    photo = comparison.photo
    if not photo.changed:
        return None
    return {
        "told": _attached(photo.before, photo.after, "photo"),
        "before": own_file(photo.before),
        "after": own_file(photo.after),
    }


def _attached(before: str, after: str, what: str) -> str:
    return f"{'Another' if before and after else 'A new' if after else 'No'} {what}{'' if after else ' any more'}"


def _sections(comparison: Comparison) -> list[dict[str, Any]]:
    was = {section.was: section.name.before for section in comparison.sections}
    now = {section.now: section.name.after for section in comparison.sections}
    anchors = _anchors(comparison.sections)
    return [
        {
            "anchor": anchors[place],
            "name": section.name,
            "hue": HUES.get(section.name.after or section.name.before),
            "state": section.state,
            "note": _section_note(section),
            "parts": _parts(section, was, now),
        }
        for place, section in enumerate(comparison.sections)
    ]


def _anchors(sections: Sequence[Section]) -> dict[int, str]:
    """By place in `sections`. Those that the rule has now come first, so that a section is called as on its page."""
    taken = dict.fromkeys(("main", "contents", "from", "to"), 2)  # other ids of the pages
    places = sorted(range(len(sections)), key=lambda place: sections[place].now is None)
    return {
        place: section_anchor(sections[place].name.after or sections[place].name.before, number, taken)
        for number, place in enumerate(places, 1)
    }


def _section_note(section: Section) -> str:
    words = {
        "added": "new section",
        "removed": "section removed",
        "same": "no change",
        "moved": "moved, no change in it",
    }
    renamed = ["renamed"] if section.name.changed else []
    moved = ["moved"] if section.moved else []
    return words.get(section.state) or ", ".join(renamed + moved) or "changed"


def _parts(section: Section, was: Mapping[int | None, str], now: Mapping[int | None, str]) -> list[dict[str, Any]]:
    """The clauses; those that stayed as they were are gathered where they stand."""
    parts: list[dict[str, Any]] = []
    for clause in section.clauses:
        if clause.state == "same":
            if not parts or not parts[-1]["same"]:
                parts.append({"same": [], "clause": None})
            parts[-1]["same"].append(clause)
            continue
        away = clause.target is not None and clause.target != section.now
        note = f"Moved to {now[clause.target]}" if away else _clause_note(clause, was)
        blocks = [
            {
                "block": block,
                "attached": [
                    {
                        "told": _attached(text.before, text.after, what),
                        "before": own_file(text.before),
                        "after": own_file(text.after),
                        "what": what,
                    }
                    for text, what in ((block.image, "picture"), (block.file, "file"))
                    if text.changed
                ],
            }
            for block in clause.blocks
            if block.state != "same"
        ]
        parts.append(
            {
                "same": [],
                "clause": clause,
                "away": away,
                "note": note,
                "blocks": blocks,
                "rest": [block for block in clause.blocks if block.state == "same"],
            }
        )
    return parts


def _clause_note(clause: Clause, was: Mapping[int | None, str]) -> str:
    if clause.was is None or clause.now is None:
        return "Added" if clause.was is None else "Removed"
    words = []
    if clause.target is not None:
        words.append(f"moved here from {was[clause.origin]}")
    elif clause.moved:
        words.append(f"moved from place {clause.was + 1} to {clause.now + 1}")
    if clause.title.changed:
        words.append("renamed")
    if clause.body.changed or any(block.state != "same" for block in clause.blocks):
        words.append("changed")
    told = ", ".join(words)
    return told[:1].upper() + told[1:]
