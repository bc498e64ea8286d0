"""What came in a form that was refused: the page that says so gives it back, so that nobody has to write it twice."""

from __future__ import annotations

from typing import Any

from cr.catalog.sections import BY_SLUG, FACETS, SECTIONS, VALUES, Section, Values
from cr.mail.inbox import TRAP
from cr.resources.create import Choice
from cr.resources.drafts import Part
from cr.views.adoption import CHANGED, DECIDED_ON, IN_FORCE_FROM, OTHER, RECORD
from cr.views.create.photo import ALT
from cr.views.forms import CONTEXT, NAME, SUMMARY, TITLE

INPUTS = (TITLE, SUMMARY, CONTEXT, NAME, ALT, CHANGED, OTHER, DECIDED_ON, RECORD, IN_FORCE_FROM)

LABELS = {
    **{each.name: each.label for each in INPUTS},
    "label": "Name",
    "supportText": "In one line",
    "blockTitle": "Heading",
    "emails": "Email addresses",
    "message": "What you wrote to us",
    "reason": "Why",
}
"""Of fields by the last part of their name, but for the questions of a section, which says them itself."""

NOT_WRITTEN = {
    *("csrf_token", "token", "version", "seen", "next", "then", "draft", "revision", "view", "new", "new-block"),
    *("stakeholder", "organizer", "session", "link", TRAP),
    *("action", "add", "remove", "remove-block", "up", "down"),
    *("way", "outside_rule", "bring", "own", "wrong", *FACETS),
    # One address is sooner written again than copied.
    *("email", "newEmail"),
}
"""Names of what nobody wrote: what only the form needs, buttons, and boxes that were ticked."""


def typed(request: Any) -> list[dict[str, str]]:
    """The texts of a posted form: label and value of each."""
    if request.method != "POST" or request.is_api:
        return []
    try:
        fields = list(request.POST.items())
    except Exception:  # a body that can't be parsed has nothing to give back
        return []
    asked = {**_questions(None), **_questions(_section(request))}
    texts = [
        (name.rpartition(".")[2], value)
        for name, value in fields
        if isinstance(value, str) and value.strip() and name not in NOT_WRITTEN and not _chosen(name, value)
    ]
    return [
        {"label": LABELS.get(name) or asked.get(name) or name.replace("-", " ").capitalize(), "value": value}
        for name, value in texts
    ]


def _chosen(name: str, value: str) -> bool:
    """Whether it says which of two texts to keep, where two changes met."""
    return name.startswith("choice-") and value in ("mine", "theirs")


def _section(request: Any) -> Section | Values | None:
    """The section that the form is about; another may ask something else under the same name."""
    match getattr(request, "context", None):
        case Part() as part:
            return BY_SLUG.get(part.key)
        case Choice() as choice:
            return choice.step.section
    return None


def _questions(section: Section | Values | None) -> dict[str, str]:
    """The questions of this section, or of all, by the names of their fields."""
    sections = (section,) if section else (VALUES, *SECTIONS)
    return {each.name: each.label for one in sections for each in one.fields}
