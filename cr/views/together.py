"""A draft that a later revision overtook: what both changed, and one's choices where they meet."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cr.comparison import Whole, compare, sentences
from cr.errors import Gone, NoRoom
from cr.events.document import composed
from cr.events.draft import Clashes
from cr.events.payload import BLOCKS, META, TEXTS, Choice, Clash, Path, Payload
from cr.projections import revisions, rules
from cr.views.forms import LABEL_MOST, NAME_MOST, TEXT_MOST, tidy
from cr.views.words import FIELD_LABELS, entry_name, part_name, words

if TYPE_CHECKING:
    from cr.views.draft import DraftPage

TEMPLATE = "cr:templates/draft_together.jinja2"

CARRIED = ("changed", "way", "decided_by", "decided_on", "record", "in_force_from")
"""What was written about the revision where it was to be published."""


OTHER_PARTS = {"communityAvatarUrl": "The photo", "sections": "The group’s own sections"}


def overtaken_rule(draft_page: DraftPage) -> Any:
    """The row of the draft's rule if it got another revision since the draft was begun, else None."""
    draft = draft_page.draft
    rule = rules.find(draft_page.request.dbsession, draft.rule) if draft.rule else None
    moved_on = rule is not None and rule.status == "published" and rule.revision != draft.revision
    return rule if moved_on else None


def carried(posted: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name in CARRIED if (text := tidy(posted.get(name, "")))}


def page(
    draft_page: DraftPage,
    posted: Mapping[str, str],
    *,
    carried: Mapping[str, str] | None = None,
    errors: Mapping[str, str] | None = None,
    error: str | None = None,
) -> dict[str, Any]:
    """What the rule and the draft changed since the revision that the draft was begun from, for the template.

    `posted` are choices that were sent and could not be used; `carried` goes along to where the draft is published.
    """
    request, draft = draft_page.request, draft_page.draft
    session, rule = request.dbsession, rules.find(request.dbsession, draft_page.row.rule)
    if rule.status == "withdrawn":
        raise Gone("The rule was withdrawn, so this draft can’t become its next revision. Its text stays here.")
    numbers: list[int] = [draft_page.row.revises, rule.revision]
    was, now = (revisions.find(session, rule.id, number) for number in numbers)
    documents = [revisions.document(session, rule.id, number) for number in numbers]
    before, after = (
        Whole(head.title, head.summary, document) for head, document in zip((was, now), documents, strict=True)
    )
    mine = Whole(draft.title, draft.payload.get("summary"), composed(draft.payload))
    clashes = request.rules.clashes(draft.id)
    published = revisions.heads(session, rule.id, range(was.revision + 1, now.revision + 1))
    return {
        **draft_page.common(),
        "rule": {
            "title": now.title,
            "url": request.resource_path(request.root, "rules", str(rule.id)),
            "revision": now.revision,
            "begun_from": was.revision,
            "at": now.published_at,
        },
        "said": [head.changed for _, head in sorted(published.items()) if head.changed],
        "theirs": sentences(compare(before, after)),
        "mine": sentences(compare(before, mine)),
        "clashes": [_shown(each, clashes.merged, posted, errors or {}) for each in clashes.clashes] if clashes else [],
        "action": draft_page.url("together"),
        "carried": dict(carried or {}),
        "errors": dict(errors or {}),
        "error": error,
    }


def bring(draft_page: DraftPage) -> dict[str, Any] | None:
    """Bring both together as the form says; None when that is done, else the page to show again, with why."""
    request, draft = draft_page.request, draft_page.draft
    posted = request.POST
    rule = overtaken_rule(draft_page)
    if rule is None:
        return None
    if (posted.get("version"), posted.get("revision")) != (str(draft.version), str(rule.revision)):
        said = "The draft or the rule changed once more after this page was shown. Look at it again, then go on."
        return page(draft_page, posted, error=said)
    choices: dict[Path, Choice] = {}
    errors: dict[str, str] = {}
    clashes = request.rules.clashes(draft.id)
    for clash in clashes.clashes if clashes else ():
        name = _name(clash.path)
        whose = posted.get(f"choice-{name}")
        text = tidy(posted[name]) if name in posted and _writable(clash) else None
        if whose == "theirs":
            choices[clash.path] = Choice("theirs")
        elif whose == "mine":
            most = _most(clash.path)
            if text is not None and len(text) > most and text != clash.mine:
                errors[name] = f"Shorten it to {most} characters. It has {len(text)}."
            choices[clash.path] = Choice("mine", text)
    if errors:
        return page(draft_page, posted, errors=errors)
    try:
        request.rules.rebase_draft(draft.id, draft_page.actor, request.now, choices)
    except Clashes:
        return page(draft_page, posted, error="Choose which text stays, wherever both changed the same.")
    except NoRoom as problem:
        return page(draft_page, posted, error=problem.message)
    return None


def _writable(clash: Clash) -> bool:
    """Whether it is about a text, which can be written anew; of anything else one side is chosen."""
    return all(isinstance(each, str | None) for each in (clash.base, clash.theirs, clash.mine))


def _most(path: Path) -> int:
    """Characters."""
    if path[-1] == "label":
        return LABEL_MOST if path[0] == META else NAME_MOST
    return TEXTS.get(path[0], NAME_MOST if path[-1] == "section" else TEXT_MOST)


def _name(path: Path) -> str:
    """The name of a clash in a form. An id may be anything, and a path is long."""
    return "part-" + hashlib.sha256(json.dumps(path).encode()).hexdigest()[:16]


def _shown(clash: Clash, merged: Payload, posted: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, Any]:
    """A clash as the template wants it: a text that both changed can be written anew, anything else be chosen."""
    name = _name(clash.path)
    sides = (clash.base, clash.theirs, clash.mine)
    writable = _writable(clash)
    base, other, mine = (_said(clash.path, each) for each in sides)
    return {
        "name": name,
        "label": _label(clash, merged),
        "writable": writable,
        "base": base,
        "theirs": other,
        "mine": posted.get(name, mine) if writable else mine,
        "whose": posted.get(f"choice-{name}", "mine"),
        "error": errors.get(name),
    }


def _label(clash: Clash, merged: Payload) -> str:
    path = clash.path
    if len(path) == 1:
        return part_name(path, merged, merged) or OTHER_PARTS.get(path[0], path[0])
    if path[-1] == "label":
        return f"{entry_name(path[1], merged, merged)}: Name"
    if len(path) > 2 or path[0] == BLOCKS:
        return part_name(path, merged, merged) or path[1]
    # A whole entry: one side has it no longer, and its name with it.
    said: Mapping[str, Any] = clash.mine or clash.theirs or {}
    return str(said.get("label") or entry_name(path[1], merged, merged))


def _said(path: Path, value: Any) -> str:
    """The words of one side; of a whole entry every field with its name."""
    if not isinstance(value, dict) or len(path) != 2:
        return words(value)
    lines = []
    for name, text in value.items():
        if name not in ("label", "section", "rest"):
            label = FIELD_LABELS.get((path[0], name))
            lines.append(f"{label}: {words(text)}" if label and name != "body" else words(text))
    return "\n".join(lines) or str(value.get("label", ""))
