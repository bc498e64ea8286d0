"""Every token and every component on one page, for whoever changes the look. Not there in production."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

from pyramid.view import view_config

from cr.comparison import Text
from cr.errors import NotFound
from cr.pages import STATIC
from cr.projections.revisions import render
from cr.resources.root import Root
from cr.views.forms import Input

MOMENT = datetime(2026, 3, 12, 12, 4, tzinfo=UTC)

DOCUMENT = {
    "communityContext": "We turn a vacant lot into beds, shade and a place to meet.",
    "sections": [
        {
            "categoryName": "Values",
            "entries": [
                {
                    "title": "Care",
                    "body": "We look after the soil, and after **each other** first.",
                    "blocks": [{"label": "Signs that it is being broken", "body": "- Nobody calls.\n- Nobody waters."}],
                }
            ],
        },
        {
            "categoryName": "Decision-making",
            "entries": [
                {"title": "Lazy consensus", "body": "A proposal stands when nobody objects within seven days."}
            ],
        },
    ],
}

KINDS = ("text", "textarea", "email", "date", "percent", "lines")


def tokens() -> list[tuple[str, str]]:
    """Name and value of every custom property of the stylesheet, as it stands for light pages."""
    root = re.search(r":root \{(.*?)\n\}", (STATIC / "site.css").read_text(), re.S)
    assert root is not None
    return re.findall(r"(--[a-z0-9-]+): ([^;]+);", root[1])


@view_config(context=Root, name="styleguide", request_method="GET", renderer="cr:templates/styleguide.jinja2")
def styleguide(context: Root, request: Any) -> dict[str, Any]:
    if request.settings.production:
        raise NotFound()
    fields = [
        Input(f"field-{kind}", f"A field of the kind {kind}", (), kind, "One sentence of help.").shown("")
        for kind in KINDS
    ]
    wrong = Input("field-wrong", "A field with an error", (), "text", "One sentence of help.")
    return {
        "colours": [(name, value) for name, value in tokens() if value.startswith("oklch")],
        "sizes": [(name, value) for name, value in tokens() if "rem" in value],
        "stacks": [(name, value) for name, value in tokens() if name in ("--serif", "--sans")],
        "fields": [*fields, wrong.shown("Some words", "Say what is wrong, and what to do.")],
        "entry_field": Input("entry-field", "Name", ()).shown("Plum vote"),
        "group": {
            "name": "group",
            "question": "A group of checkboxes",
            "hint": "Choose all that fit.",
            "answers": [{"value": "a", "label": "One", "on": True}, {"value": "b", "label": "Other", "on": False}],
        },
        "parts": [
            {"name": "Values", "hue": 1, "url": "#parts", "state": "written", "lines": ["Care", "Shade"]},
            {"name": "Communication", "hue": 2, "url": "#parts", "state": "started", "lines": ["In-person meetings"]},
            {"name": "Membership", "hue": 3, "url": "#parts", "state": "empty", "lines": []},
        ],
        "answers": [
            {"name": "Name", "text": "Elm Street Garden", "url": "#answers"},
            {"name": "Summary", "text": None, "url": "#answers"},
        ],
        "rules": [{"title": "Elm Street Garden", "url": "#rules", "summary": "A garden.", "updated_at": MOMENT}],
        "change": {"label": "Care: what it means here", "text": Text("We look after it.", "We look after us.")},
        "moment": MOMENT,
        "body": render(DOCUMENT),
    }
