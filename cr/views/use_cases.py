"""Use cases: the list of them, each one's story beside its rule, and beginning with that rule."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyramid.httpexceptions import HTTPSeeOther
from pyramid.response import Response
from pyramid.view import view_config, view_defaults

from cr import prose
from cr.catalog import choosing, use_cases
from cr.catalog.facets import reason
from cr.catalog.items import UseCase
from cr.events.document import composed
from cr.events.payload import Payload
from cr.page_cache import Concerns
from cr.projections.revisions import render
from cr.resources.create import CoreValues
from cr.resources.use_cases import UseCaseResource, UseCases
from cr.views.create.beginning import begin
from cr.views.create.work import open_work
from cr.views.public import answer, any_change


def _path(request: Any, case: UseCase) -> str:
    path: str = request.resource_path(request.root, "use-cases", case.slug)
    return path


def _shown(request: Any, case: UseCase) -> dict[str, Any]:
    return {
        "community": case.community,
        "kind": case.kind,
        "size": case.size,
        "description": case.description,
        "url": _path(request, case),
    }


def listed(request: Any) -> list[dict[str, Any]]:
    """All use cases as lists show them."""
    return [_shown(request, each) for each in use_cases.of(request).values()]


@view_config(context=UseCases, request_method="GET", keep=Concerns.EVERY_RULE)
def all_of_them(context: UseCases, request: Any) -> Response:
    return answer(request, "cr:templates/use_cases.jinja2", {"cases": listed(request)}, any_change(request))


@view_config(context=UseCaseResource, request_method="GET", keep=Concerns.EVERY_RULE)
def one_of_them(context: UseCaseResource, request: Any) -> Response:
    case = context.use_case
    values = {
        **_shown(request, case),
        "story": [{"heading": part["heading"], "html": prose.to_html(part["text"])} for part in case.story],
        "look": case.look,
        "fits": reason(case.facets, case.facets),
        "rule": {"title": case.rule["title"], "summary": case.rule["summary"]},
        "body": render(composed(case.rule)),
        "begin_url": request.resource_path(context, "begin"),
    }
    return answer(request, "cr:templates/use_case.jinja2", values, any_change(request))


@view_defaults(context=UseCaseResource, name="begin")
class Begin:
    """A page of its own, for the story is kept for everybody and knows nobody's draft."""

    def __init__(self, context: UseCaseResource, request: Any) -> None:
        self.case: UseCase = context.use_case
        self.work = open_work(request)
        self.request = request
        self.url = request.resource_path(context, "begin", query=self.work.query)

    @view_config(request_method="GET", renderer="cr:templates/use_case_begin.jinja2")
    def ask(self) -> dict[str, Any]:
        payload = self.work.payload
        taken = choosing.has_choices(payload)
        return {
            "community": self.case.community,
            "taken": taken,
            "draft_title": self.work.title,
            "signed_in": self.request.identity is not None,
            "action": self.url,
            "hidden": {"version": str(self.work.version), **self.work.query},
            "url": _path(self.request, self.case),
            "login_url": self.request.resource_path(self.request.root, "login", query={"next": self.url}),
            "create_url": self.request.resource_path(self.request.root, "create", query=self.work.query),
        }

    @view_config(request_method="POST")
    def begin(self) -> HTTPSeeOther:
        """On to the values. What was chosen since the page was shown is asked about first."""
        payload = self.work.payload
        begun = _choices(payload) == _choices(self.case.rule)
        if choosing.has_choices(payload) and not begun and self.request.POST.get("action") not in ("new", "replace"):
            return HTTPSeeOther(self.url)
        return begin(
            self.work,
            lambda before: choosing.put_use_case(before, self.case),
            first=CoreValues,
            again=self.url,
            source="use-case",
            of=self.case.slug,
        )


def _choices(payload: Payload) -> Mapping[str, Any]:
    return {key: value for key, value in payload.items() if key in choosing.CHOICES}
