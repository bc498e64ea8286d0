"""The first page."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from cr.page_cache import Concerns
from cr.projections import rules
from cr.resources.root import Root
from cr.views.rules import listing


@view_config(context=Root, name="", request_method="GET", renderer="cr:templates/home.jinja2", keep=Concerns.EVERY_RULE)
def home(context: Root, request: Any) -> dict[str, Any]:
    return {
        "recent": listing(rules.last_touched(request.dbsession, 5), request),
        "feed": request.resource_path(context, "rules", "feed.atom"),
    }
