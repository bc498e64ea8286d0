"""Pages of our own prose, and the guides. They are the same for everybody, and kept."""

from __future__ import annotations

from typing import Any

from pyramid.view import view_config

from cr import content
from cr.page_cache import Concerns
from cr.resources.content import ContentPage, Guide, Learn
from cr.views.asking import blank


@view_config(
    context=ContentPage, request_method="GET", keep=Concerns.EVERY_RULE, renderer="cr:templates/content.jinja2"
)
def page(context: ContentPage, request: Any) -> dict[str, Any]:
    return {"piece": content.read(context.piece), "url": request.path, "section": context.piece}


@view_config(context=Learn, request_method="GET", keep=Concerns.EVERY_RULE, renderer="cr:templates/learn.jinja2")
def learn(context: Learn, request: Any) -> dict[str, Any]:
    guides = [{"piece": content.guide(slug), "url": _url(request, slug)} for slug in content.GUIDES]
    return {"guides": guides, "ask": blank(request)}


@view_config(context=Guide, request_method="GET", keep=Concerns.EVERY_RULE, renderer="cr:templates/guide.jinja2")
def guide(context: Guide, request: Any) -> dict[str, Any]:
    after = content.GUIDES.index(context.slug) + 1
    following = content.GUIDES[after] if after < len(content.GUIDES) else None
    return {
        "piece": content.guide(context.slug),
        "url": request.path,
        "following": {"piece": content.guide(following), "url": _url(request, following)} if following else None,
    }


def _url(request: Any, slug: str) -> str:
    url: str = request.resource_path(request.root, "learn", slug)
    return url
