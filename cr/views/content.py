"""Pages of our own prose, and the guides. They are the same for everybody, and kept."""

from __future__ import annotations

from datetime import UTC, datetime, time
from typing import Any

from pyramid.response import Response
from pyramid.view import view_config

from cr import content
from cr.page_cache import Concerns
from cr.resources.content import ContentPage, Guide, Learn
from cr.views.asking import blank
from cr.views.public import answer


@view_config(context=ContentPage, request_method="GET", keep=Concerns.EVERY_RULE)
def page(context: ContentPage, request: Any) -> Response:
    values = {"piece": content.read(context.piece), "url": request.resource_path(request.root, str(context.__name__))}
    return answer(request, "cr:templates/content.jinja2", values, _changed(request))


@view_config(context=Learn, request_method="GET", keep=Concerns.EVERY_RULE)
def learn(context: Learn, request: Any) -> Response:
    values = {"guides": [_linked(request, slug) for slug in content.GUIDES], "ask": blank(request)}
    return answer(request, "cr:templates/learn.jinja2", values, _changed(request))


@view_config(context=Guide, request_method="GET", keep=Concerns.EVERY_RULE)
def guide(context: Guide, request: Any) -> Response:
    after = content.GUIDES.index(context.slug) + 1
    following = _linked(request, content.GUIDES[after]) if after < len(content.GUIDES) else None
    return answer(
        request,
        "cr:templates/guide.jinja2",
        {**_linked(request, context.slug), "following": following},
        _changed(request),
    )


def _linked(request: Any, slug: str) -> dict[str, Any]:
    return {"piece": content.guide(slug), "url": request.resource_path(request.root, "learn", slug)}


def _changed(request: Any) -> datetime:
    """Only a release changes them. Who goes by the time rather than by the tag hears of that the next day."""
    return datetime.combine(request.now.date(), time(tzinfo=UTC))
