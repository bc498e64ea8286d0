"""The first page."""

from __future__ import annotations

from typing import Any

from pyramid.response import Response
from pyramid.view import view_config

from cr.page_cache import Concerns
from cr.projections import rules
from cr.resources.root import Root
from cr.views.asking import blank
from cr.views.public import answer, any_change, listing
from cr.views.use_cases import listed


@view_config(context=Root, name="", request_method="GET", keep=Concerns.EVERY_RULE)
def home(context: Root, request: Any) -> Response:
    values = {
        "recent": listing(rules.last_touched(request.dbsession, 5), request),
        "cases": listed(request),
        "feed": request.resource_path(context, "rules", "feed.atom"),
        "ask": blank(request),
    }
    return answer(request, "cr:templates/home.jinja2", values, any_change(request))
